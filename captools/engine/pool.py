"""A pool of those who do the work, and the one loop that keeps it busy.

An engine gives a pool an executor: something to submit items to, and how many it can have
under way. The loop is the same for all engines, so that they differ in nothing but where the
work is done.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from captools.engine.work import Result, Work
from captools.errors import one_line
from captools.process import Stop

POLL_SECONDS = 0.5  # between looks at whether the run is to stop


@dataclass(frozen=True)
class Pool:
    """Who does the work.

    Parameters
    ----------
    executor : Executor
        Where to submit to.
    run_one : callable
        What to submit, with a piece of work, an item and a timeout.
    size : callable
        Returns how many items to have under way.
    abort : callable
        Ends what is under way at once, and maybe this process with an exit code.
    copy : callable, optional
        Starts so many workers as copies of this process, which are there at once.
    """

    executor: Executor
    run_one: Callable[[Work, Any, float | None], Result]
    size: Callable[[], int]
    abort: Callable[[int], None]
    copy: Callable[[int], None] | None = None

    def without_copies(self) -> "Pool":
        """Return the same pool, which copies no process: a library in use may not bear it."""
        return replace(self, copy=None)

    def begin(self, count: int) -> None:
        """Start the workers that so many items need, where that is quicker than one by one."""
        # A copy of this process would keep the locks of its threads, but not the threads.
        if self.copy and threading.active_count() == 1:
            self.copy(min(count, self.size()))

    def run(
        self, work: Work, items: Iterable[Any], stop: Stop, timeout: float | None = None
    ) -> Generator[Result | None, None, None]:
        """Do all items and yield their results as they come, in any order; None now and then.

        An item whose process dies costs no other. It is tried once more when
        all others are done, alone, for memory may have been short.
        """
        died: list[Any] = []
        for item, result in self._stream(work, items, stop, timeout):
            if result is not None and result.died:
                died.append(item)
            else:
                yield result
        for item in died:
            for _, result in self._stream(work, [item], stop, timeout):
                yield result

    def _stream(
        self, work: Work, items: Iterable[Any], stop: Stop, timeout: float | None
    ) -> Iterator[tuple[Any, Result | None]]:
        """Keep the pool busy and yield items with their results, None while waiting for one."""
        waiting = iter(items)
        under_way: dict[Future, Any] = {}
        try:
            while not stop.overdue:
                room = 0 if stop.asked else self.size() - len(under_way)
                for item in islice(waiting, max(0, room)):
                    under_way[self.executor.submit(self.run_one, work, item, timeout)] = item
                if not under_way:
                    return
                yield "", None
                for future in wait(under_way, POLL_SECONDS, FIRST_COMPLETED).done:
                    item = under_way.pop(future)
                    error = CancelledError() if future.cancelled() else future.exception()
                    if error is None:
                        yield item, future.result()
                    else:
                        yield item, work.lost(item, f"was lost ({one_line(error)})", died=True)
        finally:
            if under_way:
                self.abort(stop.code)
