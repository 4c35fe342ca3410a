"""How far a run is: a bar on a terminal, a line every half minute in a log."""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from captools.process import check

INTERVAL_SECONDS = 30.0  # between the lines of a log
Item = TypeVar("Item")
_shown: ContextVar[Callable[[int], Any] | None] = ContextVar("shown", default=None)
log = logging.getLogger(__name__)


def counted(number: int, noun: str) -> str:
    """Return a number of things in words.

    Examples
    --------
    >>> counted(1, "file"), counted(373779, "row")
    ('1 file', '373,779 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@contextmanager
def shown(how: Callable[[int], Any] | None = None) -> Iterator[None]:
    """Let `track` show how far it is: a command line does, a function called by hand does not.

    `how` makes of the number of items what is called as a `Progress`, which is the default.
    """
    token = _shown.set(how or Progress)
    try:
        yield
    finally:
        _shown.reset(token)


def is_shown() -> bool:
    """Return whether a command line is at work, which shows and prints by itself."""
    return _shown.get() is not None


def track(items: Sequence[Item]) -> Iterator[Item]:
    """Yield the items, and show how many of them are done if that is to be shown."""
    show = _shown.get()
    if show is None:
        for item in items:
            check()
            yield item
        return
    progress = show(len(items))
    try:
        for item in items:
            check()
            yield item
            progress.update(failed=False)
            progress.log_if_due()
    finally:
        progress.close()


class Progress:
    """Counts inputs as they end, and shows the count on standard error.

    Parameters
    ----------
    total : int
        Inputs to do.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.ended = self.failed = 0
        self._began = self._logged = time.monotonic()
        self._bar = None
        if log.isEnabledFor(logging.INFO) and sys.stderr.isatty():
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # no thread: with threads a process cannot be copied
            self._bar = tqdm(total=total, unit="file", dynamic_ncols=True, leave=False)

    def update(self, failed: bool) -> None:
        """Count one more input."""
        self.ended += 1
        self.failed += failed
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self.failed} failed", refresh=False)
            self._bar.update()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave the terminal to what is printed on standard output meanwhile."""
        if self._bar is None or not sys.stdout.isatty():
            yield
            return
        self._bar.clear()
        yield
        self._bar.refresh()

    def log_if_due(self) -> None:
        """Write a line, if there is no bar and the last line is old enough."""
        if self._bar is None and time.monotonic() - self._logged >= INTERVAL_SECONDS:
            self._logged = time.monotonic()
            log.info(self.line())

    def line(self) -> str:
        """Return the state as a line of a log."""
        seconds = time.monotonic() - self._began
        rate = self.ended / seconds
        left = f"{(self.total - self.ended) / rate / 60:.1f}" if rate else "unknown"
        return (
            f"{self.ended:,} of {counted(self.total, 'input')} ended, {self.failed:,} failed, "
            f"{rate:.2f} per second, {left} minutes left"
        )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
