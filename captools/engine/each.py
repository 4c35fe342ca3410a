"""A function done to many items, each in a process of its own; values come in the items' order.

What hangs or kills its process costs its own item only.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from captools import process
from captools.engine.local import local
from captools.engine.pool import Pool
from captools.engine.work import Result, Work
from captools.errors import CaptoolsError, InputError, unexpected
from captools.io import durable, remote
from captools.io.remote import Access
from captools.process import Stop

BATCH_ITEMS = 1000  # within a batch a value may wait for that of an earlier item


def each(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    jobs: int | None = None,
    timeout: float | None = None,
) -> Generator[tuple[Any, Any], None, None]:
    """Yield each item with the value of a function of it, in the order of the items.

    Memory is that of a batch of values at most. Nothing is copied of this process, which may
    have used a library that does not bear it.

    Parameters
    ----------
    function : callable
        It goes to other processes, as do the items, and its values come from there.
    items : sequence
        What it is called with.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    timeout : float, optional
        Seconds after which an item has failed.

    Yields
    ------
    (item, value)
        Instead of the value a `CaptoolsError`, if the function raised one, or a bug, or its
        process died or took too long.
    """
    work = as_work(function)
    with local(jobs) as pool, closing(in_order(pool, work, items, timeout)) as values:
        yield from zip(items, values, strict=True)


def in_order(
    pool: Pool,
    work: Work,
    items: Sequence[Any],
    timeout: float | None = None,
    hear: Callable[[Any], None] = lambda outcome: None,
) -> Generator[Any, None, None]:
    """Do a piece of work to items and yield the outcomes in the order of the items.

    Parameters
    ----------
    pool : Pool
        Who does it.
    work : Work
        What is done.
    items : sequence
        To what.
    timeout : float, optional
        Seconds for an item.
    hear : callable, optional
        Called with each outcome as it comes, before its turn; with None now and then.
    """
    for start in range(0, len(items), BATCH_ITEMS):
        batch = items[start : start + BATCH_ITEMS]
        early: dict[int, Any] = {}
        turn = 0
        with closing(pool.run(_Numbered(work), enumerate(batch), Stop(), timeout)) as results:
            for result in results:
                process.check()
                if result is None:
                    hear(None)
                    continue
                number, outcome = result.outcome
                hear(outcome)
                early[number] = outcome
                while turn in early:
                    yield early.pop(turn)
                    turn += 1


@dataclass(frozen=True)
class _Numbered:
    """A piece of work to be done to items with their numbers, which outcomes get, too."""

    work: Work

    def __call__(self, item: tuple[int, Any]) -> Result:
        """Do one item."""
        number, what = item
        return _with_number(number, self.work(what))

    def lost(
        self, item: tuple[int, Any], why: str, died: bool = False, reading: str | None = None
    ) -> Result:
        """Return the result of an item that was not seen to end by itself."""
        number, what = item
        return _with_number(number, self.work.lost(what, why, died, reading))


def _with_number(number: int, result: Result) -> Result:
    return result._replace(outcome=(number, result.outcome))


def _item_is_bad(item: Any, why: str, reading: str | None) -> CaptoolsError:
    """Return the error of an item that cost its process: it is the one that was read."""
    return InputError(f"{item}: {why}")


def as_work(
    function: Callable[[Any], Any],
    blame: Callable[[Any, str, str | None], CaptoolsError] = _item_is_bad,
) -> Work:
    """Return a function as a piece of work, whose outcome is its value, or what is wrong.

    `blame` returns the error of an item that was lost: called with it, why, and what was read.
    """
    return _Call(function, blame, remote.used(), durable.used())


@dataclass(frozen=True)
class _Call:
    """What `as_work` returns."""

    function: Callable[[Any], Any]
    blame: Callable[[Any, str, str | None], CaptoolsError]
    access: Access
    durable: bool

    def __call__(self, item: Any) -> Result:
        """Call it with one item."""
        remote.use(self.access)
        durable.use(self.durable)
        try:
            return Result(self.function(item))
        except CaptoolsError as error:
            return Result(error)
        except Exception as error:  # a bug of ours must not cost the other items
            return Result(CaptoolsError(unexpected(item, error)))

    def lost(self, item: Any, why: str, died: bool = False, reading: str | None = None) -> Result:
        """Return the end of an item that was not seen to end by itself."""
        return Result(self.blame(item, why, reading), died=died)
