"""A map as a finished figure: its layout, axes, colour bar or legend, scale bar, caption."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from captools.geo import coords
from captools.maps import overlays, relief, shading
from captools.maps.graticule import KEEPS_ROOM, draw_degrees, draw_graticule, draw_ticks
from captools.maps.locator import draw_locator
from captools.maps.mapping import Map
from captools.maps.overlays import Lines, Overlay
from captools.maps.raster import Canvas, fit
from captools.maps.shading import Style
from captools.maps.surveying import Limits, MapOptions, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

DPI = 100
PRINT_DPI = 300
INCHES = 9  # the longer side of a map whose size nobody says
MM = 1 / 25.4
BELOW = 1.6  # the width of a map, in heights, from which its colour bar is below
ROUND = (1, 2, 5)  # lengths of a scale bar, times powers of ten
GROWTH_POINTS = 1.1  # by which marks grow at most on all sides, in points of print
# Room around a map, in heights of its letters.
LEFT, RIGHT, BESIDE, BOTTOM, UNDER, TOP = 6.6, 1.8, 11.5, 5.4, 5.0, 1.2
ALONG = 0.7  # how much of the map's width a colour bar below it has
LOCATOR = 8.0  # the circle of the hemisphere, in the same unit
LINES = ("-", "--", ":", "-.")  # of the first overlay, the second, ...


@dataclass(frozen=True)
class Look:
    """What a figure looks like beside its colours; the fields are the options of the same names."""

    dpi: int | None = None
    width: float | None = None  # of the figure, in mm
    title: str | None = None
    label: str | None = None
    units: str | None = None
    point: int | None = None
    threshold: float = shading.THRESHOLD
    background: str | None = None
    overlays: tuple[str, ...] = ()
    hillshade: str | None = None  # a grid, or `relief.OWN`
    inset: bool = False

    @property
    def resolution(self) -> int:
        """Pixels per inch: more where the figure is made for print."""
        return self.dpi or (DPI if self.width is None else PRINT_DPI)

    def growth(self, scale: float) -> int:
        """Return how many pixels of a map marks may grow by; each is `scale` ones of the figure."""
        automatic = max(1, round(GROWTH_POINTS * self.resolution / 72))
        return int(automatic / scale + 0.5) if self.point is None else self.point

    def right(self, below: bool) -> float:
        """Return the room right of a map, whose colour bar may be below, in heights of letters."""
        return (LOCATOR + 2 if self.inset else RIGHT) if below else BESIDE

    def canvas(self, bounds: Limits, size: tuple[int, int] | None) -> Canvas:
        """Return the pixels of a map, such that each is one of the figure."""
        if size is not None or self.width is None:
            return fit(bounds, size, longest=round(INCHES * self.resolution))
        whole = fit(bounds, None)
        margins = LEFT + self.right(_is_below(whole))
        inches, shape = self.width * MM, min(whole.height / whole.width, 2.0)
        for _ in range(12):  # the letters depend on the map, and the map on the letters
            across = max(0.2 * self.width * MM, inches)
            inches = self.width * MM - margins * letters(across, across * shape) / 72
        across = max(round(max(0.2 * self.width * MM, inches) * self.resolution), 20)
        return fit(bounds, (across, max(20, round(across * shape))))


def check_look(look: Look, request: MapOptions, is_figure: bool) -> None:
    """Raise ValueError if options do not go together."""
    if request.by is not None and (
        request.diff is not None or request.agg not in ("mean", "count")
    ):
        raise ValueError("--by counts points: it does not go with --diff or --agg")
    if request.by is not None and look.hillshade == relief.OWN:
        raise ValueError("--by counts points, which have no relief: --hillshade needs a grid")
    if not is_figure and (look.overlays or look.hillshade or look.inset):
        raise ValueError("--overlay, --hillshade and --inset are for figures, not for pixels alone")


def letters(width: float, height: float) -> float:
    """Return the size of letters (points) for a map of so many inches."""
    return float(np.clip(10 * (max(width, height) / INCHES) ** 0.3, 6.0, 14.0))


def _is_below(canvas: Canvas) -> bool:
    return canvas.width >= BELOW * canvas.height


def colour(picture: Map, style: Style, norm: "Normalize | None" = None) -> np.ndarray:
    """Return the pixels of a map as a picture, as they are."""
    if picture.parts is not None:
        counts = picture.parts.counts()
        return shading.mix(counts, shading.palette(counts.shape[2]), style.how)
    return shading.shade(picture.values, style, norm)


def make_figure(picture: Map, style: Style, look: Look = Look(), vector: bool = False) -> "Figure":
    """Return the finished figure: every pixel of the map is one of the picture.

    Title, axes in km, colour bar or legend, scale bar, graticule, and how many points and files
    there are.
    """
    figure, axes, size = _lay_out(picture, look)
    canvas, unit = picture.canvas, _unit(picture)
    scale = 1e3 if unit == "km" else 1.0
    edges = [edge / scale for edge in _edges(canvas)]
    norm = None if picture.parts is not None else style.norm(picture.values)
    growth = look.growth(axes.get_window_extent().width / canvas.width)
    for image in _images(picture, style, norm, look, growth):
        axes.imshow(
            image,
            extent=edges,
            origin="upper",
            interpolation="none" if vector else "nearest",
            aspect="auto",
            zorder=1,
        )
    axes.set_facecolor(look.background or "white")
    axes.set_autoscale_on(False)  # lines may run beyond the map
    if norm is None:
        _draw_legend(axes, picture, size, look)
    else:
        _draw_colour_bar(axes, picture, style, norm, look)
    dot = (canvas.xmax - canvas.xmin) / axes.get_window_extent().width
    over = [overlays.read(path) for path in look.overlays]
    for found, dashes in zip(over, cycle(LINES), strict=False):
        for line in Overlay(found, picture.crs).within(_edges(canvas), dot):
            axes.plot(*(line.T / scale), dashes, color="0.1", linewidth=size / 12, zorder=2)
    if look.inset:
        _draw_inset(axes, picture, over, size)
    if unit == "km":
        _draw_scale_bar(axes, edges, size)
    if unit == "degrees":
        axes.set(xlabel="longitude", ylabel="latitude")
        draw_degrees(axes, canvas)
    else:
        axes.set(xlabel=f"x ({unit})", ylabel=f"y ({unit})")
        draw_ticks(axes, size)
        if picture.crs != "unknown":
            draw_graticule(axes, canvas, picture.crs, scale, 0.8 * size)
    return figure


def _images(
    picture: Map, style: Style, norm: "Normalize | None", look: Look, growth: int
) -> Iterator[np.ndarray]:
    """Yield the pictures of a map that lie over each other, the lowest one first."""
    if look.hillshade not in (None, relief.OWN):
        yield relief.below(look.hillshade, picture.canvas, picture.crs)
    image = colour(picture, style, norm)
    if look.hillshade == relief.OWN:
        image = relief.lit(image, picture.values)
    yield shading.dynspread(image, growth, look.threshold)


def _edges(canvas: Canvas) -> Limits:
    return canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax


def plain(text: str) -> str:
    """Return what a file says as matplotlib shows it word for word, without formulas."""
    return text.replace("$", r"\$")


def _lay_out(picture: Map, look: Look) -> "tuple[Figure, Axes, float]":
    """Return an empty figure with title and caption, its axes, and the size of its letters."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas, dpi = picture.canvas, look.resolution
    wide, high = canvas.width, canvas.height
    below = _is_below(canvas) and picture.parts is None
    if look.width is not None:
        margin = LEFT + look.right(below)
        em = letters(wide / dpi, high / dpi) * dpi / 72
        if abs(wide + margin * em - look.width * MM * dpi) > 2:  # the size was asked for, too
            factor = max(0.2, (look.width * MM * dpi - margin * em) / wide)
            wide, high = round(wide * factor), round(high * factor)
    size = letters(wide / dpi, high / dpi)
    em = size * dpi / 72
    left, right = round(LEFT * em), round(look.right(below) * em)
    total = max(left + wide + right, round(26 * em))
    if look.width is not None:
        total = max(total - 1, round(look.width * MM * dpi))
    middle = (left + wide / 2) if wide > 18 * em else total / 2
    room = 2 * min(middle, total - middle)
    title = textwrap.wrap(plain(look.title or picture.label), max(12, int(room / em / 0.74)))
    caption = textwrap.wrap(picture.caption, max(12, int((total / em - 1) / 0.52)))
    label = _bar_label(picture, look, ALONG * wide / em).count("\n")
    under = UNDER + 1.25 * label if below else 0
    bottom = round((BOTTOM + under + 1.2 * (len(caption) - 1)) * em)
    top = round((TOP + 1.7 * len(title)) * em)
    tall = bottom + high + top
    figure = Figure(figsize=(total / dpi, tall / dpi), dpi=dpi)
    FigureCanvasAgg(figure)  # measures what is written
    axes = figure.add_axes((left / total, bottom / tall, wide / total, high / tall))
    axes.tick_params(labelsize=0.9 * size, width=size / 12, length=size / 3)
    for one in (axes.xaxis, axes.yaxis):
        one.label.set_fontsize(size)
    for spine in axes.spines.values():
        spine.set(linewidth=size / 12, zorder=7)
    x = left / total if wide > 18 * em else 1 * em / total
    figure.text(
        middle / total, (bottom + high + 0.7 * em) / tall, "\n".join(title),
        fontsize=1.25 * size, ha="center", va="bottom",
    )  # fmt: skip
    figure.text(
        x, 0.5 * em / tall, plain("\n".join(caption)),
        fontsize=0.85 * size, color="0.35", va="bottom",
    )  # fmt: skip
    return figure, axes, size


