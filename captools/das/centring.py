"""Samples as floats about zero, so that a large offset or a tiny unit costs no digits.

The offset of a block of samples is removed before float32 rounds anything. Units far from one are
scaled by a power of two, which is exact; levels are then put right by `Centre.decibels`.
"""

from dataclasses import dataclass, replace

import numpy as np

WHOLE_IN_FLOAT32 = 2.0**24  # a range above it does not fit into the digits of a float32
SMALLEST, LARGEST = 2.0**-16, 2.0**32  # squares of what lies between are far from float32's ends
EVERY = 16  # sample is enough for a mean that needs not be exact


@dataclass(frozen=True)
class Centre:
    """What is taken off a block of samples, and how they are scaled.

    Attributes
    ----------
    offset : array of float64, shape (channels,)
        What is taken off each channel.
    reach : array of float64, shape (channels,)
        How far the samples of a channel lie from its offset at most, scaled; 0 where they are
        all the same or all missing.
    exponent : int
        Samples are multiplied by two to this power.
    dtype : dtype
        float32, or float64 where the range needs it.
    has_holes : bool
        Whether a sample is missing.
    """

    offset: np.ndarray
    reach: np.ndarray
    exponent: int
    dtype: np.dtype
    has_holes: bool

    @classmethod
    def of(cls, samples: np.ndarray) -> "Centre":
        """Return the centre of samples of shape (time, channel); NaN and infinity are missing."""
        low, high, holes = extremes(samples)
        with np.errstate(invalid="ignore"):  # infinite less infinite
            mean = samples[::EVERY].mean(axis=0, dtype=float)
        for channel in holes:
            mean[channel] = _present(samples[:, channel]).mean()
        peak = float(np.max(high - low, initial=0.0))
        dtype = np.dtype(
            np.float64 if _is_wide(samples) and peak > WHOLE_IN_FLOAT32 else np.float32
        )
        # A mean is rounded, of equal samples too, and these are to be exactly zero.
        rounded = mean if _is_wide(samples) else mean.astype(np.float32).astype(float)
        offset = np.where(low == high, low, rounded)
        exponent = 0 if SMALLEST <= peak <= LARGEST or not peak else -int(np.frexp(peak)[1])
        reach = np.maximum(high - offset, offset - low) * 2.0**exponent
        return cls(offset, reach, exponent, dtype, bool(holes.size))

    def of_channels(self, channels: slice | np.ndarray) -> "Centre":
        """Return the centre of some channels of the block."""
        return replace(self, offset=self.offset[channels], reach=self.reach[channels])

    @property
    def decibels(self) -> float:
        """What is to be added to levels of scaled samples."""
        return -20 * self.exponent * float(np.log10(2.0))

    def apply(self, samples: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Write samples of this block about zero; what is missing becomes NaN.

        Parameters
        ----------
        samples : array, shape (time, channel)
            Any rows of the block.
        out : array of `dtype`, shape (time, channel)
        """
        offset = self.offset
        if out.dtype == np.float32 and not _is_wide(samples):
            offset = offset.astype(np.float32)  # exact, for it was rounded or is a sample
        if offset.dtype == np.float32:
            np.copyto(out, samples)  # first, for mixed types take far longer
            np.subtract(out, offset, out=out)
        else:
            np.subtract(samples, offset, out=out, casting="same_kind")
        if self.exponent:
            np.multiply(out, out.dtype.type(2.0**self.exponent), out=out)
        if self.has_holes:
            out[~np.isfinite(out)] = np.nan
        return out


def extremes(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the least and the most of each channel, and which channels have something missing.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        NaN and infinity are missing.

    Returns
    -------
    low, high : arrays of float64, shape (channels,)
        Of what is there; 0 where nothing is.
    holes : array of int
    """
    low, high = samples.min(axis=0).astype(float), samples.max(axis=0).astype(float)
    with np.errstate(invalid="ignore"):  # infinite less infinite
        holes = np.flatnonzero(~np.isfinite(high - low))
    for channel in holes:
        present = _present(samples[:, channel])
        low[channel], high[channel] = present.min(), present.max()
    return low, high, holes


def _present(samples: np.ndarray) -> np.ndarray:
    """Return what is there of a channel's samples; a zero if nothing is."""
    present = samples[np.isfinite(samples)].astype(float)
    return present if present.size else np.zeros(1)


def _is_wide(samples: np.ndarray) -> bool:
    """Whether a float32 cannot hold every value that samples of this kind can have."""
    return samples.dtype.itemsize > 2 and samples.dtype != np.float32
