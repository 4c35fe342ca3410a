"""Whether files that are put together hold rows twice, or are of two sets of parts."""

import json
import warnings
from collections.abc import Iterable
from typing import NamedTuple

from captools.errors import CaptoolsWarning, InputError
from captools.flat.header import history
from captools.flat.reader import FlatFile
from captools.products import KNOWN

ALL_BEAMS = "*"


class Origin(NamedTuple):
    """Where the rows of a file come from."""

    file: str
    sources: tuple[str, ...]
    beam: str  # or leg of one; `ALL_BEAMS` of a file with several
    of_set: str  # tiles and parts of one folder name all sources of their set
    number: str  # of a part that `merge` wrote: that of its set


def origin(file: FlatFile) -> Origin:
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
    steps = json.loads(history(file.attrs))
    options = [step[1] for step in steps if isinstance(step, list) and len(step) == 2]
    in_parts = any(isinstance(one, dict) and one.get("parts") for one in options)
    return str(file.path).rpartition("/")[0] if in_parts or "tile" in file.attrs else str(file.path)


def check_sets(origins: Iterable[Origin]) -> None:
    """Raise InputError if parts of two sets have the names of one.

    A merge that was killed may have left some of its own beside those of an earlier one.
    """
    seen: dict[str, Origin] = {}
    for one in origins:
        if one.number:
            first = seen.setdefault(one.file.rpartition("_")[0], one)
            if first.number != one.number:
                raise InputError(
                    f"{first.file} and {one.file} are parts of two sets: "
                    "run the merge again that makes them (-m)"
                )


def warn(origins: Iterable[Origin]) -> None:
    """Warn once, if rows of a granule and beam come from more than one file."""
    seen: dict[str, dict[str, Origin]] = {}  # of each granule, by beam, the first file
    again: dict[str, tuple[str, str, set[str]]] = {}
    for one in origins:
        for source in dict.fromkeys(one.sources):
            granule = KNOWN.parse_name(source).granule
            if not granule:
                continue
            others = seen.setdefault(granule, {})
            earlier = others.get(one.beam) or others.get(ALL_BEAMS)
            if one.beam == ALL_BEAMS and others:
                earlier = next(iter(others.values()))
            others.setdefault(one.beam, one)
            if earlier and earlier.of_set != one.of_set:
                again.setdefault(granule, (earlier.file, one.file, set()))
                versions = (*earlier.sources, *one.sources)
                parsed = map(KNOWN.parse_name, versions)
                again[granule][2].update(x.plain for x in parsed if x.granule == granule)
    if again:
        warnings.warn(_message(again), CaptoolsWarning, stacklevel=4)


def _message(again: dict[str, tuple[str, str, set[str]]]) -> str:
    granule, (first, second, versions) = next(iter(again.items()))
    several = f" in {len(versions)} versions" if len(versions) > 1 else ""
    many = "1 granule comes" if len(again) == 1 else f"{len(again):,} granules come"
    return (
        f"rows are counted twice: {many} more than once, such as "
        f"{granule}{several} in {first} and {second}"
    )
