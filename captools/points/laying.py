"""Rows of many flat files put where they belong in outputs of known length, by many processes."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import NamedTuple

from captools.engine.crew import Crew
from captools.errors import CaptoolsError
from captools.flat.collection import Collection
from captools.flat.extent import Extent
from captools.flat.laid import Chunk, LaidFile, Packing, Places
from captools.flat.parts import RowReader, Span, cut_at, described, each_part, rows_of
from captools.io.atomic import hidden_folder, output_error

PART_CHUNKS = 16  # of rows that a worker takes at a time


class Part(NamedTuple):
    """Rows that go to an output, the first of them to `row`."""

    number: int
    spans: tuple[Span, ...]
    output: int
    row: int
    places: Places | None = None  # if they go straight there

    def __str__(self) -> str:
        return described(self.spans)


def fill(
    crew: Crew, collection: Collection, outputs: Sequence[LaidFile], chunk_rows: int
) -> Iterator[Extent]:
    """Write the rows of a collection to outputs that are as long together.

    Each time an output has all its rows, yield where they lie.

    Parameters
    ----------
    crew : Crew
        Who does it.
    collection : Collection
        Of files of which all rows count.
    outputs : sequence of LaidFile
        The outputs in the order of their rows, which all have some.
    chunk_rows : int
        Rows of a chunk.
    """
    is_packed = outputs[0].batch.compression is not None
    # Where nothing is compressed, parts need not begin with a chunk, and files are opened once.
    ends = [] if is_packed else list(accumulate(file.rows for file in collection.files))
    parts = _cut(collection, outputs, PART_CHUNKS * chunk_rows, ends)
    if is_packed:
        yield from _fill_packed(crew, collection.reader, parts, outputs)
        return
    places = [one.places() for one in outputs]
    parts = [part._replace(places=places[part.output]) for part in parts]
    done = each_part(crew, _Put(collection.reader), parts)
    for _, of_output in groupby(done, lambda one: one[0].output):
        extent = Extent()
        for _, found in of_output:
            extent.include(found)
        yield extent


def _fill_packed(
    crew: Crew, reader: RowReader, parts: list[Part], outputs: Sequence[LaidFile]
) -> Iterator[Extent]:
    """Do the same with outputs that are compressed: their chunks are made in files of their own."""
    with hidden_folder(outputs[0].path) as folder:
        pack = _Pack(reader, outputs[0].packing(), outputs[0].path, folder)
        done = each_part(crew, pack, parts)
        for number, of_output in groupby(done, lambda one: one[0].output):
            extent = Extent()
            for part, (found, chunks) in of_output:
                extent.include(found)
                outputs[number].place(part.row, rows_of(part.spans), chunks, pack.path(part))
                pack.path(part).unlink()
            yield extent


def _cut(
    collection: Collection, outputs: Sequence[LaidFile], rows: int, ends: Sequence[int]
) -> list[Part]:
    """Return all rows in parts of at most so many, each of one output.

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
            targets.append((number, row))
            edges.append(start + stop)
            row = stop
    cuts = zip(cut_at(collection.files, edges), targets, strict=True)
    return [Part(number, spans, *target) for number, (spans, target) in enumerate(cuts)]


@dataclass(frozen=True)
class _Put:
    """Writes parts where they belong."""

    reader: RowReader

    def __call__(self, part: Part) -> Extent:
        """Write one part, and return where its rows lie."""
        places, row, extent = part.places, part.row, Extent()
        with places.opened() as file:
            for table in self.reader.tables(part.spans, list(places.columns)):
                extent.add(table.columns)
                places.put(file, row, table.columns)
                row += table.rows
        if row != part.row + rows_of(part.spans):
            raise CaptoolsError(f"{part}: changed meanwhile: run the command again")
        return extent


@dataclass(frozen=True)
class _Pack:
    """Compresses parts, each to a file of its own."""

    reader: RowReader
    packing: Packing
    output: Path
    folder: Path

    def __call__(self, part: Part) -> tuple[Extent, list[Chunk]]:
        """Compress one part; return where its rows lie, and its chunks."""
        columns, extent = self.reader.columns(part.spans, list(self.packing.dtypes)), Extent()
        extent.add(columns)
        try:
            return extent, self.packing.pack(columns, self.path(part))
        except OSError as error:
            raise output_error(self.output, error) from None

    def path(self, part: Part) -> Path:
        """Return the file of a part."""
        return self.folder / f"{part.number}.chunks"
