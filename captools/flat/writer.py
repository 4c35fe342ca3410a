"""The flat HDF5 file: root-level columns of one length, with units and a header.

The only module that opens flat files for writing. A file appears under its
name when it is whole, never before.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from h5py import h5g

from captools.errors import FolderError
from captools.flat import lzf
from captools.flat.attributes import set_attribute, write_private
from captools.flat.chunks import ChunkedColumn, as_it_is
from captools.flat.image import image
from captools.flat.table import Table, joined
from captools.io.address import local_path
from captools.io.atomic import Outputs, output_error, temporary_name
from captools.io.durable import hurry, seal, settle_folder

CHUNK_ROWS = 1 << 14
PIECE_ROWS = 1 << 17  # written at a time; a file of no more is stored in one piece
AHEAD_BYTES = 1 << 25  # written before the disk is asked to begin


class FlatWriter:
    """Flat files that appear in a folder, or in a subfolder of it, together or not at all.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> folder = tempfile.mkdtemp()
    >>> from captools.flat.table import Table
    >>> with FlatWriter(folder) as batch:
    ...     batch.write("a.h5", Table({"h_li": np.arange(3.0)}))
    >>> [path.name for path in batch.written], batch.written.rows_out
    (['a.h5'], 3)
    """

    def __init__(self, folder: str | Path, compression: str = "none", subfolder: str = "") -> None:
        self.folder = local_path(folder)  # here are temporary files, which the next run looks for
        self.place = self.folder / subfolder
        self.compression = None if compression == "none" else compression
        self.written = Outputs()
        self.written.subfolder = subfolder
        self.replaced: list[Path] = []  # to be removed when all files are whole, before they appear
        self._hidden: list[Path] = []
        self._streams: list[Stream] = []

    def __enter__(self) -> "FlatWriter":
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(f"{self.folder}: cannot be made ({error.strerror})") from None
        return self

    def write(self, name: str, table: Table) -> None:
        """Write one more file of the batch, still under a temporary name."""
        hidden = self.folder / temporary_name(name)
        try:
            with open(hidden, "xb") as file:
                self._hidden.append(hidden)
                file.writelines(image(table, self.compression))
                file.flush()
                hurry(file.fileno())  # so that the disk's wait for one is the wait for all
        except OSError as error:
            self._unlink(self._hidden)
            raise output_error(self.place / name, error) from None
        self.written.append(self.place / name)
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
        path, renamed = self.place, []
        try:
            for hidden, path in zip(self._hidden, self.written, strict=True):
                self.written.stamps[path.name] = seal(hidden)
            for earlier in self.replaced:
                earlier.unlink(missing_ok=True)
            if self.written and self.place != self.folder:
                self.place.mkdir(exist_ok=True)
            for hidden, path in zip(self._hidden, self.written, strict=True):
                os.replace(hidden, path)
                renamed.append(path)
            for folder in {self.place, self.folder} if renamed else ():
                settle_folder(folder)
        except OSError as error:
            self._unlink(self._hidden + renamed)
            raise output_error(path, error) from None

    @staticmethod
    def _unlink(paths: list[Path]) -> None:
        for path in paths:
            with contextlib.suppress(OSError):  # the folder itself may be gone
                path.unlink()


class _Sink(io.FileIO):
    """A file that remembers an error of writing rather than raise it: HDF5 would crash."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "x+")
        self.error: OSError | None = None
        self._waiting = 0  # bytes that the disk was not yet asked to write

    def write(self, data: memoryview) -> int:
        """Write all of the data; keep the error if that fails."""
        done = 0
        try:
            while self.error is None and done < len(data):
                done += super().write(data[done:])
        except OSError as error:
            self.error = error
        self._waiting += done
        if self._waiting > AHEAD_BYTES:
            hurry(self.fileno())
            self._waiting = 0
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file; keep the error if that fails."""
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

    def __init__(self, batch: FlatWriter, name: str, chunked: bool) -> None:
        self.rows = 0
        self._batch = batch
        self._name = name
        self._chunked = chunked
        self._waiting: list[Table] = []
        self._held = 0  # rows of the tables that wait
        self._sink: _Sink | None = None
        self._file: h5py.File | None = None
        self._columns: dict[str, _Column | ChunkedColumn] = {}

    def append(self, table: Table) -> None:
        """Add rows; the columns must be those of the first table."""
        if table.rows:
            self._waiting.append(table)
            self._held += table.rows
            self.rows += table.rows
        if self._held > PIECE_ROWS:
            self._flush()

    def finish(
        self, attrs: dict[str, object], private: dict[str, np.ndarray] | None = None
    ) -> None:
        """Write what is left, and the header."""
        private = private or {}
        if not self.rows:
            return
        if self._file is None and not self._chunked:
            whole = joined(self._waiting)
            whole.attrs, whole.private = attrs, private
            self._batch.write(self._name, whole)
            self._waiting = []
            return
        self._flush()
        with self._errors():
            for column in self._columns.values():
                column.finish()
            write_private(self._file.id, private)
            for key, value in attrs.items():
                set_attribute(h5g.open(self._file.id, b"/"), key, value)
            self._file.close()
            self._sink.close()
        self._batch.written.append(self._batch.place / self._name)
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
                self._held -= table.rows
                for name, values in table.columns.items():
                    self._columns[name].append(values)
        self._waiting = []

    def _create(self, table: Table) -> None:
        hidden = self._batch.folder / temporary_name(self._name)
        self._batch._hidden.append(hidden)
        self._sink = _Sink(hidden)
        self._file = h5py.File(self._sink, "w", libver="earliest", rdcc_nbytes=CHUNK_ROWS * 8)
        for name, values in table.columns.items():
            dataset = self._file.create_dataset(
                name,
                shape=(0,),
                maxshape=(None,),
                dtype=values.dtype,
                chunks=(CHUNK_ROWS,),
                compression=self._batch.compression,
            )
            for key, value in table.column_attrs.get(name, {}).items():
                set_attribute(dataset.id, key, value)
            pack = _PACKS.get(self._batch.compression)
            self._columns[name] = ChunkedColumn(dataset, pack) if pack else _Column(dataset)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
            if self._sink is not None and self._sink.error is not None:
                raise self._sink.error
        except (OSError, RuntimeError) as error:
            self._batch._unlink(self._batch._hidden)
            path = self._batch.place / self._name
            raise output_error(path, OSError(*error.args)) from None


_PACKS = {None: as_it_is, "lzf": lzf.pack}  # what we store ourselves


class _Column:
    """A column that grows in a dataset, which HDF5 compresses."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset

    def append(self, values: np.ndarray) -> None:
        """Add rows."""
        start = self._dataset.shape[0]
        self._dataset.resize((start + len(values),))
        self._dataset[start:] = values

    def finish(self) -> None:
        """Do nothing: no row waits."""


def _in_pieces(tables: list[Table]) -> Iterator[Table]:
    """Yield the tables, those of few rows joined."""
    few: list[Table] = []
    rows = 0
    for table in tables:
        few.append(table)
        rows += table.rows
        if rows >= CHUNK_ROWS:
            yield joined(few)
            few, rows = [], 0
    if few:
        yield joined(few)
