"""Reading datasets of two dimensions row by row, as if they were columns."""

from collections.abc import Iterator

import numpy as np
from h5py import h5d, h5s

from captools.io.columns import StoredColumn
from captools.io.rows import Rows, RowSelection, chunks_of, span_of
from captools.io.storage import Storage


class StoredMatrix(StoredColumn):
    """A dataset of shape (n, k), row by row as one column of n·k values, or one of its columns.

    Only the chunks that hold a wanted value are read; HDF5 inflates them.

    Parameters
    ----------
    dataset : h5d.DatasetID
        The dataset.
    pick : int, optional
        The column that is wanted.
    fill : scalar, optional
        As for `StoredColumn`.
    """

    def __init__(
        self,
        dataset: h5d.DatasetID,
        pick: int | None = None,
        fill: np.generic | None = None,
    ) -> None:
        super().__init__(dataset, fill=fill)
        points, width = dataset.shape
        # The columns that are read.
        self._first: int = 0 if pick is None else pick
        self._width: int = width if pick is None else 1
        self.shape = (points * self._width,)

    def extents(self, rows: Rows = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        start, stop = span_of(rows, self.shape[0])
        if start == stop:
            return
        plist = self._dataset.get_create_plist()
        if plist.get_layout() != h5d.CHUNKED:
            begin = self._dataset.get_offset()
            if begin is not None:
                first, last = self._points(start, stop)
                size = self._dataset.shape[1] * self.dtype.itemsize
                yield begin + first * size, begin + last * size
            return
        Storage(self._dataset).check_claim()
        length, width = plist.get_chunk()
        columns = range(self._first - self._first % width, self._first + self._width, width)
        for offset in chunks_of(rows, self.shape[0], length * self._width):
            for column in columns:
                yield from self._chunk_extent((offset // self._width, column))

    def _inflated(self, rows: Rows) -> None:
        """Leave it to HDF5."""

    def _through_hdf5(self, rows: Rows) -> np.ndarray:
        """Read any layout, from chunk to chunk that holds a wanted row."""
        plist = self._dataset.get_create_plist()
        if not isinstance(rows, RowSelection) or plist.get_layout() != h5d.CHUNKED:
            return super()._through_hdf5(rows)
        self.check_storage()
        values = np.empty(len(rows.rows), self.dtype)
        length = plist.get_chunk()[0] * self._width
        for offset, among_picked, within in rows.chunks(self.shape[0], length) if length else ():
            stop = min(offset + length, self.shape[0])
            values[among_picked] = self._stretch(offset, stop)[within]
        return values

    def _stretch(self, start: int, stop: int) -> np.ndarray:
        if start == stop:
            return np.empty(0, self.dtype)
        first, last = self._points(start, stop)
        values = np.empty((last - first, self._width), self.dtype)
        space = self._dataset.get_space()
        space.select_hyperslab((first, self._first), values.shape)
        self._dataset.read(h5s.create_simple(values.shape), space, values)
        before = first * self._width
        return values.ravel()[start - before : stop - before]

    def _points(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first of the points that hold these rows, and the one behind the last."""
        return start // self._width, -(-stop // self._width)
