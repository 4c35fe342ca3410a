"""The page of the interactive map: it fills the window, and answers what is done on it."""

import html
import logging
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import InputError
from captools.geo.time import gps_of_decimal_year, utc_text
from captools.maps import display, overlays, picking
from captools.maps.choices import GROWTH, Choices
from captools.maps.commanding import preview_command
from captools.maps.overlays import Overlay
from captools.maps.pointcache import PASS, Pixels
from captools.maps.raster import FARTHEST, Canvas, fit
from captools.maps.shading import Style, dynspread, shade
from captools.maps.surveying import with_unit
from captools.maps.viewing import Scene
from captools.progress import counted

if TYPE_CHECKING:
    from bokeh.events import Tap
    from panel.viewable import Viewable

WIDGET_PIXELS = 230  # the width of what is beside the map
REACH_PIXELS = 12  # from the mouse to a point that is meant
PROFILE_POINTS = 10_000  # drawn of a pass; of more, every second, third ... one
BACK = "window.addEventListener('popstate', () => window.location.reload())"
log = logging.getLogger(__name__)


def page_of(scene: Scene) -> Callable[[], "Viewable"]:
    """Return what makes the page of a visitor."""
    import panel

    panel.extension()
    fit(scene.cloud.bounds, None)  # or there is nothing to serve
    lines = [Overlay(overlays.read(path), scene.crs) for path in scene.overlays]
    return lambda: Page(scene, lines).served()


