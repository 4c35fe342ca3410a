"""A cube of spectra as a figure: at a channel, along the fibre, and the mean."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.das.cubereading import Cube
from captools.das.describing import utc
from captools.das.layout import CRYOCUBE, Layout
from captools.das.overview import Overview, overview
from captools.das.records import SECOND
from captools.extras import require
from captools.io.atomic import Outputs
from captools.maps.drawing import RASTERS, save
from captools.maps.figure import DPI, plain
from captools.maps.shading import Style
from captools.progress import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, LOW = 1000, 300, 230  # pixels of a picture, and the height of the mean spectrum
LEFT, RIGHT, TOP, BOTTOM, BETWEEN = 85, 150, 62, 80, 75  # pixels around them
MISSING = "0.8"  # grey
MARK = "#d62728"  # of the channel


def draw_cube(
    path: str,
    output: Path,
    style: Style,
    title: str | None = None,
    channel: int | None = None,
    band: tuple[float, float] | None = None,
) -> Outputs:
    """Write the picture of a cube, in the kind of file that the name of the output says.

    Parameters
    ----------
    path : str
        The cube.
    output : Path
        The picture.
    style : Style
        Its colours; limits are those of each part.
    title : str, optional
        By default the cube's name.
    channel, band
        As for `captools.das.overview.overview`.

    Returns
    -------
    Outputs
        The path (a list), how many segments there are, and how many of them have levels.

    Raises
    ------
    ValueError
        If the cube has no such channel or frequency, or a picture of it cannot be of this kind.
    InputError
        If it is no cube, or holds nothing that can be read.
    """
    if output.suffix.lower() in RASTERS:
        raise ValueError(f"output {output}: a cube is drawn as a figure, such as a .png")
    require("das", "matplotlib")
    cube = Cube.open(path)
    found = overview(cube, channel, band)
    save(make_figure(found, style, title or cube.name), output)
    written = Outputs([output])
    written.rows_in, written.rows_out = found.layout.rows, found.segments
    return written


def make_figure(found: Overview, style: Style, title: str) -> "Figure":
    """Return the finished figure.

    Parameters
    ----------
    found : Overview
        Of a cube.
    style : Style
        The colours; limits are those of each picture.
    title : str
        Of the figure.
    """
    from matplotlib.figure import Figure

    width = LEFT + WIDTH + RIGHT
    height = TOP + 2 * HEIGHT + LOW + 2 * BETWEEN + BOTTOM
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)

    def panel(below: int, high: int) -> "Axes":
        """Add axes, so many pixels below the title."""
        bottom = height - TOP - below - high
        return figure.add_axes((LEFT / width, bottom / height, WIDTH / width, high / height))

    first = panel(0, HEIGHT)
    second = panel(HEIGHT + BETWEEN - 30, HEIGHT)  # no labels of time between them
    _draw_spectrogram(first, found, style)
    _draw_along(second, found, style)
    _draw_spectra(panel(2 * (HEIGHT + BETWEEN), LOW), found)
    first.tick_params(labelbottom=False)
    figure.text(LEFT / width, 1 - 24 / height, plain(title), fontsize=13)
    figure.text(LEFT / width, 14 / height, plain(_caption(found)), fontsize=9, color="0.35")
    return figure


def _draw_spectrogram(axes: "Axes", found: Overview, style: Style) -> None:
    frequencies = found.layout.spectrum.frequencies[1:]
    half = found.layout.spectrum.frequencies[1] / 2
    edges = frequencies[0] - half, frequencies[-1] + half
    label = f"power spectral density\n{_reference(found.layout, 'density')}"
    _draw_image(axes, found, found.spectrogram, edges, style, label)
    axes.set_ylabel("frequency (Hz)")
    where = f"channel {range(*found.layout.channels)[found.channel]}"
    _name(axes, f"{where}{_at(found)}")


def _draw_along(axes: "Axes", found: Overview, style: Style) -> None:
    first, spacing, unit = _places(found.layout)
    channels = range(*found.layout.channels)
    half = spacing * channels.step / 2
    low, high = first + spacing * channels[0] - half, first + spacing * channels[-1] + half
    label = f"power of {_band(found)}\n{_reference(found.layout, 'power')}"
    _draw_image(axes, found, found.along, (low, high), style, label)
    axes.set_ylabel(unit)
    axes.set_xlabel("time (UTC)")
    at = first + spacing * channels[found.channel]
    axes.plot([1.004], [at], "<", color=MARK, transform=axes.get_yaxis_transform(), clip_on=False)
    _name(axes, f"{_band(found)}, along the fibre")


def _draw_spectra(axes: "Axes", found: Overview) -> None:
    frequencies = found.layout.spectrum.frequencies[1:]
    channel = range(*found.layout.channels)[found.channel]
    marker = "." if len(frequencies) == 1 else None
    axes.plot(
        frequencies, found.of_channel, color=MARK, lw=1, marker=marker, label=f"channel {channel}"
    )
    axes.plot(
        frequencies, found.spectrum, color="black", lw=1.5, marker=marker, label="all channels"
    )
    inside = found.layout.spectrum.frequencies[found.band]
    if len(inside) < len(frequencies):
        half = frequencies[0] / 2
        axes.axvspan(inside[0] - half, inside[-1] + half, color="0.9", label="band", zorder=0)
    half = frequencies[0] / 2
    axes.set_xlim(frequencies[0] - half, frequencies[-1] + half)
    axes.set_xlabel("frequency (Hz)")
    label = textwrap.fill(_reference(found.layout, "density"), 32)
    axes.set_ylabel(plain(label), fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=9)
    _name(axes, "mean spectrum")


def _draw_image(
    axes: "Axes",
    found: Overview,
    values: np.ndarray,
    edges: tuple[float, float],
    style: Style,
    label: str,
) -> None:
    """Draw a table of times, with its colour bar beside it."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    norm, colours = style.norm(values), style.colours.with_extremes(bad=MISSING)
    axes.imshow(
        np.ma.masked_invalid(values.T),
        extent=(*_times(found.layout), *edges),
        origin="lower",
        cmap=colours,
        norm=norm,
        interpolation="nearest",
        aspect="auto",
    )
    axes.set_autoscale_on(False)
    locator = AutoDateLocator(tz="UTC", minticks=4)
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, tz="UTC")
    formatter.formats[5], formatter.zero_formats[5] = "%H:%M:%S.%f", "%H:%M:%S"
    formatter.offset_formats[5] = "%Y-%b-%d"
    axes.xaxis.set_major_formatter(formatter)
    room = axes.inset_axes((1 + 22 / WIDTH, 0, 18 / WIDTH, 1))
    bar = axes.figure.colorbar(ScalarMappable(norm, colours), cax=room, extend="both")
    bar.set_label(plain(label), fontsize=9)


