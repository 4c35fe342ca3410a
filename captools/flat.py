"""The flat HDF5 file: root-level columns of one length, with units and a header.

The only module that opens flat files for writing. A file appears under its
name when it is whole, never before.
"""

import contextlib
import errno
import os
import re
import secrets
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from captools.errors import FolderError, OutputError, one_line

PRIVATE = "_captools"  # the folder beside, and the group inside, flat files: ours, not data
COMPRESSIONS = ("none", "lzf", "gzip")
DAY = 86400.0
_LEFTOVER = re.compile(r"\..+\.(?P<host>[^.]+)-(?P<pid>\d+)-[0-9a-f]{8}\.part")


@dataclass
class Table:
    """The columns of one flat file, with what is said of each and of all."""

    columns: dict[str, np.ndarray]
    column_attrs: dict[str, dict] = field(default_factory=dict)
    attrs: dict[str, object] = field(default_factory=dict)
    private: dict[str, np.ndarray] = field(default_factory=dict)  # below the group `PRIVATE`

    @property
    def rows(self) -> int:
        """The common length of the columns."""
        return len(next(iter(self.columns.values()), ()))

    def where(self, keep: np.ndarray) -> "Table":
        """Return the rows that `keep` (bool or indices) selects."""
        columns = {name: values[keep] for name, values in self.columns.items()}
        return Table(columns, self.column_attrs, dict(self.attrs))

    def renamed(self, names: dict[str, str]) -> "Table":
        """Return the same table with other column names."""
        columns = {names.get(name, name): values for name, values in self.columns.items()}
        told = {names.get(name, name): attrs for name, attrs in self.column_attrs.items()}
        return Table(columns, told, self.attrs, self.private)


def temporary_name(name: str) -> str:
    """Return a name for `name` while it is written, which no other process can pick."""
    return f".{name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part"


def _host() -> str:
    """Return the name of this host without dots, so that it is told from what is before it."""
    return socket.gethostname().replace(".", "_")


def sweep(folder: Path) -> None:
    """Remove what dead processes of this host, or any a day ago, left half-written."""
    host = _host()
    for entry in os.scandir(folder):
        match = _LEFTOVER.fullmatch(entry.name)
        if match is None:
            continue
        # Another task may sweep the same folder, hence the suppressed races.
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - entry.stat().st_mtime > DAY
            dead = match["host"] == host and not _is_alive(int(match["pid"]))
            if old or dead:
                os.unlink(entry.path)


def _is_alive(pid: int) -> bool:
    """Tell whether a process of this number runs on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # on Linux: dead, but nobody has asked how it ended, as in many containers
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError, ValueError):
        return True


class Written(list):
    """The paths of the files written for one input, with the rows read and written."""

    def __init__(self, paths: Iterable[Path] = (), rows_in: int = 0, rows_out: int = 0) -> None:
        super().__init__(paths)
        self.rows_in = rows_in
        self.rows_out = rows_out


class Batch:
    """Flat files that appear in a folder together, or not at all.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> with Batch(folder) as batch:
    ...     batch.write("a.h5", Table({"h_li": np.arange(3.0)}))
    >>> [path.name for path in batch.written], batch.written.rows_out
    (['a.h5'], 3)
    """

    def __init__(self, folder: str | Path, compression: str = "none") -> None:
        self.folder = Path(folder)
        self.compression = None if compression == "none" else compression
        self.written = Written()
        self._hidden: list[Path] = []

    def __enter__(self) -> "Batch":
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(f"{self.folder}: cannot be made ({error.strerror})") from None
        return self

    def write(self, name: str, table: Table) -> None:
        """Write one more file of the batch, still out of sight."""
        hidden = self.folder / temporary_name(name)
        try:
            with open(hidden, "xb") as file:
                self._hidden.append(hidden)
                file.write(_image(table, self.compression))
        except OSError as error:
            self._unlink(self._hidden)
            raise _output_error(self.folder / name, error) from None
        self.written.append(self.folder / name)
        self.written.rows_out += table.rows

    def __exit__(self, kind, error, trace) -> None:
        if kind is not None:
            self._unlink(self._hidden)
            return
        for hidden, path in zip(self._hidden, self.written, strict=True):
            try:
                os.replace(hidden, path)
            except OSError as error:
                self._unlink(self._hidden + self.written)
                raise _output_error(path, error) from None

    @staticmethod
    def _unlink(paths: list[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):  # the folder itself may be gone
                path.unlink()


def _output_error(path: Path, error: OSError) -> OutputError:
    """Return the error for the user; only a bad name is this output's own affair."""
    kind = OutputError if error.errno in (errno.EISDIR, errno.ENAMETOOLONG) else FolderError
    return kind(f"{path}: cannot be written ({error.strerror or one_line(error)})")


def _image(table: Table, compression: str | None) -> memoryview:
    """Return the bytes of the flat file.

    Built in memory, so that a full disk shows as a plain OSError of one write
    and never as a half-closed HDF5 file; a beam's columns are a few megabytes.
    """
    with h5py.File(
        "flat", "w", driver="core", backing_store=False, block_size=1 << 20, libver="earliest"
    ) as file:
        for name, values in table.columns.items():
            dataset = file.create_dataset(name, data=values, compression=compression)
            for key, value in table.column_attrs.get(name, {}).items():
                dataset.attrs[key] = value
        for name, values in table.private.items():
            file.create_dataset(f"{PRIVATE}/{name}", data=values)
        for key, value in table.attrs.items():
            file.attrs[key] = value
        file.flush()
        return memoryview(file.id.get_file_image())
