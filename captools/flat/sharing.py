"""The columns that the rows of many flat files become together."""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from captools.errors import CaptoolsWarning, InputError
from captools.flat.reader import FlatFile
from captools.flat.table import Table
from captools.io.address import Url
from captools.products import identity_column, identity_dtype

Location = Path | Url


class DifferError(InputError):
    """Two files do not go together; it names both, and how they differ."""


def mode_of(common: bool, union: bool) -> str:
    """Return the mode that the options of a step ask for; ValueError if they are both given."""
    if common and union:
        raise ValueError("--common and --union exclude each other")
    return "common" if common else "union" if union else "all"


class SharedColumns:
    """The columns of many files, in dtypes that hold the values of all.

    Parameters
    ----------
    mode : {"all", "common", "union"}
        Whether all files must have all columns, only those that all have are kept, or those
        that a file lacks are filled with missing values.
    names : iterable of str, optional
        The only columns that matter.

    Attributes
    ----------
    dtypes : dict of str to dtype
        The columns.
    known : list of str
        All columns of the first file.
    attributes : dict of str to dict
        Of each column, units, long name and fill value.
    """

    def __init__(self, mode: str, names: Iterable[str] | None = None) -> None:
        self.mode = mode
        self.dtypes: dict[str, np.dtype] = {}
        self.attributes: dict[str, dict] = {}
        self.known: list[str] = []
        self._units: dict[str, str] = {}  # those that a file states
        self._names = None if names is None else list(names)
        self._first: Location | None = None
        self._lacking: dict[str, Location] = {}  # what some file lacks, and the first such one
        self._promoted: dict[str, str] = {}
        self._dropped: dict[str, str] = {}  # what is left out, and why, if that must be said
        self._unstated: dict[str, str] = {}  # whose units not all files state
        self._unnamed: set[str] = set()  # of which it was said that a fill is not named

    def add(self, file: FlatFile) -> None:
        """Take in the columns of one more file.

        Raises
        ------
        DifferError
            If it does not go with the others.
        """
        theirs = self._dtypes_of(file)
        if self._first is None:
            attributes = {name: _attributes(file, name) for name in theirs}
            units = {name: self._stated(file, name) for name in theirs}
            # All or nothing: a damaged file must leave no trace, the others are still to be seen.
            self._first, self.dtypes = file.path, dict(theirs)
            self.attributes, self._units = attributes, units
            return
        self._check_missing(file, theirs)
        for name, dtype in theirs.items():
            if name in self.dtypes:
                self._join(name, dtype, file)
            elif self.mode == "union":
                attributes, units = _attributes(file, name), self._stated(file, name)
                self.dtypes[name], self.attributes[name] = dtype, attributes
                self._units[name], self._lacking[name] = units, self._first

    def wants(self, *names: str) -> bool:
        """Return whether any of some columns matters."""
        return self._names is None or any(name in self._names for name in names)

    def drop(self, names: Iterable[str], why: str = "") -> None:
        """Leave columns out; why, if it is not that some file lacks them."""
        for name in names:
            if self.dtypes.pop(name, None) is not None:
                self._dropped[name] = why

    def settle(self) -> None:
        """Find what stands for no value in the columns that some files lack; warn of changes."""
        for name in [name for name in self._lacking if name in self.dtypes]:
            dtype = self.dtypes[name]
            if dtype.kind == "b":  # there is no third value
                self.drop([name])
            elif dtype.kind in "iu" and "_FillValue" not in self.attributes[name]:
                self.dtypes[name] = np.dtype("f8")
        for name, dtype in self.dtypes.items():
            fill = self.attributes[name].get("_FillValue")
            if fill is not None and dtype.kind == "f":
                del self.attributes[name]["_FillValue"]
            elif fill is not None:
                self.attributes[name]["_FillValue"] = dtype.type(fill)
        self._warn()

    def table(self, file: FlatFile, names: Iterable[str], rows: slice) -> Table:
        """Return rows of a file in the dtypes that all share.

        Raises
        ------
        InputError
            If a value cannot be had in the shared dtype.
        """
        names = list(names)
        file.fetch_ahead(names, rows)
        columns = {name: self._values(file, name, rows) for name in names}
        return Table(columns, {name: self.attributes[name] for name in names})

    # --- whether they go together -----------------------------------------------

    def _dtypes_of(self, file: FlatFile) -> dict[str, np.dtype]:
        """Return the columns of a file that matter, with those that identify it."""
        dtypes = {name: column.dtype for name, column in file.columns.items()}
        for name in file.identity_names:
            dtypes.setdefault(name, np.dtype(identity_dtype(name)))
        self.known = self.known or list(dtypes)
        if self._names is None:
            return dtypes
        return {name: dtypes[name] for name in self._names if name in dtypes}

    def _check_missing(self, file: FlatFile, theirs: dict[str, np.dtype]) -> None:
        """Deal with columns that only this file, or only others, have."""
        lost = [name for name in self.dtypes if name not in theirs]
        more = [name for name in theirs if name not in self.dtypes]
        if self.mode == "all" and (lost or more):
            which, names = ("first", lost) if lost else ("second", more)
            raise DifferError(
                f"{self._first} and {file.path} differ: only the {which} has {', '.join(names)} "
                "(--common keeps what all have, --union fills with missing values)"
            )
        if self.mode == "common":
            self.drop(lost)
            self._dropped.update(dict.fromkeys(more, ""))
        elif self.mode == "union":
            self._lacking.update((name, file.path) for name in lost if name not in self._lacking)

    def _join(self, name: str, dtype: np.dtype, file: FlatFile) -> None:
        """Find the dtype, fill value and units of a column of which one more file is known."""
        ours = self.dtypes[name]
        if ours != dtype:
            if (ours.kind == "b") != (dtype.kind == "b") and self.mode == "common":
                self.drop([name], f"{name} is {ours} and {dtype}")
                return
            if (ours.kind == "b") != (dtype.kind == "b"):
                raise DifferError(
                    f"{self._first} and {file.path} differ: {name} is {ours} and {dtype}"
                )
            self.dtypes[name] = np.result_type(ours, dtype)
            self._promoted.setdefault(name, f"{name} ({ours} and {dtype})")
        if name in file.columns:
            units, fill = file.meaning(name)
            if fill is not None:
                self.attributes[name].setdefault("_FillValue", fill)
            self._check_units(name, units, file)

    def _check_units(self, name: str, unit: str, file: FlatFile) -> None:
        """Raise DifferError if a file states other units of a column than one before."""
        if name in ("lon", "lat", "x", "y", "t_gps"):  # checked when it was opened
            return
        first = self._units[name]
        if first and unit and _plain(first) != _plain(unit):
            raise DifferError(
                f"{self._first} and {file.path} differ: {name} is in {first} and {unit} "
                "(attribute units)"
            )
        if bool(first) != bool(unit) and _plain(first or unit) != "1":
            self._units[name] = self.attributes[name]["units"] = first or unit
            self._unstated.setdefault(name, f"{name} ({first or unit})")

    @staticmethod
    def _stated(file: FlatFile, name: str) -> str:
        """Return the units of a column, "" if they are not known."""
        return file.meaning(name)[0] if name in file.columns else ""

    def _warn(self) -> None:
        promoted = [text for name, text in self._promoted.items() if name in self.dtypes]
        if promoted:
            _warn(f"columns of several dtypes become one that holds all: {', '.join(promoted)}")
        if self._unstated:
            names = ", ".join(self._unstated.values())
            _warn(f"not all inputs state the units of columns, which are taken to be: {names}")
        if self._dropped:
            reasons = "; ".join(dict.fromkeys(filter(None, self._dropped.values())))
            names = ", ".join(self._dropped) + (f" ({reasons})" if reasons else "")
            _warn(f"left out, since not all inputs have them alike: {names}")
        filled = [name for name in self._lacking if name in self.dtypes]
        if filled and self.mode == "union":
            _warn(f"missing values stand where inputs lack a column: {', '.join(filled)}")

    # --- values -----------------------------------------------------------------

    def _values(self, file: FlatFile, name: str, rows: slice) -> np.ndarray:
        dtype = self.dtypes[name]
        if name not in file.columns and name not in file.identity_names:
            missing = self.attributes[name].get("_FillValue", np.nan)
            return np.full(rows.stop - rows.start, missing, dtype)
        values = file.take(name, rows)
        own = file.columns[name].fill_value if name in file.columns else None
        is_fill = np.zeros(len(values), bool) if own is None else values == own
        fill = self.attributes[name].get("_FillValue")
        if fill is not None and (own is None or own != fill) and (values[~is_fill] == fill).any():
            self._say_unnamed(file, name, fill, own)
        if values.dtype == dtype and (own is None or own == fill):
            return values
        changed = values.astype(dtype)
        if own is not None:
            changed[is_fill] = np.nan if fill is None else fill
        known = values[~is_fill]
        if values.dtype.kind in "iu" and (changed[~is_fill].astype(values.dtype) != known).any():
            raise InputError(f"{file.path}: {name}: has values that {dtype} does not hold")
        return changed

    def _say_unnamed(
        self, file: FlatFile, name: str, fill: np.generic, own: np.generic | None
    ) -> None:
        """Say that a value of a file stands for no value in others; an error if it cannot here."""
        if own is not None:
            raise InputError(
                f"{file.path}: {name}: has the value {fill}, which stands for no value in others"
            )
        if name not in self._unnamed:
            self._unnamed.add(name)
            _warn(
                f"{name}: {fill} stands for no value in some inputs and is taken as such in all; "
                f"{file.path} does not say so"
            )


def _attributes(file: FlatFile, name: str) -> dict[str, object]:
    """Return the attributes of a column, or of what identifies the file as if it were one."""
    if name in file.columns:
        return file.attributes(name)
    return dict(identity_column(name).attributes)


_SPELLINGS = {
    **dict.fromkeys(("metre", "meter", "metres", "meters"), "m"),
    **dict.fromkeys(("degree", "degree_north", "degree_east", "degrees_north"), "degrees"),
    **dict.fromkeys(("degrees_east", "deg"), "degrees"),
    **dict.fromkeys(("second", "seconds", "sec"), "s"),
    **dict.fromkeys(("counts", "none", "unitless", "dimensionless"), "1"),
}


def _plain(unit: str) -> str:
    """Return one spelling of a unit."""
    word = unit.strip().lower()
    return _SPELLINGS.get(word, word)


def _warn(message: str) -> None:
    warnings.warn(message, CaptoolsWarning, stacklevel=3)
