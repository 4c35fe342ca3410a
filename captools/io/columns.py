"""Reading columns fast: rows of one-dimensional HDF5 datasets.

The time goes into inflating chunks. Where a file says that a column is deflated
chunk by chunk, as all granules of ICESat-2 are, the chunks that hold a wanted
row are fetched as they are and inflated by libdeflate, which takes half the
time of HDF5's zlib. Every other layout, and every chunk that is in any way
odd, is left to HDF5, which then also says what is wrong with a damaged one.

Small granules cost look-ups, not bytes. Hence h5py's low-level objects, which
cost a third of the others.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Any, cast

import deflate
import h5py
import numpy as np
from h5py import h5a, h5d, h5s, h5z

from captools.io.hdf5 import (
    DAMAGE,
    ServedFile,
    attribute_names,
    attribute_value,
    check_filters,
    hdf5_type,
    numpy_dtype,
    text,
)
from captools.io.rows import Rows, RowSelection, chunks_of, offsets_of, span_of
from captools.io.storage import Storage
from captools.process import check, past_header

# Once an array of this size was freed, glibc keeps the memory of freed arrays for the next ones
# in place of giving it back to the system. That saves a seventh of all time.
np.empty(31 << 20, np.uint8)

_NOTHING = np.array([])
FEW_CHUNKS = 4  # reading so few is quicker than listing where all chunks lie


class StoredColumn:
    """A dataset of numbers or booleans of shape (n,), opened for reading.

    Methods raise one of `DAMAGE` if it cannot be read.

    Parameters
    ----------
    dataset : h5d.DatasetID
        The dataset.
    descriptor : int, optional
        Of its file, if that is on this machine: chunks are read past HDF5.
    fill : scalar, optional
        What stands for no value, in the dtype of the dataset, if that names nothing.
    shape : tuple of int, optional
        That of the dataset, for whoever knows it: to ask for it takes a tenth of a look-up.
    """

    def __init__(
        self,
        dataset: h5d.DatasetID,
        descriptor: int | None = None,
        fill: np.generic | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self._dataset = dataset
        self._descriptor = descriptor
        self._fill = fill
        self.dtype = numpy_dtype(dataset)
        self.shape = dataset.shape if shape is None else shape
        self._is_checked = False

    @cached_property
    def fill_value(self) -> Any:
        """What stands for no value in a column of whole numbers, in its own dtype, or None."""
        return next(iter(self._named_fills), None)

    @cached_property
    def _named_fills(self) -> list[Any]:
        """What the dataset names as no value: the fill value, and CF's older words for it."""
        names = ("_FillValue", "missing_value")
        named = [self.value(name, self.dtype) for name in names]
        known = [value for values in named for value in values.flat]
        return known or [fill for fill in [self._fill] if fill is not None]

    def attribute(self, name: str) -> str:
        """Return an attribute as text, "" if there is none."""
        return text(self.value(name))

    def value(self, name: str, dtype: np.dtype | None = None) -> np.ndarray:
        """Return an attribute, numbers as `dtype` if given; an empty array if there is none."""
        if name.encode() not in self._attributes:
            return _NOTHING
        return attribute_value(h5a.open(self._dataset, name.encode()), dtype)

    @cached_property
    def _attributes(self) -> set[bytes]:
        """The names of all attributes: most that are asked for are not there."""
        return attribute_names(self._dataset)

    def read(self, rows: Rows = None) -> np.ndarray:
        """Return rows of the column, with fills of floats as NaN.

        Parameters
        ----------
        rows : slice (without step), array of int or RowSelection, optional
            A range of rows, or the indices of rows, increasing.

        Returns
        -------
        array, shape (number of rows,)
            In the dtype of the dataset. The largest number of a float dtype is
            a fill too, named or not: it is the convention of the ICESat-2
            products, and subsetters drop attributes. Of several fills of whole
            numbers all become the first, `fill_value`.
        """
        check()
        past_header()
        if isinstance(rows, np.ndarray):
            rows = RowSelection(rows)
        values = self._inflated(rows)
        if values is None:
            values = self._through_hdf5(rows)
        for fill in self._fills:
            (at,) = (values == fill).nonzero()
            if len(at):  # by index: a mask takes several times as long where fills are many
                values[at] = np.nan if self.dtype.kind == "f" else self.fill_value
        return values

    def extents(self, rows: Rows = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        storage = Storage(self._dataset)
        if not storage.chunk:
            begin = self._dataset.get_offset()
            if begin is not None and self.shape[0]:
                first, last = span_of(rows, self.shape[0])
                size = self.dtype.itemsize
                yield begin + first * size, begin + last * size
            return
        storage.check_claim()
        (length,) = storage.chunk
        for offset in chunks_of(rows, self.shape[0], length):
            yield from self._chunk_extent((offset,))

    def _chunk_extent(self, coordinates: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """Yield where the bytes of the chunk that begins at these indices lie, if it is there."""
        chunk = self._dataset.get_chunk_info_by_coord(coordinates)
        if chunk.byte_offset is not None:
            yield chunk.byte_offset, chunk.byte_offset + chunk.size

    def _through_hdf5(self, rows: Rows) -> np.ndarray:
        """Read any layout, from the first wanted row to the last."""
        self.check_storage()
        start, stop = span_of(rows, self.shape[0])
        values = self._stretch(start, stop)
        return values[rows.rows - start] if isinstance(rows, RowSelection) else values

    def _stretch(self, start: int, stop: int) -> np.ndarray:
        values = np.empty(stop - start, self.dtype)
        if stop > start:
            space = self._dataset.get_space()
            space.select_hyperslab((int(start),), (len(values),))
            self._dataset.read(h5s.create_simple(values.shape), space, values)
        return values

    def _inflated(self, rows: Rows) -> np.ndarray | None:
        """Read the chunks that hold the rows, or return None to leave it to HDF5."""
        if self._deflated is None:
            return None
        if isinstance(rows, RowSelection):
            return self._pick(rows, self._deflated[0])
        return self._range(*span_of(rows, self.shape[0]), self._deflated[0])

    def _range(self, start: int, stop: int, length: int) -> np.ndarray | None:
        """Return the rows from `start` up to `stop` of chunks of a length, None if one is odd."""
        values = np.empty(stop - start, self.dtype)
        offsets = offsets_of(start, stop, length)
        places = self._places if len(offsets) > FEW_CHUNKS else {}
        for offset in offsets:
            chunk = self._chunk(offset, places)
            if chunk is None:
                return None
            if offset < start:
                values[: offset + length - start] = chunk[start - offset : stop - offset]
            else:
                values[offset - start : offset - start + length] = chunk[: stop - offset]
        return values

    def _pick(self, rows: RowSelection, length: int) -> np.ndarray | None:
        """Return the selected rows of chunks of a length, None if one is odd."""
        values = np.empty(len(rows.rows), self.dtype)
        chunks = rows.chunks(self.shape[0], length)
        places = self._places if len(chunks) > FEW_CHUNKS else {}
        for offset, among_picked, within in chunks:
            chunk = self._chunk(offset, places)
            if chunk is None:
                return None
            _copy(chunk, within, values[among_picked])
        return values

    @cached_property
    def _deflated(self) -> tuple[int, int, bool] | None:
        """Rows and bytes of a chunk, is it shuffled; None if chunks are not just deflated."""
        plist = self._dataset.get_create_plist()
        plain = self._dataset.get_type().equal(hdf5_type(self.dtype))
        if plist.get_layout() != h5d.CHUNKED or not plain:
            return None
        filters = [plist.get_filter(at)[0] for at in range(plist.get_nfilters())]
        if filters not in ([h5z.FILTER_DEFLATE], [h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE]):
            return None
        length, width = plist.get_chunk()[0], self.dtype.itemsize
        return length, length * width, len(filters) == 2 and width > 1

    def _chunk(self, offset: int, places: dict[int, h5d.StoreInfo]) -> np.ndarray | None:
        """Return the chunk that begins at a row; None if it is not there, odd or damaged."""
        length, size, shuffled = cast(tuple[int, int, bool], self._deflated)
        try:
            skipped, stored = self._stored(offset, places)
            inflated = b"" if skipped else deflate.zlib_decompress(stored, size)
        except (*DAMAGE, deflate.DeflateError):
            return None
        if len(inflated) != size:
            return None
        if shuffled:
            planes = np.frombuffer(inflated, np.uint8).reshape(self.dtype.itemsize, length)
            return np.ascontiguousarray(planes.T).view(self.dtype).reshape(length)
        return np.frombuffer(inflated, self.dtype)

    @cached_property
    def _fills(self) -> set[Any]:
        """What is replaced: all fills of floats, and of whole numbers all but the first."""
        if self.dtype.kind == "f":
            return {_largest(self.dtype), *self._named_fills}
        return set(self._named_fills) - {self.fill_value}

    def _stored(self, offset: int, places: dict[int, h5d.StoreInfo]) -> tuple[int, bytes]:
        """Return which filters a chunk was spared, and its bytes as they are in the file."""
        place = places.get(offset)
        if place is None or self._descriptor is None:
            return self._dataset.read_direct_chunk((offset,))
        return place.filter_mask, os.pread(self._descriptor, place.size, place.byte_offset)

    @cached_property
    def _places(self) -> dict[int, h5d.StoreInfo]:
        """Where in a file on this machine the chunks lie, by their first rows, if HDF5 says so."""
        places: list[h5d.StoreInfo] = []
        # HDF5 can list all at once since 1.12.3; clusters have older ones.
        if self._descriptor is not None and hasattr(self._dataset, "chunk_iter"):
            self._dataset.chunk_iter(places.append)
        return {place.chunk_offset[0]: place for place in places}

    def check_storage(self) -> None:
        """Raise OSError if a filter is missing, or rows have no bytes in the file, or odd ones.

        Rows without bytes are filled up by HDF5. That is meant if whoever made the file
        chose a fill value that stands for no value.
        """
        if self._is_checked:
            return
        storage = Storage(self._dataset)
        check_filters(storage.plist)
        if not storage.is_stored() and not self._is_fill(storage.fill_meant()):
            raise OSError(storage.lacking())
        storage.check_claim()
        storage.check_chunk_bytes()
        self._is_checked = True

    def _is_fill(self, value: Any) -> bool:
        """Return whether a value stands for none."""
        return value is not None and (value != value or value in {*self._fills, self.fill_value})


def _copy(chunk: np.ndarray, within: np.ndarray | slice, to: np.ndarray) -> None:
    """Copy rows of a chunk, given by a range or by indices of it, to where they belong."""
    if isinstance(within, slice):
        to[:] = chunk[within]
    else:  # of which none lies outside: checked, they would be copied twice
        chunk.take(within, out=to, mode="clip")


@lru_cache(maxsize=32)
def _largest(dtype: np.dtype) -> np.floating:
    """Return the largest number of a float dtype."""
    return np.finfo(dtype).max


def fetch_ahead(file: h5py.File, columns: Iterable[StoredColumn], rows: Rows = None) -> None:
    """Fetch what holds the rows of columns, many ranges at once, if the file is on a server."""
    if isinstance(file, ServedFile):
        rows = RowSelection(rows) if isinstance(rows, np.ndarray) else rows
        file.source.fetch(extent for column in columns for extent in column.extents(rows))
