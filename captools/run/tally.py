"""What a run adds up to, and what is said of each input at once."""

import logging
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from captools.limits import Limits
from captools.progress import counted
from captools.run.journal import Outcome

SHOWN_KINDS = 20  # of messages in a run; the journal has them all
# Numbers, names of tracks, paths: they differ from input to input. Those of products and CRS stay.
_OF_ONE = re.compile(r"(?<!\S)(?:(?=\S*\d)[^A-Z\s]\S*|\S*\d{6}\S*)(?: (?=\S*\d)[^A-Z\s]\S*)*")
_PLURAL = re.compile(r"# (\w{2,}?)s\b")  # of "3 points" and "1 point"
log = logging.getLogger(__name__)


def kind_of(message: str, source: str = "") -> str:
    """Return what messages have in common that say the same of other inputs.

    Examples
    --------
    >>> kind_of("/d/a.h5: gt1l gt2r: 3 points lie outside", "/d/a.h5")
    '# point lie outside'
    >>> kind_of("1 row left out") == kind_of("1,234 rows left out")
    True
    >>> kind_of("/d/a.h5: is ATL08, not ATL06", "/d/a.h5")
    '# is ATL08, not ATL06'
    """
    for name in filter(None, (source, os.path.basename(source))):
        message = message.replace(name, "#0")
    return _PLURAL.sub(r"# \1", _OF_ONE.sub("#", message))


class Kinds:
    """Messages by their kind: of each the first, and how many there are."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def add(self, message: str, source: str = "") -> bool:
        """Count a message about an input, and return whether it is the first of its kind."""
        kind = kind_of(message, source)
        self._counts[kind] += 1
        return self._first.setdefault(kind, message) is message and self._counts[kind] == 1

    def say(self, line: Callable[[str, int], None]) -> int:
        """Say of each kind the first and how many more; return how many kinds are too many."""
        for kind, first in islice(self._first.items(), SHOWN_KINDS):
            line(first, self._counts[kind] - 1)
        return max(0, len(self._first) - SHOWN_KINDS)


def warn(first: str, more: int) -> None:
    """Log the first of warnings, and how many more there are like it."""
    log.warning("warning: %s", f"{first} ({more:,} more like this)" if more else first)


def fail(first: str, more: int) -> None:
    """Log the first of failures, and how many more there are like it."""
    log.error("failed: %s", f"{first} ({more:,} more like this)" if more else first)


def _fail_again(first: str, more: int) -> None:
    """Log how many more failed like the first, of which it was said when it did."""
    if more:
        log.error("failed: %s more like this: %s", f"{more:,}", first)


@dataclass
class Tally:
    """What a run adds up to, without keeping what it adds."""

    total: int
    before: int = 0
    done: int = 0
    empty: int = 0
    failed: int = 0
    rows_in: int = 0
    rows_out: int = 0
    removed: Counter = field(default_factory=Counter)
    elsewhere: int = 0  # empty inputs without a row in the box that is asked for
    lies: Limits = field(default_factory=Limits)  # where their rows are
    warnings: Kinds = field(default_factory=Kinds)
    errors: Kinds = field(default_factory=Kinds)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        self.rows_in += outcome.rows_in
        self.rows_out += outcome.rows_out
        for message in outcome.warnings:
            self.warnings.add(message, outcome.input)
        self.removed.update(outcome.removed)
        if outcome.status == "empty" and (outcome.lies or not outcome.rows_in):
            self.elsewhere += 1
            self.lies.include(outcome.lies)

    @property
    def left(self) -> int:
        """Inputs that were not attempted."""
        return self.total - self.before - self.done - self.empty - self.failed

    def __str__(self) -> str:
        counts = [f"{self.done:,} done", f"{self.empty:,} empty", f"{self.failed:,} failed"]
        if self.before:
            counts.insert(0, f"{self.before:,} done before")
        if self.left:
            counts.append(f"{self.left:,} not attempted")
        return f"{counted(self.total, 'input')}: {', '.join(counts)}{self._kept()}"

    def _kept(self) -> str:
        """Return how many rows were kept, and why the others were not."""
        if not self.rows_in:
            return ""
        kept = f"; {self.rows_out:,} of {counted(self.rows_in, 'row')} kept"
        removed = ", ".join(f"{why} {rows:,}" for why, rows in self.removed.items())
        return f"{kept}; removed: {removed}" if removed else kept

    def finish(self, journal: Path) -> None:
        """Say a line for each kind of warning, and for each of error that came more than once."""
        self.errors.say(_fail_again)
        if self.lies and self.elsewhere == self.empty and not (self.done or self.before):
            log.warning("warning: no row lies in the box: what was read has %s", self.lies)
        if unsaid := self.warnings.say(warn):
            log.info("%s of warnings, all in %s", counted(unsaid, "further kind"), journal)


def report(outcome: Outcome, tally: Tally) -> None:
    """Say what the user should know of an outcome at once: the first failure of each kind."""
    if outcome.status == "failed":
        error = outcome.error or ""
        if tally.errors.add(error, outcome.input):
            log.error("failed: %s", error)
        else:
            log.debug("failed: %s", error)
    log.debug(
        "%s: %s, %s of %s, %.2f s",
        *(outcome.input, outcome.status),
        *(f"{outcome.rows_out:,}", counted(outcome.rows_in, "row"), outcome.seconds),
    )
