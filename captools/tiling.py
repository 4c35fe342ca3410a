"""Tiling flat files: rows go from many files to one for each square of a grid."""

import contextlib
import json
import os
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captools import coords, select
from captools.collection import Collection
from captools.errors import CaptoolsWarning, FolderError, InputError, one_line
from captools.extent import Extent
from captools.flat import PIECE, Batch, Written, temporary_name
from captools.header import header
from captools.spool import Spool

INDEX = "tiles.geojson"
CORE = {"units": "1", "long_name": "inside the square of the tile, not in its overlap"}
SMALLEST = 1e-3  # km, of a square
FAR = 1e9  # metres; no projection of the Earth reaches so far
ON_POLE = 1e-4  # metres
ACCURACY = 1e-3  # of the outlines in the index, in sizes of a tile
SLICE = 1 << 14  # rows placed at a time: each may go to nine tiles
_NAME = re.compile(r"tile_[+-][\d.]+_[+-][\d.]+_[\d.]+km\.h5")
_SPAN = 1 << 32  # of the numbers of columns and rows of a grid
_LONLAT = "EPSG:4326"


def tile_files(
    files: Iterable[str | Path],
    output: Path,
    size: float,
    overlap: float,
    extent: tuple[float, float, float, float] | None,
    common: bool,
    compression: str,
) -> Written:
    """Tile; see the step `tile`."""
    files = list(files)
    grid = Grid.of(size, overlap, extent)
    _check_output(output, files)
    told = {
        "size": size,
        "overlap": overlap,
        "extent": extent,
        "common": common,
        "compression": compression,
    }
    with _appearing(output) as hidden:
        collection = Collection(files, common)
        _check_place(collection)
        written = Written(rows_in=collection.total)
        with Spool(hidden) as spool:
            cores = _spread(collection, grid, spool)
            tiles = [Tile(grid, key, spool.rows[key], cores[key]) for key in sorted(cores)]
            for tile in tiles:
                with Batch(hidden, compression) as batch:
                    _write_tile(batch, tile, spool, collection, told)
                written.append(output / tile.file)
                written.rows_out += tile.rows
        (hidden / INDEX).write_text(index(tiles, collection.crs), encoding="utf-8")
        written.append(output / INDEX)
    return written


# --- what is asked for ------------------------------------------------------------


def check_size(size: float) -> None:
    """Raise ValueError if `size` (km) is no side of a square."""
    if not SMALLEST <= size < np.inf:
        raise ValueError(f"size {size:g} km: it must be {SMALLEST} or more")


def check_overlap(overlap: float) -> None:
    """Raise ValueError if `overlap` (km) is none."""
    if not 0 <= overlap < np.inf:
        raise ValueError(f"overlap {overlap:g} km: it must be 0 or more")


def _check_output(output: Path, files: list[str | Path]) -> None:
    """Raise ValueError if the folder cannot be replaced without a loss."""
    if not os.path.lexists(output):
        return
    if not output.is_dir():
        raise ValueError(f"output {output} is not a folder")
    names = sorted(entry.name for entry in output.iterdir())
    other = [name for name in names if name != INDEX and not _NAME.fullmatch(name)]
    if names and (other or INDEX not in names):
        told = ", ".join((other or names)[:3]) + (", ..." if len(other or names) > 3 else "")
        raise ValueError(f"output {output} holds {told}: only a folder of tiles is replaced")
    folder = os.path.realpath(output)
    if any(os.path.dirname(os.path.realpath(file)) == folder for file in files):
        raise ValueError(f"output {output} is the folder of inputs: choose another")


def _check_place(collection: Collection) -> None:
    """Raise InputError if the files have no x and y in metres of a known CRS."""
    crs, remedy = collection.crs, "run captools reproject first"
    if missing := [name for name in ("x", "y") if name not in collection.dtypes]:
        raise InputError(f"no column {', '.join(missing)} in the inputs: {remedy}")
    if not crs:
        raise InputError(f"the inputs do not tell the CRS of x and y: {remedy}")
    if (unit := coords.crs_unit(crs)) != "m":
        raise InputError(f"x and y ({crs}) are in units of {unit}, not metres: {remedy}")
    if collection.dtypes.get("core", np.dtype(bool)) != np.dtype(bool):
        raise InputError("the inputs have a column core that is not that of tiles: rename it")


