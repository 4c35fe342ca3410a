"""Points brought to their tiles: sorted by parts of the inputs, then read tile by tile."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from captools.engine.crew import Crew
from captools.flat.collection import Collection
from captools.flat.origins import CORE
from captools.flat.parts import Part, RowReader, cut, each_part
from captools.flat.shuffle import Shuffle, gathered
from captools.geo.grid import Grid, assign, key_of, known

PART_BYTES = 1 << 26  # of rows that a worker sorts at a time
SLICE_ROWS = 1 << 14  # placed at a time: each may go to nine tiles


class Sorted(NamedTuple):
    """What a part holds: its tiles by increasing key, and how many points have no place."""

    keys: np.ndarray
    rows: np.ndarray  # of each tile
    core: np.ndarray  # of these, in the square itself
    lost: int


@dataclass(frozen=True)
class Held:
    """The rows of a tile in all parts, and where they lie: `core` of them are in its square."""

    key: int
    core: int
    places: np.ndarray

    @property
    def rows(self) -> int:
        """How many they are."""
        return int(self.places["rows"].sum())


def spread(
    crew: Crew, collection: Collection, grid: Grid, shuffle: Shuffle
) -> tuple[list[Held], int]:
    """Sort all points by tile; return the tiles that are core of any, and what has no place."""
    rows = max(1, PART_BYTES // shuffle.row_bytes)
    parts = cut(collection.files, rows)
    sort = _Sort(collection.reader, grid, shuffle)
    found = [one for _, one in each_part(crew, sort, parts)]
    return list(_tiles(found, shuffle.row_bytes)), sum(one.lost for one in found)


def _tiles(found: Sequence[Sorted], row_bytes: int) -> Iterator[Held]:
    """Yield the tiles that are core of any point, by increasing key."""
    held: Counter[int] = Counter()
    for one in found:
        held.update(dict(zip(one.keys.tolist(), one.core.tolist(), strict=True)))
    for key, places in gathered([(one.keys, one.rows) for one in found], row_bytes):
        if held[key]:
            yield Held(key, held[key], places)


@dataclass(frozen=True)
class _Sort:
    """Sorts the points of parts by tile."""

    reader: RowReader
    grid: Grid
    shuffle: Shuffle

    def __call__(self, part: Part) -> Sorted:
        """Sort one part."""
        names = [name for name in self.shuffle.dtypes if name in self.reader.shared.dtypes]
        columns = self.reader.columns(part.spans, names)
        x, y = columns["x"], columns["y"]
        point, column, row, core = _assigned(x, y, self.grid)
        keys, bucket = _numbered(column, row)
        if len(point) != len(x) or not np.array_equal(point, np.arange(len(x))):
            columns = {name: values[point] for name, values in columns.items()}
        rows = self.shuffle.put(part.number, columns | {CORE: core}, bucket, len(keys))
        own = np.bincount(bucket[core], minlength=len(keys))
        return Sorted(keys, rows, own, len(x) - int(np.count_nonzero(known(x, y))))


def _assigned(x: np.ndarray, y: np.ndarray, grid: Grid) -> list[np.ndarray]:
    """Return what `assign` returns, of a few points at a time."""
    found = []
    for start in range(0, max(1, len(x)), SLICE_ROWS):
        at = slice(start, start + SLICE_ROWS)
        point, *rest = assign(x[at], y[at], grid)
        found.append((point + start, *rest))
    return [np.concatenate(one) for one in zip(*found, strict=True)]


def _numbered(column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of the tiles that there are, increasing, and the number of each row's."""
    if not len(column):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    left, low = column.min(), row.min()
    high = int(row.max() - low) + 1
    if (int(column.max() - left) + 1) * high > 1 << 20:
        return np.unique(key_of(column, row), return_inverse=True)
    place = (column - left) * high + (row - low)  # among all squares of their box
    is_there = np.bincount(place) > 0
    there = np.flatnonzero(is_there)
    return key_of(there // high + left, there % high + low), (np.cumsum(is_there) - 1)[place]
