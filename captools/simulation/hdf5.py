"""Write described variables into an HDF5 file, byte for byte as the product types them.

Through h5py's low-level interface, and with what all granules have alike made once: a granule is
hundreds of small datasets with thousands of attributes, which take far longer than their values.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5p, h5s, h5t, h5z
from numpy.typing import ArrayLike

from captools.simulation.layout import Blank, Layout
from captools.simulation.schema import Variable

_WITH_GROUPS = h5p.create(h5p.LINK_CREATE)
_WITH_GROUPS.set_create_intermediate_group(True)


def write_group(
    file: h5py.File,
    name: str,
    variables: Iterable[Variable],
    values: Mapping[str, ArrayLike | Blank],
    layout: Layout,
) -> None:
    """Write all `variables` of a group; `values` are by path, NaN standing for the fill."""
    group = file.require_group(name).id
    for variable in variables:
        _write_variable(group, variable, values[variable.path], variable.storage or layout)


def set_attributes(node: h5py.Group, attributes: Mapping[str, Any]) -> None:
    """Set attributes: text as bytes of fixed length, numbers as they are."""
    for name, value in attributes.items():
        _set_attribute(node.id, name.encode(), _as_stored(value))


def _as_stored(value: Any, dtype: str | None = None) -> np.ndarray:
    """Return an attribute as it is stored: text in bytes, numbers in a dtype if given."""
    return np.asarray(value.encode()) if isinstance(value, str) else np.asarray(value, dtype)


def _set_attribute(of: h5g.GroupID | h5d.DatasetID, name: bytes, value: np.ndarray) -> None:
    kind = _type(value.dtype)
    h5a.create(of, name, kind, _space(value.shape, value.shape)).write(value, kind)


def _write_variable(
    group: h5g.GroupID, variable: Variable, values: ArrayLike | Blank, layout: Layout
) -> None:
    """Write one dataset with its attributes."""
    dtype = np.dtype(variable.dtype)
    data = None if isinstance(values, Blank) else _encode(values, dtype, variable.fill)
    shape = values.shape if isinstance(values, Blank) else data.shape
    most = shape if layout.contiguous else (h5s.UNLIMITED, *shape[1:])
    storage = _storage(layout, shape[1:], dtype, variable.fill)
    name, kind = variable.path.encode(), _type(dtype)
    dataset = h5d.create(group, name, kind, _space(shape, most), storage, _WITH_GROUPS)
    if data is not None and data.size:
        dataset.write(h5s.ALL, h5s.ALL, data, kind)
    for attribute, value in _attributes(variable):
        _set_attribute(dataset, attribute, value)


def _encode(values: ArrayLike, dtype: np.dtype, fill: float | None) -> np.ndarray:
    """Values as at least one-dimensional data of the product's type, with its fill for NaN."""
    data = np.atleast_1d(np.asarray(values))
    if fill is not None and data.dtype.kind == "f":
        data = np.where(np.isnan(data), fill, data)
    return np.ascontiguousarray(data, dtype)


@cache
def _attributes(variable: Variable) -> list[tuple[bytes, np.ndarray]]:
    """Return the attributes of a dataset, with their numbers in its own type."""
    return [
        (name.encode(), _as_stored(value, variable.dtype))
        for name, value in variable.attributes.items()
    ]


@cache
def _storage(
    layout: Layout, row_shape: tuple[int, ...], dtype: np.dtype, fill: float | None
) -> h5p.PropDCID:
    """Return how a dataset lies in the file, and what stands where nothing was written."""
    storage = h5p.create(h5p.DATASET_CREATE)
    storage.set_obj_track_times(False)
    if fill is not None:
        storage.set_fill_value(np.asarray(fill, dtype))
    if layout.contiguous:
        return storage
    storage.set_chunk((layout.chunk, *row_shape))
    if layout.shuffles(dtype):
        storage.set_shuffle()
    if layout.compression == "gzip":
        storage.set_deflate(layout.level)
    elif layout.compression == "lzf":
        storage.set_filter(h5z.FILTER_LZF, h5z.FLAG_OPTIONAL)
    if layout.fletcher32:
        storage.set_fletcher32()
    return storage


@cache
def _type(dtype: np.dtype) -> h5t.TypeID:
    return h5t.py_create(dtype, logical=True)


@lru_cache(maxsize=64)  # few: each granule has lengths of its own
def _space(shape: tuple[int, ...], most: tuple[int, ...]) -> h5s.SpaceID:
    return h5s.create_simple(shape, most) if shape else h5s.create(h5s.SCALAR)
