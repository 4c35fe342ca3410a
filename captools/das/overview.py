"""A cube of spectra in as many numbers as a picture has pixels: means of powers, chunk by chunk."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from captools.das.cubereading import Cube
from captools.das.layout import CRYOCUBE, DENSITY, Layout
from captools.errors import InputError
from captools.progress import track

MOST_TIMES, MOST_FREQUENCIES, MOST_CHANNELS = 1000, 300, 300  # of a picture
CELLS = 1 << 20  # at a time


@dataclass(frozen=True)
class Overview:
    """What a picture of a cube shows, in its decibels; NaN where nothing is known.

    Attributes
    ----------
    layout : Layout
        Of the cube.
    channel : int
        Whose spectrogram it is, counted from the cube's first one.
    band : slice
        Of the cube's frequencies.
    spectrogram : array of float64, shape (times, frequencies)
        Of the channel, without frequency 0.
    of_channel, spectrum : array of float64, shape (frequencies,)
        Means of the channel, and of all of them, without frequency 0.
    along : array of float64, shape (times, channels)
        Power in the band.
    segments : int
        So many have levels.
    missing : float
        Share of spectra without levels.
    """

    layout: Layout
    channel: int
    band: slice
    spectrogram: np.ndarray
    of_channel: np.ndarray
    along: np.ndarray
    spectrum: np.ndarray
    segments: int
    missing: float


def overview(
    cube: Cube, channel: int | None = None, band: tuple[float, float] | None = None
) -> Overview:
    """Return what a picture of a cube shows.

    Parameters
    ----------
    cube : Cube
        All of its levels are read; memory does not depend on how many there are.
    channel : int, optional
        Of the record, as the cube names it; by default that with levels next to the middle.
    band : (float, float), optional
        Lowest and highest frequency (Hz); by default all but 0.

    Raises
    ------
    ValueError
        If the cube has no such channel or frequency.
    InputError
        If it holds no level, or one cannot be read.
    """
    layout = cube.layout
    column = None if channel is None else _column(layout, channel)
    total = _Total(layout, band)
    for row in track(cube.rows):
        for first in cube.columns:
            levels = cube.levels(row, first)
            if levels is not None:
                total.add(row, first, levels)
    if not total.counts.any():
        raise InputError(f"{cube.store.location}: holds no level by now")
    if column is None:
        there = np.flatnonzero(total.counts)
        column = int(there[np.abs(there - layout.width // 2).argmin()])
    elif not total.counts[column]:
        raise InputError(f"{cube.store.location}: channel {channel} is missing: choose another")
    return Overview(
        layout,
        column,
        total.bins,
        *_of_channel(cube, column),
        along=_decibels(total.along.mean(), layout),
        spectrum=_decibels(total.spectrum.mean()[0], layout),
        segments=int(total.rows.sum()),
        missing=1 - float(total.counts.sum() / (layout.rows * layout.width)),
    )


def _column(layout: Layout, channel: int) -> int:
    try:
        return range(*layout.channels).index(channel)
    except ValueError:
        there = range(*layout.channels)
        step = f", each {there.step}th" if there.step > 1 else ""
        raise ValueError(
            f"--channel {channel}: the cube has those from {there[0]} to {there[-1]}{step}"
        ) from None


def _bins(layout: Layout, band: tuple[float, float] | None) -> slice:
    """Return which frequencies are in a band; never 0, at which means were removed."""
    frequencies = layout.spectrum.frequencies
    low, high = band or (0.0, np.inf)
    inside = np.flatnonzero((frequencies >= low) & (frequencies <= high) & (frequencies > 0))
    if not len(inside):
        raise ValueError(
            f"band {low:g} to {high:g} Hz: the cube has {len(frequencies)} frequencies up to "
            f"{frequencies[-1]:g} Hz"
        )
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _per_neper(layout: Layout) -> float:
    """Return what the natural logarithm of a power is multiplied with."""
    return 10.0 if layout.spectrum.like == CRYOCUBE else 10 / float(np.log(10))


def _decibels(powers: np.ndarray, layout: Layout) -> np.ndarray:
    with np.errstate(divide="ignore"):
        found = np.log(powers) * _per_neper(layout)
    return np.where(np.isfinite(found), found, np.nan)


def _pieces(levels: np.ndarray, layout: Layout) -> Iterator[tuple[int, np.ndarray]]:
    """Yield some segments after the other as powers, without frequency 0, each with its first."""
    some = max(1, CELLS // levels[0].size)
    for start in range(0, len(levels), some):
        piece = levels[start : start + some, 1:].astype(np.float64)
        yield start, np.exp(piece / _per_neper(layout))


class _Means:
    """Means of a table too large for a picture: of so many rows and columns each."""

    def __init__(self, height: int, width: int, most: tuple[int, int]) -> None:
        self._whole = height, width
        shape = min(height, most[0]), min(width, most[1])
        self._sums, self._counts = np.zeros(shape), np.zeros(shape, np.int64)

    def add(self, row: int, column: int, values: np.ndarray, counts: np.ndarray) -> None:
        """Add a part of the table, which begins there: sums, and of how many values."""
        where, edges = [], []
        for axis, first in enumerate((row, column)):
            size, whole = self._sums.shape[axis], self._whole[axis]
            bins = np.arange(first, first + values.shape[axis]) * size // whole
            where.append(slice(int(bins[0]), int(bins[-1]) + 1))
            edges.append(np.flatnonzero(np.diff(bins, prepend=-1)))
        for total, part in ((self._sums, values), (self._counts, counts)):
            part = np.add.reduceat(part.astype(total.dtype), edges[0], axis=0)
            total[tuple(where)] += np.add.reduceat(part, edges[1], axis=1)

    def mean(self) -> np.ndarray:
        """Return the means, NaN where there is no value."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._sums / self._counts


