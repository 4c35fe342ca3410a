"""The header of a simulated RINEX file."""

from collections.abc import Iterator, Sequence

import numpy as np

from captools.simulation.rinex_records import Records

COMPACT = {2: "1.0", 3: "3.0"}  # of Hatanaka's format, by version of RINEX
VERSIONS = {2: "2.11", 3: "3.04"}
SYSTEM_NAMES = {
    **{"G": "GPS", "R": "GLONASS", "E": "GALILEO", "C": "BDS"},
    **{"J": "QZSS", "I": "NAVIC", "S": "SBAS"},
}
TYPES_PER_LINE = {2: 9, 3: 13}


def header(
    version: int,
    station: str,
    times: Sequence[np.datetime64],
    interval: int,
    records: Sequence[Records],
) -> Iterator[str]:
    """Yield the lines of the header, in the order of RINEX.

    Parameters
    ----------
    version : int
        Of RINEX: 2 or 3.
    station : str
        The marker's name.
    times : sequence of datetime64
        Of the first and the last observation.
    interval : int
        Seconds between epochs.
    records : sequence of Records
        What is observed; in RINEX 2 all have the same types.
    """
    systems = [one.system for one in records]
    kind = f"{systems[0]} ({SYSTEM_NAMES[systems[0]]})" if len(systems) == 1 else "M (MIXED)"
    yield _line(
        f"{VERSIONS[version]:>9}{'':11}{'OBSERVATION DATA':20}{kind:20}", "RINEX VERSION / TYPE"
    )
    yield _line(f"{'captools simulate':40}", "PGM / RUN BY / DATE")
    yield _line(station, "MARKER NAME")
    yield _line(f"{'SIMULATED':20}", "OBSERVER / AGENCY")
    yield _line(f"{'1':20}{'SIMULATED RECEIVER':20}{'1':20}", "REC # / TYPE / VERS")
    yield _line(f"{'1':20}{'SIMULATED       NONE':20}", "ANT # / TYPE")
    yield _line(f"{0:14.4f}" * 3, "APPROX POSITION XYZ")
    yield _line(f"{0:14.4f}" * 3, "ANTENNA: DELTA H/E/N")
    if version == 2:
        yield _line(f"{1:6}{1:6}", "WAVELENGTH FACT L1/2")
        yield from _old_types(records[0].types)
    else:
        for one in records:
            yield from _types(one)
        yield _line("DBHZ", "SIGNAL STRENGTH UNIT")
    yield _line(f"{interval:10.3f}", "INTERVAL")
    yield _line(_time(times[0]), "TIME OF FIRST OBS")
    yield _line(_time(times[-1]), "TIME OF LAST OBS")
    yield _line("", "END OF HEADER")


def compact_header(version: int, day: np.datetime64) -> Iterator[str]:
    """Yield the lines before the header of a file in Hatanaka's compression."""
    yield _line(f"{COMPACT[version]:20}COMPACT RINEX FORMAT", "CRINEX VERS   / TYPE")
    date = day.astype("M8[D]").item()
    yield _line(f"{'captools simulate':40}{date:%d-%b-%y} 00:00", "CRINEX PROG / DATE")


def _types(records: Records) -> Iterator[str]:
    parts = _parts(records.types, TYPES_PER_LINE[3])
    for number, part in enumerate(parts):
        start = f"{records.system}{len(records.types):5}" if number == 0 else " " * 6
        yield _line(start + "".join(f" {name}" for name in part), "SYS / # / OBS TYPES")


def _old_types(types: Sequence[str]) -> Iterator[str]:
    for number, part in enumerate(_parts(types, TYPES_PER_LINE[2])):
        start = f"{len(types):6}" if number == 0 else " " * 6
        yield _line(start + "".join(f"{name:>6}" for name in part), "# / TYPES OF OBSERV")


def _parts(names: Sequence[str], count: int) -> list[Sequence[str]]:
    return [names[at : at + count] for at in range(0, len(names), count)]


def _time(time: np.datetime64) -> str:
    at = time.astype("M8[s]").item()
    return (
        f"{at:%Y}".rjust(6)
        + "".join(f"{part:6}" for part in (at.month, at.day, at.hour, at.minute))
        + f"{at.second:13.7f}     GPS"
    )


def _line(words: str, label: str) -> str:
    return f"{words:60}{label}"
