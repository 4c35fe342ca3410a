"""Rows that are anywhere in parts of the inputs, brought together by buckets: through files.

Each part is a file in which the rows of a bucket are one stretch, column by column. So a worker
writes a part without a word with others, and reads a bucket by one stretch of each part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from captools.io.atomic import output_error
from captools.process import check


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
            stored.tofile(self._path(part))
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
            with open(self._path(one.part), "rb", buffering=0) as file:
                file.seek(one.at)
                data = file.read(one.rows * self.row_bytes)
            stop, at = done + one.stop - one.first, 0
            for name, dtype in self._layout:
                values = np.frombuffer(data, dtype, one.rows, at)
                columns[name][done:stop] = values[one.first : one.stop]
                at += one.rows * dtype.itemsize
            done = stop
        return columns

    def _path(self, part: int) -> Path:
        return self.folder / f"{part}.rows"


def stretches_of(counts: np.ndarray, row_bytes: int, most: int) -> Iterator[list[Stretch]]:
    """Yield the stretches of each bucket in turn; one of more than `most` rows in pieces.

    Parameters
    ----------
    counts : array of int, shape (parts, buckets)
        The rows that each part has of each bucket.
    row_bytes : int
        The size of a row.
    most : int
        Rows of a piece.
    """
    starts = (np.cumsum(counts, axis=1) - counts) * row_bytes
    for bucket in range(counts.shape[1]):
        piece: list[Stretch] = []
        room = most
        for part in np.flatnonzero(counts[:, bucket]).tolist():
            rows, first = int(counts[part, bucket]), 0
            while first < rows:
                if not room:
                    yield piece
                    piece, room = [], most
                stop = min(rows, first + room)
                piece.append(Stretch(part, int(starts[part, bucket]), rows, first, stop))
                room -= stop - first
                first = stop
        if piece:
            yield piece
