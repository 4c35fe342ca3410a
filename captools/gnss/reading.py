"""Reading the signal strengths of a RINEX file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from captools.errors import InputError
from captools.gnss.choice import SYSTEMS, check_code
from captools.gnss.compact import Compact
from captools.gnss.containers import content
from captools.gnss.epochs import WIDTH_3, gps_time, gps_times, most_frequent_step
from captools.gnss.header import Preamble, label, read_header
from captools.gnss.lines import Lines, places
from captools.gnss.observations import Cells, Observations
from captools.gnss.plain import Plain
from captools.gnss.records import BLANK, CUT, DAMAGED, GOOD, Fields, Layout, Section, Walk
from captools.io.address import Url, parse_location

MOST = 100_000  # thousandths of a dB-Hz: no signal is stronger
_SATELLITES = 128  # more than a system has


def read_observations(
    path: str | Path | Url,
    systems: str | None = "G",
    codes: Sequence[str] | None = ("1C",),
    s1_as: str = "1C",
    strict: bool = False,
) -> Observations:
    """Return the signal strengths of an observation file, RINEX 2, 3 or 4.

    It may be plain or in Hatanaka's form, and packed as .gz, .Z, .bz2 or .zip.

    Parameters
    ----------
    path : str, Path or Url
        Of this machine, or the address of a server.
    systems : str or None
        Letters of satellite systems: G GPS, R GLONASS, E Galileo, C BeiDou, J QZSS, I NavIC,
        S SBAS; None for all.
    codes : sequence of str or None
        Band and attribute, such as 1C; None for all. RINEX 2 does not say the attribute: its S2
        is the code 2.
    s1_as : str
        The code of S1 of RINEX 2.
    strict : bool
        Refuse a file of which something cannot be read, instead of counting it.

    Returns
    -------
    Observations
        ``left_out`` counts, where there are any: zeros; repeats (values of a cell that has a
        later one); damage (values, or lines of no known meaning, that cannot be read); cut
        (values or records that the end of the file lacks; 1 if it ends before its header says);
        times (values at impossible times); counts (epochs that have not as many records as they
        say, all of which are read).

    Raises
    ------
    InputError
        If it is no such file, or is not what it says it is.
    """
    codes = (codes,) if isinstance(codes, str) else codes
    _check_wishes(systems, codes, s1_as)
    place = parse_location(path)
    lines = Lines(content(place), str(place))
    if not len(lines) or lines.data == b"\n":
        raise InputError(f"{place}: is empty")
    preamble = Preamble(lines)
    start = read_header(lines, preamble)
    _check_characters(lines, start)
    kind = Compact if preamble.compact else Plain
    layout: Layout = kind(Walk(lines, preamble, systems), start)
    found = _Found(layout, s1_as).observations(systems, codes)
    if strict and found.damage:
        raise InputError(f"{place}: not all of it can be read ({found.damage})")
    return found


def _check_wishes(systems: str | None, codes: Sequence[str] | None, s1_as: str) -> None:
    """Raise ValueError if something is asked for that no file can have."""
    for system in systems or "":
        if system not in SYSTEMS:
            known = ", ".join(SYSTEMS)
            raise ValueError(f"there is no satellite system {system!r}, but {known}")
    for code in codes or ():
        check_code(code, "codes")
    check_code(s1_as, "s1_as")


def _check_characters(lines: Lines, start: int) -> None:
    """Raise InputError if observations have characters that no program writes there."""
    begin = int(lines.starts[start]) if start < len(lines) else len(lines.buffer)
    odd = places(lines.buffer[begin:], _are_odd) + begin
    for number in np.unique(np.searchsorted(lines.ends, odd)).tolist():
        if not label(lines[number]):
            raise lines.error(number, "has a character that does not belong there: damaged")


def _are_odd(characters: np.ndarray) -> np.ndarray:
    """Return which characters are neither line feeds nor such as can be seen."""
    odd = characters - np.uint8(ord(" ")) > ord("~") - ord(" ")  # below a blank it becomes large
    return odd & (characters != ord("\n"))


class _Found:
    """What is in a file, to be put together."""

    def __init__(self, layout: Layout, s1_as: str) -> None:
        self._layout = layout
        self._walk = layout.walk
        self._records = layout.records
        self._s1_as = s1_as
        self._known: dict[int, tuple[np.ndarray, Fields]] = {}  # of a system, by section
        preamble = self._walk.preamble
        text = np.frombuffer(b"".join(self._walk.heads), "u1")
        heads = text.reshape(len(self._walk.heads), -1 if len(text) else WIDTH_3)
        self._times, self._real = gps_times(heads, preamble.time_system)
        self._left_out = self._walk.left_out
        self._left_out["damage"] += int(np.count_nonzero(self._records.system == 0))

    def observations(self, systems: str | None, codes: Sequence[str] | None) -> Observations:
        """Return the signal strengths of systems and codes."""
        there = {chr(one) for one in np.unique(self._records.system) if one}
        names: dict[str, tuple[str, ...]] = {}
        pieces: list[tuple] = []
        zeros: list[tuple] = []
        for system in sorted(SYSTEMS if systems is None else set(systems)):
            known = self._codes(system, system in there)
            if known:
                names[system] = tuple(sorted(known))
            if system in there:
                wanted = [one for one in sorted(known) if codes is None or one in codes]
                self._collect(system, wanted, pieces, zeros)
        epochs = np.unique(self._times[self._real & (np.array(self._walk.counts, "i8") > 0)])
        preamble = self._walk.preamble
        step = most_frequent_step(epochs)
        interval = preamble.interval if np.isfinite(preamble.interval) else step
        self._check_end(epochs, step)
        time, letter, satellite, code, values = _joined(pieces)
        return Observations(
            time=time,
            system=letter,
            satellite=satellite,
            code=code,
            thousandths=values.astype("i4"),
            zeros=Cells(*_joined(zeros)[:-1]),
            epochs=epochs.astype("M8[ms]"),
            left_out={name: count for name, count in sorted(self._left_out.items()) if count},
            header=preamble.header(names, interval),
        )

    def _code(self, name: str) -> str:
        """Return the code of a signal strength, "" of another observation."""
        if not name.startswith("S") or len(name) < 2:
            return ""
        is_2 = self._walk.preamble.major == 2
        return self._s1_as if is_2 and name == "S1" else name[1:]

    def _codes(self, system: str, is_there: bool) -> set[str]:
        """Return the codes of a system that the file has; of RINEX 2, if it has satellites."""
        own = {
            name
            for section in self._walk.sections
            for name in self._names(section.types, system)
            if "" not in section.types or is_there
        }
        codes = [code for code in map(self._code, sorted(own)) if code]
        if len(set(codes)) != len(codes):
            raise self._walk.preamble.error(f"has a code that S1 is to be, {self._s1_as}")
        return set(codes)

    @staticmethod
    def _names(types: dict, system: str) -> list[str]:
        found = types.get("") or types.get(system)
        return found.names if found else []

    def _collect(
        self, system: str, codes: list[str], pieces: list[tuple], zeros: list[tuple]
    ) -> None:
        """Add the values of a system, and where it has zeros."""
        records = self._records
        rows = np.flatnonzero(records.system == ord(system))
        rows = rows[np.argsort(records.satellite[rows], kind="stable")]  # then by epoch
        epoch, satellite = records.epoch[rows], records.satellite[rows]
        key = self._times[epoch] * _SATELLITES + satellite
        order = np.argsort(key, kind="stable")
        key, real = key[order], self._real[epoch[order]]
        self._known.clear()
        for section in self._walk.sections:
            if not self._names(section.types, system):  # which fields these have nobody knows
                within = (epoch >= section.start) & (epoch < section.stop)
                self._left_out["damage"] += int(np.count_nonzero(within))
        for code in codes:
            values, states = self._column(system, code, rows)
            values, states = values[order], states[order]
            self._left_out["times"] += int(np.count_nonzero((states != BLANK) & ~real))
            for name, state in (("damage", DAMAGED), ("cut", CUT)):
                self._left_out[name] += int(np.count_nonzero((states == state) & real))
            good = np.flatnonzero((states == GOOD) & real)
            last = np.ones(len(good), bool)
            last[:-1] = key[good[1:]] != key[good[:-1]]
            self._left_out["repeats"] += int(np.count_nonzero(~last))
            good = good[last]
            is_zero = values[good] == 0
            self._left_out["zeros"] += int(np.count_nonzero(is_zero))
            for which, those in ((good[~is_zero], pieces), (good[is_zero], zeros)):
                those.append(_cells(key[which], system, code, values[which]))

    def _column(self, system: str, code: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return thousandths and states of records, from all sections."""
        values, states = np.zeros(len(rows), "i8"), np.zeros(len(rows), "u1")
        for section in self._walk.sections:
            names = self._names(section.types, system)
            for place, name in enumerate(names):
                if self._code(name) != code:
                    continue
                within, fields = self._fields(section, system, rows)
                scales = section.scales
                factor = scales.get((system, name), scales.get((system, ""), 1))
                found, state = fields.read(place, MOST * factor)
                values[within] = found if factor == 1 else (2 * found + factor) // (2 * factor)
                states[within] = state
        return values, states

    def _fields(self, section: Section, system: str, rows: np.ndarray) -> tuple[np.ndarray, Fields]:
        """Return which of the rows of a system are of a section, and their fields."""
        if section.start not in self._known:
            epoch = self._records.epoch[rows]
            within = np.flatnonzero((epoch >= section.start) & (epoch < section.stop))
            count = len(self._names(section.types, system))
            self._known[section.start] = within, self._layout.fields(rows[within], count)
        return self._known[section.start]

    def _check_end(self, epochs: np.ndarray, step: float) -> None:
        """Count a file as cut that ends before its header says, as a .Z that was cut does."""
        preamble = self._walk.preamble
        last = preamble.last and gps_time(preamble.last, preamble.time_system)
        if last is None or self._left_out["cut"]:
            return
        interval = np.nanmax([preamble.interval, step, 0.001])
        if not len(epochs) or epochs[-1] + interval * 1000 <= last:
            self._left_out["cut"] += 1


def _cells(key: np.ndarray, system: str, code: str, values: np.ndarray) -> tuple:
    """Return the columns of cells, and their values."""
    time, satellite = np.divmod(key, _SATELLITES)
    letters = np.full(len(key), system, "S1"), np.full(len(key), code, "S2")
    return time.astype("M8[ms]"), letters[0], satellite.astype("u1"), letters[1], values


def _joined(pieces: list[tuple]) -> list[np.ndarray]:
    """Return columns made of the pieces."""
    none = _cells(np.empty(0, "i8"), "", "", np.empty(0, "i8"))
    return [np.concatenate(column) for column in zip(none, *pieces, strict=True)]
