"""What records are, in words and as JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from captools.das.records import SECOND, Record
from captools.das.runs import Group, Run
from captools.progress import counted

MOST_LINES = 20  # of one kind; JSON has all


def utc(time: int | np.datetime64) -> str:
    """Return a time as ISO has it, with no more digits than it needs.

    Examples
    --------
    >>> utc(1_635_808_275_000_000_000), utc(1_635_808_275_001_500_000)
    ('2021-11-01T23:11:15Z', '2021-11-01T23:11:15.0015Z')
    """
    when = time if isinstance(time, np.datetime64) else np.datetime64(int(time), "ns")
    text = str(when.astype("M8[ns]"))
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def lines(group: Group) -> Iterator[str]:
    """Yield what is said of records of one rate and of the same channels."""
    first = group.first
    formats = sorted({one.format for one in records_of(group)})
    yield f"{', '.join(formats)}: {_channels(first)}"
    samples = sum(run.samples for run in group.runs)
    files = len({one.path for one in records_of(group)})
    jitter = _jitter(group.runs[0]) if len(group.runs) == 1 else ""
    yield (
        f"  {counted(files, 'file')}, {utc(group.runs[0].start_ns)} to "
        f"{utc(group.runs[-1].stop_ns)}, {counted(samples, 'sample')} "
        f"({samples * first.step:,.12g} s) in {counted(len(group.runs), 'run')}{jitter}"
    )
    if len(group.runs) > 1:
        yield from _some(f"  run        {_run(run)}" for run in group.runs)
    yield from _some(
        f"  gap        {utc(start)} to {utc(stop)}, {_seconds(stop - start):,.9g} s"
        for start, stop in group.gaps
    )
    yield from _some(
        f"  overlap    {one.record.path}: {one.seconds:,.9g} s" for one in group.overlaps
    )
    yield from _some(f"  duplicate  {one.path}" for one in group.duplicates)


def as_json(group: Group) -> dict[str, Any]:
    """Return the same, and all of it, in plain types."""
    first = group.first
    described = first.as_json()
    return {
        "formats": sorted({one.format for one in records_of(group)}),
        "start": utc(group.runs[0].start_ns),
        "stop": utc(group.runs[-1].stop_ns),
        "rate": _rate(first),
        **{name: described[name] for name in ("step", "channels", "first_distance", "spacing")},
        **{name: described[name] for name in ("units", "dtype")},
        "samples": sum(run.samples for run in group.runs),
        "runs": [
            {
                "start": utc(run.start_ns),
                "stop": utc(run.stop_ns),
                "samples": run.samples,
                "jitter": run.jitter,
                "files": list(dict.fromkeys(piece.record.path for piece in run.pieces)),
            }
            for run in group.runs
        ],
        "gaps": [
            {"start": utc(start), "stop": utc(stop), "seconds": _seconds(stop - start)}
            for start, stop in group.gaps
        ],
        "overlaps": [{"path": one.record.path, "seconds": one.seconds} for one in group.overlaps],
        "duplicates": [one.path for one in group.duplicates],
    }


def records_of(group: Group) -> list[Record]:
    """Return the records of which samples are used."""
    return [piece.record for run in group.runs for piece in run.pieces]


def _channels(record: Record) -> str:
    """Return rate, channels and samples of a record in words."""
    where = f" from {record.first_distance:.10g} m" if np.isfinite(record.first_distance) else ""
    apart = f" every {record.spacing:.10g} m" if np.isfinite(record.spacing) else ""
    units = f" in {record.units}" if record.units else ""
    return (
        f"{_rate(record):.10g} Hz, {counted(record.channels, 'channel')}{apart}{where}, "
        f"{record.dtype}{units}"
    )


def _rate(record: Record) -> float:
    """Return the samples per second, without what the division leaves behind."""
    return float(f"{record.rate:.12g}")


def _run(run: Run) -> str:
    files = len({piece.record.path for piece in run.pieces})
    return (
        f"{utc(run.start_ns)} to {utc(run.stop_ns)}, {counted(run.samples, 'sample')}, "
        f"{counted(files, 'file')}{_jitter(run)}"
    )


def _jitter(run: Run) -> str:
    return f", jitter {run.jitter:.3g} s" if run.jitter else ""


def _seconds(span: np.timedelta64) -> float:
    return float(span / np.timedelta64(1, "ns")) / SECOND


def _some(said: Iterator[str]) -> Iterator[str]:
    """Yield lines, and of many only the first, with a word on the others."""
    found = list(said)
    yield from found[:MOST_LINES]
    if len(found) > MOST_LINES:
        kind = found[0].split()[0]
        yield f"  {kind:10} and {len(found) - MOST_LINES:,} more (--json lists all)"
