"""Mask files: polygons, or rasters of zeros and ones, in any CRS."""

import os
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from captools.errors import InputError, MissingExtra
from captools.geo import coords, rings
from captools.geo.polygons import Polygons
from captools.geo.vectors import check_local, file_and_part, named_crs, read_shapes

RASTERS = (".tif", ".tiff", ".vrt", ".img", ".nc", ".asc")
WIDEST_DEGREES = 40.0  # from its centre: a larger mask is distorted where distances are measured
_WINDOW_CELLS = 1 << 25  # read at a time, some 300 MB of doubles
_RUN_POINTS = 4096  # so many in a row lie near each other: a small window of the raster covers them


class Mask(Protocol):
    """A region of the Earth."""

    crs: str

    def contains(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return which points (degrees, shape (n,)) lie inside."""


@lru_cache(maxsize=4)
def load(
    path: str | Path, where: str | None = None, buffer: float | None = None, invert: bool = False
) -> Mask:
    """Return the mask in a file, read once per process.

    Parameters
    ----------
    path : str or Path
        A file, or a part of one: ``FILE:VARIABLE`` of a netCDF file, ``FILE:LAYER`` of polygons.
    where : str, optional
        Which polygons, as SQL says it: ``NAME = 'G-H'``.
    buffer : float, optional
        Kilometres by which the polygons grow, or shrink if it is negative.
    invert : bool
        What lies outside.

    Raises
    ------
    ValueError
        If the file cannot be read as a mask or does not name its CRS, or the
        extra ``geo`` is not installed.
    """
    from pyproj.exceptions import ProjError

    file, part = file_and_part(f"mask {path}", Path(path))
    check_local(f"mask {path}", file)
    is_raster = file.suffix.lower() in RASTERS
    if is_raster and (where is not None or buffer is not None):
        raise ValueError(f"mask {path}: is a raster: where and buffer go with polygons")
    try:
        mask = RasterMask(file, part) if is_raster else PolygonMask(file, part, where, buffer)
        coords.project(np.zeros(1), np.zeros(1), mask.crs)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"mask {path}: needs {error.name}: pip install 'captools[geo]'"
        ) from None
    except ProjError:
        raise ValueError(f"mask {path}: its CRS has no relation to longitude, latitude") from None
    return Outside(mask) if invert else mask


def check(
    mask: str | Path | None, where: str | None, buffer: float | None, invert: bool
) -> Mask | None:
    """Return the mask of these options, None if there is none; ValueError if one is wrong."""
    if mask is not None:
        return load(mask, where, buffer, invert)
    if where is not None or buffer is not None or invert:
        raise ValueError("mask-where, buffer and invert go with a mask (-f)")
    return None


class Outside:
    """The places that are not in a mask."""

    def __init__(self, mask: Mask) -> None:
        self.mask = mask
        self.crs = mask.crs

    def contains(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return which points (degrees, shape (n,)) lie outside; those without a place do not."""
        is_place = np.isfinite(lon) & (np.abs(lat) <= 90)
        return is_place & ~self.mask.contains(lon, lat)


# --- polygons -------------------------------------------------------------------


class PolygonMask:
    """The union of the polygons of a vector file; its boundary counts as inside."""

    def __init__(
        self, path: Path, layer: str = "", where: str | None = None, buffer: float | None = None
    ) -> None:
        polygons, self.crs = _read_polygons(path, layer, where)
        self._turns = np.zeros(1)
        in_degrees = coords.crs_unit(self.crs) == "degree"
        try:
            if in_degrees:
                polygons = rings.laid_out(polygons)
            if buffer is not None:
                if in_degrees:
                    polygons, self.crs = _in_metres(polygons, self.crs)
                    in_degrees = False
                polygons = _grown(polygons, buffer * 1e3 / coords.metres(self.crs))
        except ValueError as error:
            raise ValueError(f"mask {path}: {error}") from None
        self._polygons = Polygons(polygons)
        self._in_degrees = in_degrees
        if in_degrees:
            self._turns = rings.turns(self._polygons, -180.0, 180.0)

    def contains(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return which points (degrees, shape (n,)) lie inside or on the boundary."""
        x, y = coords.project(lon, lat, self.crs)
        if self._in_degrees:
            x = coords.wrap(x, -180.0)
        return np.any([self._polygons.contain(x - turn, y) for turn in self._turns], axis=0)


def _read_polygons(path: Path, layer: str, where: str | None) -> tuple[np.ndarray, str]:
    """Return the polygons of a file, shape (n,), and their CRS."""
    import shapely

    shapes, crs = read_shapes(f"mask {path}", "polygon file", path, layer, where)
    if where is not None and not len(shapes):
        raise ValueError(f"mask {path}: holds no polygon with {where}")
    is_only = np.isin(shapely.get_dimensions(shapes), 2).all()
    polygons = shapely.get_parts(shapes[~shapely.is_empty(shapes)])
    if not is_only or not len(polygons):
        raise ValueError(f"mask {path}: must hold polygons, and nothing else")
    return polygons, named_crs(f"mask {path}", crs)


def _grown(polygons: np.ndarray, distance: float) -> np.ndarray:
    """Return polygons grown by a distance in their units."""
    import shapely

    area = shapely.union_all(shapely.make_valid(polygons)).buffer(distance)
    if area.is_empty:
        raise ValueError("the buffer leaves nothing of it")
    return shapely.get_parts(area)


def _in_metres(polygons: np.ndarray, crs: str) -> tuple[np.ndarray, str]:
    """Return polygons in degrees in a projection about their centre, and this projection."""
    import shapely

    dense = shapely.segmentize(polygons, 0.25)
    lon, lat = np.deg2rad(shapely.get_coordinates(dense).T)
    place = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    centre = place.mean(axis=1) / np.linalg.norm(place.mean(axis=1))
    if np.any(centre @ place < np.cos(np.deg2rad(WIDEST_DEGREES))):
        raise ValueError("is too large for a buffer in degrees: give it in a projected CRS")
    at = np.rad2deg([np.arctan2(centre[1], centre[0]), np.arcsin(centre[2])])
    own = f"+proj=aeqd +lon_0={at[0]:.6f} +lat_0={at[1]:.6f} +datum=WGS84 +units=m"

    def projected(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(coords.transform(xy[:, 0], xy[:, 1], crs, own))

    return shapely.transform(dense, projected), own


# --- rasters --------------------------------------------------------------------


class RasterMask:
    """The cells of the first band that are neither zero nor without data."""

    def __init__(self, path: Path, variable: str = "") -> None:
        import rasterio

        try:
            part = _part_of_raster(path, variable)
            with warnings.catch_warnings():
                warnings.simplefilter("error", rasterio.errors.NotGeoreferencedWarning)
                self.raster = rasterio.open(part)
        except rasterio.errors.RasterioIOError as error:
            raise ValueError(f"mask {path}: is no raster file ({error})") from None
        except rasterio.errors.NotGeoreferencedWarning:
            raise ValueError(f"mask {path}: does not say where on Earth it lies") from None
        if self.raster.crs is None:
            raise ValueError(f"mask {path}: does not name its CRS")
        self.crs = self.raster.crs.to_wkt()
        self.in_degrees = coords.crs_unit(self.crs) == "degree"

    def contains(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return which points (degrees, shape (n,)) fall in a cell that counts."""
        x, y = coords.project(lon, lat, self.crs)
        if self.in_degrees:  # a raster may run from 0 to 360
            x = coords.wrap(x, self.raster.bounds.left)
        to_cell = ~self.raster.transform
        column = to_cell.a * x + to_cell.b * y + to_cell.c
        row = to_cell.d * x + to_cell.e * y + to_cell.f
        inside = np.zeros(len(lon), dtype=bool)
        for start in range(0, len(lon), _RUN_POINTS):
            run = slice(start, start + _RUN_POINTS)
            inside[run] = self._cells(np.floor(row[run]), np.floor(column[run]))
        return inside

    def _cells(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """Return whether the cells at rows and columns (floats, NaN allowed) count."""
        from rasterio.errors import RasterioIOError

        within = (row >= 0) & (row < self.raster.height)
        within &= (column >= 0) & (column < self.raster.width)
        if not within.any():
            return within
        parts = row, column
        row, column = row[within].astype(int), column[within].astype(int)
        rows, columns = (row.min(), row.max() + 1), (column.min(), column.max() + 1)
        if int(rows[1] - rows[0]) * int(columns[1] - columns[0]) > _WINDOW_CELLS:
            halves = zip(*(np.array_split(part, 2) for part in parts), strict=True)
            return np.concatenate([self._cells(*half) for half in halves])
        try:
            window = self.raster.read(1, window=(rows, columns), masked=True)
        except RasterioIOError as error:
            raise InputError(f"mask {self.raster.name}: cannot be read ({error})") from None
        counts = (window.filled(0) != 0) & np.isfinite(window.filled(0))
        within[within] = counts[row - rows[0], column - columns[0]]
        return within


def _part_of_raster(path: Path, variable: str) -> str:
    """Return what GDAL calls the raster of a file, or the variable that is named of several."""
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            parts = {part.rpartition(":")[2]: part for part in file.subdatasets}
            if not variable and (file.count or not parts):
                return os.fspath(path)
            if not parts and file.count:
                parts = {file.tags(1).get("NETCDF_VARNAME", "one, without a name"): str(path)}
    if variable not in parts:
        what = f"has no variable {variable}" if variable else "holds several variables"
        raise ValueError(
            f"mask {path}: {what}: there are {', '.join(parts)}; name one, "
            f"{path.name}:{next(iter(parts), 'NAME')}"
        )
    return parts[variable]
