"""Rows sorted into heaps on disk, for what needs more of them together than memory holds."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from captools.flat.table import Table
from captools.io.atomic import output_error, temporary_name
from captools.process import check

HELD = 1 << 26  # bytes of rows in memory, of all heaps together
STRIPE = 1 << 11  # rows turned from columns to records, or back, at a time: they stay in the cache


class Buckets:
    """Heaps of rows, each in a file of its own below a hidden folder.

    A context: the folder goes when it is left.

    Parameters
    ----------
    folder : Path
        Where the hidden folder is made: beside the output, where there is room.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder) / temporary_name("buckets")
        self._records: np.ndarray | None = None  # room for those that wait in memory
        self._held = 0  # how many wait
        self._rows: dict[int, int] = {}

    def __enter__(self) -> "Buckets":
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, keys: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        """Add rows to the heaps of these keys (int, one a row), behind those already there."""
        if self._records is None:
            self._begin(columns)
        step = min(STRIPE, len(self._keys))
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
        """How many rows each heap has."""
        self._write()
        return self._rows

    def heaps(self) -> list[int]:
        """Return the keys of the heaps, in increasing order."""
        return sorted(self.rows)

    def blocks(self, key: int, size: int) -> Iterator[Table]:
        """Yield the rows of a heap in the order they came, `size` at a time."""
        self._write()
        with open(self._path(key), "rb") as file:
            while len(records := np.fromfile(file, self._records.dtype, size)):
                check()
                yield Table(_columns(records))

    def _begin(self, columns: dict[str, np.ndarray]) -> None:
        dtype = np.dtype([(name, values.dtype) for name, values in columns.items()])
        count = max(1, HELD // dtype.itemsize)
        self._records, self._keys = np.empty(count, dtype), np.empty(count, np.int64)

    def _write(self) -> None:
        """Add the rows in memory to the files, those of one heap in one go."""
        if not self._held:
            return
        keys = self._keys[: self._held]
        order = np.argsort(keys, kind="stable")
        edges = np.flatnonzero(np.diff(keys[order])) + 1
        for rows in np.split(order, edges):
            key = int(keys[rows[0]])
            try:
                with open(self._path(key), "ab") as file:
                    file.write(self._records.take(rows))  # an index would go field by field
            except OSError as error:
                raise output_error(self.folder, error) from None
            self._rows[key] = self._rows.get(key, 0) + len(rows)
        self._held = 0

    def _path(self, key: int) -> Path:
        return self.folder / f"{key}.rows"


def _columns(records: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of records, each in one piece."""
    columns = {name: np.empty(len(records), records.dtype[name]) for name in records.dtype.names}
    for start in range(0, len(records), STRIPE):
        at = slice(start, start + STRIPE)
        part = records[at]
        for name, values in columns.items():
            values[at] = part[name]
    return columns
