"""A pool of another process, such as the first rank of MPI: calls go there, values come back.

So a process that may have to be ended, since it reads what HDF5 may read for ever, has work done by
those that only its parent reaches.
"""

import multiprocessing
import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from captools.engine.pool import Pool
from captools.engine.worker import in_worker


class Line(NamedTuple):
    """What a process has of those who work for it elsewhere."""

    answers: Connection  # where values come from
    size: int  # how many items to have under way


Call = tuple[int, Callable[..., Any], tuple[Any, ...]]


class Server:
    """Does for another process what that asks for.

    Parameters
    ----------
    pool : Pool
        By whom.

    Attributes
    ----------
    line : Line
        What the other process needs to be given.
    """

    def __init__(self, pool: Pool) -> None:
        theirs, self._answers = multiprocessing.Pipe(duplex=False)
        self.line = Line(theirs, pool.size())
        self._executor = pool.executor
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Leave its end of the pipe to the other process, so that the pipe ends with that."""
        self.line.answers.close()

    def close(self) -> None:
        """Send no more values: the other process has ended."""
        with self._lock:
            self._answers.close()

    def submit(self, call: Call) -> None:
        """Have a call done."""
        number, function, arguments = call
        future = self._executor.submit(function, *arguments)
        future.add_done_callback(partial(self._answer, number))

    def _answer(self, number: int, future: Future) -> None:
        error = CancelledError() if future.cancelled() else future.exception()
        value = None if error else future.result()
        with self._lock, suppress(OSError):  # who asked may have been ended
            try:
                self._answers.send((number, value, error))
            except (TypeError, AttributeError, pickle.PicklingError) as why:
                self._answers.send((number, None, RuntimeError(str(why))))


class _Relay(Executor):
    """Has calls done by another process."""

    def __init__(self, ask: Callable[[Call], None], answers: Connection) -> None:
        self._ask = ask
        self._numbers = count()
        self._waiting: dict[int, Future] = {}
        threading.Thread(target=self._hear, args=(answers,), daemon=True).start()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **more: Any) -> Future:
        """Have a function called with arguments that go to other processes."""
        number = next(self._numbers)
        future: Future = Future()
        self._waiting[number] = future
        self._ask((number, function, arguments))
        return future

    def _hear(self, answers: Connection) -> None:
        try:
            for number, value, error in _received(answers):
                future = self._waiting.pop(number)
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)
        except Exception as error:  # nobody hears any more: nobody shall wait
            for future in list(self._waiting.values()):
                future.set_exception(error)


def _received(answers: Connection) -> Iterator[Any]:
    while True:
        yield answers.recv()


def relayed(ask: Callable[[Call], None], line: Line) -> Pool:
    """Return the pool that a `Server` in another process has.

    Parameters
    ----------
    ask : callable
        Brings a call to `Server.submit` there.
    line : Line
        Of the server.
    """
    # What is under way is ended by the process that has the workers.
    return Pool(_Relay(ask, line.answers), in_worker, lambda: line.size, lambda code: None)
