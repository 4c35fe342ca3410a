"""Whole numbers in conditions: their bits, and comparisons for which doubles are too coarse."""

import ast
import operator
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # conditions are imported before help is shown, and numpy is slow to import
    import numpy as np

COMPARISONS = {
    **{ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge},
    **{ast.Eq: operator.eq, ast.NotEq: operator.ne},
}
_COARSE = 1 << 53  # from here on, some whole numbers are no doubles


def bits(name: str, values: "np.ndarray", mask: int) -> "np.ndarray":
    """Return the bits of a mask that are set in whole numbers, as doubles.

    Raises
    ------
    ValueError
        If they are no whole numbers.
    """
    if values.dtype.kind not in "iu":
        raise ValueError(f"condition: {name} & {mask}: {name} is no column of whole numbers")
    return as_double(values.astype("i8") & mask)


def is_whole(side: ast.expr) -> bool:
    """Return whether a side of a comparison may be beyond doubles: a column, or such a number."""
    return isinstance(side, ast.Name) or abs(_number(side)) >= _COARSE


def compared(pair: ast.Compare, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
    """Return for which rows it holds that two columns, or one and a number, compare so.

    Whole numbers are compared as such, others as doubles. What is masked compares as NaN does.
    """
    import numpy as np

    sides = [
        columns[side.id] if isinstance(side, ast.Name) else _number(side)
        for side in (pair.left, *pair.comparators)
    ]
    compare = COMPARISONS[type(pair.ops[0])]
    if all(isinstance(side, int) or side.dtype.kind in "iu" for side in sides):
        held = compare(*sides)
    else:
        held = compare(*(float(x) if isinstance(x, int) else as_double(x) for x in sides))
    return np.ma.filled(held, isinstance(pair.ops[0], ast.NotEq))


def as_double(values: "np.ndarray") -> "np.ndarray":
    """Return numbers as doubles, NaN where they are masked; true and false stay."""
    if values.dtype == bool:
        return values
    doubles = values.astype("f8")
    return doubles.filled(float("nan")) if hasattr(doubles, "filled") else doubles


def _number(side: ast.expr) -> int:
    """Return the whole number that is written, 0 if it is something else."""
    with suppress(ValueError, TypeError):
        number = ast.literal_eval(side)
        return number if type(number) is int else 0
    return 0
