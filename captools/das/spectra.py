"""Spectra of segments of samples: one power spectral density per channel and segment, in dB.

Levels are 10 log10 of the density, relative to one unit squared per hertz; a segment without any
change (a dead channel) is minus infinity, one with a missing sample is NaN.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from captools.das.centring import Centre
from captools.das.compressing import Compressed
from captools.das.folding import Folded
from captools.das.transforming import Transformed

FOLDED_UP_TO = 200  # frequencies; for more of them numpy's Fourier transform is faster,
MATRIX_UP_TO = 4_000_000  # and larger matrices would not leave much memory
COMPRESSED_FROM = 20  # segments: of fewer, too little is in common
STEPS_PER_DB = 64  # of rounded levels: far below a spectrum's own scatter, and packs well
CHANNELS_AT_ONCE = 256  # so that what is worked on stays in the cache
BYTES_AT_ONCE = 1 << 24
QUIET = 1000  # times the rounding of the loudest sample: less of a spectrum may be wrong


Powers = Folded | Transformed | Compressed


@dataclass(frozen=True)
class Spectra:
    """How spectra of segments are made; see `densities` and `like_cryocube`.

    Attributes
    ----------
    frequencies : array of float64, shape (frequencies,)
        Hertz, from 0 in steps of one over the segment's duration.
    taper : array of float64, shape (length,)
        What segments are multiplied with.
    weights : array of float64, shape (frequencies,)
        What the squared magnitude of each frequency is multiplied with.
    is_cryocubes : bool
        With the mean of segments, natural logarithms, and 0 at frequency 0.
    """

    frequencies: np.ndarray
    taper: np.ndarray
    weights: np.ndarray
    is_cryocubes: bool = False

    @property
    def length(self) -> int:
        """Samples of a segment."""
        return len(self.taper)

    @property
    def per_neper(self) -> float:
        """What the natural logarithm of a power is multiplied with."""
        return 10.0 if self.is_cryocubes else 10 / float(np.log(10.0))

    def powers(self, starts: np.ndarray, centre: Centre | None = None) -> Powers:
        """Return the fastest way to make powers of the segments that begin at `starts`.

        Without a centre, or if it says that samples are missing or need float64, each segment is
        made of its own samples alone.
        """
        hops = np.unique(np.diff(starts))
        is_plain = centre is not None and centre.dtype == np.float32 and not centre.has_holes
        is_even = is_plain and len(hops) == 1 and len(starts) >= COMPRESSED_FROM
        hop = int(hops[0]) if is_even else 0
        return _powers(self.taper.tobytes(), self.weights.tobytes(), not self.is_cryocubes, hop)


@lru_cache(maxsize=4)  # matrices take longer to make than a few segments
def _powers(taper: bytes, weights: bytes, removes_mean: bool, hop: int) -> Powers:
    """Return what makes powers; the hop is 0 if there is none that all segments have."""
    words = np.frombuffer(taper), np.frombuffer(weights), removes_mean
    length, frequencies = len(words[0]), len(words[1])
    if frequencies > FOLDED_UP_TO or frequencies * length > MATRIX_UP_TO:
        return Transformed(*words)
    if Compressed.pays(words[0], frequencies, hop):
        return Compressed(*words, hop)
    return Folded(*words)


def frequencies_to(fmax: float, rate: float, length: int) -> np.ndarray:
    """Return the frequencies (Hz) of a segment up to `fmax`, which may be any above Nyquist's.

    Examples
    --------
    >>> frequencies_to(5, 20, 10)
    array([0., 2., 4.])
    """
    if not (fmax > 0 and rate > 0):
        raise ValueError(f"frequencies up to {fmax:g} Hz at {rate:g} Hz are none")
    count = int(min(fmax / rate * length * (1 + 1e-9), length / 2)) + 1
    return np.arange(count) * (rate / length)


def densities(taper: np.ndarray, rate: float, fmax: float) -> Spectra:
    """Return how to make one-sided power spectral densities, the mean of each segment removed.

    Parameters
    ----------
    taper : array of float64, shape (length,)
    rate : float
        Samples per second.
    fmax : float
        The highest frequency, in hertz.
    """
    frequencies = frequencies_to(fmax, rate, len(taper))
    weights = np.full(len(frequencies), 2 / (rate * (taper**2).sum()))
    weights[0] /= 2
    if 2 * (len(weights) - 1) == len(taper):
        weights[-1] /= 2  # Nyquist's frequency has no twin
    return Spectra(frequencies, np.asarray(taper, float), weights)


def like_cryocube(taper: np.ndarray, rate: float, fmax: float) -> Spectra:
    """Return how CryoCube makes spectra: 10 ln |X|^2, no mean removed, 0 at frequency 0."""
    frequencies = frequencies_to(fmax, rate, len(taper))
    ones = np.ones(len(frequencies))
    return Spectra(frequencies, np.asarray(taper, float), ones, is_cryocubes=True)


def levels(
    samples: np.ndarray,
    starts: np.ndarray,
    spectra: Spectra,
    exact: bool = False,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Return the levels of segments.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        A block of a record; NaN is missing.
    starts : array of int, shape (segments,)
        Where each segment begins, increasing.
    spectra : Spectra
    exact : bool
        Whether levels are left as they are; else they are rounded to 1/64 dB.
    out : array of float32, shape (segments, frequencies, channels), optional
        Where to write them.

    Returns
    -------
    array of float32, shape (segments, frequencies, channels)
    """
    starts = np.asarray(starts)
    channels = samples.shape[1]
    if starts.size and not 0 <= starts.min() <= starts.max() <= len(samples) - spectra.length:
        raise ValueError(f"segments of {spectra.length} samples reach beyond the {len(samples)}")
    if out is None:
        out = np.empty((len(starts), len(spectra.frequencies), channels), np.float32)
    if not (starts.size and channels):
        return out
    centre = Centre.of(samples)
    powers = spectra.powers(starts, centre)
    blocks = -(-channels // CHANNELS_AT_ONCE)
    edges = np.linspace(0, channels, blocks + 1).astype(int)
    for first, last in pairwise(edges):
        block = slice(first, last)
        worker = _Block(spectra, powers, centre.of_channels(block), exact)
        worker.write(samples[:, block], starts, out[:, :, block])
    return out


class _Block:
    """Channels that are worked on together."""

    def __init__(self, spectra: Spectra, powers: Powers, centre: Centre, exact: bool):
        channels = len(centre.offset)
        self.spectra, self.centre, self.exact = spectra, centre, exact
        self.powers = powers.of(centre.dtype, channels)
        self.power = np.empty((len(spectra.frequencies), channels), centre.dtype)
        self.removed = None
        if spectra.is_cryocubes and centre.offset.any():
            self.removed = (centre.offset * 2.0**centre.exponent).astype(centre.dtype)
        self.one = min(1, len(spectra.frequencies) - 1)  # the frequency that is looked at
        rounding = np.finfo(centre.dtype).eps * powers.gain[self.one] * centre.reach
        # Of what never changes, no power is anything but exactly 0.
        self.quiet = np.where(centre.reach > 0, (QUIET * rounding) ** 2, -1)
        steps = 1 if exact else STEPS_PER_DB
        scaled = centre.decibels / 10 * np.log(10) * spectra.per_neper
        self.scale, self.decibels, self.step = (
            centre.dtype.type(factor)
            for factor in (spectra.per_neper * steps, scaled * steps, 1 / steps)
        )

    def write(self, samples: np.ndarray, starts: np.ndarray, out: np.ndarray) -> None:
        """Write the levels of all segments, with few of the samples as floats at a time."""
        length = self.spectra.length
        bytes_of_row = samples.shape[1] * self.centre.dtype.itemsize
        rows = max(2 * length, BYTES_AT_ONCE // bytes_of_row)
        done = 0
        while done < len(starts):
            begin = starts[done]
            stop = max(done + 1, int(np.searchsorted(starts, begin + rows - length, "right")))
            part = samples[begin : starts[stop - 1] + length]
            floats = self.centre.apply(part, np.empty(part.shape, self.centre.dtype))
            self.powers.begin(floats)
            with np.errstate(divide="ignore"):  # the logarithm of nothing
                for number in range(done, stop):
                    start = int(starts[number] - begin)
                    self.powers.power(start, self.removed, self.power)
                    self._take_care_of_quiet(part[start : start + length])
                    self._write_levels(out[number])
            done = stop

    def _take_care_of_quiet(self, samples: np.ndarray) -> None:
        """Make powers of channels anew in which float32 may have left nothing but rounding."""
        if not self.spectra.is_cryocubes:
            quiet = np.flatnonzero(self.power[self.one] <= self.quiet)
            if quiet.size:
                self.power[:, quiet] = self._of_quiet(samples[:, quiet])

    def _write_levels(self, out: np.ndarray) -> None:
        power = self.power
        np.log(power, out=power)
        np.multiply(power, self.scale, out=power)
        if self.decibels:
            np.add(power, self.decibels, out=power)
        if not self.exact:
            np.rint(power, out=power)
        np.multiply(power, self.step, out=out, casting="same_kind")
        if self.spectra.is_cryocubes:
            out[0] = 0

    def _of_quiet(self, samples: np.ndarray) -> np.ndarray:
        """Return powers of a segment of channels alone: exactly 0 of those that are dead."""
        floats = samples.astype(float)
        floats -= floats[0]
        power = np.zeros((len(self.spectra.frequencies), floats.shape[1]))
        changing = np.flatnonzero(floats.any(axis=0))
        if changing.size:
            floats = floats[:, changing]
            floats -= floats.mean(axis=0)
            floats *= 2.0**self.centre.exponent
            alone = self.spectra.powers(np.zeros(1, int)).of(np.dtype(float), len(changing))
            alone.begin(floats)
            made = np.empty((len(power), len(changing)))
            alone.power(0, None, made)
            power[:, changing] = made
        return power
