"""What walking through a file finds: epochs, and the records of satellites in them."""

import re
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from captools.gnss.choice import SYSTEMS
from captools.gnss.header import Preamble, Types
from captools.gnss.lines import Lines

_LABEL = re.compile(rb"[A-Za-z]")
BLANK, GOOD, DAMAGED, CUT = range(4)  # what a field is


@dataclass(frozen=True)
class Section:
    """The epochs for which the same lists of observations hold.

    Attributes
    ----------
    start, stop : int
        The first of them, and the one after the last.
    types : dict of str to Types
        As of a preamble.
    scales : dict of (str, str) to int
        As of a preamble.
    """

    start: int
    types: dict[str, Types]
    scales: dict[tuple[str, str], int]
    stop: int = sys.maxsize


@dataclass
class Walk:
    """What was found so far.

    Attributes
    ----------
    heads : list of bytes
        Date and time of each epoch, of one width.
    first_lines : list of int
        Where its records begin.
    counts : list of int
        How many records each has.
    strides : list of int
        How many lines each record of it takes.
    satellites : list of bytes
        Three characters for each record of each epoch.
    sections : list of Section
        In order.
    left_out : Counter
        As of `Observations`.
    """

    lines: Lines
    preamble: Preamble
    wanted: str | None
    heads: list[bytes] = field(default_factory=list)
    first_lines: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    strides: list[int] = field(default_factory=list)
    satellites: list[bytes] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)

    def begin_section(self) -> None:
        """Let the lists of the preamble hold from the next epoch on."""
        self.preamble.check(self.wanted)
        start, last = len(self.heads), self.sections[-1:]
        now = Section(start, dict(self.preamble.types), dict(self.preamble.scales))
        if last and (last[0].types, last[0].scales) == (now.types, now.scales):
            return
        ended = [replace(one, stop=start) for one in last if one.start < start]
        self.sections[-1:] = [*ended, now]

    def take_headers(self, first: int, after: int) -> None:
        """Read header lines that stand among the observations; of an event all have a label."""
        labels = [self.preamble.take(number) for number in range(first, after)]
        for number in range(first, after):
            if not _LABEL.search(self.lines[number][60:]):
                self.left_out["damage"] += 1
        if any(labels):
            self.begin_section()

    def take_event(self, first: int, count: int) -> int:
        """Read the header lines of an event, and return the line after them."""
        if first + count > len(self.lines):
            self.left_out["cut"] += 1
        after = min(first + count, len(self.lines))
        self.take_headers(first, after)
        return after

    def add(self, head: bytes, line: int, satellites: bytes, stride: int = 1) -> None:
        """Add an epoch."""
        self.heads.append(head)
        self.first_lines.append(line)
        self.counts.append(len(satellites) // 3)
        self.satellites.append(satellites)
        self.strides.append(stride)

    def drop(self) -> int:
        """Take the last epoch back, and return how many records it has."""
        for each in (self.heads, self.first_lines, self.strides, self.satellites):
            each.pop()
        return self.counts.pop()

    def records(self) -> "Records":
        """Return all records."""
        counts = np.array(self.counts, "i8")
        epoch = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(epoch)) - np.repeat(np.cumsum(counts) - counts, counts)
        first, stride = (np.array(of, "i8")[epoch] for of in (self.first_lines, self.strides))
        text = np.frombuffer(b"".join(self.satellites), "u1").reshape(-1, 3)
        return Records(epoch, first + within * stride, *_parsed(text, self.preamble.default_system))


@dataclass(frozen=True)
class Records:
    """The records of satellites, in the order of the file.

    Attributes
    ----------
    epoch : array of int64, shape (n,)
        Which one.
    line : array of int64, shape (n,)
        Where it begins.
    system : array of uint8, shape (n,)
        The letter; 0 if there is no such satellite.
    satellite : array of uint8, shape (n,)
        The number.
    """

    epoch: np.ndarray
    line: np.ndarray
    system: np.ndarray
    satellite: np.ndarray


def _parsed(text: np.ndarray, default: str) -> tuple[np.ndarray, np.ndarray]:
    """Return system (0 if damaged) and number of satellites.

    Parameters
    ----------
    text : array of uint8, shape (n, 3)
        Such as G01, or "G 1", or " 01" of the system that is the default.
    default : str
        Where there is no letter.
    """
    system = np.where(text[:, 0] == ord(" "), ord(default), text[:, 0]).astype("u1")
    tens = np.where(text[:, 1] == ord(" "), ord("0"), text[:, 1]).astype("i8") - ord("0")
    ones = text[:, 2].astype("i8") - ord("0")
    number = tens * 10 + ones
    real = (tens >= 0) & (tens <= 9) & (ones >= 0) & (ones <= 9) & (number > 0)
    real &= np.isin(system, np.frombuffer(SYSTEMS.encode(), "u1"))
    return np.where(real, system, 0), np.where(real, number, 0).astype("u1")


class Fields(Protocol):
    """The fields of some records, of one system and section."""

    def read(self, place: int, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one field of each record.

        Parameters
        ----------
        place : int
            Which one, from 0.
        most : int
            Thousandths up to which a value can be true.

        Returns
        -------
        thousandths : array of int64
            Of meaning where the field is good.
        states : array of uint8
            What each field is: blank, good, damaged or cut.
        """
        ...


class Layout(Protocol):
    """How the records of a file are laid out."""

    walk: Walk
    records: Records

    def fields(self, rows: np.ndarray, count: int) -> Fields:
        """Return the fields of records.

        Parameters
        ----------
        rows : array of int
            Which records: all of a system and section, ordered by satellite and then epoch.
        count : int
            How many fields each has.
        """
        ...