# --- points and squares -----------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """Squares of one size, numbered from that with its lower left corner at `x`, `y`.

    A square holds its lower and left edges, not its upper and right ones. All in metres.
    """

    size: float
    overlap: float = 0.0
    x: float = 0.0
    y: float = 0.0
    extent: tuple[float, float, float, float] | None = None

    @classmethod
    def of(
        cls, size: float, overlap: float, extent: tuple[float, float, float, float] | None
    ) -> "Grid":
        """Return the grid for a size and overlap in kilometres; ValueError if there is none."""
        check_size(size)
        check_overlap(overlap)
        if overlap > size:
            raise ValueError(f"overlap {overlap:g} km is more than the size {size:g} km")
        if extent is None:
            return cls(size * 1e3, overlap * 1e3)
        select.check_extent(extent)
        return cls(size * 1e3, overlap * 1e3, extent[0], extent[2], tuple(extent))

    @property
    def shape(self) -> tuple[int, int] | None:
        """How many columns and rows the extent has, None if there is none."""
        if self.extent is None:
            return None
        xmin, xmax, ymin, ymax = self.extent
        return max(1, int(np.ceil((xmax - xmin) / self.size))), max(
            1, int(np.ceil((ymax - ymin) / self.size))
        )

    def square(self, column: int, row: int) -> tuple[float, float, float, float]:
        """Return xmin, xmax, ymin, ymax of a square."""
        x, y, size = self.x, self.y, self.size
        return (
            *(x + column * size, x + (column + 1) * size),
            *(y + row * size, y + (row + 1) * size),
        )

    def name(self, column: int, row: int) -> str:
        """Return the name of the file of a square: its lower left corner and size in km.

        Examples
        --------
        >>> Grid(100e3).name(-15, 3), Grid(500.0).name(0, -1)
        ('tile_-1500_+0300_100km.h5', 'tile_+0000.0_-0000.5_0.5km.h5')
        """
        digits = _decimals(self.size / 1e3, self.x / 1e3, self.y / 1e3)
        width = 5 + bool(digits) + digits
        left, _, low, _ = self.square(column, row)
        # Adding 0 makes of -0 a plain one.
        corner = [round(value / 1e3, digits) + 0.0 for value in (left, low)]
        x, y = (f"{value:+0{width}.{digits}f}" for value in corner)
        size = np.format_float_positional(round(self.size / 1e3, 6), trim="-")
        return f"tile_{x}_{y}_{size}km.h5"


def _decimals(*values: float) -> int:
    """Return how many decimals tell the values, at most 6."""
    return next(
        (count for count in range(6) if all(abs(round(v, count) - v) < 1e-9 for v in values)), 6
    )


def known(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tell which points have a place."""
    return (np.abs(x) < FAR) & (np.abs(y) < FAR)


