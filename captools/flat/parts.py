"""The rows of many flat files in parts, which workers read: the same for any number of workers."""

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from captools.engine.crew import Crew
from captools.errors import BadInputs, CaptoolsError, naming_bad
from captools.flat.origins import CORE, is_tile
from captools.flat.places import USUAL, PlaceNames
from captools.flat.reader import FlatFile
from captools.flat.sharing import Location, SharedColumns
from captools.flat.table import Table
from captools.process import check
from captools.progress import counted, track


class Member(NamedTuple):
    """A file of many, as it was when its header was read: parts are cut by that."""

    path: Location
    rows: int
    version: tuple[object, ...]

    @classmethod
    def of(cls, file: FlatFile) -> Self:
        """Return what a file is now."""
        return cls(file.path, file.rows, file.version())

    @contextmanager
    def opened(self, place_names: PlaceNames) -> Iterator[FlatFile]:
        """Open the file, which must be the same until all is read.

        Raises
        ------
        CaptoolsError
            If it is another one: rows would be lost, or never come.
        """
        with FlatFile(self.path, place_names) as file:
            self._check(file)
            yield file
            file.check_unchanged()
            self._check(file)

    def _check(self, file: FlatFile) -> None:
        if self.of(file) != self:
            raise CaptoolsError(f"{self.path}: was changed meanwhile: run the command again")


class Span(NamedTuple):
    """Rows of a file."""

    file: Member
    start: int
    stop: int

    @property
    def is_last(self) -> bool:
        """Whether no rows of the file come behind."""
        return self.stop == self.file.rows


class Part(NamedTuple):
    """Rows of files that are read together."""

    number: int
    spans: tuple[Span, ...]

    def __str__(self) -> str:
        return described(self.spans)


def described(spans: Sequence[Span]) -> str:
    """Return what to call rows of files in a message."""
    if not spans:
        return "no rows"
    more = f" and {counted(len(spans) - 1, 'file')} more" if len(spans) > 1 else ""
    return f"rows of {spans[0].file.path}{more}"


def rows_of(spans: Iterable[Span]) -> int:
    """Return how many rows there are, those of overlaps included."""
    return sum(span.stop - span.start for span in spans)


@dataclass(frozen=True)
class RowReader:
    """How rows of a collection are read, which goes to workers.

    Parameters
    ----------
    shared : SharedColumns
        The columns.
    all_rows : bool
        Whether the rows of overlaps count, too.
    place_names : PlaceNames
        As for `FlatFile`.
    """

    shared: SharedColumns
    all_rows: bool = False
    place_names: PlaceNames = USUAL

    def tables(self, spans: Iterable[Span], names: Sequence[str]) -> Iterator[Table]:
        """Yield rows of files, as many at a time as fit in memory.

        Raises
        ------
        BadInputs
            If files are damaged. All others are read to their end, so that it names all of them.
        """
        bad: dict[str, str] = {}
        for span in spans:
            with naming_bad(bad, span.file.path), span.file.opened(self.place_names) as file:
                for rows in file.ranges(of=slice(span.start, span.stop)):
                    check()
                    table = self._table(file, names, rows)
                    if not bad:
                        yield table
        if bad:
            raise BadInputs(bad)

    def columns(self, spans: Sequence[Span], names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return rows of files; errors as `tables`."""
        rows = rows_of(spans)
        columns = {name: np.empty(rows, self.shared.dtypes[name]) for name in names}
        done = 0
        for table in self.tables(spans, names):
            for name, values in columns.items():
                values[done : done + table.rows] = table.columns[name]
            done += table.rows
        return {name: values[:done] for name, values in columns.items()}

    def _table(self, file: FlatFile, names: Sequence[str], rows: slice) -> Table:
        """Return those of some rows of a file that count."""
        table = self.shared.table(file, names, rows)
        if self.all_rows or not is_tile(file):
            return table
        core = table.columns[CORE] if CORE in names else file.read(CORE, rows)
        return table if core.all() else table.where(core)


def cut(files: Sequence[Member], rows: int) -> list[Part]:
    """Return all rows of files, in parts of so many.

    Examples
    --------
    >>> files = [Member("a", 3, ()), Member("b", 4, ())]
    >>> [[(span.start, span.stop) for span in part.spans] for part in cut(files, 5)]
    [[(0, 3), (0, 2)], [(2, 4)]]
    """
    total = sum(file.rows for file in files)
    spans = cut_at(files, [*range(rows, total, rows), total])
    return [Part(number, of_part) for number, of_part in enumerate(spans)]


def cut_at(files: Sequence[Member], edges: Sequence[int]) -> list[tuple[Span, ...]]:
    """Return all rows of files, in parts that end at these rows of all, increasing.

    Examples
    --------
    >>> files = [Member("a", 3, ()), Member("b", 4, ())]
    >>> [[(span.start, span.stop) for span in spans] for spans in cut_at(files, [2, 7])]
    [[(0, 2)], [(2, 3), (0, 4)]]
    """
    parts: list[list[Span]] = [[] for _ in edges]
    number, at = 0, 0
    for file in files:
        start = 0
        while start < file.rows:
            if at == edges[number]:
                number += 1
            stop = min(file.rows, start + edges[number] - at)
            parts[number].append(Span(file, start, stop))
            at += stop - start
            start = stop
    return [tuple(spans) for spans in parts]


def each_part(
    crew: Crew, function: Callable[[Any], Any], parts: Sequence[Any]
) -> Iterator[tuple[Any, Any]]:
    """Yield each part, which has `spans`, with the value of a function of it, in their order.

    It shows how many files are done.

    Raises
    ------
    BadInputs
        If files cannot be used; all others are tried, so that it names all of them.
    """
    bad: dict[str, str] = {}
    with closing(tried(crew, function, parts)) as values:
        for part, found in values:
            if isinstance(found, BadInputs):
                bad |= found.errors
            elif isinstance(found, CaptoolsError):
                raise found
            elif not bad:
                yield part, found
    if bad:
        raise BadInputs(bad)


def tried(
    crew: Crew, function: Callable[[Any], Any], parts: Sequence[Any]
) -> Generator[tuple[Any, Any], None, None]:
    """Yield each part with a value or an error; of one with bad files, the rest comes last, too.

    It shows how many files are done.
    """
    ends = [span.file.path for part in parts for span in part.spans if span.is_last]
    with closing(track(ends)) as files:
        next(files, None)
        while parts:
            rest = []
            for part, found in crew.each(function, parts):
                if isinstance(found, BadInputs):
                    rest += _without(part, found.errors)
                yield part, found
                for _ in range(sum(span.is_last for span in part.spans)):
                    next(files, None)
            parts = rest  # what is behind a file that cost its process was not read


def _without(part: Any, paths: Collection[str]) -> list[Any]:
    """Return a part without some of its files, if anything is left."""
    spans = tuple(span for span in part.spans if os.fspath(span.file.path) not in paths)
    return [part._replace(spans=spans)] if spans and len(spans) < len(part.spans) else []
