"""Spectra against scipy's in float64, and against figures measured on real records."""

import gc

import numpy as np
import pytest
from realrecords import GDR, IDAS, OPTODAS, PRODML, VALENCIA, read
from scipy import signal

from captools.das import spectra
from captools.das.centring import Centre
from captools.das.compressing import Compressed
from captools.das.folding import Folded
from captools.das.spectra import densities, frequencies_to, levels, like_cryocube
from captools.das.tapers import tukey

EXACT = 0.01  # dB, within 80 dB of the maximum
RATE = 200


def truth(samples, starts, taper, rate, fmax):
    """Return scipy's densities in dB, of each segment in float64."""
    found = [
        signal.periodogram(samples[at : at + len(taper)], rate, taper, axis=0, detrend="constant")
        for at in starts
    ]
    frequencies = found[0][0]
    with np.errstate(divide="ignore"):
        density = 10 * np.log10(np.array([power for _, power in found]))
    return density[:, frequencies <= fmax]


def far_off(found, expected):
    """Return by how much levels are off at most, in dB, within 80 dB of the maximum."""
    within = expected > expected.max() - 80
    return np.abs(found[within] - expected[within]).max()


@pytest.fixture(params=["folded", "transformed", "compressed"])
def way(request, monkeypatch):
    """Make powers in one way, where it can be."""
    monkeypatch.setattr(spectra, "FOLDED_UP_TO", 0 if request.param == "transformed" else 1e9)
    monkeypatch.setattr(spectra, "COMPRESSED_FROM", 2)
    is_asked = request.param == "compressed"
    monkeypatch.setattr(
        Compressed,
        "pays",
        lambda taper, frequencies, hop: (
            is_asked and hop and len(taper) % hop == 0 < len(taper) - hop
        ),
    )
    spectra._powers.cache_clear()
    yield request.param
    spectra._powers.cache_clear()


@pytest.fixture
def noise():
    """Give 900 samples of 7 channels: noise, a tone, a drift; whole numbers."""
    random = np.random.default_rng(1)
    time = np.arange(900)[:, np.newaxis] / RATE
    tones = 300 * np.sin(2 * np.pi * (20 + 10 * np.arange(7)) * time)
    return np.rint(random.normal(0, 50, (900, 7)) + tones + 40 * time).astype(np.int16)


# --- against scipy -------------------------------------------------------------


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("length", [10, 11, 50, 51, 200, 201])
@pytest.mark.parametrize("fmax", [30, 100, 1000])
def test_densities_are_scipys(noise, way, length, symmetric, fmax):
    taper = tukey(length, 0.25, symmetric)
    starts = np.array([0, 17, 100, 333, 900 - length])
    found = levels(noise, starts, densities(taper, RATE, fmax), exact=True)
    expected = truth(noise.astype(float), starts, taper, RATE, fmax)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert far_off(found, expected) < EXACT


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("share", [0, 0.1, 0.25, 1])
@pytest.mark.parametrize(("length", "hop"), [(100, 10), (60, 30), (99, 11), (200, 5), (150, 50)])
def test_compressing_is_scipys(noise, monkeypatch, length, hop, share, symmetric):
    monkeypatch.setattr(Compressed, "pays", lambda taper, frequencies, hop: True)
    monkeypatch.setattr(spectra, "Folded", None)
    monkeypatch.setattr(spectra, "COMPRESSED_FROM", 2)
    spectra._powers.cache_clear()
    taper = tukey(length, share, symmetric)
    starts = np.arange(13, 900 - length, hop)[:45]
    starts = starts + 900 - length - starts[-1]  # nothing follows on the last one
    plan = densities(taper, RATE, 70)
    found = levels(noise, starts, plan, exact=True)
    expected = truth(noise.astype(float), starts, taper, RATE, 70)
    assert far_off(found, expected) < EXACT
    monkeypatch.setattr(spectra, "BYTES_AT_ONCE", 1)
    in_pieces = levels(noise, starts, plan, exact=True)
    assert far_off(in_pieces, expected) < EXACT


def test_what_numbers_leave_out_is_far_below_the_maximum():
    # Tones at every frequency, also at those that are not wanted, where leaving out would show.
    rate, length, hop = 1000, 1000, 100
    time = np.arange(4 * rate)[:, np.newaxis] / rate
    tones = np.sin(2 * np.pi * (np.arange(0.25, 500, 5.5) * time + np.arange(91) / 7))
    samples = np.hstack([tones, tones.sum(axis=1, keepdims=True)])
    starts = np.arange(0, 3 * rate + 1, hop)
    plan = densities(tukey(length), rate, 100)
    assert isinstance(plan.powers(starts, Centre.of(samples)), Compressed)
    found = levels(samples, starts, plan, exact=True)
    expected = truth(samples, starts, tukey(length), rate, 100)
    assert far_off(found, expected) < EXACT / 2


