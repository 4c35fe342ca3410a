"""GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0), neighbours together, by all workers.

A fold in three: parts of the inputs are looked at, to find where to cut a Hilbert curve through
their points; their rows go to the pieces of the curve; each piece becomes a row group.
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from captools.engine.crew import Crew
from captools.errors import CaptoolsError, InputError
from captools.flat.collection import Collection
from captools.flat.parts import Part, RowReader, cut, each_part
from captools.flat.shuffle import Shuffle, gathered, pieces
from captools.flat.writer import CHUNK_ROWS
from captools.io.atomic import appearing, attempt, hidden_folder, output_error
from captools.io.parquet import Fragment, Spliced
from captools.points.arrow import array, bits, column, schema_of
from captools.points.curve import NOWHERE, Curve, bounds_of
from captools.points.sorting import find_cuts, sample

if TYPE_CHECKING:
    import pyarrow as pa

BUCKET_ROWS = 1 << 16  # sorted at a time, so a row group has about as many
MOST_BUCKETS = 1 << 11  # each part may have rows of each: of more rows, larger ones are sorted
STRIDE_ROWS = 1 << 9  # for each point that is sampled to find where to cut
PART_BYTES = 1 << 26  # of the inputs, sorted into buckets at a time
TASK_BUCKETS = 4  # whose row groups are made at a time
PLACES = (("x", "y"), ("lon", "lat"))
EDGES = ("xmin", "ymin", "xmax", "ymax")

# A point as "well-known binary": byte order (1: little-endian), kind (1: point), coordinates.
WKB_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])


def write_geoparquet(collection: Collection, names: list[str], output: Path, crew: Crew) -> None:
    """Write columns of files, and the points as geometry.

    Raises
    ------
    BadInputs
        If files are damaged.
    InputError
        If the points have no place, or a column has the name of the geometry.
    OutputError
        If the file cannot be written.
    """
    if taken := [name for name in names if name in ("geometry", "bbox")]:
        raise InputError(f"column {taken[0]}: GeoParquet has its own: choose columns with -v")
    axes, crs = _axes(collection)
    dtypes = {name: collection.dtypes[name] for name in dict.fromkeys([*names, *axes])}
    rows = PART_BYTES // sum(dtype.itemsize for dtype in dtypes.values())
    # Parts end where chunks do, which are else inflated twice.
    parts = cut(collection.files, max(1, rows // CHUNK_ROWS) * CHUNK_ROWS)
    reader = collection.reader
    bucket_rows = max(BUCKET_ROWS, collection.total // MOST_BUCKETS)
    curve, cuts = _curve(crew, parts, reader, axes, bucket_rows)
    schema = _schema(collection, names, _geo(crs, curve.bounds))
    with hidden_folder(output) as folder:
        shuffle = Shuffle(folder, dtypes, output)
        spill = _Spill(reader, shuffle, axes, curve, cuts)
        counts = [found for _, found in each_part(crew, spill, parts)]
        buckets = [places for _, places in gathered(counts, shuffle.row_bytes)]
        tasks = [
            Task(number, buckets[at : at + TASK_BUCKETS])
            for number, at in enumerate(range(0, max(1, len(buckets)), TASK_BUCKETS))
        ]
        encode = _Encode(shuffle, axes, curve, schema, 2 * bucket_rows)
        with appearing(output) as file:
            whole = Spliced(file)
            for _, fragment in crew.each(encode, tasks):
                if isinstance(fragment, CaptoolsError):
                    raise fragment
                whole.append(fragment)
                fragment.path.unlink()
            whole.finish()


# --- where to cut -----------------------------------------------------------------


def _curve(
    crew: Crew, parts: list[Part], reader: RowReader, axes: tuple[str, str], bucket_rows: int
) -> tuple[Curve, np.ndarray]:
    """Return a curve through all points, and where pieces of about so many rows end.

    Rows without a place lie behind the last.
    """
    looked = [found for _, found in each_part(crew, partial(_look, reader, axes), parts)]
    corners = [(bounds[[0, 2]], bounds[[1, 3]]) for bounds, some in looked if some.size]
    curve = Curve(bounds_of(corners))
    sampled = np.concatenate([some for _, some in looked], axis=1)
    cuts = find_cuts(curve.along(*sampled), STRIDE_ROWS, bucket_rows)
    return curve, np.append(cuts, NOWHERE)


def _look(reader: RowReader, axes: tuple[str, str], part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the points of a part, and some of them, shape (2, n)."""
    bounds, some, seen = [], [np.empty((2, 0))], 0
    for table in reader.tables(part.spans, axes):
        x, y = (table.columns[name].astype(np.float64, copy=False) for name in axes)
        finite = np.isfinite(x) & np.isfinite(y)
        if not finite.all():
            x, y = x[finite], y[finite]
        bounds.append(bounds_of([(x, y)]))
        some.append(np.stack([sample(values, STRIDE_ROWS, seen) for values in (x, y)]))
        seen += len(x)
    corners = [(one[[0, 2]], one[[1, 3]]) for one in bounds if np.isfinite(one).all()]
    return bounds_of(corners), np.concatenate(some, axis=1)


# --- what workers do --------------------------------------------------------------


