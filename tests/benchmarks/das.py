"""Kernels of distributed acoustic sensing, side by side with the usual ways to do the same.

Run by hand: ``python tests/benchmarks/das.py``. CPU time on one core, taking turns, in microseconds
per second of one channel. Spectra: 1000 Hz, segments of 1 s, 90 % overlap, up to 100 Hz. Pictures:
windows of 15 s at 200 Hz, 14 to 35 Hz, 128 by 128 pixels, of envelopes at 100 Hz; also of those at
50 Hz, which have all that is in the band. That all give the same is checked first.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is imported

import argparse
import time
from collections.abc import Callable

import numpy as np
import scipy.fft
from scipy import signal
from timing import medians, on_one_core

from captools.das import pixels, spectra
from captools.das.envelopes import envelope_levels
from captools.das.filters import Band, envelope_step, power_response
from captools.das.tapers import tukey
from captools.das.taps import Taps, analytic

Ways = dict[str, Callable[[], np.ndarray]]


def record(seconds: float, rate: int, channels: int) -> np.ndarray:
    """Return a record of int16 of shape (time, channel): noise, tones, a drift."""
    random = np.random.default_rng(0)
    time = np.arange(round(seconds * rate))[:, np.newaxis] / rate
    tones = 500 * np.sin(2 * np.pi * random.uniform(5, 40, channels) * time)
    noise = random.normal(0, 300, (len(time), channels))
    return np.rint(noise + tones + 20 * time).astype(np.int16)


# --- spectra -------------------------------------------------------------------


def ways_of_spectra(samples: np.ndarray, rate: int) -> Ways:
    """Return ways to make the levels (segment, frequency, channel) of a record."""
    length, hop, fmax = rate, rate // 10, 100
    taper = tukey(length, 0.25, symmetric=True)
    starts = np.arange(0, len(samples) - length + 1, hop)
    plan = spectra.densities(taper, rate, fmax)
    out = np.empty((len(starts), fmax + 1, samples.shape[1]), np.float32)
    traces = np.ascontiguousarray(samples.T.astype(np.float32))
    pieces = np.lib.stride_tricks.sliding_window_view(traces, length, axis=1)[:, ::hop]

    def ours() -> np.ndarray:
        return spectra.levels(samples, starts, plan, out=out)

    def in_blocks() -> np.ndarray:
        # Nothing but the transforms, of what already is float32 and in order; nothing is kept.
        for first in range(0, len(pieces), 16):
            scipy.fft.rfft(pieces[first : first + 16])
        return out

    def scipys(dtype: type) -> np.ndarray:
        _, _, power = signal.spectrogram(
            *(samples.astype(dtype), rate, taper.astype(dtype), length, length - hop),
            axis=0,
        )
        return 10 * np.log10(power[: fmax + 1].transpose(2, 0, 1))

    def double_loop() -> np.ndarray:
        # As CryoCube's script goes about it, but with densities, so that it can be compared.
        cube = np.empty(out.shape)
        scale = 2 / (rate * (taper**2).sum())
        for number, start in enumerate(starts):
            for channel in range(samples.shape[1]):
                piece = samples[start : start + length, channel]
                spectrum = np.fft.rfft(taper * (piece - piece.mean()), n=length)
                cube[number, :, channel] = 10 * np.log10(scale * np.abs(spectrum[: fmax + 1]) ** 2)
        return cube

    return {
        "captools": ours,
        "float32 transforms of scipy alone": lambda: scipy.fft.rfft(pieces),
        "the same, in blocks, not kept": in_blocks,
        "scipy.signal.spectrogram, float32": lambda: scipys(np.float32),
        "scipy.signal.spectrogram, float64": lambda: scipys(np.float64),
        "a loop over segments and channels": double_loop,
    }


def check_spectra(ways: Ways) -> None:
    """See that all that make levels make the same, but for what float32 rounds."""
    found = ways["captools"]()[:, 1:].copy()
    for name in ("scipy.signal.spectrogram, float64", "a loop over segments and channels"):
        expected = ways[name]()[:, 1:]
        within = expected > expected.max() - 80
        np.testing.assert_allclose(found[within], expected[within], rtol=0, atol=0.01)


# --- pictures ------------------------------------------------------------------


def ways_of_pictures(samples: np.ndarray, rate: int, halo: int, band: Band) -> Ways:
    """Return ways to make a picture of a window with a halo."""
    size, step = 128, 2
    taps = analytic(band, rate, step)
    inner = len(samples) - 2 * halo
    times = pixels.boxes(-(-inner // step), size)
    channels = pixels.boxes(samples.shape[1], size)

    slow = analytic(band, rate, envelope_step(band, rate))
    fewer = pixels.boxes(-(-inner // slow.step), size)

    def window(taps: Taps) -> np.ndarray:
        return samples[halo - taps.halo : len(samples) - halo + taps.halo]

    def picture(levels: np.ndarray, times: np.ndarray = times) -> np.ndarray:
        return pixels.means(*pixels.sums(levels, times, channels))

    def ours() -> np.ndarray:
        return picture(envelope_levels(window(taps), taps))

    def slowly() -> np.ndarray:
        return picture(envelope_levels(window(slow), slow), fewer)

    def bare() -> np.ndarray:
        # Nothing but a transform and a short inverse one.
        traces = np.ascontiguousarray(samples.T.astype(np.float32))
        spectrum = scipy.fft.rfft(traces)
        return np.abs(scipy.fft.ifft(spectrum[:, : len(samples) // 4]))

    def careful() -> np.ndarray:
        few = signal.decimate(samples.astype(float), step, ftype="fir", axis=0)
        sos = signal.butter(
            band.order, (band.low, band.high), "bandpass", fs=rate / step, output="sos"
        )
        envelope = np.abs(signal.hilbert(signal.sosfiltfilt(sos, few, axis=0), axis=0))
        return picture(20 * np.log10(envelope[halo // step : halo // step + times.shape[1]]))

    def whole() -> np.ndarray:
        spectrum = np.fft.rfft(samples.astype(float), axis=0)
        response = 2 * power_response(np.fft.rfftfreq(len(samples), 1 / rate), band, rate)
        both = np.zeros(samples.shape, complex)
        both[: len(spectrum)] = spectrum * response[:, np.newaxis]
        return picture(20 * np.log10(np.abs(np.fft.ifft(both, axis=0)[halo:-halo:step])))

    ways = {
        "captools": ours,
        "captools, envelopes at 50 Hz": slowly,
        "float32 transforms of scipy alone": bare,
        "decimate, sosfiltfilt, hilbert": careful,
        "one transform in float64": whole,
    }
    try:
        ways["DASCore"] = dascores(samples, rate, halo, band, picture)
    except ImportError:
        print("(DASCore is not installed)")
    return ways


def dascores(
    samples: np.ndarray, rate: int, halo: int, band: Band, picture: Callable
) -> Callable[[], np.ndarray]:
    """Return how DASCore does it: decimate, pass_filter, envelope."""
    import dascore

    step = 2
    start = np.datetime64("2021-11-01T00:00:00", "ns")
    coords = {
        "time": start + np.arange(len(samples)) * np.timedelta64(round(1e9 / rate), "ns"),
        "distance": np.arange(samples.shape[1]) * 2.0,
    }
    patch = dascore.Patch(samples.astype(np.float32), coords=coords, dims=("time", "distance"))

    def call() -> np.ndarray:
        few = patch.decimate(time=step, filter_type="fir")
        passed = few.pass_filter(time=(band.low, band.high), corners=band.order)
        levels = 20 * np.log10(passed.envelope("time").data)
        return picture(levels[halo // step : len(levels) - halo // step])

    return call


def check_pictures(ways: Ways) -> None:
    """See that the picture is that of one transform of all, and near that of the others."""
    np.testing.assert_allclose(ways["captools"](), ways["one transform in float64"](), atol=0.01)
    for name in ("decimate, sosfiltfilt, hilbert", "DASCore"):
        if name in ways:  # which let some of other frequencies pass, and have effects at the ends
            off = np.abs(ways[name]() - ways["captools"]())
            assert np.median(off) < 0.5, name


def show(title: str, ways: Ways, rounds: int, channel_seconds: float) -> None:
    """Print the times of all ways, and how they compare."""
    times = medians(ways, rounds, clock=time.process_time)
    print(title)
    for name, seconds in times.items():
        ratio = seconds / times["captools"]
        print(f"  {name:36} {1e6 * seconds / channel_seconds:8.2f} {ratio:8.2f} x")


def main() -> None:
    """Print the times of all ways, for spectra and pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=10, help="of the record, for spectra")
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    on_one_core()
    ways = ways_of_spectra(record(words.seconds, 1000, words.channels), 1000)
    check_spectra(ways)
    show("spectra", ways, words.rounds, words.channels * (words.seconds - 0.9))
    halo = 480  # samples: enough for all
    samples = record(15 + 2 * halo / 200, 200, words.channels)
    ways = ways_of_pictures(samples, 200, halo, Band(14, 35))
    check_pictures(ways)
    show("pictures", ways, words.rounds, words.channels * 15)


if __name__ == "__main__":
    main()
