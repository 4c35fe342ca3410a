"""Three ways to the same statistics: whether they agree, and how long each takes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from captools.errors import InputError
from captools.gnss.doing import Doer
from captools.gnss.table import Columns, together

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
