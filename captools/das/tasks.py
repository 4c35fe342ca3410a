"""Runs of windows as inputs, and the samples of each window.

Windows lie on the absolute grid of time and are named by their times there. A task is a run of them
of a minute or two, on a grid of its own: which windows it has does not depend on how the samples
are shared among files.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from captools.das.packing import packed, unpacked
from captools.das.records import SECOND, Record
from captools.das.regions import stamp
from captools.das.windows import Grid, Portion, Stretch, joined
from captools.io.address import Input

_NAME = re.compile(r"(\d{8}T\d{6}(?:\.\d+)?Z)-(\d{8}T\d{6}(?:\.\d+)?Z)")
TASK_NS = round(60 * SECOND)  # so long is a task, if nothing else is said, or one window
SKIP, FILL = "skip", "fill"


@dataclass(frozen=True)
class Halo:
    """Samples around those of a window.

    Attributes
    ----------
    samples : int
        On each side, where there are so many.
    step : int
        Halo and samples begin and end at multiples of it, counted from the window's first one.
    """

    samples: int = 0
    step: int = 1

    @property
    def reach(self) -> int:
        """Samples on each side, a multiple of the step."""
        return -(-self.samples // self.step) * self.step


@dataclass(frozen=True)
class Part:
    """Samples of a window that follow each other without a gap, with their halo.

    Attributes
    ----------
    portions : tuple of (Portion, int)
        Samples of the part and of its halo, each with its place among these.
    first, stop : int
        Which samples of the window they are, without the halo.
    before, after : int
        How many samples of halo there are.
    """

    portions: tuple[tuple[Portion, int], ...]
    first: int
    stop: int
    before: int
    after: int

    @property
    def samples(self) -> int:
        """How many there are, with the halo."""
        return self.before + self.stop - self.first + self.after

    @property
    def record(self) -> Record:
        """The one that holds the first sample."""
        return self.portions[0][0].record

    @property
    def start_ns(self) -> int:
        """Time of the first sample, that of the halo, nanoseconds since 1970."""
        return self.portions[0][0].start_ns


@dataclass(frozen=True)
class Window:
    """A window on the grid.

    Attributes
    ----------
    time_ns : int
        When it begins by the grid, nanoseconds since 1970.
    samples : int
        How many it has.
    parts : tuple of Part
        What there is of them.
    """

    time_ns: int
    samples: int
    parts: tuple[Part, ...]

    @property
    def is_whole(self) -> bool:
        """Whether no sample is missing."""
        return len(self.parts) == 1 and self.parts[0].stop - self.parts[0].first == self.samples

    @property
    def name(self) -> str:
        """The time as files are named by it: ``20211101T231115Z``."""
        return stamp(self.time_ns)


class Windows(Input):
    """An input: a run of windows.

    Its name says when the first one begins and the last one ends, by the grid.

    Parameters
    ----------
    tiling : Tiling
        Of the windows.
    numbers : sequence of range
        Which windows.
    stretches : sequence of Stretch
        What there is of samples of these windows and their halo.
    channels : range
        Those to read.
    span : range
        The windows of which the name speaks: more than there are, maybe.
    """

    def __new__(
        cls,
        tiling: "Tiling",
        numbers: Sequence[range],
        stretches: Sequence[Stretch],
        channels: range,
        span: range,
    ) -> "Windows":
        """Return the input."""
        grid, halo = tiling.grid, tiling.halo
        paths, samples = packed(stretches)
        part = {
            "grid": [grid.hop_ns, grid.samples, grid.origin_ns],
            "numbers": [[one.start, one.stop] for one in numbers],
            "halo": [halo.samples, halo.step],
            "channels": [channels.start, channels.stop, channels.step],
            **samples,
        }
        name = f"{stamp(grid.time(span.start))}-{stamp(grid.time(span.stop))}"
        return cast("Windows", super().__new__(cls, name, paths, part))

    def __reduce__(self) -> tuple:
        """Return what it is made of, so that it reaches other processes whole."""
        return str.__new__, (type(self), str(self)), vars(self)

    @property
    def channels(self) -> range:
        """Those to read."""
        return range(*self.part["channels"])

    @property
    def grid(self) -> Grid:
        """Of the windows."""
        return Grid(*self.part["grid"])

    @property
    def numbers(self) -> list[int]:
        """Of the windows on the grid."""
        return [number for first, stop in self.part["numbers"] for number in range(first, stop)]

    def stretches(self) -> list[Stretch]:
        """Return what there is of samples."""
        return unpacked(self.paths, self.part)

    def with_part(self, **more: Any) -> "Windows":
        """Return the same with other things in its part, or more."""
        one = Input.__new__(type(self), str(self), self.paths, self.part | more)
        return cast("Windows", one)

    def windows(self) -> Iterator[Window]:
        """Yield the windows, in the order of time."""
        halo, stretches = Halo(*self.part["halo"]), self.stretches()
        for number in self.numbers:
            yield window(self.grid, number, stretches, halo)


@dataclass(frozen=True)
class Tiling:
    """Windows side by side, and how they are made.

    Attributes
    ----------
    grid : Grid
        Of the windows.
    halo : Halo
        How much of it each one has.
    gaps : {"skip", "fill"}
        Windows of which samples are missing are left out, or are there if there is any sample.
    span_ns : (int, int)
        Nanoseconds since 1970: windows that begin or end outside are left out. A halo may lie
        outside, so that a window is the same whatever the span.
    task_ns : int
        How long a task is, or one window.
    """

    grid: Grid
    halo: Halo
    gaps: str
    span_ns: tuple[int, int]
    task_ns: int = TASK_NS

    def tasks(self, stretches: Sequence[Stretch], channels: range) -> list[Windows]:
        """Return the inputs that make the windows of stretches, which are in the order of time."""
        at_once = max(1, self.task_ns // self.grid.hop_ns)
        numbers: dict[int, list[range]] = {}
        needed: dict[int, list[Stretch]] = {}
        for stretch in stretches:
            there = self._of(stretch)
            for task in range(there.start // at_once, -(-there.stop // at_once)):
                first = max(there.start, task * at_once)
                stop = min(there.stop, (task + 1) * at_once)
                if first < stop:
                    numbers.setdefault(task, []).append(range(first, stop))
                    needed.setdefault(task, []).append(self._cut(stretch, first, stop - 1))
        return [
            Windows(
                self,
                joined(numbers[task]),
                needed[task],
                channels,
                range(task * at_once, (task + 1) * at_once),
            )
            for task in sorted(numbers)
        ]

    def numbers(self, stretches: Sequence[Stretch]) -> set[int]:
        """Return which windows the stretches have."""
        return {number for stretch in stretches for number in self._of(stretch)}

    def _of(self, stretch: Stretch) -> range:
        """Return the windows of a stretch."""
        grid = self.grid
        there = grid.touching(stretch) if self.gaps == FILL else grid.within(stretch)
        low = -((grid.origin_ns - self.span_ns[0]) // grid.hop_ns)
        high = (self.span_ns[1] - grid.origin_ns) // grid.hop_ns
        return range(max(there.start, low), min(there.stop, high))

    def _cut(self, stretch: Stretch, first: int, last: int) -> Stretch:
        """Return the part of a stretch that windows take, from the first one to the last."""
        starts = [int(self.grid.starts(stretch, range(one, one + 1))[0]) for one in (first, last)]
        reach = self.halo.reach
        portions = stretch.cut(starts[0] - reach, starts[1] + self.grid.samples + reach)
        return Stretch(tuple(portion for portion, _ in portions))


def window(grid: Grid, number: int, stretches: Sequence[Stretch], halo: Halo) -> Window:
    """Return a window with what there is of its samples."""
    parts = []
    for stretch in stretches:
        start = int(grid.starts(stretch, range(number, number + 1))[0])
        low, high = max(0, -start), min(grid.samples, stretch.samples - start)
        low = -(-low // halo.step) * halo.step
        if low >= high:
            continue
        before = min(halo.reach, (start + low) // halo.step * halo.step)
        after = min(halo.reach, stretch.samples - start - high)
        portions = stretch.cut(start + low - before, start + high + after)
        parts.append(Part(tuple(portions), low, high, before, after))
    return Window(grid.time(number), grid.samples, tuple(parts))


def window_names(task: str, hop_ns: int) -> list[str]:
    """Return the names of the windows that a task may have, by its own name; none of other words.

    Examples
    --------
    >>> window_names("20211101T231100Z-20211101T231130Z", 15_000_000_000)
    ['20211101T231100Z', '20211101T231115Z']
    """
    match = _NAME.fullmatch(task)
    if match is None:
        return []
    begin, end = (_time_ns(word) for word in match.groups())
    return [stamp(time) for time in range(begin, end, hop_ns)]


def _time_ns(text: str) -> int:
    """Return the time that `captools.das.regions.stamp` wrote, nanoseconds since 1970."""
    date, clock = text[:8], text[9:-1]
    written = f"{date[:4]}-{date[4:6]}-{date[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}"
    return int(np.datetime64(written, "ns").astype(np.int64))
