"""What the browser draws: a map that fills its place, a profile below it, and a tip at the mouse.

The browser asks for one thing at a time: for a map when its axes have come to rest, and for the
point at the mouse when the answer before has come.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from captools.geo import coords
from captools.maps.picking import Profile
from captools.maps.raster import Canvas

if TYPE_CHECKING:
    from bokeh.events import Tap
    from bokeh.models import CustomJS
    from matplotlib.colors import Colormap, Normalize
    from panel.widgets import TextAreaInput

Extent = tuple[float, float, float, float]
PROFILE_PIXELS = 230  # its height
LEFT_PIXELS, RIGHT_PIXELS = 104, 76  # beside a map, at least, so that a zoom does not resize it
REST_MILLISECONDS = 120  # until a map is asked for
LOOK = """
clearTimeout(asked._timer)
asked._timer = setTimeout(() => {
  const [x, y] = [map.x_range, map.y_range]
  if (map.inner_width > 0 && map.inner_height > 0)
    asked.data = {
      x: [x.start, x.end], y: [y.start, y.end], size: [map.inner_width, map.inner_height],
      number: [axes.data.number[0], axes.data.number[0]],  // columns must be of one length
    }
}, rest)
"""
POINT = """
const box = Bokeh.index.find_one(map).el.getBoundingClientRect()
const [x, y] = [box.left + cb_obj.sx, box.top + cb_obj.sy]
const [wide, high] = [window.innerWidth, window.innerHeight]
const across = x < wide / 2 ? `left: ${x + 16}px` : `right: ${wide - x + 16}px`
const up = y < high / 2 ? `top: ${y + 12}px` : `bottom: ${high - y + 12}px`
tip._place = `${across}; ${up}`
asked._number = (asked._number ?? 0) + 1  // of the same place as before nothing would be asked
asked._next = {x: [cb_obj.x], y: [cb_obj.y], number: [asked._number]}
if (!asked._waiting) {
  asked._waiting = true
  asked.data = asked._next
  asked._next = null
}
"""
ANSWERED = """
asked._waiting = false
tip.stylesheets = [`:host {
  position: fixed; z-index: 9; pointer-events: none; background: white; padding: 4px 8px;
  border: 1px solid #888; font: 12px sans-serif; display: ${tip.text ? 'block' : 'none'};
  ${tip._place}
}`]
if (asked._next) {
  asked._waiting = true
  asked.data = asked._next
  asked._next = null
}
"""
GONE = """
tip.stylesheets = [':host { display: none }']
asked._next = null
near.data = {x: [], y: []}
"""
COPY = """
if (cb_obj.value && navigator.clipboard)
  navigator.clipboard.writeText(cb_obj.value).catch(() => null)
