"""Write a day of a simulated receiver as a RINEX file: of version 2 or 3, plain or Hatanaka's."""

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import deflate
import numpy as np

from captools.extras import require
from captools.io.atomic import temporary_name
from captools.simulation import defects as planted
from captools.simulation import rinex_compact, rinex_defects, rinex_plain
from captools.simulation.decimals import lines
from captools.simulation.rinex_header import compact_header, header
from captools.simulation.rinex_records import Body, Records, in_old_types, record
from captools.simulation.signals import DAY_SECONDS, SYSTEMS, receive

VERSIONS = {"crx": 3, "rnx": 3, "d": 2, "o": 2}  # of RINEX, by the form of a file
COMPACT = ("crx", "d")
FORMATS = tuple(
    form + how
    for form, version in VERSIONS.items()
    for how in (("", ".gz") if version == 3 else ("", ".gz", ".Z"))
)
OLD_SYSTEMS = "GRES"  # that RINEX 2 knows
INTERVALS = range(1, 61)  # seconds
COMMENTS = ("a simulated comment", "between two epochs")
STATION = re.compile("[A-Z0-9]{4}")


@dataclass(frozen=True)
class Recipe:
    """What a file holds.

    Parameters
    ----------
    systems : str
        Of `captools.simulation.signals.SYSTEMS`.
    codes : collection of str, optional
        Band and attribute, as 1C; by default all.
    interval : int
        Seconds between epochs.
    form : str
        One of `FORMATS`, as its name ends: crx and d are Hatanaka's compression of RINEX 3 and
        2, rnx and o are plain.
    seed : int
        Of the noise.
    defects : collection of str
        Of `captools.simulation.defects.RINEX_DEFECTS`.
    """

    systems: str = "GRE"
    codes: Collection[str] | None = None
    interval: int = 30
    form: str = "crx.gz"
    seed: int = 0
    defects: Collection[str] = ()

    @property
    def kind(self) -> str:
        """Whether it is plain or not, without its compression: a key of `VERSIONS`."""
        return self.form.partition(".")[0]

    @property
    def version(self) -> int:
        """Of RINEX."""
        return VERSIONS[self.kind]

    def __post_init__(self) -> None:
        """Raise ValueError if no file can be so."""
        planted.check(self.defects, planted.RINEX_DEFECTS)
        if self.form not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, not {self.form!r}")
        if not self.systems or len(set(self.systems) & set(SYSTEMS)) < len(self.systems):
            raise ValueError(f"systems must be of {''.join(SYSTEMS)}, each once: {self.systems!r}")
        if self.version == 2 and (new := set(self.systems) - set(OLD_SYSTEMS)):
            raise ValueError(f"systems of RINEX 2 must be of {OLD_SYSTEMS}, not {min(new)!r}")
        _check_codes(self.systems, self.codes)
        if self.interval not in INTERVALS or DAY_SECONDS % self.interval:
            raise ValueError(f"interval must be 1 to 60 s and divide a day: {self.interval}")


def _check_codes(systems: str, codes: Collection[str] | None) -> None:
    """Raise ValueError if codes are not sent by any of these systems."""
    if codes is None:
        return
    every = sorted({code for system in SYSTEMS.values() for code in system.codes})
    if not codes or not set(codes) <= set(every):
        raise ValueError(f"codes must be of {', '.join(every)}: {','.join(codes)!r}")
    if not any(set(codes) & set(SYSTEMS[system].codes) for system in systems):
        raise ValueError(f"none of the systems {systems} sends {','.join(codes)}")


def check_stations(stations: Collection[str]) -> None:
    """Raise ValueError if a name is none of a station, or comes twice."""
    for station in stations:
        if not STATION.fullmatch(station):
            raise ValueError(f"station {station!r}: must be four letters or digits")
    if len(set(stations)) < len(stations):
        raise ValueError(f"stations must differ: {','.join(stations)}")


def file_name(station: str, day: np.datetime64, recipe: Recipe) -> str:
    """Return what archives call the file of a station and day."""
    year, number = day.astype("M8[Y]"), int((day - day.astype("M8[Y]")).astype(int)) + 1
    if recipe.version == 2:
        return f"{station.lower()}{number:03}0.{str(year)[2:]}{recipe.form}"
    observed = recipe.systems if len(recipe.systems) == 1 else "M"
    step = f"{recipe.interval:02}S" if recipe.interval < 60 else "01M"
    return f"{station}00SIM_R_{year}{number:03}0000_01D_{step}_{observed}O.{recipe.form}"


