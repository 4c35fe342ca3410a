"""Filtering a flat file: rows stream through conditions into a new file."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from captools.errors import InputError
from captools.flat.extent import Extent
from captools.flat.header import header
from captools.flat.places import PlaceNames
from captools.flat.reader import FlatFile
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import masks, select
from captools.geo.conditions import Condition
from captools.geo.time import parse_span, plain_time
from captools.io.address import Url
from captools.io.atomic import Outputs, check_outputs, output_error
from captools.limits import Limits
from captools.points.outliers import Cells, Outliers
from captools.points.values import masked, with_nan

HEIGHT = "height"  # stands for the column that the header names as the height


@dataclass(frozen=True)
class FilterOptions:
    """The conditions that rows must meet; the fields are the options of the same names."""

    where: str | None = None
    finite: str | Iterable[str] | None = None
    bbox: tuple[float, float, float, float] | None = None
    extent: tuple[float, float, float, float] | None = None
    span: tuple[str | float, str | float] | None = None
    mask: str | Path | None = None
    mask_where: str | None = None
    buffer: float | None = None
    invert: bool = False
    outliers: Outliers | None = None
    lonlat: str | Iterable[str] | None = None
    xy: str | Iterable[str] | None = None
    compression: str = "none"

    def __post_init__(self) -> None:
        """Bring the values into plain types; ValueError if one is wrong."""
        if self.bbox is not None:
            object.__setattr__(self, "bbox", select.check_box(self.bbox))
        if self.extent is not None:
            object.__setattr__(self, "extent", select.check_extent(self.extent))
        if self.span is not None:
            object.__setattr__(self, "span", tuple(map(plain_time, self.span)))
        words = self.finite.split(",") if isinstance(self.finite, str) else self.finite or ()
        object.__setattr__(self, "finite", tuple(filter(None, map(str.strip, words))))
        self._mask()

    def options(self) -> dict[str, object]:
        """Return the options for the header of a flat file, without paths."""
        mask, outliers = self.mask and Path(self.mask).name, self.outliers
        options = asdict(self) | {"mask": mask, "outliers": outliers and outliers.options()}
        options |= asdict(self.place_names)
        return {name: value for name, value in options.items() if value}

    @cached_property
    def place_names(self) -> PlaceNames:
        """The columns that are places."""
        return PlaceNames.of(self.lonlat, self.xy)

    @cached_property
    def conditions(self) -> dict[str, tuple[tuple[str, ...], Callable]]:
        """The conditions but for outliers, by name, in the order in which they are applied.

        Of each, the columns that it needs, and what returns of their values which rows meet it.
        """
        conditions: dict[str, tuple[tuple[str, ...], Callable]] = {}
        if self.bbox is not None:
            conditions["box"] = ("lon", "lat"), partial(select.in_box, bbox=self.bbox)
        if self.extent is not None:
            conditions["extent"] = ("x", "y"), partial(select.in_extent, extent=self.extent)
        if self.span is not None:
            conditions["time"] = ("t_gps",), partial(select.in_span, span=parse_span(self.span))
        if (mask := self._mask()) is not None:
            conditions["mask"] = ("lon", "lat"), mask.contains
        for name in self.finite:
            conditions[f"finite {name}"] = (name,), np.isfinite
        if self.where is not None:
            where = Condition(self.where)
            conditions["where"] = (
                where.columns,
                lambda *values: where.holds(dict(zip(where.columns, values, strict=True))),
            )
        return conditions

    def _mask(self) -> masks.Mask | None:
        return masks.check(self.mask, self.mask_where, self.buffer, self.invert)

    @property
    def columns(self) -> list[str]:
        """All columns that any condition needs."""
        needed = [name for names, _ in self.conditions.values() for name in names]
        return list(dict.fromkeys([*needed, *(self.outliers.columns if self.outliers else ())]))


class Block:
    """Rows of a flat file; each column is read when it is needed, and then kept."""

    def __init__(self, file: FlatFile, rows: slice) -> None:
        self.file = file
        self.rows = rows
        self._read: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self.rows.stop - self.rows.start

    def column(self, name: str) -> np.ndarray:
        """Return all rows of a column."""
        if name not in self._read:
            self._read[name] = self.file.read(name, self.rows)
        return self._read[name]

    def masked(self, name: str) -> np.ndarray:
        """Return all rows of a column, of whole numbers masked where they have no value."""
        return masked(self.column(name), self.file.attributes(name))

    def numbers(self, name: str) -> np.ndarray:
        """Return all rows of a column, NaN where they have no value."""
        return with_nan(self.masked(name))

    def table(self, rows: np.ndarray) -> Table:
        """Return some rows of all columns."""
        columns = {name: self.column(name)[rows] for name in self.file.columns}
        return Table(columns, {name: self.file.attributes(name) for name in columns})


def filter_file(path: Path | Url, outdir: Path, request: FilterOptions) -> Outputs:
    """Write the rows of a flat file that meet all conditions; see the step `filter`."""
    check_outputs([outdir], [path])
    with (
        FlatFile(path, request.place_names) as file,
        FlatWriter(outdir, request.compression) as batch,
    ):
        file.warn_if_foreign()
        request = _of_heights(request, file)
        file.check_columns(request.columns)
        _check_fills(request, file)
        batch.written.rows_in = file.rows
        removed, extent, lies = Counter(), Extent(), batch.written.lies
        stream = batch.stream(path.name)
        for block, keep in _kept(file, request, removed, outdir):
            _widen(lies, block, request)
            rows = np.flatnonzero(keep)
            if len(rows):
                table = block.table(rows)
                extent.add(table.columns)
                stream.append(table)
        attrs = header(file.header, "filter", request.options(), file.rows, extent)
        stream.finish(attrs, file.private())
        batch.written.removed = dict(removed)
        if removed["box"] + removed["extent"] < file.rows:
            lies.clear()
        file.check_unchanged()
    return batch.written


def _widen(lies: Limits, block: Block, request: FilterOptions) -> None:
    """Take in where the rows of a block are, if a box is asked for."""
    if request.bbox is not None:
        lies.add("lon", block.numbers("lon"))
        lies.add("lat", block.numbers("lat"))
    if request.extent is not None:
        lies.add("x", block.numbers("x"))
        lies.add("y", block.numbers("y"))


def _check_fills(request: FilterOptions, file: FlatFile) -> None:
    """Raise InputError if a column is compared with what stands for no value in it.

    Such rows have no value: they would meet ``!=``, and never ``==``.
    """
    for name, number in Condition(request.where).equated if request.where else ():
        if number == file.columns[name].fill_value:
            raise InputError(
                f"{file.path}: {name}: {number:g} stands for no value: --finite {name} keeps the "
                "rows that have one"
            )


def _of_heights(request: FilterOptions, file: FlatFile) -> FilterOptions:
    """Return the request, with the name of the file's height column for ``height``."""
    outliers = request.outliers
    if outliers is None or outliers.column != HEIGHT or HEIGHT in file.columns:
        return request
    return replace(request, outliers=replace(outliers, column=file.height))


