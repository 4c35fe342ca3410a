"""One RINEX file into an array: what it holds there is what it says now, whatever came before.

What is noted of an input says by a digest what its cells were made of. The same again changes
nothing. Before cells of an earlier file are removed, it is noted that the input is under way, so
that one that was killed in the middle is done again whatever its file is by then.
"""

import hashlib
import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from captools.errors import CaptoolsWarning, InputError, Unreachable
from captools.gnss.array import FOREVER, STATION, Array, slot
from captools.gnss.coding import code_numbers, system_numbers
from captools.gnss.containers import opened
from captools.gnss.names import are_one, parse_name, plain_name
from captools.gnss.observations import DAY_MS, Observations
from captools.gnss.reading import read_observations
from captools.io import remote
from captools.io.address import Url
from captools.io.atomic import Outputs

ABOUT_STATION = (STATION, "receiver", "antenna", "interval")  # notes on the whole array


@dataclass(frozen=True)
class Wanted:
    """What is read of RINEX files.

    Parameters
    ----------
    systems : str, optional
        Letters; all by default.
    codes : tuple of str, optional
        Such as 1C; all by default.
    s1_as : str
        The code for which S1 of RINEX 2 counts.
    strict : bool
        Damage is an error, and not left out.
    version : int
        Of the results: another one means other values.
    """

    systems: str | None = None
    codes: tuple[str, ...] | None = None
    s1_as: str = "1C"
    strict: bool = False
    version: int = 1

    def read(self, path: Path | Url) -> Observations:
        """Return what a file holds of it; a CaptoolsWarning says that something is damaged."""
        found = read_observations(path, self.systems, self.codes, self.s1_as, self.strict)
        if found.damage:
            message = f"{path.name}: not all of it can be read: {found.damage}"
            warnings.warn(message, CaptoolsWarning, stacklevel=2)
        return found


def ingest(path: Path | Url, location: Path | Url, wanted: Wanted, numbering: str) -> Outputs:
    """Write the signal strengths of a file into an array, in place of what it held there.

    Returns
    -------
    Outputs
        No path, but the rows read and written.

    Raises
    ------
    ValueError
        If the array has another numbering of systems.
    InputError
        If the file cannot be used, or is of another station than the array; then nothing of this
        name stays in the array.
    FolderError
        If the array cannot be written.
    """
    array = Array(location)
    part = _Part(array, array.make(numbering), plain_name(path))
    try:
        digest = _digest(path, wanted, numbering)
        if part.digest == digest != "":
            return _outputs(part.record)
        found = wanted.read(path)
        station = found.header.station or parse_name(path).station
        part.begin(path, station)
    except Unreachable:
        raise
    except InputError:
        part.drop()
        raise
    array.remove(part.at)
    _write(array, found, numbering, part.at)
    rows = {"rows_out": len(found.time), "left_out": found.left_out}
    part.end({"digest": digest, "s1_as": wanted.s1_as, **_about(found, station), **rows})
    return _outputs(rows)


class _Part:
    """The part of an array that an input fills, and what is noted of it.

    Parameters
    ----------
    array : Array
        The array.
    notes : dict
        What is noted of the array.
    name : str
        Of the input, without what says how its file is written.
    """

    def __init__(self, array: Array, notes: dict[str, Any], name: str) -> None:
        self.at = slot(name)
        self._array, self._name = array, name
        self._station = notes.get(STATION)
        try:
            said = array.input_note(self.at)
        except InputError:  # a process was killed in the middle of it
            array.forget_input(self.at)
            said = None
        self.record: dict[str, Any] = json.loads(said or "{}")
        self._number: int = self.record.pop("number", 0)  # of the last note

    @property
    def digest(self) -> str:
        """What stands for the file whose cells are there, "" if they may be any."""
        return self.record.get("digest", "") if self._is_ours() else ""

    def begin(self, path: Path | Url, station: str) -> None:
        """Note that cells are about to change; InputError if they have no place here."""
        where = self._array.location
        if not self._is_ours():
            other = self.record["name"]
            raise InputError(f"{path}: has the same place in {where} as {other}: rename it")
        if not station:
            raise InputError(f"{path}: names no station (MARKER NAME), which {where} is of")
        if self._station is not None:
            _check_station(path, station, self._station, where)
        if self._station is None or self.record:
            self._note({"station": station})
        if self._station is None:
            # Whoever comes first notes it in the end; nobody does if two come at the same time.
            for other in self._stations():
                _check_station(path, station, other, where)

    def end(self, record: dict[str, Any]) -> None:
        """Note what the cells are now."""
        if self._station is None:
            about = {key: record[key] for key in ABOUT_STATION if key in record}
            self._array.note(**about)
        self._note(record)

    def drop(self) -> None:
        """Remove the cells of an earlier file of this name, which may have been killed unnoted."""
        if not self._is_ours():
            return
        if self.record:
            self._note({})
        self._array.remove(self.at)
        if self.record:
            self._say({})

    def _is_ours(self) -> bool:
        return self.record.get("name", self._name) == self._name

    def _note(self, record: dict[str, Any]) -> None:
        self._say({**record, "name": self._name})

    def _say(self, record: dict[str, Any]) -> None:
        self.record = record
        self._number += 1
        text = json.dumps({**record, "number": self._number})
        self._array.note_input(self.at, self._number, text)

    def _stations(self) -> list[str]:
        """Return of which stations inputs are, or will be."""
        records = map(json.loads, self._array.input_notes())
        return [record["station"] for record in records if "station" in record]


def _check_station(path: Path | Url, station: str, other: str, location: Path | Url) -> None:
    if not are_one(station, other):
        raise InputError(f"{path}: is of station {station}, but {location} of {other}")


def _digest(path: Path | Url, wanted: Wanted, numbering: str) -> str:
    """Return what stands for what a file's cells are made of, "" if a server does not say.

    Of a file on this machine it is its content: it may be moved, or copied.
    """
    if isinstance(path, Url):
        content = remote.identity(path)
    else:
        with opened(path) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    if not content:
        return ""
    said = json.dumps([content, asdict(wanted), numbering], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _write(array: Array, found: Observations, numbering: str, at: int) -> None:
    if not len(found.time):
        return
    coordinates = (
        found.time.astype("M8[ms]").astype(np.int64),
        system_numbers(found.system, numbering),
        found.satellite.astype(np.uint8),
        code_numbers(found.code),
    )
    order = _global_order(coordinates)
    array.write(tuple(values[order] for values in coordinates), found.snr[order], at)


def _global_order(coordinates: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the indices that put cells into the order in which an array stores them.

    That is by day, system and code, then by time and satellite, which must increase already
    within each system and code.
    """
    when, system, _, code = coordinates
    day = when // DAY_MS
    day -= day.min(initial=FOREVER)
    return np.argsort((day << 24) | (system.astype(np.int64) << 16) | code, kind="stable")


def _about(found: Observations, station: str) -> dict[str, Any]:
    """Return what is known of the station and the file's first day, without what is not."""
    header = found.header
    about = {
        STATION: station,
        "receiver": header.receiver,
        "antenna": header.antenna,
        "interval": header.interval,
        "day": str(found.epochs[0].astype("M8[D]")) if len(found.epochs) else "",
    }
    return {key: value for key, value in about.items() if value and value == value}


def _outputs(record: dict[str, Any]) -> Outputs:
    left_out, rows = record["left_out"], record["rows_out"]
    written = Outputs(rows_in=rows + sum(left_out.values()), rows_out=rows)
    written.removed = dict(left_out)
    return written
