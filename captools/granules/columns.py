"""How a dataset of an instrument file gives one value for each row.

Most are columns as they stand. Others have a value for each point and, say,
cycle: then each of these is a row, and what is told of a point or a cycle alone
is repeated.
"""

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from h5py import h5d, h5g, h5s

from captools.geo.conditions import Formula
from captools.io.columns import RowSelection, StoredColumn
from captools.io.hdf5 import attribute
from captools.products import Column

Selection = RowSelection | None  # of rows, or all


class NoColumnError(ValueError):
    """A dataset does not give the values that the product says; why."""


class Source(Protocol):
    """What gives one value for each row, as `StoredColumn` does."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fill_value: np.generic | None

    def attribute(self, name: str) -> str:
        """Return an attribute as text, "" if there is none."""
        ...

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows, with NaN for fills of floats; one of `DAMAGE` if they cannot be read."""
        ...

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        ...


class StoredMatrix(StoredColumn):
    """A dataset of shape (n, m), row by row as one column of n·m values, or one of its columns.

    Parameters
    ----------
    dataset : h5d.DatasetID
        The dataset.
    pick : int, optional
        The column that is wanted.
    """

    def __init__(self, dataset: h5d.DatasetID, pick: int | None = None) -> None:
        super().__init__(dataset)
        self._wide = dataset.shape
        self._pick_column = pick
        self.shape = (math.prod(self._wide) if pick is None else self._wide[0],)

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield nothing: what is read is fetched as HDF5 asks for it."""
        return iter(())

    def _inflated(self, rows: Selection) -> None:
        """Leave it to HDF5."""

    def _through_hdf5(self, rows: Selection) -> np.ndarray:
        self._check_storage()
        values = np.empty(self._wide, self.dtype)
        if values.size:
            self._dataset.read(h5s.ALL, h5s.ALL, values)
        values = values.ravel() if self._pick_column is None else values[:, self._pick_column]
        return values.copy() if rows is None else values[rows.rows]


class Changed:
    """A source as it is, but for its values; what is made of others stands on this."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.dtype = source.dtype
        self.shape = source.shape
        self.fill_value = source.fill_value

    def attribute(self, name: str) -> str:
        """Return an attribute as text, "" if there is none."""
        return self._source.attribute(name)

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        return self._source.extents(rows)

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows, with NaN for fills of floats."""
        return self._source.read(rows)


class Repeated(Changed):
    """What is told of each point, `count` times, or of each column, for `count` points."""

    def __init__(self, source: Source, count: int, is_along: bool) -> None:
        super().__init__(source)
        self._count, self._is_along = count, is_along
        self.shape = (source.shape[0] * count,)

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes of all rows lie."""
        return self._source.extents()

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows, with NaN for fills of floats."""
        values = self._source.read()
        at = np.arange(self.shape[0]) if rows is None else rows.rows
        return values[at % len(values) if self._is_along else at // self._count]


class Scaled(Changed):
    """Numbers packed as CF says: ``stored * scale_factor + add_offset``, with NaN for fills."""

    def __init__(self, source: Source, scale: float, offset: float, fills: set[float]) -> None:
        super().__init__(source)
        self._scale, self._offset, self._fills = scale, offset, fills
        self.dtype = np.dtype("f8")
        self.fill_value = None

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows as doubles, with NaN for fills."""
        stored = self._source.read(rows)
        values = stored * self._scale + self._offset
        values[np.isin(stored, list(self._fills))] = np.nan
        return values


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
        """Return nothing: the table of the product tells it."""
        return ""

    def extents(self, rows: Selection = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        for source in self._sources.values():
            yield from source.extents(rows)

    def read(self, rows: Selection = None) -> np.ndarray:
        """Return rows as doubles, NaN where one of the sources has no value."""
        return self._formula.of({name: _known(one, rows) for name, one in self._sources.items()})


def _known(source: Source, rows: Selection) -> np.ndarray:
    """Return rows with NaN for fills, of whole numbers too."""
    values = source.read(rows)
    if source.fill_value is None or values.dtype.kind == "f":
        return values
    return np.where(values == source.fill_value, np.nan, values)


def rowwise(
    dataset: h5g.GroupID | h5d.DatasetID,
    column: Column,
    repeat: int,
    length: int | None,
    descriptor: int | None,
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

    Raises
    ------
    NoColumnError
        If it is of another shape, or not of numbers.
    """
    source = _unpacked(_stored(dataset, column, repeat, descriptor), dataset)
    if column.axis == "k":
        return Repeated(source, (length or 0) // max(1, repeat), is_along=True)
    if column.axis == "n" and repeat != 1:
        return Repeated(source, repeat, is_along=False)
    return source


def _stored(
    dataset: h5g.GroupID | h5d.DatasetID, column: Column, repeat: int, descriptor: int | None
) -> StoredColumn:
    shape = dataset.shape if isinstance(dataset, h5d.DatasetID) else None
    if column.axis == "nk" or column.pick is not None:
        if shape is None or len(shape) != 2:
            raise NoColumnError(f"has the shape {shape}, not (n, k)")
        if column.axis == "nk" and shape[1] != repeat:
            raise NoColumnError(f"has the shape {shape}, not (n, {repeat})")
        if column.pick is not None and column.pick >= shape[1]:
            raise NoColumnError(f"has the shape {shape}: there is no column {column.pick}")
        stored: StoredColumn = StoredMatrix(dataset, column.pick)
    else:
        if shape is None or len(shape) != 1:
            told = f" but has the shape {shape}" if shape else ""
            raise NoColumnError(f"is not a column (a dataset with one dimension){told}")
        if column.axis == "k" and shape[0] != repeat:
            raise NoColumnError(f"has the shape {shape}, not ({repeat},)")
        stored = StoredColumn(dataset, descriptor)
    if stored.dtype.kind not in "iufb" or stored.dtype.itemsize > 8:
        raise NoColumnError(f"is not a column of numbers ({stored.dtype})")
    return stored


def _unpacked(source: Source, dataset: h5d.DatasetID) -> Source:
    """Return a source with its values unpacked, if the dataset says how."""
    scale, offset = (attribute(dataset, name) for name in ("scale_factor", "add_offset"))
    if not scale.size and not offset.size:
        return source
    fills = [attribute(dataset, name) for name in ("_FillValue", "missing_value")]
    return Scaled(
        source,
        float(scale.flat[0]) if scale.size else 1.0,
        float(offset.flat[0]) if offset.size else 0.0,
        {number.item() for named in fills for number in named.flat},
    )
