"""Power of few frequencies of segments that overlap, made from what they have in common.

A Tukey taper is one but at both ends. A segment's spectrum is that of its samples as they are, less
that of what the taper takes off its ends. The first is a sum over parts, each a hop long, and
serves all segments that have the part; the second is folded, as in `folding`. Together these are
less than half of the products that each segment by itself needs.
"""

import numpy as np

from captools.das.folding import Mirror, add_squares, waves
from captools.das.summing import Sums
from captools.das.tapers import ends

PARTS_UP_TO = 32  # of a segment: the spectra of all are kept in memory
OTHERWISE = 200  # products of as many samples take as long as what else is done here


class Sliding:
    """Makes powers of segments that follow each other in steps of a hop.

    Parameters
    ----------
    taper, weights, removes_mean
        As of `folding.Folded`.
    hop : int
        Samples from one segment to the next; the length is a multiple of it.
    """

    def __init__(self, taper: np.ndarray, weights: np.ndarray, removes_mean: bool, hop: int):
        length, frequencies = len(taper), len(weights)
        root = np.sqrt(weights)[:, np.newaxis]
        self.length, self.hop, self.parts = length, hop, length // hop
        self.mirror = Mirror(taper)
        # Of samples as they are; they are counted from the first segment's first, as parts are.
        wave = waves(frequencies, np.arange(length), length) * root
        self.waves = np.concatenate([wave.real, wave.imag])
        # Of what the taper takes off both ends, seen from the middle of the segment.
        count, _ = ends(taper)
        end = waves(frequencies, self.mirror.places(count), length) * root * (1 - taper[:count])
        # What makes the one be seen from where the other is, for a segment of each first part.
        begins = np.arange(self.parts) * hop + self.mirror.middle
        self.turns = waves(frequencies, begins, length)
        tapered = waves(frequencies, self.mirror.places(length), length).real @ taper
        self.offset = tapered * root[:, 0]
        mean = self.offset / (length * root[0, 0])  # of frequency 0, which is a segment's sum
        if removes_mean:
            self.offset = np.zeros(frequencies)
        self.cosines = np.column_stack([end.real, mean if removes_mean else 0 * mean])
        self.sines = end.imag
        self.gain = 2 * np.sqrt(length * weights)

    @staticmethod
    def pays(taper: np.ndarray, hop: int) -> bool:
        """Whether this is faster than to make each segment by itself."""
        length = len(taper)
        if hop < 1 or length % hop or not 2 <= length // hop <= PARTS_UP_TO:
            return False
        return 2 * ends(taper)[0] + 2 * hop + OTHERWISE < 0.8 * length

    def of(self, dtype: np.dtype, channels: int) -> "Slide":
        """Return what does it for segments of a dtype and number of channels."""
        return Slide(self, dtype, channels)


class Slide:
    """Slides along samples from one segment to the next, with the memory that it needs."""

    def __init__(self, plan: Sliding, dtype: np.dtype, channels: int):
        self.plan = plan
        self.waves = [
            np.ascontiguousarray(part, dtype) for part in np.split(plan.waves, plan.parts, axis=1)
        ]
        self.cosines, self.sines = plan.cosines.astype(dtype), plan.sines.astype(dtype)
        self.turns = plan.turns.real.astype(dtype), plan.turns.imag.astype(dtype)
        self.offset = plan.offset.astype(dtype)[:, np.newaxis]
        frequencies, count = self.sines.shape
        # Real and imaginary parts one above the other.
        self.plain = Sums(plan.parts, (2 * frequencies, channels), dtype)
        self.sums = np.empty((count + 1, channels), dtype)
        self.differences = np.empty((count, channels), dtype)
        self.sine, self.product = np.empty((2, frequencies, channels), dtype)

    def begin(self, floats: np.ndarray) -> None:
        """Take the samples, shape (time, channels), that segments are of from now on."""
        self.floats = floats
        self.plain.begin()

    def power(self, start: int, removed: np.ndarray | None, out: np.ndarray) -> None:
        """Write the power of the next segment, as `folding.Products.power` does."""
        place, plain = self.plain.advance(self._part)
        real, imag = plain[: len(out)], plain[len(out) :]
        self.plan.mirror.fold(
            self.floats[start : start + self.plan.length], (self.sums[:-1], self.differences)
        )
        self.sums[-1] = real[0]
        np.matmul(self.cosines, self.sums, out=out)
        np.matmul(self.sines, self.differences, out=self.sine)
        along, across = (turn[:, place, np.newaxis] for turn in self.turns)
        product = self.product
        np.subtract(np.multiply(along, real, out=product), out, out=out)
        np.add(np.multiply(across, imag, out=product), out, out=out)
        np.subtract(np.multiply(along, imag, out=product), self.sine, out=self.sine)
        np.subtract(self.sine, np.multiply(across, real, out=product), out=self.sine)
        if removed is not None:
            out += self.offset * removed
        add_squares(out, self.sine)

    def _part(self, number: int, out: np.ndarray) -> None:
        """Write the spectrum of one part, the next hop of samples."""
        start = number * self.plan.hop
        part = self.floats[start : start + self.plan.hop]
        np.matmul(self.waves[number % self.plan.parts], part, out=out)
