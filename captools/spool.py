"""Rows sorted into heaps on disk, for what needs more of them together than memory holds."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from captools.flat import Table, temporary_name

HELD = 1 << 26  # bytes of rows in memory, of all heaps together


class Spool:
    """Heaps of rows, each in a file of its own below a hidden folder.

    A context: the folder goes when it is left.

    Parameters
    ----------
    folder : Path
        Where the hidden folder is made: beside the output, where there is room.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder) / temporary_name("spool")
        self._dtype: np.dtype | None = None
        self._waiting: dict[int, list[bytes]] = {}
        self._held = 0
        self.rows: dict[int, int] = {}

    def __enter__(self) -> "Spool":
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, keys: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        """Add rows to the heaps of these keys (int, one a row), behind those already there."""
        if self._dtype is None:
            self._dtype = np.dtype([(name, values.dtype) for name, values in columns.items()])
        order = np.argsort(keys, kind="stable")
        records = np.empty(len(order), self._dtype)
        for name, values in columns.items():
            records[name] = values[order]
        ordered = keys[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
        for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
            key = int(ordered[start])
            self._waiting.setdefault(key, []).append(records[start:stop].tobytes())
            self.rows[key] = self.rows.get(key, 0) + int(stop - start)
        self._held += records.nbytes
        if self._held > HELD:
            self._write()

    def heaps(self) -> list[int]:
        """Return the keys of the heaps, in increasing order."""
        return sorted(self.rows)

    def blocks(self, key: int, size: int) -> Iterator[Table]:
        """Yield the rows of a heap in the order they came, `size` at a time."""
        self._write()
        with open(self._path(key), "rb") as file:
            while len(records := np.fromfile(file, self._dtype, size)):
                yield Table({name: records[name].copy() for name in self._dtype.names})

    def _write(self) -> None:
        for key, pieces in self._waiting.items():
            with open(self._path(key), "ab") as file:
                file.writelines(pieces)
        self._waiting.clear()
        self._held = 0

    def _path(self, key: int) -> Path:
        return self.folder / f"{key}.rows"