def write_rinex(
    folder: str | os.PathLike[str], station: str, day: np.datetime64, recipe: Recipe
) -> Path:
    """Write the file of a station and day; equal arguments give equal bytes.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    station : str
        Four letters and digits, upper case.
    day : datetime64
        In GPS time.
    recipe : Recipe
        What it holds.

    Returns
    -------
    Path
        The file, complete: it is written under another name and then renamed.
    """
    path = Path(folder) / file_name(station, day, recipe)
    content = _compressed(rinex_text(station, day, recipe), recipe.form)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(temporary_name(path.name))
    try:
        part.write_bytes(content)
        planted.cut(part, recipe.defects)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def rinex_text(station: str, day: np.datetime64, recipe: Recipe) -> bytes:
    """Return the file of a station and day, as it is before any compression but Hatanaka's."""
    body = _observed(station, day, recipe)
    about = [*header(recipe.version, station, day + body.seconds, recipe.interval, body.records)]
    if recipe.kind in COMPACT:
        about = [*compact_header(recipe.version, day), *about]
    return b"".join([*(f"{line}\n".encode() for line in about), *_body(day, body, recipe)])


def _observed(station: str, day: np.datetime64, recipe: Recipe) -> Body:
    received = receive(station, day, recipe.systems, recipe.codes, recipe.interval, recipe.seed)
    if "zeros" in recipe.defects:
        received = [rinex_defects.with_zeros(signals) for signals in received]
    records = [record(signals) for signals in received]
    if recipe.version == 2:
        records = in_old_types(records)
    seconds = np.arange(0, DAY_SECONDS, recipe.interval).astype("m8[s]")
    return rinex_defects.planted(Body(seconds, records), recipe.defects)


def _body(day: np.datetime64, body: Body, recipe: Recipe) -> Iterator[bytes]:
    """Yield the lines of epochs, and those of the satellites at each."""
    version, is_compact, count = recipe.version, recipe.kind in COMPACT, len(body.seconds)
    satellites = [b"".join(seen) for seen in _by_epoch(_names, body.records, count)]
    heads = [*rinex_plain.epoch_lines(version, day, body.seconds.astype(int).tolist(), satellites)]
    if is_compact:
        afresh = np.zeros(count, bool)
        afresh[[0, body.event or 0]] = True
        heads = rinex_compact.epoch_lines(version, heads, afresh)
        rows = partial(rinex_compact.record_rows, version=version, afresh=afresh)
    else:
        heads = [rinex_plain.folded(version, line) for line in heads]
        rows = partial(rinex_plain.record_rows, version=version)
    for place, pieces in enumerate(_by_epoch(partial(_lines, rows), body.records, count)):
        if place == body.event:
            yield from _event(version, is_compact)
        yield heads[place]
        yield from pieces


def _by_epoch(
    texts: Callable[[Records, np.ndarray, np.ndarray], list[bytes]],
    records: list[Records],
    count: int,
) -> Iterator[tuple[bytes, ...]]:
    """Yield for each epoch the text of all systems, of which `texts` returns that of one."""
    found = []
    for one in records:
        order = np.argsort(one.epoch, kind="stable")
        found.append(texts(one, order, np.searchsorted(one.epoch[order], np.arange(count + 1))))
    return zip(*found, strict=True)


def _names(records: Records, order: np.ndarray, edges: np.ndarray) -> list[bytes]:
    text = rinex_plain.names(records)[order].tobytes()
    return [text[3 * start : 3 * end] for start, end in pairwise(edges.tolist())]


def _lines(
    rows: Callable[..., np.ndarray], records: Records, order: np.ndarray, edges: np.ndarray
) -> list[bytes]:
    found = rows(records=records)
    each = found.reshape(len(order), -1, found.shape[1])  # a record may have several rows
    text, starts = lines(each[order].reshape(found.shape))
    buffer, at = text.tobytes(), starts[edges * each.shape[1]].tolist()
    return [buffer[start:end] for start, end in pairwise(at)]


def _event(version: int, is_compact: bool) -> Iterator[bytes]:
    """Yield the lines of an event between two epochs: comments."""
    first = ">" if version == 3 else "&" if is_compact else " "
    width = 30 if version == 3 else 27
    yield f"{first:{width}} 4{len(COMMENTS):3}\n".encode()
    yield from (f"{words:60}COMMENT\n".encode() for words in COMMENTS)


def _compressed(content: bytes, form: str) -> bytes:
    if form.endswith(".gz"):
        return bytes(deflate.gzip_compress(content, 6))
    if form.endswith(".Z"):
        require("gnss", "ncompress")
        import ncompress

        return ncompress.compress(content)
    return content