def _draw_colour_bar(
    axes: "Axes", picture: Map, style: Style, norm: "Normalize", look: Look
) -> None:
    """Draw the colour bar beside the map, or below a wide one."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import MaxNLocator

    size = axes.xaxis.label.get_fontsize()
    box = axes.get_window_extent()
    em = size * axes.figure.dpi / 72
    below = _is_below(picture.canvas)
    if below:
        place = ((1 - ALONG) / 2, -4.6 * em / box.height, ALONG, em / box.height)
    else:
        low = (_inset_size(axes, em) + 1.5 * em) / box.height if look.inset else 0.0
        place = (1 + 1.4 * em / box.width, low, 1.2 * em / box.width, 1 - low)
    across = (ALONG * box.width if below else (1 - low) * box.height) / em
    room = axes.inset_axes(place)
    ends = {} if across > 10 else {"extendfrac": 0.03}
    bar = axes.figure.colorbar(
        ScalarMappable(norm, style.colours), cax=room, extend="both",
        orientation="horizontal" if below else "vertical", **ends,
    )  # fmt: skip
    room.tick_params(which="both", labelsize=0.9 * size, width=size / 12)
    room.tick_params(length=size / 3)
    if style.how == "linear":
        bar.locator = MaxNLocator(int(np.clip(across / (4 if below else 2), 2, 8)))
        bar.update_ticks()
    bar.set_label(plain(_bar_label(picture, look, across)), fontsize=size)


def _bar_label(picture: Map, look: Look, across: float) -> str:
    """Return what a colour bar of this length, in heights of letters, is called, in lines."""
    units = picture.units if look.units is None else look.units
    label = with_unit(look.label or picture.label, units)
    return textwrap.fill(label, max(16, int(across / 0.54)))


def _inset_size(axes: "Axes", em: float) -> float:
    """Return how large the circle of the hemisphere is, in pixels."""
    return min(LOCATOR * em, 0.35 * axes.get_window_extent().height)


def _draw_inset(axes: "Axes", picture: Map, over: list[Lines], size: float) -> None:
    """Draw where on its hemisphere the map lies, right of its lower corner."""
    em, figure, box = size * axes.figure.dpi / 72, axes.figure, axes.get_window_extent()
    wide, whole = _inset_size(axes, em), figure.bbox
    place = (box.x1 + 1.4 * em, box.y0, wide, wide)
    where = np.array(place) / np.array([whole.width, whole.height] * 2)
    draw_locator(figure.add_axes(tuple(where)), picture.canvas, picture.crs, over)


def _draw_legend(axes: "Axes", picture: Map, size: float, look: Look) -> None:
    """Draw what each colour of a map of categories means, beside the map."""
    from matplotlib.patches import Patch
    from matplotlib.transforms import IdentityTransform

    names = picture.parts.names
    patches = [
        Patch(facecolor=one, label=plain(name))
        for one, name in zip(shading.palette(len(names)), names, strict=True)
    ]
    box, em = axes.get_window_extent(), size * axes.figure.dpi / 72
    room = box.height - (_inset_size(axes, em) if look.inset else 0)
    axes.figure.legend(
        handles=patches,
        title=plain(picture.parts.name),
        loc="upper left",
        bbox_to_anchor=(box.x1 + 0.8 * em, box.y1 + 0.4 * em),
        bbox_transform=IdentityTransform(),
        fontsize=0.9 * size,
        title_fontsize=size,
        frameon=False,
        ncols=1 + int((1 + len(names)) * 1.4 * em > room),
        handlelength=1.0,
        columnspacing=0.8,
        alignment="left",
    )


def _unit(picture: Map) -> str:
    """Return the unit of the axes: km where the CRS counts metres."""
    known = picture.crs != "unknown"
    if not known or coords.crs_unit(picture.crs) == "m":
        return "km"
    unit = coords.crs_unit(picture.crs)
    return "degrees" if unit == "degree" else unit


def _draw_scale_bar(axes: "Axes", edges: list[float], size: float) -> None:
    """Draw a bar of a round length, about a fifth of the map."""
    from matplotlib.patheffects import withStroke

    xmin, xmax, ymin, ymax = edges
    fifth = (xmax - xmin) / 5
    power = 10.0 ** np.floor(np.log10(fifth))
    length = max(step * power for step in ROUND if step * power <= fifth)
    em = size * axes.figure.dpi / 72
    x = xmin + 0.04 * (xmax - xmin)
    y = ymin + min(0.8 * em / axes.get_window_extent().height, 0.1) * (ymax - ymin)
    axes.plot([x, x + length], [y, y], color="black", linewidth=size / 4, solid_capstyle="butt",
              zorder=6, gid=KEEPS_ROOM,
              path_effects=[withStroke(linewidth=size / 2.4, foreground="white")])  # fmt: skip
    text = f"{length:g} km" if length >= 1 else f"{length * 1000:g} m"
    axes.annotate(
        text,
        (x, y),  # not in the middle: of a narrow map, half of it would be beyond the frame
        (0, size / 2.4),
        textcoords="offset points",
        ha="left",
        fontsize=0.9 * size,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.6, "linewidth": 0},
        zorder=6,
    )
