"""Statistics of signal strength from whole numbers: the same bits in any order, in any parts.

Sums of floats depend on their order; those of thousandths of a dB-Hz do not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from captools.gnss.coding import code_letters, series_numbers
from captools.gnss.observations import DAY_MS, PER_DB, Cells

Columns = dict[str, list]  # of a table
PERIODS = {"day": DAY_MS, "hour": 3_600_000}  # in milliseconds; a file is one period
LARGEST_DB = 2500  # 10 ** (x / 10) of more, a million times, is no double
_HALF = 32  # bits: squares are summed in two halves, for a sum of squares may overflow
_LOWER = (1 << _HALF) - 1
_SATELLITE = 0xFF << 16  # where a key has the satellite


@dataclass(frozen=True)
class Grouping:
    """Which values go together.

    Attributes
    ----------
    per : {"day", "hour", "file"}
        The period; days and hours are of GPS time.
    by_satellite : bool
        Each satellite by itself, rather than all of a system.
    linear : bool
        Whether the mean of 10^(x/10) is wanted, which needs the count of each value.
    """

    per: str = "day"
    by_satellite: bool = False
    linear: bool = False

    @classmethod
    def of(cls, per: str, by: str | None, linear: bool) -> "Grouping":
        """Return the grouping that options say; ValueError if they say none."""
        if per not in (*PERIODS, "file") or by not in (None, "satellite"):
            raise ValueError(f"per {per!r}, by {by!r}: are no ways to group values")
        return cls(per, by == "satellite", linear)


@dataclass(frozen=True)
class Groups:
    """Sums of groups of values, by key; all int64 of shape (g,).

    Attributes
    ----------
    key : array
        Period, system, satellite and code as one number, increasing.
    n, zeros : array
        How many values, and how many zeros, which are no values.
    total : array
        Of thousandths.
    upper, lower : array
        The sum of squares, as ``(upper << 32) + lower``: each square is cut in two.
    least, most : array
        In thousandths; where there is no value, what any value is below and above.
    """

    key: np.ndarray
    n: np.ndarray
    zeros: np.ndarray
    total: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    least: np.ndarray
    most: np.ndarray


@dataclass(frozen=True)
class Epochs:
    """How many epochs have a value of a system and code: key without satellite, and number."""

    key: np.ndarray
    n: np.ndarray


@dataclass(frozen=True)
class Counts:
    """How often each value is in a group: key, value in thousandths, and number."""

    key: np.ndarray
    value: np.ndarray
    n: np.ndarray


@dataclass(frozen=True)
class Sums:
    """What statistics are made of; of parts of the data, `joined` makes that of the whole."""

    groups: Groups
    epochs: Epochs
    counts: Counts | None = None


_COMBINE = {"least": np.minimum, "most": np.maximum}  # all else is added
_NO_VALUE = np.iinfo(np.int64)


# --- from values to sums -------------------------------------------------------


def sums_of(
    cells: Cells, thousandths: np.ndarray, grouping: Grouping, zeros: Cells | None = None
) -> Sums:
    """Return the sums of values.

    Parameters
    ----------
    cells : Cells
        Where the values stand, each cell once, in any order.
    thousandths : array of int, shape (n,)
        The values in thousandths of a dB-Hz.
    grouping : Grouping
        Which go together.
    zeros : Cells, optional
        Where there are zeros, which are counted and are no values.
    """
    key = _keys(cells, grouping)
    value = thousandths.astype(np.int64)
    one, none = np.ones_like(key), np.zeros_like(key)
    square = value * value  # of 32 bits each: no overflow yet
    groups = _by_key(Groups(key, one, none, value, square >> _HALF, square & _LOWER, value, value))
    if zeros is not None:
        groups = _by_key(_chained([groups, _zeros(_keys(zeros, grouping))]))
    counts = _by_key(Counts(key, value, one)) if grouping.linear else None
    return Sums(groups, _epochs(cells.time, key), counts)


def _zeros(key: np.ndarray) -> Groups:
    one, none = np.ones_like(key), np.zeros_like(key)
    least, most = np.full_like(key, _NO_VALUE.max), np.full_like(key, _NO_VALUE.min)
    return Groups(key, none, one, none, none, none, least, most)


def _keys(cells: Cells, grouping: Grouping) -> np.ndarray:
    """Return a number for each cell that sorts by period, system, satellite and code."""
    length = PERIODS.get(grouping.per)
    period = cells.time.astype("M8[ms]").astype(np.int64) // length if length else np.int64(0)
    series = series_numbers(cells)
    return period << 32 | (series if grouping.by_satellite else series & ~_SATELLITE)


def _epochs(time: np.ndarray, key: np.ndarray) -> Epochs:
    """Count the different times of each key, satellites apart."""
    series, number = np.unique(key & ~_SATELLITE, return_inverse=True)
    moments = time.astype("M8[ms]").astype(np.int64)
    since = moments - moments.min() if len(moments) else moments  # a century has 42 bits
    seen = np.unique(number.astype(np.int64) << 42 | since) >> 42
    return Epochs(series, np.bincount(seen, minlength=len(series)))


# --- from sums of parts to those of the whole ----------------------------------


def joined(parts: Sequence[Sums]) -> Sums:
    """Return the sums of all parts together, which may be any but that none share an epoch.

    Where parts share epochs, all but the numbers of epochs is right nevertheless.
    """
    counts = [part.counts for part in parts if part.counts is not None]
    return Sums(
        _by_key(_chained([part.groups for part in parts])),
        _by_key(_chained([part.epochs for part in parts])),
        _by_key(_chained(counts)) if counts else None,
    )


def without_days(sums: Sums, grouping: Grouping, days: Sequence[int]) -> Sums:
    """Return the sums of periods that do not lie in some days since 1970."""
    length = PERIODS[grouping.per]

    def chosen(table):
        day = (table.key >> 32) * length // DAY_MS
        mask = ~np.isin(day, np.asarray(days, np.int64))
        return type(table)(*(column[mask] for column in _columns(table).values()))

    counts = None if sums.counts is None else chosen(sums.counts)
    return Sums(chosen(sums.groups), chosen(sums.epochs), counts)


def _columns(table: Groups | Epochs | Counts) -> dict[str, np.ndarray]:
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _chained(tables: Sequence):
    """Return tables of one kind one below the other."""
    names = _columns(tables[0])
    return type(tables[0])(*(np.concatenate([getattr(t, name) for t in tables]) for name in names))


def _by_key(table):
    """Return a table in which rows of one key, and of one value if it has any, are one row."""
    columns = _columns(table)
    names = [name for name in ("key", "value") if name in columns]
    order = np.lexsort([columns[name] for name in reversed(names)])
    columns = {name: column[order] for name, column in columns.items()}
    is_first = np.zeros(len(order), bool)
    is_first[:1] = True
    for name in names:
        is_first[1:] |= columns[name][1:] != columns[name][:-1]
    starts = np.flatnonzero(is_first)
    return type(table)(
        *(
            column[starts] if name in names else _combined(name, column, starts)
            for name, column in columns.items()
        )
    )


def _combined(name: str, column: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return _COMBINE.get(name, np.add).reduceat(column, starts) if len(starts) else column


# --- from sums to statistics ---------------------------------------------------


def statistics(sums: Sums, grouping: Grouping) -> Columns:
    """Return the statistics of each group, a list for each column.

    Parameters
    ----------
    sums : Sums
        Of all the data.
    grouping : Grouping
        By which they were made.

    Returns
    -------
    dict of str to list
        ``start`` (datetime64[ms], unless a file is the period), ``system``, ``satellite`` (if they
        are apart), ``code``, ``n``, ``zeros``, ``epochs`` (different times at which any satellite
        of the system has a value of the code), ``mean``, ``std`` (of all values, not of a sample),
        ``min``, ``max``, and ``linear``, the mean of 10^(x/10), if it is asked for. In dB-Hz; None
        where there is no value.
    """
    groups = sums.groups
    periods, series = groups.key >> 32, groups.key & ((1 << 32) - 1)
    found: Columns = {}
    if grouping.per in PERIODS:
        found["start"] = [*(periods * PERIODS[grouping.per]).astype("M8[ms]")]
    found["system"] = [chr(one) for one in (series >> 24).tolist()]
    if grouping.by_satellite:
        found["satellite"] = (series >> 16 & 0xFF).tolist()
    found["code"] = code_letters(series & 0xFFFF).astype(str).tolist()
    found["n"], found["zeros"] = groups.n.tolist(), groups.zeros.tolist()
    epochs = dict(zip(sums.epochs.key.tolist(), sums.epochs.n.tolist(), strict=True))
    found["epochs"] = [epochs.get(key, 0) for key in (groups.key & ~_SATELLITE).tolist()]
    return found | _of_values(groups) | _linear(sums, grouping)


def _of_values(groups: Groups) -> Columns:
    """Return mean, std, min and max, each rounded once: Python's integers have no end."""
    found: Columns = {"mean": [], "std": [], "min": [], "max": []}
    sums = (groups.n, groups.total, groups.upper, groups.lower, groups.least, groups.most)
    for n, total, upper, lower, least, most in zip(*(one.tolist() for one in sums), strict=True):
        squares = (upper << _HALF) + lower
        spread = n * squares - total * total  # the variance times n * n
        found["mean"].append(total / (n * PER_DB) if n else None)
        found["std"].append(math.sqrt(spread / (n * PER_DB) ** 2) if n else None)
        found["min"].append(least / PER_DB if n else None)
        found["max"].append(most / PER_DB if n else None)
    return found