def _name(axes: "Axes", text: str) -> None:
    axes.set_title(plain(text), loc="left", fontsize=10, pad=5)


def _times(layout: Layout) -> tuple[float, float]:
    """Return the edges of the first and the last segment's pixel, in matplotlib's days."""
    from matplotlib.dates import date2num

    middle = layout.spectrum.samples * layout.spectrum.step * SECOND / 2
    begin = layout.grid.time(layout.first) + round(middle - layout.hop_ns / 2)
    ends = begin, begin + layout.rows * layout.hop_ns
    low, high = (float(date2num(np.datetime64(one, "ns"))) for one in ends)
    return low, high


def _places(layout: Layout) -> tuple[float, float, str]:
    """Return where the first channel of the record is, the spacing, and what they count."""
    if layout.first_distance is None or not layout.spacing:
        return 0.0, 1.0, "channel"
    return layout.first_distance, layout.spacing, "distance along the fibre (m)"


def _at(found: Overview) -> str:
    """Say where the channel is, if that is known."""
    first, spacing, unit = _places(found.layout)
    at = first + spacing * range(*found.layout.channels)[found.channel]
    return "" if unit == "channel" else f", at {at:.5g} m"


def _band(found: Overview) -> str:
    inside = found.layout.spectrum.frequencies[found.band]
    return f"{inside[0]:g} to {inside[-1]:g} Hz"


def _reference(layout: Layout, what: str) -> str:
    """Return the unit of a density, or of a power, in words."""
    if layout.spectrum.like == CRYOCUBE:
        return "10 ln |X|², as CryoCube"
    units = f"({layout.units or 'unit of the samples'})²"
    return f"dB relative to {units} / Hz" if what == "density" else f"dB relative to {units}"


def _caption(found: Overview) -> str:
    layout = found.layout
    length = layout.spectrum.samples * layout.spectrum.step
    begin, end = (utc(layout.grid.time(layout.first + one)) for one in (0, layout.rows - 1))
    missing = f"; {found.missing:.2%} of the spectra are missing: grey" if found.missing else ""
    return (
        f"{counted(layout.rows, 'segment')} of {length:g} s, one each "
        f"{layout.hop_ns / SECOND:g} s, the first from {begin} on, the last from {end}; "
        f"{counted(layout.width, 'channel')}{missing}"
    )
