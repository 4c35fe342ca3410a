"""What holds for all flat files that a step is given, found once before workers start."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import fields

from captools.errors import CaptoolsError
from captools.flat.legacy import other_names
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
    check_columns(paths, columns)


def survey_calculation(paths: Sequence[str], expressions: Iterable[str]) -> None:
    """Raise ValueError if a formula takes a column that no file has, nor a formula before it."""
    new: set[str] = set()
    needed: list[str] = []
    for one in parse_expressions(expressions):
        needed += [name for name in one.formula.columns if name not in new]
        new.add(one.name)
    check_columns(paths, needed)


def check_columns(paths: Sequence[str], columns: Iterable[str]) -> None:
    """Raise ValueError if there is a column that no file has; those on servers may have it.

    Usually the first file has them all, and no other is opened.
    """
    missing, example, known = dict.fromkeys(columns), "", ""
    for path in paths:
        if not missing or is_remote(path):
            return
        try:
            with FlatFile(parse_location(path)) as file:
                there = list(file.columns)
        except (CaptoolsError, OSError):  # it will be named as an input that failed
            continue
        example = example or f"{path} has {', '.join(there)}"
        known = known or other_names(missing, there)
        for name in there:
            missing.pop(name, None)
    if missing and example:
        remedy = "; captools reproject makes x, y" if {"x", "y"} & missing.keys() else ""
        raise ValueError(f"no column {', '.join(missing)} in any input: {known or example}{remedy}")
