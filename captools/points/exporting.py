"""Exporting flat files: their rows as GeoParquet or CSV, through pyarrow."""

import contextlib
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from captools.errors import InputError
from captools.extras import require
from captools.flat.collection import Collection
from captools.flat.endings import check_ending
from captools.flat.places import USUAL, PlaceNames
from captools.flat.table import Table, column_names
from captools.io.atomic import Outputs, appearing, check_is_file
from captools.points.sorting import find_cuts, in_order, sample

if TYPE_CHECKING:
    import pyarrow as pa


BUCKET_ROWS = 1 << 16  # sorted at a time, so a row group has about as many
CSV_ROWS = 1 << 16  # turned to text at a time
STRIDE_ROWS = 1 << 9  # for each point that is sampled to find where to cut
CURVE_BITS = 16  # of a coordinate along the curve: 100 m in Antarctica
NOWHERE = np.int64(1) << (2 * CURVE_BITS)  # beyond the curve: for rows without a place

# A point as "well-known binary": byte order (1: little-endian), kind (1: point), coordinates.
WKB_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])


@dataclass(frozen=True)
class ExportOptions:
    """What is exported; the fields are the options of the same names."""

    variables: str | Iterable[str] | None = None
    mode: str = "all"  # of the columns: all, common or union
    all_rows: bool = False
    place_names: PlaceNames = USUAL


_PLACES = (("x", "y"), ("lon", "lat"))


def export_files(files: Iterable[str | Path], output: Path, options: ExportOptions) -> Outputs:
    """Export; see the step `export`."""
    write = _writer(output)
    names = None if options.variables is None else column_names(options.variables)
    needed = None if names is None else dict.fromkeys([*names, *_PLACES[0], *_PLACES[1]])
    collection = Collection(files, options.mode, needed, options.all_rows, options.place_names)
    collection.warn_of_overlaps()
    if names is None:
        names = list(collection.dtypes)
    collection.check_columns(names)
    with appearing(output) as file:
        write(collection, names, file, output.parent)
    written = Outputs([output], collection.total_in, collection.total)
    written.removed = collection.removed
    return written


def _writer(output: Path) -> Callable[[Collection, list[str], BinaryIO, Path], None]:
    """Return what writes files of this name; ValueError if there is none."""
    check_ending(output, "export")
    kinds = {".parquet": _write_parquet, ".csv.gz": _write_gzip, ".csv": _write_csv}
    ending = next((one for one in kinds if output.name.endswith(one)), None)
    if ending is None:
        raise ValueError(f"output {output}: give a name that ends in {', '.join(kinds)}")
    check_is_file(output)
    require("export", "pyarrow")
    return kinds[ending]


# --- Arrow ------------------------------------------------------------------------


def _schema(collection: Collection, names: list[str]) -> "pa.Schema":
    """Return the columns as Arrow has them, with the attributes of each."""
    import pyarrow as pa

    fields = []
    for name in names:
        metadata = {key: str(value) for key, value in collection.column_attrs[name].items()}
        kind = pa.from_numpy_dtype(collection.dtypes[name].newbyteorder("="))
        fields.append(pa.field(name, kind, metadata=metadata))
    return pa.schema(fields)


def _column(table: Table, name: str) -> "pa.Array":
    """Return a column of a table, null where it has no value."""
    values, fill = table.columns[name], table.column_attrs[name].get("_FillValue")
    return _array(values, None if fill is None else values == fill)


def _array(values: np.ndarray, null: np.ndarray | None = None) -> "pa.Array":
    """Return a column, null where `null` is true, by default where it is NaN.

    It is made of bytes, since `pyarrow.array` would import pandas, which is as large as the data.
    """
    import pyarrow as pa

    # Arrow has numbers in the byte order of the machine only.
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if null is None and values.dtype.kind == "f":
        null = np.isnan(values)
    known = None if null is None else pa.py_buffer(_bits(~null))
    kind = pa.from_numpy_dtype(values.dtype)
    stored = pa.py_buffer(_bits(values) if values.dtype.kind == "b" else values)
    return pa.Array.from_buffers(kind, len(values), [known, stored])


