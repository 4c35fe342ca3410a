"""The graticule of a map: meridians and parallels, with their names at the frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from captools.geo import coords
from captools.maps.raster import Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox


# Degrees between lines.
STEPS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)
WIDEST = 45
NEAR = 0.6  # of a name's height: the room around it
KEEPS_ROOM = "keeps-room"  # the mark of lines on which no name is written
BEHIND = {"boxstyle": "square,pad=0.05", "facecolor": "white", "alpha": 0.55, "linewidth": 0}


@dataclass(frozen=True)
class Line:
    """A meridian or a parallel, in the axes' units, and what it is called."""

    x: np.ndarray
    y: np.ndarray
    name: str


def draw_graticule(axes: "Axes", canvas: Canvas, crs: str, scale: float, size: float) -> None:
    """Draw meridians and parallels, each named where it meets the frame.

    Parameters
    ----------
    axes : matplotlib axes
        Where, with their limits set. What is written on them already keeps its room.
    canvas : Canvas
        What they show, in units of the CRS.
    crs : str
        The CRS.
    scale : float
        How many units of the CRS one of the axes is.
    size : float
        Of the names, in points.
    """
    lon, lat = _places(canvas, crs)
    if not np.isfinite(lat).any():
        return
    written = [*axes.texts, *(line for line in axes.lines if line.get_gid() == KEEPS_ROOM)]
    taken = [one.get_window_extent() for one in written]
    for lon_line, lat_line, name in _lines(lon, lat):
        x, y = coords.transform(lon_line, lat_line, "EPSG:4326", crs)
        line = Line(x / scale, y / scale, name)
        axes.plot(line.x, line.y, color="0.35", linewidth=size / 16, alpha=0.6, zorder=3)
        _name(axes, line, size, taken)


def draw_ticks(axes: "Axes", size: float) -> None:
    """Let there be as many numbers along the axes as there is room for."""
    from matplotlib.ticker import MaxNLocator

    box, em = axes.get_window_extent(), size * axes.figure.dpi / 72
    for axis, across in ((axes.xaxis, box.width / 4.5), (axes.yaxis, box.height / 2.0)):
        most = int(np.clip(across / em, 2, 9))
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))


def draw_degrees(axes: "Axes", canvas: Canvas) -> None:
    """Let the ticks of a map in degrees be its graticule."""
    west, east = max(canvas.xmin, -360.0), min(canvas.xmax, 360.0)
    axes.set_xticks(ticks := round_degrees(west, east), [degrees(one, "lon") for one in ticks])
    south, north = max(canvas.ymin, -90.0), min(canvas.ymax, 90.0)
    axes.set_yticks(ticks := round_degrees(south, north), [degrees(one, "lat") for one in ticks])
    axes.grid(color="0.35", linewidth=0.5, alpha=0.6)


def degrees(value: float, name: str) -> str:
    """Return a longitude or latitude as maps write it.

    Examples
    --------
    >>> degrees(-60.0, "lon"), degrees(190.0, "lon"), degrees(-80.5, "lat"), degrees(0.0, "lon")
    ('60°W', '170°W', '80.5°S', '0°')
    """
    value = (value + 180) % 360 - 180 if name == "lon" else value
    value = round(value, 6)
    side = ("W", "E") if name == "lon" else ("S", "N")
    letter = "" if value in (0, -180) else side[int(value > 0)]
    return f"{abs(value):.8g}°{letter}"


def round_degrees(low: float, high: float) -> np.ndarray:
    """Return some four to eight round numbers from one to another."""
    step = next((step for step in STEPS if (high - low) / step <= 8), WIDEST)
    return np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step


def _places(canvas: Canvas, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return longitudes and latitudes of a grid of points of the map."""
    x, y = np.meshgrid(
        np.linspace(canvas.xmin, canvas.xmax, 41), np.linspace(canvas.ymin, canvas.ymax, 41)
    )
    return coords.transform(x.ravel(), y.ravel(), crs, "EPSG:4326")


def _lines(lon: np.ndarray, lat: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, str]]:
    """Yield longitudes, latitudes and names of the lines of round degrees that cross a region."""
    lon, lat = lon[np.isfinite(lon)], lat[np.isfinite(lat)]
    west, east = coords.lon_bounds(lon)
    east += 360 if east < west else 0
    south, north = lat.min(), lat.max()
    if max(abs(south), abs(north)) > 89.5 or east - west > 180:  # around the pole
        west, east = -180.0, 180.0
    meridians = round_degrees(west, east)
    if len(meridians) and meridians[-1] - meridians[0] == 360:
        meridians = meridians[:-1]
    wide, high = east - west, north - south
    along = np.linspace(max(south - 0.1 * high, -90), min(north + 0.1 * high, 90), 400)
    beyond = min(0.1 * wide, (360 - wide) / 2)
    around = np.linspace(west - beyond, east + beyond, 1201)
    for value in meridians:
        yield np.full(400, value), along, degrees(value, "lon")
    for value in round_degrees(south, north):
        if abs(value) < 90:  # the pole is a point
            yield around, np.full(1201, value), degrees(value, "lat")


def _name(axes: "Axes", line: Line, size: float, taken: "list[Bbox]") -> None:
    """Write the name of a line where it meets the frame, else along it, if there is room."""
    text = axes.annotate(
        line.name, (0, 0), fontsize=size, color="0.15", ha="center", va="center", bbox=BEHIND,
        annotation_clip=False,
    )  # fmt: skip
    text.set_zorder(6)
    for x, y in _candidates(axes, line, text):
        text.xy = (x, y)
        text.set_position((x, y))
        box = text.get_window_extent()
        room = box.padded(NEAR * box.height)
        if not any(room.overlaps(other) for other in taken):
            taken.append(box)
            return
    text.remove()


def _candidates(axes: "Axes", line: Line, text: "Text") -> Iterator[tuple[float, float]]:
    """Yield places of a name on its line: those at the frame first."""
    frame, box = axes.get_window_extent(), text.get_window_extent()
    wide, high = box.width / 2 + NEAR * box.height, (0.5 + NEAR) * box.height
    at = axes.transData.transform(np.column_stack([line.x, line.y]))
    with np.errstate(invalid="ignore"):
        # Below 0 on the map, away from the frame by half of the name.
        beyond = np.maximum(
            np.abs(at[:, 0] - (frame.x0 + frame.x1) / 2) - frame.width / 2 + wide,
            np.abs(at[:, 1] - (frame.y0 + frame.y1) / 2) - frame.height / 2 + high,
        )
        for one in np.flatnonzero((beyond[:-1] < 0) != (beyond[1:] < 0)):
            first, last = beyond[one], beyond[one + 1]
            if np.isfinite(first) and np.isfinite(last):
                part = first / (first - last)
                yield (
                    line.x[one] + part * (line.x[one + 1] - line.x[one]),
                    line.y[one] + part * (line.y[one + 1] - line.y[one]),
                )
        inside = np.flatnonzero(beyond < 0)
    nearest = inside[np.argsort(-beyond[inside], kind="stable")]
    for one in nearest[:: max(1, len(nearest) // 60)]:
        yield line.x[one], line.y[one]
