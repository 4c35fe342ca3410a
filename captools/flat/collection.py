"""Many flat files, read as one long one."""

import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from captools.errors import BadInputs, CaptoolsWarning, InputError
from captools.flat import legacy
from captools.flat.reader import FlatFile
from captools.flat.table import Table
from captools.io.address import Url, parse_location
from captools.process import check
from captools.products import identity_column, identity_dtype
from captools.progress import track

_COMMON = (
    *("region", "release", "sc_orient", "reference_frame", "tide_system", "beam_type"),
    *("step", "options", "history", "product", "height", "identity", "applied"),
)


class Collection:
    """Flat files with the same columns and the same CRS.

    What identifies a file, its rgt, cycle and spot, becomes columns.

    Parameters
    ----------
    paths : iterable of path
        The files, in the order of their rows.
    common : bool
        Keep the columns that all files share, rather than demand that they share all.

    Attributes
    ----------
    rows : list of int
        Of each file.
    dtypes : dict of str to dtype
        The columns.
    attrs : dict
        The part of the header that all files have in common.
    sources : dict
        The names of the granules they come from, as keys.

    Raises
    ------
    BadInputs
        If files cannot be used; it names all of them.
    InputError
        If columns or CRS differ; it names two files and the difference.
    """

    def __init__(self, paths: Iterable[str | Path | Url], common: bool = False) -> None:
        self.paths = [parse_location(path) for path in paths]
        self.common = common
        self.rows: list[int] = []
        self.dtypes: dict[str, np.dtype] = {}
        self.column_attrs: dict[str, dict] = {}
        self.attrs: dict[str, object] = {}
        self.sources: dict[str, None] = {}  # a set that keeps its order
        self.crs = ""
        self._differ = ""  # how the first file that does not fit differs
        self._dropped: dict[str, None] = {}  # a set that keeps its order
        self._check()

    @property
    def total(self) -> int:
        """The rows of all files."""
        return sum(self.rows)

    def check_columns(self, names: Iterable[str]) -> None:
        """Raise InputError if a column is missing, naming those there are."""
        if missing := [name for name in names if name not in self.dtypes]:
            raise InputError(f"no column {', '.join(missing)}: there are {', '.join(self.dtypes)}")

    def blocks(self, names: Iterable[str] | None = None) -> Iterator[Table]:
        """Yield the rows of columns (all by default), as many at a time as fit in memory.

        Raises
        ------
        BadInputs
            If files are damaged. All others are read to their end, so that it names all of them.
        """
        names = list(self.dtypes if names is None else names)
        bad: dict[str, str] = {}
        for path in track(self.paths):
            try:
                with FlatFile(path) as file:
                    for rows in file.ranges():
                        check()
                        table = self._table(file, names, rows)
                        if not bad:
                            yield table
                    file.check_unchanged()
            except InputError as error:
                bad[os.fspath(path)] = str(error)
        if bad:
            raise BadInputs(bad)

    def _table(self, file: FlatFile, names: list[str], rows: slice) -> Table:
        file.fetch_ahead(names, rows)
        columns = {name: file.take(name, rows) for name in names}
        return Table(columns, {name: self.column_attrs[name] for name in names})

    # --- whether they go together -----------------------------------------------

    def _check(self) -> None:
        bad, foreign, first = {}, 0, None
        for path in self.paths:
            check()
            try:
                with FlatFile(path) as file:
                    dtypes = _dtypes(file)
                    if first is None:
                        first = file.path
                        self._begin(file, dtypes)
                    else:
                        self._compare(file, dtypes, first)
                    self.rows.append(file.rows)
                    self.sources.update(dict.fromkeys(file.sources))
                    foreign += not file.is_ours
            except InputError as error:
                bad[os.fspath(path)] = str(error)
        if bad:
            raise BadInputs(self._with_damaged(bad))
        if self._differ:
            raise InputError(self._differ)
        if self._dropped:
            warnings.warn(
                f"left out, since not all inputs have them alike: {', '.join(self._dropped)}",
                CaptoolsWarning,
                stacklevel=3,
            )
        if foreign:
            warnings.warn(
                f"{foreign} files are not of captools: {legacy.MENDED}",
                CaptoolsWarning,
                stacklevel=3,
            )

    def _with_damaged(self, bad: dict[str, str]) -> dict[str, str]:
        """Return what is wrong with each bad file, damage that only reading shows included."""
        errors = {}
        for path in track(self.paths):
            try:
                with FlatFile(path) as file:
                    for rows in file.ranges():
                        check()
                        for name in file.columns:
                            file.read(name, rows)
            except InputError as error:
                errors[os.fspath(path)] = str(error)
        return errors | bad

    def _begin(self, file: FlatFile, dtypes: dict[str, np.dtype]) -> None:
        self.dtypes, self.crs = dtypes, file.crs
        self.column_attrs = {name: file.attributes(name) for name in file.columns}
        for name in file.identity_names:
            self.column_attrs.setdefault(name, identity_column(name).attributes)
        self.attrs = {name: file.attrs[name] for name in _COMMON if name in file.attrs}

    def _compare(self, file: FlatFile, dtypes: dict[str, np.dtype], first: Path) -> None:
        difference = _difference(self.dtypes, dtypes)
        if self.common:
            same = [
                name for name in self.dtypes if name in dtypes and dtypes[name] == self.dtypes[name]
            ]
            if file.crs != self.crs:
                same = [name for name in same if name not in ("x", "y")]
                self.crs = ""
            gone = [name for name in (*self.dtypes, *dtypes) if name not in same]
            self._dropped.update(dict.fromkeys(gone))
            self.dtypes = {name: self.dtypes[name] for name in same}
        elif not self._differ and difference:
            self._differ = (
                f"{first} and {file.path} differ: {difference} (--common keeps what all share)"
            )
        elif not self._differ and file.crs != self.crs:
            self._differ = (
                f"{first} and {file.path} differ: CRS {self.crs or 'unknown'} and "
                f"{file.crs or 'unknown'}: captools reproject makes them one"
            )
        self.attrs = {
            name: value
            for name, value in self.attrs.items()
            if np.array_equal(file.attrs.get(name, None), value)
            and (name != "height" or value in self.dtypes)
        }


def _dtypes(file: FlatFile) -> dict[str, np.dtype]:
    """Return the columns of a file, with those that identify it."""
    dtypes = {name: column.dtype for name, column in file.columns.items()}
    for name in file.identity_names:
        dtypes.setdefault(name, np.dtype(identity_dtype(name)))
    return dtypes


def _difference(ours: dict[str, np.dtype], theirs: dict[str, np.dtype]) -> str:
    """Return how the columns of two files differ, "" if at most in their order."""
    if lost := [name for name in ours if name not in theirs]:
        return f"only the first has {', '.join(lost)}"
    if more := [name for name in theirs if name not in ours]:
        return f"only the second has {', '.join(more)}"
    for name, dtype in ours.items():
        if theirs[name] != dtype:
            return f"{name} is {dtype} and {theirs[name]}"
    return ""
