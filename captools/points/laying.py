"""Rows of many flat files put where they belong in outputs of known length, by many processes."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from captools.engine.crew import Crew
from captools.flat.collection import Collection
from captools.flat.extent import Extent
from captools.flat.laid import Chunk, LaidFile, Packing, Places
from captools.flat.parts import Part, RowReader, cut_at, each_part
from captools.io.atomic import hidden_folder, output_error

PART_CHUNKS = 16  # of rows that a worker takes at a time


class Target(NamedTuple):
    """Where the rows of a part go: to which output, and the first of them to which row."""

    output: int
    row: int


def fill(
    crew: Crew, collection: Collection, outputs: Sequence[LaidFile], chunk_rows: int
) -> list[Extent]:
    """Write the rows of a collection to outputs that are as long together; return where they lie.

    Parameters
    ----------
    crew : Crew
        Who does it.
    collection : Collection
        Of files of which all rows count.
    outputs : sequence of LaidFile
        The outputs in the order of their rows.
    chunk_rows : int
        Rows of a chunk.
    """
    # Where nothing is compressed, parts need not begin with a chunk, and files are opened once.
    is_packed = outputs[0].batch.compression is not None
    ends = [] if is_packed else list(accumulate(collection.lengths))
    targets, edges = _cut(outputs, PART_CHUNKS * chunk_rows, ends)
    parts = cut_at(collection.paths, collection.lengths, edges)
    extents = [Extent() for _ in outputs]
    reader = collection.reader
    first = outputs[0]
    places = [one.places() for one in outputs]
    if not is_packed:
        for part, found in each_part(crew, _Put(reader, places, targets), parts):
            extents[targets[part.number].output].include(found)
        return extents
    with hidden_folder(first.path) as folder:
        pack = _Pack(reader, places[0], first.packing(), folder.absolute())
        for part, (found, chunks) in each_part(crew, pack, parts):
            output, row = targets[part.number]
            extents[output].include(found)
            outputs[output].place(row, part.rows, chunks, pack.path(part))
            pack.path(part).unlink()
    return extents


def _cut(
    outputs: Sequence[LaidFile], rows: int, ends: Sequence[int]
) -> tuple[list[Target], list[int]]:
    """Return where parts of at most so many rows go, and at which rows of all they end.

    They end earlier at the last of `ends` that they reach.
    """
    targets, edges = [], []
    starts = accumulate((one.rows for one in outputs), initial=0)
    for number, (one, start) in enumerate(zip(outputs, starts, strict=False)):
        row = 0
        while row < one.rows:
            stop = min(row + rows, one.rows)
            reached = bisect_right(ends, start + stop)
            if reached and ends[reached - 1] > start + row:
                stop = ends[reached - 1] - start
            targets.append(Target(number, row))
            edges.append(start + stop)
            row = stop
    return targets, edges


@dataclass(frozen=True)
class _Put:
    """Writes parts where they belong."""

    reader: RowReader
    places: list[Places]
    targets: list[Target]

    def __call__(self, part: Part) -> Extent:
        """Write one part, and return where its rows lie."""
        output, row = self.targets[part.number]
        places, extent = self.places[output], Extent()
        with places.opened() as file:
            for table in self.reader.tables(part, list(places.columns)):
                extent.add(table.columns)
                places.put(file, row, table.columns)
                row += table.rows
        return extent


@dataclass(frozen=True)
class _Pack:
    """Compresses parts, each to a file of its own."""

    reader: RowReader
    places: Places
    packing: Packing
    folder: Path

    def __call__(self, part: Part) -> tuple[Extent, list[Chunk]]:
        """Compress one part; return where its rows lie, and its chunks."""
        dtypes = {name: slot.dtype for name, slot in self.places.columns.items()}
        columns, extent = self.reader.columns(part, list(dtypes)), Extent()
        extent.add(columns)
        try:
            return extent, self.packing.pack(columns, dtypes, self.path(part))
        except OSError as error:
            raise output_error(self.places.path, error) from None

    def path(self, part: Part) -> Path:
        """Return the file of a part."""
        return self.folder / f"{part.number}.chunks"
