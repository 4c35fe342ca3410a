"""Where on Earth a CRS is meant to be used."""

from functools import lru_cache

import numpy as np

from captools.geo import coords, select
from captools.progress import counted

# Granules of the polar regions reach from the poles to 50 degrees, EPSG:3031 and 3413 to 60; and
# what lies in two zones of UTM is put into one.
MARGIN_LAT_DEGREES, MARGIN_LON_DEGREES = 10.5, 3.0


def outside(lon: np.ndarray, lat: np.ndarray, crs: str) -> int:
    """Return how many points lie well outside the area of use of a CRS.

    Parameters
    ----------
    lon, lat : arrays of float, shape (n,)
        Degrees; those that are not finite do not count.
    crs : str
        Anything pyproj takes. One that names no area can be used everywhere.

    Examples
    --------
    >>> outside(np.zeros(3), np.array([-75.0, 50.0, 75.0]), "EPSG:3413")
    1
    """
    box = _area(crs)
    if box is None:
        return 0
    known = np.isfinite(lon) & np.isfinite(lat)
    return int(np.count_nonzero(known & ~select.in_box(lon, lat, box)))


def warning(count: int, crs: str) -> str:
    """Return what to say of so many points outside."""
    points = counted(count, "point")
    return f"{points} far outside the area of use of {crs}: is it the right CRS (-p)?"


@lru_cache(maxsize=32)
def _area(crs: str) -> tuple[float, float, float, float] | None:
    """Return the area of use, a little grown, as a box; None if it is all of the Earth."""
    from pyproj import CRS

    area = CRS.from_user_input(crs).area_of_use
    if area is None:
        return None
    south, north = (
        max(area.south - MARGIN_LAT_DEGREES, -90.0),
        min(area.north + MARGIN_LAT_DEGREES, 90.0),
    )
    width = (area.east - area.west) % 360 or 360.0
    if width + 2 * MARGIN_LON_DEGREES >= 360:
        return None if south == -90 and north == 90 else (-180.0, 180.0, south, north)
    west = coords.wrap(np.array(area.west - MARGIN_LON_DEGREES), -180.0).item()
    east = coords.wrap(np.array(area.east + MARGIN_LON_DEGREES), -180.0).item()
    return west, east, south, north