"""


def rounded(extent: Extent, size: tuple[int, int]) -> Extent:
    """Return edges of a map to a thousandth of a pixel, as they are written down.

    Examples
    --------
    >>> rounded((0.123456789, 800.0, 0.0, 600.0), (800, 600))
    (0.123, 800.0, 0.0, 600.0)
    """
    pixel = max((extent[1] - extent[0]) / size[0], (extent[3] - extent[2]) / size[1], 1e-12)
    digits = 3 - math.floor(math.log10(pixel))
    return tuple(round(float(edge), digits) for edge in extent)


def apart(extent: Extent, canvas: Canvas) -> bool:
    """Return whether edges are others than those of a map, by more than a hundredth of a pixel."""
    edges = np.array([canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax])
    return bool(np.abs(edges - extent).max() > canvas.pixel[0] / 100)


def copier(text: "TextAreaInput") -> "CustomJS":
    """Let what a text becomes be copied, if the browser lets us."""
    return text.jscallback(value=COPY)


class Display:
    """Map, profile and tip.

    Parameters
    ----------
    crs : str
        Of the map.
    """

    def __init__(self, crs: str) -> None:
        from bokeh.models import ColumnDataSource, Div

        self.known = crs != "unknown"
        unit = f" ({coords.crs_unit(crs)})" if self.known else ""
        self.tip = Div(text="", name="tip", stylesheets=[":host { display: none }"])
        self.sources = {
            "image": ColumnDataSource({name: [] for name in ("image", "x", "y", "dw", "dh")}),
            "lines": ColumnDataSource({"xs": [], "ys": []}),
            "picked": ColumnDataSource({"x": [], "y": [], "distance": [], "value": []}),
            "near": ColumnDataSource({"x": [], "y": []}),
        }
        self.looked, self.pointed = ColumnDataSource({}), ColumnDataSource({})
        self.answers = ColumnDataSource({"number": [0]})
        self.axes = ColumnDataSource({"number": [0]})  # how often we have set them
        self.seen: Extent | None = None  # what the axes of the browser show
        self._add_map(f"x{unit}, {crs}" if self.known else "x", f"y{unit}")
        self._add_colour_bar()
        self._add_profile()

    def _add_map(self, across: str, up: str) -> None:
        from bokeh.models import BoxZoomTool, NumeralTickFormatter, Range1d
        from bokeh.plotting import figure

        self.map = figure(
            name="map",
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            sizing_mode="stretch_both",
            tools="pan,wheel_zoom,save,reset",
            active_scroll="wheel_zoom",
            x_axis_label=across,
            y_axis_label=up,
            title=" ",
            min_border_left=LEFT_PIXELS,
            min_border_right=RIGHT_PIXELS,
        )
        self.map.add_tools(BoxZoomTool(match_aspect=True))
        self.map.toolbar.logo = None
        self.map.grid.visible = False
        for axis in self.map.axis:
            axis.formatter = NumeralTickFormatter(format="0,0.[00000]")
        places = {"x": "x", "y": "y", "dw": "dw", "dh": "dh"}
        self.map.image_rgba("image", source=self.sources["image"], **places)
        self.map.multi_line(
            "xs", "ys", source=self.sources["lines"], line_color="#333333", line_width=0.8
        )
        self.map.scatter("x", "y", source=self.sources["picked"], size=2, color="#e6007e")
        self.map.scatter(
            "x",
            "y",
            source=self.sources["near"],
            size=11,
            fill_color=None,
            line_color="black",
            line_width=2,
        )

    def _add_colour_bar(self) -> None:
        from bokeh.models import ColorBar, FixedTicker, LinearColorMapper

        self.mapper = LinearColorMapper(palette=["#ffffff"], low=0, high=1)
        self.bar = ColorBar(color_mapper=self.mapper, ticker=FixedTicker(ticks=[]), width=14)
        self.map.add_layout(self.bar, "right")

    def _add_profile(self) -> None:
        from bokeh.models import Range1d
        from bokeh.plotting import figure

        self.profile = figure(
            name="profile",
            height=PROFILE_PIXELS,
            sizing_mode="stretch_width",
            tools="pan,wheel_zoom,box_zoom,save,reset",
            visible=False,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            x_axis_label="distance (km)" if self.known else "distance",
            title=" ",
            min_border_left=LEFT_PIXELS,
            min_border_right=RIGHT_PIXELS,
        )
        self.profile.toolbar.logo = None
        self.profile.scatter(
            "distance", "value", source=self.sources["picked"], size=3, color="#e6007e"
        )

    # --- what is asked ------------------------------------------------------------

    def on_look(self, answer: Callable[[Extent, tuple[int, int]], None]) -> None:
        """Let a map be drawn when axes or window have changed."""
        from bokeh.models import CustomJS

        args = {"map": self.map, "asked": self.looked, "rest": REST_MILLISECONDS}
        args["axes"] = self.axes
        look = CustomJS(args=args, code=LOOK)
        for side in (self.map.x_range, self.map.y_range):
            side.js_on_change("start", look)
            side.js_on_change("end", look)
        self.map.js_on_change("inner_width", look)
        self.map.js_on_change("inner_height", look)
        self.ready = look

        def asked(name: str, old: object, new: dict) -> None:
            if new["number"][0] != self.axes.data["number"][0]:
                return  # it had not seen yet what we let the axes show
            wide, high = map(int, new["size"])
            self.seen = (*map(float, new["x"]), *map(float, new["y"]))
            answer(self.seen, (wide, high))

        self.looked.on_change("data", asked)

    def on_point(self, answer: Callable[[float, float], None]) -> None:
        """Let a point be looked for when the mouse moves."""
        from bokeh.events import MouseLeave, MouseMove
        from bokeh.models import CustomJS

        args = {"map": self.map, "asked": self.pointed, "tip": self.tip}
        args |= {"answers": self.answers, "near": self.sources["near"]}
        self.map.js_on_event(MouseMove, CustomJS(args=args, code=POINT))
        self.map.js_on_event(MouseLeave, CustomJS(args=args, code=GONE))
        self.answers.js_on_change("data", CustomJS(args=args, code=ANSWERED))

        def asked(name: str, old: object, new: dict) -> None:
            answer(float(new["x"][0]), float(new["y"][0]))

        self.pointed.on_change("data", asked)

    def on_pick(self, answer: Callable[["Tap"], None]) -> None:
        """Let a click pick a pass."""
        from bokeh.events import Tap

        self.map.on_event(Tap, answer)

    # --- what is shown ------------------------------------------------------------

    def draw(self, canvas: Canvas, home: Canvas) -> None:
        """Show these axes."""
        self.canvas = canvas
        sides = (self.map.x_range, "xmin", "xmax"), (self.map.y_range, "ymin", "ymax")
        for side, low, high in sides:
            side.update(reset_start=getattr(home, low), reset_end=getattr(home, high))
        if self.seen is not None and not apart(self.seen, canvas):
            return
        self.seen = canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax
        for side, low, high in sides:
            side.update(start=getattr(canvas, low), end=getattr(canvas, high))
        self.axes.data = {"number": [self.axes.data["number"][0] + 1]}

    def colour(self, picture: np.ndarray, norm: "Normalize", colours: "Colormap") -> None:
        """Show a picture (bytes, the first row in the north), and what its colours mean."""
        from matplotlib.colors import to_hex

        canvas = self.canvas
        self.sources["image"].data = {
            "image": [np.ascontiguousarray(picture[::-1]).view(np.uint32)[..., 0]],
            "x": [canvas.xmin],
            "y": [canvas.ymin],
            "dw": [canvas.xmax - canvas.xmin],
            "dh": [canvas.ymax - canvas.ymin],
        }
        self.mapper.palette = [to_hex(colour) for colour in colours(np.arange(256))]
        places = np.linspace(0, 1, 6)
        values = np.asarray(norm.inverse(places), float)
        self.bar.ticker.ticks = places.tolist()
        self.bar.major_label_overrides = {
            float(place): f"{value:,.4g}" for place, value in zip(places, values, strict=True)
        }

    def clear(self, title: str) -> None:
        """Show no pixels, and say why."""
        self.sources["image"].data = {name: [] for name in self.sources["image"].data}
        self.map.title.text = title

    def draw_lines(self, lines: list[np.ndarray]) -> None:
        """Show lines over the map."""
        if lines or self.sources["lines"].data["xs"]:
            self.sources["lines"].data = {
                "xs": [line[:, 0] for line in lines],
                "ys": [line[:, 1] for line in lines],
            }

    def point(self, place: tuple[float, float] | None, text: str) -> None:
        """Mark a point and say what it is; nothing if there is none."""
        x, y = place or (None, None)
        self.sources["near"].data = {"x": [x], "y": [y]} if place else {"x": [], "y": []}
        self.tip.text = text
        self.answers.data = {"number": [self.answers.data["number"][0] + 1]}

    def draw_profile(self, found: Profile, every: int, title: str, label: str) -> None:
        """Show each so many-th point of a pass, on the map and in a profile."""
        scale = 1e3 if self.known else 1.0
        self.sources["picked"].data = {
            "x": found.x[::every],
            "y": found.y[::every],
            "distance": found.distance[::every] / scale,
            "value": found.values[::every],
        }
        for side, values in (
            (self.profile.x_range, found.distance / scale),
            (self.profile.y_range, found.values),
        ):
            low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
            margin = 0.03 * (high - low) or 1.0
            ends = {"start": float(low - margin), "end": float(high + margin)}
            side.update(**ends, reset_start=ends["start"], reset_end=ends["end"])
        self.profile.title.text, self.profile.yaxis.axis_label = title, label
        self.profile.visible = True

    def put_away(self) -> None:
        """Show no profile."""
        if self.profile.visible:
            self.sources["picked"].data = {name: [] for name in self.sources["picked"].data}
            self.profile.visible = False
