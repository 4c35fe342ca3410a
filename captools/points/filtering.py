"""Filtering a flat file: rows stream through conditions into a new file."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from captools.errors import InputError
from captools.flat.buckets import Buckets
from captools.flat.extent import Extent
from captools.flat.header import header
from captools.flat.reader import FlatFile
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import masks, select
from captools.geo.conditions import Condition
from captools.geo.time import parse_span, plain_time
from captools.io.address import Url
from captools.io.atomic import Outputs, check_outputs, output_error

HEIGHT = "height"  # as a column: the one that the header names
HEAP = 1 << 18  # rows whose outliers are looked for together


@dataclass(frozen=True)
class Outliers:
    """What an outlier is, of which column."""

    column: str
    cell: float  # km
    window: float  # years
    nmad: float
    min_obs: int
    sparse: str  # "keep" or "drop"

    def __post_init__(self) -> None:
        """Raise ValueError if a value is none of those allowed."""
        sizes = (self.cell >= 0.01, self.window >= 1e-3, self.nmad > 0, self.min_obs >= 1)
        if not all(sizes) or self.sparse not in ("keep", "drop"):
            raise ValueError(f"outliers cannot be sought so: {asdict(self)}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it takes to tell."""
        return ("x", "y", "t_year", self.column)


@dataclass(frozen=True)
class FilterOptions:
    """The conditions that rows must meet; the fields are the options of the same names."""

    where: str | None = None
    finite: str | Iterable[str] | None = None
    bbox: tuple[float, float, float, float] | None = None
    span: tuple[str | float, str | float] | None = None
    mask: str | Path | None = None
    outliers: Outliers | None = None
    compression: str = "none"

    def __post_init__(self) -> None:
        """Bring the values into plain types; ValueError if one is wrong."""
        if self.bbox is not None:
            object.__setattr__(self, "bbox", select.check_box(self.bbox))
        if self.span is not None:
            object.__setattr__(self, "span", tuple(map(plain_time, self.span)))
        words = self.finite.split(",") if isinstance(self.finite, str) else self.finite or ()
        object.__setattr__(self, "finite", tuple(filter(None, map(str.strip, words))))

    def options(self) -> dict[str, object]:
        """Return the options for the header of a flat file, without paths."""
        told = asdict(self) | {"mask": self.mask and Path(self.mask).name}
        return {name: value for name, value in told.items() if value}

    @cached_property
    def conditions(self) -> dict[str, tuple[tuple[str, ...], Callable]]:
        """The conditions but for outliers, by name: their columns, and what tells the rows.

        In the order in which they are applied.
        """
        told: dict[str, tuple[tuple[str, ...], Callable]] = {}
        if self.bbox is not None:
            told["box"] = ("lon", "lat"), lambda lon, lat: select.in_box(lon, lat, self.bbox)
        if self.span is not None:
            span = parse_span(self.span)
            told["time"] = ("t_gps",), lambda t_gps: select.in_span(t_gps, span)
        if self.mask is not None:
            told["mask"] = ("lon", "lat"), masks.load(self.mask).contains
        for name in self.finite:
            told[f"finite {name}"] = (name,), np.isfinite
        if self.where is not None:
            where = Condition(self.where)
            told["where"] = (
                where.columns,
                lambda *values: where.holds(dict(zip(where.columns, values, strict=True))),
            )
        return told

    @property
    def columns(self) -> list[str]:
        """All columns that any condition needs."""
        needed = [name for names, _ in self.conditions.values() for name in names]
        return list(dict.fromkeys([*needed, *(self.outliers.columns if self.outliers else ())]))


class Block:
    """Rows of a flat file in memory, of which each column is read when it is needed."""

    def __init__(self, file: FlatFile, rows: slice) -> None:
        self.path = file.path
        self._file = file
        self._rows = rows
        self._read: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self._rows.stop - self._rows.start

    def column(self, name: str) -> np.ndarray:
        """Return all rows of a column."""
        if name not in self._read:
            self._read[name] = self._file.read(name, self._rows)
        return self._read[name]

    def table(self, rows: np.ndarray) -> Table:
        """Return some rows of all columns."""
        columns = {name: self.column(name)[rows] for name in self._file.columns}
        return Table(columns, {name: self._file.attributes(name) for name in columns})


