"""Statistics of one source: what is printed, written or drawn."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from captools.gnss.doing import Doer
from captools.gnss.request import Request
from captools.gnss.series import draw_series
from captools.gnss.sources import Sources
from captools.gnss.summing import of_array, of_rinex
from captools.gnss.table import PICTURES, Columns, lines, names_of, together, write
from captools.progress import counted

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
    chunks = rows_of(source, request)(doer)
    if output is None:
        yield from lines(names, chunks, grouping.per)
        return
    table = together(names, chunks)
    if output.suffix.lower() in PICTURES:
        draw_series(table, output, grouping.per, _origin(doer, source))
    else:
        write(table, output, grouping.per)
    yield str(output)


def rows_of(source: Sources, request: Request) -> Callable[[Doer], Iterator[Columns]]:
    """Return what gives the rows of a source, called with who does the work."""
    if source.array:
        return partial(of_array, array=source.array, request=request)
    return partial(of_rinex, paths=source.paths, request=request)


def _origin(doer: Doer, source: Sources) -> str:
    """Return where the values of a picture are from, and how much is missing."""
    what = Path(source.array or "").name or counted(len(source.paths), "RINEX file")
    bad = f"; without {_bad(doer, source)}" if doer.bad else ""
    return f"{stations_of(doer)}, from {what}{bad}"


def _bad(doer: Doer, source: Sources) -> str:
    """Return how much is bad, in words."""
    return counted(doer.bad, "bad part" if source.array else "bad file")


def stations_of(doer: Doer) -> str:
    """Return the stations, or if they are many, how many."""
    names = sorted(doer.stations) or ["station without a name"]
    return ", ".join(names) if len(names) <= FEW else counted(len(names), "station")
