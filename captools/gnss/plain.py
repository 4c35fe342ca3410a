"""RINEX as it is: values stand in columns."""

import re

import numpy as np

from captools.gnss.epochs import WIDTH_2, WIDTH_3
from captools.gnss.fields import BLANKS, decimals
from captools.gnss.header import FIRST, label, read_header
from captools.gnss.lines import Lines
from captools.gnss.records import BLANK, CUT, DAMAGED, GOOD, Walk

FIELD, VALUE = 16, 14  # columns of a field, and of the value in it
NAME = 3  # columns of a satellite
PER_LINE = 5  # fields of RINEX 2
LISTED = 12  # satellites in the line of an epoch of RINEX 2
SIX = np.uint64((1 << 48) - 1)  # the first six characters of a word
_VALUE = re.compile(rb" *(-?)(\d*)\.(\d{3}|\d{1,2}(?= )) *")


class Plain:
    """The records of a plain file.

    Parameters
    ----------
    walk : Walk
        What its header said; what stands among the observations is added.
    start : int
        The line after the header.
    """

    def __init__(self, walk: Walk, start: int) -> None:
        self.walk, self.lines = walk, walk.lines
        self._is_2 = walk.preamble.major == 2
        self._width = WIDTH_2 if self._is_2 else WIDTH_3
        walk.begin_section()
        self._lines = np.arange(start, len(self.lines))
        if self.lines.data.find(b"COMMENT", self.lines.starts[start - 1]) >= 0:
            self._lines = self._lines[~self._are_comments(self._lines)]
        self._go_through()
        self.records = self.walk.records()

    # --- epochs -----------------------------------------------------------------

    def _are_comments(self, numbers: np.ndarray) -> np.ndarray:
        """Return which lines are comments, which may stand anywhere."""
        lines = self.lines
        long = lines.ends[numbers] - lines.starts[numbers] >= 67
        places = np.where(long, lines.starts[numbers] + 60, 0)
        found = np.stack([lines.buffer[places + at] for at in range(7)], axis=1)
        return long & (found == np.frombuffer(b"COMMENT", "u1")).all(axis=1)

    def _are_heads(self) -> np.ndarray:
        """Return which of our lines begin an epoch or an event, by what no other line has."""
        lines, numbers = self.lines, self._lines
        starts, length = lines.starts[numbers], lines.ends[numbers] - lines.starts[numbers]
        if not self._is_2:
            return lines.buffer[starts] == ord(">")
        long = length >= WIDTH_2 + 3
        safe = np.where(long, starts, 0)
        point = lines.buffer[safe + 18] == ord(".")
        flag = lines.buffer[safe + WIDTH_2 + 2]
        blank = np.all([lines.words[safe + at] == BLANKS for at in (0, 8, 16, 20)], axis=0)
        event = blank & (flag >= ord("2")) & (flag <= ord("5"))
        # A value has its point in another column, and only flags stand before column 29.
        return long & (point | event)

    def _go_through(self) -> None:
        """Find all epochs."""
        heads = np.flatnonzero(self._are_heads()).tolist()
        heads.append(len(self._lines))
        self._skip(0, heads[0])
        number = 0
        while number < len(heads) - 1:
            stop = self._take(heads[number], heads[number + 1])
            number += 1
            while heads[number] < stop:  # within the lines of an event
                number += 1
            if stop < heads[number]:
                self._skip(stop, heads[number])

    def _take(self, at: int, stop: int) -> int:
        """Take the epoch or event at one of our lines, and return where the next one may be."""
        line = self.lines[self._lines[at]]
        flag, count = line[self._width + 2 : self._width + 3], line[self._width + 3 :][:3]
        flag = b"0" if self._is_2 and flag == b" " else flag
        if not (flag in b"0123456" and flag and count.strip().isdigit()):
            self.walk.left_out["cut" if self._is_open(at) else "damage"] += stop - at
            return stop
        if flag in b"2345":
            return self._take_event(at, stop, int(count))
        if flag in b"6":  # cycle slips, which are no observations
            return stop
        if self._is_2:
            return self._take_epoch_2(at, stop, int(count), line)
        return self._take_epoch_3(at, stop, int(count), line)

    def _take_event(self, at: int, stop: int, count: int) -> int:
        """Read the header lines that follow, up to the next epoch; comments are counted, too."""
        first = int(self._lines[at]) + 1
        if not self._is_last(stop):
            left = int(self._lines[stop]) - first
            if left < count and not label(self.lines[self._lines[stop]]):
                self.walk.left_out["counts"] += 1
                count = left
        return int(np.searchsorted(self._lines, self.walk.take_event(first, count)))

    def _skip(self, at: int, stop: int) -> None:
        """Pass what stands between epochs: a header, if files were joined, or damage."""
        while at < stop:
            number = int(self._lines[at])
            line = self.lines[number]
            if label(line) == FIRST:
                after = read_header(self.lines, self.walk.preamble, number)
                self.walk.begin_section()
                at = int(np.searchsorted(self._lines, after))
                continue
            if label(line):
                self.walk.take_headers(number, number + 1)
            elif line.strip():
                self.walk.left_out["cut" if self._is_open(at) else "damage"] += 1
            at += 1

    def _is_last(self, stop: int) -> bool:
        return stop == len(self._lines)

    def _trimmed(self, at: int, stop: int, count: int) -> int:
        """Return where the records of an epoch end: before header lines, and blank ones."""
        for place in range(at + 1 + count, stop):
            line = self.lines[self._lines[place]]
            if not line.strip() or label(line) or self._is_open(place):
                return place
        return stop

    def _take_epoch_3(self, at: int, stop: int, count: int, line: bytes) -> int:
        after = stop if stop - at - 1 <= count else self._trimmed(at, stop, count)
        found = after - at - 1
        if found and self._has_no_name(after - 1):
            found -= 1
        if found < count and self._is_last(stop):
            self.walk.left_out["cut"] += count - found
        elif found != count:
            self.walk.left_out["counts"] += 1
        if found:
            starts = self.lines.starts[self._lines[at + 1 : at + 1 + found]]
            places = np.minimum(starts[:, None] + np.arange(3), len(self.lines.buffer) - 1)
            names = self.lines.buffer[places].tobytes()
            if found != count:
                own = _before_one_comes_again(names)
                self.walk.left_out["damage"] += (len(names) - len(own)) // NAME
                names = own
            self.walk.add(line[: self._width], at + 1, names)
        return after

    def _is_open(self, place: int) -> bool:
        """Return whether the file was cut in one of our lines."""
        return self.lines.is_cut and place == len(self._lines) - 1

    def _has_no_name(self, place: int) -> bool:
        """Return whether the file was cut before the end of a satellite's name."""
        return self._is_open(place) and len(self.lines[self._lines[place]]) < 3

    def _take_epoch_2(self, at: int, stop: int, count: int, line: bytes) -> int:
        stride = max(-(-self.walk.sections[-1].types[""].count // PER_LINE), 1)
        more = max(count - 1, 0) // LISTED
        after = self._trimmed(at, stop, more + count * stride)
        if after - at - 1 < more:
            self.walk.left_out["cut" if self._is_last(stop) else "damage"] += count
            return after
        listed = [line] + [self.lines[self._lines[at + 1 + one]] for one in range(more)]
        names = b"".join(one[WIDTH_2 + 6 :][: 3 * LISTED].ljust(3 * LISTED) for one in listed)
        there = after - at - 1 - more
        named = len(names.rstrip()[: 3 * count] + b"  ") // 3
        if there != count * stride:
            if self._is_last(stop) and there < count * stride and named == count:
                pass  # cut: what is not there is found missing later
            elif there == named * stride:
                self.walk.left_out["counts"] += 1
                count = named
            else:
                self.walk.left_out["damage"] += count
                return after
        self.walk.add(line[: self._width], at + 1 + more, names[: 3 * count], stride)
        return after

    # --- records ----------------------------------------------------------------

    def fields(self, rows: np.ndarray, count: int) -> "ColumnFields":
        """Return the fields of records, as `captools.gnss.records.Layout` says."""
        start = 0 if self._is_2 else NAME
        return ColumnFields(self.lines, self._lines, self.records.line[rows], start)


def _before_one_comes_again(names: bytes) -> bytes:
    """Return the satellites of an epoch; the rest is of the next one, whose first line is lost."""
    each = [names[at : at + NAME] for at in range(0, len(names), NAME)]
    again = (at for at, name in enumerate(each) if name in each[:at])
    return b"".join(each[: next(again, None)])


class ColumnFields:
    """Fields that stand in columns.

    Parameters
    ----------
    lines : Lines
        The file.
    numbers : array of int
        Its lines that count.
    first : array of int, shape (n,)
        Which of these is the first of each record.
    start : int
        The column of the first field: 0 in RINEX 2, whose records have a line for five fields.
    """

    def __init__(self, lines: Lines, numbers: np.ndarray, first: np.ndarray, start: int) -> None:
        self._lines, self._numbers, self._first, self._start = lines, numbers, first, start

    def read(self, place: int, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one field of each record, as `captools.gnss.records.Fields` says."""
        starts, ends, is_open = self._places(place)
        whole = ends >= starts + VALUE
        safe = np.where(whole, starts, 0)
        front, back = self._lines.words[safe], self._lines.words[safe + VALUE - 8]
        values, regular = decimals(back)
        good = whole & regular & ((front & SIX) == (BLANKS & SIX))
        states = np.where(good, GOOD, BLANK).astype("u1")
        there = np.where(whole, ~good & ((front != BLANKS) | (back != BLANKS)), ends > starts)
        for row in np.flatnonzero(there & ~is_open):
            values[row], states[row] = self._parsed(int(starts[row]), int(ends[row]))
        states[is_open & ~whole] = CUT
        states[(states == GOOD) & ((values < 0) | (values > most))] = DAMAGED
        return values, states

    def _places(self, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where fields begin, where their lines end, and whether the file was cut there."""
        lines, at = self._first, self._start + FIELD * place
        if not self._start:
            lines, at = lines + place // PER_LINE, FIELD * (place % PER_LINE)
        missing = lines >= len(self._numbers)
        numbers = self._numbers[np.where(missing, -1, lines)]
        is_open = missing | (self._lines.is_cut & (numbers == len(self._lines) - 1))
        ends = np.where(missing, 0, self._lines.ends[numbers])
        return self._lines.starts[numbers] + at, ends, is_open

    def _parsed(self, start: int, end: int) -> tuple[int, int]:
        """Return thousandths and state of a field that is not as most are."""
        text = self._lines.data[start : min(start + VALUE, end)]
        if not text.strip():
            return 0, BLANK
        found = _VALUE.fullmatch(text)
        if not found or len(text) < VALUE:
            return 0, DAMAGED
        sign, whole, fraction = found.groups()
        value = int(whole or b"0") * 1000 + int(fraction.ljust(3, b"0"))
        return -value if sign else value, GOOD
