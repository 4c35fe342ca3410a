"""Sums of parts that follow each other, of which nothing is ever taken off again.

The sum of a segment's parts is that of the last parts of one group and the first parts of the next.
So what was loud before leaves no rounding in what is quiet.
"""

from collections.abc import Callable

import numpy as np


class Sums:
    """Sums of so many parts, the first from part 0 on, each next one from one part later on.

    Parameters
    ----------
    count : int
        Parts of a sum.
    shape, dtype
        Of a part.
    """

    def __init__(
        self,
        count: int,
        shape: tuple[int, ...],
        dtype: np.dtype,
    ):
        self.count = count
        self.last, self.next = np.empty((2, count, *shape), dtype)
        self.first, self.whole = np.empty((2, *shape), dtype)

    def begin(self) -> None:
        """Begin with part 0."""
        self.number = 0

    def advance(self, write: Callable[[int, np.ndarray], None]) -> tuple[int, np.ndarray]:
        """Return the next sum, which is not to be changed, and its place in the group.

        `write` writes the part of a number into an array; called once for each, in their order.
        It is not kept: what has sums would never be free of itself.
        """
        place = self.number % self.count
        if not self.number:
            for number in range(self.count - 1):
                write(number, self.next[number])
        new = self.next[place - 1]
        write(self.number + self.count - 1, new)
        self.number += 1
        if place:
            np.copyto(self.first, new) if place == 1 else np.add(self.first, new, out=self.first)
            return place, np.add(self.last[place], self.first, out=self.whole)
        self.last, self.next = self.next, self.last
        for number in reversed(range(self.count - 1)):
            self.last[number] += self.last[number + 1]
        return place, self.last[0]
