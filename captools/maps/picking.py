"""Single points of a cloud: the one nearest to a place, and those of a pass in their order."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from captools.geo import coords
from captools.maps.pointcache import CODES, PASS, YEAR, PointCache, wanted_codes
from captools.maps.raster import Canvas


@dataclass(frozen=True)
class Shown:
    """Which points are on the map: those of a column that have a value, and were asked for."""

    name: str
    direction: str = "both"
    years: Collection[int] | None = None


@dataclass(frozen=True)
class Profile:
    """The points of a pass, by time: arrays of shape (n,)."""

    x: np.ndarray
    y: np.ndarray
    distance: np.ndarray  # in metres from the first point; in units of x and y of an unknown CRS
    values: np.ndarray


def nearest(
    cloud: PointCache, shown: Shown, place: tuple[float, float], reach: float
) -> int | None:
    """Return the row of the point that is nearest to a place, None if none is within reach."""
    x, y = place
    stretches = cloud.near((x - reach, x + reach, y - reach, y + reach))
    points = tuple(cloud.column(name) for name in ("x", "y", f"value of {shown.name}", CODES))
    wanted = wanted_codes(shown.direction, shown.years)
    row = _compiled()(points, wanted, stretches, (float(x), float(y)), float(reach))
    return None if row < 0 else int(row)


def details(cloud: PointCache, row: int, crs: str) -> dict[str, float]:
    """Return lon and lat of a point, if its CRS is known, and its decimal year, if that is."""
    found: dict[str, float] = {}
    if crs != "unknown":
        x, y = (cloud.column(name)[row : row + 1] for name in ("x", "y"))
        lon, lat = coords.transform(x, y, crs, "EPSG:4326")
        found = {"lon": float(lon[0]), "lat": float(lat[0])}
    if cloud.has(YEAR):
        found["t_year"] = float(cloud.column(YEAR)[row])
    return found


def profile(cloud: PointCache, shown: Shown, number: int, canvas: Canvas, crs: str) -> Profile:
    """Return the points of a pass that are on a map, in the order of their times.

    Parameters
    ----------
    cloud : PointCache
        All points.
    shown : Shown
        Which of them count.
    number : int
        Of the pass.
    canvas : Canvas
        The map.
    crs : str
        Of x and y; distances are along the ellipsoid if it is known.
    """
    wanted, rows = wanted_codes(shown.direction, shown.years), []
    passes, values = cloud.column(PASS), cloud.column(f"value of {shown.name}")
    x, y, codes = (cloud.column(name) for name in ("x", "y", CODES))
    edges = canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax
    for start, stop in zip(*cloud.near(edges, number), strict=True):
        part = start + np.flatnonzero(passes[start:stop] == number)
        part = part[(x[part] >= canvas.xmin) & (x[part] <= canvas.xmax)]
        part = part[(y[part] >= canvas.ymin) & (y[part] <= canvas.ymax)]
        rows.append(part[np.isfinite(values[part]) & wanted[codes[part]]])
    found = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    if cloud.has(YEAR):
        found = found[np.argsort(cloud.column(YEAR)[found], kind="stable")]
    along = x[found], y[found]
    return Profile(*along, _distance(*along, crs), values[found].astype(np.float64))


def _distance(x: np.ndarray, y: np.ndarray, crs: str) -> np.ndarray:
    """Return how far points are from the first one, from each to the next."""
    if len(x) < 2:
        return np.zeros(len(x))
    if crs == "unknown":
        steps = np.hypot(np.diff(x), np.diff(y))
    else:
        from pyproj import Geod

        lon, lat = coords.transform(x, y, crs, "EPSG:4326")
        _, _, steps = Geod(ellps="WGS84").inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    return np.concatenate([[0.0], np.cumsum(np.nan_to_num(steps))])


def _search(points, wanted, stretches, place, reach):
    """Return the row of the nearest point within reach, -1 if there is none; for the compiler."""
    x, y, values, codes = points
    starts, stops = stretches
    best, least = -1, reach * reach
    for stretch in range(len(starts)):
        for at in range(starts[stretch], stops[stretch]):
            apart = (x[at] - place[0]) ** 2 + (y[at] - place[1]) ** 2
            if apart <= least and wanted[codes[at]] and np.isfinite(values[at]):
                best, least = at, apart
    return best


@lru_cache(maxsize=1)
def _compiled():
    """Return the search in machine code."""
    import numba

    return numba.njit(nogil=True)(_search)
