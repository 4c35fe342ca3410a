"""How a dataset of an instrument file gives one value for each row.

Most are columns as they stand. Others have a value for each point and, say,
cycle: then each of these is a row, and the values of a point or of a cycle are
repeated. Those of a lower rate are mapped to the points by an index.
"""

from collections.abc import Iterator

import numpy as np
from h5py import h5d, h5g

from captools.geo.conditions import Formula
from captools.io.columns import StoredColumn
from captools.io.hdf5 import REMEDY
from captools.io.matrix import StoredMatrix
from captools.io.packing import Changed, Source, masked, unpacked
from captools.io.rows import RowSelection
from captools.products import Column

Selection = RowSelection | None  # of rows, or all


class NoColumnError(ValueError):
    """A dataset does not give the values that the product says; why."""


class Repeated(Changed):
    """The values of points, `count` times each, or those of columns, for `count` points."""

    def __init__(self, source: Source, count: int, is_along: bool) -> None:
        super().__init__(source)
        self._count, self._is_along = count, is_along
        self.shape = (source.shape[0] * count,)

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        return self._source.extents(self._points(rows))

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows, with NaN for fills of floats."""
        points = self._points(rows)
        values = self._source.read(points)
        at = np.arange(self.shape[0]) if rows is None else rows.rows
        if self._is_along:
            return values[at % len(values)]
        at = at // self._count
        return values[at if points is None else np.searchsorted(points.rows, at)]

    def _points(self, rows: Selection) -> Selection:
        """Return the points that the rows are of; of columns all are needed."""
        if rows is None or self._is_along:
            return None
        return RowSelection(np.unique(rows.rows // self._count))


class Mapped(Changed):
    """Values of a lower rate, such as 1 Hz: each row takes the one that its index names.

    A row whose index is a fill has no value.
    """

    def __init__(self, source: Source, index: Source) -> None:
        if index.dtype.kind not in "iu":
            raise NoColumnError(f"is mapped by what is no index ({index.dtype})")
        super().__init__(source)
        self._index = index
        self.shape = index.shape

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes of the index lie, and those of all values."""
        yield from self._index.extents(rows)
        yield from self._source.extents()

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows, with NaN for fills of floats."""
        values, at = self._source.read(), self._index.read(rows)
        fill = self._index.fill_value
        is_known = np.full(len(at), True) if fill is None else at != fill
        at = at[is_known]
        if np.any((at < 0) | (at >= len(values))):
            raise ValueError(f"the index names others than its {len(values)} values")
        none = np.nan if self.dtype.kind == "f" else self.fill_value
        if none is None and not is_known.all():
            raise ValueError("rows have no index, and there is no fill value")
        mapped = np.full(len(is_known), 0 if none is None else none, self.dtype)
        mapped[is_known] = values[at]
        return mapped


class Wrapped(Changed):
    """Longitudes of 0 to 360 degrees, as those of -180 to 180."""

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows."""
        values = super().read(rows)
        return np.where(values > 180, values - 360, values)


class Computed:
    """What a formula makes of other sources of one length."""

    fill_value = None

    def __init__(self, formula: str, sources: dict[str, Source]) -> None:
        self._formula, self._sources = Formula(formula), sources
        self.dtype = np.dtype("f8")
        self.shape = next(iter(sources.values())).shape

    def attribute(self, name: str) -> str:
        """Return nothing: the table of the product has it."""
        return ""

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        for source in self._sources.values():
            yield from source.extents(rows)

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows as doubles, NaN where one of the sources has no value."""
        return self._formula.of(
            {name: masked(one.read(rows), one.fill_value) for name, one in self._sources.items()}
        )


def rowwise(
    dataset: h5g.GroupID | h5d.DatasetID,
    column: Column,
    repeat: int,
    length: int | None,
    descriptor: int | None,
    index: Source | None = None,
) -> Source:
    """Return a dataset as what gives one value for each row, unpacked.

    Parameters
    ----------
    dataset : h5d.DatasetID
        What stands where the column should be.
    column : Column
        What it should be.
    repeat : int
        Rows of a point.
    length : int, optional
        Rows of the track, if they are known.
    descriptor : int, optional
        Of the file, if it is on this machine.
    index : Source, optional
        Of a column that is mapped: which of its values each row has.

    Raises
    ------
    NoColumnError
        If it is of another shape, or not of numbers.
    """
    points = None if length is None else length // max(1, repeat)
    shape = dataset.shape if isinstance(dataset, h5d.DatasetID) else None
    _check_shape(shape, column, points, repeat)
    source = unpacked(_stored(dataset, shape, column, descriptor))
    if index is not None:
        return Mapped(source, index)
    if column.axis == "k":
        return Repeated(source, points or 0, is_along=True)
    if column.axis == "n" and repeat != 1:
        return Repeated(source, repeat, is_along=False)
    return source


def _check_shape(
    shape: tuple[int, ...] | None, column: Column, points: int | None, width: int
) -> None:
    """Refuse what has not so many points, if that is known, or not so many values of each."""
    if column.axis == "nk" or column.pick is not None:
        if shape is None or len(shape) != 2:
            raise NoColumnError(f"has the shape {shape}, not (n, k)")
        wanted = shape[0] if points is None else points, width if column.pick is None else shape[1]
        if shape != wanted:
            raise NoColumnError(f"has the shape {shape}, not {wanted}; {REMEDY}")
        if column.pick is not None and column.pick >= shape[1]:
            raise NoColumnError(f"has the shape {shape}: there is no column {column.pick}")
    elif shape is None or len(shape) != 1:
        but = f" but has the shape {shape}" if shape else ""
        raise NoColumnError(f"is not a column (a dataset with one dimension){but}")
    elif column.axis == "k" and shape[0] != width:
        raise NoColumnError(f"has the shape {shape}, not ({width},)")


def _stored(
    dataset: h5d.DatasetID, shape: tuple[int, ...], column: Column, descriptor: int | None
) -> StoredColumn:
    """Return what reads a dataset of numbers as it stands."""
    dtype = dataset.dtype
    if dtype.kind not in "iufb" or dtype.itemsize > 8:
        raise NoColumnError(f"is not a column of numbers ({dtype})")
    fill = None if column.fill is None else _fill_of(dtype, column.fill)
    if column.axis == "nk" or column.pick is not None:
        return StoredMatrix(dataset, column.pick, fill)
    return StoredColumn(dataset, descriptor, fill, shape)


def _fill_of(dtype: np.dtype, number: float) -> np.generic:
    """Return the fill value that a table states, as a dataset of this dtype has it."""
    with np.errstate(over="ignore"):
        fill = np.asarray(number).astype(dtype)[()]
    if not (np.isfinite(fill) if dtype.kind == "f" else fill == number):
        raise NoColumnError(f"is of {dtype}, which the fill {number} of its table does not fit")
    return fill
