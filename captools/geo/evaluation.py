"""Arithmetic of whole arrays at once, by numexpr.

On one thread: the cores are busy with other inputs. It takes as long to import as a small granule
to read, hence only where it computes.
"""

from collections.abc import Mapping
from functools import cache, cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # products import this before help is shown, and numpy is slow to import
    import numpy as np


def evaluate(expression: str, values: Mapping[str, "np.ndarray"]) -> "np.ndarray":
    """Return what an expression makes of arrays, by name."""
    return _numexpr().evaluate(expression, local_dict=values, global_dict={})


class Expression:
    """An expression of arrays of doubles that is used often: not looked up by its text each time.

    What stands in it twice is computed once.

    Parameters
    ----------
    text : str
        As numexpr takes it; numbers are doubles.
    *names : str
        Those of the arrays, in the order in which they are given.

    Examples
    --------
    >>> import numpy as np
    >>> Expression("a * a + 1", "a").of(np.array([1.0, 2]))
    array([2., 5.])
    """

    def __init__(self, text: str, *names: str) -> None:
        self._text, self._names = text, names

    @cached_property
    def _compiled(self) -> Any:
        import numpy as np

        return _numexpr().NumExpr(self._text, [(name, np.double) for name in self._names])

    def of(self, *arrays: "np.ndarray") -> "np.ndarray":
        """Return what it makes of arrays."""
        return self._compiled(*arrays)


@cache
def _numexpr() -> ModuleType:
    import numexpr

    numexpr.set_num_threads(1)
    return numexpr
