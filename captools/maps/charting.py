"""Charts as finished figures."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from captools.maps import shading
from captools.maps.charts import Chart
from captools.maps.figure import INCHES, MM, Look, letters, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHAPE = 0.5  # height of a chart's axes, in widths
LEAST = 14  # the same in heights of letters
LEFT, RIGHT, LEGEND, BOTTOM, TOP = 7.5, 2.0, 3.5, 5.6, 1.2  # around them, in heights of letters


def draw_chart(chart: Chart, look: Look) -> "Figure":
    """Return the figure of a chart."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    whole = INCHES if look.width is None else look.width * MM
    size = letters(whole, 0.0)
    em = size / 72
    right = LEGEND + 0.62 * max(map(len, chart.groups)) if chart.groups else RIGHT
    wide = max(whole - (LEFT + 1.3 + right) * em, 0.3 * whole)
    high = max(SHAPE * wide, LEAST * em)
    x, y = _names(chart, look)
    x, y = (
        textwrap.wrap(x, max(16, int(wide / em / 0.6))),
        textwrap.wrap(y, max(14, int(high / em / 0.55))),
    )
    left = (LEFT + 1.3 * (len(y) - 1)) * em
    title = textwrap.wrap(
        plain(look.title or chart.title), max(12, int((whole - left) / em / 0.74))
    )
    caption = textwrap.wrap(chart.caption, max(12, int((whole / em - 1) / 0.52)))
    bottom = (BOTTOM + 1.2 * (len(caption) - 1) + 1.3 * (len(x) - 1)) * em
    tall = bottom + high + (TOP + 1.7 * len(title)) * em
    figure = Figure(figsize=(whole, tall), dpi=look.resolution)
    axes = figure.add_axes(
        (left / whole, bottom / tall, wide / whole, high / tall),
        facecolor=look.background or "white",
    )
    axes.tick_params(labelsize=0.9 * size, width=size / 12, length=size / 3)
    axes.xaxis.set_major_locator(MaxNLocator(max(2, min(9, int(wide / em / 7)))))
    if len(chart.x) > len(chart.y):
        _draw_bars(axes, chart, max(1, int(wide / em / 5.5)))
    else:
        _draw_points(axes, chart, look, size)
    axes.yaxis.set_major_locator(MaxNLocator(max(2, min(8, int(high / em / 2.5)))))
    axes.set_xlabel(plain("\n".join(x)), fontsize=size)
    axes.set_ylabel(plain("\n".join(y)), fontsize=size)
    _name_offsets(figure, axes)
    figure.text(left / whole, 1 - TOP * em / tall, "\n".join(title), fontsize=1.25 * size, va="top")
    figure.text(em / whole, 0.5 * em / tall, plain("\n".join(caption)), fontsize=0.85 * size,
                color="0.35", va="bottom")  # fmt: skip
    return figure


def _names(chart: Chart, look: Look) -> tuple[str, str]:
    """Return the names of the axes; `look` may have another one for that of the values."""
    x, y = chart.names
    if look.label is None and look.units is None:
        return x, y
    own = look.label or chart.title
    own = f"{own} ({look.units})" if look.units else own
    return (x, own) if len(chart.x) == len(chart.y) else (own, y)


def _draw_bars(axes: "Axes", chart: Chart, most: int) -> None:
    """Draw how many points there are: of values without gaps, of months apart.

    At most so many months are named.
    """
    from matplotlib.dates import date2num
    from matplotlib.ticker import EngFormatter

    x, share = chart.x, 1.0
    if x.dtype.kind == "M":
        x, share = date2num(x), 0.86
        named = slice(0, None, -(-len(chart.y) // most))
        months = [str(month) for month in chart.x[:-1].astype("M8[M]")]
        axes.set_xticks(((x[1:] + x[:-1]) / 2)[named], months[named])
    wide = np.diff(x)
    start = x[:-1] + (1 - share) / 2 * wide
    axes.bar(start, chart.y, share * wide, align="edge", color=shading.CATEGORIES[0])
    axes.set(xlim=(x[0], x[-1]), ylim=(0, max(1.05 * chart.y.max(), 1)))
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))


def _name_offsets(figure: "Figure", axes: "Axes") -> None:
    """Say beside the names of the axes what must be added to their numbers, not over the title."""
    figure.draw_without_rendering()
    for axis in (axes.xaxis, axes.yaxis):
        if offset := axis.get_offset_text().get_text():
            axis.get_offset_text().set_visible(False)
            axis.set_label_text(f"{axis.get_label_text()}, {offset}")


def _draw_points(axes: "Axes", chart: Chart, look: Look, size: float) -> None:
    """Draw points, each group in its colour; as pixels, also where text is none."""
    groups = chart.groups or {"": np.ones(len(chart.x), bool)}
    mark = 0.25 * size if look.point is None else 72 * (2 * look.point + 1) / look.resolution
    for (name, which), colour in zip(groups.items(), shading.palette(len(groups)), strict=True):
        axes.plot(
            chart.x[which], chart.y[which], "o", ms=mark, mew=0, color=colour,
            label=plain(name), rasterized=True,
        )  # fmt: skip
    axes.margins(x=0.01)
    axes.grid(color="0.85", linewidth=size / 16)
    axes.set_axisbelow(True)
    if chart.groups:
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.0, 1.03), fontsize=0.9 * size, frameon=False,
            handletextpad=0.1, markerscale=2,
        )  # fmt: skip
