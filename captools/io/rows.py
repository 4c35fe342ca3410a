"""Which rows are wanted, and the chunks that hold them."""

from collections.abc import Iterable
from typing import cast

import numpy as np


class RowSelection:
    """Indices of rows, strictly increasing, that are read of many columns.

    Which chunk holds which of them is worked out once for all columns whose
    chunks are of one length.

    Parameters
    ----------
    rows : array of int, shape (n,)
        The indices.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows
        self._chunks: dict[tuple[int, int], list[tuple[int, slice, np.ndarray | slice]]] = {}

    def chunks(self, count: int, length: int) -> list[tuple[int, slice, np.ndarray | slice]]:
        """Return for each chunk with a picked row where it begins, and which rows it holds.

        Parameters
        ----------
        count, length : int
            Rows of the column, and of a chunk.

        Returns
        -------
        list of (int, slice, array of int or slice)
            The chunk's first row, the places of its rows among the picked ones, and in it.
        """
        if (count, length) not in self._chunks:
            edges = np.searchsorted(self.rows, np.arange(0, count + length, length)).tolist()
            self._chunks[count, length] = [
                (offset, slice(first, last), _plain(self.rows[first:last] - offset))
                for offset, first, last in zip(
                    range(0, count, length), edges, edges[1:], strict=False
                )
                if first < last
            ]
        return self._chunks[count, length]


def _plain(rows: np.ndarray) -> np.ndarray | slice:
    """Return increasing indices, as a range if none is left out."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first == len(rows) - 1 else rows


Rows = slice | np.ndarray | RowSelection | None  # a range, increasing indices, or all


def span_of(rows: Rows, count: int) -> tuple[int, int]:
    """Return the first of the wanted rows and the one behind the last."""
    if isinstance(rows, RowSelection):
        return (int(rows.rows[0]), int(rows.rows[-1]) + 1) if len(rows.rows) else (0, 0)
    start, stop, _ = cast(slice, rows or slice(None)).indices(count)
    return start, max(start, stop)


def chunks_of(rows: Rows, count: int, length: int) -> Iterable[int]:
    """Return the first rows of the chunks that hold one of the wanted rows."""
    if isinstance(rows, RowSelection):
        return [offset for offset, *_ in rows.chunks(count, length)]
    return offsets_of(*span_of(rows, count), length)


def offsets_of(start: int, stop: int, length: int) -> range:
    """Return the first rows of the chunks that hold rows from `start` up to `stop`."""
    return range(start - start % length, stop, length) if stop > start else range(0)


def positions_of(rows: np.ndarray, among: np.ndarray) -> np.ndarray | None:
    """Return where the rows stand among others (both increasing), None if one does not."""
    if len(rows) > len(among):
        return None
    at = np.searchsorted(among, rows)
    return at if np.array_equal(among.take(at, mode="clip"), rows) else None
