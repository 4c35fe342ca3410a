"""What a run adds up to, and what is said of each input at once."""

import logging
from collections import Counter
from dataclasses import dataclass, field

from captools.run.journal import Outcome

WARNINGS_SHOWN = 20  # of a run; the journal has them all
log = logging.getLogger(__name__)


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
    warnings: int = 0
    removed: Counter = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        self.rows_in += outcome.rows_in
        self.rows_out += outcome.rows_out
        self.warnings += len(outcome.warnings)
        self.removed.update(outcome.removed)

    @property
    def left(self) -> int:
        """Inputs that were not attempted."""
        return self.total - self.before - self.done - self.empty - self.failed

    def __str__(self) -> str:
        counts = [f"{self.done} done", f"{self.empty} empty", f"{self.failed} failed"]
        if self.before:
            counts.insert(0, f"{self.before} done before")
        if self.left:
            counts.append(f"{self.left} not attempted")
        return f"{self.total} inputs: {', '.join(counts)}{self._kept()}"

    def _kept(self) -> str:
        """Return how many rows were kept, and why the others were not."""
        if not self.rows_in:
            return ""
        kept = f"; {self.rows_out:,} of {self.rows_in:,} rows kept"
        removed = ", ".join(f"{why} {rows:,}" for why, rows in self.removed.items())
        return f"{kept}; removed: {removed}" if removed else kept


def report(outcome: Outcome, tally: Tally) -> None:
    """Say what the user should know of an outcome at once."""
    if outcome.status == "failed":
        log.error("failed: %s", outcome.error)
    shown = tally.warnings - len(outcome.warnings)
    for message in outcome.warnings[: max(0, WARNINGS_SHOWN - shown)]:
        log.warning("warning: %s", message)
    log.debug(
        "%s: %s, %d of %d rows, %.2f s",
        *(outcome.input, outcome.status, outcome.rows_out, outcome.rows_in, outcome.seconds),
    )
