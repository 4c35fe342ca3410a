"""The graticule of a map: meridians and parallels, with their names."""

from typing import TYPE_CHECKING

import numpy as np

from captools.geo import coords
from captools.maps.raster import Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes


STEPS_DEGREES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45)  # between lines
NAME_POINTS = 7  # size of the names
BAR = 0.27  # of the width, and a third of it of the height: the corner of the scale bar


def draw_graticule(axes: "Axes", canvas: Canvas, crs: str, scale: float) -> None:
    """Draw meridians and parallels, each named where it leaves the map.

    Parameters
    ----------
    axes : matplotlib axes
        Where, with their limits set.
    canvas : Canvas
        What they show, in units of the CRS.
    crs : str
        The CRS.
    scale : float
        How many units of the CRS one of the axes is.
    """
    lon, lat = _places(canvas, crs)
    if not np.isfinite(lat).any():
        return
    xmin, xmax, ymin, ymax = (edge / scale for edge in _edges(canvas))
    bar = (xmin, xmin + BAR * (xmax - xmin), ymin, ymin + BAR / 3 * (ymax - ymin))
    taken = [bar]  # boxes in which something is written
    for name, lines in _lines(lon, lat).items():
        for line_lon, line_lat, value in lines:
            x, y = coords.transform(line_lon, line_lat, "EPSG:4326", crs)
            axes.plot(x / scale, y / scale, color="0.3", linewidth=0.5, alpha=0.6, zorder=1)
            _name_line(axes, canvas, (x / scale, y / scale), _degrees(value, name), taken)


def _places(canvas: Canvas, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return longitudes and latitudes of a grid of points of the map."""
    x, y = np.meshgrid(
        np.linspace(canvas.xmin, canvas.xmax, 41), np.linspace(canvas.ymin, canvas.ymax, 41)
    )
    return coords.transform(x.ravel(), y.ravel(), crs, "EPSG:4326")


def _lines(lon: np.ndarray, lat: np.ndarray) -> dict[str, list]:
    """Return the meridians and parallels of round degrees that cross a region."""
    lon, lat = lon[np.isfinite(lon)], lat[np.isfinite(lat)]
    west, east = coords.lon_bounds(lon)
    east += 360 if east < west else 0
    south, north = lat.min(), lat.max()
    if max(abs(south), abs(north)) > 89.5 or east - west > 180:  # around the pole
        west, east = -180.0, 180.0
    meridians = [
        (np.full(200, value), np.linspace(max(south - 1, -90), min(north + 1, 90), 200), value)
        for value in _round_degrees(west, east)
    ]
    parallels = [
        (np.linspace(west - 1, east + 1, 721), np.full(721, value), value)
        for value in _round_degrees(south, north)
    ]
    return {"lon": meridians, "lat": parallels}


def _round_degrees(low: float, high: float) -> np.ndarray:
    """Return some four to eight round numbers between two."""
    step = next((step for step in STEPS_DEGREES if (high - low) / step <= 8), STEPS_DEGREES[-1])
    values = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return values[:-1] if len(values) and values[-1] - values[0] == 360 else values


def _degrees(value: float, name: str) -> str:
    """Return a longitude or latitude as maps write it."""
    value = (value + 180) % 360 - 180 if name == "lon" else value
    side = ("W", "E") if name == "lon" else ("S", "N")
    letter = "" if value in (0, -180) else side[int(value > 0)]
    return f"{abs(value):g}°{letter}"


def _edges(canvas: Canvas) -> tuple[float, float, float, float]:
    return canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax


def _name_line(axes: "Axes", canvas: Canvas, line: tuple, text: str, taken: list[tuple]) -> None:
    """Write the name of a line on the last of its points where there is room for it, if any.

    All of it is on the map then, and in none of the boxes (xmin, xmax, ymin, ymax) that are taken.
    """
    (x, y), em = line, NAME_POINTS * axes.figure.dpi / 72
    xmin, xmax = sorted(axes.get_xlim())
    ymin, ymax = sorted(axes.get_ylim())
    # A digit is 0.64 em wide, a W 0.99: clipped, 25°W would read 5°W.
    half = (0.64 * len(text) + 0.5) * em / 2 / canvas.width * (xmax - xmin)
    wide, high = max(0.04 * (xmax - xmin), half), max(0.04, em / canvas.height) * (ymax - ymin)
    has_room = (x > xmin + wide) & (x < xmax - wide) & (y > ymin + high) & (y < ymax - high)
    tall = 0.75 * em / canvas.height * (ymax - ymin)
    for left, right, low, top in taken:
        beside = (x + half < left) | (x - half > right) | (y + tall < low) | (y - tall > top)
        has_room &= beside
    if has_room.any():
        at = np.flatnonzero(has_room)[-1]
        taken.append((x[at] - half, x[at] + half, y[at] - tall, y[at] + tall))
        axes.annotate(
            text,
            (x[at], y[at]),
            fontsize=NAME_POINTS,
            color="0.25",
            ha="center",
            va="center",
            clip_on=True,
        )