class Page:
    """What one visitor sees: widgets, a map that follows them, and the profile of a pass.

    Parameters
    ----------
    scene : Scene
        The points.
    lines : list of Overlay
        What lies over them.
    """

    def __init__(self, scene: Scene, lines: list[Overlay]) -> None:
        self.scene, self.lines = scene, lines
        self.choices = Choices(scene)
        self.size = (0, 0)  # of the map in pixels, once the browser has told
        self.canvas: Canvas | None = None
        self.pixels: Pixels | None = None
        self.style = Style()
        self.display = display.Display(scene.crs)
        self.display.on_look(self.look)
        self.display.on_point(self.point)
        self.display.on_pick(self.pick)
        drawn = [name for name in self.choices.param if name not in ("name", "track")]
        self.choices.param.watch(self.draw, drawn)
        self.choices.param.watch(self.draw_profile, "track")

    # --- the page -----------------------------------------------------------------

    def served(self) -> "Viewable":
        """Return the page, which follows its address, and its address the page."""
        import panel
        from bokeh.events import DocumentReady
        from bokeh.models import CustomJS

        panel.state.curdoc.js_on_event(DocumentReady, self.display.ready, CustomJS(code=BACK))
        location = panel.state.location
        self.follow(location.search)
        names = [name for name in self.choices.param if name != "name"]

        def tell(*_: object) -> None:
            location.search = self.choices.address

        self.choices.param.watch(tell, names)
        location.param.watch(lambda event: self.follow(event.new), "search")
        return self.layout()

    def follow(self, address: str) -> None:
        """Show what an address says."""
        if address != self.choices.address:
            for unknown in self.choices.take(address):
                log.warning("warning: the address asks for what is not there: %s", unknown)

    def layout(self) -> "Viewable":
        """Return widgets and map side by side, as high as the window."""
        import panel

        parts = panel.Column(*self.widgets(), width=WIDGET_PIXELS + 20, height_policy="max")
        parts.styles = {"overflow-y": "auto", "max-height": "100vh", "padding": "4px"}
        shown = panel.Column(
            panel.pane.Bokeh(self.display.map, sizing_mode="stretch_both"),
            panel.pane.Bokeh(self.display.profile, sizing_mode="stretch_width"),
            panel.pane.Bokeh(self.display.tip),
            sizing_mode="stretch_both",
        )
        return panel.Row(
            parts,
            shown,
            sizing_mode="stretch_both",
            styles={"height": "100vh"},
            margin=0,
        )

    def widgets(self) -> list["Viewable"]:
        """Return what can be chosen, and the button that gives the command."""
        from panel import widgets

        of, dated = self.choices.param, bool(self.scene.cloud.years)
        slider = widgets.RangeSlider(
            label="Limits (percentiles)", start=0, end=100, value=self.choices.percentiles
        )
        # It reports every step of a drag; only where it ends is worth a new map.
        slider.param.watch(
            lambda event: self.choices.param.update(percentiles=event.new), "value_throttled"
        )
        of.watch(lambda event: slider.param.update(value=event.new), "percentiles")
        button = widgets.Button(label="preview command", width=WIDGET_PIXELS)
        text = widgets.TextAreaInput(
            label="Command", height=150, width=WIDGET_PIXELS, visible=False
        )
        button.on_click(lambda _: text.param.update(value=self.command(), visible=True))
        self.copied = display.copier(text)
        chosen = [
            widgets.Select.from_param(of.column),
            widgets.Select.from_param(of.aggregate),
            widgets.Select.from_param(of.direction, visible=self.scene.directed),
            widgets.CheckBoxGroup.from_param(of.years, inline=True, visible=dated),
            widgets.Select.from_param(of.colours),
            widgets.Select.from_param(of.scale),
            slider,
            widgets.FloatInput.from_param(of.low),
            widgets.FloatInput.from_param(of.high),
            widgets.IntInput.from_param(of.grow),
        ]
        for widget in chosen:
            widget.width = WIDGET_PIXELS
        return [*chosen, button, text]

    # --- the map ------------------------------------------------------------------

    def look(self, extent: tuple[float, float, float, float], size: tuple[int, int]) -> None:
        """Show what the axes of the browser show, in its number of pixels.

        Names of ticks make room or take it: a zoom may change the number of pixels, too.
        """
        moved = self.canvas is not None and display.apart(extent, self.canvas)
        is_far = any(abs(edge) >= FARTHEST for edge in extent)
        home = moved and (is_far or not display.apart(extent, self.home))
        resized, self.size = size != self.size, size
        if moved:
            self.choices.extent = None if home else display.rounded(extent, size)
        elif resized:
            self.draw()

    @property
    def home(self) -> Canvas:
        """The map of all points."""
        return fit(self.whole, self.size)

    @property
    def whole(self) -> display.Extent:
        """Where all points are, to a thousandth of a pixel; none is beyond it."""
        xmin, xmax, ymin, ymax = self.scene.cloud.bounds
        more = fit(self.scene.cloud.bounds, self.size).pixel[0] / 500
        return display.rounded((xmin - more, xmax + more, ymin - more, ymax + more), self.size)

    def draw(self, *_: object) -> None:
        """Draw the map of what is chosen."""
        if not all(self.size):
            return
        choices = self.choices
        extent = choices.extent or self.whole
        self.canvas = canvas = fit(extent, self.size)
        shown = choices.shown
        self.pixels = self.scene.cloud.view(
            canvas, shown.name, choices.aggregate, shown.direction, shown.years
        )
        self.display.draw(canvas, self.home)
        try:
            self.colour()
        except InputError as error:  # such as a logarithm of values below 0
            self.display.clear(str(error))
        edges = canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax
        lines = [line for one in self.lines for line in one.within(edges, canvas.pixel[0])]
        self.display.draw_lines(lines)
        self.draw_profile()

    def colour(self) -> None:
        """Colour the pixels; InputError if they have no colours of this scale."""
        values = self.pixels.values
        self.style = style = self.limited(self.choices.style)
        label = f"{self.choices.aggregate} of {self.label}"
        title = f"{label}: {counted(int(self.pixels.count.sum()), 'point')}"
        if not np.isfinite(values).any():
            self.display.clear(title)
            return
        norm = style.norm(values)
        picture = dynspread(shade(values, style, norm), self.choices.grow)
        self.display.colour(picture, norm, style.colours)
        self.display.map.title.text = title

    def limited(self, style: Style) -> Style:
        """Return a style with limits, unless its percentiles say them."""
        values, low, high = self.pixels.values, self.choices.low, self.choices.high
        says_all = low is None and high is None and style.percentiles[0] < style.percentiles[1]
        if says_all or not np.isfinite(values).any():
            return style
        first, last = style.limits(values)
        clip = (first if low is None else low), (last if high is None else high)
        is_right = -np.inf < clip[0] < clip[1] < np.inf
        return replace(style, clip=clip if is_right else (first, last))

    @property
    def label(self) -> str:
        """What the column is, and its unit if the pixels have it."""
        label, unit = self.scene.labels[self.choices.column]
        return label if self.choices.aggregate == "count" else with_unit(label, unit)

    def command(self) -> str:
        """Return the command that draws this map, "" if there is none yet."""
        if self.canvas is None:
            return ""
        extent = self.choices.extent or self.whole
        request = replace(self.choices.request, extent=extent)
        scene, where = self.scene, self.choices.condition
        command = preview_command(scene.files, request, self.canvas, self.style, where)
        over = (f" --overlay {shlex.quote(path)}" for path in scene.overlays)
        grown = "" if self.choices.grow == GROWTH else f" --point {self.choices.grow}"
        return command + "".join(over) + grown

    # --- single points ------------------------------------------------------------

    def nearest(self, x: float, y: float) -> int | None:
        """Return the row of the point at the mouse, None if there is none."""
        if self.canvas is None:
            return None
        reach = REACH_PIXELS * self.canvas.pixel[0]
        return picking.nearest(self.scene.cloud, self.choices.shown, (x, y), reach)

    def point(self, x: float, y: float) -> None:
        """Say what is at the mouse: the point nearest to it, and its pixel."""
        row = self.nearest(x, y)
        if row is None:
            self.display.point(None, "")
            return
        cloud = self.scene.cloud
        place = tuple(float(cloud.column(name)[row]) for name in ("x", "y"))
        lines = [f"{html.escape(name)}: <b>{html.escape(text)}</b>" for name, text in self.say(row)]
        self.display.point(place, "<br>".join(lines))

    def say(self, row: int) -> list[tuple[str, str]]:
        """Return names and texts of all that is known of a point and of its pixel."""
        cloud, choices = self.scene.cloud, self.choices
        found = picking.details(cloud, row, self.scene.crs)
        said = [(name, f"{found[name]:.5f}°") for name in ("lon", "lat") if name in found]
        if np.isfinite(year := found.get("t_year", np.nan)):
            said.append(("time", utc_text(gps_of_decimal_year(year))[0] or f"{year:.4f}"))
        said += [(name, str(value)) for name, value in self.identity(row).items()]
        unit = self.scene.labels[choices.column][1]
        value = float(cloud.column(f"value of {choices.column}")[row])
        said.append((choices.column, f"{value:,.7g} {unit if unit != '1' else ''}".strip()))
        x, y = (cloud.column(name)[row : row + 1] for name in ("x", "y"))
        pixel, inside = self.canvas.locate(x, y)
        if inside.any():
            value, count = (one.flat[pixel[0]] for one in (self.pixels.values, self.pixels.count))
            if count > 1:
                many = counted(int(count), "point")
                said.append(("pixel", f"{choices.aggregate} {value:,.7g}, {many}"))
        return said

    def identity(self, row: int) -> dict[str, object]:
        """Return what tells the pass of a point from others."""
        return self.scene.passes[int(self.scene.cloud.column(PASS)[row])]

    def pick(self, event: "Tap") -> None:
        """Draw the profile of the pass that was clicked at, or put it away."""
        row = self.nearest(event.x, event.y)
        self.choices.track = None if row is None else int(self.scene.cloud.column(PASS)[row])

    def draw_profile(self, *_: object) -> None:
        """Draw the profile of the pass that was picked, of its points on the map."""
        track, canvas = self.choices.track, self.canvas
        if track is None or canvas is None:
            self.display.put_away()
            return
        found = picking.profile(self.scene.cloud, self.choices.shown, track, canvas, self.scene.crs)
        number = len(found.values)
        every = max(1, -(-number // PROFILE_POINTS))
        names = ", ".join(f"{name} {value}" for name, value in self.scene.passes[track].items())
        drawn = "" if every == 1 else f", one in {every} of them drawn"
        label, unit = self.scene.labels[self.choices.column]
        self.display.draw_profile(
            found,
            every,
            f"{names or 'one pass'}: {counted(number, 'point')} on the map{drawn}",
            f"{self.choices.column} ({unit})" if unit not in ("", "1") else label,
        )
