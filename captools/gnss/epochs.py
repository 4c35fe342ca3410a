"""When: the text of epochs to GPS time, many at once."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from captools.geo.time import gps_of_utc
from captools.gnss.observations import DAY_MS

WIDTH_2, WIDTH_3 = 26, 29  # of the date and time with which a line of RINEX 2 or 3 begins
_GPS_START = datetime(1980, 1, 6)
_FIRST_YEAR, _LAST_YEAR = 1980, 2099
_BEHIND_MS = {"BDT": 14_000}  # of GPS time, which all others but UTC have


def gps_times(heads: np.ndarray, time_system: str) -> tuple[np.ndarray, np.ndarray]:
    """Return when epochs are, as milliseconds of GPS time since 1970.

    Parameters
    ----------
    heads : array of uint8, shape (n, 26) or (n, 29)
        With which the lines of epochs of RINEX 2 or 3 begin, up to the seconds.
    time_system : str
        GPS, GLO, ...

    Returns
    -------
    times : array of int64, shape (n,)
        Without meaning where there is no such time.
    real : array of bool, shape (n,)
        Where there is.
    """
    year, real = _years(heads)
    heads = heads[:, -23:]  # from the blank between year and month
    real &= (heads[:, [0, 3, 6, 9, 12]] == ord(" ")).all(axis=1)
    parts = [_two_digits(heads[:, at : at + 2]) for at in (1, 4, 7, 10, 13)]
    month, day, hour, minute, second = (number for number, _ in parts)
    for _, regular in parts:
        real &= regular
    fraction, regular = _fractions(heads[:, 15:23])
    real &= regular & (month >= 1) & (month <= 12) & (hour <= 23) & (minute <= 59)
    year, month = np.where(real, year, 2000), np.where(real, month, 1)
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1).astype("m8[D]")
    real &= (day >= 1) & (days.astype("M8[M]") == months)
    of_day = ((hour * 60 + minute) * 60 + second) * 1000 + fraction
    midnight, length = _midnights(np.where(real, days, np.datetime64("2000-01-01")), time_system)
    last = (hour == 23) & (minute == 59)
    return midnight + of_day, real & (second < np.where(last & (length > DAY_MS), 61, 60))


def _years(heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return years, and where they are such that there was GPS."""
    if heads.shape[1] == WIDTH_2:  # of two digits: from 1980 to 2079
        year, real = _two_digits(heads[:, 1:3])
        return year + np.where(year < 80, 2000, 1900), real & (heads[:, 0] == ord(" "))
    digits = heads[:, 2:6].astype("i8") - ord("0")
    real = ((digits >= 0) & (digits <= 9)).all(axis=1) & (heads[:, 1] == ord(" "))
    year = digits @ np.array([1000, 100, 10, 1])
    return year, real & (year >= _FIRST_YEAR) & (year <= _LAST_YEAR)


def _two_digits(pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of two digits, the first of which may be a blank, and where they are such."""
    tens = np.where(pair[:, 0] == ord(" "), ord("0"), pair[:, 0]).astype("i8") - ord("0")
    ones = pair[:, 1].astype("i8") - ord("0")
    return tens * 10 + ones, (tens >= 0) & (tens <= 9) & (ones >= 0) & (ones <= 9)


def _fractions(text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the milliseconds of ``.1234567``, rounded, and where it is such or shorter."""
    blank = text[:, 1:] == ord(" ")
    digits = np.where(blank, ord("0"), text[:, 1:]).astype("i8") - ord("0")
    regular = ((digits >= 0) & (digits <= 9)).all(axis=1) & (text[:, 0] == ord("."))
    regular &= (blank[:, 1:] >= blank[:, :-1]).all(axis=1) & ~blank[:, 0]
    return (digits @ 10 ** np.arange(6, -1, -1) + 5000) // 10_000, regular


def _midnights(days: np.ndarray, time_system: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the GPS time at which days begin, and how long they are, in milliseconds (int64)."""
    since_1970 = days.astype("M8[ms]").astype("i8")
    if time_system not in ("GLO", "UTC"):
        return since_1970 + _BEHIND_MS.get(time_system, 0), np.full(len(days), DAY_MS)
    found, which = np.unique(days, return_inverse=True)
    both = np.concatenate([found, found + np.timedelta64(1, "D")])
    start = np.datetime64(_GPS_START, "s")
    seconds = gps_of_utc((both - start) / np.timedelta64(1, "s"), _GPS_START)
    times = start.astype("M8[ms]").astype("i8") + np.rint(seconds * 1000).astype("i8")
    begin, end = np.split(times, 2)
    return begin[which], (end - begin)[which]


def gps_time(parts: Sequence[int], time_system: str) -> int | None:
    """Return milliseconds of GPS time since 1970; None if there is no such time.

    Parameters
    ----------
    parts : sequence of int
        Year, month, day, hour, minute, and milliseconds.
    """
    *minutes, rest = parts
    second, fraction = divmod(rest, 1000)
    if not (max(minutes[1:], default=0) < 100 and second < 100):
        return None
    year, month, day, hour, minute = minutes
    text = f"> {year:04d} {month:2d} {day:2d} {hour:2d} {minute:2d} {second:2d}.{fraction:03d}0000"
    head = np.frombuffer(text.encode(), "u1")
    if len(head) != WIDTH_3:
        return None
    times, real = gps_times(head[None], time_system)
    return int(times[0]) if real[0] else None


def most_frequent_step(times: np.ndarray) -> float:
    """Return the most frequent step between increasing times of milliseconds, in seconds."""
    if len(times) < 2:
        return float("nan")
    steps, counts = np.unique(np.diff(times), return_counts=True)
    return float(steps[counts.argmax()]) / 1000
