"""The points of an interactive map: flat files become a cloud, whose points know their passes."""

import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from captools.errors import CaptoolsWarning
from captools.flat.reader import FlatFile
from captools.geo import domain
from captools.geo.time import decimal_year
from captools.io.address import parse_location
from captools.maps.passes import Passes
from captools.maps.pointcache import PASS, YEAR, PointCache
from captools.maps.surveying import MapOptions, Survey, blocks_of_files, survey_files
from captools.progress import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scene:
    """What there is to see."""

    cloud: PointCache
    crs: str
    labels: dict[str, tuple[str, str]]  # what each column is, and its unit
    directed: bool  # whether ascending and descending points can be separated
    passes: Passes = field(default_factory=Passes)
    time: str = ""  # the column that says the time of a point, "" if there is none
    files: tuple[str, ...] = ()  # as they were named
    overlays: tuple[str, ...] = ()  # files of lines to lay over it
    request: MapOptions = field(default_factory=MapOptions)


@dataclass
class _Columns:
    """What the files have."""

    common: set[str] = field(default_factory=set)  # columns of all of them
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)
    identity: dict[str, None] = field(default_factory=dict)  # what tells tracks apart, in order


def gather(paths: Iterable[str | Path], names: list[str], request: MapOptions) -> Scene:
    """Lay out the points of flat files; files that cannot be read are left out and named.

    Raises
    ------
    InputError
        If no file can be used, there is nothing to draw, a column is missing, or the files are
        in different CRSs.
    OutputError
        If there is no room for temporary files.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaptoolsWarning)
        survey = survey_files([parse_location(path) for path in paths], request)
    for warning in caught:
        log.warning("warning: %s", warning.message)
    columns, passes = _columns(survey, request, names), Passes()
    time = [name for name in (YEAR, "t_gps") if name in columns.common][:1]
    more = [*names, *time, *({"is_asc"} & columns.common), *columns.identity]
    cloud = PointCache(_points(survey, request, dict.fromkeys(more), columns, passes), names)
    for error in survey.bad.values():
        log.error("failed: %s", error)
    if survey.misplaced:
        log.warning("warning: %s", domain.warning(survey.misplaced, survey.crs))
    log.info("%s of %s", counted(cloud.rows, "point"), counted(len(survey.good), "file"))
    return Scene(
        cloud,
        survey.crs,
        columns.labels,
        "is_asc" in columns.common,
        passes,
        time="".join(time),
        request=request,
    )


def _columns(survey: Survey, request: MapOptions, names: list[str]) -> _Columns:
    """Return the columns that all files have, what those named are, and what sets tracks apart."""
    found = _Columns()
    for number, member in enumerate(survey.good):
        with FlatFile(member.path, request.place_names) as file:
            file.check_columns(names)
            there = set(file.columns)
            found.common = there if number == 0 else found.common & there
            for name in names:
                attributes = file.attributes(name)
                found.labels.setdefault(name, (attributes["long_name"], attributes["units"]))
            found.identity |= dict.fromkeys(file.identity_names)
    return found


def _points(
    survey: Survey, request: MapOptions, more: Iterable[str], columns: _Columns, passes: Passes
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the points block by block, with passes, and decimal years if times are known.

    InputError if there are none.
    """
    rows = 0
    for file, block in blocks_of_files(survey, request, more):
        number = len(block["x"])
        rows += number
        if "t_gps" in block and YEAR not in block:
            block[YEAR] = decimal_year(block["t_gps"])
        apart = {name: block[name] for name in columns.identity}
        same = {} if file.identity_names else {"file": os.fspath(file.path)}
        block[PASS] = passes.number(apart, same, number)
        yield block
    if not rows:
        raise survey.nothing("point")
