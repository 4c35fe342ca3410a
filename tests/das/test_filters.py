"""Filters and envelopes against scipy's, and against one transform of the whole in float64."""

from itertools import pairwise

import numpy as np
import pytest
from realrecords import GDR, OPTODAS, PRODML, read
from scipy import signal

from captools.das import convolving
from captools.das.envelopes import envelope_levels
from captools.das.filters import (
    Band,
    envelope_step,
    extended,
    halo,
    power_response,
    without_common_mode,
)
from captools.das.taps import analytic, zero_phase

BANDS = [
    (Band(14, 35), 200),
    (Band(20, 100, 4), 500),
    (Band(0.5, 3, 2), 50),
    (Band(None, 30, 6), 200),
    (Band(40, None, 3), 200),
]
PASSING = [(band, rate) for band, rate in BANDS if band.low and band.high]  # with an envelope


def scipys(band, rate, output):
    """Return the Butterworth filter of scipy."""
    kind = "bandpass" if band.low and band.high else "highpass" if band.low else "lowpass"
    edges = [edge for edge in (band.low, band.high) if edge]
    return signal.butter(
        band.order, edges if len(edges) == 2 else edges[0], kind, fs=rate, output=output
    )


def noise(count, channels=3):
    """Return a drift and noise."""
    random = np.random.default_rng(3)
    return np.cumsum(random.normal(0, 1, (count, channels)), axis=0) + random.normal(
        0, 5, (count, channels)
    )


def envelope(samples, band, rate):
    """Return the envelope of samples by one transform, in float64, in dB."""
    spectrum = np.fft.rfft(samples.astype(float), axis=0)
    response = 2 * power_response(np.fft.rfftfreq(len(samples), 1 / rate), band, rate)
    both = np.zeros(samples.shape, complex)
    both[: len(spectrum)] = spectrum * response[:, np.newaxis]
    return 20 * np.log10(np.abs(np.fft.ifft(both, axis=0)))


# --- design --------------------------------------------------------------------


@pytest.mark.parametrize(("band", "rate"), BANDS)
def test_the_response_is_scipys(band, rate):
    frequencies = np.linspace(0, rate / 2, 501)
    _, response = signal.freqz_sos(scipys(band, rate, "sos"), worN=frequencies, fs=rate)
    expected = np.abs(response) ** 2
    np.testing.assert_allclose(power_response(frequencies, band, rate), expected, atol=1e-12)
    np.testing.assert_allclose(power_response(-frequencies, band, rate), expected, atol=1e-12)


@pytest.mark.parametrize(("band", "rate"), BANDS)
def test_the_halo_is_of_the_largest_pole(band, rate):
    _, poles, _ = scipys(band, rate, "zpk")
    expected = 1.15 * np.log(1e-6) / np.log(np.abs(poles).max())
    assert expected <= halo(band, rate) < expected + 1 + 1e-6


@pytest.mark.parametrize(
    ("low", "high", "order"),
    [(0, 30, 8), (30, 30, 8), (40, 30, 8), (30, 100, 8), (-1, None, 8), (None, None, 8), (1, 2, 0)],
)
def test_what_is_no_band_is_refused(low, high, order):
    with pytest.raises(ValueError, match="none of 200 Hz"):
        halo(Band(low, high, order), 200)
    with pytest.raises(ValueError, match=r"edge|none of"):
        analytic(Band(low, high, order), 200)


@pytest.mark.parametrize(("band", "rate"), BANDS)
def test_taps_in_float64_are_sosfiltfilt(band, rate):
    taps = zero_phase(band, rate)
    samples = noise(6 * taps.halo)
    expected = signal.sosfiltfilt(scipys(band, rate, "sos"), samples, axis=0)
    found = np.array([np.convolve(trace, taps.stages[0].taps[0], "valid") for trace in samples.T]).T
    inner = slice(taps.halo, -taps.halo)
    off = np.abs(found - expected[inner])[inner].max()
    assert off < 2e-6 * samples.std()


