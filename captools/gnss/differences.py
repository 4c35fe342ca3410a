"""Fields of Hatanaka's form: numbers and differences, between blanks."""

import re

import numpy as np

from captools.gnss.arcs import off_grid, since_begin, undone
from captools.gnss.fields import are_digits, first_characters, have, last_characters, numbers
from captools.gnss.lines import Lines
from captools.gnss.records import BLANK, CUT, DAMAGED, GOOD

HIGHEST_ORDER = 5  # of differences
_LONG = re.compile(rb"-?\d{9,15}")


class DifferenceFields:
    """The fields of records, in Hatanaka's form.

    Parameters
    ----------
    lines : Lines
        The file.
    numbers : array of int, shape (n,)
        The line of each record, by satellite and then epoch; beyond the last if the file was cut.
    follows : array of bool, shape (n,)
        Whether a record can go on from the one before.
    count : int
        How many fields a record has.
    """

    def __init__(self, lines: Lines, numbers: np.ndarray, follows: np.ndarray, count: int) -> None:
        self._lines, self._follows, self._count = lines, follows, count
        self._missing = numbers >= len(lines)
        self._numbers = np.where(self._missing, 0, numbers)
        ends = lines.gaps_at_ends
        self._first, self._last = ends[self._numbers] + 1, ends[self._numbers + 1]
        self._whole = self._have_only_flags() & self._go_on()

    def read(self, place: int, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one field of each record, as `captools.gnss.records.Fields` says."""
        starts, ends, is_open = self._places(place)
        there = (ends > starts) & ~is_open
        begins, orders = self._begins(starts, ends, there)
        values, read = self._differences(starts + 2 * begins, ends)
        continues = self._follows.copy()
        continues[1:] &= there[:-1]
        stretch = ~(continues & there) | begins
        read &= ~(begins & continues) | _same_order(orders, stretch)
        read &= self._whole
        lost = since_begin(stretch & ~begins | ~read, stretch) & there
        good = np.flatnonzero(there & ~lost)
        states = np.where(there, DAMAGED, BLANK).astype("u1")
        states[is_open] = CUT
        differences, begins, orders = values[good], begins[good], orders[good]
        values[good] = undone(differences, begins, orders)
        wrong = since_begin(off_grid(differences, begins, orders), begins)
        wrong |= _whole_arcs((values[good] < 0) | (values[good] > most), begins)
        states[good[~wrong]] = GOOD
        return values, states

    # --- records ----------------------------------------------------------------

    def _have_only_flags(self) -> np.ndarray:
        """Return which records have nothing but flags after their fields, as they should."""
        after = self._first + self._count - 1
        starts = self._lines.gaps[np.minimum(after, self._last)] + 1
        length = np.where(after < self._last, self._lines.ends[self._numbers] - starts, 0)
        length[starts >= len(self._lines.words)] = 0
        flags = first_characters(self._lines.words[np.where(length > 0, starts, 0)], length)
        return (length <= 2 * self._count) & ~(have(flags, "-") & (length > 0))

    def _go_on(self) -> np.ndarray:
        """Return which records fit to those before and after them.

        The last field of a record, if it is a difference, needs one in the record before. If that
        has less fields, a blank of one of them was lost, or came to be.
        """
        place = np.minimum(self._last - self._first, self._count - 1)
        starts, ends, _ = self._places(place)
        second = self._lines.buffer[np.minimum(starts + 1, ends)]
        there = self._follows & (ends > starts) & (second != ord("&"))
        before = np.roll(place, -1)
        starts, ends, _ = self._places(before)
        bad = np.zeros(len(place), bool)
        bad[1:] = there[1:] & (ends <= starts)[:-1]
        bad[:-1] |= bad[1:]
        return ~bad

    def _places(self, place: int | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where fields begin and end, and whether the file was cut there."""
        lines, gaps = self._lines, self._lines.gaps
        gap = self._first + place
        outside = self._missing | (gap > self._last)
        gap = np.where(outside, self._last, gap)
        ends = gaps[gap]
        starts = np.where(outside, ends, gaps[gap - 1] + 1)
        is_open = self._missing
        if lines.is_cut:
            last = self._numbers == len(lines) - 1
            is_open = is_open | (last & (ends == lines.ends[-1]))
        return starts, ends, is_open

    # --- fields -----------------------------------------------------------------

    def _begins(
        self, starts: np.ndarray, ends: np.ndarray, there: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return where arcs begin, and of which order they are."""
        buffer = self._lines.buffer
        orders = buffer[starts].astype("i8") - ord("0")
        begins = there & (ends - starts > 2) & (buffer[np.minimum(starts + 1, ends)] == ord("&"))
        return begins & (orders >= 1) & (orders <= HIGHEST_ORDER), orders

    def _differences(self, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers between places, and where there are such."""
        negative = self._lines.buffer[starts] == ord("-")
        counts = ends - starts - negative
        words = last_characters(self._lines.words[ends - 8], counts)
        values = numbers(words)
        read = are_digits(words) & (counts >= 1) & (counts <= 8)
        np.negative(values, out=values, where=negative)
        for row in np.flatnonzero(counts > 8):
            text = self._lines.data[starts[row] : ends[row]]
            read[row] = bool(_LONG.fullmatch(text))
            values[row] = int(text) if read[row] else 0
        return values, read


def _same_order(orders: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """Return which arcs are of the order of the stretch before; one within another must be."""
    first = np.flatnonzero(stretch)
    same = np.ones(len(orders), bool)
    same[first[1:]] = orders[first[1:]] == orders[first[:-1]]
    return same


def _whole_arcs(some: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return which elements belong to an arc that has some."""
    first = np.flatnonzero(begins)
    if not len(first):
        return some
    return np.repeat(np.logical_or.reduceat(some, first), np.diff(first, append=len(some)))
