"""Rows in the order of a key, for more rows than memory holds.

A sample of the keys says where to cut. The rows between two cuts go to a bucket
on disk, and each bucket is sorted by itself.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from captools.flat.buckets import Buckets
from captools.flat.table import Table


def sample(values: np.ndarray, stride: int, seen: int = 0) -> np.ndarray:
    """Return one of every so many values, shape (..., n), of a block.

    Parameters
    ----------
    values : array, shape (..., rows)
        The block.
    stride : int
        Rows for each one that is returned.
    seen : int
        Rows of the blocks before, to count on from them.

    Examples
    --------
    >>> sample(np.arange(5), 3), sample(np.arange(5, 9), 3, seen=5)
    (array([0, 3]), array([6]))
    """
    return values[..., -seen % stride :: stride].copy()  # a view would hold the whole block


def find_cuts(sampled: np.ndarray, stride: int, bucket_rows: int) -> np.ndarray:
    """Return the keys that cut rows into buckets of about so many, increasing.

    Parameters
    ----------
    sampled : array, shape (n,)
        Keys, one of every `stride` rows.
    stride, bucket_rows : int
        Rows for each sampled key, and of a bucket.

    Examples
    --------
    >>> find_cuts(np.array([7, 1, 5, 3, 9]), 10, 20)
    array([5, 9])
    """
    step = bucket_rows // stride
    return np.sort(sampled)[step::step]


def in_order(
    blocks: Iterable[Table],
    key: Callable[[dict[str, np.ndarray]], np.ndarray],
    cuts: np.ndarray,
    folder: Path,
    most: int | None = None,
) -> Iterator[Table]:
    """Yield all rows in the order of a key; those of equal keys stay in order, NaN come last.

    Parameters
    ----------
    blocks : iterable of Table
        The rows.
    key : callable
        Returns the keys of the rows, shape (rows,), of their columns.
    cuts : array
        Where to cut, increasing.
    folder : Path
        Where the buckets are kept meanwhile.
    most : int, optional
        Rows sorted together. A larger bucket is sorted in pieces of so many, which is enough
        where the order is a matter of neighbourhood; by default it is sorted as a whole.
    """
    with Buckets(folder) as buckets:
        for table in blocks:
            between = np.searchsorted(cuts, key(table.columns), side="right")
            buckets.add(between, table.columns)
        for number, rows in sorted(buckets.rows.items()):
            for table in buckets.blocks(number, rows if most is None else min(most, rows)):
                yield table.where(np.argsort(key(table.columns), kind="stable"))
