"""An instrument file: is it what it should be, who is it, what do its beams hold."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from h5py import h5d, h5g

from captools.errors import InputError
from captools.geo.conditions import Formula
from captools.granules.columns import Computed, NoColumnError, Source, Wrapped, rowwise
from captools.granules.lookup import Lookup
from captools.io.address import Url
from captools.io.columns import fetch_ahead
from captools.io.hdf5 import DAMAGE, REMEDY, text
from captools.io.rows import RowSelection, positions_of
from captools.products import Column, Product
from captools.progress import counted

MISSING = "is missing: order the granule with this variable"


@dataclass(frozen=True)
class Identity:
    """Which granule this is; 0, -1 or "" where neither file nor name says it."""

    region: int
    release: str
    sc_orient: int  # 0 backward, 1 forward, 2 transition, -1 unknown
    epoch: float  # GPS seconds of the time column's zero


class Granule(Lookup):
    """An open granule of a product.

    Parameters
    ----------
    path : str, Path or Url
        The file.
    product : Product
        What it must be.

    Raises
    ------
    InputError
        If the file is not there, is no HDF5, is damaged, or of another product.
    """

    def __init__(self, path: str | Path | Url, product: Product) -> None:
        super().__init__(path)
        self.product = product
        try:
            self._check_product()
            self._named = product.parse_name(self.path.name)
            self.identity = self._identify()
        except BaseException:
            self.close()
            raise

    def beams(self) -> Iterator["Beam"]:
        """Yield the beams that have segments, in the product's order."""
        for name in self.product.tracks:
            if self._group(self.product.where(name, "")) is not None:
                yield Beam(self, name)

    def frame(self) -> dict[str, str]:
        """Return the reference frame and the tide system, where the granule names them."""
        named = {}
        description = self._attribute("", "description")
        if match := re.search(r"ITRF\s?\d{4}", description):
            named["reference_frame"] = match.group().replace(" ", "")
        for beam in self.product.tracks:
            path = self.product.where(beam, "geophysical/tide_earth")
            tide = self._attribute(path, "description")
            if match := re.search(r"(tide-free|mean-tide|mean tide)", tide):
                named["tide_system"] = match.group().replace(" ", "-")
                break
        return named

    def _check_product(self) -> None:
        name = self.product.short_name
        found = self._attribute("", "short_name")
        if found and found != name:
            raise InputError(f"{self.path}: is {found}, not {name}")
        if not found and all(self._group(beam) is None for beam in self.product.tracks):
            raise InputError(
                f"{self.path}: is HDF5, but no {name} granule (no short_name, no beam)"
                "; flat files go to filter, merge and the like"
            )

    def _identify(self) -> Identity:
        start, end = (self._number(f"ancillary_data/{edge}_region") for edge in ("start", "end"))
        return Identity(
            region=self._named.region or int(start if start is not None and start == end else 0),
            release=text(self._array("ancillary_data/release")) or self._named.release,
            sc_orient=self._orientation(),
            epoch=float(self._number(self.product.epoch_path, self.product.epoch)),
        )

    def number(self, name: str, track: str = "") -> int | None:
        """Return a number that distinguishes tracks, None if neither file nor name has it."""
        source = self.product.identity.get(name, "")
        if source.startswith("@"):
            value = self._attribute(track, source[1:])
            stored = float(value) if re.fullmatch(r"\d+(\.0*)?", value) else None
        else:
            stored = self._number(source) if source else None
        named = self._named.parts.get(name, "")
        number = stored or (named if named.isdecimal() else stored)
        return None if number is None else int(number)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The numbers that distinguish it from other granules, as far as they are known."""
        found = {name: self.number(name) for name in self.product.granule_numbers}
        return {name: number for name, number in found.items() if number is not None}

    def _orientation(self) -> int:
        values = self._numbers("orbit_info/sc_orient")
        if not len(values):
            return -1
        return int(values[0]) if np.all(values == values[0]) else 2


class Beam:
    """One ground track of a granule: columns of one length.

    Raises
    ------
    InputError
        If place, time or height are missing or of different lengths: then
        nothing else of the beam is to be trusted, its length least of all.
    """

    def __init__(self, granule: Granule, name: str) -> None:
        self.granule = granule
        self.name = name
        self._whole: dict[Column, np.ndarray] = {}
        self._taken: dict[Column, tuple[np.ndarray, np.ndarray]] = {}
        self._columns: dict[Column, Source] = {}
        self._picked = RowSelection(np.arange(0))
        self.length: int | None = None
        product = granule.product
        self.repeat = self._width(product.column(product.height)) if product.is_exploded else 1
        for role in (product.lat, product.lon, product.time, product.height):
            column = product.column(role)
            stored = self._column(column)
            if stored.dtype.kind != "f":
                raise self.error(column, f"is not a column of floats ({stored.dtype})")
            self.length = stored.shape[0]

    @cached_property
    def spot(self) -> int:
        """The spot number, 1 to 6; 0 if unknown."""
        if spot := self.granule.number("spot", self.name):
            return spot
        orientation = self.granule.identity.sc_orient
        return self.granule.product.spots.get(orientation, {}).get(self.name, 0)

    @property
    def type(self) -> str:
        """``strong`` or ``weak``; odd spots are strong."""
        stated = self.granule._attribute(self.name, "atlas_beam_type")
        return stated or (("weak", "strong")[self.spot % 2] if self.spot else "unknown")

    @property
    def numbers(self) -> dict[str, int]:
        """The numbers that distinguish this track from others of its granule."""
        product = self.granule.product
        numbers = {name: self.granule.number(name, self.name) for name in product.track_numbers}
        numbers |= {"spot": self.spot} if "spot" in numbers else {}
        for name, number in numbers.items():
            if number is None:
                raise self.granule.error(self.name, f"{name} is neither in the file nor its name")
        return numbers

    @property
    def points(self) -> int:
        """How many points it has; each has as many rows as there are of `repeat`."""
        return self.length // max(1, self.repeat)

    def has(self, column: Column) -> bool:
        """Return whether the beam has this column, and all that it is made of."""
        return self.lacking(column) is None

    def lacking(self, column: Column) -> Column | None:
        """Return what is missing of a column: itself, its index, a term of its formula."""
        parts = self._terms(column) if column.formula else [_index(column)] if column.map else []
        for part in parts:
            if (missing := self.lacking(part)) is not None:
                return missing
        return None if column.formula or self._dataset(column) is not None else column

    def whole(self, name: str) -> np.ndarray:
        """Return all rows of the product's column `name`, read once.

        Raises
        ------
        InputError
            If it is missing or damaged, or no column of numbers.
        """
        return self._read_whole(self.granule.product.column(name))

    def take(self, column: Column, rows: np.ndarray) -> np.ndarray:
        """Return some rows (increasing indices) of any column; errors as for `whole`.

        Rows of rows taken before are not read again.
        """
        if column in self._whole or len(rows) == self.length:
            return self._read_whole(column)[rows]
        taken, values = self._taken.get(column, (None, None))
        if taken is rows:
            return values
        if taken is None or (at := positions_of(rows, taken)) is None:
            values = self._read(column, self._pick(rows))
        else:
            values = values[at]
        self._taken[column] = rows, values
        return values

    def _pick(self, rows: np.ndarray) -> RowSelection:
        """Return rows as what is read of one column after another."""
        if self._picked.rows is not rows:
            self._picked = RowSelection(rows)
        return self._picked

    def _read_whole(self, column: Column) -> np.ndarray:
        if column not in self._whole:
            self._whole[column] = self._read(column)
        return self._whole[column]

    def fetch_ahead(self, columns: Iterable[Column], rows: np.ndarray) -> None:
        """Fetch what will be taken, if the granule is on a server: in one go, not one by one."""
        known = self._whole.keys() | self._taken.keys()
        self._fetch_ahead([column for column in columns if column not in known], self._pick(rows))

    def _fetch_ahead(self, columns: Iterable[Column], rows: RowSelection | None) -> None:
        stored = [self._column(column) for column in columns]
        try:
            fetch_ahead(self.granule._file, stored, rows)
        except DAMAGE as error:
            raise self.granule.damage(self.name, error) from None

    def dtype(self, column: Column) -> np.dtype:
        """Return the dtype of a column's values; errors as for `whole`."""
        return self._column(column).dtype

    def fill_value(self, column: Column) -> np.generic | None:
        """Return what stands for no value in a column, None if nothing does; errors as above."""
        stored = self._column(column)
        try:
            return stored.fill_value
        except DAMAGE as error:
            raise self.granule.damage(self._where(column), error) from None

    def attributes(self, column: Column) -> dict[str, object]:
        """Return units and long name of a column, and the fill value of an integer one."""
        stored, fill = self._column(column), self.fill_value(column)
        try:
            attributes: dict[str, object] = {
                "units": column.units or stored.attribute("units") or "1",
                "long_name": column.long_name or stored.attribute("long_name") or column.name,
            }
            if stored.dtype.kind in "iu" and fill is not None:
                attributes["_FillValue"] = fill
        except DAMAGE as error:
            raise self.granule.damage(self._where(column), error) from None
        return attributes

    def _read(self, column: Column, rows: RowSelection | None = None) -> np.ndarray:
        self._fetch_ahead([column], rows)
        try:
            return self._column(column).read(rows)
        except DAMAGE as error:
            raise self.granule.damage(self._where(column), error) from None

    def _terms(self, column: Column) -> list[Column]:
        """Return the columns that a computed one is made of."""
        return list(map(self.granule.product.column, Formula(column.formula).columns))

    def _dataset(self, column: Column) -> h5g.GroupID | h5d.DatasetID | None:
        """Return what stands at the first path of a column at which something does."""
        where = self.granule.product.where
        for path in (column.path, *column.other_paths):
            if (found := self.granule._item(where(self.name, path))) is not None:
                return found
        return None

    def error(self, column: Column, why: str) -> InputError:
        """Return the error that a column of this beam is wrong."""
        return self.granule.error(self._where(column), why)

    def _where(self, column: Column) -> str:
        """Return what names a column of this beam in messages; a single track has no name."""
        return ": ".join(filter(None, (self.name, column.path or column.name)))

    def _column(self, column: Column) -> Source:
        """Return a column that has the length of the beam, opened once."""
        if column not in self._columns:
            self._columns[column] = self._open_column(column)
        return self._columns[column]

    def _open_column(self, column: Column) -> Source:
        try:
            if column.formula:
                sources = {term.name: self._column(term) for term in self._terms(column)}
                return Computed(column.formula, sources)
            if (dataset := self._dataset(column)) is None:
                raise self.error(column, MISSING)
            source = rowwise(
                *(dataset, column, self.repeat, self.length, self.granule.descriptor),
                index=self._column(_index(column)) if column.map else None,
            )
        except NoColumnError as error:
            raise self.error(column, str(error)) from None
        except DAMAGE as error:
            raise self.granule.damage(self._where(column), error) from None
        rows = source.shape[0]
        if self.length is not None and rows != self.length:
            has = counted(rows, "row")
            raise self.error(column, f"has {has} where the beam has {self.length:,}; {REMEDY}")
        product = self.granule.product
        return Wrapped(source) if (product.lon, product.longitude) == (column.name, 360) else source

    def _width(self, column: Column) -> int:
        """Return how many rows a point has: those of the column that has a value for each."""
        if column.formula:
            return self._width(next(one for one in self._terms(column) if one.axis == "nk"))
        dataset = self._dataset(column)
        if dataset is None:
            raise self.error(column, MISSING)
        shape = getattr(dataset, "shape", None)
        if shape is None or len(shape) != 2:
            raise self.error(column, f"has the shape {shape}, not (n, k)")
        return shape[1]


def _index(column: Column) -> Column:
    """Return the column that says which value of a mapped one each point has."""
    return Column(column.map, column.map)
