"""Records to runs: what goes on without a gap, at one rate, of the same channels.

A record goes on from the one before where it begins within 1.5 samples of that one's end: what it
begins early or late by is jitter. What is there twice is trimmed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from captools.das.records import SECOND, TOLERANCE_SAMPLES, Record

SAME_STEP = 1e-5  # relative: steps are rounded, to nanoseconds or more
SAME_DISTANCE = 1e-3  # of the spacing


@dataclass(frozen=True)
class Piece:
    """What of a record belongs to a run.

    Attributes
    ----------
    record : Record
        It.
    skip : int
        Samples at its beginning that the record before has, too.
    first : int
        Number, in the run, of the first sample that is not skipped.
    """

    record: Record
    skip: int
    first: int

    @property
    def samples(self) -> int:
        """How many samples it adds."""
        return self.record.samples - self.skip


@dataclass(frozen=True)
class Run:
    """Records that follow each other without a gap.

    Sample n of the run is, to within its jitter, at `start_ns` + n steps; each piece knows the
    time of its own samples.

    Attributes
    ----------
    pieces : tuple of Piece
        In the order of time.
    jitter : float
        Seconds that a record begins early or late at most, of those that follow one of the run.
    """

    pieces: tuple[Piece, ...]
    jitter: float = 0.0

    @property
    def step(self) -> float:
        """Seconds between samples."""
        return self.pieces[0].record.step

    @property
    def samples(self) -> int:
        """How many there are."""
        last = self.pieces[-1]
        return last.first + last.samples

    @property
    def start_ns(self) -> int:
        """Time of the first sample, nanoseconds since 1970."""
        return self.pieces[0].record.start_ns

    @property
    def stop_ns(self) -> int:
        """Time of the sample that would come next, nanoseconds since 1970."""
        return self.pieces[-1].record.stop_ns


@dataclass(frozen=True)
class Overlap:
    """A record that begins before the end of the one before: its first samples are not used."""

    record: Record
    seconds: float


@dataclass(frozen=True)
class Group:
    """Records of one rate and of the same channels.

    Attributes
    ----------
    runs : tuple of Run
        In the order of time; between them are gaps.
    duplicates : tuple of Record
        Those of which other records have every sample.
    overlaps : tuple of Overlap
        Those of which other records have the first samples.
    """

    runs: tuple[Run, ...]
    duplicates: tuple[Record, ...] = ()
    overlaps: tuple[Overlap, ...] = ()

    @property
    def first(self) -> Record:
        """The record that begins first, which stands for all in what they have in common."""
        return self.runs[0].pieces[0].record

    @property
    def gaps(self) -> list[tuple[np.datetime64, np.datetime64]]:
        """From when to when there are no samples, between runs."""
        return [
            (np.datetime64(before.stop_ns, "ns"), np.datetime64(after.start_ns, "ns"))
            for before, after in pairwise(self.runs)
        ]


def groups(records: Iterable[Record]) -> list[Group]:
    """Return records by rate and channels, those of each in runs.

    Parameters
    ----------
    records : iterable of Record
        In any order.

    Returns
    -------
    list of Group
        In the order of their first records.
    """
    alike: list[list[Record]] = []
    for record in sorted(records, key=_order):
        for same in alike:
            if are_alike(same[0], record):
                same.append(record)
                break
        else:
            alike.append([record])
    return [_group(same) for same in alike]


def are_alike(one: Record, other: Record) -> bool:
    """Return whether two records may make one run: rate, channels, units and dtype are the same."""
    return (
        one.channels == other.channels
        and one.units == other.units
        and one.dtype == other.dtype
        and abs(one.step - other.step) <= SAME_STEP * one.step
        and _are_near(one.spacing, other.spacing, SAME_DISTANCE * abs(one.spacing))
        and _are_near(one.first_distance, other.first_distance, abs(one.spacing) / 2)
    )


def _are_near(one: float, other: float, tolerance: float) -> bool:
    """Return whether two distances are the same; those that no file says are."""
    if np.isnan(one) or np.isnan(other):
        return bool(np.isnan(one) and np.isnan(other))
    return abs(one - other) <= (0.0 if np.isnan(tolerance) else tolerance)


def _order(record: Record) -> tuple:
    """Order by time; of those that begin together the longest first, then by path."""
    return record.start_ns, -record.samples, record.path, record.dataset, record.offset


def _group(records: Sequence[Record]) -> Group:
    """Return records that are alike, in the order of time, as runs."""
    runs: list[list[Piece]] = []
    late: list[float] = []  # of each run, the jitter in nanoseconds
    duplicates, overlaps = [], []
    step = records[0].step * SECOND
    for record in records:
        if not runs:
            runs, late = [[Piece(record, 0, 0)]], [0.0]
            continue
        last = runs[-1][-1]
        early = last.record.stop_ns - record.start_ns
        if -early > TOLERANCE_SAMPLES * step:
            runs.append([Piece(record, 0, 0)])
            late.append(0.0)
            continue
        skip = 0 if early <= TOLERANCE_SAMPLES * step else round(early / step)
        if skip >= record.samples:
            duplicates.append(record)
            continue
        if skip:
            overlaps.append(Overlap(record, early / SECOND))
        late[-1] = max(late[-1], abs(early - skip * step))
        runs[-1].append(Piece(record, skip, last.first + last.samples))
    return Group(
        tuple(
            Run(tuple(pieces), jitter / SECOND) for pieces, jitter in zip(runs, late, strict=True)
        ),
        tuple(duplicates),
        tuple(overlaps),
    )
