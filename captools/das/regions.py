"""Regions of a cube: which segments each has, and which samples of which files these take."""

from collections.abc import Collection, Iterator, Sequence
from typing import cast

import numpy as np

from captools.das.layout import ROWS, Layout
from captools.das.packing import packed, unpacked
from captools.das.records import SECOND
from captools.das.windows import Stretch
from captools.io.address import Input

TASK_NS = round(60 * SECOND)  # so long is a region, or one row of chunks


class Region(Input):
    """An input of `dascube`: whole rows of chunks.

    Its part holds all that its levels depend on, but for what is in the files.

    Parameters
    ----------
    layout : Layout
        Of the cube.
    row, rows : int
        First segment of the region, counted from the cube's first one, and how many it has.
    stretches : sequence of Stretch
        What there is of samples of these segments.
    """

    cube_rows: int

    def __new__(cls, layout: Layout, row: int, rows: int, stretches: Sequence[Stretch]) -> "Region":
        """Return the region, named by the time of its first segment."""
        paths, samples = packed(stretches)
        part = {"layout": layout.as_json(), "row": row, "rows": rows, **samples}
        name = stamp(layout.grid.time(layout.first + row))
        one = cast("Region", super().__new__(cls, name, paths, part))
        one.cube_rows = layout.rows  # not in its part: a cube may grow
        return one

    def __reduce__(self) -> tuple:
        """Return what it is made of, so that it reaches other processes whole."""
        return str.__new__, (type(self), str(self)), vars(self)

    @property
    def layout(self) -> Layout:
        """Of the cube."""
        return Layout.from_json(self.part["layout"], self.cube_rows)

    @property
    def row(self) -> int:
        """The first segment, counted from the cube's first one."""
        return self.part["row"]

    @property
    def numbers(self) -> range:
        """The numbers of the segments on the grid."""
        first = self.part["layout"]["first"] + self.row
        return range(first, first + self.part["rows"])

    def stretches(self) -> list[Stretch]:
        """Return what there is of samples."""
        return unpacked(self.paths, self.part)

    def numbers_in(self, stretch: Stretch) -> range:
        """Return the segments of the region that a stretch holds whole."""
        return _both(self.layout.grid.within(stretch), self.numbers)


def regions(
    layout: Layout, stretches: Sequence[Stretch], written: Collection[int] = ()
) -> Iterator[Region]:
    """Yield the regions of a cube in which there is any segment, or was.

    Parameters
    ----------
    layout : Layout
        Of the cube.
    stretches : sequence of Stretch
        All samples of it, in the order of time.
    written : collection of int
        Rows of chunks in which the cube has levels by now: of files that may be gone.
    """
    grid = layout.grid
    inside = [grid.within(stretch) for stretch in stretches]
    rows = ROWS * max(1, round(TASK_NS / (layout.hop_ns * ROWS)))
    begin = 0  # stretches before this one are over
    for row in range(0, layout.rows, rows):
        numbers = range(layout.first + row, layout.first + min(row + rows, layout.rows))
        while begin < len(inside) and inside[begin].stop <= numbers.start:
            begin += 1
        found = []
        for stretch, there in zip(stretches[begin:], inside[begin:], strict=True):
            if there.start >= numbers.stop:
                break
            if both := _both(there, numbers):
                found.append(_cut(stretch, layout, both))
        chunks = range(row // ROWS, -(-(row + rows) // ROWS))
        if found or any(chunk in written for chunk in chunks):
            yield Region(layout, row, len(numbers), found)


def _cut(stretch: Stretch, layout: Layout, numbers: range) -> Stretch:
    """Return the part of a stretch that holds segments."""
    ends = range(numbers[0], numbers[0] + 1), range(numbers[-1], numbers[-1] + 1)
    first, last = (int(layout.grid.starts(stretch, end)[0]) for end in ends)
    portions = stretch.cut(first, last + layout.spectrum.samples)
    return Stretch(tuple(portion for portion, _ in portions))


def _both(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))


def stamp(time_ns: int) -> str:
    """Return a time (UTC, nanoseconds since 1970) as a name, with as few digits as it needs.

    Examples
    --------
    >>> stamp(1635808275_500_000_000)
    '20211101T231115.5Z'
    """
    text = np.datetime_as_string(np.datetime64(time_ns, "ns"))
    whole, _, fraction = text.replace("-", "").replace(":", "").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"
