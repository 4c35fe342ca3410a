"""The rows of many flat files in parts, which workers read: the same for any number of workers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from captools.engine.crew import Crew
from captools.errors import BadInputs, CaptoolsError, InputError, naming_bad
from captools.flat.origins import CORE, is_tile
from captools.flat.places import USUAL, PlaceNames
from captools.flat.reader import BLOCK_ROWS, FlatFile
from captools.flat.sharing import Location, SharedColumns
from captools.flat.table import Table
from captools.process import check
from captools.progress import track


class Span(NamedTuple):
    """Rows of a file."""

    path: Location
    start: int
    stop: int
    is_last: bool  # of this file


class Part(NamedTuple):
    """Rows of files that are read together."""

    number: int
    spans: tuple[Span, ...]

    @property
    def rows(self) -> int:
        """How many rows it has, those of overlaps included."""
        return sum(span.stop - span.start for span in self.spans)


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

    def table(self, file: FlatFile, names: Sequence[str], rows: slice) -> Table:
        """Return those of some rows of a file that count."""
        table = self.shared.table(file, names, rows)
        if self.all_rows or not is_tile(file):
            return table
        core = table.columns[CORE] if CORE in names else file.read(CORE, rows)
        return table if core.all() else table.where(core)

    def tables(self, part: Part, names: Sequence[str]) -> Iterator[Table]:
        """Yield the rows of a part, as many at a time as fit in memory.

        Raises
        ------
        BadInputs
            If files are damaged. All others are read to their end, so that it names all of them.
        """
        bad: dict[str, str] = {}
        for span in part.spans:
            with naming_bad(bad, span.path), FlatFile(span.path, self.place_names) as file:
                for start in range(span.start, span.stop, BLOCK_ROWS):
                    check()
                    rows = slice(start, min(start + BLOCK_ROWS, span.stop))
                    table = self.table(file, names, rows)
                    if not bad:
                        yield table
                file.check_unchanged()
        if bad:
            raise BadInputs(bad)

    def columns(self, part: Part, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the rows of a part; errors as `tables`."""
        columns = {name: np.empty(part.rows, self.shared.dtypes[name]) for name in names}
        done = 0
        for table in self.tables(part, names):
            for name, values in columns.items():
                values[done : done + table.rows] = table.columns[name]
            done += table.rows
        return {name: values[:done] for name, values in columns.items()}


def cut(paths: Sequence[Location], lengths: Sequence[int], rows: int) -> list[Part]:
    """Return all rows of files, in parts of so many.

    Examples
    --------
    >>> [[(span.start, span.stop) for span in part.spans] for part in cut("ab", [3, 4], 5)]
    [[(0, 3), (0, 2)], [(2, 4)]]
    """
    total = sum(lengths)
    return cut_at(paths, lengths, [*range(rows, total, rows), total])


def cut_at(paths: Sequence[Location], lengths: Sequence[int], edges: Sequence[int]) -> list[Part]:
    """Return all rows of files, in parts that end at these rows of all, increasing.

    Examples
    --------
    >>> [[(span.start, span.stop) for span in one.spans] for one in cut_at("ab", [3, 4], [2, 7])]
    [[(0, 2)], [(2, 3), (0, 4)]]
    """
    parts: list[list[Span]] = [[] for _ in edges]
    number, at = 0, 0
    for path, length in zip(paths, lengths, strict=True):
        start = 0
        while start < length:
            if at == edges[number]:
                number += 1
            stop = min(length, start + edges[number] - at)
            parts[number].append(Span(path, start, stop, stop == length))
            at += stop - start
            start = stop
    return [Part(number, tuple(spans)) for number, spans in enumerate(parts)]


def each_part(
    crew: Crew, function: Callable[[Part], Any], parts: Sequence[Part]
) -> Iterator[tuple[Part, Any]]:
    """Yield each part with the value of a function of it; show how many files are done.

    Raises
    ------
    BadInputs
        If files cannot be used; all parts are tried, so that it names all of them.
    """
    bad: dict[str, str] = {}
    files = track([span.path for part in parts for span in part.spans if span.is_last])
    for part, found in crew.each(function, parts):
        for _ in range(sum(span.is_last for span in part.spans)):
            next(files, None)
        if isinstance(found, InputError):
            bad |= _blamed(crew, function, part, found)
        elif isinstance(found, CaptoolsError):
            raise found
        elif not bad:
            yield part, found
    next(files, None)
    if bad:
        raise BadInputs(bad)


def _blamed(
    crew: Crew, function: Callable[[Part], Any], part: Part, error: InputError
) -> dict[str, str]:
    """Return which files of a part are bad: where its process died, each is tried alone."""
    if isinstance(error, BadInputs):
        return error.errors
    if len(part.spans) == 1:
        return {str(part.spans[0].path): str(error)}
    alone = [part._replace(spans=(span,)) for span in part.spans]
    bad: dict[str, str] = {}
    for one, found in crew.each(function, alone):
        if isinstance(found, InputError):
            bad |= _blamed(crew, function, one, found)
    if not bad:
        raise error
    return bad