def _linear(sums: Sums, grouping: Grouping) -> Columns:
    """Return the mean of 10^(x/10), summed by value, the least first."""
    if not grouping.linear or sums.counts is None:
        return {}
    counts = sums.counts
    begins = np.searchsorted(counts.key, sums.groups.key).tolist()
    ends = np.searchsorted(counts.key, sums.groups.key, "right").tolist()
    values, numbers = counts.value.tolist(), counts.n.tolist()
    means = []
    for begin, end, n in zip(begins, ends, sums.groups.n.tolist(), strict=True):
        pairs = zip(values[begin:end], numbers[begin:end], strict=True)
        powers = math.fsum(number * _power(value) for value, number in pairs)
        means.append(powers / n if n else None)
    return {"linear": means}


def _power(thousandths: int) -> float:
    """Return 10^(x/10); infinite where it is no double."""
    if thousandths > LARGEST_DB * PER_DB:
        return math.inf
    return 10.0 ** (thousandths / (10 * PER_DB))


def expected_epochs(start: int, end: int, interval: float) -> int | None:
    """Return how many epochs there can be in a time, None if the interval is not known.

    Parameters
    ----------
    start, end : int
        Milliseconds since 1970; the end is not part of it.
    interval : float
        Seconds between epochs, which count from the midnight before.

    Examples
    --------
    >>> expected_epochs(0, 86_400_000, 30.0), expected_epochs(10_000, 60_000, 30.0)
    (2880, 1)
    """
    step = round(interval * 1000) if interval > 0 and math.isfinite(interval) else 0
    if not step:
        return None
    midnight = start // DAY_MS * DAY_MS
    return -((midnight - end) // step) + (midnight - start) // step
