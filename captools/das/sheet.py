"""All pictures of a folder on one sheet: time in columns, gaps in place.

A column is a round length of time, and begins at a whole multiple of it since 1970. Each shard
draws it at its end, so that the last one has all; two that end together draw it twice.
"""

import hashlib
import logging
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.das import pngs
from captools.das.describing import utc
from captools.das.pixels import boxes, means, sums
from captools.das.records import SECOND
from captools.extras import require
from captools.io.atomic import appearing
from captools.progress import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "sheet.png"
TIMES = 2  # that a sheet is drawn, if another shard drew one with fewer pictures meanwhile
WIDE, HIGH = 4000, 2400  # pixels of all pictures together, at most
SHAPE = 1.5  # so much wider than high
ROUND_SECONDS = (
    *(1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600),
    *(43200, 86400, 604800),
)
LONGER = 8  # than pictures need, at most: so much is a round column
EMPTY = 2  # columns without a picture in a row: more become one
NOTHING = (214, 222, 235)  # the colour of what is missing
APART = 4  # pixels between columns
DPI = 100
LEFT, RIGHT, TOP, BOTTOM = 90, 130, 90, 50  # pixels around all pictures
_NAME = re.compile(r"\d{8}T\d{6}(\.\d+)?Z\.png")
log = logging.getLogger(__name__)


