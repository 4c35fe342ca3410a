"""Reading columns: rows of one-dimensional HDF5 datasets."""

import h5py
import numpy as np

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
    _check_storage(dataset)
    values = dataset[()]
    if rows is not None:
        values = values[rows]
    if values.dtype.kind == "f":
        fill = fill_value(dataset)
        unset = values == np.finfo(values.dtype).max
        if fill is not None:
            unset |= values == fill
        values[unset] = np.nan
    return values


def _check_storage(dataset: h5py.Dataset) -> None:
    """Raise OSError if chunks without filters do not have the one size they can have.

    Then the list of filters is damaged, and HDF5 would take compressed bytes,
    and whatever lies behind them, for values.
    """
    if dataset.chunks and not dataset.id.get_create_plist().get_nfilters():
        stored, chunk = dataset.id.get_storage_size(), dataset.dtype.itemsize * dataset.chunks[0]
        if stored % chunk:
            raise OSError(f"{stored} bytes are stored, which are no whole chunks of {chunk}")
