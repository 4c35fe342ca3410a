"""Reading columns fast: rows of one-dimensional HDF5 datasets.

The time goes into inflating chunks. Where a file says that a column is deflated
chunk by chunk, as all granules of ICESat-2 are, the chunks that hold a wanted
row are fetched as they are and inflated by libdeflate, which takes half the
time of HDF5's zlib. Every other layout, and every chunk that is in any way
odd, is left to HDF5, which then also says what is wrong with a damaged one.
"""

import deflate
import h5py
import numpy as np
from h5py import h5d, h5t, h5z

# What h5py raises when the bytes of a file are not what they should be.
DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)


def text(value: object) -> str:
    """Return an HDF5 attribute or scalar as text, whether bytes, str or an array of one."""
    value = np.asarray(value).ravel()[0] if np.size(value) else ""
    told = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return told.partition("\0")[0].strip()


def fill_value(dataset: h5py.Dataset) -> np.ndarray | None:
    """Return the fill value that the dataset names, in its own dtype, or None."""
    named = dataset.attrs.get("_FillValue", ())  # h5py.Empty has the size None
    return np.ravel(named).astype(dataset.dtype)[0] if np.size(named) else None


def read(dataset: h5py.Dataset, rows: np.ndarray | None = None) -> np.ndarray:
    """Read a column, or some rows of it, with fills of floats as NaN.

    Parameters
    ----------
    dataset : h5py.Dataset, shape (n,)
        Of numbers or booleans.
    rows : array of int, optional
        Indices of the rows to return, increasing.

    Returns
    -------
    array, shape (n,) or (len(rows),)
        In the dtype of the dataset. The largest number of a float dtype is a
        fill too, named or not: it is the convention of the ICESat-2 products,
        and subsetters drop attributes.

    Raises
    ------
    One of `DAMAGE`
        If it cannot be read.
    """
    values = _read_chunks(dataset, rows)
    if values is None:
        _check_storage(dataset)
        values = dataset[()] if rows is None else dataset[()][rows]
    if values.dtype.kind == "f":
        fill = fill_value(dataset)
        unset = values == np.finfo(values.dtype).max
        if fill is not None:
            unset |= values == fill
        values[unset] = np.nan
    return values


def _read_chunks(dataset: h5py.Dataset, rows: np.ndarray | None) -> np.ndarray | None:
    """Read the chunks that hold the rows, or return None to leave it to HDF5."""
    layout = _deflated(dataset)
    if layout is None:
        return None
    chunk, shuffled = layout
    dtype, length = dataset.dtype, dataset.shape[0]
    rows = np.arange(length) if rows is None else rows
    values = np.empty(len(rows), dtype)
    # Which of the wanted rows each chunk holds, by where these begin and end.
    edges = np.searchsorted(rows, np.arange(0, length + chunk, chunk))
    for number in np.flatnonzero(np.diff(edges)).tolist():
        inflated = _inflate(dataset, number * chunk, chunk * dtype.itemsize)
        if inflated is None:
            return None
        if shuffled:
            planes = np.frombuffer(inflated, np.uint8).reshape(dtype.itemsize, chunk)
            inflated = np.ascontiguousarray(planes.T)
        held = slice(edges[number], edges[number + 1])
        values[held] = np.frombuffer(inflated, dtype)[rows[held] - number * chunk]
    return values


def _deflated(dataset: h5py.Dataset) -> tuple[int, bool] | None:
    """Return chunk length and whether bytes are shuffled, None if chunks are not just deflated."""
    plist = dataset.id.get_create_plist()
    if plist.get_layout() != h5d.CHUNKED or h5t.py_create(dataset.dtype) != dataset.id.get_type():
        return None
    filters = [plist.get_filter(at)[0] for at in range(plist.get_nfilters())]
    if filters not in ([h5z.FILTER_DEFLATE], [h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE]):
        return None
    shuffled = len(filters) == 2 and dataset.dtype.itemsize > 1
    return plist.get_chunk()[0], shuffled


def _inflate(dataset: h5py.Dataset, offset: int, size: int) -> bytes | None:
    """Return the bytes of a chunk, None if it is not there, not deflated, or damaged."""
    try:
        skipped, stored = dataset.id.read_direct_chunk((offset,))
        inflated = None if skipped else deflate.zlib_decompress(stored, size)
    except (*DAMAGE, deflate.DeflateError):
        return None
    return inflated if inflated is not None and len(inflated) == size else None


def _check_storage(dataset: h5py.Dataset) -> None:
    """Raise OSError if chunks without filters do not have the one size they can have.

    Then the list of filters is damaged, and HDF5 would take compressed bytes,
    and whatever lies behind them, for values.
    """
    if dataset.chunks and not dataset.id.get_create_plist().get_nfilters():
        stored, chunk = dataset.id.get_storage_size(), dataset.dtype.itemsize * dataset.chunks[0]
        if stored % chunk:
            raise OSError(f"{stored} bytes are stored, which are no whole chunks of {chunk}")
