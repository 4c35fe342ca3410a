"""Pictures: the course of signal strength, and how fast each way to its statistics is."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import InputError
from captools.gnss.choice import NAMES, SYSTEMS
from captools.gnss.names import as_text, plain_name
from captools.gnss.statistics import PERIODS, Columns
from captools.io.atomic import appearing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150
WIDTH, WIDTH_OF_COLUMN = 10.0, 1.0  # inches; of the legend's first column there is room
FEW = 10  # lines, which differ in colour; of more the colours are a scale
ROWS = 18  # of a column of the legend
LETTERS = 160  # of a line of a caption
NAME_OF = dict(zip(SYSTEMS, NAMES, strict=True))


def draw_series(table: Columns, path: Path, per: str, caption: str) -> None:
    """Draw the means of a table over time, or file by file, as a ``.png`` or ``.pdf``.

    Raises
    ------
    InputError
        If there is no value.
    """
    _write(make_series(table, per, caption), path)


def make_series(table: Columns, per: str, caption: str) -> "Figure":
    """Return the figure of the means: a line for each system and code, or satellite.

    Lines have gaps where periods have no value.
    """
    if not any(table["n"]):
        raise InputError("there is no value to draw")
    figure, axes = _new_figure(caption)
    groups = _series(table)
    colours = _colours(len(groups))
    places = _places(table, per)
    for (name, rows), colour in zip(groups.items(), colours, strict=True):
        x, mean = _with_gaps(
            [places[row] for row in rows], [table["mean"][row] for row in rows], PERIODS.get(per)
        )
        width = 1 if per in PERIODS else 0  # files are in no order
        axes.plot(x, mean, color=colour, label=name, linewidth=width, marker="o", markersize=2.5)
    axes.set_ylabel(f"mean signal strength of each {per} (dB-Hz)")
    axes.grid(alpha=0.3)
    columns = -(-len(groups) // ROWS)
    figure.set_figwidth(WIDTH + (columns - 1) * WIDTH_OF_COLUMN)
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=8,
        ncols=columns,
    )
    _label_places(axes, table, per)
    return figure


def _series(table: Columns) -> dict[str, list[int]]:
    """Return the rows of each line, by its name in the legend."""
    found: dict[tuple, list[int]] = {}
    satellites = table.get("satellite") or [None] * len(table["n"])
    series = zip(table["system"], satellites, table["code"], strict=True)
    for row, (system, satellite, code) in enumerate(series):
        found.setdefault((SYSTEMS.find(system), satellite, code, system), []).append(row)
    return {_name(*key[1:]): found[key] for key in sorted(found)}


def _name(satellite: int | None, code: str, system: str) -> str:
    """Return what a line is called."""
    whose = NAME_OF.get(system, system) if satellite is None else f"{system}{satellite:02}"
    return f"{whose} {code}"


def _colours(count: int) -> list:
    import matplotlib

    if count <= FEW:
        return list(matplotlib.colormaps["tab10"].colors[:count])
    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, count)))


def _places(table: Columns, per: str) -> list:
    """Return where each row is on the axis: its time, or the number of its input."""
    if per in PERIODS:
        return table["start"]
    numbers = {path: number for number, path in enumerate(dict.fromkeys(table["input"]))}
    return [numbers[path] for path in table["input"]]


def _with_gaps(places: list, values: list, period: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return a line with a place without a value wherever a period is missing."""
    mean = np.array(values, "f8")
    if period is None:
        return np.array(places), mean
    time, step = np.array(places, "M8[ms]"), np.timedelta64(period, "ms")
    after = np.flatnonzero(np.diff(time) > step) + 1
    return np.insert(time, after, time[after - 1] + step), np.insert(mean, after, np.nan)


def _label_places(axes: "Axes", table: Columns, per: str) -> None:
    """Say what is along the axis."""
    if per in PERIODS:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.set_xlabel("GPS time")
        return
    names = [_drawn(plain_name(path)) for path in dict.fromkeys(table["input"])]
    if len(names) <= ROWS:
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=7)
    else:
        axes.set_xlabel("files in their order")


def draw_speeds(names: Sequence[str], speeds: Sequence[float], path: Path, caption: str) -> None:
    """Draw how many days each way does in 30 s, as bars, in a ``.png`` or ``.pdf``."""
    figure, axes = _new_figure(caption)
    places = range(len(names))  # bars of one name would lie on each other
    bars = axes.bar(places, speeds, width=0.6, color=_colours(len(names)))
    axes.set_xticks(places, names)
    axes.bar_label(bars, [f"{speed:,.0f}" for speed in speeds], padding=3)
    axes.set_ylabel("days in 30 s")
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    _write(figure, path)


def _new_figure(caption: str) -> tuple["Figure", "Axes"]:
    """Return a figure with room for what is drawn, and its caption below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 4.8), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    figure.supxlabel(
        textwrap.fill(_drawn(caption), LETTERS),
        fontsize=8,
        color="0.35",
        x=0.01,
        ha="left",
    )
    return figure, axes


def _drawn(words: str) -> str:
    """Return words so that they are drawn as they are: $ begins no formula."""
    return as_text(words).replace("$", r"\$")


def _write(figure: "Figure", path: Path) -> None:
    kind = path.suffix.lower().lstrip(".")
    clock = {"png": "Software", "pdf": "CreationDate"}[kind]
    with appearing(path) as file:
        figure.savefig(file, format=kind, metadata={clock: None})
