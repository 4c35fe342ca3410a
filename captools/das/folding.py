"""Power of few frequencies of a segment as two matrix products, without a Fourier transform.

A taper is the same from both ends, so the segment may be folded about its middle first: the sums of
mirrored samples make the cosine part of the spectrum, their differences the sine part. Taper,
removal of the mean and scale are in the matrices. The products are BLAS's, which is at its best
with them: for few frequencies this is faster than any Fourier transform, for any length.
"""

import numpy as np


class Folded:
    """Makes powers of segments by two matrix products.

    Parameters
    ----------
    taper : array of float64, shape (length,)
        Symmetric, or periodic and symmetric but for its first sample.
    weights : array of float64, shape (frequencies,)
        What the squared magnitude of each frequency is multiplied with, from frequency 0 on.
    removes_mean : bool
        Whether the mean of each segment is removed before the taper.

    Attributes
    ----------
    gain : array of float64, shape (frequencies,)
        What white noise of amplitude one becomes.
    """

    def __init__(self, taper: np.ndarray, weights: np.ndarray, removes_mean: bool):
        self.mirror = Mirror(taper)
        places = self.mirror.places(self.mirror.count)
        wave = waves(len(weights), places, len(taper)) * taper[: self.mirror.count]
        wave *= np.sqrt(weights)[:, np.newaxis]
        self.cosines, self.sines = wave.real, wave.imag
        self.offset = self.cosines @ self.mirror.fold(np.ones((len(taper), 1)))[0][:, 0]
        if removes_mean:
            self.cosines = self.cosines - self.offset[:, np.newaxis] / len(taper)
            self.offset = np.zeros(len(weights))
        self.gain = np.sqrt((self.cosines**2).sum(axis=1) + (self.sines**2).sum(axis=1))

    def of(self, dtype: np.dtype, channels: int) -> "Products":
        """Return what does it for segments of a dtype and number of channels."""
        return Products(self, dtype, channels)


class Mirror:
    """Which samples of a segment are mirrored to which, about the middle of its taper.

    Of a symmetric taper sample n to length - 1 - n. Of a periodic one to length - n, sample 0 to
    none.
    """

    def __init__(self, taper: np.ndarray):
        self.length = len(taper)
        self.is_periodic = not _are_alike(taper, taper[::-1])
        if self.is_periodic and not _are_alike(taper[1:], taper[:0:-1]):
            raise ValueError("a taper must be the same from both ends")
        self.count = self.length // 2 + 1 if self.is_periodic else (self.length + 1) // 2
        self.middle = 0.0 if self.is_periodic else (self.length - 1) / 2

    def places(self, count: int) -> np.ndarray:
        """Return where the first samples are, from the middle on."""
        return np.arange(count) - self.middle

    def fold(
        self, segment: np.ndarray, out: tuple[np.ndarray, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of mirrored samples and their differences.

        Parameters
        ----------
        segment : array of float, shape (length, channels)
        out : two arrays of shape (count, channels), optional
            Fewer rows than `count` are those of samples at the beginning.
        """
        shape = self.count, segment.shape[1]
        sums, differences = out or (np.empty(shape), np.empty(shape))
        first = 1 if self.is_periodic else 0
        pairs = min(len(sums) - first, (self.length - first) // 2)
        left = slice(first, first + pairs)
        right = segment[self.length - pairs :][::-1]
        np.add(segment[left], right, out=sums[left])
        np.subtract(segment[left], right, out=differences[left])
        for alone in {*range(first), *range(first + pairs, len(sums))}:
            sums[alone], differences[alone] = segment[alone], 0
        return sums, differences


class Products:
    """The two products for segments of one shape, with the memory that they need."""

    def __init__(self, plan: Folded, dtype: np.dtype, channels: int):
        self.mirror = plan.mirror
        self.cosines, self.sines = plan.cosines.astype(dtype), plan.sines.astype(dtype)
        self.offset = plan.offset.astype(dtype)[:, np.newaxis]
        frequencies, count = self.cosines.shape
        self.folded = np.empty((count, channels), dtype), np.empty((count, channels), dtype)
        self.sine = np.empty((frequencies, channels), dtype)

    def begin(self, floats: np.ndarray) -> None:
        """Take the samples, shape (time, channels), that segments are of from now on."""
        self.floats = floats

    def power(self, start: int, removed: np.ndarray | None, out: np.ndarray) -> None:
        """Write the power of a segment.

        Parameters
        ----------
        start : int
            Its first sample.
        removed : array, shape (channels,), or None
            What was taken off each channel and counts all the same.
        out : array, shape (frequencies, channels)
        """
        sums, differences = self.mirror.fold(
            self.floats[start : start + self.mirror.length], self.folded
        )
        np.matmul(self.cosines, sums, out=out)
        np.matmul(self.sines, differences, out=self.sine)
        if removed is not None:
            out += self.offset * removed
        add_squares(out, self.sine)


def waves(frequencies: int, places: np.ndarray, length: int) -> np.ndarray:
    """Return exp(2 pi i k n / length) of frequencies k and places n, as a matrix of them."""
    turns = np.outer(np.arange(frequencies), places) / length
    return np.exp(2j * np.pi * (turns % 1.0))


def add_squares(real: np.ndarray, imag: np.ndarray) -> None:
    """Write the sum of the squares of both over the first; the second is lost."""
    np.multiply(real, real, out=real)
    np.multiply(imag, imag, out=imag)
    np.add(real, imag, out=real)


def _are_alike(one: np.ndarray, other: np.ndarray) -> bool:
    return np.allclose(one, other, rtol=0, atol=1e-12)
