"""Raster files, such as the GeoTIFFs of `preview`, on the pixels of a map."""

import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import InputError
from captools.extras import require
from captools.geo import coords
from captools.geo.vectors import check_local
from captools.maps.mapping import Map, on_earth
from captools.maps.raster import Canvas, fit
from captools.maps.surveying import LONLAT, Limits, MapOptions

if TYPE_CHECKING:
    from rasterio import Affine, DatasetReader

UNKNOWN = "unknown"  # the CRS of a file that names none
PIECE_VALUES = 1 << 24  # of a file, in memory at a time
_SAME = "EPSG:3857"  # what GDAL hears then, for both sides


def opened(name: str, path: str | Path) -> "DatasetReader":
    """Return a raster file.

    Parameters
    ----------
    name : str
        What messages call it.
    path : path
        The file.

    Raises
    ------
    MissingExtra
        If rasterio is missing.
    ValueError
        If it cannot be read, does not say where its pixels lie, or holds no band.
    """
    require("geo", "rasterio")
    import rasterio

    check_local(name, Path(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", rasterio.errors.NotGeoreferencedWarning)
            file = rasterio.open(path)
    except rasterio.errors.NotGeoreferencedWarning:
        raise ValueError(f"{name}: does not say where on Earth it lies") from None
    except rasterio.errors.RasterioIOError as error:
        raise ValueError(f"{name}: is no grid ({error})") from None
    if not file.count or (file.gcps[0] and file.transform.is_identity):
        why = "is placed by control points" if file.count else "holds no band"
        file.close()
        raise ValueError(f"{name}: {why}")
    return file


def on_canvas(
    file: "DatasetReader", canvas: Canvas, crs: str, resampling: str, band: int = 1
) -> np.ndarray:
    """Return a band on the pixels of a map, shape (height, width), NaN where it knows nothing.

    Parameters
    ----------
    file : rasterio.DatasetReader
        The grid.
    canvas : Canvas
        The pixels of the map.
    crs : str
        Its CRS, or `UNKNOWN` if that of the grid is.
    resampling : str
        How values between those of the grid are found, in rasterio's words.
    band : int
        Its number, from 1.

    Raises
    ------
    RasterioError
        If the values cannot be read.
    """
    from rasterio import Affine
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    wide, high = canvas.pixel
    how = {"resampling": Resampling[resampling], "dtype": "float64", "nodata": np.nan}
    how["tolerance"] = 1e-3  # of a pixel, by which places that lie between others may be off
    how["unified_src_nodata"] = "NO"  # else it counts where another band has a value
    how |= _crs(crs)
    values = np.full((canvas.height, canvas.width), np.nan)
    for rows, columns in _pieces(file, canvas):
        piece = values[rows, columns]
        height, width = piece.shape
        west, north = canvas.xmin + wide * columns.start, canvas.ymax - high * rows.start
        how["transform"] = Affine(wide, 0.0, west, 0.0, -high, north)
        for place in _places(file):
            with WarpedVRT(file, src_transform=place, width=width, height=height, **how) as warped:
                found = warped.read(band)
            np.copyto(piece, found, where=np.isnan(piece))
    values[np.isinf(values)] = np.nan
    return values * file.scales[band - 1] + file.offsets[band - 1]


def _pieces(file: "DatasetReader", canvas: Canvas) -> Iterator[tuple[slice, slice]]:
    """Yield rows and columns of pieces of a map, for which little of a file is in memory."""
    count = ceil(sqrt(file.width * file.height * file.count / PIECE_VALUES))
    rows, columns = (
        [slice(*ends) for ends in pairwise(np.unique(np.linspace(0, size, count + 1).astype(int)))]
        for size in (canvas.height, canvas.width)
    )
    return product(rows, columns)


def _crs(crs: str) -> dict[str, str]:
    return {"crs": _SAME, "src_crs": _SAME} if crs == UNKNOWN else {"crs": crs}


def _places(file: "DatasetReader") -> "list[Affine]":
    """Return where a grid lies, and where longitudes beyond 180 lie, too."""
    from rasterio import Affine

    west, _, east, _ = file.bounds
    is_lonlat = file.crs is not None and file.crs.is_geographic
    turns = [-360] * (is_lonlat and east > 180) + [360] * (is_lonlat and west < -180)
    a, b, c, d, e, f = file.transform[:6]
    return [Affine(a, b, c + turn, d, e, f) for turn in (0, *turns)]


def make_grid_map(
    path: str | Path,
    wanted: MapOptions,
    sizing: Callable[[Limits, tuple[int, int] | None], Canvas] = fit,
) -> Map:
    """Return a map of a band of a raster file.

    A pixel of the map has the value of the pixel of the grid that it lies in; of more than one,
    their mean, or of classes, which have a colour each, the most frequent.

    Parameters
    ----------
    path : path
        The file.
    wanted : MapOptions
        Of which the band (`var`), the CRS, the extent and the size count.
    sizing : callable
        Makes the pixels from what must be seen, and the size that is asked for.

    Raises
    ------
    ValueError
        If there is no such band, or the grid cannot be projected.
    InputError
        If the file is no grid or damaged, or has no value there.
    """
    import rasterio
    from rasterio._err import CPLE_BaseError  # of GDAL, which rasterio does not catch everywhere
    from rasterio.vrt import WarpedVRT

    try:
        file = opened(str(path), path)
    except ValueError as error:
        raise InputError(str(error)) from None
    with file:
        band = _band(file, path, wanted.var)
        if "complex" in file.dtypes[band - 1]:
            raise InputError(f"{path}: band {band} is of complex numbers")
        own = UNKNOWN if file.crs is None else coords.crs_name(file.crs.to_string())
        crs = own if wanted.crs in (None, "auto") else coords.crs_name(wanted.crs)
        if own == UNKNOWN != crs:
            raise ValueError(f"{path}: does not name its CRS, so it cannot be projected (-p)")
        try:
            with WarpedVRT(file, **_crs(crs)) as whole:
                (xmin, ymin, xmax, ymax), step = whole.bounds, min(map(abs, whole.res))
            bounds = xmin, xmax, ymin, ymax
            if crs == LONLAT and wanted.size is None:
                bounds = on_earth(bounds)
            canvas = sizing(wanted.extent or bounds, wanted.size)
            is_coarse = min(canvas.pixel) > step * (1 + 1e-6)  # a canvas is a trifle larger
            several = "mode" if file.colorinterp[band - 1].name == "palette" else "average"
            resampling = several if is_coarse else "nearest"
            values = on_canvas(file, canvas, crs, resampling, band)
        except (rasterio.errors.RasterioError, CPLE_BaseError) as error:
            raise InputError(f"{path}: {error.__cause__ or error}") from None
        known = int(np.isfinite(values).sum())
        if not known:
            where = f"x {xmin:g} to {xmax:g}, y {ymin:g} to {ymax:g}"
            raise InputError(f"nothing to draw: {path} has no value there: it covers {where}")
        pixels = file.width * file.height
        units = file.units[band - 1] or file.tags(band).get("units") or file.tags().get("units")
        label = file.descriptions[band - 1] or Path(path).stem
    said = f"grid of {file.width:,} by {file.height:,} pixels · {_short(crs)}"
    return Map(canvas, crs, values, label, units or "", known, pixels, 1, False, source=said)


def _short(crs: str) -> str:
    """Return how a CRS is called: its code, or where there is none, its name."""
    from pyproj import CRS

    return crs if crs == UNKNOWN or len(crs) < 20 else CRS.from_user_input(crs).name


def _band(file: "DatasetReader", path: str | Path, wanted: str | None) -> int:
    """Return the number of a band that is named by it, or by what the file says of it."""
    names = {str(number): number for number in file.indexes}
    said = zip(file.descriptions, file.indexes, strict=True)
    names |= {name: number for name, number in said if name}
    if wanted is None:
        return 1
    if wanted not in names:
        raise ValueError(f"{path}: no band {wanted!r}: it has {', '.join(names)}")
    return names[wanted]
