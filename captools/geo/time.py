"""When: GPS seconds, decimal years, time spans.

Pure functions of numbers and arrays."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

GPS_EPOCH = np.datetime64("1980-01-06")
TAI_MINUS_GPS_SECONDS = 19  # by definition of GPS time (IS-GPS-200)
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
    return (days - GPS_EPOCH) / DAY * 86400.0 + tai_minus_utc - TAI_MINUS_GPS_SECONDS


def gps_of_utc(seconds: np.ndarray, start: datetime) -> np.ndarray:
    """Convert seconds of a clock that leaves leap seconds out to GPS seconds.

    Parameters
    ----------
    seconds : array of float
        Since `start`, 86,400 a day.
    start : datetime
        UTC, without a time zone.

    Returns
    -------
    array of float64, same shape
        NaN before 1980 and after 2100.

    Examples
    --------
    >>> gps_of_utc(np.array([0.0, 86400.0]), datetime(2016, 12, 31)).tolist()
    [1167177617.0, 1167264018.0]
    """
    moment = np.datetime64(start, "us")
    midnight = moment.astype("M8[D]")
    seconds = np.asarray(seconds, "f8") + (moment - midnight) / np.timedelta64(1, "s")
    first, last = ((np.datetime64(f"{year}") - midnight) / DAY for year in (FIRST_YEAR, LAST_YEAR))
    days = np.floor(seconds / 86400.0)
    known = (days >= first) & (days < last)
    t_gps = np.full(seconds.shape, np.nan)
    whole = days[known].astype(np.int64)
    t_gps[known] = _gps_of_midnight(midnight + whole * DAY) + (seconds[known] - whole * 86400.0)
    return t_gps


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


def decimal_year(t_gps: npt.ArrayLike) -> np.ndarray:
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
    return np.interp(np.asarray(t_gps), gps, year, left=np.nan, right=np.nan)


def gps_of_decimal_year(year: npt.ArrayLike) -> np.ndarray:
    """Convert decimal years UTC to GPS seconds, the inverse of `decimal_year`.

    Examples
    --------
    >>> gps_of_decimal_year(2018.0).item()
    1198800018.0
    """
    gps, years = _calendar()
    return np.interp(np.asarray(year), years, gps, left=np.nan, right=np.nan)


def utc_text(t_gps: npt.ArrayLike) -> tuple[str, ...]:
    """Return the UTC of GPS seconds as ISO text, to the second below.

    "" before 1980 and after 2100. A leap second is the last second of its day.

    Examples
    --------
    >>> utc_text([1198800018.0, 1167264017.5, np.nan])
    ('2018-01-01T00:00:00Z', '2016-12-31T23:59:59Z', '')
    """
    return tuple(map(_utc_text, np.ravel(t_gps).astype(float).tolist()))


def _utc_text(t_gps: float) -> str:
    if np.isnan(decimal_year(t_gps)):
        return ""
    day = GPS_EPOCH + int(t_gps // 86400) * DAY
    if t_gps < _gps_of_midnight(np.array([day]))[0]:  # GPS time is ahead of UTC
        day -= DAY
    seconds = min(int(t_gps - _gps_of_midnight(np.array([day]))[0]), 86399)
    return f"{day + np.timedelta64(seconds, 's')}Z"


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


def days_of(span: tuple[str | float, str | float]) -> np.ndarray:
    """Return the days, UTC, of which a half-open time span has a part (datetime64[D]).

    Raises
    ------
    ValueError
        As `parse_span`.

    Examples
    --------
    >>> days_of(("2023-12-31", "2024-01-02")).astype(str).tolist()
    ['2023-12-31', '2024-01-01']
    >>> days_of(("2024-01-01T12:00", "2024-01-02T00:00:01")).astype(str).tolist()
    ['2024-01-01', '2024-01-02']
    """
    start, end = parse_span(span)
    first, last = (np.datetime64(text[:10]) for text in utc_text([start, end - 1e-6]))
    return np.arange(first, last + DAY)
