"""Range and mean of columns that come in blocks; values that are missing do not count."""

import numpy as np

from captools.description.description import Statistics


class Accumulator:
    """What the values of a column add up to.

    Parameters
    ----------
    fill : number, optional
        What stands for no value.

    Examples
    --------
    >>> tally = Accumulator(fill=127)
    >>> tally.add(np.array([1, 127, 4], "i1"))
    >>> tally.statistics()
    Statistics(missing=1, low=1.0, mean=2.5, high=4.0)
    """

    def __init__(self, fill: object = None) -> None:
        self._fill = fill
        self._rows = self._known = 0
        self._sum = 0.0
        self._low, self._high = np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        """Take in values, shape (n,)."""
        known = values if self._fill is None else values[values != self._fill]
        known = known[np.isfinite(known)]
        self._rows += len(values)
        self._known += len(known)
        if len(known):
            self._sum += float(np.sum(known, dtype="f8"))
            self._low = min(self._low, float(known.min()))
            self._high = max(self._high, float(known.max()))

    def statistics(self) -> Statistics:
        """Return what was found."""
        if not self._known:
            return Statistics(self._rows, None, None, None)
        mean = self._sum / self._known
        return Statistics(self._rows - self._known, self._low, mean, self._high)


class Direction:
    """Whether rows ascend, descend, or both."""

    def __init__(self) -> None:
        self._found: set[bool] = set()

    def add(self, ascending: np.ndarray) -> None:
        """Take in what says of rows whether they ascend, shape (n,)."""
        self._found |= set(np.unique(ascending).astype(bool).tolist())

    @property
    def name(self) -> str:
        """``ascending``, ``descending`` or ``both``; "" of no row."""
        if len(self._found) == 2:
            return "both"
        return {(True,): "ascending", (False,): "descending"}.get(tuple(self._found), "")
