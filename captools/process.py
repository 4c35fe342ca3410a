"""Of this process: how it is asked to stop, and how many cores it may use."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

GRACE_SECONDS = 20.0  # for inputs under way when a run is stopped; SLURM kills after 30
HEADER_SECONDS = 60.0  # that a header may take; a tenth of --timeout if that is longer
PULSE_SECONDS = 1.0  # between the signs of life of a process that is watched
_asked: list[int] = []  # signals that asked for the end
_waiting = ContextVar("waiting", default=False)


class Reading(NamedTuple):
    """What a process is reading: which input, None if none, and whether still its header."""

    path: str | None = None
    is_header: bool = False

    def limit(self, timeout: float | None) -> float | None:
        """Return after how many seconds without progress it is given up, None for never.

        Parameters
        ----------
        timeout : float, optional
            The seconds for an input. A header has a tenth of them, but never less than a minute
            if the input has that.
        """
        if timeout is None or not self.is_header:
            return timeout
        return min(timeout, max(timeout / 10, HEADER_SECONDS))


class Watcher:
    """Says to whoever watches this process from another one how it gets on.

    Parameters
    ----------
    send : callable
        Called with what is read: when it changes, and now and then while there is progress.
    """

    def __init__(self, send: Callable[[Reading], None]) -> None:
        self._send = send
        self._now = Reading()
        self._sent = 0.0

    def reading(self, now: Reading) -> None:
        """Say what is read from now on."""
        self._now, self._sent = now, time.monotonic()
        self._send(now)

    def past_header(self) -> None:
        """Say that the header of the input is read, if that was not said."""
        if self._now.is_header:
            self.reading(Reading(self._now.path))

    def beat(self) -> None:
        """Say that there is progress, if nothing was said for a while."""
        if time.monotonic() - self._sent > PULSE_SECONDS:
            self.reading(self._now)


_watchers: list[Watcher] = []  # none, or one


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the work where `check` is called, a second one anywhere.

    An exception that a signal raises in the middle of h5py may get lost there.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as for Ctrl-C in the background of a shell
            signal.signal(number, _ask)
    try:
        yield
    finally:
        _asked.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def _ask(number: int, frame: object) -> None:
    _asked.append(number)
    if len(_asked) > 1 or _waiting.get():
        check()


@contextmanager
def waiting() -> Iterator[None]:
    """Let a signal end the work at once: it waits for a server, and h5py is not under way."""
    check()
    token = _waiting.set(True)
    try:
        yield
    finally:
        _waiting.reset(token)


def check() -> None:
    """End the work if a signal asked for it: a place where nothing is half done."""
    if _asked:
        raise KeyboardInterrupt if _asked[-1] == signal.SIGINT else SystemExit(128 + _asked[-1])
    for watcher in _watchers:
        watcher.beat()


def watched_by(watcher: Watcher) -> None:
    """Let someone hear from now on how this process gets on."""
    _watchers[:] = [watcher]


def reading(path: str | None) -> None:
    """Say which input is read from now on, its header first; None if none is."""
    for watcher in _watchers:
        watcher.reading(Reading(path, is_header=path is not None))


def past_header() -> None:
    """Say that it is the rows of the input that are read now."""
    for watcher in _watchers:
        watcher.past_header()


class Stop:
    """Whether no more inputs are to be handed out, and who said so.

    Attributes
    ----------
    asked : bool
        Whether to stop.
    number : int or None
        The signal that asked for it, if it was one.
    """

    def __init__(self) -> None:
        self.asked = False
        self.number: int | None = None
        self._deadline = float("inf")

    def ask(self, number: int | None = None, frame: object = None) -> None:
        """Stop; a second signal does not wait for inputs under way (a signal handler)."""
        if number is not None:
            again = self.number is not None
            self._deadline = time.monotonic() + (0 if again else GRACE_SECONDS)
            self.number = number
        self.asked = True

    @property
    def overdue(self) -> bool:
        """Whether the time for inputs under way is over."""
        return time.monotonic() > self._deadline

    @property
    def code(self) -> int:
        """The exit code: what shells give to a process ended by the signal, else 1."""
        return 1 if self.number is None else 128 + self.number


def workers() -> int:
    """Return the number of cores that this process may use."""
    cores = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if cores.isdigit() and int(cores):
        return int(cores)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM ask for the end of the block's work; yield what they asked."""
    stop = Stop()
    # A shell starts its background jobs with Ctrl-C ignored: they stay so.
    heeded = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop.ask) for number in heeded}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
