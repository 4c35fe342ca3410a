"""What a flat file says beside its values: attributes, and in `_captools` what is too long for one.

Text is of fixed length. Any other lies in a heap of the file, and where a few bytes of that are
zeros, HDF5 follows it for ever.
"""

from collections import defaultdict
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5i, h5s

from captools.io.atomic import PRIVATE
from captools.io.hdf5 import attribute_value, hdf5_type, text
from captools.io.storage import Storage

LONGEST = 64_000  # bytes of a value: with its name and type, an attribute holds 64 kB
LONG = f"{PRIVATE}/attributes"  # those that are longer: COLUMN@NAME, of the root @NAME
_SCALAR = h5s.create(h5s.SCALAR)


def set_attribute(of: h5g.GroupID | h5d.DatasetID, name: str, value: object) -> None:
    """Give the root or a column an attribute: text, or numbers in their dtype."""
    value = np.asarray((value.encode() or b"\0") if isinstance(value, str) else value)
    if value.nbytes > LONGEST:
        column = h5i.get_name(of).decode().strip("/")
        _write(h5i.get_file_id(of), f"{LONG}/{column}@{name}", value)
        return
    kind = hdf5_type(value.dtype)
    space = h5s.create_simple(value.shape) if value.ndim else _SCALAR
    h5a.create(of, name.encode(), kind, space).write(value, kind)


def write_private(file: h5f.FileID, tables: dict[str, np.ndarray]) -> None:
    """Write what is not a column into the group `_captools`."""
    for name, values in tables.items():
        _write(file, f"{PRIVATE}/{name}", values)


def _write(file: h5f.FileID, path: str, values: np.ndarray) -> None:
    if values.dtype.kind == "S":
        values = values.astype(h5py.string_dtype("utf-8", values.dtype.itemsize))
    h5py.File(file).create_dataset(path, data=values)


def root_attributes(root: h5g.GroupID) -> dict[str, Any]:
    """Return the attributes of the root, but those that are too long to be one."""
    names: list[bytes] = []
    h5a.iterate(root, names.append)
    return {name.decode(): _plain(attribute_value(h5a.open(root, name))) for name in names}


def long_attributes(file: h5py.File) -> dict[str, dict[str, Any]]:
    """Return the attributes that are too long to be one, by column; those of the root under ""."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)

    def add(path: str, stored: h5py.Group | h5py.Dataset) -> None:
        if isinstance(stored, h5py.Dataset):
            Storage(stored.id).check_stored()
            column, _, name = path.partition("@")
            found[column][name] = _plain(np.asarray(stored[()]))

    if LONG in file:
        file[LONG].visititems(add)
    return found


def _plain(value: np.ndarray) -> Any:
    """Return text as str, a number as scalar."""
    return text(value) if value.dtype.kind in "OSU" else value[()]
