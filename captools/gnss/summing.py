"""Statistics of RINEX files or of an array, some rows at a time."""

import logging
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import Any

import numpy as np

from captools import progress
from captools.errors import InputError
from captools.gnss.doing import Doer
from captools.gnss.names import are_one
from captools.gnss.observations import DAY_MS
from captools.gnss.parts import (
    Days,
    Extent,
    Part,
    asked,
    of_days,
    of_file,
    of_shared_day,
    shared_days,
)
from captools.gnss.querying import Query
from captools.gnss.request import Request, Span
from captools.gnss.statistics import (
    PERIODS,
    Columns,
    Sums,
    expected_epochs,
    joined,
    statistics,
    without_days,
)

_COUNTS = ("n", "zeros", "epochs")
BLOCK = 8  # days that a process does at a time, for that they take as long as passing them on
log = logging.getLogger(__name__)


def of_rinex(doer: Doer, paths: Sequence[str], request: Request) -> Iterator[Columns]:
    """Yield the statistics of RINEX files, some rows at a time.

    Of files of one station that overlap in time, a value that several have counts once. Files of
    another station than that of the first are bad, unless each file is a period.
    """
    if request.grouping.per in PERIODS:
        yield from _of_days(doer, paths, request)
        return
    for path, part in doer.do(partial(of_file, request=request), paths):
        columns = statistics(part.sums, request.grouping)
        count = len(columns["n"])
        expected = _of_file(part.extents.values())
        yield {"input": [str(path)] * count, **columns, "expected": [expected] * count}


def of_array(doer: Doer, array: str, request: Request) -> Iterator[Columns]:
    """Return the statistics of an array, some rows at a time.

    Raises
    ------
    InputError
        If it is no array.
    """
    question = token_hex(8)
    known = asked(array, question)
    doer.stations.update({known.notes.get("station", "")} - {""})
    blocks = [Days(array, question, *block) for block in _blocks(known.span(), request.span)]
    parts = doer.do(partial(of_days, request=request), blocks, may_copy=False)
    rows = _of_parts((part for _, part in parts), _noted(known.inputs()), request)
    return _and_close(known, rows)


def _and_close(array: Query, rows: Iterator[Columns]) -> Iterator[Columns]:
    """Yield rows, and then close the array, for this process may want to write to it."""
    with array:
        yield from rows


def _of_parts(
    parts: Iterable[Part], intervals: Mapping[int, float], request: Request
) -> Iterator[Columns]:
    if request.has_empty_days:  # which are seen at the end only
        together = [part.sums for part in parts]
        if together:
            yield _finished(joined(together), intervals, request)
        return
    for part in parts:
        yield _finished(part.sums, intervals, request)


