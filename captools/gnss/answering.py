"""Statistics as they are asked for: which way they come, and what is printed, written or drawn."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from captools import process
from captools.engine.pool import Pool
from captools.gnss.array import Array
from captools.gnss.comparing import Measured, Way, check_alike, measure
from captools.gnss.doing import Doer
from captools.gnss.request import Request
from captools.gnss.series import draw_series, draw_speeds
from captools.gnss.sources import Sources, files_size
from captools.gnss.summing import of_array, of_rinex
from captools.gnss.table import PICTURES, Columns, lines, names_of, together, write
from captools.io.address import parse_location
from captools.progress import counted

MEGABYTE = 1e6
FEW = 5  # stations that are named
log = logging.getLogger(__name__)


def answered(doer: Doer, source: Sources, request: Request, output: Path | None) -> Iterator[str]:
    """Yield the statistics of one source as lines, or where they are written or drawn."""
    yield from _answered(doer, source, request, output)
    if doer.bad:
        what = counted(len(source.paths), "file") if source.paths else "the array"
        log.info("%s: without %s", what, _bad(doer, source))


def _answered(doer: Doer, source: Sources, request: Request, output: Path | None) -> Iterator[str]:
    grouping = request.grouping
    names = names_of(grouping, has_zeros=source.array is None)
    chunks = _rows_of(source, request)(doer)
    if output is None:
        yield from lines(names, chunks, grouping.per)
        return
    table = together(names, chunks)
    if output.suffix.lower() in PICTURES:
        draw_series(table, output, grouping.per, _origin(doer, source))
    else:
        write(table, output, grouping.per)
    yield str(output)


def compared(
    pool: Pool, sources: Sources, request: Request, timeout: float | None
) -> list[Measured]:
    """Go all three ways, check that they agree, and return how long each took.

    Raises
    ------
    InputError
        If two ways differ.
    """
    files, array = Sources(None, sources.paths), Sources(sources.array, ())
    ways = [
        Way("rinex", Doer(), _rows_of(files, request)),
        Way("serial", Doer(), _rows_of(array, request)),
        Way("parallel", Doer(pool, timeout), _rows_of(array, request)),
    ]
    names = names_of(request.grouping, has_zeros=False)
    names.remove("expected")  # files and array may say otherwise how often there are epochs
    (first, table), *others = [measure(way, names) for way in ways]
    for other, other_table in others:
        check_alike((first.way.name, table), (other.way.name, other_table))
    return [first, *(other for other, _ in others)]


def speeds(measured: list[Measured], conditions: str, output: Path | None) -> Iterator[str]:
    """Yield how fast the ways are as lines, or where that is written or drawn."""
    table: Columns = {
        "how": [one.way.name for one in measured],
        "days": [one.days for one in measured],
        "seconds": [round(one.seconds, 3) for one in measured],
        "days_in_30_s": [round(one.speed, 1) for one in measured],
        "processes": [one.processes for one in measured],
    }
    if output is None:
        yield from lines([*table], [table])
        return
    if output.suffix.lower() in PICTURES:
        draw_speeds([_bar(one) for one in measured], table["days_in_30_s"], output, conditions)
    else:
        write(table, output)
    yield str(output)


def conditions(measured: list[Measured], sources: Sources, request: Request, engine: str) -> str:
    """Return under what conditions the ways were compared, in words."""
    files = _size(files_size(sources.paths))
    array = _size(Array(parse_location(sources.array)).size())
    days = counted(max(one.days for one in measured), "day")
    return (
        f"{_stations(measured[0].way.doer)}: {days} ({_chosen(request)}) from "
        f"{counted(len(sources.paths), 'RINEX file')} ({files}) and from an array of them "
        f"({array}). {counted(process.workers(), 'core')}, engine {engine}; measured once, with "
        "the start of processes. All statistics are equal, to the last bit."
    )


def _chosen(request: Request) -> str:
    """Return the systems and codes that are asked for, in words."""
    systems = f"systems {request.systems}" if request.systems else "all systems"
    codes = f"codes {','.join(request.codes)}" if request.codes else "all codes"
    return f"{systems}, {codes}, by {request.grouping.per}"


def _rows_of(source: Sources, request: Request) -> Callable[[Doer], Iterator[Columns]]:
    """Return what gives the rows of a source, called with who does the work."""
    if source.array:
        return partial(of_array, array=source.array, request=request)
    return partial(of_rinex, paths=source.paths, request=request)


def _bar(one: Measured) -> str:
    """Return the name of a bar: what is read, and by how many processes."""
    what = "RINEX files" if one.way.name == "rinex" else "array"
    return f"{what}\n{one.processes} process{'' if one.processes == 1 else 'es'}"


def _origin(doer: Doer, source: Sources) -> str:
    """Return where the values of a picture are from, and how much is missing."""
    what = Path(source.array or "").name or counted(len(source.paths), "RINEX file")
    bad = f"; without {_bad(doer, source)}" if doer.bad else ""
    return f"{_stations(doer)}, from {what}{bad}"


def _bad(doer: Doer, source: Sources) -> str:
    """Return how much is bad, in words."""
    return counted(doer.bad, "bad part" if source.array else "bad file")


def _stations(doer: Doer) -> str:
    """Return the stations, or if they are many, how many."""
    names = sorted(doer.stations) or ["station without a name"]
    return ", ".join(names) if len(names) <= FEW else counted(len(names), "station")


def _size(size: int | None) -> str:
    return "of unknown size" if size is None else f"{size / MEGABYTE:,.1f} MB"