def draw_sheet(outdir: Path) -> Path | None:
    """Draw all pictures of a folder on one sheet, None if there is no picture.

    A sheet that has all of them stays as it is.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    path = outdir / NAME
    names: list[str] = []
    for _ in range(TIMES):
        names = _names(outdir)
        digest = _digest(outdir, names)
        if not names or digest == _digest_in(path):
            break
        pictures = _read(outdir, names)
        if not pictures:
            return None
        figure = _Sheet(pictures).figure()
        with appearing(path) as file:
            metadata = {"Software": None, "pictures": digest}
            figure.savefig(file, format="png", dpi=DPI, metadata=metadata)
    return path if names else None


def _names(outdir: Path) -> list[str]:
    return sorted(path.name for path in outdir.glob("*.png") if _NAME.fullmatch(path.name))


def _digest(outdir: Path, names: list[str]) -> str:
    """Return what stands for pictures, by their names and their bytes."""
    found = hashlib.sha256()
    for name in names:
        found.update(name.encode())
        try:
            found.update((outdir / name).read_bytes())
        except OSError:  # another shard is at it
            continue
    return found.hexdigest()


def _digest_in(path: Path) -> str | None:
    """Return what stands for the pictures of a sheet, None if there is none."""
    try:
        return pngs.look(path)[1].get("pictures")
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class _Picture:
    """A picture, and when its window begins and ends, nanoseconds since 1970."""

    path: Path
    shape: tuple[int, int]
    texts: dict[str, str]
    start: int
    stop: int

    @property
    def kind(self) -> tuple:
        """What pictures of one sheet have in common."""
        names = ("what", "units", "band", "channels")
        return self.shape, self.stop - self.start, *map(self.texts.get, names)


def _read(outdir: Path, names: list[str]) -> list[_Picture]:
    """Return the pictures that are alike: those of most."""
    found = []
    for name in names:
        try:
            shape, texts = pngs.look(outdir / name)
            times = _time(texts["start"]), _time(texts["stop"])
            found.append(_Picture(outdir / name, shape, texts, *times))
        except (OSError, ValueError, KeyError):
            log.warning("warning: %s: is no picture of ours: not on the sheet", outdir / name)
    kinds = Counter(one.kind for one in found)
    most = max(kinds, key=lambda kind: kinds[kind]) if kinds else None
    alike = [one for one in found if one.kind == most]
    if len(alike) < len(found):
        others = counted(len(found) - len(alike), "picture")
        log.warning("warning: %s of another kind: not on the sheet", others)
    return sorted(alike, key=lambda one: one.start)


def _time(text: str) -> int:
    return int(np.datetime64(text.removesuffix("Z"), "ns").astype(np.int64))


class _Sheet:
    """Pictures in columns of time."""

    def __init__(self, pictures: list[_Picture]) -> None:
        self.pictures = pictures
        self.first = pictures[0]
        self.window = self.first.stop - self.first.start
        high, wide = self.first.shape
        # As many in a column as make the shape of the sheet, and a round time.
        across = max(1.0, np.sqrt(SHAPE * len(pictures) * high / wide))
        least = max(1, int(np.ceil(len(pictures) / across)))
        self.rows = next(
            (
                round(seconds * SECOND) // self.window
                for seconds in ROUND_SECONDS
                if 1 <= seconds * SECOND / (least * self.window) <= LONGER
                and round(seconds * SECOND) % self.window == 0
            ),
            least,
        )
        self.span = self.rows * self.window
        self.tile = (
            min(high, max(1, HIGH // self.rows)),
            min(wide, max(1, WIDE // len(self.columns))),
        )

    @cached_property
    def columns(self) -> list[int | None]:
        """The number of each column since 1970; None stands for many without a picture."""
        used = sorted({one.start // self.span for one in self.pictures})
        found: list[int | None] = [used[0]]
        for before, after in pairwise(used):
            empty = after - before - 1
            found += range(before + 1, after) if empty <= EMPTY else [None]
            found.append(after)
        return found

    def pixels(self) -> np.ndarray:
        """Return the colours of the whole sheet, shape (rows, columns, 3)."""
        high, wide = self.tile
        size = self.rows * high, len(self.columns) * (wide + APART) - APART, 3
        colours = np.full(size, 255, np.uint8)
        for place, column in enumerate(self.columns):
            if column is not None:
                colours[:, place * (wide + APART) :][:, :wide] = NOTHING
        for one in self.pictures:
            try:
                small = self._small(pngs.read(one.path))
            except (OSError, ValueError):
                log.warning("warning: %s: is damaged: not on the sheet", one.path)
                continue
            place = self.columns.index(one.start // self.span) * (wide + APART)
            row = one.start % self.span // self.window * high
            colours[row : row + high, place : place + wide] = small
        return colours

    def _small(self, shades: np.ndarray) -> np.ndarray:
        """Return the colours of a picture on the sheet."""
        levels = np.where(shades == 0, np.nan, shades).astype(np.float32)
        shrink = [boxes(*both) for both in zip(shades.shape, self.tile, strict=True)]
        values = means(*sums(levels, *shrink))
        is_there = np.isfinite(values)[:, :, np.newaxis]
        grey = np.rint(np.nan_to_num(values))[:, :, np.newaxis]
        return np.where(is_there, grey, np.array(NOTHING)).astype(np.uint8)

    def figure(self) -> "Figure":
        """Return the sheet with axes."""
        require("das", "matplotlib")
        from matplotlib.figure import Figure

        colours = self.pixels()
        high, wide = colours.shape[:2]
        whole = max(wide, 560) + LEFT + RIGHT, max(high, 200) + TOP + BOTTOM
        figure = Figure(figsize=(whole[0] / DPI, whole[1] / DPI), dpi=DPI)
        place = (LEFT / whole[0], 1 - (TOP + high) / whole[1], wide / whole[0], high / whole[1])
        axes = figure.add_axes(place)
        axes.imshow(colours, aspect="auto", interpolation="nearest", extent=(0, wide, high, 0))
        self._time_axis(axes, high)
        self._columns_axis(axes)
        self._scale(figure, whole, LEFT + wide + 25)
        figure.text(LEFT / whole[0], 1 - 18 / whole[1], self._title(), va="center", fontsize=10)
        return figure

    def _time_axis(self, axes: "Axes", high: int) -> None:
        """Say what time of a column is where."""
        seconds = self.span / SECOND
        most = max(2, high // 40)
        step = next(
            (one for one in ROUND_SECONDS if seconds / one <= most and seconds >= one),
            seconds,
        )
        ticks = np.arange(0, seconds + 1e-9, step)
        axes.set_yticks(ticks / seconds * high, [_offset(one) for one in ticks])
        axes.set_ylabel("time in the column")

    def _columns_axis(self, axes: "Axes") -> None:
        """Say when columns begin, and what lies from left to right in each."""
        wide = self.tile[1] + APART
        every = max(1, int(np.ceil(95 / wide)))
        ticks, labels, day = [], [], ""
        for number, column in enumerate(self.columns):
            if column is None:
                ticks.append(number * wide + self.tile[1] / 2)
                labels.append("...")
            elif number % every == 0 or self.columns[number - 1] is None:
                date, _, clock = utc(column * self.span).partition("T")
                ticks.append(number * wide)
                labels.append(f"{date if date != day else ''}\n{clock}")
                day = date
        axes.xaxis.tick_top()
        axes.set_xticks(ticks, labels, ha="left", fontsize=9)
        texts = self.first.texts
        across = texts["columns"]
        if across == "channels":
            distance = texts.get("distance", "").replace(" ", " to ", 1)
            across = ", ".join(filter(None, (f"channels {texts['channels']}", distance)))
        said = f"in each: {across}; {texts['rows']}"
        axes.text(0, -0.02, said, transform=axes.transAxes, va="top", fontsize=9)

    def _scale(self, figure: "Figure", whole: tuple[int, int], at: int) -> None:
        """Say which values are black and white."""
        left, bottom = at / whole[0], 1 - (TOP + 150) / whole[1]
        axes = figure.add_axes((left, bottom, 15 / whole[0], 150 / whole[1]))
        axes.imshow(
            np.linspace(255, 1, 64)[:, np.newaxis],
            cmap="gray",
            vmin=0,
            vmax=255,
            aspect="auto",
            extent=(0, 1, 0, 1),
        )
        limits = {one.texts["limits"] for one in self.pictures}
        ends = next(iter(limits)).split() if len(limits) == 1 else ["least of each", "most of each"]
        axes.yaxis.tick_right()
        axes.set_xticks([])
        axes.set_yticks([0, 1], ends, fontsize=9)
        units = self.first.texts["units"].replace("relative to ", "relative to\n")
        axes.set_title(units, fontsize=7, loc="left")
        missing = figure.add_axes((left, bottom - 30 / whole[1], 15 / whole[0], 15 / whole[1]))
        missing.set_facecolor("#" + bytes(NOTHING).hex())
        missing.yaxis.tick_right()
        missing.set_xticks([])
        missing.set_yticks([0.5], ["missing"], fontsize=9)

    def _title(self) -> str:
        texts = self.first.texts
        seconds = f"{self.window / SECOND:g} s"
        return (
            f"{texts['what']}, {texts['band'].replace(' ', ' to ', 1)}: "
            f"{counted(len(self.pictures), 'picture')} of {seconds}, "
            f"{utc(self.first.start)} to {utc(self.pictures[-1].stop)}"
        )


def _offset(seconds: float) -> str:
    """Return a time within a column.

    Examples
    --------
    >>> _offset(90), _offset(0.5), _offset(7200)
    ('1:30', '0:00.5', '2:00:00')
    """
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{rest:06.3f}".rstrip("0").rstrip(".")
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"