def filter_file(path: Path | Url, outdir: Path, request: FilterOptions) -> Outputs:
    """Write the rows of a flat file that meet all conditions; see the step `filter`."""
    check_outputs([outdir], [path])
    with FlatFile(path) as file, FlatWriter(outdir, request.compression) as batch:
        file.warn_if_foreign()
        request = _of_heights(request, file)
        file.check_columns(request.columns)
        batch.written.rows_in = file.rows
        removed, extent = Counter(), Extent()
        stream = batch.stream(path.name)
        for block, keep in _kept(file, request, removed, outdir):
            rows = np.flatnonzero(keep)
            if len(rows):
                table = block.table(rows)
                extent.add(table.columns)
                stream.append(table)
        attrs = header(file.header, "filter", request.options(), file.rows, extent)
        stream.finish(attrs, file.private())
        batch.written.removed = dict(removed)
        file.check_unchanged()
    return batch.written


def _of_heights(request: FilterOptions, file: FlatFile) -> FilterOptions:
    """Return the request with the outliers those of the file's height, if that is asked for."""
    told = request.outliers
    if told is None or told.column != HEIGHT or HEIGHT in file.columns:
        return request
    return replace(request, outliers=replace(told, column=file.height))


def _kept(
    file: FlatFile, request: FilterOptions, removed: Counter, folder: Path
) -> Iterator[tuple[Block, np.ndarray]]:
    """Yield the blocks of a file, and which of their rows are kept."""
    if request.outliers is None:
        for rows in file.ranges():
            block = Block(file, rows)
            yield block, _meet(block, request, removed)
        return
    with tempfile.TemporaryFile(dir=folder) as place:
        try:  # room for all of it now: a full disk later would kill the process
            os.posix_fallocate(place.fileno(), 0, max(1, file.rows))
        except OSError as error:
            raise output_error(folder, error) from None
        keep = np.memmap(place, bool, mode="w+", shape=file.rows) if file.rows else np.empty(0)
        _mark(file, request, removed, folder, keep)
        for rows in file.ranges():
            yield Block(file, rows), keep[rows]


def _meet(block: Block, request: FilterOptions, removed: Counter) -> np.ndarray:
    """Tell which rows meet all conditions but the one on outliers, and count the others."""
    keep = np.ones(len(block), dtype=bool)
    for name, (columns, holds) in request.conditions.items():
        left = np.count_nonzero(keep)
        try:
            keep &= holds(*(block.column(column) for column in columns))
        except ValueError as error:
            raise InputError(f"{block.path}: {error}") from None
        removed[name] += int(left - np.count_nonzero(keep))
    return keep


def _mark(
    file: FlatFile, request: FilterOptions, removed: Counter, folder: Path, keep: np.ndarray
) -> None:
    """Write into `keep` which rows of a file meet all conditions.

    The rows of a cell must come together, and these may be anywhere in the
    file: they go to heaps by cell, as many as keep a heap small.
    """
    told = request.outliers
    heaps = file.rows // HEAP | 1  # odd: the last bits of a cell's number are those of its time
    with Buckets(folder) as buckets:
        for rows in file.ranges():
            block = Block(file, rows)
            keep[rows] = _meet(block, request, removed)
            x, y, t_year, values = map(block.column, told.columns)
            known = keep[rows] & np.isfinite(x + y + t_year + values)
            cells = select.cells(x[known], y[known], t_year[known], told.cell * 1e3, told.window)
            buckets.add(
                cells % heaps,
                {
                    "row": np.arange(rows.start, rows.stop)[known],
                    "cell": cells,
                    "value": values[known].astype("f8"),
                },
            )
        for heap in buckets.heaps():
            for table in buckets.blocks(heap, buckets.rows[heap]):
                row, cell, value = table.columns.values()
                far, count = select.far_from_median(value, cell, told.nmad)
                few = count < told.min_obs
                far &= ~few
                removed["outliers"] += int(np.count_nonzero(far))
                if told.sparse == "drop":
                    removed["sparse cells"] += int(np.count_nonzero(few))
                    far |= few
                keep[row[far]] = False
