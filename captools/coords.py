"""Where and when: projections, decimal years, ascending and descending.

Pure functions of arrays; nothing here knows files.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np

GPS_EPOCH = np.datetime64("1980-01-06")
TAI_MINUS_GPS = 19  # seconds, constant by definition of GPS time (IS-GPS-200)
DAY = np.timedelta64(1, "D")
FIRST_YEAR, LAST_YEAR = 1980, 2100
_ISO = re.compile(r"\d{4}-\d\d(-\d\d([T ][\d:.]+Z?)?)?")  # numpy also takes "now" and offsets


# --- time -------------------------------------------------------------------


def _gps_of_midnight(days: np.ndarray) -> np.ndarray:
    """Return GPS seconds at 00:00 UTC of `days` (datetime64[D]), leap seconds from erfa."""
    import erfa

    table = erfa.leap_seconds.get()
    since = np.array([f"{y:04d}-{m:02d}" for y, m in table[["year", "month"]]], "M8[D]")
    tai_minus_utc = table["tai_utc"][np.searchsorted(since, days, side="right") - 1]
    return (days - GPS_EPOCH) / DAY * 86400.0 + tai_minus_utc - TAI_MINUS_GPS


@lru_cache(maxsize=1)
def _calendar() -> tuple[np.ndarray, np.ndarray]:
    """Return GPS seconds and decimal years of the instants between which time runs evenly.

    These are the starts of the years, and both ends of every day that holds a
    leap second (86,401 seconds that count as one day of the year).
    """
    import erfa

    years = np.arange(FIRST_YEAR, LAST_YEAR + 2)
    starts = np.array([f"{year}-01-01" for year in years], "M8[D]")
    table = erfa.leap_seconds.get()
    after_leap = np.array([f"{y:04d}-{m:02d}" for y, m in table[["year", "month"]]], "M8[D]")
    after_leap = after_leap[after_leap > starts[0]]
    days = np.unique(np.concatenate([starts, after_leap - DAY, after_leap]))
    at = np.minimum(np.searchsorted(starts, days, side="right"), len(starts) - 1) - 1
    fraction = (days - starts[at]) / (starts[at + 1] - starts[at])
    return _gps_of_midnight(days), years[at] + fraction


def decimal_year(t_gps: np.ndarray) -> np.ndarray:
    """Convert GPS time to decimal years UTC.

    A year's fraction is the part of its days that has passed, as in
    ``astropy.time.Time(t_gps, format="gps").utc.decimalyear``, to which this
    agrees within rounding, on days with a leap second too.

    Parameters
    ----------
    t_gps : array of float, any shape
        Seconds since 1980-01-06T00:00 UTC, GPS time (no leap seconds).

    Returns
    -------
    array of float64, same shape
        NaN before 1980 and after 2100.

    Examples
    --------
    >>> decimal_year(1198800018.0).item()  # the ATLAS epoch
    2018.0
    """
    gps, year = _calendar()
    return np.interp(t_gps, gps, year, left=np.nan, right=np.nan)


def gps_of_decimal_year(year: np.ndarray) -> np.ndarray:
    """Convert decimal years UTC to GPS seconds, the inverse of `decimal_year`.

    Examples
    --------
    >>> gps_of_decimal_year(2018.0).item()
    1198800018.0
    """
    gps, years = _calendar()
    return np.interp(year, years, gps, left=np.nan, right=np.nan)


def parse_time(text: str | float) -> float:
    """Return GPS seconds of an ISO date (UTC) or a decimal year.

    Raises
    ------
    ValueError
        If `text` is neither, or lies outside 1980 to 2100.

    Examples
    --------
    >>> parse_time("2018-01-01T00:00:10") - parse_time("2018.0")
    10.0
    """
    try:
        t_gps = float(gps_of_decimal_year(float(text)))
    except ValueError:
        try:
            if not _ISO.fullmatch(str(text).strip()):
                raise ValueError
            moment = np.datetime64(str(text).strip().removesuffix("Z"), "us")
        except ValueError:
            raise ValueError(
                f"time {text!r} is neither an ISO date (2019-01-31, 2019-01-31T12:00) "
                "nor a decimal year (2019.5)"
            ) from None
        day = moment.astype("M8[D]")
        since_midnight = (moment - day) / np.timedelta64(1, "s")
        t_gps = float(_gps_of_midnight(np.array([day]))[0] + since_midnight)
        if not FIRST_YEAR <= moment.astype("M8[Y]").astype(int) + 1970 <= LAST_YEAR:
            t_gps = np.nan
    if np.isnan(t_gps):
        raise ValueError(f"time {text!r} is outside {FIRST_YEAR} to {LAST_YEAR}")
    return t_gps


def plain_time(time: str | float | date | np.datetime64) -> str:
    """Return the text of a time for `parse_time`, one for all ways to write it.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> plain_time("2019-01-31T12:00:00Z"), plain_time(datetime(2019, 1, 31, 12))
    ('2019-01-31T12:00', '2019-01-31T12:00')
    >>> plain_time(2019), plain_time("2019.0")
    ('2019.0', '2019.0')
    """
    if isinstance(time, datetime) and time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    text = str(time).strip()
    parse_time(text)
    try:
        return str(float(text))
    except ValueError:
        moment = np.datetime64(text.removesuffix("Z"), "us")
        return str(np.datetime_as_string(moment, unit="auto"))


def parse_span(span: tuple[str | float, str | float]) -> tuple[float, float]:
    """Return the GPS seconds of the half-open time span ``T0 <= t < T1``.

    Raises
    ------
    ValueError
        If either end is no time, or T1 is not after T0.
    """
    start, end = (parse_time(text) for text in span)
    if not start < end:
        raise ValueError(f"time span {span[0]} {span[1]} is empty: the second must be later")
    return start, end


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
    from pyproj import CRS

    unit = CRS.from_user_input(crs).axis_info[0].unit_name
    return "m" if unit == "metre" else unit


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
    """Tell for each point of a ground track whether the satellite moves north.

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
