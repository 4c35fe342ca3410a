"""The command that draws what a page shows."""

import shlex
from collections.abc import Iterable, Sequence

from captools.geo.time import gps_of_decimal_year
from captools.maps.pointcache import YEAR
from captools.maps.raster import Canvas
from captools.maps.shading import Style
from captools.maps.surveying import MapOptions

KEPT = "shown_points"  # the folder of the points of a direction, or of some years


def preview_command(
    files: Sequence[str], request: MapOptions, canvas: Canvas, style: Style, where: str
) -> str:
    """Return the command that draws this map, with the one before it that it may need.

    Parameters
    ----------
    files : sequence of str
        The inputs.
    request : MapOptions
        What is mapped: column, aggregate, and which points.
    canvas : Canvas
        What of it is shown, of what size.
    style : Style
        Its colours.
    where : str
        A condition that the points meet, "" if there is none: `filter` keeps those, and says in
        which files, for there may be others from before in its folder.

    Examples
    --------
    >>> canvas = Canvas(0.0, 8e3, -3e3, 3e3, 800, 600)
    >>> request = MapOptions(var="h_li", extent=(0.0, 8e3, -3e3, 3e3))
    >>> print(preview_command(["all.h5"], request, canvas, Style("magma"), "is_asc"))
    captools filter all.h5 -o shown_points --where is_asc |
    captools preview - -o map.png --var h_li --extent 0 8000 -3000 3000 --size 800 600 --cmap magma
    """
    words = ["captools", "preview", *(["-"] if where else files), "-o", "map.png"]
    words += ["--var", str(request.var), *_of_request(request)]
    words += ["--extent", *_numbers(request.extent or ())]
    words += ["--size", str(canvas.width), str(canvas.height), *_of_style(style)]
    if not where:
        return shlex.join(words)
    kept = ["captools", "filter", *files, "-o", KEPT, "--where", where]
    return f"{shlex.join(kept)} |\n{shlex.join(words)}"


def _of_request(request: MapOptions) -> list[str]:
    words: list[str] = []
    if request.agg != "mean":
        words += ["--agg", request.agg]
    if request.xy != ("x", "y"):
        words += ["--xy", *request.xy]
    if request.lonlat:
        lonlat = request.lonlat
        words += ["--lonlat", *(lonlat.split(",") if isinstance(lonlat, str) else lonlat)]
    if request.crs:
        words += ["-p", request.crs]
    if request.bbox:
        words += ["-b", *_numbers(request.bbox)]
    return [*words, *(["--all-rows"] if request.all_rows else [])]


def _of_style(style: Style) -> list[str]:
    words = ["--cmap", style.cmap] if style.cmap else []
    if style.how != "linear":
        words += ["--how", style.how]
    if style.clip is not None:
        return [*words, "--clip", *_numbers(style.clip)]
    if style.percentiles != (2.0, 98.0):
        words += ["--percentiles", *_numbers(style.percentiles)]
    return words


def condition(direction: str, years: Iterable[int] | None, time: str) -> str:
    """Return what points of a direction and of some years meet, for ``--where``.

    Parameters
    ----------
    direction : {"both", "ascending", "descending"}
        Which points.
    years : iterable of int, optional
        Whole years, by default all.
    time : str
        The column that says when: decimal years, else GPS seconds.

    Examples
    --------
    >>> condition("descending", [2019, 2020], "t_year")
    'not is_asc and (t_year >= 2019 and t_year < 2021)'
    """
    parts = {"ascending": ["is_asc"], "descending": ["not is_asc"]}.get(direction, [])
    if years is not None:
        spans = [
            f"({time} >= {_moment(first, time)} and {time} < {_moment(last, time)})"
            for first, last in _spans(sorted(years))
        ]
        one = " or ".join(spans) or f"{time} < 0"
        parts.append(f"({one})" if len(spans) > 1 else one)
    return " and ".join(parts)


def _spans(years: list[int]) -> list[tuple[int, int]]:
    """Return the first year of each run of years, and the one after it."""
    spans: list[tuple[int, int]] = []
    for year in years:
        if spans and spans[-1][1] == year:
            spans[-1] = spans[-1][0], year + 1
        else:
            spans.append((year, year + 1))
    return spans


def _moment(year: int, time: str) -> str:
    if time == YEAR:
        return str(year)
    return f"{float(gps_of_decimal_year(year)):.17g}"


def _numbers(values: Iterable[float]) -> list[str]:
    return [repr(float(value)).removesuffix(".0") for value in values]
