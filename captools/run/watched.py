"""A call in a process of its own that is watched: it says which input it reads.

HDF5 may read a damaged file for ever, and heeds no signal meanwhile. A process that gets no
further with an input is ended, and so is one that goes on after this one is to stop.
"""

import logging
import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, cast

from captools import process, progress
from captools.engine.crew import given, given_pool
from captools.engine.fresh import FreshProcess
from captools.engine.relay import Call, Line, Server, relayed
from captools.engine.worker import die_with_parent, meaning
from captools.errors import BadInputs, CaptoolsError, CaptoolsWarning, InputError, one_line
from captools.extras import own_process
from captools.io import durable, remote
from captools.io.address import is_remote
from captools.io.remote import Access
from captools.run.printing import print_lines

POLL_SECONDS = 0.2  # between looks at whether it is to stop
GRACE_SECONDS = 3.0  # to clear up when it is to stop
Send = Callable[[str, Any], None]
log = logging.getLogger("captools")


def call(
    function: Callable[..., Any],
    paths: Sequence[str],
    *arguments: Any,
    timeout: float | None,
    may_copy: bool = True,
    **options: Any,
) -> Any:
    """Return what a function returns, or raise what it raises, called in a process of its own.

    Its messages, warnings and progress are shown here; if it yields lines, they are printed. A
    pool that this process is given is that of its crews, too.

    Parameters
    ----------
    function : callable
        It goes to the other process, with all that it is called with.
    paths : sequence of str
        The inputs, its first argument.
    timeout : float, optional
        Seconds without progress in reading an input, after which the input is a bad one.
    may_copy : bool
        Whether the other process may be a copy of this one, which is there at once.

    Raises
    ------
    BadInputs
        If its process gets no further with an input, or dies of it.
    """
    if sys.platform != "linux":  # elsewhere a copy of a process may not work
        with given(given_pool(), timeout):
            return function(paths, *arguments, **options)
    pool = given_pool()
    # A copy of this process would not have the threads that fetch from servers, or MPI's.
    may_copy = may_copy and pool is None and not any(map(is_remote, paths))
    kind = multiprocessing.get_context("fork").Process if may_copy else FreshProcess
    pipe, theirs = multiprocessing.Pipe(duplex=False)
    work = partial(function, paths, *arguments, **options)
    server = None if pool is None else Server(pool)
    line = None if server is None else server.line
    setting = _Setting(remote.used(), durable.used(), log.level, timeout, line)
    child = kind(target=_serve, args=(theirs, work, setting))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of others are idle
        child.start()
    theirs.close()  # so that the pipe ends when the process does
    if server is not None:
        server.begin()
    try:
        return _Watch(child, pipe, timeout, server).value()
    finally:
        child.terminate()
        child.join(GRACE_SECONDS)
        _kill(child)
        pipe.close()
        if server is not None:
            server.close()


def without_bad(function: Callable[..., Any], paths: Sequence[str], **options: Any) -> Any:
    """Return what `call` returns; inputs that it gets no further with are named and left out."""
    while True:
        try:
            return call(function, paths, **options)
        except BadInputs as error:
            for why in error.errors.values():
                log.error("failed: %s", why)
            kept = [path for path in paths if path not in error.errors]
            if len(kept) in (0, len(paths)):
                raise InputError("no file can be used") from None
            paths = kept


def _kill(child: BaseProcess) -> None:
    """End a process, whatever it does."""
    if child.is_alive():
        with suppress(ProcessLookupError):
            os.kill(cast(int, child.pid), signal.SIGKILL)
    child.join()