class _Total:
    """What is known of the chunks that were added."""

    def __init__(self, layout: Layout, band: tuple[float, float] | None) -> None:
        self._layout = layout
        self.bins = _bins(layout, band)
        is_density = layout.spectrum.like == DENSITY
        self._width = layout.spectrum.frequencies[1] if is_density else 1.0  # of a bin, Hz
        self.along = _Means(layout.rows, layout.width, (MOST_TIMES, MOST_CHANNELS))
        bins = layout.chunk[1] - 1
        self.spectrum = _Means(1, bins, (1, bins))
        self.counts = np.zeros(layout.width, np.int64)  # spectra of each channel
        self.rows = np.zeros(layout.rows, bool)  # segments that have levels

    def add(self, row: int, column: int, levels: np.ndarray) -> None:
        """Add a chunk that begins with these segment and channel."""
        inside = slice(self.bins.start - 1, self.bins.stop - 1)  # without frequency 0
        for start, powers in _pieces(levels, self._layout):
            there = np.isfinite(powers)
            powers[~there] = 0
            self.spectrum.add(0, 0, powers.sum((0, 2))[None], there.sum((0, 2))[None])
            some = there[:, inside].any(1)
            self.along.add(row + start, column, powers[:, inside].sum(1) * self._width, some)
            known = there.any(1)
            self.counts[column : column + known.shape[1]] += known.sum(0)
            self.rows[row + start : row + start + len(known)] |= known.any(1)


def _of_channel(cube: Cube, channel: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the spectrogram and the mean spectrum of a channel, counted from the first one."""
    layout = cube.layout
    bins, column = layout.chunk[1] - 1, channel // layout.chunk[2] * layout.chunk[2]
    table = _Means(layout.rows, bins, (MOST_TIMES, MOST_FREQUENCIES))
    mean = _Means(1, bins, (1, bins))
    for row in track(cube.rows):
        levels = cube.levels(row, column)
        if levels is None:
            continue
        at = channel - column
        for start, powers in _pieces(levels[:, :, at : at + 1], layout):
            there = np.isfinite(powers[..., 0])
            found = np.where(there, powers[..., 0], 0)
            table.add(row + start, 0, found, there)
            mean.add(0, 0, found.sum(0)[None], there.sum(0)[None])
    return _decibels(table.mean(), layout), _decibels(mean.mean()[0], layout)
