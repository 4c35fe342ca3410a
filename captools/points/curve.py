"""A Hilbert curve through points: what is near along it is near in space."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

CURVE_BITS = 16  # of a coordinate along the curve: 100 m in Antarctica
NOWHERE = np.int64(1) << (2 * CURVE_BITS)  # beyond the curve: for rows without a place
_TABLE_BITS = 8


class Curve:
    """A Hilbert curve through bounds.

    Parameters
    ----------
    bounds : array of float, shape (4,)
        xmin, ymin, xmax, ymax; infinite if there is no point.

    Examples
    --------
    >>> Curve(np.array([0.0, 0.0, 1.0, 1.0])).along(np.array([0.0, np.nan]), np.array([0.0, 1.0]))
    array([         0, 4294967296])
    """

    def __init__(self, bounds: np.ndarray) -> None:
        self.bounds = bounds

    def along(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return for each point how far along the curve it lies, `NOWHERE` if it has no place."""
        places = hilbert(self._cells(x, 0), self._cells(y, 1))
        nowhere = ~(np.isfinite(x) & np.isfinite(y))
        if nowhere.any():
            places[nowhere] = NOWHERE
        return places

    def _cells(self, values: np.ndarray, axis: int) -> np.ndarray:
        # Halved, so that bounds as wide as all numbers do not overflow.
        low, high = self.bounds[axis] / 2, self.bounds[axis + 2] / 2
        scale = (1 << CURVE_BITS) / (high - low) if high > low else 0.0
        with np.errstate(invalid="ignore"):
            cells = (values.astype(np.float64, copy=False) / 2 - low) * scale
            np.clip(cells, 0, (1 << CURVE_BITS) - 1, out=cells)
            return np.nan_to_num(cells, copy=False, nan=0.0).astype(np.uint16)


def bounds_of(points: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return xmin, ymin, xmax, ymax of points; infinite if there is none."""
    bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
    for x, y in points:
        if len(x):
            bounds[:2] = np.minimum(bounds[:2], [x.min(), y.min()])
            bounds[2:] = np.maximum(bounds[2:], [x.max(), y.max()])
    return bounds


def hilbert(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return how far along the Hilbert curve cells of a square of 2**CURVE_BITS lie.

    The curve goes through all cells, each time to a neighbour.

    Examples
    --------
    >>> hilbert(np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1]))
    array([0, 1, 2, 3])
    """
    low = (1 << _TABLE_BITS) - 1
    tables = _tables()
    column, row = column.astype(np.uint16, copy=False), row.astype(np.uint16, copy=False)
    coarse = (column & ~np.uint16(low)) | row >> _TABLE_BITS
    mask, is_turned = tables.mask[coarse], tables.is_turned[coarse]
    column, row = (column ^ mask) & low, (row ^ mask) & low
    turned = np.where(is_turned, row << _TABLE_BITS | column, column << _TABLE_BITS | row)
    return (tables.along[coarse].astype(np.int64) << 2 * _TABLE_BITS) | tables.along[turned]


class _Tables:
    """What the upper bits of cells say; an index is the bits of the column, then of the row.

    Attributes
    ----------
    along : array of int
        How far along the curve.
    mask, is_turned : arrays
        How the curve lies within: mirrored if the mask has all bits, and transposed or not.
    """

    def __init__(self) -> None:
        index = np.arange(1 << 2 * _TABLE_BITS)
        column, row = index >> _TABLE_BITS, index & (1 << _TABLE_BITS) - 1
        along, flip = np.zeros_like(index), np.zeros(len(index), bool)
        self.is_turned = np.zeros(len(index), bool)
        for bit in reversed(range(_TABLE_BITS)):
            right, upper = column >> bit & 1, row >> bit & 1
            along = along << 2 | 3 * right ^ upper
            # In the lower quarters the curve is transposed, in the lower right one also mirrored.
            mirrored = (right == 1) & (upper == 0)
            column[mirrored], row[mirrored] = ~column[mirrored], ~row[mirrored]
            column, row = np.where(upper, column, row), np.where(upper, row, column)
            flip ^= mirrored
            self.is_turned ^= upper == 0
        self.along = along.astype(np.uint16)
        self.mask = flip * np.uint16((1 << _TABLE_BITS) - 1)


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    return _Tables()
