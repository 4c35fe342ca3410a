"""Whether files that are put together hold rows twice, or are of two sets of parts."""

import json
import warnings
from typing import NamedTuple

import numpy as np

from captools.errors import CaptoolsWarning, InputError
from captools.flat.header import history
from captools.flat.reader import FlatFile
from captools.products import KNOWN

ALL_BEAMS = "*"
CORE = "core"  # the column of a tile that says which rows are no overlap


def is_tile(file: FlatFile) -> bool:
    """Return whether a file says which of its rows are core, and which an overlap."""
    return CORE in file.columns and file.columns[CORE].dtype == np.dtype(bool)


class Origin(NamedTuple):
    """Where the rows of a file come from."""

    file: str
    sources: tuple[str, ...]
    beam: str  # or leg of one; `ALL_BEAMS` of a file with several
    of_set: str  # tiles and parts of one folder name all sources of their set
    number: str  # of a part that `merge` wrote: that of its set


def _origin(file: FlatFile) -> Origin:
    """Return where the rows of a file come from."""
    path, attrs = str(file.path), file.attrs
    number = str(attrs.get("set", ""))
    sources = tuple(file.sources)
    if sources != (file.source,):  # a merged file
        return Origin(path, sources, ALL_BEAMS, _set_of(file), number)
    name = KNOWN.parse_name(file.path.name)
    stem = file.path.name.removesuffix(".h5")
    ending = stem.split(name.plain)[-1] if name.plain else ""
    beam = ending or str(attrs.get("beam", ""))
    return Origin(path, sources, beam or ALL_BEAMS, _set_of(file), number)


def _set_of(file: FlatFile) -> str:
    """Return the set whose parts have different rows of the same sources; else the file's name."""
    in_parts = False
    for step in json.loads(history(file.attrs)):
        match step:
            case ["tile", _]:
                in_parts = True
            case ["merge", dict(options)]:
                in_parts = bool(options.get("parts"))
    return str(file.path).rpartition("/")[0] if in_parts else str(file.path)


class Origins:
    """Where the rows of files come from that are put together.

    The tiles of a folder name all granules of their set, and there may be thousands of both:
    what files say alike is kept once.
    """

    def __init__(self) -> None:
        self._distinct: dict[Origin, Origin] = {}

    def add(self, file: FlatFile) -> None:
        """Take in one more file."""
        one = _origin(file)
        name = _name_of_set(one) if one.number else ""
        self._distinct.setdefault(one._replace(file=name), one)

    def check_sets(self) -> None:
        """Raise InputError if parts of two sets have the names of one.

        A merge that was killed may have left some of its own beside those of an earlier one.
        """
        seen: dict[str, Origin] = {}
        for one in self._distinct.values():
            if one.number:
                first = seen.setdefault(_name_of_set(one), one)
                if first.number != one.number:
                    raise InputError(
                        f"{first.file} and {one.file} are parts of two sets: "
                        "run the merge again that makes them (-m)"
                    )

    def warn(self) -> None:
        """Warn once, if rows of a granule and beam come from more than one file."""
        seen: dict[str, dict[str, tuple[Origin, str]]] = {}  # of each granule, by beam, the first
        again: dict[str, tuple[str, str, set[str]]] = {}
        for one in self._distinct.values():
            for name in map(KNOWN.parse_name, one.sources):
                if not name.granule:
                    continue
                others = seen.setdefault(name.granule, {})
                first, version = _overlapping(others, one.beam) or (one, "")
                if first.of_set != one.of_set:
                    files = again.setdefault(name.granule, (first.file, one.file, {version}))
                    files[2].add(name.plain)
                others.setdefault(one.beam, (one, name.plain))
        if again:
            warnings.warn(_message(again), CaptoolsWarning, stacklevel=4)


def _overlapping(others: dict[str, tuple[Origin, str]], beam: str) -> tuple[Origin, str] | None:
    """Return the first of the files that have rows of a beam, None if there is none."""
    if beam == ALL_BEAMS:
        return next(iter(others.values()), None)
    return others.get(beam) or others.get(ALL_BEAMS)


def _name_of_set(part: Origin) -> str:
    """Return what the names of parts of a set begin with."""
    return part.file.rpartition("_")[0]


def _message(again: dict[str, tuple[str, str, set[str]]]) -> str:
    granule, (first, second, versions) = next(iter(again.items()))
    several = f" in {len(versions)} versions" if len(versions) > 1 else ""
    many = "1 granule comes" if len(again) == 1 else f"{len(again):,} granules come"
    return (
        f"rows are counted twice: {many} more than once, such as "
        f"{granule}{several} in {first} and {second}"
    )
