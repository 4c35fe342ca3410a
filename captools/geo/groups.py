"""Values in groups: sums and medians of each group."""

import numpy as np


class Groups:
    """Which rows belong together.

    Parameters
    ----------
    keys : array of int, shape (rows,)
        The group of each row: any numbers.

    Attributes
    ----------
    index : array of int, shape (rows,)
        The group of each row, from 0.
    counts : array of int, shape (groups,)
        The rows of each group.

    Examples
    --------
    >>> groups = Groups(np.array([7, 3, 7]))
    >>> groups.counts[groups.index], groups.medians(np.array([1.0, 5.0, 2.0]))[groups.index]
    (array([2, 1, 2]), array([1.5, 5. , 1.5]))
    """

    def __init__(self, keys: np.ndarray) -> None:
        order = np.argsort(keys)
        self._starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order][:1] - 1))
        self.counts = np.diff(self._starts, append=len(keys))
        self.index = np.empty(len(keys), np.int64)
        self.index[order] = np.repeat(np.arange(len(self._starts)), self.counts)

    def medians(self, values: np.ndarray) -> np.ndarray:
        """Return the median of each group of finite values, shape (groups,)."""
        # By value, then by group and place in that order, as one number: a quarter of lexsort.
        by_value = np.argsort(values)
        ranked = self.index[by_value] << 32 | np.arange(len(values))
        ranked.sort()
        ordered = values[by_value[ranked & 0xFFFFFFFF]]
        low, high = (self._starts + half for half in ((self.counts - 1) // 2, self.counts // 2))
        return (ordered[low] + ordered[high]) / 2

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of each group of values, shape (groups,)."""
        return np.bincount(self.index, values, len(self.counts))

    def means(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each group of values, shape (groups,)."""
        return self.sums(values) / self.counts
