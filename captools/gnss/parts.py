"""What one input, one day of several inputs, or some days of an array add to statistics.

These functions are called in the processes that do the work.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from captools.gnss.array import slot
from captools.gnss.coding import series_numbers
from captools.gnss.names import parse_name, plain_name
from captools.gnss.observations import DAY_MS, Cells, Observations
from captools.gnss.querying import Query
from captools.gnss.reading import read_observations
from captools.gnss.request import Request, Span
from captools.gnss.statistics import Sums, joined, sums_of
from captools.io.address import parse_location


@dataclass(frozen=True)
class Extent:
    """First and last epoch (ms since 1970), and the seconds between epochs, NaN if not known."""

    first: int
    last: int
    interval: float


@dataclass(frozen=True)
class Part:
    """What a part of the data adds.

    Attributes
    ----------
    sums : Sums
        Of its values.
    station : str
        Whose they are; "" if that is not known.
    extents : dict of int to Extent
        What epochs there are, by day since 1970.
    damage : str
        How much of the file cannot be read; "" if all of it can.
    doer : str
        The process that made it.
    """

    sums: Sums
    station: str
    extents: Mapping[int, Extent]
    damage: str = ""
    doer: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")


@dataclass(frozen=True)
class Days:
    """Days of an array that are asked for.

    Parameters
    ----------
    array : str
        Where it is.
    question : str
        What the days are a part of; it sees the array as it was when it began.
    first, last : int
        Days since 1970; the last one is not part of them.
    """

    array: str
    question: str
    first: int
    last: int

    def __str__(self) -> str:
        """Return the array with its days, for messages."""
        first, last = np.datetime64(self.first, "D"), np.datetime64(self.last - 1, "D")
        return f"{self.array}: {first}" if first == last else f"{self.array}: {first} to {last}"


@dataclass(frozen=True)
class SharedDay:
    """A day (since 1970) of which several files have the same times; the last file counts."""

    day: int
    paths: tuple[str, ...]

    def __str__(self) -> str:
        """Return the files, for messages."""
        return ", ".join(self.paths)


def of_file(path: str, request: Request) -> Part:
    """Return what a RINEX file adds."""
    found = _read(path, request)
    sums = sums_of(found, found.thousandths, request.grouping, found.zeros)
    station = found.header.station or parse_name(path).station
    return Part(sums, station, extents_of(found), found.damage)


def of_shared_day(shared: SharedDay, request: Request) -> Part:
    """Return what a day adds that several RINEX files have: each cell once."""
    day = day_of(shared.day)
    files = [_within(_read(path, request), day) for path in shared.paths]
    cells, thousandths, zeros = _merged(files)
    sums = sums_of(cells, thousandths, request.grouping, zeros)
    return Part(sums, files[0].header.station, {})


def of_days(days: Days, request: Request) -> Part:
    """Return what days of an array add; one is read at a time."""
    array, sums = asked(days.array, days.question), []
    for day in range(days.first, days.last):
        start, end = day_of(day)
        if request.span is not None:
            start, end = max(start, request.span[0]), min(end, request.span[1])
        found = array.cells(start, end, request.systems, request.codes)
        sums.append(sums_of(found, found.thousandths, request.grouping))
    return Part(joined(sums), "", {})


@lru_cache(maxsize=1)
def asked(array: str, question: str) -> Query:
    """Return an array to be asked: a process opens it once, which takes as long as some days."""
    return Query(parse_location(array))


def day_of(day: int) -> Span:
    """Return the beginning and the end of a day since 1970."""
    start = np.datetime64(day, "D").astype("M8[ms]")
    return start, start + np.timedelta64(DAY_MS, "ms")


def _read(path: str, request: Request) -> Observations:
    return _within(read_observations(path, request.systems, request.codes), request.span)


def extents_of(found: Observations) -> dict[int, Extent]:
    """Return what epochs there are on each day."""
    moments = np.sort(found.epochs.astype("M8[ms]").astype(np.int64))
    days, begins = np.unique(moments // DAY_MS, return_index=True)
    lasts = moments[np.append(begins[1:], len(moments)) - 1] if len(days) else moments
    ends = zip(days.tolist(), moments[begins].tolist(), lasts.tolist(), strict=True)
    return {day: Extent(first, last, found.header.interval) for day, first, last in ends}


def shared_days(extents: Mapping[str, Mapping[int, Extent]]) -> list[SharedDay]:
    """Return the days on which the times of files overlap, from the extents of each file.

    The files come in the order in which those of an array win.
    """
    by_day: dict[int, list[tuple[Extent, str]]] = {}
    for path, days in extents.items():
        for day, extent in days.items():
            by_day.setdefault(day, []).append((extent, path))
    shared = []
    for day, files in sorted(by_day.items()):
        spans = sorted((extent.first, extent.last) for extent, _ in files)
        if any(last >= first for (_, last), (first, _) in pairwise(spans)):
            paths = (path for _, path in files)
            shared.append(SharedDay(day, tuple(sorted(paths, key=_place_in_array))))
    return shared


def _place_in_array(path: str) -> int:
    return slot(plain_name(path))


# --- cells of several files --------------------------------------------------------


def _picked(cells: Cells, which: np.ndarray) -> Cells:
    """Return some of the cells, by a mask or by indices."""
    columns = cells.time, cells.system, cells.satellite, cells.code
    return Cells(*(column[which] for column in columns))


def _within(found: Observations, span: Span | None) -> Observations:
    """Return what lies in a half-open time span, datetime64[ms] in GPS time; all without one."""
    if span is None:
        return found
    start, end = span
    inside = (found.time >= start) & (found.time < end)
    cells = _picked(found, inside)
    return replace(
        found,
        **vars(cells),
        thousandths=found.thousandths[inside],
        zeros=_picked(found.zeros, (found.zeros.time >= start) & (found.zeros.time < end)),
        epochs=found.epochs[(found.epochs >= start) & (found.epochs < end)],
    )


def _merged(files: Sequence[Observations]) -> tuple[Cells, np.ndarray, Cells]:
    """Return what files of one day have together.

    Returns
    -------
    cells : Cells
        Each once.
    thousandths : array of int
        The value of each; where several files have one, that of the last of these.
    zeros : Cells
        Where files have zeros, each once, and none has a value.
    """
    cells = _chained(files)
    last = _last_of_each(_keys(cells))
    zeros = _chained([one.zeros for one in files])
    zeros = _picked(zeros, _last_of_each(_keys(zeros)))
    cells, values = _picked(cells, last), np.concatenate([one.thousandths for one in files])[last]
    return cells, values, _picked(zeros, ~np.isin(_keys(zeros), _keys(cells)))


def _chained(parts: Sequence[Cells]) -> Cells:
    names = ("time", "system", "satellite", "code")
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _keys(cells: Cells) -> np.ndarray:
    """Return a different number for each cell of a day."""
    time = cells.time.astype("M8[ms]").astype(np.int64) % DAY_MS
    return time << 32 | series_numbers(cells)


def _last_of_each(keys: np.ndarray) -> np.ndarray:
    """Return where each key stands, the last time if it is there several times."""
    _, first = np.unique(keys[::-1], return_index=True)
    return len(keys) - 1 - first
