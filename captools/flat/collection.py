"""Many flat files, read as one long one; which columns they share says `sharing`."""

import hashlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from copy import copy
from pathlib import Path

import numpy as np

from captools.errors import BadInputs, CaptoolsWarning, InputError, naming_bad
from captools.flat import legacy
from captools.flat.alike import Alike
from captools.flat.opening import listed
from captools.flat.origins import CORE, Origins, is_tile
from captools.flat.parts import Member, RowReader, Span
from captools.flat.places import USUAL, PlaceNames
from captools.flat.reader import FlatFile
from captools.flat.sharing import DifferError, SharedColumns
from captools.flat.table import Table
from captools.io.address import Url, parse_location
from captools.process import check
from captools.progress import counted, track


class Collection:
    """Flat files with the same columns and the same CRS.

    What identifies a file, its rgt, cycle and spot, becomes columns.

    Parameters
    ----------
    paths : iterable of path
        The files, in the order of their rows.
    mode : {"all", "common", "union"}
        As for `SharedColumns`.
    names : iterable of str, optional
        The only columns that matter, as far as they are there.
    all_rows : bool
        Count the rows of overlaps, too: of tiles only core rows count otherwise.
    place_names : PlaceNames
        As for `FlatFile`.
    key : callable, optional
        What is given a file, and returns which part of the collection it belongs to.

    Attributes
    ----------
    rows : list of int
        Of each file, those that count.
    files : list of Member
        The files with all their rows.
    left_out : int
        Rows of overlaps that do not count.
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

    def __init__(
        self,
        paths: Iterable[str | Path | Url],
        mode: str = "all",
        names: Iterable[str] | None = None,
        all_rows: bool = False,
        place_names: PlaceNames = USUAL,
        key: Callable[[FlatFile], int | str] | None = None,
    ) -> None:
        self.paths = [parse_location(path) for path in paths]
        self.all_rows = all_rows
        self.place_names = place_names
        self.shared = SharedColumns(mode, names)
        self.rows: list[int] = []
        self.files: list[Member] = []
        self._key = key
        self._keys: list[int | str] = []
        self.left_out = 0
        self.sources: dict[str, None] = {}  # a set that keeps its order
        self.crs = ""
        self._alike = Alike()
        self._origins = Origins()
        self._headers = hashlib.blake2b(digest_size=8)
        self._first: Path | Url | None = None
        self._differ = ""  # how the first file that does not fit differs
        self._check()

    @property
    def total(self) -> int:
        """The rows of all files that count."""
        return sum(self.rows)

    @property
    def total_in(self) -> int:
        """The rows of all files."""
        return self.total + self.left_out

    @property
    def removed(self) -> dict[str, int]:
        """The rows that do not count, by the reason."""
        return {"overlap": self.left_out} if self.left_out else {}

    @property
    def dtypes(self) -> dict[str, np.dtype]:
        """The columns."""
        return self.shared.dtypes

    @property
    def column_attrs(self) -> dict[str, dict]:
        """The attributes of the columns."""
        return self.shared.attributes

    @property
    def reader(self) -> RowReader:
        """How its rows are read."""
        return RowReader(self.shared, self.all_rows, self.place_names)

    @property
    def attrs(self) -> dict[str, object]:
        """The part of the header that all files have in common."""
        common = self._alike.attrs
        if common.get("height", "") in ("", *self.dtypes):
            return common
        return {name: value for name, value in common.items() if name != "height"}

    @property
    def digest(self) -> str:
        """What stands for the files: another one, if one of them is another or made otherwise."""
        return self._headers.hexdigest()

    def parts(self) -> Iterator[tuple[int | str, "Collection"]]:
        """Yield the files of each key, in the order of keys, as a collection of their own."""
        numbers = defaultdict(list)
        for number, key in enumerate(self._keys):
            numbers[key].append(number)
        for key in sorted(numbers):
            part = copy(self)
            part.files = [self.files[number] for number in numbers[key]]
            part.rows = [self.rows[number] for number in numbers[key]]
            yield key, part

    def warn_of_overlaps(self) -> None:
        """Warn of rows that do not count."""
        if self.left_out:
            _warn(overlaps_left_out(self.left_out))

    def check_columns(self, names: Iterable[str]) -> None:
        """Raise InputError if a column is missing, naming those there are."""
        if missing := [name for name in names if name not in self.dtypes]:
            there = self.shared.known
            known = legacy.other_names(missing, there) or f"there are {', '.join(there)}"
            raise InputError(f"no column {', '.join(missing)}: {known}")

    def blocks(self, names: Iterable[str] | None = None) -> Iterator[Table]:
        """Yield the rows of columns (all by default), as many at a time as fit in memory.

        Raises
        ------
        BadInputs
            If files are damaged. All others are read to their end, so that it names all of them.
        """
        names = list(self.dtypes if names is None else names)
        yield from self.reader.tables(track([Span(one, 0, one.rows) for one in self.files]), names)

    # --- whether they go together -----------------------------------------------

    def _check(self) -> None:
        bad: dict[str, str] = {}
        foreign, no_columns = 0, {}
        for path in self.paths:
            check()
            with naming_bad(bad, path), FlatFile(path, self.place_names) as file:
                self._add(file)
                foreign += not file.is_ours
                no_columns |= file.no_columns
        if bad:
            raise BadInputs(self._with_damaged(bad))
        if self._differ:
            raise InputError(self._differ)
        self.shared.settle()
        self._alike.warn()
        self._origins.check_sets()
        self._origins.warn()
        if no_columns:
            _warn(f"left out, since no columns: {listed(no_columns)}")
        if foreign:
            files = "1 file is" if foreign == 1 else f"{foreign:,} files are"
            _warn(f"{files} not of captools: {legacy.MENDED}")

    def _add(self, file: FlatFile) -> None:
        """Take in the header of one more file."""
        try:
            self.shared.add(file)
            self._check_crs(file)
        except DifferError as error:
            self._differ = self._differ or str(error)
        if self._key:
            self._keys.append(self._key(file))
        self._alike.add(file)
        said = [(name, np.asarray(value).tolist()) for name, value in sorted(file.attrs.items())]
        self._headers.update(repr((file.path.name, file.rows, said)).encode())
        self._origins.add(file)
        self.sources.update(dict.fromkeys(file.sources))
        kept = file.rows
        if not self.all_rows and is_tile(file):
            kept = sum(np.count_nonzero(file.read(CORE, rows)) for rows in file.ranges())
        self.rows.append(kept)
        self.files.append(Member.of(file))
        self.left_out += file.rows - kept

    def _check_crs(self, file: FlatFile) -> None:
        """Raise DifferError if x and y matter and are of another CRS than those before."""
        if self._first is None:
            self.crs, self._first = file.crs, file.path
        elif file.crs != self.crs and not self.shared.wants("x", "y"):
            self.crs = ""
        elif file.crs != self.crs:
            both = f"CRS {self.crs or 'unknown'} and {file.crs or 'unknown'}"
            if self.shared.mode != "common":
                raise DifferError(
                    f"{self._first} and {file.path} differ: {both}: captools reproject makes "
                    "them one"
                )
            self.shared.drop(("x", "y"), both)
            self.crs = ""

    def _with_damaged(self, bad: dict[str, str]) -> dict[str, str]:
        """Return what is wrong with each bad file, damage that only reading shows included."""
        errors: dict[str, str] = {}
        for path in track(self.paths):
            with naming_bad(errors, path), FlatFile(path, self.place_names) as file:
                for rows in file.ranges():
                    check()
                    for name in file.columns:
                        file.read(name, rows)
        return errors | bad


def overlaps_left_out(rows: int) -> str:
    """Return what to say of rows of overlaps that are left out."""
    return f"{counted(rows, 'row')} of overlaps left out: core of other tiles (--all-rows)"


def _warn(message: str) -> None:
    warnings.warn(message, CaptoolsWarning, stacklevel=4)


def height_of(paths: Iterable[str | Path | Url]) -> str:
    """Return the name of the height column of the first file that can be read."""
    for path in paths:
        with suppress(InputError), FlatFile(path) as file:
            return file.height
    return legacy.PRODUCT.height
