"""Rows that are anywhere in parts of the inputs, brought together by buckets: through files.

Each part is a file in which the rows of a bucket are one stretch, column by column. So a worker
writes a part without a word with others, and reads a bucket by one stretch of each part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from captools.errors import FolderError
from captools.io.atomic import CUT_OFF, attempt, output_error
from captools.process import check

# Where rows of a bucket lie: in the file of a part, so many, from this byte on.
PLACE = np.dtype([("part", "u4"), ("rows", "u4"), ("at", "u8")])


class Stretch(NamedTuple):
    """Rows of a part that belong to a bucket, or some of them."""

    part: int
    at: int  # the first byte of the rows of the bucket
    rows: int  # of the bucket
    first: int  # of those that are taken
    stop: int


@dataclass(frozen=True)
class Shuffle:
    """Where the parts are, and what they hold; it goes to workers.

    Parameters
    ----------
    folder : Path
        A folder of its own, where there is room for all rows.
    dtypes : dict of str to dtype
        The columns.
    output : Path
        What is being made, for errors.
    """

    folder: Path
    dtypes: dict[str, np.dtype]
    output: Path

    @property
    def row_bytes(self) -> int:
        """The size of a row."""
        return sum(dtype.itemsize for dtype in self.dtypes.values())

    @property
    def _layout(self) -> list[tuple[str, np.dtype]]:
        """The columns in the order of a stretch, in which all of them are aligned."""
        return sorted(self.dtypes.items(), key=lambda item: -item[1].itemsize)

    def put(
        self, part: int, columns: dict[str, np.ndarray], bucket: np.ndarray, buckets: int
    ) -> np.ndarray:
        """Write the rows of a part, and return how many each of so many buckets has."""
        counts = np.bincount(bucket, minlength=buckets)
        short = bucket.astype(np.uint16) if buckets <= 1 << 16 else bucket  # sorted by counting
        order = np.argsort(short, kind="stable")
        stored = np.empty(len(order) * self.row_bytes, np.uint8)
        stops = np.cumsum(counts)
        filled = [
            (int(stop - rows), int(stop), int(stop - rows) * self.row_bytes)
            for rows, stop in zip(counts, stops, strict=True)
            if rows
        ]
        before = 0  # bytes of a row in the columns before
        for name, dtype in self._layout:
            values = columns[name].astype(dtype, copy=False)[order].view(np.uint8)
            size = dtype.itemsize
            for first, stop, at in filled:
                at += (stop - first) * before
                stored[at : at + (stop - first) * size] = values[first * size : stop * size]
            before += size
        try:
            with attempt(self._path(part)) as path, open(path, "wb") as file:
                file.write(stored)
        except OSError as error:
            raise output_error(self.output, error) from None
        return counts

    def take(self, stretches: Sequence[Stretch]) -> dict[str, np.ndarray]:
        """Return the rows of stretches, one after another."""
        rows = sum(one.stop - one.first for one in stretches)
        columns = {name: np.empty(rows, dtype) for name, dtype in self.dtypes.items()}
        done = 0
        for one in stretches:
            check()
            data = self._stored(one)
            stop, at = done + one.stop - one.first, 0
            for name, dtype in self._layout:
                values = np.frombuffer(data, dtype, one.rows, at)
                columns[name][done:stop] = values[one.first : one.stop]
                at += one.rows * dtype.itemsize
            done = stop
        return columns

    def _stored(self, one: Stretch) -> bytes:
        """Return the bytes of a stretch, all of them."""
        size = one.rows * self.row_bytes
        try:
            with open(self._path(one.part), "rb") as file:
                file.seek(one.at)
                data = file.read(size)
        except OSError as error:
            raise output_error(self.output, error) from None
        if len(data) < size:
            raise FolderError(f"{self.output}: cannot be written ({CUT_OFF})")
        return data

    def _path(self, part: int) -> Path:
        return self.folder / f"{part}.rows"


def gathered(
    found: Sequence[tuple[np.ndarray, np.ndarray]], row_bytes: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the buckets that have rows, by increasing key, with the places of their rows.

    Parameters
    ----------
    found : sequence of (keys, rows)
        What each part has: its buckets by increasing key, and how many rows each of them has.
    row_bytes : int
        The size of a row.
    """
    if not found:
        return
    keys = np.concatenate([of_part for of_part, _ in found])
    places = np.empty(len(keys), PLACE)
    places["part"] = np.repeat(np.arange(len(found)), [len(of_part) for of_part, _ in found])
    places["rows"] = np.concatenate([rows for _, rows in found])
    places["at"] = np.concatenate([np.cumsum(rows) - rows for _, rows in found]) * row_bytes
    order = np.argsort(keys, kind="stable")
    keys, places = keys[order], places[order]
    edges = [0, *np.flatnonzero(np.diff(keys)) + 1, len(keys)]
    for start, stop in pairwise(edges):
        if stop > start:
            yield int(keys[start]), places[start:stop]


def pieces(places: np.ndarray, most: int) -> Iterator[list[Stretch]]:
    """Yield the rows of a bucket in their order, at most so many at a time."""
    piece: list[Stretch] = []
    room = most
    for part, rows, at in places.tolist():
        first = 0
        while first < rows:
            stop = min(rows, first + room)
            piece.append(Stretch(part, at, rows, first, stop))
            room -= stop - first
            first = stop
            if not room:
                yield piece
                piece, room = [], most
    if piece:
        yield piece
