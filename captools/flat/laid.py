"""A flat file whose rows are known to be so many, and have their places before they are there.

So several processes write it, each the rows that it has read. Columns in one piece are written
where they belong; of compressed ones the chunks are made anywhere, and come into the file in order.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from h5py import h5d, h5p, h5s

from captools.flat.attributes import set_attribute
from captools.flat.batch import Batch
from captools.flat.chunks import PACKS, chunks_of, create_chunked
from captools.flat.hidden import HiddenFile
from captools.io.atomic import CUT_OFF, attempt, output_error
from captools.io.durable import hurry
from captools.io.hdf5 import hdf5_type


class Slot(NamedTuple):
    """The place of a column."""

    offset: int  # of its first byte in the file
    dtype: np.dtype


@dataclass(frozen=True)
class Places:
    """Where the columns of a file lie; it goes to other processes.

    Parameters
    ----------
    hidden, path : Path
        What the file is called now, and will be.
    columns : dict of str to Slot
        The places.
    """

    hidden: Path
    path: Path
    columns: dict[str, Slot]

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open the file for `put`; the disk begins with what is written when it is closed."""
        try:
            file = os.open(self.hidden, os.O_WRONLY)
            try:
                yield file
                hurry(file)
            finally:
                os.close(file)
        except OSError as error:
            raise output_error(self.path, error) from None

    def put(self, file: int, row: int, columns: dict[str, np.ndarray]) -> None:
        """Write rows of all columns, the first of them at `row`."""
        for name, (offset, dtype) in self.columns.items():
            values = np.ascontiguousarray(columns[name], dtype)
            data = memoryview(values.view(np.uint8))
            at = offset + row * dtype.itemsize
            while data:
                done = os.pwrite(file, data, at)
                data, at = data[done:], at + done


class Chunk(NamedTuple):
    """A chunk in a file of its part."""

    bytes: int
    spared: int  # which filters it was spared: HDF5's mask


@dataclass(frozen=True)
class Packing:
    """How the chunks of a file are made.

    Parameters
    ----------
    length : int
        Rows of a chunk.
    compression : str
        Of the file.
    dtypes : dict of str to dtype
        The columns.
    """

    length: int
    compression: str
    dtypes: dict[str, np.dtype]

    def pack(self, columns: dict[str, np.ndarray], path: Path) -> list[Chunk]:
        """Write the chunks of rows to a file of their own, column by column."""
        made = []
        with attempt(path) as own, open(own, "wb") as file:
            for name, dtype in self.dtypes.items():
                for _, chunk in chunks_of(columns[name], dtype, self.length):
                    data, spared = PACKS[self.compression](chunk)
                    file.write(data)
                    made.append(Chunk(len(data), spared))
        return made


class LaidFile(HiddenFile):
    """A flat file of a batch, whose rows have their places.

    It is open only while it is made, while chunks come into it and while it gets its header: a
    batch may have thousands, and of what others write an open one might not know.

    Parameters
    ----------
    batch : Batch
        The batch.
    name : str
        What it will be called.
    rows : int
        All its rows.
    length : int
        Rows of a chunk, if it is compressed.
    dtypes : dict of str to dtype
        The columns.
    """

    def __init__(
        self, batch: Batch, name: str, rows: int, length: int, dtypes: dict[str, np.dtype]
    ) -> None:
        super().__init__(batch, name)
        self.rows = rows
        self.dtypes = dtypes
        self._length = length

    def places(self) -> Places:
        """Make the file with columns in one piece, and return where these lie."""
        slots = {}
        with self.errors():
            file = self.open()
            for name, dtype in self.dtypes.items():
                space = h5s.create_simple((self.rows,))
                dataset = h5d.create(file.id, name.encode(), hdf5_type(dtype), space, _layout())
                slots[name] = Slot(dataset.get_offset(), dataset.dtype)
            del dataset
            self.leave()
        return Places(self.hidden.absolute(), self.path, slots)

    def packing(self) -> Packing:
        """Return how its chunks are made."""
        return Packing(self._length, self.batch.compression, self.dtypes)

    def place(self, row: int, rows: int, chunks: list[Chunk], packed: Path) -> None:
        """Write the chunks of so many rows, the first of them at `row`; the first make the file."""
        waiting = iter(chunks)
        with self.errors(), open(packed, "rb") as file:
            whole = self.file or self._create_chunked()
            for name in self.dtypes:
                dataset = h5d.open(whole.id, name.encode())
                for at in range(row, row + rows, self._length):
                    chunk = next(waiting)
                    data = file.read(chunk.bytes)
                    if len(data) < chunk.bytes:
                        raise OSError(CUT_OFF)
                    dataset.write_direct_chunk((at,), data, chunk.spared)

    def finish(
        self,
        attrs: dict[str, object],
        column_attrs: dict[str, dict],
        private: dict[str, np.ndarray],
    ) -> None:
        """Write the header: all rows are in their places."""
        with self.errors():
            file = self.file or self.open_again()
            for name in self.dtypes:
                dataset = h5d.open(file.id, name.encode())
                for key, value in column_attrs.get(name, {}).items():
                    set_attribute(dataset, key, value)
            del dataset
            self.close(attrs, private)

    def _create_chunked(self) -> h5py.File:
        """Make the file with columns in chunks, none of which is there yet."""
        file = self.open()
        for name, dtype in self.dtypes.items():
            dataset = create_chunked(file, name, dtype, self._length, self.batch.compression)
            dataset.id.set_extent((self.rows,))
        return file


def _layout() -> h5p.PropDCID:
    """Return how columns are stored: in one piece that has its place at once, nothing written."""
    layout = h5p.create(h5p.DATASET_CREATE)
    layout.set_obj_track_times(False)
    layout.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    layout.set_fill_time(h5d.FILL_TIME_NEVER)
    return layout
