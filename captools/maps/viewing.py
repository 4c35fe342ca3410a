"""The interactive map: flat files become a cloud of points, and a page of a browser shows it."""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import CaptoolsWarning
from captools.flat.reader import FlatFile
from captools.geo import coords, domain
from captools.geo.time import decimal_year
from captools.io.address import parse_location
from captools.maps.pointcache import DIRECTIONS, PointCache
from captools.maps.raster import AGGREGATES, Canvas, fit
from captools.maps.shading import Style, colormap
from captools.maps.surveying import MapOptions, Survey, blocks_of, survey_files
from captools.progress import counted

if TYPE_CHECKING:
    from holoviews import DynamicMap, Image
    from holoviews.plotting.bokeh.element import ElementPlot
    from panel.viewable import Viewable

SIZE_PIXELS = 800, 600  # of the map
COLOURS = ("viridis", "magma", "cividis", "turbo", "gray", "RdBu")
HOWS = ("linear", "log", "eq_hist")
WIDGET_PIXELS = 220  # its width
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scene:
    """What there is to see."""

    cloud: PointCache
    crs: str
    labels: dict[str, tuple[str, str]]  # what each column is, and its unit
    directed: bool  # whether ascending and descending points can be separated


# --- the points -----------------------------------------------------------------


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
    common, labels = _columns(survey, request, names)
    time = [name for name in ("t_year", "t_gps") if name in common][:1]
    more = dict.fromkeys([*names, *time, *({"is_asc"} & common)])
    cloud = PointCache(_points(survey, request, more), names)
    for error in survey.bad.values():
        log.error("failed: %s", error)
    if survey.misplaced:
        log.warning("warning: %s", domain.warning(survey.misplaced, survey.crs))
    log.info("%s of %s", counted(cloud.rows, "point"), counted(len(survey.good), "file"))
    return Scene(cloud, survey.crs, labels, "is_asc" in common)


def _columns(
    survey: Survey, request: MapOptions, names: list[str]
) -> tuple[set[str], dict[str, tuple[str, str]]]:
    """Return the columns that all files have, and what those named are."""
    common, labels = None, {}
    for path in survey.good:
        with FlatFile(path, request.place_names) as file:
            file.check_columns(names)
            common = set(file.columns) if common is None else common & set(file.columns)
            for name in names:
                attributes = file.attributes(name)
                labels.setdefault(name, (attributes["long_name"], attributes["units"]))
    return common, labels


