"""Who does the parts of a fold: this process, if it is alone, or the workers of an engine.

A fold cuts its work into parts that depend on its inputs alone, and joins what comes of them in
their order: so it makes the same bytes whoever does them.
"""

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from captools import process
from captools.engine import check_engine, pool_of
from captools.engine.each import as_work, in_order
from captools.engine.pool import Pool
from captools.errors import BadInputs, CaptoolsError, CaptoolsWarning

# The pool of MPI, which gives a process one only, from its start; and how long a part may take.
_given: ContextVar[tuple[Pool | None, float | None]] = ContextVar("given", default=(None, None))


@contextmanager
def given(pool: Pool | None, timeout: float | None) -> Iterator[None]:
    """Let crews of the block be this pool, if there is one, and give up what gets no further."""
    token = _given.set((pool, timeout))
    try:
        yield
    finally:
        _given.reset(token)


def given_pool() -> Pool | None:
    """Return the pool that crews are given, if there is one."""
    return _given.get()[0]


class Crew:
    """Those who do the parts of a fold; a context, for its workers stay from one fold to the next.

    Parameters
    ----------
    engine : {"local", "mpi", "dask"}
        Where the work is done.
    jobs : int, optional
        Processes; by default the cores that this one may use. One is this process itself.
    scheduler : str, optional
        Of a dask cluster that runs.
    may_copy : bool
        Whether workers may be copies of this process, which are there at once.

    Examples
    --------
    >>> with Crew(jobs=1) as crew:
    ...     list(crew.each(abs, [-1, 2]))
    [(-1, 1), (2, 2)]
    """

    def __init__(
        self,
        engine: str = "local",
        jobs: int | None = None,
        scheduler: str | None = None,
        may_copy: bool = False,
    ) -> None:
        check_engine(engine, scheduler)
        self._is_local = engine == "local"
        self._is_alone = self._is_local and (jobs or process.workers()) == 1
        self._engine = engine, jobs, scheduler
        self._may_copy = may_copy
        self._opened = ExitStack()
        self._pool: Pool | None = None
        self._said: set[str] = set()  # warnings, which come from all parts of an input alike

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    def each(
        self, function: Callable[[Any], Any], items: Sequence[Any]
    ) -> Generator[tuple[Any, Any], None, None]:
        """Yield each item with the value of a function of it, in the order of the items.

        Instead of the value it is a `CaptoolsError`, if one was raised; of an item that cost its
        process it is `BadInputs`, if a file was being read. Warnings are warned here.
        """
        if self._is_alone or (self._is_local and len(items) < 2):
            for item in items:
                process.check()
                yield item, _value(function, item)
            return
        pool, timeout = _given.get()
        self._pool = self._pool or pool or self._new_pool()
        work = as_work(_Heard(function), _blame)
        with closing(in_order(self._pool, work, items, timeout)) as values:
            for item, value in zip(items, values, strict=True):
                if not isinstance(value, CaptoolsError):
                    value, said = value
                    self._warn(said)
                yield item, value

    def _warn(self, said: list[str]) -> None:
        for message in said:
            if message not in self._said:
                self._said.add(message)
                warnings.warn(message, CaptoolsWarning, stacklevel=4)

    def _new_pool(self) -> Pool:
        pool = self._opened.enter_context(pool_of(*self._engine))
        if self._may_copy:
            pool.begin(pool.size())
        return pool


def _blame(item: Any, why: str, reading: str | None) -> CaptoolsError:
    """Return the error of a part that cost its process: the file is bad that was being read."""
    if reading is None:
        return CaptoolsError(f"{item}: {why}")
    return BadInputs({reading: f"{reading}: {why}"})


def _value(function: Callable[[Any], Any], item: Any) -> Any:
    try:
        return function(item)
    except CaptoolsError as error:
        return error


@dataclass(frozen=True)
class _Heard:
    """A function whose warnings go with its value, for nobody hears those of a worker."""

    function: Callable[[Any], Any]

    def __call__(self, item: Any) -> tuple[Any, list[str]]:
        """Call it with one item."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", CaptoolsWarning)
            value = self.function(item)
        return value, [str(one.message) for one in said if one.category is CaptoolsWarning]
