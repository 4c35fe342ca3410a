"""Filtering by taps as matrix products: each sample depends on its halo alone.

As no sample depends on where a block begins or ends, pieces of a record give what the whole gives.
Only the filtered samples that are wanted are made, so decimation costs nothing and folds nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from captools.das.centring import Centre
from captools.das.taps import Stage, Taps

CHANNELS_AT_ONCE = 128  # so that what is worked on stays in the cache
# How many filtered samples a matrix makes: with more, fewer calls and less folding, but more zeros.
CALL, FOLD = 3000.0, 24.0  # what a call costs, and folding a sample, in products of one
QUIET = 100  # times the rounding of the loudest sample: float32 leaves little of what is filtered


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
    wanted = taps.count(len(samples))
    if not (wanted and channels):
        return
    products = _products(taps, wanted)
    centre = Centre.of(samples)
    edges = np.linspace(0, channels, -(-channels // CHANNELS_AT_ONCE) + 1).astype(int)
    for first, last in pairwise(edges):
        block = slice(first, last)
        part = centre.of_channels(block)
        out = _convolved(samples[:, block], part, products)
        loudest = np.fmax(np.fmax.reduce(out[0], axis=0), -np.fmin.reduce(out[0], axis=0))
        quiet = np.flatnonzero(loudest <= QUIET * np.finfo(part.dtype).eps * part.reach)
        if quiet.size and part.dtype != np.float64:
            few = first + quiet
            wide = replace(centre.of_channels(few), dtype=np.dtype(np.float64))
            out[:, :, quiet] = _convolved(samples[:, few], wide, products)
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
    out = np.empty((taps.rows, taps.count(len(samples)), samples.shape[1]), np.float32)
    constant = taps.constant[:, np.newaxis, np.newaxis]  # what is left of an offset
    for block, centre, part in scaled(samples, taps):
        part *= part.dtype.type(2.0**-centre.exponent)
        np.add(part, constant * centre.offset, out=out[:, :, block], casting="same_kind")
    return out


def _convolved(samples: np.ndarray, centre: Centre, products: list["_Product"]) -> np.ndarray:
    """Return filtered samples, scaled: shape (rows, count, channels)."""
    floats = centre.apply(samples, np.empty(samples.shape, centre.dtype))
    missing = np.isnan(floats) if centre.has_holes else None
    if missing is not None:
        floats[missing] = 0
    for product in products:
        made = product.of(floats)
        floats = made[0]
        if missing is not None:
            missing = product.reached(missing)
    if missing is not None:
        made[:, missing] = np.nan
    return made


def _products(taps: Taps, wanted: int) -> list["_Product"]:
    """Return the products of all stages, to be made one after the other."""
    products: list[_Product] = []
    for stage in reversed(taps.stages):
        products.insert(0, _Product(stage, wanted))
        wanted = (wanted - 1) * stage.step + stage.taps.shape[1]
    return products


class _Product:
    """Two matrices that make some filtered samples in a row, moved along the samples.

    Taps are even or odd, so the samples may be folded about their middle, as in `folding`: one
    matrix meets the sums of mirrored samples, the other their differences. What they make are
    halves of the sums and of the differences of mirrored filtered samples.
    """

    def __init__(self, stage: Stage, wanted: int):
        rows, length = stage.taps.shape
        self.rows, self.step, self.wanted, self.reach = rows, stage.step, wanted, length
        self.at_once = min(round(np.sqrt((CALL + FOLD * length) / stage.step)) or 1, wanted)
        self.length = length + (self.at_once - 1) * stage.step
        made, met = (self.at_once + 1) // 2, (self.length + 1) // 2  # halves
        whole = np.zeros((rows, made, self.length))
        for number in range(made):
            # Taps meet samples in turned order, as in every convolution.
            start = number * stage.step
            whole[:, number, start : start + length] = stage.taps[:, ::-1]
        turned = whole[:, :, ::-1]
        self.of_sums = (whole + turned)[:, :, :met].reshape(rows * made, met) / 2
        self.of_differences = (whole - turned)[:, :, :met].reshape(rows * made, met) / 2
        if self.length % 2:
            self.of_sums[:, -1] /= 2  # the sample in the middle is its own twin
        is_even = np.sign((stage.taps * stage.taps[:, ::-1]).sum(axis=1))
        self.parity = is_even[:, np.newaxis, np.newaxis]

    def of(self, floats: np.ndarray) -> np.ndarray:
        """Return filtered samples, shape (rows, wanted, channels)."""
        dtype, channels = floats.dtype, floats.shape[1]
        of_sums, of_differences = self.of_sums.astype(dtype), self.of_differences.astype(dtype)
        parity = self.parity.astype(dtype)
        made, met = (self.at_once + 1) // 2, of_sums.shape[1]
        sums, differences = np.empty((2, met, channels), dtype)
        even, odd = np.empty((2, self.rows, made, channels), dtype)
        out = np.empty((self.rows, self.wanted, channels), dtype)
        for first in range(0, self.wanted, self.at_once):
            first = min(first, self.wanted - self.at_once)  # the last ones overlap
            start = first * self.step
            piece = floats[start : start + self.length]
            np.add(piece[:met], piece[: -met - 1 : -1], out=sums)
            np.subtract(piece[:met], piece[: -met - 1 : -1], out=differences)
            np.matmul(of_sums, sums, out=even.reshape(-1, channels))
            np.matmul(of_differences, differences, out=odd.reshape(-1, channels))
            these = out[:, first : first + self.at_once]
            np.subtract(even, odd, out=these[:, : -made - 1 : -1])
            these[:, : -made - 1 : -1] *= parity
            np.add(even, odd, out=these[:, :made])
        return out

    def reached(self, missing: np.ndarray) -> np.ndarray:
        """Return which filtered samples have a part of a missing one, shape (wanted, channels)."""
        before = np.zeros((len(missing) + 1, missing.shape[1]), np.int32)
        np.cumsum(missing, axis=0, out=before[1:])
        starts = np.arange(self.wanted) * self.step
        return before[starts + self.reach] > before[starts]