def _points(
    survey: Survey, request: MapOptions, more: Iterable[str]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the points block by block, with their decimal years if their times are known.

    InputError if there are none.
    """
    rows = 0
    for block in blocks_of(survey, request, more):
        rows += len(block["x"])
        if "t_gps" in block and "t_year" not in block:
            block["t_year"] = decimal_year(block["t_gps"])
        yield block
    if not rows:
        raise survey.nothing("point")


# --- the page -------------------------------------------------------------------


def page_of(scene: Scene) -> Callable[[], "Viewable"]:
    """Return what makes the page of a visitor."""
    import holoviews
    from bokeh.core.validation import silence
    from bokeh.core.validation.warnings import FIXED_SIZING_MODE

    holoviews.extension("bokeh")
    silence(FIXED_SIZING_MODE)  # only the frame is of fixed size, the figure grows around it
    return lambda: Page(scene).layout()


@dataclass(frozen=True)
class Choice:
    """What the widgets say; each has the name of a field."""

    name: str
    kind: str
    direction: str
    years: list[int]
    cmap: str
    how: str
    percentiles: tuple[float, float]
    low: float | None
    high: float | None


class Page:
    """What one visitor sees: widgets, and a map that follows them.

    Parameters
    ----------
    scene : Scene
        The points.
    """

    def __init__(self, scene: Scene) -> None:
        from panel import widgets

        self.scene = scene
        self.home = self.shown = fit(scene.cloud.bounds, SIZE_PIXELS)
        years = scene.cloud.years
        self.widgets = {
            "name": widgets.Select(label="Column", options=list(scene.labels)),
            "kind": widgets.Select(label="Aggregate", options=list(AGGREGATES)),
            "direction": widgets.Select(
                label="Direction", options=list(DIRECTIONS), visible=scene.directed
            ),
            "years": widgets.CheckBoxGroup(
                label="Years", options=years, value=years, inline=True, visible=bool(years)
            ),
            "cmap": widgets.Select(label="Colours", options=list(COLOURS)),
            "how": widgets.Select(label="Scale", options=list(HOWS)),
            "percentiles": widgets.RangeSlider(
                label="Limits (percentiles)", start=0, end=100, value=(2, 98)
            ),
            "low": widgets.FloatInput(label="Lower limit", value=None),
            "high": widgets.FloatInput(label="Upper limit", value=None),
        }

    def layout(self) -> "Viewable":
        """Return the page."""
        import panel

        for widget in self.widgets.values():
            widget.width = WIDGET_PIXELS
        chart = panel.bind(self.plot, self.widgets["how"])
        return panel.Row(panel.Column(*self.widgets.values()), chart)

    def plot(self, how: str) -> "DynamicMap":
        """Return the map, which follows ranges and widgets.

        HoloViews keeps the kind of scale that a map begins with: another one needs a new map,
        which begins with what is on the screen.
        """
        import holoviews
        from holoviews.streams import Params, RangeXY

        values = {
            # A slider reports every step of a drag; only where it ends is worth a new map.
            name: widget.param["value_throttled" if name == "percentiles" else "value"]
            for name, widget in self.widgets.items()
            if name != "how"
        }
        shown = self.shown
        ranges = RangeXY(x_range=(shown.xmin, shown.xmax), y_range=(shown.ymin, shown.ymax))
        streams = [ranges, *Params.from_params(values)]
        image = partial(self.image, how=how)
        return holoviews.DynamicMap(image, streams=streams).opts(
            holoviews.opts.Image(cnorm=how, **self.axes(), **self.tools())
        )

    def axes(self) -> dict[str, object]:
        """Return the options of the axes."""
        from bokeh.models import NumeralTickFormatter

        shown, crs = self.shown, self.scene.crs
        known = crs != "unknown"
        unit = f" ({coords.crs_unit(crs)})" if known else ""
        ticks = NumeralTickFormatter(format="0,0.[00000]")
        return {
            "frame_width": shown.width,
            "frame_height": shown.height,
            "xlim": (shown.xmin, shown.xmax),
            "ylim": (shown.ymin, shown.ymax),
            "xlabel": f"x{unit}, {crs}" if known else "x",
            "ylabel": f"y{unit}",
            "xformatter": ticks,
            "yformatter": ticks,
            "colorbar": True,
            "clabel": "",
            "hooks": [self.lead_home],
        }

    def tools(self) -> dict[str, object]:
        """Return the options of the tools; those that zoom keep pixels square."""
        from bokeh.models import BoxZoomTool

        return {
            "default_tools": ["pan", "wheel_zoom", "save", "reset"],
            "tools": [BoxZoomTool(match_aspect=True), "hover"],
            "active_tools": ["pan", "wheel_zoom"],
            "hover_tooltips": [
                ("x", "$x{0,0.0}"),
                ("y", "$y{0,0.0}"),
                ("value", "@value"),
                ("count", "@count{0,0}"),
            ],
        }

    def lead_home(self, plot: "ElementPlot", element: "Image") -> None:
        """Let the tool "reset" show all points, whatever the map began with."""
        home = self.home
        plot.handles["x_range"].update(reset_start=home.xmin, reset_end=home.xmax)
        plot.handles["y_range"].update(reset_start=home.ymin, reset_end=home.ymax)

    def image(
        self,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        **chosen: object,
    ) -> "Image":
        """Return the map of these ranges, for what the widgets say (the fields of `Choice`)."""
        import holoviews
        from matplotlib.colors import to_hex

        self.shown = canvas = Canvas(*map(float, (*x_range, *y_range)), *SIZE_PIXELS)
        choice, cloud = Choice(**chosen), self.scene.cloud
        years = None if choice.years == cloud.years else choice.years  # None: unknown times as well
        pixels = cloud.view(canvas, choice.name, choice.kind, choice.direction, years)
        label, unit = self.scene.labels[choice.name]
        unit = "" if choice.kind == "count" or unit in ("", "1") else f" ({unit})"
        return holoviews.Image(
            np.dstack([pixels.values, pixels.count]),
            bounds=(canvas.xmin, canvas.ymin, canvas.xmax, canvas.ymax),
            vdims=["value", "count"],
        ).opts(
            title=f"{choice.kind} of {label}{unit}: {counted(pixels.count.sum(), 'point')}",
            cmap=[to_hex(colour) for colour in colormap(choice.cmap)(np.arange(256))],
            clim=limits(pixels.values, choice.how, choice.percentiles, choice.low, choice.high),
        )


def limits(
    values: np.ndarray,
    how: str,
    percentiles: tuple[float, float],
    low: float | None,
    high: float | None,
) -> tuple[float, float]:
    """Return the values of the first and the last colour: as asked for, else percentiles."""
    known = values[np.isfinite(values)]
    if how == "log":
        known = known[known > 0]  # the others have no logarithm
    if not known.size:
        return 1.0, 2.0
    first, last = Style(percentiles=percentiles).limits(known)
    first = first if low is None else low
    last = last if high is None else high
    return (max(first, float(known.min())) if how == "log" else first), last