@dataclass(frozen=True)
class _Spill:
    """Sorts the rows of parts into pieces of the curve."""

    reader: RowReader
    shuffle: Shuffle
    axes: tuple[str, str]
    curve: Curve
    cuts: np.ndarray

    def __call__(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """Return which pieces have rows of a part, and how many."""
        columns = self.reader.columns(part.spans, list(self.shuffle.dtypes))
        along = self.curve.along(*(columns[name] for name in self.axes))
        bucket = np.searchsorted(self.cuts, along, side="right")
        rows = self.shuffle.put(part.number, columns, bucket, len(self.cuts) + 1)
        keys = np.flatnonzero(rows)
        return keys, rows[keys]


class Task(NamedTuple):
    """Buckets whose row groups are made together."""

    number: int
    buckets: list[np.ndarray]  # the places of their rows

    def __str__(self) -> str:
        return f"row groups {self.number}"


@dataclass(frozen=True)
class _Encode:
    """Makes row groups of the pieces of the curve."""

    shuffle: Shuffle
    axes: tuple[str, str]
    curve: Curve
    schema: "pa.Schema"
    most: int  # rows sorted at a time

    def __call__(self, task: Task) -> Fragment:
        """Return a Parquet file of some row groups."""
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        path = self.shuffle.folder / f"{task.number}.parquet"
        try:
            with (
                attempt(path) as own,
                ParquetWriter(own, self.schema, compression="zstd", **self._encodings()) as file,
            ):
                for places in task.buckets:
                    for piece in pieces(places, self.most):
                        columns = self._columns(self.shuffle.take(piece))
                        rows = pa.record_batch(columns, schema=self.schema)
                        file.write_batch(rows, row_group_size=2 * BUCKET_ROWS)
        except OSError as error:
            raise output_error(self.shuffle.output, error) from None
        return Fragment.of(path)

    def _encodings(self) -> dict[str, Any]:
        """Return how columns are stored.

        A dictionary of values saves space where they are few: whole numbers, not measured ones.
        To split these byte by byte would save more, but pyarrow 16 does not read that with nulls.
        """
        names = [one.name for one in self.schema][:-2]
        boxes = [f"bbox.{edge}" for edge in EDGES]
        measured = [name for name in names if self.shuffle.dtypes[name].kind == "f"]
        return {
            "use_dictionary": [name for name in names if name not in measured],
            "write_statistics": names + boxes,  # bytes of a geometry have no order
        }

    def _columns(self, rows: dict[str, np.ndarray]) -> "list[pa.Array]":
        """Return the columns of a row group, in the order of the curve."""
        order = np.argsort(self.curve.along(*(rows[name] for name in self.axes)), kind="stable")
        rows = {name: values[order] for name, values in rows.items()}
        fills = {
            one.name: (one.metadata or {}).get(b"_FillValue") for one in list(self.schema)[:-2]
        }
        columns = [
            column(rows[name], None if fill is None else rows[name].dtype.type(fill.decode()))
            for name, fill in fills.items()
        ]
        return [*columns, *_points(*(rows[name] for name in self.axes))]


def _points(x: np.ndarray, y: np.ndarray) -> "list[pa.Array]":
    """Return the boxes of points and the points themselves, null where there is none."""
    import pyarrow as pa

    nowhere = ~(np.isfinite(x) & np.isfinite(y))
    points = np.empty(len(x), WKB_POINT)
    points["order"], points["kind"], points["x"], points["y"] = 1, 1, x, y
    known = pa.py_buffer(bits(~nowhere)) if nowhere.any() else None
    ends = np.arange(0, points.nbytes + 1, WKB_POINT.itemsize, dtype=np.int32)
    stored = [known, pa.py_buffer(ends), pa.py_buffer(points)]
    wkb = pa.Array.from_buffers(pa.binary(), len(x), stored)
    edges = [array(values.astype("f8", copy=False), nowhere) for values in (x, y)]
    mask = array(nowhere) if nowhere.any() else None
    box = pa.StructArray.from_arrays([*edges, *edges], fields=list(_bbox_type()), mask=mask)
    return [box, wkb]


# --- what the file says -----------------------------------------------------------


def _axes(collection: Collection) -> tuple[tuple[str, str], dict | None]:
    """Return the columns of the places of points, and their CRS as PROJJSON."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    known = {axes for axes in PLACES if set(axes) <= set(collection.dtypes)}
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
        "covering": {"bbox": {edge: ["bbox", edge] for edge in EDGES}},
    }
    if np.isfinite(bounds).all():
        column["bbox"] = bounds.tolist()
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _schema(collection: Collection, names: list[str], geo: dict) -> "pa.Schema":
    """Return the columns of the file, the last two of which are boxes and geometry."""
    import pyarrow as pa

    columns = schema_of({name: collection.dtypes[name] for name in names}, collection.column_attrs)
    place = [pa.field("bbox", _bbox_type()), pa.field("geometry", pa.binary())]
    return pa.schema([*columns, *place], {"geo": json.dumps(geo)})


def _bbox_type() -> "pa.DataType":
    import pyarrow as pa

    return pa.struct([(edge, pa.float64()) for edge in EDGES])
