"""Columns in chunks that we fill ourselves.

Past HDF5's cache of chunks, which copies all rows once more, and with compression of our own.
"""

from collections.abc import Callable, Iterator

import deflate
import h5py
import numpy as np
from h5py import h5d

from captools.flat import lzf

DEFLATE_LEVEL = 4  # as of h5py

# From the values of a chunk to what is stored, and which filters it was spared (HDF5's mask).
Pack = Callable[[np.ndarray], tuple[bytes | np.ndarray, int]]


def as_it_is(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the values of a chunk, which no filter changes."""
    return values, 0


def deflated(values: np.ndarray) -> tuple[bytes, int]:
    """Return the bytes of a chunk of values as HDF5's gzip has them, by libdeflate."""
    return bytes(deflate.zlib_compress(values.tobytes(), DEFLATE_LEVEL)), 0


PACKS: dict[str | None, Pack] = {None: as_it_is, "lzf": lzf.pack, "gzip": deflated}


def create_chunked(
    file: h5py.File, name: str, dtype: np.dtype, length: int, compression: str | None
) -> h5py.Dataset:
    """Return a new dataset without rows, in chunks of so many."""
    return file.create_dataset(
        name, (0,), dtype, maxshape=(None,), chunks=(length,), compression=compression
    )


class ChunkedColumn:
    """A column that grows in a dataset chunk by chunk; the rest waits for more.

    Parameters
    ----------
    dataset : h5py.Dataset
        Resizable, and without rows.
    pack : Pack
        Makes what is stored.
    """

    def __init__(self, dataset: h5py.Dataset, pack: Pack = as_it_is) -> None:
        self._dataset = dataset.id
        self._pack = pack
        self._length = dataset.chunks[0]
        self._rest = np.empty(0, dataset.dtype)
        self._rows = 0

    def append(self, values: np.ndarray) -> None:
        """Add rows."""
        if len(self._rest):
            lacking = self._length - len(self._rest)
            self._rest = np.append(self._rest, values[:lacking])
            values = values[lacking:]
            if len(self._rest) < self._length:
                return
            self._write(self._rest)
        full = len(values) - len(values) % self._length
        self._write(values[:full])
        self._rest = values[full:].copy()

    def finish(self) -> None:
        """Write what waits."""
        self._write(self._rest)

    def _write(self, values: np.ndarray) -> None:
        if len(values):
            self._dataset.set_extent((self._rows + len(values),))
            write_chunks(self._dataset, self._rows, values, self._length, self._pack)
            self._rows += len(values)


def write_chunks(
    dataset: h5d.DatasetID, start: int, values: np.ndarray, length: int, pack: Pack
) -> None:
    """Write rows from the first of a chunk on; the last chunk is filled up with zeros."""
    for at, chunk in chunks_of(values, dataset.dtype, length):
        dataset.write_direct_chunk((start + at,), *pack(chunk))


def chunks_of(values: np.ndarray, dtype: np.dtype, length: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the values of each chunk with the first of its rows; zeros fill up the last one."""
    for at in range(0, len(values), length):
        chunk = values[at : at + length]
        if len(chunk) < length:
            chunk = np.append(chunk, np.zeros(length - len(chunk), chunk.dtype))
        # Last, for HDF5 changes nothing here, and numpy's joining does not keep an order of bytes.
        yield at, np.ascontiguousarray(chunk, dtype)
