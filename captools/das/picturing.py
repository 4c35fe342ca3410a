"""Windows of records to pictures: samples in, means of pixels out.

A window is filtered with what lies before and after it, across files. At an end of a stretch, be it
that of all records or a gap, samples are mirrored. Channels are read in parts, as memory allows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from captools import process
from captools.das import pixels
from captools.das.blocks import BLOCK_BYTES, cut, widths
from captools.das.centring import extremes
from captools.das.convolving import filtered
from captools.das.envelopes import envelope_levels
from captools.das.filters import common_mode, extended, without_common_mode
from captools.das.reading import Order, Reader, fill
from captools.das.recipes import ENVELOPE, FK, RMS, Prepared, Recipe
from captools.das.records import Record
from captools.das.taps import Taps
from captools.das.tasks import Windows
from captools.das.wavenumbers import frequency_wavenumber
from captools.das.windows import Grid, Stretch

FILTERED_AT_ONCE = 1 << 14  # samples of a channel, of several windows: with more it is slower
UNEVEN = 1e5  # times as loud: windows are filtered each alone then
SUM_BYTES = 1 << 25  # of the sums that pictures are made of, at a time


@dataclass(frozen=True)
class Picture:
    """The picture of a window.

    Attributes
    ----------
    number : int
        Of the window on the grid.
    values : array of float32, shape (rows, columns)
        Means of pixels: time goes down, channels to the right; of fk, frequencies go up and
        wavenumbers to the right. NaN where nothing is.
    missing : int
        How many samples of the window no file has.
    """

    number: int
    values: np.ndarray
    missing: int


def pictures(run: Windows, recipe: Recipe) -> Iterator[Picture]:
    """Yield the pictures of the windows of a run, in their order.

    Raises
    ------
    InputError
        If samples cannot be read.
    """
    stretches = run.stretches()
    prepared = recipe.prepared(stretches[0].portions[0].record)
    at_once = max(1, SUM_BYTES // (16 * recipe.size[0] * recipe.size[1]))
    with Reader(run.channels) as reader:
        for first in range(0, len(run.numbers), at_once):
            some = run.numbers[first : first + at_once]
            sources = [
                source
                for stretch in stretches
                if (source := _Source.of(stretch, run.grid, some, prepared.halo))
            ]
            some = [one for one in some if any(one in source.starts for source in sources)]
            draw = _waves if recipe.what == FK else _filtered
            yield from draw(reader, sources, some, prepared)


@dataclass(eq=False)
class _Source:
    """A stretch, and what windows take of it.

    Attributes
    ----------
    stretch : Stretch
    starts : dict
        At which sample of the stretch each window begins; it may be before the first.
    length : int
        Samples of a window.
    first, stop : int
        The samples to read, with the halo.
    """

    stretch: Stretch
    starts: dict[int, int]
    length: int
    first: int
    stop: int

    @classmethod
    def of(
        cls, stretch: Stretch, grid: Grid, numbers: Sequence[int], halo: int
    ) -> "_Source | None":
        """Return what windows take of a stretch, None if nothing."""
        every = range(numbers[0], numbers[-1] + 1)
        starts = dict(zip(every, map(int, grid.starts(stretch, every)), strict=True))
        inside = {
            number: starts[number]
            for number in numbers
            if -grid.samples < starts[number] < stretch.samples
        }
        if not inside or stretch.samples <= halo:
            return None
        first = max(0, min(inside.values()) - halo)
        stop = min(stretch.samples, max(inside.values()) + grid.samples + halo)
        return cls(stretch, inside, grid.samples, first, stop)

    @property
    def samples(self) -> int:
        """How many samples are read."""
        return self.stop - self.first

    @property
    def record(self) -> Record:
        """That of the first sample that is read."""
        return self.stretch.cut(self.first, self.stop)[0][0].record

    def window(self, number: int) -> tuple[int, int]:
        """Return the first sample of a window that is there, and the one after the last."""
        start = self.starts[number]
        return max(0, start), min(self.stretch.samples, start + self.length)

    def read(
        self,
        reader: Reader,
        channels: range,
        part: slice = slice(None),
        order: Order = "C",
    ) -> np.ndarray:
        """Return samples of channels, shape (time, channel): all that are read, or a part."""
        first, stop, _ = part.indices(self.samples)
        portions = self.stretch.cut(self.first + first, self.first + stop)
        return fill(reader, portions, stop - first, channels, order)

    def mode(self, reader: Reader) -> np.ndarray:
        """Return the median of all channels at each time that is read."""
        row_bytes = 8 * len(reader.channels)
        rows = max(1, BLOCK_BYTES // row_bytes)
        parts = []
        for first in range(0, self.samples, rows):
            process.check()
            parts.append(
                common_mode(self.read(reader, reader.channels, slice(first, first + rows)))
            )
        return np.concatenate(parts)


# --- filtered samples ------------------------------------------------------------


def _filtered(
    reader: Reader, sources: list[_Source], numbers: Sequence[int], prepared: Prepared
) -> Iterator[Picture]:
    """Yield pictures of filtered samples."""
    recipe, taps = prepared.recipe, prepared.taps
    assert taps is not None
    length = sources[0].length
    columns, rows = recipe.size
    order: Order = "F" if recipe.what == ENVELOPE else "C"  # as transforms, or products, take them
    modes = [source.mode(reader) if recipe.common_mode else None for source in sources]
    times = pixels.boxes(-(-length // taps.step), rows)
    every = pixels.boxes(len(reader.channels), columns)
    sums = {number: np.zeros((2, rows, columns)) for number in numbers}
    groups = _groups(numbers, sources, prepared)
    for block, read in _blocks(reader, sources, order):
        touched = np.flatnonzero(every[:, block].any(axis=1))
        some = slice(touched[0], touched[-1] + 1)
        for group in groups:
            process.check()
            found = _values(group, sources, read, modes, taps, recipe.what)
            for number, values in zip(group, np.split(found, len(group)), strict=True):
                sums[number][:, :, some] += pixels.sums(values, times, every[some, block])
        del read  # before more is read, as in `_blocks`
    for number in numbers:
        total, weight = sums[number]
        if recipe.what == RMS:  # of which so far there are squares
            with np.errstate(divide="ignore", invalid="ignore"):
                total = 10 * np.log10(total / weight) * weight
        there = sum(
            stop - first
            for source in _of(number, sources)
            for first, stop in [source.window(number)]
        )
        yield Picture(number, pixels.means(total, weight), length - there)


def _of(number: int, sources: list[_Source]) -> list[_Source]:
    """Return the stretches that have a part of a window: one, if that has all of it."""
    parts = [source for source in sources if number in source.starts]
    whole = [source for source in parts if np.ptp(source.window(number)) == source.length]
    return whole[:1] or parts


def _groups(numbers: Sequence[int], sources: list[_Source], prepared: Prepared) -> list[list[int]]:
    """Return which windows are filtered as one, with one halo: they follow each other.

    Where a common mode is taken off, each window is filtered alone: what is dead in one may not be
    in the next.
    """
    length = sources[0].length
    alone = prepared.recipe.common_mode or length % prepared.step
    most = 1 if alone else max(1, FILTERED_AT_ONCE // length)
    groups: list[list[int]] = []
    for number in numbers:
        if groups and len(groups[-1]) < most and _follows(number, groups[-1][-1], sources):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _follows(number: int, last: int, sources: list[_Source]) -> bool:
    """Return whether a window begins where the last one ends, and both are whole."""
    one, other = _of(last, sources), _of(number, sources)
    if one[0] is not other[0]:
        return False
    (before, start), (begin, stop) = one[0].window(last), one[0].window(number)
    return start == begin and stop - before == 2 * one[0].length


def _blocks(
    reader: Reader, sources: list[_Source], order: Order
) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """Yield channels that are worked on at once, with the samples of each source."""
    wide = widths(reader, [(source.record, source.samples) for source in sources])
    for part in cut(reader.channels, wide.read):
        read = [source.read(reader, reader.channels[part], order=order) for source in sources]
        for block in cut(range(part.stop - part.start), wide.worked_on):
            start, stop = part.start + block.start, part.start + block.stop
            yield slice(start, stop), [samples[:, block] for samples in read]
        del read  # before more is read


def _values(
    group: Sequence[int],
    sources: list[_Source],
    read: list[np.ndarray],
    modes: list[np.ndarray | None],
    taps: Taps,
    what: str,
) -> np.ndarray:
    """Return what pixels are means of, shape (time, channel); NaN where samples are missing.

    Of one window, or of several that are filtered as one.
    """
    length = sources[0].length * len(group)
    parts = []
    for source in _of(group[0], sources):
        begin = source.starts[group[0]]
        first, stop = source.window(group[0])[0], source.window(group[-1])[1]
        place = -(-(first - begin) // taps.step)
        first = begin + place * taps.step
        if first < stop:
            which = sources.index(source)
            samples = _with_halo(source, read[which], modes[which], first, stop, taps.halo)
            parts.append((place, _of_samples(samples, taps, what, len(group))))
    count = -(-length // taps.step)
    if len(parts) == 1 and len(parts[0][1]) == count:
        return parts[0][1]
    values = np.full((count, read[0].shape[1]), np.nan, np.float32 if what != RMS else float)
    for place, found in parts:
        values[place : place + len(found)] = found
    return values


def _with_halo(
    source: _Source,
    samples: np.ndarray,
    mode: np.ndarray | None,
    first: int,
    stop: int,
    halo: int,
) -> np.ndarray:
    """Return samples with a halo before and after, mirrored at the ends of the stretch."""
    low, high = max(0, first - halo), min(source.stretch.samples, stop + halo)
    part = slice(low - source.first, high - source.first)
    some = samples[part]
    if mode is not None:
        dead = _range(some) == 0
        some = without_common_mode(some, mode[part])
        some[:, dead] = np.nan  # else it would feel what is taken off
    before, after = low - (first - halo), stop + halo - high
    return extended(some, before, after) if before or after else some


def _of_samples(samples: np.ndarray, taps: Taps, what: str, windows: int) -> np.ndarray:
    """Return what pixels are means of, of samples with a halo; none of what is dead in a window."""
    length = (len(samples) - 2 * taps.halo) // windows
    parts = [samples[number * length :][: length + 2 * taps.halo] for number in range(windows)]
    ranges = np.stack([_range(part) for part in parts])
    if _is_uneven(ranges):
        return np.concatenate([_of_samples(part, taps, what, 1) for part in parts])
    found = envelope_levels(samples, taps) if what == ENVELOPE else filtered(samples, taps)
    if what == RMS:
        found = found.astype(float) ** 2
    for values, reach in zip(np.array_split(found, windows), ranges, strict=True):
        values[:, reach == 0] = np.nan
    return found


def _is_uneven(ranges: np.ndarray) -> bool:
    """Return whether what is loud in one window would be felt in another one, if filtered as one.

    A transform rounds, and leaves out what next to nothing passes of.
    """
    quiet = np.where(ranges > 0, ranges, np.inf).min(axis=0)
    return bool((ranges.max(axis=0) > UNEVEN * quiet).any())


def _range(samples: np.ndarray) -> np.ndarray:
    """Return how far the samples of each channel are apart; 0 if it is dead, or none is there."""
    low, high, _ = extremes(samples)
    return high - low


# --- frequency and wavenumber ----------------------------------------------------


def _waves(
    reader: Reader, sources: list[_Source], numbers: Sequence[int], prepared: Prepared
) -> Iterator[Picture]:
    """Yield pictures of the power by frequency and wavenumber, of windows that are whole."""
    recipe = prepared.recipe
    columns, rows = recipe.size
    for number in numbers:
        process.check()
        source = _of(number, sources)[0]
        first, stop = source.window(number)
        part = slice(first - source.first, stop - source.first)
        samples = source.read(reader, reader.channels, part)
        if recipe.common_mode:
            samples = without_common_mode(samples)
        spacing = abs(source.stretch.portions[0].record.spacing * reader.channels.step)
        found = frequency_wavenumber(samples, prepared.rate, spacing, recipe.low, recipe.high)
        upwards = found.levels[::-1]
        boxes = [pixels.boxes(*both) for both in zip(upwards.shape, (rows, columns), strict=True)]
        yield Picture(number, pixels.means(*pixels.sums(upwards, *boxes)), 0)