@pytest.mark.parametrize(("rate", "hop", "pays"), [(1000, 100, True), (1000, 99, False)])
def test_compressing_pays_where_frequencies_are_few(noise, rate, hop, pays):
    starts, centre = hop * np.arange(20), Centre.of(noise)
    for plan in (
        densities(tukey(rate), rate, 100),
        like_cryocube(tukey(rate, symmetric=True), rate, 100),
    ):
        assert isinstance(plan.powers(starts, centre), Compressed) == pays
        assert isinstance(plan.powers(starts), Folded)
        assert isinstance(plan.powers(starts[:5], centre), Folded)
        assert isinstance(plan.powers(starts**2, centre), Folded)
    holes = noise.astype(np.float32)
    holes[3, 3] = np.nan
    for other in (holes, noise * 1e9):
        assert isinstance(plan.powers(starts, Centre.of(other)), Folded)
    assert not Compressed.pays(tukey(200), 101, 20)  # all frequencies there are
    assert not Compressed.pays(tukey(1000), 101, 10)  # too many parts


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", ">i2", "u2", "i4", "i8", "f2", "f4", ">f4", "f8"]
)
def test_any_type_of_samples(noise, way, dtype):
    samples = np.abs(noise // 8).astype(dtype)
    taper = tukey(100)
    starts = np.arange(0, 800, 10)
    found = levels(samples, starts, densities(taper, RATE, 100), exact=True)
    assert far_off(found, truth(samples.astype(float), starts, taper, RATE, 100)) < EXACT


@pytest.mark.parametrize("offset", [3e4, 1e8, -1e12])
def test_an_offset_costs_nothing(noise, way, offset):
    samples = noise + offset
    found = levels(samples, [5, 300], densities(tukey(200), RATE, 100), exact=True)
    expected = truth(noise.astype(float), [5, 300], tukey(200), RATE, 100)
    assert far_off(found[:, 1:], expected[:, 1:]) < EXACT


@pytest.mark.parametrize("unit", [1e-30, 3e-14, 1e-7, 1e9, 1e20, 1e30])
def test_units_cost_nothing(noise, way, unit):
    samples = (noise * unit).astype(np.float32)
    found = levels(samples, [5, 300], densities(tukey(200), RATE, 100), exact=True)
    expected = truth(samples.astype(float), [5, 300], tukey(200), RATE, 100)
    assert far_off(found, expected) < EXACT


def test_a_range_that_float32_does_not_hold(noise, way):
    samples = noise.astype(np.int32)
    samples[:, 3] += np.where(np.arange(900) < 450, 0, 1 << 30)
    starts = [0, 100, 500, 700]  # none with the step
    found = levels(samples, starts, densities(tukey(200), RATE, 100), exact=True)
    expected = truth(samples.astype(float), starts, tukey(200), RATE, 100)
    assert far_off(found[:, 1:], expected[:, 1:]) < EXACT


def test_many_channels_in_many_pieces(way, monkeypatch):
    monkeypatch.setattr(spectra, "BYTES_AT_ONCE", 1)
    samples = np.random.default_rng(2).normal(0, 1, (700, 600)).astype(np.float32)
    starts = np.array([0, 3, 150, 151, 400, 600])
    found = levels(samples, starts, densities(tukey(100), RATE, 50), exact=True)
    assert far_off(found, truth(samples.astype(float), starts, tukey(100), RATE, 50)) < EXACT


def test_a_tone_has_its_power_in_its_units():
    time = np.arange(1000) / 1000
    tone = 4 * np.sin(2 * np.pi * 50 * time)[:, np.newaxis]
    found = levels(tone, [0], densities(tukey(1000, 0), 1000, 100), exact=True)
    # Half of the squared amplitude, in the one hertz of its bin.
    assert found[0, 50, 0] == pytest.approx(10 * np.log10(8), abs=1e-4)


# --- what is rounded, missing, dead, quiet ---------------------------------------


def test_levels_are_rounded_to_64ths(noise, way):
    plan = densities(tukey(100), RATE, 100)
    exact = levels(noise, [0, 50], plan, exact=True)
    rounded = levels(noise, [0, 50], plan)
    np.testing.assert_array_equal(rounded * 64, np.rint(rounded * 64))
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=1 / 128 + 1e-4)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_what_is_missing_is_nan(noise, way, missing, dtype):
    samples = noise.astype(dtype)
    starts = np.arange(0, 800, 50)
    whole = levels(samples, starts, densities(tukey(100), RATE, 100), exact=True)
    samples[[250, 260], 2] = missing
    samples[:, 5] = missing
    found = levels(samples, starts, densities(tukey(100), RATE, 100), exact=True)
    expected = np.zeros(found.shape, bool)
    expected[(starts > 150) & (starts <= 260), :, 2] = True
    expected[:, :, 5] = True
    np.testing.assert_array_equal(np.isnan(found), expected)
    assert far_off(found[~expected], whole[~expected]) < 1e-3


