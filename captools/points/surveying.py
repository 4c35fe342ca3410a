"""What holds for all flat files that a step is given, found once before workers start."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields

from captools.errors import CaptoolsError
from captools.flat.legacy import other_names
from captools.flat.opening import NotFlatError
from captools.flat.places import USUAL, PlaceNames
from captools.flat.reader import FlatFile
from captools.io.address import is_remote, parse_location
from captools.points.calculating import parse_expressions
from captools.points.filtering import HEIGHT, FilterOptions

log = logging.getLogger(__name__)


def survey_filter(paths: Sequence[str], outliers: str | None, asked: dict[str, object]) -> None:
    """Say that nothing is filtered; ValueError if no file has a column that it takes.

    Parameters
    ----------
    paths : sequence of str
        The flat files.
    outliers : str, optional
        The column whose outliers go.
    asked : dict of str
        The options of the step.
    """
    names = {one.name for one in fields(FilterOptions)} - {"outliers"}
    request = FilterOptions(**{name: asked[name] for name in names & asked.keys()})
    columns = request.columns
    if outliers:
        columns += ["x", "y", "t_year", *({outliers} - {HEIGHT})]
    elif not request.conditions:
        log.warning("warning: no condition: all rows are copied")
    check_columns(paths, columns, request.place_names)


def survey_calculation(paths: Sequence[str], expressions: Iterable[str]) -> None:
    """Raise ValueError if a formula takes a column that no file has, nor a formula before it."""
    new: set[str] = set()
    needed: list[str] = []
    for one in parse_expressions(expressions):
        needed += [name for name in one.formula.columns if name not in new]
        new.add(one.name)
    check_columns(paths, needed)


def check_places(paths: Sequence[str], place_names: PlaceNames) -> None:
    """Raise ValueError if no file has its places in the columns given; those on servers may."""
    why = ""
    for path in paths if place_names != USUAL else ():
        if is_remote(path):
            return
        try:
            with FlatFile(parse_location(path)) as file:
                place_names.our_names(file.stored_names)
            return
        except NotFlatError as error:
            why = why or f"{path} {error}"
        except (CaptoolsError, OSError):  # it will be named as an input that failed
            continue
    if why:
        raise ValueError(why)


def check_columns(
    paths: Sequence[str], columns: Iterable[str], place_names: PlaceNames | None = None
) -> None:
    """Raise ValueError if there is a column that no file has; those on servers may have it.

    Usually the first file has them all, and no other is opened. `place_names` is None for a
    step that is not given any.
    """
    named = place_names or USUAL
    check_places(paths, named)
    missing, example, known = dict.fromkeys(columns), "", ""
    for path in paths:
        if not missing or is_remote(path):
            return
        try:
            with FlatFile(parse_location(path), named) as file:
                there = list(file.columns)
        except (CaptoolsError, OSError):  # it will be named as an input that failed
            continue
        example = example or f"{path} has {', '.join(there)}"
        known = known or other_names(missing, there)
        for name in there:
            missing.pop(name, None)
    if missing and example:
        there = known or example
        raise ValueError(
            f"no column {', '.join(missing)} in any input: {there}{_remedy(missing, place_names)}"
        )


def _remedy(missing: Collection[str], place_names: PlaceNames | None) -> str:
    """Return what to do where columns are missing that are places."""
    remedies = ["captools reproject makes x, y"] if {"x", "y"} & set(missing) else []
    if place_names is not None:
        remedies += ["--xy says which they are"] if remedies else []
        remedies += ["--lonlat says which are lon, lat"] if {"lon", "lat"} & set(missing) else []
    return "".join(f"; {remedy}" for remedy in remedies)
