"""Reading flat files: ours, older ones as if they were ours (`legacy`), and those of others."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from h5py import h5a, h5g

from captools import process
from captools.errors import CaptoolsWarning, InputError
from captools.flat import legacy, places
from captools.flat.attributes import long_attributes, root_attributes
from captools.flat.extent import check_bounds
from captools.flat.opening import NotFlatError, check_kinds, find_columns, listed, stored_sources
from captools.flat.places import USUAL, PlaceNames
from captools.flat.table import Table
from captools.io.address import Url, parse_location
from captools.io.columns import fetch_ahead
from captools.io.hdf5 import (
    DAMAGE,
    check_unchanged,
    descriptor,
    open_file,
    unreadable,
    version,
)
from captools.io.packing import Source, known
from captools.io.rows import Rows
from captools.products import identity_dtype

BLOCK_ROWS = 1 << 17  # in memory at a time: 40 MB with 40 columns of 8 bytes


@dataclass(frozen=True)
class FlatColumn:
    """A column under our name, in the dtype that it should have."""

    name: str
    dtype: np.dtype
    stored: Source
    convert: Callable[[np.ndarray], np.ndarray] | None = None

    def read(self, rows: slice | np.ndarray | None = None) -> np.ndarray:
        """Return rows of the column; one of `DAMAGE` if they cannot be read."""
        values = self.stored.read(rows)
        return values if self.convert is None else self.convert(values)

    @property
    def fill_value(self) -> np.generic | None:
        """What stands for no value in a column of whole numbers, None if nothing does."""
        return self.stored.fill_value if self.convert is None and self.dtype.kind in "iu" else None

    @cached_property
    def attributes(self) -> dict[str, object]:
        """Units, long name and, of whole numbers, fill value: those that the file gives."""
        texts = {name: self.stored.attribute(name) for name in ("units", "long_name")}
        attributes: dict[str, object] = {name: words for name, words in texts.items() if words}
        if self.fill_value is not None:
            attributes["_FillValue"] = self.fill_value
        return attributes


class FlatFile:
    """A flat file, open for reading.

    Parameters
    ----------
    path : str, Path or Url
        The file.
    place_names : PlaceNames
        The columns that are places, if the file does not call them as usual.

    Attributes
    ----------
    rows : int
        The length of its columns.
    columns : dict of str to FlatColumn
        In the order of the file.
    stored_names : list of str
        The columns as the file calls them.
    no_columns : dict of str to str
        What stands beside the columns, and why it is none.

    Raises
    ------
    InputError
        If the file is not there, is damaged, or no flat file.
    """

    def __init__(self, path: str | Path | Url, place_names: PlaceNames = USUAL) -> None:
        self.path = parse_location(path)
        self._file = open_file(self.path)
        try:
            self._root = h5g.open(self._file.id, b"/")
            self.is_ours = h5a.exists(self._root, b"captools_version")
            stored, self.no_columns = find_columns(self._root, descriptor(self._file))
            if self.is_ours:
                check_kinds(self._root, self.no_columns)
            self.rows = next(iter(stored.values())).shape[0]
            self.stored_names = list(stored)
            self.columns = self._as_ours(stored, place_names)
            if not self.is_ours or place_names != USUAL:
                self._check_units()
            if "t_year" in stored and self.columns["t_year"].stored is not stored["t_year"]:
                places.check_clock(stored["t_year"], self.columns["t_year"].stored)
        except DAMAGE as error:
            self.close()
            raise self._damage("header", error) from None
        except NotFlatError as error:
            self.close()
            raise InputError(f"{self.path}: {error}") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "FlatFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # --- what it says ---------------------------------------------------------

    @cached_property
    def attrs(self) -> dict[str, object]:
        """The header; InputError if it is damaged."""
        process.reading(os.fspath(self.path))  # it may come after rows
        try:
            return self._attributes()
        except DAMAGE as error:
            raise self._damage("header", error) from None
        finally:
            process.past_header()

    @property
    def crs(self) -> str:
        """The CRS of x and y, "" if the file does not say."""
        return str(self.attrs.get("crs", ""))

    @property
    def source(self) -> str:
        """The name of the granule it comes from."""
        return str(self.attrs.get("source", "")) or self.path.name

    @cached_property
    def sources(self) -> list[str]:
        """The names of all granules it comes from; a merged file has several."""
        try:
            return stored_sources(self._file) or [self.source]
        except DAMAGE as error:
            raise self._damage("_captools/source", error) from None

    def identity(self, name: str) -> int:
        """Return rgt, cycle, spot or region, by the header, else the file name; 0 if unknown."""
        number = self.attrs.get(name, legacy.header(self.path.name).get(name, 0))
        try:
            return int(number)
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{self.path}: its {name} is no number: {number!r}") from None

    @property
    def height(self) -> str:
        """The name of its height column."""
        return str(self.attrs.get("height", legacy.PRODUCT.height))

    @property
    def identity_names(self) -> tuple[str, ...]:
        """The columns that set its tracks apart from others, as far as they are known."""
        if "identity" in self.attrs:
            return tuple(filter(None, str(self.attrs["identity"]).split(",")))
        names = tuple(legacy.PRODUCT.identity)
        if legacy.PRODUCT.parse_name(self.path.name).granule:
            return names
        return tuple(name for name in names if name in self.columns or name in self.attrs)

    @property
    def header(self) -> dict[str, object]:
        """The header; that of an older file is made from its name."""
        if self.is_ours:
            return self.attrs
        return legacy.header(self.path.name) | self.attrs

    def private(self) -> dict[str, np.ndarray]:
        """Return what a file made from this one keeps in the group `_captools`."""
        if "source" in self.attrs or not self.is_ours:
            return {}
        return {"source": np.array([name.encode() for name in self.sources])}

    def warn_if_foreign(self) -> None:
        """Warn of what is no column, and of an older file whose columns are renamed and mended."""
        if self.no_columns:
            warnings.warn(
                f"{self.path.name}: left out, since no columns: {listed(self.no_columns)}",
                CaptoolsWarning,
                stacklevel=3,
            )
        if not self.is_ours:
            warnings.warn(
                f"{self.path.name}: is not of captools: {legacy.MENDED}",
                CaptoolsWarning,
                stacklevel=3,
            )

    # --- what it holds --------------------------------------------------------

    def read(self, name: str, rows: slice | np.ndarray | None = None) -> np.ndarray:
        """Return rows of a column, with NaN for fills of floats.

        Raises
        ------
        ValueError
            If the rows are a range with a step.
        InputError
            If there is no such column, or it is damaged.
        """
        if isinstance(rows, slice) and rows.step not in (None, 1):
            raise ValueError(f"{rows}: a range of rows has no step; thin what was read")
        self.check_columns([name])
        self.fetch_ahead([name], rows)
        try:
            return self.columns[name].read(rows)
        except DAMAGE as error:
            raise self._damage(name, error) from None
        except legacy.WrongNumberError as error:
            raise InputError(f"{self.path}: {name}: {error}") from None

    def read_known(self, name: str, rows: slice | np.ndarray | None = None) -> np.ndarray:
        """Return rows of a column as `read`, but with NaN for fills of whole numbers, too.

        Where there is such a fill, the numbers are doubles.
        """
        return known(self.read(name, rows), self.columns[name].fill_value)

    def version(self) -> tuple[object, ...]:
        """Return what is another if the file is."""
        return version(self._file)

    def check_unchanged(self) -> None:
        """Raise InputError if the file, on a server, is no longer what was opened."""
        check_unchanged(self._file)

    def fetch_ahead(self, names: Iterable[str], rows: Rows = None) -> None:
        """Fetch what will be read, if the file is on a server: in one go, not one by one."""
        stored = [self.columns[name].stored for name in names if name in self.columns]
        try:
            fetch_ahead(self._file, stored, rows)
        except DAMAGE as error:
            raise self._damage("columns", error) from None

    def take(self, name: str, rows: slice) -> np.ndarray:
        """Return rows of a column, or of what identifies the file as if it were one."""
        if name in self.identity_names and name not in self.columns:
            dtype, number = identity_dtype(name), self.identity(name)
            if not np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
                raise InputError(f"{self.path}: its {name} is no number of {dtype}: {number}")
            return np.full(rows.stop - rows.start, number, dtype)
        return self.read(name, rows)

    def attributes(self, name: str) -> dict[str, object]:
        """Return units, long name and fill value of a column; InputError if it is damaged."""
        known = legacy.described(name, str(self.attrs.get("product", "")))
        try:
            return known.attributes | self.columns[name].attributes | self._long.get(name, {})
        except DAMAGE as error:
            raise self._damage(name, error) from None

    def meaning(self, name: str) -> tuple[str, np.generic | None]:
        """Return the units, and the fill of whole numbers.

        The units are those that the file states, else those of captools' column of this name,
        "" if there is none or it has none.
        """
        column = self.columns[name]
        known = legacy.described(name, str(self.attrs.get("product", ""))).units
        try:
            units = column.stored.attribute("units") or (known if known != "1" else "")
        except DAMAGE as error:
            raise self._damage(name, error) from None
        return units, column.fill_value

    def table(self, names: Iterable[str] | None = None, rows: slice | None = None) -> Table:
        """Return rows of columns (all by default), their attributes and the header."""
        names = list(self.columns if names is None else names)
        self.fetch_ahead(names, rows)
        return Table(
            {name: self.read(name, rows) for name in names},
            {name: self.attributes(name) for name in names},
            dict(self.attrs),
        )

    def ranges(self, size: int | None = None, of: slice = slice(None)) -> Iterator[slice]:
        """Yield ranges of so many rows (by default as fit in memory) that make up some or all."""
        size = size or BLOCK_ROWS
        first, stop, _ = of.indices(self.rows)
        for start in range(first, stop, size):
            yield slice(start, min(start + size, stop))

    def check_columns(self, names: Iterable[str]) -> None:
        """Raise InputError if a column is missing, naming those there are."""
        if missing := [name for name in names if name not in self.columns]:
            known = legacy.other_names(missing, self.columns) or f"it has {', '.join(self.columns)}"
            raise InputError(f"{self.path}: has no column {', '.join(missing)}: {known}")

    # --- how it is understood -------------------------------------------------

    def _attributes(self) -> dict[str, object]:
        attributes = root_attributes(self._root) | self._long.get("", {})
        for name, value in attributes.items():
            check_bounds(name, value)
        if "height" in attributes:
            attributes["height"] = legacy.our_name(attributes["height"])
        return attributes

    @cached_property
    def _long(self) -> dict[str, dict[str, object]]:
        return long_attributes(self._file)

    def _as_ours(self, stored: dict[str, Source], given: PlaceNames) -> dict[str, FlatColumn]:
        """Return the columns under our names, those of older files mended."""
        dtypes = {name: column.dtype for name, column in stored.items()}
        of_places = places.our_names(stored, given)
        columns: dict[str, FlatColumn] = {}
        for its_name, column in stored.items():
            name = of_places.get(its_name) or legacy.our_name(its_name)
            if name in columns:
                raise NotFlatError(f"holds {name} twice, once as CAPToolkit's")
            if mending := legacy.mending(its_name, dtypes, self.is_ours):
                source, dtype, convert = mending
                columns[name] = FlatColumn(name, np.dtype(dtype), stored[source], convert)
            else:
                columns[name] = FlatColumn(name, column.dtype, column)
        return columns

    def _check_units(self) -> None:
        """Raise NotFlatError if places or times have other units than captools takes."""
        crs = str(self._attributes().get("crs", ""))
        places.check_units(
            lambda name: self.columns[name].stored.attribute("units"), self.columns, crs
        )

    def _damage(self, where: str, error: BaseException) -> InputError:
        return InputError(f"{self.path}: {where}: {unreadable(error)}")