@pytest.mark.parametrize("value", [0, 7, 0.1, 12345.678])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_dead_channel_is_minus_infinity(noise, way, value, dtype):
    samples = noise.astype(dtype)
    samples[:, 1] = value  # always
    samples[300:600, 4] = value  # for some time
    found = levels(samples, [0, 300, 450, 500, 700], densities(tukey(100), RATE, 100))
    expected = np.zeros(found.shape, bool)
    expected[:, :, 1] = True
    expected[1:4, :, 4] = True
    np.testing.assert_array_equal(np.isneginf(found), expected)
    assert not np.isnan(found).any()


def test_what_is_quiet_beside_a_shot_is_right(noise, way):
    samples = noise.astype(np.float32) / 1000
    samples[700:] *= 1e8
    starts = [0, 100, 500, 750]
    found = levels(samples, starts, densities(tukey(100), RATE, 100), exact=True)
    expected = truth(samples.astype(float), starts, tukey(100), RATE, 100)
    for number in range(4):
        assert far_off(found[number], expected[number]) < EXACT


# --- CryoCube's ------------------------------------------------------------------


def test_like_cryocube_is_its_loop(noise, way):
    samples = noise + 500  # it removes no mean
    taper = signal.windows.tukey(200, 0.25)
    starts = np.arange(0, 700, 20)
    found = levels(samples, starts, like_cryocube(taper, RATE, 60), exact=True)
    expected = np.empty((len(starts), 61, 7))
    for number, start in enumerate(starts):
        for channel in range(7):
            spectrum = np.fft.rfft(taper * samples[start : start + 200, channel])
            expected[number, :, channel] = 10 * np.log(np.abs(spectrum) ** 2)[:61]
    expected[:, 0] = 0
    assert (found[:, 0] == 0).all()
    assert far_off(found / np.log(10), expected / np.log(10)) < EXACT


# --- wrong arguments ---------------------------------------------------------------


@pytest.mark.parametrize("starts", [[-1], [0, 801]])
def test_a_segment_beyond_the_samples_is_refused(noise, starts):
    with pytest.raises(ValueError, match="beyond"):
        levels(noise, starts, densities(tukey(100), RATE, 100))


def test_frequencies_end_at_nyquists():
    assert frequencies_to(1e9, 200, 200).tolist() == [*range(101)]
    assert frequencies_to(1e9, 200, 201)[-1] == pytest.approx(100 * 200 / 201)
    assert len(frequencies_to(0.3, 1, 10)) == 4  # 0.3 is a little less than 3 / 10
    with pytest.raises(ValueError, match="none"):
        frequencies_to(0, 200, 200)


def test_no_segments_and_no_channels(noise):
    plan = densities(tukey(100), RATE, 100)
    assert levels(noise, [], plan).shape == (0, 51, 7)
    assert levels(noise[:, :0], [0], plan).shape == (1, 51, 0)


# --- real records ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "length", "shape", "mean", "median", "first", "middle"),
    [
        (PRODML, 200, (116, 101, 512), 29.7828, 28.1042, 50.2875, (58, 33, 256, 41.8294)),
        (OPTODAS, 500, (91, 101, 51), -165.3047, -165.2785, -181.7520, (45, 33, 25, -162.0583)),
        (GDR, 1000, (91, 101, 10), 9.7803, 9.7291, -4.6852, (45, 33, 5, 2.0718)),
        (IDAS, 200, (41, 21, 1152), 1.5258, 2.5208, 50.0115, (20, 7, 576, 8.5630)),
        (VALENCIA, 250, (41, 101, 100), 5.6082, 6.6360, -np.inf, (20, 33, 50, 5.1650)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) and isinstance(value[0], str) else "",
)
def test_figures_of_real_records(real_data, record, length, shape, mean, median, first, middle):
    samples = read(real_data, record)
    starts = np.arange(shape[0]) * (length // 10)
    taper = tukey(length, 0.25, symmetric=True)
    plan = densities(taper, record[2], 100)
    found = levels(samples, starts, plan, exact=True)
    assert found.shape == shape
    finite = found[np.isfinite(found)]
    *cell, level = middle
    figures = [finite.mean(dtype=float), np.median(finite), found[0, 1, 0], found[tuple(cell)]]
    np.testing.assert_allclose(figures, [mean, median, first, level], rtol=0, atol=1e-3)
    assert finite.size / found.size == pytest.approx(0.9883 if record is VALENCIA else 1, abs=5e-5)
    some = slice(None, None, 8)  # for scipy's is slow
    expected = truth(samples[:, some].astype(float), starts, taper, record[2], 100)
    assert far_off(found[:, :, some], expected) < EXACT / 4


def test_what_was_worked_with_is_free_at_once(noise, way):
    # Arrays in a circle of objects would stay until Python looks for one: of each region, in turn.
    gc.collect()
    gc.disable()
    try:
        levels(noise, np.arange(0, 800, 10), densities(tukey(100, 0.25), RATE, 60))
        kept = [one for one in gc.get_objects() if "captools.das" in str(type(one))]
    finally:
        gc.enable()
    assert not [one for one in kept if hasattr(one, "floats")]
