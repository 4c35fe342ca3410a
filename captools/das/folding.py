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
    """

    def __init__(self, taper: np.ndarray, weights: np.ndarray, removes_mean: bool):
        length = len(taper)
        self.length = length
        self.is_periodic = not np.allclose(taper, taper[::-1], rtol=0, atol=1e-12)
        if self.is_periodic and not np.allclose(taper[1:], taper[:0:-1], rtol=0, atol=1e-12):
            raise ValueError("a taper must be the same from both ends")
        # Symmetric: sample n and its twin length - 1 - n; periodic: length - n.
        count = length // 2 + 1 if self.is_periodic else (length + 1) // 2
        place = np.arange(count) if self.is_periodic else np.arange(count) - (length - 1) / 2
        turns = np.outer(np.arange(len(weights)), place) / length
        wave = np.exp(2j * np.pi * (turns % 1.0)) * taper[:count]
        wave *= np.sqrt(weights)[:, np.newaxis]
        self.cosines, self.sines = wave.real, wave.imag
        twins = np.full(count, 2.0)
        twins[self._alone(count)] = 1.0
        self.offset = self.cosines @ twins  # what a segment of ones gives
        if removes_mean:
            self.cosines = self.cosines - self.offset[:, np.newaxis] / length
            self.offset = np.zeros(len(weights))
        self.gain = np.abs(self.cosines).sum(axis=1) + np.abs(self.sines).sum(axis=1)

    def _alone(self, count: int) -> list[int]:
        """Which of the folded samples have no twin."""
        if not self.is_periodic:
            return [count - 1] if self.length % 2 else []
        return [0] if self.length % 2 else [0, count - 1]

    def of(self, dtype: np.dtype, channels: int) -> "Products":
        """Return what does it for segments of a dtype and number of channels."""
        return Products(self, dtype, channels)


class Products:
    """The two products for segments of one shape, with the memory that they need."""

    def __init__(self, folded: Folded, dtype: np.dtype, channels: int):
        self.cosines, self.sines = folded.cosines.astype(dtype), folded.sines.astype(dtype)
        self.offset = folded.offset.astype(dtype)[:, np.newaxis]
        frequencies, count = self.cosines.shape
        self.sums, self.differences = np.empty((2, count, channels), dtype)
        self.sine = np.empty((frequencies, channels), dtype)
        first = 1 if folded.is_periodic else 0
        pairs = (folded.length - first) // 2
        self.alone = folded._alone(count)
        self.left = slice(first, first + pairs)
        stop = folded.length - pairs - 1
        self.right = slice(folded.length - 1, stop if stop >= 0 else None, -1)

    def power(self, segment: np.ndarray, removed: np.ndarray | None, out: np.ndarray) -> None:
        """Write the power of a segment.

        Parameters
        ----------
        segment : array, shape (length, channels)
        removed : array, shape (channels,), or None
            What was taken off each channel and counts all the same.
        out : array, shape (frequencies, channels)
        """
        left, right = segment[self.left], segment[self.right]
        np.add(left, right, out=self.sums[self.left])
        np.subtract(left, right, out=self.differences[self.left])
        self.sums[self.alone] = segment[self.alone]
        self.differences[self.alone] = 0
        np.matmul(self.cosines, self.sums, out=out)
        np.matmul(self.sines, self.differences, out=self.sine)
        if removed is not None:
            np.add(out, self.offset * removed, out=out)
        np.multiply(out, out, out=out)
        np.multiply(self.sine, self.sine, out=self.sine)
        np.add(out, self.sine, out=out)
