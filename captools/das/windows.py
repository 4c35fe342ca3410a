"""Windows on an absolute grid of time, and which samples of which files each one takes.

Nothing is read here. A window begins at the sample nearest to its time on the grid and has a fixed
number of samples: so slow drift of a clock makes no gaps, and a window is the same one whatever
files it was asked of.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from captools.das.records import SECOND, Record
from captools.das.runs import Run

INT64 = np.iinfo(np.int64)
SNAP = 1e-3  # samples: a time in the middle of two belongs to the later one, rounded as it may be


@dataclass(frozen=True)
class Portion:
    """Samples of a record, one after another.

    Attributes
    ----------
    record : Record
        Whose samples they are.
    first, stop : int
        The first of them, and the one after the last.
    """

    record: Record
    first: int
    stop: int

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.stop - self.first

    @property
    def step_ns(self) -> float:
        """Between samples, nanoseconds."""
        return self.record.step * SECOND

    @property
    def start_ns(self) -> int:
        """Time of the first one, nanoseconds since 1970."""
        return self.record.start_ns + round(self.first * self.step_ns)


@dataclass(frozen=True)
class Stretch:
    """Portions of records that follow each other without a gap, in the order of time.

    Attributes
    ----------
    portions : tuple of Portion
        At least one.
    """

    portions: tuple[Portion, ...]

    @classmethod
    def of(cls, run: Run) -> "Stretch":
        """Return all of a run."""
        pieces = run.pieces
        return cls(tuple(Portion(one.record, one.skip, one.record.samples) for one in pieces))

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return self._bases[-1]

    @cached_property
    def _bases(self) -> list[int]:
        """How many samples are before each portion, and all in the end."""
        bases = [0]
        for portion in self.portions:
            bases.append(bases[-1] + portion.samples)
        return bases

    @cached_property
    def _turns(self) -> np.ndarray:
        """From when on a time is nearer to each portion than to the one before, nanoseconds."""
        turns = [np.iinfo(np.int64).min]
        for before, after in pairwise(self.portions):
            last = before.start_ns + round((before.samples - 1) * before.step_ns)
            turns.append((last + after.start_ns) // 2 - round(SNAP * after.step_ns))
        return np.array(turns)

    def nearest(self, times: np.ndarray) -> np.ndarray:
        """Return which samples are nearest to times, counted from the first one.

        Parameters
        ----------
        times : array of int64, shape (n,)
            Nanoseconds since 1970; those outside get numbers outside.

        Returns
        -------
        array of int64, shape (n,)
        """
        times = np.asarray(times, np.int64)
        which = np.searchsorted(self._turns, times, side="right") - 1
        found = np.empty(times.shape, np.int64)
        for number in np.unique(which):
            portion, ours = self.portions[number], which == number
            position = (times[ours] - portion.record.start_ns) / portion.step_ns
            sample = np.floor(position + 0.5 + SNAP).astype(np.int64) - portion.first
            low = 0 if number else INT64.min
            high = portion.samples - 1 if number < len(self.portions) - 1 else INT64.max
            found[ours] = self._bases[number] + np.clip(sample, low, high)
        return found

    def cut(self, start: int, stop: int) -> list[tuple[Portion, int]]:
        """Return the portions that hold samples `start` to `stop`, counted from the first one.

        Each with the number of its first sample, counted from `start`; what is outside is left out.
        """
        found = []
        begin = max(0, bisect_right(self._bases, start) - 1)
        for portion, base in zip(self.portions[begin:], self._bases[begin:], strict=False):
            if base >= stop:
                break
            low, high = max(start, base) - base, min(stop - base, portion.samples)
            if low < high:
                part = Portion(portion.record, portion.first + low, portion.first + high)
                found.append((part, base + low - start))
        return found


@dataclass(frozen=True)
class Grid:
    """Windows at whole multiples of a hop.

    Attributes
    ----------
    hop_ns : int
        From one window to the next, nanoseconds.
    samples : int
        Of each window.
    origin_ns : int
        When window 0 begins, nanoseconds since 1970.
    """

    hop_ns: int
    samples: int
    origin_ns: int = 0

    def time(self, number: int) -> int:
        """Return when a window begins, nanoseconds since 1970."""
        return self.origin_ns + number * self.hop_ns

    def starts(self, stretch: Stretch, numbers: range) -> np.ndarray:
        """Return at which samples of a stretch windows begin, shape (windows,)."""
        times = (
            self.origin_ns + np.arange(numbers.start, numbers.stop, dtype=np.int64) * self.hop_ns
        )
        return stretch.nearest(times)

    def within(self, stretch: Stretch) -> range:
        """Return the numbers of the windows that lie in a stretch with all of their samples."""
        last = stretch.portions[-1]
        end_ns = last.start_ns + round(last.samples * last.step_ns)
        low = (stretch.portions[0].start_ns - self.origin_ns) // self.hop_ns - 1
        high = (end_ns - self.origin_ns) // self.hop_ns + 1
        while low <= high and self._start(stretch, low) < 0:
            low += 1
        while high >= low and self._start(stretch, high) + self.samples > stretch.samples:
            high -= 1
        return range(low, high + 1)

    def touching(self, stretch: Stretch) -> range:
        """Return the numbers of the windows that have a sample of a stretch at least."""
        first, last = stretch.portions[0], stretch.portions[-1]
        length_ns = round(self.samples * first.step_ns)
        end_ns = last.start_ns + round(last.samples * last.step_ns)
        low = (first.start_ns - length_ns - self.origin_ns) // self.hop_ns
        high = (end_ns - self.origin_ns) // self.hop_ns + 1
        while low <= high and self._start(stretch, low) + self.samples <= 0:
            low += 1
        while high >= low and self._start(stretch, high) >= stretch.samples:
            high -= 1
        return range(low, high + 1)

    def _start(self, stretch: Stretch, number: int) -> int:
        return int(self.starts(stretch, range(number, number + 1))[0])


def joined(ranges: Sequence[range]) -> list[range]:
    """Return ranges of numbers in their order, those that touch as one.

    Examples
    --------
    >>> joined([range(5, 9), range(0, 3), range(3, 4)])
    [range(0, 4), range(5, 9)]
    """
    found: list[range] = []
    for one in sorted((one for one in ranges if one), key=lambda one: one.start):
        if found and one.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, one.stop))
        else:
            found.append(one)
    return found
