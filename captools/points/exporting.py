"""Exporting flat files: their rows as GeoParquet or CSV, through pyarrow."""

import csv
import io
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import deflate

from captools.engine.crew import Crew
from captools.extras import require
from captools.flat.collection import Collection
from captools.flat.endings import check_ending
from captools.flat.parts import Part, RowReader, cut, each_part
from captools.flat.places import USUAL, PlaceNames
from captools.flat.table import Table, column_names
from captools.io.atomic import (
    CUT_OFF,
    Outputs,
    appearing,
    attempt,
    check_is_file,
    hidden_folder,
    output_error,
)
from captools.points.arrow import column, schema_of
from captools.points.geoparquet import PLACES, write_geoparquet
from captools.points.partitions import check_folder, key_of, write_partitions

CSV_ROWS = 1 << 16  # turned to text at a time
PART_ROWS = 1 << 19  # of the inputs, turned to text by one worker


@dataclass(frozen=True)
class ExportOptions:
    """What is exported; the fields are the options of the same names."""

    variables: str | Iterable[str] | None = None
    mode: str = "all"  # of the columns: all, common or union
    all_rows: bool = False
    place_names: PlaceNames = USUAL
    by: str | None = None  # what each file of a folder is of: cycle or tile


def export_files(
    files: Iterable[str | Path], output: Path, options: ExportOptions, crew: Crew
) -> Outputs:
    """Export; see the step `export`."""
    write = _writer(output, options.by)
    names = None if options.variables is None else column_names(options.variables)
    places = [name for pair in PLACES for name in pair] if write is write_geoparquet else []
    needed = None if names is None else dict.fromkeys([*names, *places])
    key = partial(key_of, by=options.by) if options.by else None
    wanted = options.mode, needed, options.all_rows, options.place_names
    collection = Collection(files, *wanted, key)
    collection.warn_of_overlaps()
    if names is None:
        names = list(collection.dtypes)
    collection.check_columns(names)
    if options.by:
        written = write_partitions(collection, names, output, options.by, crew)
    else:
        write(collection, names, output, crew)
        written = Outputs([output])
    written.rows_in, written.rows_out = collection.total_in, collection.total
    written.removed = collection.removed
    return written


def _writer(output: Path, by: str | None) -> Callable[[Collection, list[str], Path, Crew], None]:
    """Return what writes files of this name, or a folder of them; ValueError if there is none."""
    if by:
        check_folder(output, by)
        require("export", "pyarrow")
        return write_geoparquet
    check_ending(output, "export")
    kinds = {".parquet": write_geoparquet, ".csv.gz": _write_csv, ".csv": _write_csv}
    ending = next((one for one in kinds if output.name.endswith(one)), None)
    if ending is None:
        endings = ", ".join(kinds)
        raise ValueError(f"output {output}: give a name that ends in {endings}, or --by")
    check_is_file(output)
    require("export", "pyarrow")
    return kinds[ending]


# --- CSV --------------------------------------------------------------------------


def _write_csv(collection: Collection, names: list[str], output: Path, crew: Crew) -> None:
    """Write a line of names, then the rows in order."""
    parts = cut(collection.files, PART_ROWS)
    head = io.StringIO()
    csv.writer(head, lineterminator="\n").writerow(names)
    with appearing(output) as file, hidden_folder(output) as folder:
        as_text = _AsText(collection.reader, tuple(names), folder, output)
        file.write(as_text.stored(head.getvalue().encode()))
        for _, (written, size) in each_part(crew, as_text, parts):
            stop = file.tell() + size
            with open(written, "rb") as text:
                shutil.copyfileobj(text, file)
            if file.tell() != stop:
                raise OSError(CUT_OFF)
            written.unlink()


@dataclass(frozen=True)
class _AsText:
    """Turns parts to lines of text."""

    reader: RowReader
    names: tuple[str, ...]
    folder: Path
    output: Path

    def __call__(self, part: Part) -> tuple[Path, int]:
        """Return a file with the lines of a part, and its size."""
        path = self.folder / str(part.number)
        try:
            with attempt(path) as own, open(own, "wb") as file:
                for table in self.reader.tables(part.spans, self.names):
                    for start in range(0, table.rows, CSV_ROWS):
                        lines = self._lines(table.where(slice(start, start + CSV_ROWS)))
                        file.write(self.stored(lines))
                size = file.tell()
        except OSError as error:
            raise output_error(self.output, error) from None
        return path, size

    def stored(self, text: bytes) -> bytes:
        """Return text as it is stored, compressed without name and time: same input, same bytes."""
        is_packed = self.output.name.endswith(".gz")
        return deflate.gzip_compress(text, 6) if is_packed else text

    def _lines(self, table: Table) -> bytes:
        import pyarrow as pa
        from pyarrow.csv import WriteOptions, write_csv

        dtypes = {name: table.columns[name].dtype for name in self.names}
        fills = {name: table.column_attrs[name].get("_FillValue") for name in self.names}
        columns = [column(table.columns[name], fill) for name, fill in fills.items()]
        schema = schema_of(dtypes, table.column_attrs)
        text = pa.BufferOutputStream()
        write_csv(pa.record_batch(columns, schema=schema), text, WriteOptions(include_header=False))
        return text.getvalue().to_pybytes()