class _Watch:
    """What is heard of a process, and what that means."""

    def __init__(
        self, child: BaseProcess, pipe: Connection, timeout: float | None, server: Server | None
    ) -> None:
        self._child, self._pipe, self._timeout = child, pipe, timeout
        self._server = server
        self._now = process.Reading()
        self._bar: progress.Progress | None = None

    def value(self) -> Any:
        """Return the value of the call, when it comes."""
        heard = time.monotonic()
        try:
            while True:
                process.check()
                if self._pipe.poll(POLL_SECONDS):
                    kind, what = self._pipe.recv()
                    heard = time.monotonic()
                    if kind == "value":
                        return what
                    getattr(self, f"_{kind}")(what)
                elif self._is_stuck(time.monotonic() - heard):
                    _kill(self._child)
                    limit = self._now.limit(self._timeout)
                    raise self._stuck(f"no progress for {limit:g} s (--timeout)")
        except EOFError:
            process.check()  # what was to stop this one may have ended the other
            self._child.join()
            raise self._stuck(f"its process died ({meaning(self._child.exitcode or 0)})") from None
        finally:
            if self._bar is not None:
                self._bar.close()

    def _is_stuck(self, silent: float) -> bool:
        """Whether it was silent for too long about an input."""
        limit = self._now.limit(self._timeout)
        return self._now.path is not None and limit is not None and silent > limit

    def _stuck(self, why: str) -> CaptoolsError:
        path = self._now.path
        if path is None:
            return CaptoolsError(why)
        return BadInputs({path: f"{path}: {why}; is it damaged? fetch it again"})

    def _line(self, line: str) -> None:
        print_lines([line])

    def _error(self, error: BaseException) -> None:
        raise error

    def _reading(self, now: process.Reading) -> None:
        self._now = now

    def _log(self, said: tuple[str, int, str]) -> None:
        name, level, message = said
        logging.getLogger(name).log(level, "%s", message)

    def _warning(self, said: tuple[str, type[Warning], str, int]) -> None:
        warnings.showwarning(*said)

    def _submit(self, asked: Call) -> None:
        cast(Server, self._server).submit(asked)

    def _begin(self, total: int) -> None:
        self._bar = progress.Progress(total)

    def _step(self, failed: bool) -> None:
        if self._bar is not None:
            self._bar.update(failed)
            self._bar.log_if_due()

    def _done(self, _: None) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None


# --- in the other process ---------------------------------------------------------


class _Setting(NamedTuple):
    """What the other process has from this one."""

    access: Access
    waits: bool
    level: int  # of the log
    timeout: float | None
    line: Line | None  # to who does the parts of a fold


def _serve(pipe: Connection, function: Callable[[], Any], setting: _Setting) -> None:
    """Call the function, and say through the pipe what becomes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent says when to end
    die_with_parent()
    own_process()

    def send(kind: str, what: Any) -> None:
        pipe.send((kind, what))

    def send_warning(message: Any, *where: Any, **more: Any) -> None:
        send("warning", (str(message), *where[:3]))

    remote.use(setting.access)
    durable.use(setting.waits)
    log.handlers, log.propagate = [_Sender(send)], False
    log.setLevel(setting.level)
    process.watched_by(process.Watcher(partial(send, "reading")))
    pool = relayed(partial(send, "submit"), setting.line) if setting.line else None
    with (
        pipe,
        suppress(BrokenPipeError),
        process.interruptible(),
        progress.shown(lambda total: _Bar(total, send)),
        given(pool, setting.timeout),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("always", CaptoolsWarning)
        warnings.showwarning = send_warning
        try:
            value = function()
            if isinstance(value, Iterator):
                for line in value:
                    send("line", line)
                value = None
            send("value", value)
        except BaseException as error:
            _send_error(error, send)


def _send_error(error: BaseException, send: Send) -> None:
    error.add_note(traceback.format_exc())
    # Where a library has tblib send these, too, one that cannot be made anew would end the other.
    error.__cause__ = error.__context__ = None
    try:
        send("error", error)
    except (TypeError, AttributeError, pickle.PicklingError):  # it goes to no other process
        send("error", CaptoolsError(f"unexpected {type(error).__name__}: {one_line(error)}"))


class _Bar:
    """The progress that is shown over there."""

    def __init__(self, total: int, send: Send) -> None:
        self._send = send
        send("begin", total)

    def update(self, failed: bool) -> None:
        """Count one more input."""
        self._send("step", failed)

    def log_if_due(self) -> None:
        """Do nothing: it is done where it is shown."""

    def close(self) -> None:
        """End it."""
        self._send("done", None)


class _Sender(logging.Handler):
    """Sends what is logged."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one message: who says it, how important it is, and the words."""
        self._send("log", (record.name, record.levelno, record.getMessage()))