def _kept(
    file: FlatFile, request: FilterOptions, removed: Counter, folder: Path
) -> Iterator[tuple[Block, np.ndarray]]:
    """Yield the blocks of a file, and which of their rows are kept."""
    if request.outliers is None:
        for rows in file.ranges():
            block = Block(file, rows)
            yield block, _meet(block, request, removed)
        return
    with tempfile.TemporaryFile(dir=folder) as flags:
        try:  # reserved now, since a disk that is full later would kill the process
            os.posix_fallocate(flags.fileno(), 0, max(1, file.rows))
        except OSError as error:
            raise output_error(folder, error) from None
        keep = np.memmap(flags, bool, mode="w+", shape=file.rows) if file.rows else np.empty(0)
        _mark(file, request, removed, folder, keep)
        for rows in file.ranges():
            yield Block(file, rows), keep[rows]


def _meet(block: Block, request: FilterOptions, removed: Counter) -> np.ndarray:
    """Return which rows meet all conditions but that on outliers; count those that do not."""
    keep = np.ones(len(block), dtype=bool)
    for name, (columns, holds) in request.conditions.items():
        left = np.count_nonzero(keep)
        try:
            read = block.masked if name == "where" else block.numbers
            keep &= holds(*map(read, columns))
        except ValueError as error:
            raise InputError(f"{block.file.path}: {error}") from None
        removed[name] += int(left - np.count_nonzero(keep))
    return keep


def _mark(
    file: FlatFile, request: FilterOptions, removed: Counter, folder: Path, keep: np.ndarray
) -> None:
    """Write into `keep` which rows of a file meet all conditions."""
    with Cells(folder, request.outliers, file.rows) as cells:
        for rows in file.ranges():
            block = Block(file, rows)
            keep[rows] = _meet(block, request, removed)
            cells.add(rows.start, keep[rows], *map(block.numbers, request.outliers.columns))
        for gone, why in cells.outlying():
            keep[gone] = False
            removed[why] += len(gone)
