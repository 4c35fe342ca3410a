"""Values of flat files for arithmetic: what stands for no value is missing."""

from collections.abc import Mapping

import numpy as np

from captools.io import packing


def masked(values: np.ndarray, attributes: Mapping[str, object]) -> np.ndarray:
    """Return values of a column, of whole numbers masked where they are the column's fill.

    Examples
    --------
    >>> masked(np.array([3, 127], "i1"), {"_FillValue": np.int8(127)}).tolist()
    [3, None]
    """
    return packing.masked(values, attributes.get("_FillValue"))


def with_nan(values: np.ndarray) -> np.ndarray:
    """Return values with NaN where they are masked; then they are doubles."""
    if not isinstance(values, np.ma.MaskedArray):
        return values
    return values.astype("f8").filled(np.nan)
