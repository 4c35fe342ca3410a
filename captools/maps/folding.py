"""The points of many flat files in the pixels of a map: parts of them, which workers add up."""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from captools.bounds import Bounds
from captools.engine.crew import Crew
from captools.errors import BadInputs, CaptoolsError
from captools.flat.parts import Part, cut, tried
from captools.geo import select
from captools.geo.time import parse_span
from captools.maps.categories import Categories
from captools.maps.raster import Aggregate, Canvas
from captools.maps.surveying import MapOptions, Survey, blocks_of_spans

PART_ROWS = 1 << 19  # at least; and so many for each pixel, which each part has anew:
ROWS_PER_PIXEL = 4


class Totals:
    """What the points of some files add up to in the pixels of a map.

    Attributes
    ----------
    periods : list of Aggregate
        Of each period if there are two; else of all points.
    categories : Categories or None
        If points are told apart.
    """

    def __init__(self, request: MapOptions, canvas: Canvas) -> None:
        self._request = request
        self._spans = [parse_period(text) for text in request.diff] if request.diff else [None]
        kind = "mean" if request.diff else "count" if request.by else request.agg
        self.periods = [Aggregate(canvas, kind) for _ in self._spans]
        self.categories = Categories(canvas, request.by) if request.by else None

    @property
    def columns(self) -> list[str]:
        """The columns that are needed besides x and y."""
        needed = [self._request.column, "t_gps" if self._request.diff else None, self._request.by]
        return [*filter(None, needed)]

    def add(self, block: dict[str, np.ndarray]) -> None:
        """Add points.

        Raises
        ------
        InputError
            If there are too many categories.
        """
        x, y, values = block["x"], block["y"], block.get(self._request.column)
        for span, total in zip(self._spans, self.periods, strict=True):
            if span is None:
                total.add(x, y, values)
            else:
                then = select.in_span(block["t_gps"], span)
                total.add(x[then], y[then], values[then])
        if self.categories is not None:
            known = np.isfinite(values) if values is not None else slice(None)
            self.categories.add(x[known], y[known], block[self._request.by][known])

    def packed(self) -> tuple[Any, Any]:
        """Return what there is, of the pixels that have points alone."""
        by_category = self.categories.packed() if self.categories is not None else None
        return [total.packed() for total in self.periods], by_category

    def join(self, packed: tuple[Any, Any]) -> None:
        """Add what others have; errors as `add`."""
        periods, by_category = packed
        for total, more in zip(self.periods, periods, strict=True):
            total.join(*more)
        if self.categories is not None:
            self.categories.join(by_category)


class _Found(NamedTuple):
    """What a part of the files has."""

    totals: tuple[Any, Any]
    misplaced: int
    all_bounds: Bounds


@dataclass(frozen=True)
class _AddUp:
    """Add up the points of a part of the files."""

    survey: Survey  # without what it says of single files
    request: MapOptions
    canvas: Canvas

    def __call__(self, part: Part) -> _Found:
        survey = self.survey.without_files()
        totals = Totals(self.request, self.canvas)
        for block in blocks_of_spans(survey, self.request, part.spans, totals.columns):
            totals.add(block)
        if survey.bad:
            raise BadInputs(survey.bad)
        return _Found(totals.packed(), survey.misplaced, survey.all_bounds)


def fold(survey: Survey, request: MapOptions, canvas: Canvas, crew: Crew) -> Totals:
    """Add up all points, part by part, in the order of the files.

    Files that prove damaged are left out, and named in `Survey.bad`.

    Raises
    ------
    CaptoolsError
        If a file was changed meanwhile, a server is out of reach, or there are too many categories.
    """
    totals = Totals(request, canvas)
    add_up = _AddUp(survey.without_files(), request, canvas)
    survey.misplaced = 0
    parts = cut(survey.good, max(PART_ROWS, ROWS_PER_PIXEL * canvas.width * canvas.height))
    for found in _values(survey, crew, add_up, parts):
        totals.join(found.totals)
        survey.misplaced += found.misplaced
        survey.all_bounds.include(found.all_bounds)
    survey.drop_bad()
    return totals


def _values(survey: Survey, crew: Crew, add_up: _AddUp, parts: list[Part]) -> Iterator[_Found]:
    """Yield what the parts have, of bad ones what is left without bad files, which are named."""
    with closing(tried(crew, add_up, parts)) as values:
        for _, found in values:
            if isinstance(found, BadInputs):
                survey.bad |= found.errors
            elif isinstance(found, CaptoolsError):
                raise found
            else:
                yield found


def parse_period(text: str) -> tuple[float, float]:
    """Return the GPS seconds of a period: ``2019``, or ``2019-03-01/2019-06-01``.

    Raises
    ------
    ValueError
        If it is none.
    """
    start, _, end = text.partition("/")
    if re.fullmatch(r"\d{4}", text):
        end = str(int(text) + 1)
    if not end:
        raise ValueError(f"period {text!r} is neither a year (2019) nor T0/T1")
    return parse_span((start, end))
