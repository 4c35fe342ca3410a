"""Points as charts: the profile of a pass, the histogram of a column, points in time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from captools.bounds import Bounds
from captools.errors import InputError
from captools.flat.collection import height_of
from captools.geo.time import decimal_year
from captools.io.address import Url, parse_location
from captools.maps.categories import MOST, category_name
from captools.maps.mapping import caption
from captools.maps.surveying import MapOptions, Survey, blocks_of, survey_files, with_unit

EARTH_KM = 6371.0088
HALF_ORBIT = 50 * 60  # seconds: a pass is shorter, and farther from its start with each point
FINE = 1 << 14  # bins between the least and the most, of which those that are drawn are made
BINS = 128
PART = 0.001  # of the points at either end, which may lie far away: beyond the axis


@dataclass
class Chart:
    """What is drawn, and what it means."""

    x: np.ndarray  # of points; or, one more than y, the edges of bars
    y: np.ndarray
    names: tuple[str, str]  # of the axes
    title: str
    caption: str
    rows: int  # of the files, drawn or not
    points: int
    bad: dict[str, str] = field(default_factory=dict)
    groups: dict[str, np.ndarray] = field(default_factory=dict)  # which points belong to what


def make_chart(kind: str, files: Iterable[str | Path | Url], request: MapOptions) -> Chart:
    """Fold the points of flat files into a chart.

    Parameters
    ----------
    kind : {"profile", "histogram", "time"}
        What is drawn.
    files : iterable of path
        The files.
    request : MapOptions
        Which column, and which points.

    Raises
    ------
    InputError
        If no file can be used, there is nothing to draw, a column is missing, or there is more
        than one pass to draw a profile of.
    """
    paths = [parse_location(path) for path in files]
    if kind != "time" and not request.var:
        request = replace(request, var=height_of(paths))
    request = replace(request, agg="count" if kind == "time" else "mean")
    survey = survey_files(paths, request)
    kinds: dict[str, Callable] = {"profile": _profile, "histogram": _histogram, "time": _months}
    return kinds[kind](survey, request)


def _blocks(
    survey: Survey, request: MapOptions, more: Iterable[str] = ()
) -> Iterator[dict[str, np.ndarray]]:
    """Yield columns of the points that have a value, and lie in the extent."""
    needed = [*filter(None, (request.column, *more))]
    for block in blocks_of(survey, request, needed):
        keep = np.ones(len(block["x"]), bool)
        if request.column:
            keep &= np.isfinite(block[request.column])
        if request.extent is not None:
            xmin, xmax, ymin, ymax = request.extent
            keep &= (block["x"] >= xmin) & (block["x"] <= xmax)
            keep &= (block["y"] >= ymin) & (block["y"] <= ymax)
        if keep.any():
            yield {name: values[keep] for name, values in block.items()}


def _profile(survey: Survey, request: MapOptions) -> Chart:
    """Return a column against the distance from the first point of a pass."""
    names = ["lon", "lat", "t_gps", *([request.by] if request.by else [])]
    blocks, times = [], Bounds()
    for block in _blocks(survey, request, names):
        times.add("t_gps", block["t_gps"])
        low, high = times.get("t_gps", (0.0, 0.0))
        _check_pass(high - low)  # before the next ones: they might be more than memory holds
        blocks.append(block)
    if not blocks:
        raise survey.nothing(f"point with a value of {request.column}")
    columns = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    _check_pass(np.ptp(columns["t_gps"]))
    lon, lat = np.radians(columns["lon"]), np.radians(columns["lat"])
    place = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    apart = np.linalg.norm(place - place[:, [columns["t_gps"].argmin()]], axis=0)
    x = 2 * EARTH_KM * np.arcsin(np.minimum(apart / 2, 1))
    chart = _chart(survey, len(x), x, columns[request.column])
    chart.names = "distance along the track (km)", _named(survey)
    chart.title = f"profile of {survey.label}"
    if request.by:
        values = columns[request.by]
        found = [value for value in np.unique(values).tolist() if value == value]
        if len(found) > MOST:
            raise InputError(f"--by {request.by}: has more than {MOST} values")
        chart.groups = {category_name(request.by, one): values == one for one in found}
    return chart


def _check_pass(seconds: float) -> None:
    """Raise InputError if points are too far apart in time for a pass, or have none."""
    if not seconds <= HALF_ORBIT:
        raise InputError(
            f"a profile is of one pass, and the points are {seconds / 3600:.3g} hours apart: "
            "name the files of a pass"
        )


def _histogram(survey: Survey, request: MapOptions) -> Chart:
    """Return how many points have which values, but for the few that lie far away."""
    found = Bounds()
    for block in _blocks(survey, request):
        found.add("value", block[request.column])
    if not found:
        raise survey.nothing(f"point with a value of {request.column}")
    low, high = found.get("value", (0.0, 0.0))
    margin = (high - low or abs(low) or 1.0) / FINE
    edges = np.linspace(low - margin, high + margin, FINE + 1)
    count = np.zeros(FINE, np.int64)
    for block in _blocks(survey, request):
        count += np.histogram(block[request.column], edges)[0]
    part = np.cumsum(count) / count.sum()
    first, last = np.searchsorted(part, [PART, 1 - PART])
    step = max(1, -(-(last + 1 - first) // BINS))
    starts = np.arange(first, last + 1, step)
    # One bin more, for the last bar may end where they do.
    y = np.add.reduceat(np.append(count, 0), [*starts, min(starts[-1] + step, FINE)])[:-1]
    chart = _chart(survey, int(count.sum()), edges[[*starts, min(starts[-1] + step, FINE)]], y)
    chart.names, chart.title = (_named(survey), "number of points"), survey.label
    beyond = 1 - y.sum() / count.sum()
    chart.caption += f" · {beyond:.2%} of the points beyond the axis" if beyond else ""
    return chart


def _months(survey: Survey, request: MapOptions) -> Chart:
    """Return how many points each month has, and the first days of the months."""
    months: dict[int, int] = {}
    for block in _blocks(survey, request, ["t_gps"]):
        found = _month(block["t_gps"][np.isfinite(block["t_gps"])])
        for month, count in zip(*np.unique(found, return_counts=True), strict=True):
            months[int(month)] = months.get(int(month), 0) + int(count)
    if not months:
        raise survey.nothing("point with a time")
    y = np.array([months.get(one, 0) for one in range(min(months), max(months) + 1)])
    edges = (min(months) + np.arange(len(y) + 1)).astype("M8[M]").astype("M8[D]")
    chart = _chart(survey, int(y.sum()), edges, y)
    chart.names, chart.title = ("month", "number of points"), "points per month"
    return chart


def _month(t_gps: np.ndarray) -> np.ndarray:
    """Return months of the calendar, since 1970."""
    year = decimal_year(t_gps)
    first = np.floor(year).astype(int)
    length = (np.datetime64("1970") + (first + 1 - 1970)).astype("M8[D]")
    begin = (np.datetime64("1970") + (first - 1970)).astype("M8[D]")
    day = begin + np.floor((year - first) * (length - begin).astype(int) + 1e-9).astype(int)
    return day.astype("M8[M]").astype(int)


def _chart(survey: Survey, points: int, x: np.ndarray, y: np.ndarray) -> Chart:
    text = caption(points, len(survey.good), survey.bad)
    return Chart(x, y, ("", ""), "", text, survey.rows, points, survey.bad)


def _named(survey: Survey) -> str:
    return with_unit(survey.label, survey.units)
