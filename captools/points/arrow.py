"""Columns of flat files as Arrow has them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def schema_of(dtypes: Mapping[str, np.dtype], attributes: Mapping[str, dict]) -> "pa.Schema":
    """Return columns as Arrow has them, with the attributes of each."""
    import pyarrow as pa

    fields = []
    for name, dtype in dtypes.items():
        metadata = {key: str(value) for key, value in attributes[name].items()}
        fields.append(pa.field(name, pa.from_numpy_dtype(dtype.newbyteorder("=")), True, metadata))
    return pa.schema(fields)


def column(values: np.ndarray, fill: object = None) -> "pa.Array":
    """Return a column, null where it has no value: the fill, or NaN."""
    return array(values, None if fill is None else values == fill)


def array(values: np.ndarray, null: np.ndarray | None = None) -> "pa.Array":
    """Return a column, null where `null` is true, by default where it is NaN.

    It is made of bytes, since `pyarrow.array` would import pandas, which is as large as the data.
    """
    import pyarrow as pa

    # Arrow has numbers in the byte order of the machine only.
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if null is None and values.dtype.kind == "f":
        null = np.isnan(values)
    known = None if null is None or not null.any() else pa.py_buffer(bits(~null))
    kind = pa.from_numpy_dtype(values.dtype)
    stored = pa.py_buffer(bits(values) if values.dtype.kind == "b" else values)
    return pa.Array.from_buffers(kind, len(values), [known, stored])


def bits(flags: np.ndarray) -> np.ndarray:
    """Return flags as Arrow has them: a bit each."""
    return np.packbits(flags, bitorder="little")
