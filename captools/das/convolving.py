"""Filtering by taps as matrix products: each sample depends on its halo alone.

As no sample depends on where a block begins or ends, pieces of a record give what the whole gives.
Only the filtered samples that are wanted are made, so decimation costs nothing and folds nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from captools.das.centring import Centre
from captools.das.filters import Taps

CHANNELS_AT_ONCE = 128  # so that what is worked on stays in the cache
ROWS_AT_ONCE = 96  # of a matrix: enough for BLAS to be at its best
QUIET = 100  # times the rounding of the loudest sample: float32 leaves little of what is filtered


def count(samples: int, taps: Taps) -> int:
    """Return how many filtered samples a block of samples gives."""
    return max(0, -(-(samples - 2 * taps.halo) // taps.step))


def scaled(samples: np.ndarray, taps: Taps) -> Iterator[tuple[slice, Centre, np.ndarray]]:
    """Yield filtered samples of one part of the channels after another.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        With a halo before and after; NaN is missing.
    taps : Taps

    Yields
    ------
    channels : slice
    centre : Centre
        What was taken off these channels, and how they are scaled.
    filtered : array of float32 or float64, shape (rows, count, channels)
        Scaled, about zero; NaN where a missing sample has a part.
    """
    channels = samples.shape[1]
    wanted = count(len(samples), taps)
    if not (wanted and channels):
        return
    product = _Product(taps, wanted)
    centre = Centre.of(samples)
    edges = np.linspace(0, channels, -(-channels // CHANNELS_AT_ONCE) + 1).astype(int)
    for first, last in pairwise(edges):
        block = slice(first, last)
        part = centre.of_channels(block)
        out = product.of(samples[:, block], part)
        loudest = np.fmax(np.fmax.reduce(out[0], axis=0), -np.fmin.reduce(out[0], axis=0))
        quiet = np.flatnonzero(loudest <= QUIET * np.finfo(part.dtype).eps * part.reach)
        if quiet.size and part.dtype != np.float64:
            few = first + quiet
            wide = replace(centre.of_channels(few), dtype=np.dtype(np.float64))
            out[:, :, quiet] = product.of(samples[:, few], wide)
        yield block, part, out


def filtered(samples: np.ndarray, taps: Taps) -> np.ndarray:
    """Return filtered samples in their units.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        With a halo before and after; NaN is missing.
    taps : Taps

    Returns
    -------
    array of float32, shape (rows, count, channels)
        The first is of the sample that follows on the halo.
    """
    out = np.empty((len(taps.values), count(len(samples), taps), samples.shape[1]), np.float32)
    constant = taps.values.sum(axis=1)[:, np.newaxis, np.newaxis]  # what is left of an offset
    for block, centre, part in scaled(samples, taps):
        part *= part.dtype.type(2.0**-centre.exponent)
        np.add(part, constant * centre.offset, out=out[:, :, block], casting="same_kind")
    return out


class _Product:
    """Two matrices that make some filtered samples in a row, moved along the samples.

    Taps are even or odd, so the samples may be folded about their middle, as in `folding`: one
    matrix meets the sums of mirrored samples, the other their differences. What they make are
    halves of the sums and of the differences of mirrored filtered samples.
    """

    def __init__(self, taps: Taps, wanted: int):
        rows, length = taps.values.shape
        self.taps, self.wanted = taps, wanted
        # The more at once, the more zeros are in the matrices: a quarter at most.
        self.at_once = min(2 * ROWS_AT_ONCE // rows, 1 + length // (4 * taps.step), wanted)
        self.length = length + (self.at_once - 1) * taps.step
        made, met = (self.at_once + 1) // 2, (self.length + 1) // 2  # halves
        whole = np.zeros((rows, made, self.length))
        for number in range(made):
            # Taps meet samples in turned order, as in every convolution.
            start = number * taps.step
            whole[:, number, start : start + length] = taps.values[:, ::-1]
        turned = whole[:, :, ::-1]
        self.of_sums = (whole + turned)[:, :, :met].reshape(rows * made, met) / 2
        self.of_differences = (whole - turned)[:, :, :met].reshape(rows * made, met) / 2
        if self.length % 2:
            self.of_sums[:, -1] /= 2  # the sample in the middle is its own twin
        is_even = np.sign((taps.values * taps.values[:, ::-1]).sum(axis=1))
        self.parity = is_even[:, np.newaxis, np.newaxis]

    def of(self, samples: np.ndarray, centre: Centre) -> np.ndarray:
        """Return filtered samples, scaled: shape (rows, wanted, channels)."""
        floats = centre.apply(samples, np.empty(samples.shape, centre.dtype))
        missing = None
        if centre.has_holes:
            missing = np.isnan(floats)
            floats[missing] = 0
        out = self._multiply(floats)
        if missing is not None:
            out[:, self._reached(missing)] = np.nan
        return out

    def _multiply(self, floats: np.ndarray) -> np.ndarray:
        rows, dtype, channels = len(self.taps.values), floats.dtype, floats.shape[1]
        matrices = self.of_sums.astype(dtype), self.of_differences.astype(dtype)
        parity = self.parity.astype(dtype)
        met = matrices[0].shape[1]
        sums, differences = np.empty((2, met, channels), dtype)
        out = np.empty((rows, self.wanted, channels), dtype)
        made = (self.at_once + 1) // 2
        even, odd = np.empty((2, rows, made, channels), dtype)
        for first in range(0, self.wanted, self.at_once):
            first = min(first, self.wanted - self.at_once)  # the last ones overlap
            start = first * self.taps.step
            piece = floats[start : start + self.length]
            np.add(piece[:met], piece[: -met - 1 : -1], out=sums)
            np.subtract(piece[:met], piece[: -met - 1 : -1], out=differences)
            np.matmul(matrices[0], sums, out=even.reshape(-1, channels))
            np.matmul(matrices[1], differences, out=odd.reshape(-1, channels))
            these = out[:, first : first + self.at_once]
            np.subtract(even, odd, out=these[:, : -made - 1 : -1])
            these[:, : -made - 1 : -1] *= parity
            np.add(even, odd, out=these[:, :made])
        return out

    def _reached(self, missing: np.ndarray) -> np.ndarray:
        """Return which filtered samples have a part of a missing one."""
        before = np.zeros((len(missing) + 1, missing.shape[1]), np.int32)
        np.cumsum(missing, axis=0, out=before[1:])
        starts = np.arange(self.wanted) * self.taps.step
        return before[starts + self.taps.values.shape[1]] > before[starts]
