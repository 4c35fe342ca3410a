"""Rows in buckets on disk, for work that needs more of them together than memory holds."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from captools.flat.table import Table
from captools.io.atomic import output_error, temporary_name
from captools.process import check

HELD_BYTES = 1 << 26  # of rows in memory, of all buckets together
STRIPE_ROWS = 1 << 11  # turned from columns to records, or back, at a time: they fit in the cache


class Buckets:
    """Rows by keys, each bucket in a file of its own below a hidden folder.

    A context: leaving it removes the folder.

    Parameters
    ----------
    folder : Path
        Where the hidden folder is made: beside the output, where there is room.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder) / temporary_name("buckets")
        self._records: np.ndarray | None = None  # room for the rows in memory
        self._held = 0  # rows in memory
        self._rows: dict[int, int] = {}

    def __enter__(self) -> "Buckets":
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, keys: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        """Add rows to buckets, behind the rows that these have.

        Parameters
        ----------
        keys : array of int, shape (rows,)
            The bucket of each row.
        columns : dict of str to array, shape (rows,)
            The rows; the same columns in every call.
        """
        if self._records is None:
            self._begin(columns)
        step = min(STRIPE_ROWS, len(self._keys))
        for start in range(0, len(keys), step):
            part = keys[start : start + step]
            if self._held + len(part) > len(self._keys):
                self._write()
            at = slice(self._held, self._held + len(part))
            self._keys[at] = part
            records = self._records[at]
            for name, values in columns.items():
                records[name] = values[start : start + step]
            self._held += len(part)

    @property
    def rows(self) -> dict[int, int]:
        """How many rows each bucket has, by key."""
        self._write()
        return self._rows

    def blocks(self, key: int, size: int) -> Iterator[Table]:
        """Yield the rows of a bucket in the order they came, `size` at a time."""
        self._write()
        with open(self._path(key), "rb") as file:
            while len(records := np.fromfile(file, self._records.dtype, size)):
                check()
                yield Table(_columns(records))

    def _begin(self, columns: dict[str, np.ndarray]) -> None:
        dtype = np.dtype([(name, values.dtype) for name, values in columns.items()])
        count = max(1, HELD_BYTES // dtype.itemsize)
        self._records, self._keys = np.empty(count, dtype), np.empty(count, np.int64)

    def _write(self) -> None:
        """Add the rows in memory to the files, those of one bucket in one go."""
        if not self._held:
            return
        keys = self._keys[: self._held]
        order = np.argsort(keys, kind="stable")
        edges = np.flatnonzero(np.diff(keys[order])) + 1
        for rows in np.split(order, edges):
            key = int(keys[rows[0]])
            try:
                with open(self._path(key), "ab") as file:
                    file.write(self._records.take(rows))  # an index would copy field by field
            except OSError as error:
                raise output_error(self.folder, error) from None
            self._rows[key] = self._rows.get(key, 0) + len(rows)
        self._held = 0

    def _path(self, key: int) -> Path:
        return self.folder / f"{key}.rows"


def _columns(records: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of records, each contiguous in memory."""
    columns = {name: np.empty(len(records), records.dtype[name]) for name in records.dtype.names}
    for start in range(0, len(records), STRIPE_ROWS):
        at = slice(start, start + STRIPE_ROWS)
        part = records[at]
        for name, values in columns.items():
            values[at] = part[name]
    return columns
