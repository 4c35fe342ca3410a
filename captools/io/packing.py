"""Sources of one value for each row, and numbers that attributes say how to unpack."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from captools.io.columns import StoredColumn
from captools.io.rows import Rows


class Source(Protocol):
    """What gives one value for each row, as `StoredColumn` does."""

    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def fill_value(self) -> np.generic | None:
        """What stands for no value in a column of whole numbers, None if nothing does."""
        ...

    def attribute(self, name: str) -> str:
        """Return an attribute as text, "" if there is none."""
        ...

    def read(self, rows: Rows = None) -> np.ndarray:
        """Return rows, with NaN for fills of floats; one of `DAMAGE` if they cannot be read."""
        ...

    def extents(self, rows: Rows = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        ...


class Changed:
    """A source made of another one, whose values it changes."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.dtype = source.dtype
        self.shape = source.shape
        self.fill_value: np.generic | None = source.fill_value

    def attribute(self, name: str) -> str:
        """Return an attribute as text, "" if there is none."""
        return self._source.attribute(name)

    def extents(self, rows: Rows = None) -> Iterator[tuple[int, int]]:
        """Yield where in the file the bytes lie that hold the rows: from, up to."""
        return self._source.extents(rows)

    def read(self, rows: Rows = None) -> np.ndarray:
        """Return rows, with NaN for fills of floats."""
        return self._source.read(rows)


class Scaled(Changed):
    """Numbers packed as CF says: ``stored * scale_factor + add_offset``, with NaN for fills."""

    def __init__(self, source: Source, scale: float, offset: float) -> None:
        super().__init__(source)
        self._scale, self._offset = scale, offset
        self.dtype = np.dtype("f8")
        self.fill_value = None

    def read(self, rows: Rows = None) -> np.ndarray:
        """Return rows as doubles, with NaN for fills."""
        stored = known(self._source.read(rows), self._source.fill_value)
        return stored.astype("f8", copy=False) * self._scale + self._offset


class Unsigned(Changed):
    """Whole numbers that are stored with a sign but have none, as netCDF's ``_Unsigned`` says."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.dtype = np.dtype(source.dtype.str.replace("i", "u"))
        if source.fill_value is not None:
            self.fill_value = source.fill_value.astype(self.dtype)

    def read(self, rows: Rows = None) -> np.ndarray:
        """Return rows."""
        return self._source.read(rows).view(self.dtype)


def known(values: np.ndarray, fill: np.generic | None) -> np.ndarray:
    """Return values, as doubles with NaN where whole numbers are the fill, if any is."""
    missing = np.ma.getmaskarray(masked(values, fill))
    return np.where(missing, np.nan, values.astype("f8")) if missing.any() else values


def masked(values: np.ndarray, fill: np.generic | None) -> np.ndarray:
    """Return values, of whole numbers masked where they are the fill, if there is one."""
    if fill is None or values.dtype.kind not in "iu":
        return values
    return np.ma.masked_array(values, values == fill)


def unpacked(stored: StoredColumn) -> Source:
    """Return a column with its values unpacked, if its attributes say how."""
    scale, offset = stored.value("scale_factor"), stored.value("add_offset")
    source: Source = stored
    if stored.dtype.kind == "i" and stored.attribute("_Unsigned").lower() == "true":
        source = Unsigned(stored)
    if not scale.size and not offset.size:
        return source
    return Scaled(
        source,
        float(scale.flat[0]) if scale.size else 1.0,
        float(offset.flat[0]) if offset.size else 0.0,
    )
