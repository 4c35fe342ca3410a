"""Items done in this process or by an engine, one after another; the bad ones are named."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from captools import process, progress
from captools.engine.each import as_work, in_order
from captools.engine.pool import Pool
from captools.engine.work import Work
from captools.errors import CaptoolsError, one_line
from captools.gnss.parts import Part

log = logging.getLogger(__name__)


class Doer:
    """Does the work on items, in their order, and names those that are bad.

    Parameters
    ----------
    pool : Pool, optional
        The pool of an engine; without it the work is done in this process.
    timeout : float, optional
        Seconds after which an item is a bad one, if there is a pool.

    Attributes
    ----------
    bad : int
        How many items were bad, so far.
    processes : set of str
        Who did the others.
    stations : set of str
        Whose values they have.
    """

    def __init__(self, pool: Pool | None = None, timeout: float | None = None) -> None:
        self.pool, self._timeout = pool, timeout
        self.bad = 0
        self.processes: set[str] = set()
        self.stations: set[str] = set()

    def do(
        self, function: Callable[[Any], Part], items: Sequence, may_copy: bool = True
    ) -> Iterator[tuple[Any, Part]]:
        """Yield the good items, each with the value of a function of it.

        They are done in copies of this process, which are there at once; if a library does not
        bear that, in other processes, and a single item in this one.
        """
        work, shown = as_work(function), progress.Progress(len(items))
        pool = self.pool
        if pool is not None and may_copy:
            pool.begin(len(items))
        elif len(items) == 1:
            pool = None
        try:
            with closing(self._outcomes(pool, work, items, shown)) as outcomes:
                for item, outcome in zip(items, outcomes, strict=True):
                    if isinstance(outcome, CaptoolsError):
                        self.refuse(outcome)
                        continue
                    if outcome.damage:
                        why = f"not all of it can be read: {outcome.damage}"
                        log.warning("warning: %s: %s", item, why)
                    self.processes.add(outcome.doer)
                    self.stations.update({outcome.station} - {""})
                    with shown.aside():
                        yield item, outcome
        finally:
            shown.close()

    def refuse(self, error: CaptoolsError) -> None:
        """Name a bad item."""
        self.bad += 1
        log.error("failed: %s", one_line(error))

    def _outcomes(
        self, pool: Pool | None, work: Work, items: Sequence, shown: progress.Progress
    ) -> Iterator[Any]:
        def hear(outcome: Any) -> None:
            shown.log_if_due()
            if outcome is not None:
                shown.update(isinstance(outcome, CaptoolsError))

        if pool is not None:
            yield from in_order(pool, work, items, self._timeout, hear)
            return
        for item in items:
            process.check()
            outcome = work(item).outcome
            hear(outcome)
            yield outcome
