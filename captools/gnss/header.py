"""Header lines: of a file, and those that stand among its observations."""

import math
import re
from dataclasses import dataclass, field

from captools.errors import InputError
from captools.gnss.choice import SYSTEMS
from captools.gnss.lines import Lines
from captools.gnss.names import are_one
from captools.gnss.observations import Header

_NAMES = {"GPS", "GLO", "GAL", "BDT", "QZS", "IRN", "UTC"}
_OWN_TIME = {"R": "GLO", "E": "GAL", "C": "BDT", "J": "QZS", "I": "IRN"}
_TIME = re.compile(rb" *(\d{4}) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)\.(\d*)")
END = "END OF HEADER"
FIRST = "RINEX VERSION / TYPE"
COMPACT = "CRINEX VERS   / TYPE"
TYPES_2, TYPES_3 = "# / TYPES OF OBSERV", "SYS / # / OBS TYPES"
SCALES = "SYS / SCALE FACTOR"
_LABELS = {
    *(END, FIRST, COMPACT, TYPES_2, TYPES_3, SCALES, "CRINEX PROG / DATE", "COMMENT"),
    *("PGM / RUN BY / DATE", "MARKER NAME", "MARKER NUMBER", "MARKER TYPE", "OBSERVER / AGENCY"),
    *("REC # / TYPE / VERS", "ANT # / TYPE", "APPROX POSITION XYZ", "ANTENNA: DELTA H/E/N"),
    *("INTERVAL", "TIME OF FIRST OBS", "TIME OF LAST OBS", "WAVELENGTH FACT L1/2"),
    *("LEAP SECONDS", "# OF SATELLITES", "PRN / # OF OBS", "RCV CLOCK OFFS APPL"),
    *("SIGNAL STRENGTH UNIT", "GLONASS SLOT / FRQ #", "GLONASS COD/PHS/BIS"),
    *("SYS / PHASE SHIFT", "SYS / PHASE SHIFTS", "SYS / DCBS APPLIED", "SYS / PCVS APPLIED"),
}


def label(line: bytes) -> str:
    """Return what the columns 61 to 80 of a line say it is, "" if no header has such a line."""
    found = line[60:80].decode("ascii", "replace").strip()
    return found if found in _LABELS else ""


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "replace").strip()


@dataclass
class Types:
    """The observations that the records of a system have, in order.

    Attributes
    ----------
    count : int
        How many there are to be.
    names : list of str
        As written: S1, S1C.
    line : int
        Where they were said.
    """

    count: int
    line: int
    names: list[str] = field(default_factory=list)