def _bits(flags: np.ndarray) -> np.ndarray:
    return np.packbits(flags, bitorder="little")


# --- CSV --------------------------------------------------------------------------


def _write_csv(collection: Collection, names: list[str], file: BinaryIO, folder: Path) -> None:
    """Write a line of names, then the rows in order."""
    import pyarrow as pa
    from pyarrow.csv import WriteOptions, write_csv

    head = io.StringIO()
    csv.writer(head, lineterminator="\n").writerow(names)
    file.write(head.getvalue().encode())
    schema, options = _schema(collection, names), WriteOptions(include_header=False)
    for table in collection.blocks(names):
        for start in range(0, table.rows, CSV_ROWS):
            part = table.where(slice(start, start + CSV_ROWS))
            columns = [_column(part, name) for name in names]
            text = pa.BufferOutputStream()
            write_csv(pa.record_batch(columns, schema=schema), text, options)
            file.write(text.getvalue())


def _write_gzip(collection: Collection, names: list[str], file: BinaryIO, folder: Path) -> None:
    """Write CSV compressed, without name and time: same input, same bytes."""
    with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        _write_csv(collection, names, packed, folder)


# --- GeoParquet -------------------------------------------------------------------


def _write_parquet(collection: Collection, names: list[str], file: BinaryIO, folder: Path) -> None:
    """Write GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0), neighbours together."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    if taken := [name for name in names if name in ("geometry", "bbox")]:
        raise InputError(f"column {taken[0]}: GeoParquet has its own: choose columns with -v")
    axes, crs = _axes(collection)
    curve = Curve(collection, axes)
    metadata = {"geo": json.dumps(_geo(crs, curve.bounds))}
    place = pa.schema([pa.field("bbox", _bbox_type()), pa.field("geometry", pa.binary())])
    schema = pa.schema([*_schema(collection, names), *place], metadata)
    # A dictionary of values saves space where they are few: whole numbers, not measured ones.
    few = [name for name in names if collection.dtypes[name].kind != "f"]
    writer = ParquetWriter(file, schema, compression="zstd", use_dictionary=few)
    blocks = collection.blocks(dict.fromkeys([*names, *axes]))
    with contextlib.closing(writer):
        # Points of one place are one bucket, however many; their order does not matter.
        for table in in_order(blocks, curve.place, curve.cuts, folder, most=2 * BUCKET_ROWS):
            table.column_attrs = collection.column_attrs
            columns = [_column(table, name) for name in names]
            columns += _points(*(table.columns[name] for name in axes))
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _axes(collection: Collection) -> tuple[tuple[str, str], dict | None]:
    """Return the columns of the places of points, and their CRS as PROJJSON."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    known = {axes for axes in _PLACES if set(axes) <= set(collection.dtypes)}
    if ("x", "y") in known and collection.crs:
        try:
            return ("x", "y"), CRS.from_user_input(collection.crs).to_json_dict()
        except CRSError:
            raise InputError(f"CRS {collection.crs!r} of the inputs is unknown to pyproj") from None
    if ("lon", "lat") in known:
        return ("lon", "lat"), CRS.from_user_input("OGC:CRS84").to_json_dict()
    if ("x", "y") in known:
        return ("x", "y"), None
    raise InputError("the points have no place: there is neither x, y nor lon, lat")


def _geo(crs: dict | None, bounds: np.ndarray) -> dict:
    """Return the metadata of the file; a CRS of None is an unknown one."""
    column = {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "crs": crs,
        "covering": {"bbox": {edge: ["bbox", edge] for edge in _EDGES}},
    }
    if np.isfinite(bounds).all():
        column["bbox"] = bounds.tolist()
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


_EDGES = ("xmin", "ymin", "xmax", "ymax")


