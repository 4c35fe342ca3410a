"""Values of flat files for arithmetic: what stands for no value is missing."""

import numpy as np

from captools.flat.reader import FlatFile


def masked(file: FlatFile, name: str, rows: slice) -> np.ndarray:
    """Return rows of a column; of whole numbers, those that are the column's fill are masked.

    Parameters
    ----------
    file : FlatFile
        A flat file.
    name : str
        A column of it.
    rows : slice
        Which rows.

    Returns
    -------
    array or masked array, shape (rows,)
        In the column's dtype; floats have NaN where they have no value.
    """
    values = file.read(name, rows)
    if values.dtype.kind not in "iu" or "_FillValue" not in (about := file.attributes(name)):
        return values
    return np.ma.masked_array(values, values == about["_FillValue"])


def with_nan(values: np.ndarray) -> np.ndarray:
    """Return values with NaN where they are masked; then they are doubles."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    return values.astype("f8").filled(np.nan)
