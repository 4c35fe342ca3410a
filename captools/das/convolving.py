"""Filtering by taps, as matrix products or transforms: each sample depends on its halo alone.

As no sample depends on where a block begins or ends, pieces of a record give what the whole gives.
Only the filtered samples that are wanted are made, so decimation costs nothing and folds nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from captools.das.centring import Centre
from captools.das.passing import Passed
from captools.das.taps import Stage, Taps

VALUES_AT_ONCE = 1 << 19  # so that what is worked on stays in the cache,
CHANNELS_AT_ONCE = 8, 128  # least and most: so many are transformed, or multiplied, at once,
LANES = 8  # and a multiple of this: so many numbers a processor takes at a time
STRETCH = 8  # filtered samples, among which is to be more than rounding: fewer than of a pixel
# How many filtered samples a matrix makes: with more, fewer calls and less folding, but more zeros.
CALL, FOLD = 3000.0, 24.0  # what a call costs, and folding a sample, in products of one
QUIET = 100  # times the rounding of the loudest sample: float32 leaves little of what is filtered


def scaled(samples: np.ndarray, taps: Taps) -> Iterator[tuple[slice, Centre, np.ndarray]]:
    """Yield filtered samples, or powers of envelopes, of one part of the channels after another.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        With a halo before and after; NaN is missing.
    taps : Taps
        Those that are analytic make powers.

    Yields
    ------
    channels : slice
    centre : Centre
        What was taken off these channels, and how they are scaled.
    made : array of float32 or float64, shape (count, channels)
        Scaled, about zero; NaN where a missing sample has a part.
    """
    channels = samples.shape[1]
    wanted = taps.count(len(samples))
    if not (wanted and channels):
        return
    products = _products(taps, wanted)
    if products[0].order == "F" and samples.strides[0] != samples.itemsize:
        samples = np.asarray(samples, order="F")
    centre = Centre.of(samples)
    at_once = int(np.clip(VALUES_AT_ONCE // len(samples), *CHANNELS_AT_ONCE))
    even = -(-channels // -(-channels // at_once))
    edges = [*range(0, channels, -(-even // LANES) * LANES), channels]
    for first, last in pairwise(edges):
        block = slice(first, last)
        part = centre.of_channels(block)
        out = _convolved(samples[:, block], part, taps, products)
        rounding = np.finfo(part.dtype).eps * part.reach
        # What never changes is exactly zero, and stays so.
        quiet = np.flatnonzero((products[-1].quietest(out) <= QUIET * rounding) & (rounding > 0))
        if quiet.size and part.dtype != np.float64:
            few = first + quiet
            wide = replace(centre.of_channels(few), dtype=np.dtype(np.float64))
            out = out.astype(np.float64)  # float32 has no room for powers of what is so quiet
            out[:, quiet] = _convolved(samples[:, few], wide, taps, products)
        yield block, part, out


def filtered(samples: np.ndarray, taps: Taps) -> np.ndarray:
    """Return filtered samples in their units.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        With a halo before and after; NaN is missing.
    taps : Taps
        Of `taps.zero_phase`.

    Returns
    -------
    array of float32, shape (count, channels)
        The first is of the sample that follows on the halo.
    """
    out = np.empty((taps.count(len(samples)), samples.shape[1]), np.float32)
    for block, centre, part in scaled(samples, taps):
        part *= part.dtype.type(2.0**-centre.exponent)
        np.add(part, taps.constant * centre.offset, out=out[:, block], casting="same_kind")
    return out


def _convolved(
    samples: np.ndarray, centre: Centre, taps: Taps, products: list["_Product | Passed"]
) -> np.ndarray:
    """Return what `scaled` yields of some channels."""
    length, channels = samples.shape
    shape = max(length, products[0].room), channels
    floats = np.empty(shape, centre.dtype, products[0].order)
    floats[length:] = 0
    centre.apply(samples, floats[:length])
    missing = np.isnan(floats[:length]) if centre.has_holes else None
    if missing is not None:
        floats[:length][missing] = 0
    for product in products:
        floats = product.of(floats)
    if missing is not None:
        floats[_reached(missing, taps, len(floats))] = np.nan
    return floats


def _reached(missing: np.ndarray, taps: Taps, wanted: int) -> np.ndarray:
    """Return in which filtered samples a missing one has a part, shape (wanted, channels)."""
    before = np.zeros((len(missing) + 1, missing.shape[1]), np.int32)
    np.cumsum(missing, axis=0, out=before[1:])
    starts = np.arange(wanted) * taps.step
    return before[starts + 2 * taps.halo + 1] > before[starts]


def _products(taps: Taps, wanted: int) -> list["_Product | Passed"]:
    """Return what makes all stages, one after the other."""
    if taps.is_analytic:
        return [Passed(taps.stages[0], wanted)]
    products: list[_Product | Passed] = []
    for stage in reversed(taps.stages):
        products.insert(0, _Product(stage, wanted))
        wanted = (wanted - 1) * stage.step + stage.taps.shape[1]
    return products


class _Product:
    """Two matrices that make some filtered samples in a row, moved along the samples.

    Taps are even, so the samples may be folded about their middle, as in `folding`: one matrix
    meets the sums of mirrored samples, the other their differences. What they make are halves of
    the sums and of the differences of mirrored filtered samples.
    """

    room = 0  # beyond the samples that there are it needs none; `Passed` does
    order: Final = "C"  # channels lie side by side in memory

    def __init__(self, stage: Stage, wanted: int):
        (taps,) = stage.taps
        length = len(taps)
        self.step, self.wanted = stage.step, wanted
        self.at_once = min(round(np.sqrt((CALL + FOLD * length) / stage.step)) or 1, wanted)
        self.length = length + (self.at_once - 1) * stage.step
        made, met = (self.at_once + 1) // 2, (self.length + 1) // 2  # halves
        whole = np.zeros((made, self.length))
        for number in range(made):
            start = number * stage.step
            whole[number, start : start + length] = taps
        turned = whole[:, ::-1]
        self.of_sums = (whole + turned)[:, :met] / 2
        self.of_differences = (whole - turned)[:, :met] / 2
        if self.length % 2:
            self.of_sums[:, -1] /= 2  # the sample in the middle is its own twin

    def of(self, floats: np.ndarray) -> np.ndarray:
        """Return filtered samples, shape (wanted, channels)."""
        dtype, channels = floats.dtype, floats.shape[1]
        of_sums, of_differences = self.of_sums.astype(dtype), self.of_differences.astype(dtype)
        made, met = of_sums.shape
        sums, differences = np.empty((2, met, channels), dtype)
        even, odd = np.empty((2, made, channels), dtype)
        out = np.empty((self.wanted, channels), dtype)
        for first in range(0, self.wanted, self.at_once):
            first = min(first, self.wanted - self.at_once)  # the last ones overlap
            start = first * self.step
            piece = floats[start : start + self.length]
            np.add(piece[:met], piece[: -met - 1 : -1], out=sums)
            np.subtract(piece[:met], piece[: -met - 1 : -1], out=differences)
            np.matmul(of_sums, sums, out=even)
            np.matmul(of_differences, differences, out=odd)
            these = out[first : first + self.at_once]
            np.subtract(even, odd, out=these[: -made - 1 : -1])
            np.add(even, odd, out=these[:made])
        return out

    @staticmethod
    def quietest(filtered: np.ndarray) -> np.ndarray:
        """Return of each channel the loudest sample in the quietest short stretch."""
        size = np.abs(filtered)
        count, channels = size.shape
        whole = count // STRETCH * STRETCH
        loudest = np.fmax.reduce(size[:whole].reshape(-1, STRETCH, channels), axis=1)
        last = np.fmax.reduce(size[-STRETCH:], axis=0)
        return np.fmin(last, np.fmin.reduce(loudest, axis=0, initial=np.inf))
