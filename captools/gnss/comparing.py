"""Three ways to the same statistics: whether they agree, and how long each takes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from captools import process
from captools.engine.pool import Pool
from captools.errors import InputError
from captools.gnss.answering import rows_of, stations_of
from captools.gnss.array import Array
from captools.gnss.context import ready
from captools.gnss.doing import Doer
from captools.gnss.request import Request
from captools.gnss.series import draw_speeds
from captools.gnss.sources import Sources, files_size
from captools.gnss.table import PICTURES, Columns, lines, names_of, together, write
from captools.io.address import parse_location
from captools.progress import counted

MEGABYTE = 1e6
SECONDS = 30  # what is compared is how many days a way does in so many


@dataclass(frozen=True)
class Way:
    """A way to the statistics: its name, who does the work, and what gives the rows then."""

    name: str
    doer: Doer
    rows: Callable[[Doer], Iterator[Columns]]


@dataclass(frozen=True)
class Measured:
    """How long a way took."""

    way: Way
    days: int
    seconds: float

    @property
    def speed(self) -> float:
        """Days in 30 s."""
        return self.days / self.seconds * SECONDS

    @property
    def processes(self) -> int:
        """How many processes took part."""
        return len(self.way.doer.processes)


def compared(
    pool: Pool, sources: Sources, request: Request, timeout: float | None
) -> list[Measured]:
    """Go all three ways, check that they agree, and return how long each took.

    Raises
    ------
    InputError
        If two ways differ.
    """
    ready()  # to import TileDB is no part of what the first way to an array takes
    files, array = Sources(None, sources.paths), Sources(sources.array, ())
    ways = [
        Way("rinex", Doer(), rows_of(files, request)),
        Way("serial", Doer(), rows_of(array, request)),
        Way("parallel", Doer(pool, timeout), rows_of(array, request)),
    ]
    names = names_of(request.grouping, has_zeros=False)
    names.remove("expected")  # files and array may say otherwise how often there are epochs
    (first, table), *others = [measure(way, names) for way in ways]
    for other, other_table in others:
        check_alike((first.way.name, table), (other.way.name, other_table))
    if not first.days:
        raise InputError("there is no value to compare")
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
        f"{stations_of(measured[0].way.doer)}: {days} ({_chosen(request)}) from "
        f"{counted(len(sources.paths), 'RINEX file')} ({files}) and from an array of them "
        f"({array}). {counted(process.workers(), 'core')}, engine {engine}; measured once, with "
        "the start of processes. All statistics are equal, to the last bit."
    )


def _chosen(request: Request) -> str:
    """Return the systems and codes that are asked for, in words."""
    systems = f"systems {request.systems}" if request.systems else "all systems"
    codes = f"codes {','.join(request.codes)}" if request.codes else "all codes"
    return f"{systems}, {codes}, by {request.grouping.per}"


def measure(way: Way, names: list[str]) -> tuple[Measured, Columns]:
    """Go a way, and return how long that took, and these columns of the statistics."""
    began = time.perf_counter()
    table = together(names, way.rows(way.doer))
    seconds = time.perf_counter() - began
    days = {start.astype("M8[D]") for start, n in zip(table["start"], table["n"], strict=True) if n}
    return Measured(way, len(days), seconds), table


def check_alike(first: tuple[str, Columns], second: tuple[str, Columns]) -> None:
    """Raise InputError if two ways differ in anything by a single bit."""
    names = [*first[1]]
    pairs = [(way, _rows(table, names)) for way, table in (first, second)]
    (one, rows), (other, others) = pairs
    for key in sorted({*rows, *others}):
        place = " ".join(str(part) for part in key)
        for way, found in pairs:
            if key not in found:
                raise InputError(f"{one} and {other} differ: {place}: is not in {way}")
        for name, left, right in zip(names, rows[key], others[key], strict=True):
            if left != right:
                raise InputError(
                    f"{one} and {other} differ: {place}: {name} is {left!r} and {right!r}"
                )


def _rows(table: Columns, names: list[str]) -> dict[tuple, tuple]:
    """Return the rows by what they are of; of zeros alone, of which an array says nothing, none."""
    of = [name for name in ("start", "system", "satellite", "code") if name in names]
    keys = zip(*(table[name] for name in of), strict=True)
    values = zip(*(table[name] for name in names), strict=True)
    pairs = zip(keys, values, table["n"], strict=True)
    return {key: row for key, row, n in pairs if n}


def _bar(one: Measured) -> str:
    """Return the name of a bar: what is read, how, and by how many processes."""
    what = {"rinex": "RINEX files", "serial": "array", "parallel": "array, in parallel"}
    processes = f"{one.processes} process{'' if one.processes == 1 else 'es'}"
    return f"{what[one.way.name]}\n{processes}"


def _size(size: int | None) -> str:
    return "of unknown size" if size is None else f"{size / MEGABYTE:,.1f} MB"
