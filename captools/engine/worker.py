"""A process for each input under way: one that hangs or dies costs that input alone."""

import ctypes
import multiprocessing
import os
import signal
import threading
import time
import warnings
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from captools.engine.fresh import FreshProcess
from captools.engine.work import Result, Work
from captools.errors import one_line
from captools.extras import own_process
from captools.process import Reading, Watcher, watched_by

PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>: which signal a process gets when its parent dies
IDLE_SECONDS = 60.0  # after which a process without work ends, as it must in dask workers
CUT_SHORT = "was cut short"
WATCH_SECONDS = 0.2  # between looks of a worker at whether its parent lives


class Worker:
    """A process that does one item after another, and may die of any.

    It is driven through a pipe, by one thread. Pools of processes know more, but
    one that is ended while it is given work may wait for ever.

    Parameters
    ----------
    kind : class of processes
        How it is started.
    """

    def __init__(self, kind: type[BaseProcess]) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = kind(target=_serve, args=(theirs, os.getpid()))
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does

    @property
    def is_alive(self) -> bool:
        """Whether it can be given an input: the pipe of one that has died has ended."""
        return not self._pipe.poll()

    def do(self, work: Work, item: Any, timeout: float | None) -> Result:
        """Do one item; `timeout` seconds without progress end its process."""
        limit, reading = timeout, None
        try:
            self._pipe.send((work, item))
            while self._pipe.poll(limit):
                heard = self._pipe.recv()
                if not isinstance(heard, Reading):
                    return heard
                limit, reading = heard.limit(timeout), heard.path  # it gets on
        except (EOFError, OSError):
            self.kill()
            if ended.is_set():
                return work.lost(item, CUT_SHORT)
            return work.lost(item, f"its process died ({self._how()})", died=True, reading=reading)
        self.kill()  # first, so that it writes nothing after the clean-up
        return work.lost(item, f"took longer than {limit:g} s (--timeout)", reading=reading)

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()

    def _how(self) -> str:
        """Return how it ended, and what that may mean."""
        for _ in range(100):
            code = self._process.exitcode
            if code is not None:
                return meaning(code)
            time.sleep(0.01)  # another thread has just fetched the exit code, and will store it
        return "unknown exit code"


def meaning(code: int) -> str:
    """Return the name of an exit code, and what it may mean."""
    if code >= 0:
        return f"EXIT({code})"
    known = -code in list(signal.Signals)
    name = signal.Signals(-code).name if known else "a signal"
    return f"{name}({code})" + (": memory used up?" if name == "SIGKILL" else "")


def _serve(pipe: Connection, parent: int) -> None:
    """Do the inputs that come through the pipe, in a process of its own."""
    _workers.clear()  # which a copy has of its parent
    _waiting.clear()
    _follow(parent)
    watched_by(Watcher(pipe.send))
    own_process()
    # Closing the pipe shows the parent that no more work is taken. An error of the pipe means that
    # the parent has died, which ends this process in a moment.
    with pipe, suppress(EOFError, ConnectionError):
        while pipe.poll(IDLE_SECONDS):
            work, item = pipe.recv()
            pipe.send(_result(work, item))


def _result(work: Work, item: Any) -> Result:
    """Do one item, and return how it ended, whatever is raised."""
    try:
        return work(item)
    except BaseException as error:  # such as an interrupt that the step itself raised
        return work.lost(item, f"was lost ({one_line(error)})", died=True)


def _follow(parent: int) -> None:
    """Live and die with the parent: it alone writes down what is done."""
    leave_signals_to_parent()
    die_with_parent()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def die_with_parent() -> None:
    """Let this process be killed when its parent dies, on Linux, even while HDF5 is at work."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def leave_signals_to_parent() -> None:
    """Ignore what a terminal or SLURM sends to all processes: the parent says when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


_workers: set[Worker] = set()  # of this process, to be ended with it
_waiting: list[Worker] = []  # those of them that no thread drives yet
_own = threading.local()
ended = threading.Event()  # no worker is to begin with another input
_starting = threading.Lock()  # held while workers are started or ended


def start_copies(count: int) -> None:
    """Start workers that are copies of this process, which must have no other thread.

    They are there at once, where one that begins as an interpreter of its own takes half a second.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of libraries are idle
        for _ in range(count):
            _waiting.append(_started(multiprocessing.get_context("fork").Process))


def in_worker(work: Work, item: Any, timeout: float | None) -> Result:
    """Do one item in the worker of this thread, another one if it has died."""
    with _starting:
        if ended.is_set():
            return work.lost(item, CUT_SHORT)
        worker = getattr(_own, "worker", None)
        while worker is None or not worker.is_alive:
            if worker is not None:
                worker.kill()  # it may be about to end
                _workers.discard(worker)
            worker = _own.worker = _waiting.pop() if _waiting else _started(FreshProcess)
    return worker.do(work, item, timeout)


def _started(kind: type[BaseProcess]) -> Worker:
    worker = Worker(kind)
    _workers.add(worker)
    return worker


def kill_workers() -> None:
    """End all workers, for good: their threads may be about to start new ones."""
    with _starting:
        ended.set()
        _waiting.clear()
        while _workers:
            _workers.pop().kill()