@dataclass
class Preamble:
    """What header lines have said so far.

    Attributes
    ----------
    version : str
        Of RINEX, as written; `major` is its first number.
    compact : bool
        The file is in Hatanaka's form.
    system : str
        Of the file, M if several.
    types : dict of str to Types
        By system; of RINEX 2 one for all systems, under "".
    scales : dict of (str, str) to int
        By what the values of a system and a type are multiplied, where it is not 1; of all types
        that are not named under "".
    last : tuple of int or None
        Year, month, day, hour, minute and milliseconds of TIME OF LAST OBS.
    """

    lines: Lines
    version: str = ""
    compact: bool = False
    system: str = "G"
    station: str = ""
    receiver: str = ""
    antenna: str = ""
    time_system: str = ""
    interval: float = float("nan")
    types: dict[str, Types] = field(default_factory=dict)
    scales: dict[tuple[str, str], int] = field(default_factory=dict)
    last: tuple[int, ...] | None = None
    _system: str = ""  # of a list that goes on
    _factor: int = 1

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.version.partition(".")[0] or 0)

    @property
    def default_system(self) -> str:
        """What a blank stands for where a satellite has no letter."""
        return "G" if self.system == "M" else self.system

    def header(self, codes: dict[str, tuple[str, ...]], interval: float) -> Header:
        """Return what is given to users."""
        return Header(
            version=self.version,
            station=self.station,
            receiver=self.receiver,
            antenna=self.antenna,
            time_system=self.time_system,
            interval=interval,
            codes=codes,
            compact=self.compact,
        )

    def error(self, why: str) -> InputError:
        """Return the error that says what is wrong with the lists of observations."""
        return self.lines.error(max(types.line for types in self.types.values()), why)

    def take(self, number: int) -> str:
        """Read a header line, and return its label, "" if it is none."""
        line = self.lines[number]
        what = label(line)
        read = _READERS.get(what)
        if read is not None:
            read(self, line, number)
        return what

    def check(self, wanted: str | None) -> None:
        """Raise InputError if lists of observations of wanted systems are not whole."""
        for system, types in self.types.items():
            if system and wanted is not None and system not in wanted:
                continue
            if types.count != len(types.names):
                raise self.lines.error(
                    types.line,
                    f"{types.count} observation types are announced, {len(types.names)} listed",
                )
            if len(set(types.names)) != len(types.names):
                raise self.lines.error(types.line, "an observation type is listed twice")

    # --- lines ------------------------------------------------------------------

    def _take_first(self, line: bytes, number: int) -> None:
        version, kind = _text(line[:9]), line[20:21].upper()
        if not re.fullmatch(r"[234]\.?\d*", version):
            raise self.lines.error(number, f"RINEX {version or '?'} is not read, but 2, 3 and 4")
        if kind != b"O":
            what = {b"N": "navigation", b"G": "navigation", b"M": "meteorological"}
            raise self.lines.error(number, f"is a {what.get(kind, 'RINEX')} file, not observations")
        if self.version and self.version[0] != version[0]:
            raise self.lines.error(number, f"RINEX {version} begins within {self.version}")
        system = _text(line[40:41]).upper() or "G"
        if system not in f"{SYSTEMS}M":
            raise self.lines.error(number, f"there is no satellite system {system!r}")
        if self.version and self.major == 2 and self.default_system not in system.replace("M", "G"):
            raise self.lines.error(number, f"a file of {system} begins within one of {self.system}")
        self.version, self.system = self.version or version, system

    def _take_compact(self, line: bytes, number: int) -> None:
        if _text(line[:3]) not in ("1.0", "3.0", "3.1"):
            raise self.lines.error(number, f"Compact RINEX {_text(line[:9])} is not read")
        self.compact = True

    def _take_marker(self, line: bytes, number: int) -> None:
        self.station = self.station or _text(line[:60])

    def _take_receiver(self, line: bytes, number: int) -> None:
        self.receiver = self.receiver or _text(line[20:40])

    def _take_antenna(self, line: bytes, number: int) -> None:
        self.antenna = self.antenna or _text(line[20:40])

    def _take_interval(self, line: bytes, number: int) -> None:
        try:
            interval = float(line[:10])
        except ValueError:
            return
        if math.isnan(self.interval) and 0.001 <= interval < 86400:
            self.interval = interval

    def _take_unit(self, line: bytes, number: int) -> None:
        unit = _text(line[:20])
        if unit.upper().replace("-", "") not in ("", "DBHZ"):
            raise self.lines.error(number, f"signal strengths are in {unit}, not in dB-Hz")

    def _take_start(self, line: bytes, number: int) -> None:
        word = re.search(rb"[A-Za-z]+", line[43:60])  # a column early or late is no harm
        name = _text(word[0]).upper() if word else ""
        if name and name not in _NAMES:
            raise self.lines.error(number, f"there is no time system {name!r}")
        name = name or _OWN_TIME.get(self.system, "GPS")
        if self.time_system and self.time_system != name:
            raise self.lines.error(number, f"time in {name} begins within {self.time_system}")
        self.time_system = name

    def _take_last(self, line: bytes, number: int) -> None:
        found = _TIME.match(line[:43])
        if found:
            *whole, fraction = found.groups()
            *minutes, seconds = map(int, whole)
            self.last = (*minutes, seconds * 1000 + int(fraction[:3].ljust(3, b"0")))

    def _take_types_2(self, line: bytes, number: int) -> None:
        self._check_form(self.major == 2, number)
        if line[:6].strip():
            self.types[""] = Types(self._number(line[:6], number), number)
        self._add_types("", [line[at + 4 : at + 6] for at in range(6, 60, 6)], number)

    def _take_types_3(self, line: bytes, number: int) -> None:
        self._check_form(self.major > 2, number)
        if line[:1].strip():
            self._system = _text(line[:1])
            self.types[self._system] = Types(self._number(line[3:6], number), number)
        self._add_types(self._system, [line[at + 1 : at + 4] for at in range(6, 58, 4)], number)

    def _check_form(self, fits: bool, number: int) -> None:
        if not fits:
            version = self.version or "of no version"
            raise self.lines.error(number, f"RINEX {version} lists no observation types like this")

    def _add_types(self, system: str, names: list[bytes], number: int) -> None:
        if system not in self.types:
            raise self.lines.error(number, "goes on with observation types of no system")
        self.types[system].names.extend(_text(one) for one in names if one.strip())

    def _take_scales(self, line: bytes, number: int) -> None:
        if line[:1].strip():
            self._system, self._factor = _text(line[:1]), self._number(line[2:6], number)
            if self._factor not in (1, 10, 100, 1000, 10000):
                raise self.lines.error(number, f"there is no scale factor {self._factor}")
        names = [_text(line[at + 1 : at + 4]) for at in range(10, 58, 4)]
        if not any(names) and line[:1].strip():  # all, also those that are listed later
            others = {key: one for key, one in self.scales.items() if key[0] != self._system}
            self.scales = others | {(self._system, ""): self._factor}
        for name in filter(None, names):
            self.scales[self._system, name] = self._factor

    def _number(self, piece: bytes, number: int) -> int:
        try:
            return int(piece)
        except ValueError:
            raise self.lines.error(number, f"{_text(piece)!r} is no number") from None