def _bbox_type() -> "pa.DataType":
    import pyarrow as pa

    return pa.struct([(edge, pa.float64()) for edge in _EDGES])


def _points(x: np.ndarray, y: np.ndarray) -> "list[pa.Array]":
    """Return the boxes of points and the points themselves, null where there is none."""
    import pyarrow as pa

    nowhere = ~(np.isfinite(x) & np.isfinite(y))
    points = np.empty(len(x), WKB_POINT)
    points["order"], points["kind"], points["x"], points["y"] = 1, 1, x, y
    size, known = pa.binary(WKB_POINT.itemsize), pa.py_buffer(_bits(~nowhere))
    wkb = pa.FixedSizeBinaryArray.from_buffers(size, len(x), [known, pa.py_buffer(points)])
    edges = [_array(values.astype("f8"), nowhere) for values in (x, y, x, y)]
    box = pa.StructArray.from_arrays(edges, fields=list(_bbox_type()), mask=_array(nowhere))
    return [box, wkb.cast(pa.binary())]


class Curve:
    """A Hilbert curve through the bounds of all points, cut into pieces of nearly one length.

    Parameters
    ----------
    collection : Collection
        The files.
    axes : tuple of two str
        The columns of the places.

    Attributes
    ----------
    bounds : array, shape (4,)
        xmin, ymin, xmax, ymax; infinite if there is no point.
    cuts : array of int
        Places that cut it into pieces of nearly as many points each; rows without a place lie
        behind the last.
    """

    def __init__(self, collection: Collection, axes: tuple[str, str]) -> None:
        self._axes = axes
        self.bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        some, seen = [np.empty((2, 0))], 0
        for table in collection.blocks(axes):
            points = self._finite(table.columns)
            if points.size:
                self.bounds[:2] = np.minimum(self.bounds[:2], points.min(axis=1))
                self.bounds[2:] = np.maximum(self.bounds[2:], points.max(axis=1))
            some.append(sample(points, STRIDE_ROWS, seen))
            seen += points.shape[1]
        places = self._along(np.concatenate(some, axis=1))
        self.cuts = np.append(find_cuts(places, STRIDE_ROWS, BUCKET_ROWS), NOWHERE)

    def place(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Return for each row how far along the curve it lies, `NOWHERE` at the end."""
        points = np.array([columns[name] for name in self._axes], "f8")
        finite = np.isfinite(points).all(axis=0)
        places = np.full(points.shape[1], NOWHERE)
        places[finite] = self._along(points[:, finite])
        return places

    def _finite(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        points = np.array([columns[name] for name in self._axes], "f8")
        return points[:, np.isfinite(points).all(axis=0)]

    def _along(self, points: np.ndarray) -> np.ndarray:
        # Halved, so that bounds as wide as all numbers do not overflow.
        low, high = self.bounds[:2, None] / 2, self.bounds[2:, None] / 2
        width = np.where(high > low, high - low, 1.0)
        cells = ((points / 2 - low) / width * (1 << CURVE_BITS)).astype(np.int64)
        return hilbert(*np.clip(cells, 0, (1 << CURVE_BITS) - 1))


def hilbert(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return how far along the Hilbert curve cells of a square of 2**CURVE_BITS lie.

    The curve goes through all cells, each time to a neighbour: what is near
    along it is near in space.

    Examples
    --------
    >>> hilbert(np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1]))
    array([0, 1, 2, 3])
    """
    column, row = column.copy(), row.copy()
    along = np.zeros(len(column), np.int64)
    for bit in reversed(range(CURVE_BITS)):
        right, upper = column >> bit & 1, row >> bit & 1
        along = along << 2 | 3 * right ^ upper
        # In the lower quarters the curve is transposed, in the lower right one also mirrored.
        mirrored = (right == 1) & (upper == 0)
        column[mirrored], row[mirrored] = ~column[mirrored], ~row[mirrored]
        column, row = np.where(upper, column, row), np.where(upper, row, column)
    return along
