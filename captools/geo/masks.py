"""Mask files: polygons, or rasters of zeros and ones, in any CRS."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from captools.errors import InputError
from captools.geo import coords

RASTERS = (".tif", ".tiff", ".vrt", ".img", ".nc", ".asc")
_RUN_POINTS = 4096  # so many in a row lie near each other: a small window of the raster covers them


class Mask(Protocol):
    """A region of the Earth."""

    def contains(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return which points (degrees, shape (n,)) lie inside."""


@lru_cache(maxsize=4)
def load(path: str | Path) -> Mask:
    """Return the mask in a file, read once per process.

    Raises
    ------
    ValueError
        If the file cannot be read as a mask or does not name its CRS, or the
        extra ``geo`` is not installed.
    """
    from pyproj.exceptions import ProjError

    path = Path(path)
    if not path.exists():
        raise ValueError(f"mask {path}: does not exist")
    try:
        mask = RasterMask(path) if path.suffix.lower() in RASTERS else PolygonMask(path)
        coords.project(np.zeros(1), np.zeros(1), mask.crs)
    except ModuleNotFoundError as error:
        raise ValueError(f"mask {path}: needs {error.name}: pip install 'captools[geo]'") from None
    except ProjError:
        raise ValueError(f"mask {path}: its CRS has no relation to longitude, latitude") from None
    return mask


class PolygonMask:
    """The union of the polygons of a vector file; its boundary counts as inside."""

    def __init__(self, path: Path) -> None:
        import pyogrio
        import shapely

        try:
            layers = pyogrio.list_layers(path)[:, 0]
            if len(layers) > 1:
                raise ValueError(f"mask {path}: holds several layers ({', '.join(layers)})")
            about, _, geometry, _ = pyogrio.raw.read(path, columns=[])
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
            raise ValueError(f"mask {path}: is no polygon file ({error})") from None
        polygons = shapely.from_wkb(geometry)  # None for a table without places
        self.area = shapely.union_all(shapely.make_valid(polygons))
        if self.area.is_empty or not np.isin(shapely.get_dimensions(polygons), 2).all():
            raise ValueError(f"mask {path}: must hold polygons, and nothing else")
        if not about["crs"]:
            raise ValueError(f"mask {path}: does not name its CRS (a .prj file is missing?)")
        self.crs = about["crs"]
        shapely.prepare(self.area)
        self.shifts = [0.0]
        if coords.crs_unit(self.crs) == "degree":  # polygons may run past 180 degrees
            west, _, east, _ = self.area.bounds
            self.shifts = [
                turn for turn in (-360.0, 0.0, 360.0) if west - 180 <= turn <= east + 180
            ]

    def contains(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Return which points (degrees, shape (n,)) lie inside or on the boundary."""
        import shapely

        x, y = coords.project(lon, lat, self.crs)
        return np.any([shapely.intersects_xy(self.area, x + turn, y) for turn in self.shifts], 0)


class RasterMask:
    """The cells of the first band that are neither zero nor without data."""

    def __init__(self, path: Path) -> None:
        import rasterio

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", rasterio.errors.NotGeoreferencedWarning)
                self.raster = rasterio.open(path)
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
        row, column = row[within].astype(int), column[within].astype(int)
        rows, columns = (row.min(), row.max() + 1), (column.min(), column.max() + 1)
        try:
            window = self.raster.read(1, window=(rows, columns), masked=True)
        except RasterioIOError as error:
            raise InputError(f"mask {self.raster.name}: cannot be read ({error})") from None
        counts = (window.filled(0) != 0) & np.isfinite(window.filled(0))
        within[within] = counts[row - rows[0], column - columns[0]]
        return within