# --- products --------------------------------------------------------------------


def impulse(taps):
    """Return the taps that do in one what the stages do one after the other, a row for each."""
    whole, step = np.ones((1, 1)), 1
    for stage in taps.stages:
        spread = np.zeros((len(stage.taps), (stage.taps.shape[1] - 1) * step + 1))
        spread[:, ::step] = stage.taps
        whole = np.array([np.convolve(whole[0], row) for row in spread])
        step *= stage.step
    return whole


@pytest.mark.parametrize("step", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("beyond", [1, 2, 5, 500])
@pytest.mark.parametrize("kind", [zero_phase, analytic])
def test_products_are_convolutions(kind, beyond, step):
    taps = kind(Band(14, 35), 200 if step < 12 else 600, step)
    assert len(taps.stages) == 1 + (step in (2, 12) and kind is zero_phase)
    samples = noise(2 * taps.halo + beyond, 150)
    whole = impulse(taps)
    assert whole.shape[1] == 2 * taps.halo + 1
    windows = np.lib.stride_tricks.sliding_window_view(samples, whole.shape[1], axis=0)[::step]
    expected = np.einsum("tck,rk->rtc", windows, whole[:, ::-1])
    if kind is analytic:
        found = 10 ** (envelope_levels(samples.astype(np.float32), taps) / 20)
        expected = np.hypot(*expected)
    else:
        found = convolving.filtered(samples.astype(np.float32), taps)
        (expected,) = expected
    assert found.shape == expected.shape == (-(-beyond // step), 150)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * samples.std())


@pytest.mark.parametrize(("rate", "step"), [(200, 2), (1000, 20), (400, 8), (1000, 100)])
def test_two_stages_have_the_response_of_one(rate, step):
    band = Band(14, 35)
    taps = zero_phase(band, rate, step)
    assert len(taps.stages) == 2
    whole = impulse(taps)
    frequencies = np.arange(0, rate / 2, rate / 300)
    turns = np.outer(frequencies / rate, np.arange(whole.shape[1]) - taps.halo)
    response = np.exp(-2j * np.pi * turns) @ whole[0]
    expected = power_response(frequencies, band, rate)
    np.testing.assert_allclose(response, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("i2", 1), (">i2", 1), ("i4", 1), ("f4", 1e-20), ("f4", 1e15), ("f8", 1e-20), ("f8", 1e15)],
)
def test_a_low_pass_keeps_the_offset(dtype, scale):
    samples = ((np.rint(10 * noise(1200)) + 3000) * scale).astype(dtype)
    taps = zero_phase(Band(None, 30, 4), 200)
    expected = signal.sosfiltfilt(scipys(Band(None, 30, 4), 200, "sos"), samples, axis=0)
    inner = slice(taps.halo, -taps.halo)
    off = convolving.filtered(samples, taps)[inner] - expected[inner][inner]
    assert np.abs(off).max() < 1e-4 * expected.std()


def test_samples_that_are_too_few_make_none():
    taps = analytic(Band(14, 35), 200)
    assert envelope_levels(noise(2 * taps.halo), taps).shape == (0, 3)
    assert envelope_levels(noise(2 * taps.halo + 1)[:, :0], taps).shape == (1, 0)


# --- envelopes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("band", "rate", "step"), [(*one, 1) for one in PASSING] + [(*one, 12) for one in PASSING]
)
def test_an_envelope_is_that_of_one_transform(band, rate, step):
    taps = analytic(band, rate, step)
    samples = noise(8 * taps.halo)
    found = envelope_levels(samples, taps)
    inner = slice(len(found) // 4, -len(found) // 4)  # the transform's ends reach farther
    expected = envelope(samples, band, rate)[taps.halo : -taps.halo : step]
    off = 10 ** (found[inner] / 20) - 10 ** (expected[inner] / 20)
    assert np.abs(off).max() < 2e-5 * samples.std()


@pytest.mark.parametrize("step", [2, 4, 5, 9])
def test_decimation_only_picks(step):
    band, rate = Band(14, 35), 200
    samples = noise(2500).astype(np.float32)
    every, some = analytic(band, rate), analytic(band, rate, step)
    picked = envelope_levels(samples, every)[some.halo - every.halo :: step]
    found = envelope_levels(samples, some)
    assert len(found) == -(-(2500 - 2 * some.halo) // step)
    np.testing.assert_allclose(10 ** (found / 20), 10 ** (picked[: len(found)] / 20), atol=1e-3)


def test_pieces_are_the_whole():
    taps = analytic(Band(14, 35), 200, 4)
    samples = (100 * noise(4000)).astype(np.int16)
    whole = envelope_levels(samples, taps)
    cuts = [0, 4, 100, 1000, 2000, 4000 - 2 * taps.halo]  # multiples of the step
    pieces = [
        envelope_levels(samples[start : stop + 2 * taps.halo], taps)
        for start, stop in pairwise(cuts)
    ]
    np.testing.assert_allclose(np.concatenate(pieces), whole, rtol=0, atol=0.01)


def test_a_tone_has_its_amplitude():
    time = np.arange(2000)[:, np.newaxis] / 200
    tones = [0.01, 1, 3e-20] * np.sin(2 * np.pi * 22.0 * time) + [5e4, 0, 0]
    found = envelope_levels(tones, analytic(Band(14, 35), 200, 4))
    np.testing.assert_allclose(found, found * 0 + [-40, 0, 20 * np.log10(3e-20)], atol=1e-3)


def test_what_is_quiet_beside_a_drift():
    time = np.arange(2000)[:, np.newaxis] / 200
    tone = np.sin(2 * np.pi * 22.0 * time)
    samples = np.hstack([tone + 1e5 * np.sin(0.5 * time), tone]).astype(np.float64)
    found = envelope_levels(samples, analytic(Band(14, 35), 200, 4))
    np.testing.assert_allclose(found, 0, atol=0.03)  # 100 dB below the drift


@pytest.mark.parametrize("depth", [60, 100, 120])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_quiet_beside_a_burst(depth, dtype):
    band, rate, step = Band(14, 35), 200, 4
    taps = analytic(band, rate, step)
    samples = np.random.default_rng(5).normal(0, 10 ** (-depth / 20), (4000, 2))
    samples[2000:2200] += np.sin(2 * np.pi * 22 * np.arange(200) / rate)[:, np.newaxis]
    samples = samples.astype(dtype)
    expected = envelope(samples, band, rate)[taps.halo : -taps.halo : step]
    found = envelope_levels(samples, taps)
    inner = slice(40, -40)  # the transform's ends reach farther
    np.testing.assert_allclose(found[inner], expected[inner], rtol=0, atol=0.3)
    off = np.abs(found[inner] - expected[inner])
    assert np.mean(off[:680].reshape(-1, 5, 2), axis=1).max() < 0.05  # of a pixel, in dB
    # Whether the burst was there does not show beyond the halo, also where it was transformed.
    alone = envelope_levels(samples[:2000], taps)
    np.testing.assert_allclose(found[: len(alone)], alone, rtol=0, atol=0.3)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_what_is_missing_reaches_as_far_as_the_halo(missing):
    samples = noise(3000, 5).astype(np.float32)
    taps = analytic(Band(14, 35), 200, 4)
    whole = envelope_levels(samples, taps)
    samples[1500:1510, 1] = missing
    samples[:, 2] = missing
    samples[:, 3] = 4.5  # dead
    found = envelope_levels(samples, taps)
    at = taps.halo + 4 * np.arange(len(found))  # the sample in the middle of each
    is_reached = (at + taps.halo >= 1500) & (at - taps.halo <= 1509)
    np.testing.assert_array_equal(np.isnan(found[:, 1]), is_reached)
    assert np.isnan(found[:, 2]).all()
    assert np.isneginf(found[:, 3]).all()
    np.testing.assert_allclose(found[~is_reached, 1], whole[~is_reached, 1], atol=0.02)
    np.testing.assert_allclose(found[:, [0, 4]], whole[:, [0, 4]], atol=0.02)


@pytest.mark.parametrize(("band", "step"), [((14, 35), 4), ((20, 100), 1), ((90, 99), 11)])
def test_the_longest_step(band, step):
    assert envelope_step(Band(*band), 200) == step


# --- the ends of a record, and what all channels have in common --------------------


def test_a_record_is_mirrored_at_its_ends():
    samples = np.array([[1, 10], [2, 30], [5, 20]], np.int16)
    expected = np.array([[-3, 0], [0, -10], [1, 10], [2, 30], [5, 20], [8, 10]])
    found = extended(samples, 2, 1)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int32
    large = np.array([[-32768], [32767]], np.int16)
    assert extended(large, 1, 1).ravel().tolist() == [-98303, -32768, 32767, 98302]
    floats = noise(50).astype(np.float32)
    assert extended(floats, 60, 0).shape == (110, 3)
    assert extended(floats, 60, 0).dtype == np.float32


def test_the_ends_are_scipys():
    sos = scipys(Band(14, 35), 200, "sos")
    samples = noise(2000)
    taps = zero_phase(Band(14, 35), 200)
    expected = signal.sosfiltfilt(sos, samples, axis=0, padlen=2 * taps.halo)
    found = convolving.filtered(extended(samples, taps.halo, taps.halo), taps)
    assert np.abs(found - expected).max() < 2e-5 * samples.std()


@pytest.mark.parametrize("channels", [6, 7])
def test_the_common_mode_is_the_median(channels):
    samples = np.rint(100 * noise(50, channels)).astype(np.int16)
    expected = samples - np.median(samples, axis=1, keepdims=True)
    np.testing.assert_array_equal(without_common_mode(samples), expected)
    floats = samples.astype(np.float32)
    floats[3, 2], floats[4], floats[5, :2] = np.nan, np.nan, np.inf
    found = without_common_mode(floats)
    np.testing.assert_array_equal(found[6:], expected[6:])
    assert found[3, 0] == floats[3, 0] - np.nanmedian(floats[3])
    assert found[5, 4] == floats[5, 4] - np.median(floats[5, 2:])
    assert np.isnan(found[4]).all()
    assert without_common_mode(samples.astype(np.int32)).dtype == np.float64


# --- real records ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "band", "mean", "median"),
    [
        (PRODML, Band(14, 35), 47.6607, 48.4545),
        (OPTODAS, Band(20, 100, 4), -141.2126, -140.5960),
        (GDR, Band(20, 200, 4), 42.0534, 41.1877),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_figures_of_real_records(real_data, record, band, mean, median):
    samples = read(real_data, record)
    rate = record[2]
    taps = analytic(band, rate)
    within = halo(band, rate)  # as far as the figures are from both ends of the record
    more = taps.halo - within
    found = envelope_levels(extended(samples, more, more), taps)
    assert len(found) == len(samples) - 2 * within
    figures = [found.mean(dtype=float), np.median(found)]
    np.testing.assert_allclose(figures, [mean, median], rtol=0, atol=1e-3)
    if record is PRODML:
        assert found[1250 - within, 0] == pytest.approx(60.2625, abs=1e-3)
    some = slice(None, None, 16)
    expected = envelope(samples[:, some], band, rate)[taps.halo : -taps.halo]
    off = 10 ** (found[more:-more, some] / 20.0) - 10 ** (expected / 20)
    assert np.abs(off).max() < 2e-5 * np.sqrt((10 ** (expected / 10)).mean())
