"""Points of a GeoParquet file, of `export` or another program, as a flat file for a while."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from captools.errors import InputError
from captools.extras import require
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import coords
from captools.io.atomic import hidden_folder
from captools.points.geoparquet import WKB_POINT

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1 << 18
DEGREES = "OGC:CRS84"  # what GeoParquet means where it names no CRS
ALWAYS = ("lon", "lat", "t_gps")  # a map needs them for a box, or a CRS; a chart for time


class Geometry(NamedTuple):
    """The column of the places of points, and their CRS, "" if it is unknown."""

    column: str
    crs: str


def geometry_of(path: str) -> Geometry | None:
    """Return where the points of a Parquet file are; None if it holds a table without places.

    Raises
    ------
    MissingExtra
        If pyarrow is missing.
    InputError
        If it cannot be read, or its places are no points as GeoParquet has them.
    """
    require("export", "pyarrow")
    from pyarrow.parquet import read_schema
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        schema = read_schema(path)
        geo = json.loads((schema.metadata or {}).get(b"geo", b"null"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no Parquet file, or damaged ({error})") from None
    if len({*schema.names}) < len(schema.names):
        raise InputError(f"{path}: has several columns of one name")
    if geo is None:
        return None
    try:
        name = geo["primary_column"]
        about = geo["columns"][name]
        known = about.get("crs", DEGREES)
        crs = "" if known is None else CRS.from_user_input(known)
        if about["encoding"] != "WKB" or name not in schema.names:
            raise InputError(f"{path}: its geometry is not in WKB")
    except (KeyError, TypeError, AttributeError, CRSError) as error:
        raise InputError(f"{path}: is no GeoParquet as its standard has it ({error})") from None
    if crs and crs.is_geographic:
        return Geometry(name, DEGREES)
    return Geometry(name, crs.to_string() if crs and crs.is_projected else "")


@contextmanager
def flattened(path: str, geometry: Geometry, names: list[str], output: Path) -> Iterator[list[str]]:
    """Yield a flat file of the points, beside an output that it takes to make.

    Parameters
    ----------
    path : str
        The GeoParquet file.
    geometry : Geometry
        Of `geometry_of`.
    names : list of str
        Columns that are needed; those of `ALWAYS` are taken where they are.
    output : Path
        The output.

    Raises
    ------
    InputError
        If a column is missing, or of no numbers, or the file is damaged.
    OutputError
        If there is no room.
    """
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file, hidden_folder(output) as folder:
            fields = {field.name: field for field in file.schema_arrow}
            for name in names:
                _check(path, name, fields)
            beside = [name for name in ALWAYS if name in fields and _is_number(fields[name])]
            kept = [*dict.fromkeys([*names, *beside])]
            attrs = {name: _attributes(fields[name]) for name in kept}
            with FlatWriter(folder) as batch:
                stream = batch.stream(Path(path).name)
                for rows in file.iter_batches(BATCH_ROWS, columns=[*kept, geometry.column]):
                    stream.append(Table(_columns(path, rows, kept, geometry), attrs))
                if not stream.rows:
                    raise InputError(f"{path}: holds no points")
                crs = {} if geometry.crs in ("", DEGREES) else {"crs": geometry.crs}
                stream.finish({"captools_version": "", **crs})
            yield [str(written) for written in batch.written]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def _check(path: str, name: str, fields: "dict[str, pa.Field]") -> None:
    """Raise InputError if there is no such column, or it is not of numbers."""
    if name not in fields:
        raise InputError(f"{path}: has no column {name}: it has {', '.join(fields)}")
    if not _is_number(fields[name]):
        raise InputError(f"{path}: column {name} is of {fields[name].type}, not of numbers")


def _is_number(field: "pa.Field") -> bool:
    from pyarrow import types

    kind = field.type
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)


def _attributes(field: "pa.Field") -> dict[str, str]:
    found = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return {key: found[key] for key in ("long_name", "units") if key in found}


def _columns(
    path: str, rows: "pa.RecordBatch", names: list[str], geometry: Geometry
) -> dict[str, np.ndarray]:
    """Return columns, NaN where they have no value, and the places of the points."""
    columns: dict[str, Any] = {
        name: rows[name].to_numpy(zero_copy_only=False).astype("f8") for name in names
    }
    x, y = _places(path, rows[geometry.column])
    if geometry.crs == DEGREES:
        return columns | {"lon": x, "lat": y}
    if geometry.crs and not {"lon", "lat"} <= {*names}:
        columns["lon"], columns["lat"] = coords.transform(x, y, geometry.crs, "EPSG:4326")
    return columns | {"x": x, "y": y}


def _places(path: str, points: "pa.Array") -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of points in WKB, NaN where there is none."""
    import pyarrow as pa

    x, y = np.full(len(points), np.nan), np.full(len(points), np.nan)
    known = points.is_valid().to_numpy(zero_copy_only=False)
    if not known.any():
        return x, y
    try:
        content = points.drop_null().cast(pa.large_binary())
    except pa.ArrowNotImplementedError:
        raise InputError(f"{path}: its geometry is not in WKB") from None
    ends = np.frombuffer(content.buffers()[1], "i8")[content.offset :][: len(content) + 1]
    data = np.frombuffer(content.buffers()[2], "u1")[ends[0] : ends[-1]]
    if (np.diff(ends) != WKB_POINT.itemsize).any():
        raise InputError(f"{path}: its geometry is not of points in two dimensions")
    found = data.view(WKB_POINT)
    if ((found["order"] != 1) | (found["kind"] != 1)).any():
        raise InputError(f"{path}: its geometry is not of points in two dimensions")
    x[known], y[known] = found["x"], found["y"]
    return x, y
