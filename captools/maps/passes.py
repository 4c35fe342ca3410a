"""Which pass of a satellite each point is of: one number for all that tells tracks apart."""

from collections.abc import Iterable, Mapping

import numpy as np

Identity = tuple[tuple[str, object], ...]


class Passes:
    """Passes as they turn up, numbered from 0.

    Examples
    --------
    >>> passes = Passes()
    >>> passes.number({"rgt": np.array([7, 7, 9])}, {"spot": 1}, 3)
    array([0, 0, 1], dtype=uint32)
    >>> passes[1]
    {'rgt': 9, 'spot': 1}
    """

    def __init__(self) -> None:
        self._numbers: dict[Identity, int] = {}
        self._known: list[Identity] = []

    def __getitem__(self, number: int) -> dict[str, object]:
        """Return what the points of a pass have in common."""
        return dict(self._known[number])

    def __len__(self) -> int:
        return len(self._known)

    def number(
        self, columns: Mapping[str, np.ndarray], same: Mapping[str, object], rows: int
    ) -> np.ndarray:
        """Return the number of the pass of each point.

        Parameters
        ----------
        columns : mapping of str to array, shape (rows,)
            What tells their tracks apart, NaN where it is not known.
        same : mapping of str to object
            What is the same for all of them.
        rows : int
            Points.
        """
        if not columns or not rows:
            return np.full(rows, self._number_of(same.items()), np.uint32)
        table = np.stack([np.asarray(one, np.float64) for one in columns.values()], axis=1)
        table = np.nan_to_num(table, nan=-1.0)
        differs = np.any(table[1:] != table[:-1], axis=1)
        starts = np.concatenate([[0], np.flatnonzero(differs) + 1])  # few: tracks are in a row
        found, place = np.unique(table[starts], axis=0, return_inverse=True)
        numbers = [
            self._number_of([*_known(columns, values), *same.items()]) for values in found.tolist()
        ]
        lengths = np.diff(starts, append=rows)
        return np.repeat(np.array(numbers, np.uint32)[place.ravel()], lengths)

    def _number_of(self, items: Iterable[tuple[str, object]]) -> int:
        identity = tuple(items)
        if identity not in self._numbers:
            self._numbers[identity] = len(self._known)
            self._known.append(identity)
        return self._numbers[identity]


def _known(names: Iterable[str], values: list[float]) -> list[tuple[str, object]]:
    """Return names with whole numbers, without those that are not known."""
    return [(name, int(value)) for name, value in zip(names, values, strict=True) if value >= 0]
