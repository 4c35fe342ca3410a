"""Taps: the numbers that samples are multiplied with to make filtered ones.

Where few filtered samples are wanted, a short filter first makes fewer samples of all, and the long
one has but these to do with. What the short one changes in the band, the long one puts right.
"""

from dataclasses import dataclass

import numpy as np

from captools.das.filters import TOLERANCE, Band, halo, power_response

REST = 5 * TOLERANCE  # what fewer samples may change, relative to what is at any frequency
DEPTH = 130  # decibels by which a short filter stops what would be folded into the band
ROOM = 0.7  # of what lies between the band and what is folded into it: falls within it
FALL = 0.15  # of the reach, in which the taps of envelopes end: no edge, so no other frequencies


@dataclass(frozen=True)
class Stage:
    """One set of taps after another makes a filter.

    Attributes
    ----------
    taps : array of float64, shape (rows, 2 * reach + 1)
        A row for each series that is made; each is the same or the negative from both ends.
    step : int
        A filtered sample is made for each `step`-th sample.
    """

    taps: np.ndarray
    step: int

    @property
    def reach(self) -> int:
        """How many samples before and after one have a part in it."""
        return self.taps.shape[1] // 2


@dataclass(frozen=True)
class Taps:
    """What makes filtered samples; see `zero_phase` and `analytic`.

    Attributes
    ----------
    stages : tuple of Stage
        The last makes what is wanted; those before it make fewer samples, one row.
    """

    stages: tuple[Stage, ...]

    @property
    def is_analytic(self) -> bool:
        """Whether they make a Hilbert transform, too."""
        return len(self.stages[-1].taps) == 2

    @property
    def step(self) -> int:
        """A filtered sample is made for each `step`-th sample."""
        return int(np.prod([stage.step for stage in self.stages]))

    @property
    def halo(self) -> int:
        """How many samples before and after one have a part in it."""
        reach = 0
        for stage in reversed(self.stages):
            reach = reach * stage.step + stage.reach
        return reach

    def count(self, samples: int) -> int:
        """Return how many filtered samples are made of a number of samples."""
        return max(0, -(-(samples - 2 * self.halo) // self.step))

    @property
    def constant(self) -> float:
        """What becomes of samples that all are one."""
        return float(np.prod([stage.taps[0].sum() for stage in self.stages]))


def zero_phase(band: Band, rate: float, step: int = 1) -> Taps:
    """Return the taps of a zero-phase filter: one row."""
    return _taps(band, rate, step, is_analytic=False)


def analytic(band: Band, rate: float, step: int = 1) -> Taps:
    """Return the taps of a zero-phase band-pass and its Hilbert transform: two rows.

    The root of the sum of both squares is the envelope of the filtered samples. It is sampled as
    it is, whatever the step: filtered samples need none between them.
    """
    if band.low is None or band.high is None:
        raise ValueError("an envelope needs a band with two edges")
    return _taps(band, rate, step, is_analytic=True)


def _taps(band: Band, rate: float, step: int, is_analytic: bool) -> Taps:
    enough = halo(band, rate)
    reach = int(np.ceil((1 + FALL) * enough)) if is_analytic else enough
    for fewer in [] if is_analytic else range(step, 1, -1):
        short = None if step % fewer else _short(band, rate, fewer)
        if short is not None:
            break
    else:
        fewer, short = 1, np.ones(1)
    reach = -(-reach // fewer)
    length = _length(max(16 * reach, len(short)))
    frequencies = np.fft.fftfreq(length, fewer / rate)
    response = power_response(frequencies, band, rate)
    response /= _response(short, fewer * length)[: length // 2 + 1][np.abs(_bins(length))]
    if is_analytic:
        response *= 2.0 * (frequencies > 0)
    impulse = np.roll(np.fft.ifft(response), reach)[: 2 * reach + 1]
    if is_analytic:
        beyond = (np.abs(np.arange(-reach, reach + 1)) - enough) / (reach - enough + 1)
        impulse *= np.cos(np.pi / 2 * np.clip(beyond, 0, 1)) ** 2
    rows = [(impulse.real + impulse.real[::-1]) / 2]  # the same from both ends, to the last digit
    if is_analytic:
        rows.append((impulse.imag - impulse.imag[::-1]) / 2)
    long = Stage(np.stack(rows), step // fewer)
    return Taps((long,) if fewer == 1 else (Stage(short[np.newaxis], fewer), long))


def _short(band: Band, rate: float, fewer: int) -> np.ndarray | None:
    """Return taps that let the band pass and make fewer samples; None if there are none.

    They stop what the rate of fewer samples would fold into the band.
    """
    slow = rate / fewer
    width = 0.0 if band.high is None else ROOM * (slow - 2 * band.high)
    if width <= 0:
        return None
    # Kaiser's rules for the length and the shape of a filter that is so deep, and falls so fast.
    reach = int(np.ceil((DEPTH - 8) / (2.285 * 2 * np.pi * width / rate) / 2))
    window = np.kaiser(2 * reach + 1, 0.1102 * (DEPTH - 8.7))
    short = np.sinc(np.arange(-reach, reach + 1) / fewer) * window
    short /= short.sum()
    length = _length(len(short))
    # A row for each part of the spectrum that is folded upon the first one.
    folded = _response(short, fewer * length).reshape(fewer, length)[:, : length // 2 + 1]
    passed = power_response(np.arange(length // 2 + 1) * (slow / length), band, rate)
    beyond = power_response(np.linspace(slow / 2, rate / 2, 1000), band, rate).max()
    worst = (passed * np.abs(folded[1:]).max(axis=0) / np.abs(folded[0])).max()
    return short if max(worst, beyond) < REST else None


def _response(taps: np.ndarray, length: int) -> np.ndarray:
    """Return the response of even taps to `length` frequencies, from 0 to the rate."""
    padded = np.zeros(length)
    padded[: len(taps)] = taps
    return np.fft.fft(np.roll(padded, -(len(taps) // 2))).real


def _bins(length: int) -> np.ndarray:
    """Return the numbers of the frequencies of a transform, negative ones as such."""
    return np.rint(np.fft.fftfreq(length) * length).astype(int)


def _length(least: int) -> int:
    """Return the first power of two that is enough."""
    return 1 << int(np.ceil(np.log2(least + 16)))
