"""From flat files to a map: their points are folded into pixels."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from captools.engine.crew import Crew
from captools.errors import CaptoolsWarning, InputError
from captools.flat.collection import height_of
from captools.geo import domain
from captools.io.address import Url, parse_location
from captools.maps.categories import Categories
from captools.maps.folding import fold
from captools.maps.raster import Aggregate, Canvas, fit
from captools.maps.surveying import LONLAT, Limits, MapOptions, Survey, bounds_of, survey_files
from captools.progress import counted


@dataclass
class Map:
    """Pixels with what they mean."""

    canvas: Canvas
    crs: str
    values: np.ndarray  # shape (height, width), NaN where no point is
    label: str
    units: str
    points: int
    rows: int  # of the files, drawn or not
    files: int
    counts: bool  # whether the values are numbers of points
    bad: dict[str, str] = field(default_factory=dict)  # files that could not be read, and why
    parts: Categories | None = None  # if points are told apart
    source: str = ""  # what is mapped, if not points of files

    @property
    def caption(self) -> str:
        """How much is in the map, and how much is not."""
        return self.source or caption(self.points, self.files, self.bad, self.crs)


def caption(points: int, files: int, bad: dict[str, str], where: str = "") -> str:
    """Return how many points of how many files a picture shows, and how many it lacks."""
    parts = [f"{counted(points, 'point')} of {counted(files, 'file')}"]
    parts += [where] if where else []
    parts += [f"{counted(len(bad), 'file')} could not be read"] if bad else []
    return " · ".join(parts)


def make_map(
    files: Iterable[str | Path | Url],
    request: MapOptions,
    sizing: Callable[[Limits, tuple[int, int] | None], Canvas] = fit,
    crew: Crew | None = None,
) -> Map:
    """Fold the points of flat files into a map.

    Parameters
    ----------
    files : iterable of path
        The files.
    request : MapOptions
        What of them.
    sizing : callable
        Makes the pixels from what must be seen, and the size that is asked for.
    crew : Crew, optional
        Who adds up the points; by default this process.

    Raises
    ------
    InputError
        If no file can be used, there is nothing to draw, a column is missing, or the files are
        in different CRSs.
    """
    paths = [parse_location(path) for path in files]
    if request.column and not request.var:
        request = replace(request, var=height_of(paths))
    survey = survey_files(paths, request)
    bounds = bounds_of(survey, request)
    if survey.crs == LONLAT and request.size is None and request.extent is None:
        bounds = on_earth(bounds)
    canvas = sizing(bounds, request.size)
    found = fold(survey, request, canvas, crew or Crew(jobs=1))
    totals, parts = found.periods, found.categories
    points = sum(total.points for total in totals)
    if not points:
        raise survey.nothing(f"point with a value of {request.column or 'any kind'}")
    values = _difference(totals) if request.diff else totals[0].values()
    if not np.isfinite(values).any():
        raise InputError("nothing to draw: no pixel has points of both periods")
    if survey.misplaced:
        message = domain.warning(survey.misplaced, survey.crs)
        warnings.warn(message, CaptoolsWarning, stacklevel=2)
    counts = (request.agg == "count" and not request.diff) or parts is not None
    return Map(
        canvas,
        survey.crs,
        values,
        _label(survey, request),
        "" if counts else survey.units,
        points,
        survey.rows,
        len(survey.good),
        counts,
        survey.bad,
        parts,
    )


def on_earth(bounds: Limits) -> Limits:
    """Return bounds in degrees that are no flat strip, and end at the poles."""
    xmin, xmax, ymin, ymax = bounds
    least = min((xmax - xmin) / 4, 180.0)
    more = max(0.0, least - (ymax - ymin)) / 2
    south = min(max(ymin - more, -90.0), 90.0 - least)
    return xmin, xmax, south, max(ymax, south + least)


def _difference(totals: list[Aggregate]) -> np.ndarray:
    """Return the first mean less the second, where both have points."""
    return totals[0].values() - totals[1].values()


def _label(survey: Survey, request: MapOptions) -> str:
    if request.diff:
        return f"{survey.label}: {request.diff[0]} less {request.diff[1]}"
    if request.column is None or request.by:
        return "number of points"
    return f"{request.agg} of {survey.label}"
