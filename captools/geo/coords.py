"""Where and when: projections, decimal years, ascending and descending.

Pure functions of arrays; nothing here knows files.
"""

from functools import lru_cache

import numpy as np

from captools.geo.polar import POLAR

# --- place ------------------------------------------------------------------


def crs_name(crs: str | int) -> str:
    """Return the canonical name (``EPSG:3031`` where there is one) of a CRS.

    Raises
    ------
    ValueError
        If pyproj does not know it, or it does not have two horizontal axes.

    Examples
    --------
    >>> crs_name("3031"), crs_name("epsg:3413")
    ('EPSG:3031', 'EPSG:3413')
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError, ProjError

    text = str(crs).strip()
    try:
        known = CRS.from_user_input(int(text) if text.isdecimal() else text)
    except CRSError:
        raise ValueError(
            f"CRS {text!r} is not known to pyproj: give an EPSG number such as 3031"
        ) from None
    if not (known.is_projected or known.is_geographic):
        raise ValueError(f"CRS {text!r} ({known.name}) has no horizontal axes to project to")
    try:
        _transformer("EPSG:4326", known.to_string())
    except ProjError:
        raise ValueError(f"CRS {text!r} ({known.name}) cannot be reached from lon/lat") from None
    return known.to_string()


def check_crs(crs: str | int) -> str:
    """Return the canonical name of a CRS, or ``auto`` as it is; ValueError if it is neither."""
    return "auto" if crs == "auto" else crs_name(crs)


def polar_crs(lat: float) -> str:
    """Return the polar stereographic CRS of the hemisphere of a latitude."""
    return "EPSG:3031" if lat < 0 else "EPSG:3413"


@lru_cache(maxsize=32)
def crs_unit(crs: str) -> str:
    """Return the unit of the axes of `crs` (``m``, ``degree``, ...)."""
    if crs in POLAR:
        return "m"
    from pyproj import CRS

    unit = CRS.from_user_input(crs).axis_info[0].unit_name
    return "m" if unit == "metre" else unit


@lru_cache(maxsize=32)
def metres(crs: str) -> float:
    """Return how many metres the unit of the axes of `crs` has."""
    from pyproj import CRS

    return CRS.from_user_input(crs).axis_info[0].unit_conversion_factor


@lru_cache(maxsize=32)
def _transformer(source: str, target: str):
    """Return a pyproj transformer; making one costs milliseconds, hence the cache."""
    from pyproj import Transformer

    return Transformer.from_crs(source, target, always_xy=True)


def transform(x: np.ndarray, y: np.ndarray, source: str, target: str):
    """Transform coordinates between two CRS, x (or longitude) always first.

    Parameters
    ----------
    x, y : arrays of float, one shape
        In the units of `source`.
    source, target : str
        Anything pyproj takes.

    Returns
    -------
    tuple of two arrays of float64
        In the units of `target`; NaN outside the projection's domain.
    """
    polar = POLAR.get(target) if source == "EPSG:4326" else None
    if polar is None:
        return _transformed(x, y, source, target)
    lon, lat = np.asarray(x, "f8"), np.asarray(y, "f8")
    # Point by point, so that what is beside a point changes nothing of it.
    solved = polar.solves(lon, lat)
    if solved.all():
        return polar.project(lon, lat)
    new_x, new_y = np.empty(solved.shape), np.empty(solved.shape)
    for part, way in (
        (solved, polar.project),
        (~solved, lambda lon, lat: _transformed(lon, lat, source, target)),
    ):
        new_x[part], new_y[part] = way(lon[part], lat[part])
    return new_x, new_y


def _transformed(x: np.ndarray, y: np.ndarray, source: str, target: str):
    """Transform coordinates as pyproj does, to NaN where it cannot."""
    if np.size(x) == 1:  # pyproj 3.7 warns of an array of one point, but not of a number
        new = _transformer(source, target).transform(np.ravel(x)[0], np.ravel(y)[0])
        new_x, new_y = (np.reshape(one, np.shape(x)) for one in new)
    else:
        new_x, new_y = _transformer(source, target).transform(x, y)
    outside = ~(np.isfinite(new_x) & np.isfinite(new_y))
    return np.where(outside, np.nan, new_x), np.where(outside, np.nan, new_y)


def project(lon: np.ndarray, lat: np.ndarray, crs: str):
    """Project longitudes and latitudes (degrees, WGS 84) to `crs`.

    Examples
    --------
    >>> x, y = project(np.array([0.0]), np.array([-90.0]), "EPSG:3031")
    >>> abs(x.item()) < 1e-6, abs(y.item()) < 1e-6  # the pole is the origin
    (True, True)
    """
    return transform(lon, lat, "EPSG:4326", crs)


def wrap(lon: np.ndarray, west: float) -> np.ndarray:
    """Return longitudes (degrees) as ``west <= lon < west + 360``, unchanged where they are.

    Examples
    --------
    >>> wrap(np.array([-170.0, 190.0, 10.0]), 0.0)
    array([190., 190.,  10.])
    """
    return lon - 360.0 * np.floor((lon - west) / 360.0)


def lon_bounds(lon: np.ndarray) -> tuple[float, float]:
    """Return west and east of the smallest arc that holds all longitudes.

    West is larger than east where the arc crosses the antimeridian.

    Parameters
    ----------
    lon : array of float, shape (n,), n > 0
        Degrees, -180 to 180.

    Examples
    --------
    >>> lon_bounds(np.array([179.0, -179.0]))
    (179.0, -179.0)
    """
    west, east = float(lon.min()), float(lon.max())
    if east - west <= 180:
        return west, east
    ordered = np.sort(lon)
    widest = np.argmax(np.diff(ordered, append=ordered[0] + 360))
    return float(ordered[(widest + 1) % len(ordered)]), float(ordered[widest])


# --- direction --------------------------------------------------------------


def is_ascending(lat: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return for each point of a ground track whether the satellite moves north.

    A track has at most one turning point, at its highest or lowest latitude.
    The legs on both sides of it have one direction each; that is robust where,
    close to the turning point, the scatter of the points across the track is
    larger than their steps in latitude. The extreme point itself goes with the
    sign of d(lat)/d(time) there (derivative of the parabola through the point
    and its neighbours), so that with a gap in the track it stays with the leg
    it belongs to.

    Parameters
    ----------
    lat : array of float, shape (n,), n >= 2
        Latitudes in degrees.
    t : array of float, shape (n,)
        Times in any unit, increasing.

    Returns
    -------
    array of bool, shape (n,)

    Examples
    --------
    >>> is_ascending(np.array([-87.0, -88.0, -87.5]), np.array([0.0, 1.0, 2.0]))
    array([False, False,  True])
    """
    turn = turning_point(lat)
    if turn is None:
        return np.full(len(lat), lat[-1] > lat[0])
    ascending = np.arange(len(lat)) < turn
    if lat[turn] < lat[0]:
        ascending = ~ascending
    before, after = t[turn] - t[turn - 1], t[turn + 1] - t[turn]
    step_in, step_out = lat[turn] - lat[turn - 1], lat[turn + 1] - lat[turn]
    ascending[turn] = step_in * after**2 + step_out * before**2 > 0
    return ascending


def turning_point(lat: np.ndarray) -> int | None:
    """Return where a ground track turns: its highest or lowest point, whichever stands out more.

    Parameters
    ----------
    lat : array of float, shape (n,), n >= 1
        Latitudes in degrees.

    Returns
    -------
    int or None
        None if the track has its highest and lowest points at its ends.

    Examples
    --------
    >>> turning_point(np.array([-87.0, -88.0, -87.5]))
    1
    """
    top, bottom = int(np.argmax(lat)), int(np.argmin(lat))
    rise = lat[top] - max(lat[0], lat[-1])
    fall = min(lat[0], lat[-1]) - lat[bottom]
    if rise <= 0 and fall <= 0:
        return None
    return top if rise >= fall else bottom