_READERS = {
    FIRST: Preamble._take_first,
    COMPACT: Preamble._take_compact,
    "MARKER NAME": Preamble._take_marker,
    "REC # / TYPE / VERS": Preamble._take_receiver,
    "ANT # / TYPE": Preamble._take_antenna,
    "INTERVAL": Preamble._take_interval,
    "SIGNAL STRENGTH UNIT": Preamble._take_unit,
    "TIME OF FIRST OBS": Preamble._take_start,
    "TIME OF LAST OBS": Preamble._take_last,
    TYPES_2: Preamble._take_types_2,
    TYPES_3: Preamble._take_types_3,
    SCALES: Preamble._take_scales,
}


def read_header(lines: Lines, preamble: Preamble, number: int = 0) -> int:
    """Read a whole header from a line on, and return the number of the line after it.

    What a header before it said of observations holds no longer.

    Raises
    ------
    InputError
        If it is none of observations, or has no end.
    """
    first = label(lines[number])
    if first not in (FIRST, COMPACT):
        raise lines.error(number, "is no RINEX file: does not begin with its version")
    preamble.types.clear()
    preamble.scales.clear()
    before, preamble.station = preamble.station, ""
    for at in range(number, len(lines)):
        if preamble.take(at) == END:
            break
    else:
        raise lines.error(len(lines) - 1, "the header has no END OF HEADER")
    if not preamble.version:
        raise lines.error(number, "the header does not say which RINEX it is")
    if not preamble.types:
        raise lines.error(at, "the header names no observation types")
    station, preamble.station = preamble.station, before or preamble.station
    if before and station and not are_one(before, station):
        raise lines.error(number, f"a file of {station} begins within one of {before}")
    preamble.time_system = preamble.time_system or _OWN_TIME.get(preamble.system, "GPS")
    return at + 1
