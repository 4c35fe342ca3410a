"""The flat HDF5 file: root-level columns of one length, with units and a header.

The only module that opens flat files for writing. A file appears under its
name when it is whole, never before.
"""

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5p, h5s, h5t

from captools.address import Url, here
from captools.errors import FolderError, OutputError, one_line
from captools.hdf5 import hdf5_type

PRIVATE = "_captools"  # the folder beside, and the group inside, flat files: ours, not data
CHUNK = 1 << 14  # rows of a chunk
PIECE = 1 << 17  # rows written at a time; a file of no more is stored in one piece
DAY = 86400.0
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)-[0-9a-f]{8}\.part")


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


def leftovers(folder: Path) -> Iterator[tuple[str, os.DirEntry]]:
    """Yield what dead processes of this host, or any a day ago, left half-written.

    Each with the name that it was to get.
    """
    host = _host()
    for entry in os.scandir(folder):
        match = _LEFTOVER.fullmatch(entry.name)
        if match is None:
            continue
        # Another task may take or sweep what is there, hence the suppressed races.
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - entry.stat().st_mtime > DAY
            dead = match["host"] == host and not _is_alive(int(match["pid"]))
            if old or dead:
                yield match["name"], entry


def sweep(folder: Path, names: Container[str] | None = None) -> None:
    """Remove what dead processes of this host, or any a day ago, left half-written.

    All of it, or what was to get one of these names.
    """
    for name, entry in leftovers(folder):
        if names is not None and name not in names:
            continue
        with contextlib.suppress(FileNotFoundError):
            # A folder is what a spool or a folder of tiles was to be.
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)


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
    """The paths of the files written for one input, with the rows read and written.

    `removed` counts the rows that were left out, by the condition that they did not meet;
    `errors` tells of inputs, by path, without which an output was made all the same.
    """

    def __init__(self, paths: Iterable[Path] = (), rows_in: int = 0, rows_out: int = 0) -> None:
        super().__init__(paths)
        self.rows_in = rows_in
        self.rows_out = rows_out
        self.removed: dict[str, int] = {}
        self.errors: dict[str, str] = {}


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
        self.folder = here(folder)
        self.compression = None if compression == "none" else compression
        self.written = Written()
        self._hidden: list[Path] = []
        self._streams: list[Stream] = []

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
            raise output_error(self.folder / name, error) from None
        self.written.append(self.folder / name)
        self.written.rows_out += table.rows

    def stream(self, name: str, chunked: bool = False) -> "Stream":
        """Return one more file of the batch, to be written piece by piece."""
        stream = Stream(self, name, chunked)
        self._streams.append(stream)
        return stream

    def __exit__(self, kind, error, trace) -> None:
        for stream in self._streams:
            stream.abandon()
        if kind is not None:
            self._unlink(self._hidden)
            return
        for hidden, path in zip(self._hidden, self.written, strict=True):
            try:
                os.replace(hidden, path)
            except OSError as error:
                self._unlink(self._hidden + self.written)
                raise output_error(path, error) from None

    @staticmethod
    def _unlink(paths: list[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):  # the folder itself may be gone
                path.unlink()


class _Sink(io.FileIO):
    """A file whose writes never fail, but are remembered: HDF5 crashes if it cannot write."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "x+")
        self.error: OSError | None = None

    def write(self, data: memoryview) -> int:
        """Write all of the data, or remember why not."""
        done = 0
        try:
            while self.error is None and done < len(data):
                done += super().write(data[done:])
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file, or remember why not."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size


class Stream:
    """A flat file of a batch that grows by tables, so that it need not fit in memory.

    A file without rows is not written. One of few rows is stored as any other,
    a longer one (or any, if `chunked`) in chunks.
    """

    def __init__(self, batch: Batch, name: str, chunked: bool) -> None:
        self.rows = 0
        self._batch = batch
        self._name = name
        self._chunked = chunked
        self._waiting: list[Table] = []
        self._held = 0  # rows of the tables that wait
        self._sink: _Sink | None = None
        self._file: h5py.File | None = None
        self._datasets: dict[str, h5py.Dataset] = {}

    def append(self, table: Table) -> None:
        """Add rows; the columns must be those of the first table."""
        if table.rows:
            self._waiting.append(table)
            self._held += table.rows
            self.rows += table.rows
        if self._held > PIECE:
            self._flush()

    def finish(
        self, attrs: dict[str, object], private: dict[str, np.ndarray] | None = None
    ) -> None:
        """Write what is left, and the header."""
        private = private or {}
        if not self.rows:
            return
        if self._file is None and not self._chunked:
            whole = _joined(self._waiting)
            whole.attrs, whole.private = attrs, private
            self._batch.write(self._name, whole)
            self._waiting = []
            return
        self._flush()
        with self._errors():
            for name, values in private.items():
                self._file.create_dataset(f"{PRIVATE}/{name}", data=values)
            for key, value in attrs.items():
                _set_attribute(h5g.open(self._file.id, b"/"), key, value)
            self._file.close()
            self._sink.close()
        self._batch.written.append(self._batch.folder / self._name)
        self._batch.written.rows_out += self.rows

    def abandon(self) -> None:
        """Close the file, whatever state it is in."""
        if self._file is not None:
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                self._file.close()
        if self._sink is not None:
            self._sink.close()

    def _flush(self) -> None:
        """Write the rows that wait, long tables as they are and short ones together."""
        with self._errors():
            for table in _in_pieces(self._waiting):
                if self._file is None:
                    self._create(table)
                done = self.rows - self._held
                self._held -= table.rows
                for name, values in table.columns.items():
                    dataset = self._datasets[name]
                    dataset.resize((done + table.rows,))
                    dataset[done:] = values
        self._waiting = []

    def _create(self, table: Table) -> None:
        hidden = self._batch.folder / temporary_name(self._name)
        self._batch._hidden.append(hidden)
        self._sink = _Sink(hidden)
        self._file = h5py.File(self._sink, "w", libver="earliest", rdcc_nbytes=CHUNK * 8)
        for name, values in table.columns.items():
            dataset = self._datasets[name] = self._file.create_dataset(
                name,
                shape=(0,),
                maxshape=(None,),
                dtype=values.dtype,
                chunks=(CHUNK,),
                compression=self._batch.compression,
            )
            for key, value in table.column_attrs.get(name, {}).items():
                _set_attribute(dataset.id, key, value)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
            if self._sink is not None and self._sink.error is not None:
                raise self._sink.error
        except (OSError, RuntimeError) as error:
            self._batch._unlink(self._batch._hidden)
            path = self._batch.folder / self._name
            raise output_error(path, OSError(*error.args)) from None


def _in_pieces(tables: list[Table]) -> Iterator[Table]:
    """Yield the tables, those of few rows joined."""
    few: list[Table] = []
    rows = 0
    for table in tables:
        few.append(table)
        rows += table.rows
        if rows >= CHUNK:
            yield _joined(few)
            few, rows = [], 0
    if few:
        yield _joined(few)


def _joined(tables: list[Table]) -> Table:
    """Return the rows of tables, one after another."""
    if len(tables) == 1:
        return tables[0]
    columns = {
        name: np.concatenate([table.columns[name] for table in tables])
        for name in tables[0].columns
    }
    return Table(columns, tables[0].column_attrs, tables[0].attrs, tables[0].private)


def check_folder(folder: Path, path: Path | Url) -> None:
    """Raise ValueError if an output of the name of an input would take its place."""
    if isinstance(path, Path) and folder.resolve() == path.resolve().parent:
        raise ValueError(f"{folder} is the folder of {path.name}, which would be written over")


def check_is_file(path: Path) -> None:
    """Raise ValueError if what is to become a file is a folder."""
    if path.is_dir():
        raise ValueError(f"output {path} is a folder: name a file")


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name when it is whole, and else goes."""
    hidden = path.with_name(temporary_name(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(hidden, "xb") as file:
            yield file
        hidden.replace(path)
    except OSError as error:
        raise output_error(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            hidden.unlink()


def output_error(path: Path, error: OSError) -> OutputError:
    """Return the error for the user; only a bad name is this output's own affair."""
    kind = OutputError if error.errno in (errno.EISDIR, errno.ENAMETOOLONG) else FolderError
    return kind(f"{path}: cannot be written ({error.strerror or one_line(error)})")


def _image(table: Table, compression: str | None) -> bytes:
    """Return the bytes of the flat file.

    Built in memory, so that a full disk shows as a plain OSError of one write
    and never as a half-closed HDF5 file; a beam's columns are a few megabytes.
    """
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fapl_core(block_size=1 << 20, backing_store=False)
    # The earliest format is for readers of any age, and later ones keep the time of writing.
    access.set_libver_bounds(h5f.LIBVER_EARLIEST, h5f.LIBVER_LATEST)
    file = h5f.create(b"flat", h5f.ACC_TRUNC, fapl=access)
    for name, values in table.columns.items():
        dataset = _create_column(file, name, values, compression)
        for key, value in table.column_attrs.get(name, {}).items():
            _set_attribute(dataset, key, value)
    if table.private:
        private = h5g.create(file, PRIVATE.encode())
    for name, values in table.private.items():
        h5py.Group(private).create_dataset(name, data=values)
    root = h5g.open(file, b"/")
    for key, value in table.attrs.items():
        _set_attribute(root, key, value)
    h5f.flush(file)
    return file.get_file_image()


# Low-level, for the attributes of a small granule's columns cost more than all else of it:
# through h5py's high-level objects, three times as much.

_SCALAR = h5s.create(h5s.SCALAR)
_STRING = h5py.string_dtype()
_TEXT = h5t.py_create(_STRING, logical=True)
_OBJECT = h5t.py_create(_STRING)  # the same in memory


def _create_column(
    group: h5g.GroupID | h5f.FileID, name: str, values: np.ndarray, compression: str | None
) -> h5d.DatasetID:
    """Write one column, in one piece or compressed chunk by chunk."""
    if compression is not None:
        return h5py.Group(group).create_dataset(name, data=values, compression=compression).id
    space = h5s.create_simple(values.shape)
    kind = hdf5_type(values.dtype)
    dataset = h5d.create(group, name.encode(), kind, space, _layout())
    dataset.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(values), kind)
    return dataset


@cache
def _layout() -> h5p.PropDCID:
    """Return how columns are stored: in one piece, and without the time of their writing."""
    layout = h5p.create(h5p.DATASET_CREATE)
    layout.set_obj_track_times(False)
    return layout


def _set_attribute(of: h5g.GroupID | h5d.DatasetID, name: str, value: object) -> None:
    """Give a group or dataset an attribute: text, or numbers in their dtype."""
    if isinstance(value, str):
        h5a.create(of, name.encode(), _TEXT, _SCALAR).write(np.array(value, _STRING), _OBJECT)
        return
    value = np.asarray(value)
    kind = hdf5_type(value.dtype)
    space = h5s.create_simple(value.shape) if value.ndim else _SCALAR
    h5a.create(of, name.encode(), kind, space).write(value, kind)


def to_pandas(files, columns: Iterable[str] | None = None):
    """Return the rows of flat files as a pandas data frame.

    Parameters
    ----------
    files : path, or iterable of paths
        Files, folders, globs and lists, as for the command line.
    columns : iterable of str, optional
        All by default; those that identify a file (rgt, cycle, spot) are among them.

    Returns
    -------
    pandas.DataFrame
        The files in the order of their names.

    Raises
    ------
    ValueError
        If there are no files, or pandas is missing.
    InputError
        If files cannot be used or differ in their columns, or a column is missing.
    """
    from captools.frames import to_pandas as read

    return read(files, columns)


def to_dask(files, columns: Iterable[str] | None = None):
    """Return the rows of flat files as a dask data frame, which reads only what it needs.

    Opening it reads the headers of all files. Small files share a partition, large ones
    become several.

    Parameters
    ----------
    files : path, or iterable of paths
        Files, folders, globs and lists, as for the command line.
    columns : iterable of str, optional
        All by default; those that identify a file (rgt, cycle, spot) are among them.

    Returns
    -------
    dask.dataframe.DataFrame
        The files in the order of their names.

    Raises
    ------
    ValueError
        If there are no files, or dask is missing.
    InputError
        If files cannot be used or differ in their columns, or a column is missing.
    """
    from captools.frames import to_dask as read

    return read(files, columns)
