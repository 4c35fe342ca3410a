"""What at the root of an HDF5 file is a column, and what stands beside the columns."""

import math
from collections.abc import Mapping

import h5py
import numpy as np
from h5py import h5d, h5g, h5o

from captools.io.atomic import PRIVATE
from captools.io.columns import StoredColumn
from captools.io.hdf5 import REMEDY, attribute, numpy_dtype, text
from captools.io.matrix import StoredMatrix
from captools.io.packing import Source, unpacked
from captools.io.storage import Storage, is_external
from captools.progress import counted

# netCDF's name of a dimension without values of its own.
_BARE_DIMENSION = "This is a netCDF dimension but not a netCDF variable"


class NotFlatError(Exception):
    """A file is not as a flat file should be; why, without its name."""


def find_columns(
    root: h5g.GroupID, descriptor: int | None
) -> tuple[dict[str, Source], dict[str, str]]:
    """Return the columns at the root of a file, and why what stands beside them is none.

    Columns are numbers of one length: of shape (n,), or (1, n) and (n, 1) as MATLAB writes them.

    Raises
    ------
    NotFlatError
        If there is no column, or columns are not of one length.
    """
    columns: dict[str, Source] = {}
    no_columns: dict[str, str] = {}
    for name in root:
        if is_external(root, name):
            no_columns[name.decode()] = "is in another file"
            continue
        item = h5o.open(root, name)
        if not isinstance(item, h5d.DatasetID) or _is_bare_dimension(item):
            continue
        if why := _why_no_column(item):
            no_columns[name.decode()] = why
        else:
            columns[name.decode()] = _column(item, descriptor)
    if len({column.shape[0] for column in columns.values()}) > 1:
        single = [name for name, column in columns.items() if column.shape[0] == 1]
        no_columns |= {name: "has length 1" for name in single}
        columns = {name: column for name, column in columns.items() if name not in single}
    _check_lengths(columns, no_columns)
    _check_no_grid(root, no_columns, next(iter(columns.values())).shape[0])
    return columns, no_columns


def _check_lengths(columns: dict[str, Source], no_columns: dict[str, str]) -> None:
    if not columns:
        why = "no columns at its root"
        if no_columns:
            why = f"{next(iter(no_columns))} is not a column (a list of numbers)"
        raise NotFlatError(f"is no flat file ({why}); a granule goes through captools read first")
    lengths = {name: column.shape[0] for name, column in columns.items()}
    first = next(iter(lengths))
    if other := next((name for name in lengths if lengths[name] != lengths[first]), ""):
        has = counted(lengths[other], "row")
        raise NotFlatError(f"{other} has {has}, {first} has {lengths[first]:,}: no flat file")


def check_kinds(root: h5g.GroupID, no_columns: Mapping[str, str]) -> None:
    """Raise NotFlatError if a list in a file of ours holds neither numbers nor text: it is damaged.

    Steps write numbers; text beside them is somebody's own.
    """
    for name in no_columns:
        if is_external(root, name.encode()):
            continue
        item = h5o.open(root, name.encode())
        if len(item.shape) == 1 and item.dtype.kind not in "SOU":
            raise NotFlatError(f"{name} {no_columns[name]}; {REMEDY}")


def _check_no_grid(root: h5g.GroupID, no_columns: dict[str, str], rows: int) -> None:
    """Raise NotFlatError if the columns are axes of a square grid, whose diagonal they would be."""
    for name in no_columns:
        wide = [length for length in h5o.open(root, name.encode()).shape if length > 1]
        if len(wide) > 1 and wide == [rows] * len(wide):
            raise NotFlatError(f"{name} is a grid, and its axes are no columns: no flat file")


def _column(dataset: h5d.DatasetID, descriptor: int | None) -> Source:
    flat = len(dataset.shape) == 1
    stored = StoredColumn(dataset, descriptor) if flat else StoredMatrix(dataset)
    return unpacked(stored)


def _why_no_column(dataset: h5d.DatasetID) -> str:
    """Return why a dataset cannot be a column, "" if it can."""
    shape, dtype = dataset.shape, numpy_dtype(dataset)
    if not shape:
        return "has no rows"
    if len(shape) > 2 or (len(shape) == 2 and math.prod(shape) != max(shape)):
        return f"has the shape {shape}"
    if dtype.kind not in "iufb" or dtype.itemsize > np.dtype("f8").itemsize:
        return "holds no numbers"
    return ""


def _is_bare_dimension(dataset: h5d.DatasetID) -> bool:
    return text(attribute(dataset, "NAME")).startswith(_BARE_DIMENSION)


def listed(no_columns: Mapping[str, str]) -> str:
    """Return what is no column, with the reasons, in words."""
    return ", ".join(f"{name} ({why})" for name, why in no_columns.items())


def stored_sources(file: h5py.File) -> list[str]:
    """Return the names of the granules that a merged file lists, none if it lists none."""
    if PRIVATE not in file or "source" not in file[PRIVATE]:
        return []
    stored = file[PRIVATE]["source"]
    Storage(stored.id).check_stored()
    return [text(name) for name in stored[()]]
