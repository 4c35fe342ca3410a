"""The circle beside a map that shows where on a hemisphere it lies."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from captools.geo import coords
from captools.maps.overlays import Lines, Overlay
from captools.maps.raster import Canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POLAR = 55  # degrees of latitude from which the circle has a pole in its middle
RADIUS = 6378137.0
PIXELS = 200  # of the circle: finer than that, lines are not drawn
FOOTPRINT = "#d62728"


def draw_locator(axes: "Axes", canvas: Canvas, crs: str, overlays: Sequence[Lines]) -> None:
    """Draw the hemisphere of a map in axes of its own.

    Parameters
    ----------
    axes : matplotlib axes
        Square ones.
    canvas : Canvas
        What the map shows, in units of its CRS.
    crs : str
        The CRS.
    overlays : sequence of Lines
        Those that are drawn over the map, and here too.
    """
    from matplotlib.patches import Circle

    own = projection(canvas, crs)
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal", xticks=[], yticks=[])
    axes.set_axis_off()
    circle = Circle((0, 0), 1, facecolor="#eef3f7", edgecolor="0.3", linewidth=0.8)
    axes.add_patch(circle)
    for lon, lat in _graticule():
        _draw(axes, coords.project(lon, lat, own), color="0.6", linewidth=0.3)
    edges = (-RADIUS, RADIUS, -RADIUS, RADIUS)
    for found in overlays:
        for line in Overlay(found, own).within(edges, 2 * RADIUS / PIXELS):
            _draw(axes, line.T, color="0.15", linewidth=0.5)
    x, y = coords.transform(*_frame(canvas), crs, own)
    _draw(axes, (x, y), color=FOOTPRINT, linewidth=1.3)
    if np.nanmax(x) - np.nanmin(x) < 0.1 * RADIUS:  # too small to be seen
        axes.plot(np.nanmean(x) / RADIUS, np.nanmean(y) / RADIUS, "o", color=FOOTPRINT, ms=4)


def projection(canvas: Canvas, crs: str) -> str:
    """Return the view from far away of the hemisphere of a map, with its north where it is."""
    x, y = (canvas.xmin + canvas.xmax) / 2, (canvas.ymin + canvas.ymax) / 2
    lon, lat = (part.item() for part in coords.transform(*_at(x, y), crs, "EPSG:4326"))
    if np.isfinite(lat) and abs(lat) >= POLAR:
        lat = float(np.copysign(90, lat))
        # The meridian that is upright on the map, if its pole is where x and y are 0.
        x, y = coords.transform(*_at(0.0, -np.copysign(1.0, lat) * 1e6), crs, "EPSG:4326")
        is_upright = coords.crs_unit(crs) == "m" and abs(y.item()) > POLAR
        lon = x.item() if is_upright else lon
    return f"+proj=ortho +lat_0={lat:.6f} +lon_0={lon:.6f} +a={RADIUS} +b={RADIUS} +units=m"


def _at(x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([x]), np.array([y])


def _graticule() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    around, along = np.linspace(-180, 180, 181), np.linspace(-90, 90, 91)
    for lat in range(-60, 61, 30):
        yield around, np.full(181, float(lat))
    for lon in range(-180, 180, 45):
        yield np.full(91, float(lon)), along


def _frame(canvas: Canvas) -> tuple[np.ndarray, np.ndarray]:
    """Return points along the edges of a map."""
    part, end = np.linspace(0, 1, 60), np.ones(60)
    x = canvas.xmin + (canvas.xmax - canvas.xmin) * np.concatenate([part, end, 1 - part, 0 * end])
    y = canvas.ymin + (canvas.ymax - canvas.ymin) * np.concatenate([0 * end, part, end, 1 - part])
    return x, y


def _draw(axes: "Axes", line: Sequence[np.ndarray], **style: object) -> None:
    x, y = (np.where(np.isfinite(part), part, np.nan) / RADIUS for part in line)
    axes.plot(x, y, **style)
