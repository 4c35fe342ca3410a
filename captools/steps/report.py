"""Sum up what became of the inputs of an output folder, over all its shards.

\b
Examples:
  captools report reduced
  captools report reduced @granules.txt
  captools report reduced --failed > failed.txt

With INPUT..., also those of them that were never attempted. A step that is
given what --failed prints and the same options tries these inputs again. So it
does where outputs are missing or have another size or time than when they were
written (captools check OUT compares their bytes). Exit code 1 says that there
is such an input, or one that failed or was never attempted.
"""

import heapq
import logging
import os
import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from captools.io.address import is_remote
from captools.run.journal import STATUSES, Outcome

KIND = "query"
SLOWEST_INPUTS = 5
SHOWN_LINES = 10  # of a kind
log = logging.getLogger(__name__)
HEADER = (
    *("step", "inputs", *STATUSES, "rows in", "rows out", "files"),
    *("processor s", "elapsed s", "inputs/s"),
)


@click.argument("outdir", type=click.Path(path_type=Path), metavar="OUT")
@click.argument("words", nargs=-1, metavar="[INPUT]...")
@click.option(
    "--failed",
    is_flag=True,
    help="Print the inputs that are to be done, again or at all, one path per line.",
)
def report(
    outdir: Path, words: Iterable[str] = (), failed: bool = False
) -> Generator[str, None, int]:
    """Yield the lines of a report on the journals of a folder.

    Parameters
    ----------
    outdir : Path
        The output folder of map steps.
    words : iterable of str
        Inputs as for a map step, to find those never attempted.
    failed : bool
        Yield instead the paths of the inputs that failed, lost outputs or were never attempted.

    Returns
    -------
    generator of str
        At its end it returns the exit code: 1 if an input failed, lost outputs or was never
        attempted.

    Raises
    ------
    ValueError
        If the folder has no journal.
    """
    from captools.io.listing import expand
    from captools.run.folders import LocalFolder
    from captools.run.journal import absent_shards, records

    words = list(words)
    there = LocalFolder(Path(outdir)).names()
    wanted = {os.path.basename(path): path for path in expand(words)}
    sums = []
    for step, outcomes in records(Path(outdir)):
        sums.append(Sum(step))
        for outcome in outcomes:
            is_whole = any(map(is_remote, outcome.outputs)) or all(
                stamp is None or there.hold(name, stamp) for name, stamp in outcome.written()
            )
            sums[-1].add(outcome, is_whole)
            wanted.pop(outcome.name, None)
            if failed and (outcome.status == "failed" or not is_whole):
                yield outcome.input
    never = sorted(wanted.values())
    if failed:
        yield from never
    elif not sums:
        raise ValueError(f"{outdir}: no journal there, so no step has written to it")
    else:
        yield from _table([HEADER, *(total.row() for total in sums)])
        for total in sums:
            yield from total.details()
        yield from _shortened("never attempted", [(path, 1) for path in never])
    if never or not words:  # else there is no share whose inputs were not attempted
        for step, count, numbers in absent_shards(Path(outdir)):
            listed = ",".join(map(str, numbers))
            shards = "shard" if len(numbers) == 1 else "shards"
            log.warning("warning: no journal of %s for %s %s of %d", step, shards, listed, count)
    return 1 if never or any(total.status["failed"] or total.lost for total in sums) else 0


@dataclass
class Sum:
    """What the outcomes of a step add up to, without keeping them."""

    step: str
    status: Counter = field(default_factory=Counter)
    rows_in: int = 0
    rows_out: int = 0
    files: int = 0
    lost: int = 0  # inputs whose outputs are not as they were written
    first_lost: str = ""
    seconds: float = 0.0
    began: float = float("inf")
    ended: float = -float("inf")
    slowest: list[tuple[float, str]] = field(default_factory=list)
    reasons: Counter = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, outcome: Outcome, is_whole: bool) -> None:
        """Count one outcome, and whether its outputs are there as they were written."""
        if not is_whole:
            self.lost += 1
            self.first_lost = self.first_lost or outcome.input
        self.status[outcome.status] += 1
        self.rows_in += outcome.rows_in
        self.rows_out += outcome.rows_out
        self.files += len(outcome.outputs)
        self.seconds += outcome.seconds
        ended = outcome.time.timestamp()
        self.began = min(self.began, ended - outcome.seconds)
        self.ended = max(self.ended, ended)
        heapq.heappush(self.slowest, (outcome.seconds, outcome.input))
        if len(self.slowest) > SLOWEST_INPUTS:
            heapq.heappop(self.slowest)
        if outcome.status == "failed":
            # Without names and numbers, so that one reason is counted as one.
            reason = (outcome.error or "").replace(f"{outcome.input}: ", "")
            reason = re.sub(r"\b\d[\d,]*\b", "#", reason)
            self.reasons[reason] += 1
            self.examples.setdefault(reason, outcome.input)

    def row(self) -> tuple[str, ...]:
        """Return the numbers in the order of `HEADER`."""
        inputs, elapsed = self.status.total(), self.ended - self.began
        counts = (inputs, *(self.status[status] for status in STATUSES))
        counts += (self.rows_in, self.rows_out, self.files)
        times = (f"{self.seconds:,.1f}", f"{elapsed:,.1f}", f"{inputs / max(elapsed, 1e-3):.2f}")
        return (self.step, *(f"{count:,}" for count in counts), *times)

    def details(self) -> Iterator[str]:
        """Yield why inputs failed and which took longest."""
        reasons = [
            (f"{reason} ({self.examples[reason]})", count)
            for reason, count in self.reasons.most_common()
        ]
        yield from _shortened("failed", reasons)
        if self.lost:
            what = f"outputs missing or not as they were written (of {self.first_lost})"
            yield f"changed: {self.lost:,} x {what}"
        for seconds, path in sorted(self.slowest, reverse=True):
            yield f"slowest: {seconds:.2f} s {path}"


def _shortened(what: str, items: list[tuple[str, int]]) -> Iterator[str]:
    """Yield a line for each of the first items with its count, and one for the rest."""
    for text, count in items[:SHOWN_LINES]:
        yield f"{what}: {count:,} x {text}" if count > 1 else f"{what}: {text}"
    if len(items) > SHOWN_LINES:
        yield f"{what}: {len(items) - SHOWN_LINES:,} more"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows of text as lines with aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        numbers = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *numbers])