def _noted(inputs: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    """Return the seconds between epochs of each day, as notes on the inputs of an array say."""
    intervals: dict[int, float] = {}
    for record in inputs:
        if "day" in record and "interval" in record:
            number = int(np.datetime64(record["day"], "D").astype(int))
            intervals[number] = min(intervals.get(number, np.inf), record["interval"])
    return intervals


def _blocks(there: Span | None, wanted: Span | None) -> list[tuple[int, int]]:
    """Return the first and last days of blocks, which depend on nothing but the times."""
    if there is None:
        return []
    first, last = there[0], there[1] + np.timedelta64(1, "ms")
    if wanted is not None:
        first, last = max(first, wanted[0]), min(last, wanted[1])
    begin, end = (int(one.astype("M8[ms]").astype(int)) for one in (first, last))
    days = range(begin // DAY_MS, -(-end // DAY_MS))
    return [(day, min(day + BLOCK, days.stop)) for day in days[::BLOCK]]


def _of_days(doer: Doer, paths: Sequence[str], request: Request) -> Iterator[Columns]:
    parts: dict[str, Part] = {}
    stations: dict[str, str] = {}
    for path, part in doer.do(partial(of_file, request=request), paths):
        first = next(iter(stations), part.station)
        if part.station and not are_one(part.station, first):
            why = f"is of station {part.station}, but {stations[first]} of {first}"
            doer.refuse(InputError(f"{path}: {why}: give one station, or --per file"))
            continue
        if part.station:
            stations.setdefault(part.station, path)
        parts[path] = part
    if not parts:
        return
    extents = {path: part.extents for path, part in parts.items()}
    shared = shared_days(extents)
    sums = joined([part.sums for part in parts.values()])
    if shared:
        days = progress.counted(len(shared), "day")
        log.info("%s of files that overlap: a value that several have counts once", days)
        again = doer.do(partial(of_shared_day, request=request), shared)
        alone = without_days(sums, request.grouping, [one.day for one in shared])
        sums = joined([alone, *(part.sums for _, part in again)])
    yield _finished(sums, _intervals(extents), request)


def _finished(sums: Sums, intervals: Mapping[int, float], request: Request) -> Columns:
    """Return the statistics, with a row for each day, and how many epochs there can be."""
    columns = statistics(sums, request.grouping)
    if request.has_empty_days:
        columns = _with_empty_days(columns)
    return {**columns, "expected": _of_periods(columns["start"], intervals, request)}


def _intervals(extents: Mapping[str, Mapping[int, Extent]]) -> dict[int, float]:
    """Return the seconds between epochs of each day: the least of its files."""
    intervals: dict[int, float] = {}
    for days in extents.values():
        for day, extent in days.items():
            intervals[day] = float(np.fmin(intervals.get(day, np.nan), extent.interval))
    return intervals


def _of_periods(
    starts: list[np.datetime64], intervals: Mapping[int, float], request: Request
) -> list[int | None]:
    """Return how many epochs there can be in each period, as far as it is asked for.

    On a day of which nothing is known, epochs are as far apart as before.
    """
    length, known, found = PERIODS[request.grouping.per], sorted(intervals), []
    for start in (int(one.astype(int)) for one in starts):
        before = bisect_right(known, start // DAY_MS)
        interval = intervals[known[before - 1]] if before else np.nan
        least, most = request.milliseconds or (start, start + length)
        found.append(expected_epochs(max(start, least), min(start + length, most), interval))
    return found


def _of_file(extents: Iterable[Extent]) -> int | None:
    """Return how many epochs there can be in a file, from its first to its last."""
    extents = list(extents)
    if not extents:
        return 0
    first, last = (min(one.first for one in extents), max(one.last for one in extents))
    step = extents[0].interval
    return int((last - first) // round(step * 1000)) + 1 if step > 0 else None


# --- days without a value, which are rows, too: a series without them looks whole ----


def _with_empty_days(columns: Columns) -> Columns:
    """Return a table with a row for each day from the first to the last, system and code.

    Parameters
    ----------
    columns : dict of str to list
        Of days, by `captools.gnss.statistics.statistics`, satellites together.

    Returns
    -------
    dict of str to list
        The same with days between them, whose counts are 0 and all else None.

    Examples
    --------
    >>> days = [np.datetime64("2024-05-06", "ms"), np.datetime64("2024-05-08", "ms")]
    >>> table = {"start": days, "system": ["G"] * 2, "code": ["1C"] * 2, "n": [9, 8]}
    >>> _with_empty_days(table | {"mean": [40.0, 41.0]})["mean"]
    [40.0, None, 41.0]
    """
    if not columns["start"]:
        return columns
    rows = {(row["start"], row["system"], row["code"]): row for row in _rows(columns)}
    series = sorted({(system, code) for _, system, code in rows})
    first, last = min(columns["start"]), max(columns["start"])
    found: Columns = {name: [] for name in columns}
    for start in np.arange(first, last + np.timedelta64(1, "D"), np.timedelta64(1, "D")):
        for system, code in series:
            empty = {"start": start, "system": system, "code": code} | dict.fromkeys(_COUNTS, 0)
            row = rows.get((start, system, code), empty)
            for name in found:
                found[name].append(row.get(name))
    return found


def _rows(columns: Columns) -> Iterator[dict]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))
