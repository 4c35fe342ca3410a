"""What files are to the records that make one series, and to inputs that fail with the reason."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from captools.das.describing import utc
from captools.das.records import Record
from captools.das.runs import Group, groups
from captools.das.scanning import Scan
from captools.das.windows import Stretch
from captools.errors import InputError
from captools.io.address import Input, file_name
from captools.progress import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Series:
    """Records of one rate and of the same channels.

    Attributes
    ----------
    stretches : tuple of Stretch
        All samples, in the order of time.
    refused : tuple of Input
        An input for each file that is not of the series: it fails.
    """

    stretches: tuple[Stretch, ...]
    refused: tuple[Input, ...]


def gather(found: Scan) -> Series:
    """Return the records that make one series; say what is not used of them.

    If there are several series it is the one with the most samples.
    """
    why = {one.path: one.why for one in found.refused}
    alike = groups(found.records)
    if not alike:
        return Series((), tuple(_refused(why)))
    most = max(alike, key=_samples)
    for group in alike:
        if group is not most:
            for record in _records(group):
                why.setdefault(record.path, _is_other(record, most.first))
    _say(most)
    return Series(tuple(map(Stretch.of, most.runs)), tuple(_refused(why)))


def none_of(length: str, stretches: Sequence[Stretch], time: Sequence[str] | None = None) -> str:
    """Say that records have no samples of a length of time in a row, and what they have."""
    first, last = stretches[0].portions[0], stretches[-1].portions[-1]
    stop_ns = last.start_ns + round(last.samples * last.step_ns)
    longest = max(stretch.samples for stretch in stretches) * first.record.step
    where = f" from {time[0]} to {time[1]}" if time else ""
    return (
        f"no {length} of samples without a gap{where}: records are from {utc(first.start_ns)} to "
        f"{utc(stop_ns)}, {longest:.4g} s without one at most"
    )


def _samples(group: Group) -> int:
    return sum(run.samples for run in group.runs) * group.first.channels


def _records(group: Group) -> Iterator[Record]:
    for run in group.runs:
        for piece in run.pieces:
            yield piece.record
    yield from group.duplicates


def _is_other(record: Record, first: Record) -> str:
    return (
        f"is {_what(record)}, not {_what(first)} as {file_name(first.path)}, of which there are "
        "most samples: give it by itself"
    )


def _what(record: Record) -> str:
    """Return what records of one series have in common, in words."""
    where = "" if record.spacing != record.spacing else f" from {record.first_distance:g} m"
    units = f" of {record.units}" if record.units else ""
    return f"{record.channels} channels{where} at {record.rate:g} Hz{units}"


def _say(group: Group) -> None:
    """Say what is not used of a group, and where it has gaps."""
    if group.duplicates:
        twice, one = counted(len(group.duplicates), "record"), group.duplicates[0]
        log.info("%s of samples that others have: left out, such as %s", twice, one.path)
    if group.overlaps:
        twice, first = counted(len(group.overlaps), "overlap"), group.overlaps[0]
        log.info(
            "%s of records: what is there twice is used once, such as %s, %g s",
            *(twice, first.record.path, first.seconds),
        )
    if group.gaps:
        ends = map(utc, group.gaps[0])
        log.info("%s, the first from %s to %s", counted(len(group.gaps), "gap"), *ends)


def _refused(why: dict[str, str]) -> Iterator[Input]:
    """Yield inputs that fail; files of one name make one, for inputs are told apart by names."""
    named: dict[str, list[str]] = {}
    for path in sorted(why):
        named.setdefault(file_name(path), []).append(path)
    for paths in named.values():
        yield Input(paths[0], paths, {"why": [why[path] for path in paths]})


def check(item: Input) -> None:
    """Raise InputError if an input is one that fails.

    Raises
    ------
    InputError
        It says why.
    """
    reasons: Iterable[str] = item.part.get("why", ()) if isinstance(item.part, dict) else ()
    if said := [f"{path}: {why}" for path, why in zip(item.paths, reasons, strict=False)]:
        raise InputError("; ".join(said))
