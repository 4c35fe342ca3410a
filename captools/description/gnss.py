"""What RINEX files and arrays of signal strengths hold."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from captools.description.description import Described, Description, plain
from captools.description.statistics import Accumulator, Statistics
from captools.gnss import read_observations
from captools.gnss.array import STATION, Array
from captools.gnss.containers import packing
from captools.gnss.observations import PER_DB, Cells, Observations
from captools.gnss.querying import Query
from captools.io.address import Url

DAY = np.timedelta64(1, "D")
GPS_TIME = "GPS"
_ABOUT = (STATION, "receiver", "antenna", "interval", "numbering")


def describe_rinex(path: Path | Url, stats: bool) -> Description:
    """Describe a RINEX file, all of which is read; InputError if it is damaged or none."""
    found = read_observations(path, None, None)
    header = found.header
    packed = [*(["Hatanaka"] if header.compact else []), *filter(None, [packing(path)])]
    said = {
        "station": header.station,
        "receiver": header.receiver,
        "antenna": header.antenna,
        "interval": header.interval if np.isfinite(header.interval) else None,
        "times": GPS_TIME,
        "epochs": len(found.epochs),
        "compression": ", ".join(packed),
        "left_out": found.left_out,
    }
    return Description(
        path=str(path),
        kind=f"RINEX {header.version} observations",
        rows=len(found.time),
        columns=tuple(_columns(found, stats)),
        time=_span(found.epochs[0], found.epochs[-1]) if len(found.epochs) else None,
        header=_given(said),
    )


def _columns(found: Observations, stats: bool) -> Iterator[Described]:
    """Yield the signal strengths of each system and code that the file has."""
    tallies = _Tallies()
    if stats:
        tallies.add(found, found.thousandths)
    zeros = _counts(found.zeros)
    for system, codes in found.header.codes.items():
        for code in codes:
            name = f"{system} {code}"
            yield _described(name, tallies.statistics(name, zeros.get(name, 0)) if stats else None)


def describe_array(path: str, place: Path | Url, stats: bool) -> Description:
    """Describe an array of signal strengths by its notes; InputError if it is none.

    Cells that two inputs may hold are read, so that they count once.
    """
    with Query(place) as query:
        return _described_array(path, place, query, stats)


def _described_array(path: str, place: Path | Url, query: Query, stats: bool) -> Description:
    fragments = query.fragments()
    days: set[np.datetime64] = set()
    for _, first, last in fragments:
        days.update(np.arange(first.astype("M8[D]"), last.astype("M8[D]") + DAY))
    said = {name: query.notes.get(name) for name in _ABOUT}
    said |= {
        "times": GPS_TIME,
        "days": len(days),
        "inputs": len(query.inputs()),
        "fragments": len(fragments),
    }
    tallies, counts = _Tallies(), stats or _may_share(fragments)
    for _, cells in query.days() if counts else ():
        tallies.add(cells, cells.thousandths)
    span = query.span()
    return Description(
        path=path,
        kind="TileDB array of signal strengths",
        size=None if isinstance(place, Url) else Array(place).size(),
        rows=tallies.rows if counts else sum(cells for cells, _, _ in fragments),
        columns=tuple(_described(name, tallies.statistics(name)) for name in tallies.names)
        if stats
        else (),
        time=None if span is None else _span(*span),
        header=_given(said),
    )


def _may_share(fragments: list[tuple[int, np.datetime64, np.datetime64]]) -> bool:
    """Return whether fragments overlap in time, so that two may hold one cell."""
    spans = sorted((first, last) for _, first, last in fragments)
    return any(last >= first for (_, last), (first, _) in pairwise(spans))


class _Tallies:
    """What the signal strengths of each system and code add up to."""

    def __init__(self) -> None:
        self._of: dict[str, Accumulator] = {}
        self.rows = 0

    @property
    def names(self) -> list[str]:
        """Systems and codes, sorted, as G 1C."""
        return sorted(self._of)

    def add(self, cells: Cells, thousandths: np.ndarray) -> None:
        """Take in cells and their values."""
        self.rows += len(thousandths)
        for name, rows in _by_name(cells):
            self._of.setdefault(name, Accumulator()).add(thousandths[rows] / PER_DB)

    def statistics(self, name: str, missing: int = 0) -> Statistics:
        """Return what was found, with values that are missing."""
        tally = self._of.get(name, Accumulator())
        tally.add(np.full(missing, np.nan))
        return tally.statistics()


def _by_name(cells: Cells) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each system and code that cells have, and which cells are of it."""
    kinds = np.char.add(np.char.add(cells.system, b" "), cells.code)
    names, which = np.unique(kinds, return_inverse=True)
    for number, name in enumerate(names):
        yield name.decode(), np.flatnonzero(which == number)


def _counts(cells: Cells) -> dict[str, int]:
    return {name: len(rows) for name, rows in _by_name(cells)}


def _described(name: str, statistics: Statistics | None) -> Described:
    return Described(name, "float32", "dB-Hz", "signal strength", statistics=statistics)


def _span(first: np.datetime64, last: np.datetime64) -> tuple[str, str]:
    """Return two times as ISO text."""
    return str(first.astype("M8[s]")), str(last.astype("M8[s]"))


def _given(said: dict[str, object]) -> dict[str, object]:
    """Return what is known, in plain types."""
    return plain({name: value for name, value in said.items() if value not in (None, "", {})})
