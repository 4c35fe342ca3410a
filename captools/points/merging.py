"""Merging flat files: rows stream from many files into one, or a few."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from captools.engine.crew import Crew
from captools.errors import InputError
from captools.flat.collection import Collection
from captools.flat.endings import check_ending
from captools.flat.extent import Extent
from captools.flat.header import header
from captools.flat.reader import FlatFile
from captools.flat.table import Table, column_names
from captools.flat.writer import CHUNK_ROWS, FlatWriter
from captools.io.atomic import Outputs, check_is_file, check_outputs
from captools.points.laying import fill
from captools.points.sorting import find_cuts, in_order, sample
from captools.process import check

STRIDE_ROWS = 1 << 12  # of a block for each time that is sampled to find where to cut
BUCKET_ROWS = 1 << 18  # sorted at a time


@dataclass(frozen=True)
class MergeOptions:
    """How files are merged; the fields are the options of the same names."""

    parts: int | None = None
    mode: str = "all"  # of the columns: all, common or union
    variables: str | Iterable[str] | None = None
    sort: bool = False
    compression: str = "none"
    all_rows: bool = False

    def __post_init__(self) -> None:
        """Bring the columns into a list; ValueError if there is none."""
        if self.variables is not None:
            object.__setattr__(self, "variables", column_names(self.variables))

    def options(self) -> dict[str, object]:
        """Return the options for the header of a flat file."""
        more = {"union": self.mode == "union", "vars": self.variables, "all_rows": self.all_rows}
        return {
            "parts": self.parts,
            "common": self.mode == "common",
            "sort": self.sort,
            "compression": self.compression,
            **{name: value for name, value in more.items() if value},
        }


def merge_files(
    files: Iterable[str | Path], output: Path, options: MergeOptions, crew: Crew
) -> Outputs:
    """Merge; see the step `merge`."""
    files = list(files)
    check_ending(output, "merge")
    _check_outputs(files, output, options.parts)
    collection = Collection(files, options.mode, options.variables, options.all_rows)
    collection.check_columns(options.variables or ())
    collection.warn_of_overlaps()
    with FlatWriter(output.parent, options.compression) as batch:
        batch.written.rows_in = collection.total_in
        batch.written.removed = collection.removed
        lengths = [one for one in _lengths(output.name, collection.total, options.parts) if one[1]]
        about = About(collection, options.options())
        if lengths and (options.sort or collection.left_out):
            shares = Shares(batch, about, lengths)
            blocks = _by_time(collection, output.parent) if options.sort else collection.blocks()
            for table in blocks:
                shares.add(table)
        elif lengths:
            laid = [batch.lay(*one, collection.dtypes) for one in lengths]
            for file, extent in zip(laid, fill(crew, collection, laid, CHUNK_ROWS), strict=True):
                file.finish(about.header(extent), collection.column_attrs, about.private)
        if options.parts is not None:  # a kill shall not leave parts of both
            batch.replaced += _earlier_parts(output)
    return batch.written


def _earlier_parts(output: Path) -> Iterator[Path]:
    """Yield the parts of an earlier merge of this name, which would double the rows."""
    number = re.compile(rf"{re.escape(output.stem)}_\d\d+{re.escape(output.suffix)}")
    for path in output.parent.glob(f"*{output.suffix}"):
        if number.fullmatch(path.name) and _is_part(path):
            yield path


def _is_part(path: Path) -> bool:
    """Return whether a file is a part that `merge` wrote."""
    try:
        with FlatFile(path) as file:
            options = json.loads(str(file.attrs.get("options", "{}")))
            return file.attrs.get("step") == "merge" and options.get("parts") is not None
    except (InputError, ValueError, AttributeError, RecursionError):
        return False


def _check_outputs(files: list[str | Path], output: Path, parts: int | None) -> None:
    """Raise ValueError if an output would replace an input."""
    check_is_file(output)
    check_outputs((output.parent / name for name, _ in _lengths(output.name, 0, parts)), files)


def _lengths(name: str, total: int, parts: int | None) -> list[tuple[str, int]]:
    """Return the names of the outputs and how many rows each gets."""
    if parts is None:
        return [(name, total)]
    path, digits = Path(name), max(2, len(str(parts - 1)))
    edges = [part * total // parts for part in range(parts + 1)]
    return [
        (f"{path.stem}_{part:0{digits}d}{path.suffix}", edges[part + 1] - edges[part])
        for part in range(parts)
    ]


class About:
    """What outputs say of themselves."""

    def __init__(self, collection: Collection, options: dict) -> None:
        self._collection = collection
        self._options = options
        whole = json.dumps([collection.digest, options], sort_keys=True).encode()
        is_set = options["parts"] is not None
        self._set = {"set": hashlib.blake2b(whole, digest_size=8).hexdigest()} if is_set else {}
        self.private = {"source": np.array([name.encode() for name in collection.sources])}

    def header(self, extent: Extent) -> dict[str, object]:
        """Return the header of one of them, whose rows lie there."""
        known = self._collection
        crs = {"crs": known.crs} if known.crs else {}
        about = known.attrs | crs | self._set
        return header(about, "merge", self._options, known.total_in, extent)


class Shares:
    """The outputs, filled one after another with rows that come in their order."""

    def __init__(self, batch: FlatWriter, about: About, lengths: list[tuple[str, int]]) -> None:
        self._batch = batch
        self._about = about
        self._lengths = iter(lengths)
        self._left = 0

    def add(self, table: Table) -> None:
        """Add rows to the output that is being filled, and to the next ones if it is full."""
        check()
        while table.rows:
            if not self._left:
                name, self._left = next(self._lengths)
                self._stream, self._extent = self._batch.stream(name, chunked=True), Extent()
            part = table.where(slice(self._left)) if self._left < table.rows else table
            self._extent.add(part.columns)
            self._stream.append(part)
            self._left -= part.rows
            if not self._left:
                self._stream.finish(self._about.header(self._extent), self._about.private)
            table = table.where(slice(part.rows, None))


def _by_time(collection: Collection, folder: Path) -> Iterator[Table]:
    """Yield all rows in the order of time."""
    collection.check_columns(["t_gps"])
    time = itemgetter("t_gps")
    times = [sample(time(table.columns), STRIDE_ROWS) for table in collection.blocks(["t_gps"])]
    if not times:
        return
    cuts = find_cuts(np.concatenate(times), STRIDE_ROWS, BUCKET_ROWS)
    for table in in_order(collection.blocks(), time, cuts, folder):
        table.column_attrs = collection.column_attrs
        yield table