def assign(
    x: np.ndarray, y: np.ndarray, grid: Grid
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tell in which tiles points lie.

    A tile is a square, grown by the overlap on all sides (lower and left edges count, the
    others do not). With an extent there are no other tiles than its own, points outside are
    not core, and those on its upper and right edges belong to the last tiles.

    Parameters
    ----------
    x, y : arrays of float, shape (n,)
        Metres. Points that are NaN, or farther than `FAR`, lie in no tile.
    grid : Grid
        The squares.

    Returns
    -------
    point : array of int, shape (m,)
        Indices of points, in increasing order: each as often as there are tiles that hold it.
    column, row : arrays of int, shape (m,)
        The tile.
    core : array of bool, shape (m,)
        Whether the point belongs to the square itself; true once for each point at most.

    Examples
    --------
    >>> x, y = np.array([50.0, 95.0, np.nan]), np.array([50.0, 50.0, 0.0])
    >>> point, column, row, core = assign(x, y, Grid(100.0, overlap=10.0))
    >>> point, column, row
    (array([0, 1, 1]), array([0, 0, 1]), array([0, 0, 0]))
    >>> core
    array([ True,  True, False])
    """
    point = np.flatnonzero(known(x, y))
    x, y = np.asarray(x[point], "f8"), np.asarray(y[point], "f8")
    own = _inside(x, y, grid.extent)
    column, row = _cell(x, grid.x, grid.size), _cell(y, grid.y, grid.size)
    if grid.shape is not None:
        last_column, last_row = np.array(grid.shape) - 1
        column = np.where(own, np.minimum(column, last_column), column)
        row = np.where(own, np.minimum(row, last_row), row)
    steps = (-1, 0, 1) if grid.overlap else (0,)
    beside = {step: _reaches(x, column, step, grid.x, grid) for step in steps}
    above = {step: _reaches(y, row, step, grid.y, grid) for step in steps}
    found = []
    for right in steps:
        for up in steps:
            at = np.flatnonzero(beside[right] & above[up])
            core = own[at] if (right, up) == (0, 0) else np.zeros(len(at), bool)
            found.append((at, column[at] + right, row[at] + up, core))
    at, column, row, core = map(np.concatenate, zip(*found, strict=True))
    kept = _in_shape(column, row, grid.shape)
    # Stable, so that the tiles of a point come in one order.
    order = np.flatnonzero(kept)[np.argsort(at[kept], kind="stable")]
    return point[at[order]], column[order], row[order], core[order]


def _inside(x: np.ndarray, y: np.ndarray, extent: tuple | None) -> np.ndarray:
    if extent is None:
        return np.ones(len(x), bool)
    xmin, xmax, ymin, ymax = extent
    return (xmin <= x) & (x <= xmax) & (ymin <= y) & (y <= ymax)


def _cell(values: np.ndarray, origin: float, size: float) -> np.ndarray:
    """Return the numbers of the cells that hold values, true to the edges as they are computed."""
    cell = np.floor((values - origin) / size)
    cell -= values < origin + cell * size
    cell += values >= origin + (cell + 1) * size
    return cell.astype(np.int64)


def _reaches(
    values: np.ndarray, cell: np.ndarray, step: int, origin: float, grid: Grid
) -> np.ndarray:
    """Tell of which values the neighbour of their cell, grown by the overlap, holds them too."""
    if step < 0:
        return values < origin + cell * grid.size + grid.overlap
    if step > 0:
        return values >= origin + (cell + 1) * grid.size - grid.overlap
    return np.ones(len(values), bool)


def _in_shape(column: np.ndarray, row: np.ndarray, shape: tuple[int, int] | None) -> np.ndarray:
    if shape is None:
        return np.ones(len(column), bool)
    return (column >= 0) & (column < shape[0]) & (row >= 0) & (row < shape[1])


@dataclass(frozen=True)
class Tile:
    """A square of a grid with points: `rows` in its file, `core` of them in the square."""

    grid: Grid
    key: int  # of its heap
    rows: int
    core: int

    @property
    def square(self) -> tuple[float, float, float, float]:
        """Its xmin, xmax, ymin, ymax."""
        return self.grid.square(*_place(self.key))

    @property
    def file(self) -> str:
        """The name of its file."""
        return self.grid.name(*_place(self.key))


def _key(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return one number for each square; they increase by column, then by row."""
    return column * _SPAN + row


def _place(key: int) -> tuple[int, int]:
    """Return column and row of a square, the inverse of `_key`."""
    column, row = divmod(key + _SPAN // 2, _SPAN)
    return column, row - _SPAN // 2


# --- writing ----------------------------------------------------------------------


@contextlib.contextmanager
def _appearing(output: Path) -> Iterator[Path]:
    """Give a hidden folder that becomes the output in the end."""
    final = Path(os.path.realpath(output))
    hidden, old = (final.with_name(temporary_name(final.name)) for _ in range(2))
    try:
        hidden.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"output {output}: cannot be made ({error.strerror})") from None
    try:
        yield hidden
        _replace(final, hidden, old)
    except OSError as error:
        told = error.strerror or one_line(error)
        raise FolderError(f"{output}: cannot be written ({told})") from None
    finally:
        for folder in (hidden, old):
            shutil.rmtree(folder, ignore_errors=True)


def _replace(final: Path, new: Path, old: Path) -> None:
    """Put a new folder in place of one, if that is there."""
    try:
        if final.exists():
            final.rename(old)
        new.rename(final)
    except BaseException:
        if old.exists() and not final.exists():
            old.rename(final)
        raise


def _spread(collection: Collection, grid: Grid, spool: Spool) -> Counter[int]:
    """Put all points into the heaps of their tiles; return how many core ones each has."""
    cores, lost = Counter(), 0
    for table in collection.blocks():
        for start in range(0, table.rows, SLICE):
            part = table.where(slice(start, start + SLICE))
            if "core" in part.columns:
                part = part.where(part.columns["core"])
            point, column, row, core = assign(part.columns["x"], part.columns["y"], grid)
            keys = _key(column, row)
            spool.add(keys, part.where(point).columns | {"core": core})
            of, counts = np.unique(keys[core], return_counts=True)
            cores.update(dict(zip(of.tolist(), counts.tolist(), strict=True)))
            lost += part.rows - int(known(part.columns["x"], part.columns["y"]).sum())
    if lost:
        warnings.warn(f"{lost} rows without x, y left out", CaptoolsWarning, stacklevel=3)
    if not cores:
        raise InputError("no point lies in any tile: nothing was written")
    return cores


def _write_tile(
    batch: Batch, tile: Tile, spool: Spool, collection: Collection, options: dict
) -> None:
    """Write the file of one tile."""
    stream, extent = batch.stream(tile.file), Extent()
    for table in spool.blocks(tile.key, PIECE):
        table.column_attrs = collection.column_attrs | {"core": CORE}
        extent.add(table.columns)
        stream.append(table)
    told = collection.attrs | {"crs": collection.crs}
    attrs = header(told, "tile", options, collection.total, extent)
    attrs |= {"tile": np.array(tile.square), "overlap": tile.grid.overlap}
    sources = np.array([name.encode() for name in collection.sources])
    stream.finish(attrs, {"source": sources})


# --- the index --------------------------------------------------------------------


def index(tiles: Iterable[Tile], crs: str) -> str:
    """Return the index of tiles: GeoJSON (RFC 7946), a polygon for each, one on each line."""
    features = []
    for tile in tiles:
        told = {"file": tile.file, "rows": tile.rows, "core": tile.core}
        told |= dict(zip(("xmin", "xmax", "ymin", "ymax"), tile.square, strict=True))
        feature = {
            "type": "Feature",
            "properties": told | {"crs": crs},
            "geometry": geometry(tile.square, crs),
        }
        features.append(json.dumps(feature))
    lines = ",\n".join(features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'


def geometry(square: tuple[float, float, float, float], crs: str) -> dict | None:
    """Return a square in `crs` as GeoJSON, in longitude and latitude.

    Its edges are followed within a thousandth of its size. It is cut at the antimeridian,
    and reaches along it to a pole that it holds. None if the CRS does not reach so far.
    """
    x, y = _ring(square, crs)
    size = square[1] - square[0]
    for _ in range(20):
        lon, lat = _followed(x, y, crs)
        if not np.isfinite(lon + lat).all():
            return None
        middle_x, middle_y = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
        there_x, there_y = coords.project((lon[1:] + lon[:-1]) / 2, (lat[1:] + lat[:-1]) / 2, crs)
        off = np.flatnonzero(np.hypot(there_x - middle_x, there_y - middle_y) > size * ACCURACY)
        if not len(off):
            break
        x, y = np.insert(x, off + 1, middle_x[off]), np.insert(y, off + 1, middle_y[off])
    if abs(lon[-1] - lon[0]) > 180 and abs(lat[0]) < 90:
        rings = [_around_pole(lon[:-1], lat[:-1])]
    else:
        rings = _cut(lon, lat)
    polygons = [[_closed(ring)] for ring in rings]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _ring(square: tuple[float, float, float, float], crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return points along the edges of a square, counterclockwise, the first one also as last.

    Where the edges come closest to a pole there is a point, and on a pole they begin.
    """
    poles = np.transpose(coords.project(np.zeros(2), np.array([-90.0, 90.0]), crs))
    xmin, xmax, ymin, ymax = square
    xs, ys = _sampled(xmin, xmax, poles[:, 0]), _sampled(ymin, ymax, poles[:, 1])
    x = np.concatenate([xs, np.full(len(ys) - 2, xmax), xs[::-1], np.full(len(ys) - 2, xmin)])
    y = np.concatenate(
        [np.full(len(xs), ymin), ys[1:-1], np.full(len(xs), ymax), ys[-2:0:-1]],
    )
    for pole in poles:
        on = np.flatnonzero(np.hypot(x - pole[0], y - pole[1]) < ON_POLE)
        if len(on):
            x, y = np.roll(x, -on[0]), np.roll(y, -on[0])
    return np.append(x, x[0]), np.append(y, y[0])


def _sampled(low: float, high: float, more: np.ndarray) -> np.ndarray:
    """Return five values from `low` to `high`, and those of `more` that lie between."""
    inside = more[(more > low + ON_POLE) & (more < high - ON_POLE)]
    return np.union1d(np.linspace(low, high, 5), inside)


def _followed(x: np.ndarray, y: np.ndarray, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return lon and lat of a ring, lon without jumps (and hence beyond 180)."""
    lon, lat = coords.transform(x, y, crs, _LONLAT)
    if abs(lat[0]) > 90 - 2 * ON_POLE * 1e-5:  # which has any longitude
        lat[[0, -1]] = np.copysign(90.0, lat[0])
        lon[0], lon[-1] = lon[1], lon[-2]
    return np.unwrap(lon, period=360), lat


def _around_pole(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return the ring from the antimeridian to itself that lies between points and their pole."""
    pole = np.copysign(90.0, lat.mean())
    edge = np.interp(180.0, lon, lat, period=360)
    lon = coords.wrap(lon, -180.0)
    order = np.argsort(lon)
    lon, lat = [-180, *lon[order], 180, 180, -180], [edge, *lat[order], edge, pole, pole]
    return np.transpose([lon, lat])


def _cut(lon: np.ndarray, lat: np.ndarray) -> list[np.ndarray]:
    """Return a ring as the rings on either side of the antimeridian, lon from -180 to 180."""
    whole = np.transpose([lon, lat])
    turns = np.arange(np.floor((lon.min() + 180) / 360), np.floor((lon.max() + 180) / 360) + 1)
    rings = []
    for turn in turns * 360:
        ring = _clipped(_clipped(whole, turn - 180, 1), turn + 180, -1) - [turn, 0]
        # An edge along the antimeridian is, within rounding, on both sides of it.
        if abs(_area(ring)) > 1e-9 * abs(_area(whole)):
            rings.append(ring)
    return rings


def _clipped(ring: np.ndarray, edge: float, sign: int) -> np.ndarray:
    """Return the part of a ring east (`sign` 1) or west (-1) of a meridian."""
    inside = sign * ring[:, 0] >= sign * edge
    kept = []
    for at in range(len(ring)):
        (lon, lat), (next_lon, next_lat) = ring[at - 1], ring[at]
        if inside[at] != inside[at - 1]:
            kept.append((edge, lat + (edge - lon) / (next_lon - lon) * (next_lat - lat)))
        if inside[at]:
            kept.append((next_lon, next_lat))
    return np.array(kept).reshape(-1, 2)


def _area(ring: np.ndarray) -> float:
    """Return the area within a ring, positive if it runs counterclockwise."""
    lon, lat = ring.T
    return float(np.sum(np.roll(lon, 1) * lat - lon * np.roll(lat, 1)) / 2)


def _closed(ring: np.ndarray) -> list[list[float]]:
    """Return a ring as GeoJSON has it: counterclockwise, to the centimetre, and closed."""
    ring = ring if _area(ring) > 0 else ring[::-1]
    points = (np.round(ring, 7) + 0.0).tolist()
    kept = [point for at, point in enumerate(points) if point != points[at - 1]]
    return [*kept, kept[0]]
