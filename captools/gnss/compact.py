"""RINEX in Hatanaka's form: lines are differences to the lines before them.

The line of an epoch has only the characters that changed. A line with the offset of the receiver's
clock follows, and a line for each satellite: a field for each observation, between blanks, then
flags. A field is ``3&46100``, the beginning of an arc of third differences, or a difference.
"""

import re

import numpy as np

from captools.gnss.differences import DifferenceFields
from captools.gnss.epochs import WIDTH_2, WIDTH_3
from captools.gnss.header import COMPACT, FIRST, label, read_header
from captools.gnss.records import Walk

_SATELLITES = re.compile(rb"(?:[GRSECJI ][ \d]\d)*")
_CLOCK = re.compile(rb"(?:[1-5]&)?-?\d+ *| +")
_KEPT = bytes(0xFF if one == ord(" ") else 0 for one in range(256))
_NEW = bytes({ord(" "): 0, ord("&"): ord(" ")}.get(one, one) for one in range(256))


def repaired(text: bytes, changes: bytes) -> bytes:
    """Return a line with changes: a blank keeps a character, ``&`` makes it a blank.

    Examples
    --------
    >>> repaired(b"12 G01G02", b"2&    3    G03")
    b'2  G01302  G03'
    """
    size = max(len(text), len(changes))
    text, changes = text.ljust(size), changes.ljust(size)
    old, kept, new = (
        int.from_bytes(one, "big")
        for one in (text, changes.translate(_KEPT), changes.translate(_NEW))
    )
    return (old & kept | new).to_bytes(size, "big")


class Compact:
    """The records of a file in Hatanaka's form.

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
        self._list = self._width + (6 if self._is_2 else 12)  # where satellites begin
        self._mark = b"&" if self._is_2 else b">"
        walk.begin_section()
        self._fresh: list[bool] = []  # whether an epoch depends on nothing before it
        self._go_through(start)
        self.records = self.walk.records()

    # --- epochs -----------------------------------------------------------------

    def _go_through(self, at: int) -> None:
        """Find all epochs."""
        text = b""  # the line of the last epoch; none to which changes could be made
        satellites: bytes | None = None
        end = len(self.lines.data.rstrip())
        while at < len(self.lines) and self.lines.starts[at] < end:
            line = self.lines[at]
            is_fresh = line[:1] == self._mark
            if is_fresh and line[self._width + 2 : self._width + 3] in b"23456":
                at, text = self._event(at, line), b""
                continue
            if label(line) in (FIRST, COMPACT):
                at, text = read_header(self.lines, self.walk.preamble, at), b""
                self.walk.begin_section()
                continue
            if not self._is_2 and line[:1] == b"&":  # a remark
                at += 1
                continue
            if text and len(line) <= self._width and line[:1] == b" ":  # most change the time only
                text = repaired(text[: self._width], line) + text[self._width :]
            else:
                text = line.replace(b"&", b" ") if is_fresh else text and repaired(text, line)
                satellites = self._satellites(text)
            at, text = self._epoch(at, text, satellites, is_fresh)

    def _epoch(
        self, at: int, text: bytes, satellites: bytes | None, is_fresh: bool
    ) -> tuple[int, bytes]:
        """Take the epoch at a line, and return where the next one is, and the text of this one.

        If it cannot be, all is lost up to the next one that is fresh.
        """
        if self.lines.is_cut and at == len(self.lines) - 1:
            self.walk.left_out["cut"] += 1
            return at + 1, b""
        clock = self.lines[at + 1] if at + 1 < len(self.lines) else b""
        if satellites is None or (clock and not _CLOCK.fullmatch(clock)):
            self._drop_before(at)
            return self._resume(at), b""
        if satellites:
            self.walk.add(text[: self._width], at + 2, satellites)
            self._fresh.append(is_fresh)
        return at + 2 + len(satellites) // 3, text

    def _drop_before(self, at: int) -> None:
        """Take back the epoch whose records end at a line that is none of an epoch.

        A line of it may be missing, or two be one, so that records are those of others.
        """
        walk = self.walk
        if walk.heads and walk.first_lines[-1] + walk.counts[-1] == at:
            walk.left_out["damage"] += walk.drop()
            self._fresh.pop()

    def _satellites(self, text: bytes) -> bytes | None:
        """Return the satellites of an epoch, None if it cannot be one."""
        flag, count = text[self._width + 2 : self._width + 3], text[self._width + 3 :][:3].strip()
        if text[:1] not in (self._mark, b" ") or flag not in (b"0", b"1") or not count.isdigit():
            return None
        listed = text[self._list :].rstrip()
        names = {listed[at : at + 3] for at in range(0, len(listed), 3)}
        if len(listed) != 3 * int(count) or len(names) != int(count):
            return None
        return listed if _SATELLITES.fullmatch(listed) else None

    def _resume(self, at: int) -> int:
        """Return the next fresh epoch or header, and count the lines that are lost."""
        after = at + 1
        while after < len(self.lines) and not self._is_start(self.lines[after]):
            after += 1
        self.walk.left_out["damage"] += after - at
        return after

    def _is_start(self, line: bytes) -> bool:
        """Return whether a line can be that of a fresh epoch."""
        if label(line) in (FIRST, COMPACT):
            return True
        return line[:1] == self._mark and line[self._width + 2 : self._width + 3].isdigit()

    def _event(self, at: int, line: bytes) -> int:
        """Read the lines that belong to an event, and return the line after them."""
        count = line[self._width + 3 :][:3].strip()
        if not count.isdigit():
            return self._resume(at)
        if line[self._width + 2 : self._width + 3] == b"6":  # cycle slips
            return min(at + 1 + int(count), len(self.lines))
        return self.walk.take_event(at + 1, int(count))

    # --- records ----------------------------------------------------------------

    def fields(self, rows: np.ndarray, count: int) -> DifferenceFields:
        """Return the fields of records, as `captools.gnss.records.Layout` says."""
        epoch, satellite = self.records.epoch[rows], self.records.satellite[rows]
        follows = np.zeros(len(rows), bool)
        follows[1:] = (epoch[1:] == epoch[:-1] + 1) & (satellite[1:] == satellite[:-1])
        follows &= ~np.array(self._fresh, bool)[epoch]
        return DifferenceFields(self.lines, self.records.line[rows], follows, count)
