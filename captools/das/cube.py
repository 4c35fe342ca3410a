"""Regions of a cube of spectra: samples in, whole chunks out."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from captools import process
from captools.das import evidence
from captools.das.cubestore import CubeStore, chunk_key, encoded, padded
from captools.das.describing import utc
from captools.das.gathering import check as check_used
from captools.das.layout import CHANNELS, CRYOCUBE, LEVELS, ROWS, Layout, rows_of
from captools.das.reading import Reader, fill
from captools.das.regions import Region
from captools.das.spectra import levels
from captools.das.windows import Stretch
from captools.errors import FatalError, InputError
from captools.io.address import Input, Url
from captools.io.atomic import Outputs

BLOCK_BYTES = 1 << 25  # of samples at a time


def make(store: CubeStore, layout: Layout) -> int:
    """Make the store of a cube, or let it grow, and return how many segments it has.

    What is written in it stays. Several processes may do so at once: all write the same bytes.

    Raises
    ------
    FatalError
        If there is another cube.
    """
    there = check_same(store, layout)
    if there < layout.rows:
        for key, content in layout.content():
            store.put(key, content)
    return max(there, layout.rows)


def check_same(store: CubeStore, layout: Layout) -> int:
    """Return how many segments a cube has, 0 if it is not there.

    Raises
    ------
    FatalError
        If there is another cube.
    """
    root = store.root()
    if root is None:
        return 0
    there = root.get("attributes", {}).get("layout")
    if there != layout.as_json():
        raise FatalError(f"{store.location}: {_difference(there, layout)}: choose another")
    return rows_of(root)


def _difference(there: dict | None, layout: Layout) -> str:
    """Say in what the cube that is there is another one."""
    if there is None:
        return "is a zarr store of another origin"
    wanted = layout.as_json()
    if {name for name in wanted if there.get(name) != wanted[name]} <= {"first", "origin_ns"}:
        other = Layout.from_json(there, layout.rows)
        begins = [utc(one.grid.time(one.first)) for one in (other, layout)]
        return "holds a cube that begins at {}, not at {}".format(*begins)
    here, now = (one["spectrum"] | {**one, "spectrum": None} for one in (there, wanted))
    names = [name for name in now if here.get(name) != now[name] and name != "first"]
    shown = ", ".join(f"{name} {here.get(name)}, not {now[name]}" for name in names)
    return f"holds a cube with {shown}"


def fill_cube(inputs: Iterable[Input], location: Path | Url) -> Outputs:
    """Write the levels of regions, in place of what the cube holds there.

    Parameters
    ----------
    inputs : iterable of Input
        Regions; one that is none fails.
    location : Path or Url
        The cube.

    Returns
    -------
    Outputs
        No path, but how many segments the regions have, and of how many there are samples.

    Raises
    ------
    InputError
        If samples cannot be read.
    FatalError
        If the store is another cube.
    FolderError
        If it cannot be written.
    """
    total = Outputs()
    for item in inputs:
        check_used(item)
        if isinstance(item, Region):
            total.rows_in += len(item.numbers)
            total.rows_out += _fill(item, location)
    return total


def _fill(region: Region, location: Path | Url) -> int:
    """Write the levels of a region, and return of how many segments there are samples."""
    layout = region.layout
    store = CubeStore(location)
    if make(store, layout) > layout.rows and region.row + len(region.numbers) == layout.rows:
        raise InputError(f"{region}: the cube has become longer meanwhile: run this again")
    stretches = [(stretch, region.numbers_in(stretch)) for stretch in region.stretches()]
    evidence.forget(store, region)
    there = []
    with Reader(range(*layout.channels)) as reader:
        for first in range(0, layout.width, width := _width(stretches, layout)):
            columns = slice(first, min(first + width, layout.width))
            blocks = [_Block(reader, layout, one, numbers, columns) for one, numbers in stretches]
            for row, column, chunk in _chunks(region, columns, blocks):
                process.check()
                key = chunk_key(LEVELS, row // ROWS, 0, column // CHANNELS)
                if _mark_missing(chunk, layout.spectrum.like):
                    store.put(key, encoded(padded(chunk, layout.chunk)))
                    there.append((row // ROWS, column // CHANNELS))
                else:
                    store.drop(key)
    evidence.say(store, region, there)
    return sum(len(numbers) for _, numbers in stretches)


def _width(stretches: list[tuple[Stretch, range]], layout: Layout) -> int:
    """Return how many channels are read at once: whole chunks, as memory allows."""
    samples = sum(stretch.samples for stretch, _ in stretches) or 1
    dtypes = [stretch.portions[0].record.dtype for stretch, _ in stretches]
    row_bytes = CHANNELS * max((np.dtype(dtype).itemsize for dtype in dtypes), default=1)
    return CHANNELS * max(1, BLOCK_BYTES // (samples * row_bytes))


class _Block:
    """The samples of a stretch and of some channels, and the segments in it."""

    def __init__(
        self, reader: Reader, layout: Layout, stretch: Stretch, numbers: range, columns: slice
    ) -> None:
        self.numbers, self.columns = numbers, columns
        self._spectrum, self._kernel = layout.spectrum, layout.spectrum.kernel()
        self._starts = layout.grid.starts(stretch, numbers)
        portions = stretch.cut(0, stretch.samples)
        self._samples = fill(reader, portions, stretch.samples, reader.channels[columns])

    def write(self, chunk: np.ndarray, numbers: range, columns: slice) -> None:
        """Write the levels of those segments of a chunk that are in this stretch."""
        low = max(numbers.start, self.numbers.start)
        high = min(numbers.stop, self.numbers.stop)
        if low >= high:
            return
        starts = self._starts[low - self.numbers.start : high - self.numbers.start]
        first, stop = int(starts[0]), int(starts[-1]) + self._spectrum.samples
        offset = self.columns.start
        samples = self._samples[first:stop, columns.start - offset : columns.stop - offset]
        levels(
            samples,
            starts - first,
            self._kernel,
            exact=self._spectrum.exact,
            out=chunk[low - numbers.start : high - numbers.start],
        )


def _chunks(
    region: Region, columns: slice, blocks: list[_Block]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the chunks of a region and of some channels, each with its first row and channel."""
    layout, numbers = region.layout, region.numbers
    bins = len(layout.spectrum.frequencies)
    for row in range(0, len(numbers), ROWS):
        some = numbers[row : row + ROWS]
        for column in range(columns.start, columns.stop, CHANNELS):
            which = slice(column, min(column + CHANNELS, columns.stop))
            chunk = np.full((len(some), bins, which.stop - which.start), np.nan, np.float32)
            for block in blocks:
                block.write(chunk, some, which)
            yield region.row + row, column, chunk


def _mark_missing(chunk: np.ndarray, like: str) -> bool:
    """Let levels be missing that are not finite, in place; return whether any is there."""
    finite = np.isfinite(chunk)
    if finite.all():
        return True
    if like == CRYOCUBE:  # it has 0 at frequency 0, whatever the others are
        finite[:, 0] = finite[:, -1]
    np.copyto(chunk, np.nan, where=~finite)
    return bool(finite.any())
