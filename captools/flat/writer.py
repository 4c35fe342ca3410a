"""The flat HDF5 file: root-level columns of one length, with units and a header.

The only module that opens flat files for writing. A file appears under its
name when it is whole, never before.
"""

from collections.abc import Iterator

import numpy as np

from captools.flat.attributes import set_attribute
from captools.flat.batch import Batch
from captools.flat.chunks import PACKS, ChunkedColumn, create_chunked
from captools.flat.hidden import HiddenFile
from captools.flat.image import image
from captools.flat.laid import LaidFile
from captools.flat.table import Table, joined
from captools.io.atomic import output_error, temporary_name
from captools.io.durable import hurry

CHUNK_ROWS = 1 << 14
PIECE_ROWS = 1 << 17  # written at a time; a file of no more is stored in one piece


class FlatWriter(Batch):
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

    def write(self, name: str, table: Table) -> None:
        """Write one more file of the batch, still under a temporary name."""
        hidden = self.folder / temporary_name(name)
        try:
            with open(hidden, "xb") as file:
                self.hidden.append(hidden)
                file.writelines(image(table, self.compression))
                file.flush()
                hurry(file.fileno())  # so that the disk's wait for one is the wait for all
        except OSError as error:
            self.remove_hidden()
            raise output_error(self.place / name, error) from None
        self.written.append(self.place / name)
        self.written.rows_out += table.rows

    def stream(self, name: str, chunked: bool = False) -> "Stream":
        """Return one more file of the batch, to be written piece by piece."""
        stream = Stream(self, name, chunked)
        self.files.append(stream)
        return stream

    def lay(self, name: str, rows: int, dtypes: dict[str, np.dtype]) -> LaidFile:
        """Return one more file of the batch, whose rows have their places from the start."""
        file = LaidFile(self, name, rows, CHUNK_ROWS, dtypes)
        self.files.append(file)
        return file


class Stream(HiddenFile):
    """A flat file of a batch that grows by tables, so that it need not fit in memory.

    A file without rows is not written. One of few rows is stored as any other,
    a longer one (or any, if `chunked`) in chunks.
    """

    def __init__(self, batch: FlatWriter, name: str, chunked: bool) -> None:
        super().__init__(batch, name)
        self._chunked = chunked
        self._waiting: list[Table] = []
        self._held = 0  # rows of the tables that wait
        self._columns: dict[str, ChunkedColumn] = {}

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
        if not self.rows:
            return
        if self.file is None and not self._chunked:
            whole = joined(self._waiting)
            whole.attrs, whole.private = attrs, private or {}
            self.batch.write(self.path.name, whole)
            self._waiting = []
            return
        self._flush()
        with self.errors():
            for column in self._columns.values():
                column.finish()
            self.close(attrs, private)

    def _flush(self) -> None:
        """Write the rows that wait, long tables as they are and short ones together."""
        with self.errors():
            for table in _in_pieces(self._waiting):
                if self.file is None:
                    self._create(table)
                self._held -= table.rows
                for name, values in table.columns.items():
                    self._columns[name].append(values)
        self._waiting = []

    def _create(self, table: Table) -> None:
        file = self.open()
        for name, values in table.columns.items():
            dataset = create_chunked(file, name, values.dtype, CHUNK_ROWS, self.batch.compression)
            for key, value in table.column_attrs.get(name, {}).items():
                set_attribute(dataset.id, key, value)
            self._columns[name] = ChunkedColumn(dataset, PACKS[self.batch.compression])


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
