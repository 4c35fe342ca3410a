"""Write described variables into an HDF5 file, byte for byte as the product types them."""

from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike

from captools.simulation.layout import Blank, Layout
from captools.simulation.schema import Variable


def write_group(
    file: h5py.File,
    name: str,
    variables: Iterable[Variable],
    values: Mapping[str, ArrayLike | Blank],
    layout: Layout,
) -> None:
    """Write all `variables` of a group; `values` are by path, NaN standing for the fill."""
    group = file.require_group(name)
    for variable in variables:
        _write_variable(group, variable, values[variable.path], variable.storage or layout)


def set_attributes(node: h5py.Group, attributes: Mapping[str, Any]) -> None:
    """Set attributes: text as bytes of fixed length, numbers as they are."""
    for name, value in attributes.items():
        node.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value


def _write_variable(
    group: h5py.Group, variable: Variable, values: ArrayLike | Blank, layout: Layout
) -> None:
    """Write one dataset with its attributes."""
    dtype = np.dtype(variable.dtype)
    data = None if isinstance(values, Blank) else _encode(values, dtype, variable.fill)
    shape = values.shape if isinstance(values, Blank) else data.shape
    dataset = group.create_dataset(
        variable.path,
        shape=shape,
        dtype=dtype,
        data=data,
        fillvalue=variable.fill,
        **layout.options(shape, dtype),
    )
    set_attributes(dataset, _typed(variable.attributes, dtype))


def _encode(values: ArrayLike, dtype: np.dtype, fill: float | None) -> np.ndarray:
    """Values as at least one-dimensional data of the product's type, with its fill for NaN."""
    data = np.atleast_1d(np.asarray(values))
    if fill is not None and data.dtype.kind == "f":
        data = np.where(np.isnan(data), fill, data)
    return data.astype(dtype)


def _typed(attributes: dict[str, Any], dtype: np.dtype) -> dict[str, Any]:
    """Attributes with their numbers in the dataset's own type."""
    return {
        name: value if isinstance(value, str) else np.asarray(value, dtype=dtype)[()]
        for name, value in attributes.items()
    }
