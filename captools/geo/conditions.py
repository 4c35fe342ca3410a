"""Conditions in words, such as ``s_li < 1 and is_asc``: columns, numbers and operators, no more.

Formulas are the same, but give numbers.
"""

import ast
from collections.abc import Callable, Mapping
from functools import cache, reduce
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # products import this before help is shown, and numpy is slow to import
    import numpy as np

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)


class Condition:
    """A condition on the columns of rows.

    Parameters
    ----------
    words : str
        Column names, numbers, ``+ - * / % **``, ``abs()``, comparisons (``0 < x < 1``
        too), ``and``, ``or``, ``not`` and brackets, as in Python; ``flag & 24``
        are the bits of 24 that are set in a column of whole numbers.

    Attributes
    ----------
    columns : tuple of str
        The columns it needs.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> Condition("0 < h_li < 10 and not is_asc").columns
    ('h_li', 'is_asc')
    """

    def __init__(self, words: str) -> None:
        self.words = words
        try:
            tree = ast.parse(words.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(f"condition {words!r}: is not understood") from None
        names: dict[str, None] = {}
        self._bits: dict[str, tuple[str, int]] = {}  # what stands for a test of bits
        self._expression = ast.unparse(self._plain(tree, names))
        self.columns = tuple(names)
        if not names:
            raise ValueError(f"condition {words!r}: names no column")

    def holds(self, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """Return for which rows it holds; not where NaN is compared, but by ``!=``.

        All numbers are doubles, whatever the columns are stored as.

        Raises
        ------
        ValueError
            If it is a number, not a condition.
        """
        return self._checked(
            lambda values: _numexpr().evaluate(self._expression, local_dict=values, global_dict={}),
            columns,
        )

    def holds_for_few(self, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """Return the same as `holds`, without numexpr, whose import takes as long as a granule.

        Raises
        ------
        ValueError
            If it is a number, not a condition.
        """
        return self._checked(self._computed, columns)

    def _computed(self, values: dict[str, "np.ndarray"]) -> "np.ndarray":
        """Return what numpy makes of the expression, in which nothing but arithmetic is left."""
        import numpy as np

        with np.errstate(all="ignore"):
            return eval(self._expression, {"__builtins__": {}, "abs": abs}, values)

    def _checked(
        self, compute: Callable[[dict[str, "np.ndarray"]], "np.ndarray"], columns: Mapping
    ) -> "np.ndarray":
        try:
            held = compute(self._values(columns))
        except (TypeError, NotImplementedError, ArithmeticError):
            held = None  # such as `not h_li`
        if held is None or held.dtype != bool:
            raise ValueError(
                f"condition {self.words[:80]!r}: is not true or false: "
                "compare the numbers (q_flag == 0)"
            )
        return held

    def _values(self, columns: Mapping[str, "np.ndarray"]) -> dict[str, "np.ndarray"]:
        """Return what the names of the expression stand for."""
        values = {name: _double(columns[name]) for name in self.columns}
        for name, (column, mask) in self._bits.items():
            values[name] = _bits(column, columns[column], mask)
        return values

    def _plain(self, node: ast.expr, names: dict[str, None]) -> ast.expr:
        """Return the node as numexpr takes it, if it is one of those allowed."""
        match node:
            case ast.Name():
                names[node.id] = None
                return node
            case ast.Constant(value=bool()):
                return node
            case ast.Constant(value=int() | float() as number):
                return ast.Constant(self._number(number))
            case ast.UnaryOp(op=ast.Not()):
                return ast.UnaryOp(ast.Invert(), self._plain(node.operand, names))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                return ast.UnaryOp(node.op, self._plain(node.operand, names))
            case ast.BinOp() if isinstance(node.op, _OPERATORS):
                left, right = self._plain(node.left, names), self._plain(node.right, names)
                return ast.BinOp(left, node.op, right)
            case ast.BinOp(
                left=ast.Name() as column, op=ast.BitAnd(), right=ast.Constant(value=int() as mask)
            ) if not isinstance(mask, bool) and 0 < mask < 1 << 63:
                return self._tested(column, mask, names)
            case ast.Call(func=ast.Name(id="abs"), args=[value], keywords=[]):
                return ast.Call(node.func, [self._plain(value, names)], [])
            case ast.BoolOp():
                both = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
                values = [self._plain(value, names) for value in node.values]
                return reduce(lambda left, right: ast.BinOp(left, both, right), values)
            case ast.Compare():
                return self._compared(node, names)
        raise ValueError(
            f"condition {self.words!r}: {ast.unparse(node)!r} is not allowed: column names, "
            "numbers, + - * / % **, abs(), comparisons, and, or, not, and COLUMN & BITS"
        )

    def _tested(self, column: ast.Name, mask: int, names: dict[str, None]) -> ast.expr:
        """Return what stands for the bits of a mask that are set in a column."""
        name = f"_bits_{mask}_of_{column.id}"
        self._bits[name] = column.id, mask
        names[column.id] = None
        return ast.Name(name)

    def _number(self, value: float) -> float:
        """Return a number as a double, as which no power of others takes for ever."""
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"condition {self.words[:80]!r}: has too large a number") from None

    def _compared(self, node: ast.Compare, names: dict[str, None]) -> ast.expr:
        """Return ``a < b < c`` as ``(a < b) & (b < c)``."""
        if not all(isinstance(op, _COMPARISONS) for op in node.ops):
            raise ValueError(f"condition {self.words!r}: compare with < <= > >= == !=")
        if not any(isinstance(part, ast.Name) for part in ast.walk(node)):
            raise ValueError(f"condition {self.words!r}: {ast.unparse(node)!r} names no column")
        sides = [self._plain(side, names) for side in (node.left, *node.comparators)]
        pairs: list[ast.expr] = [
            ast.Compare(left, [op], [right])
            for left, op, right in zip(sides[:-1], node.ops, sides[1:], strict=True)
        ]
        return reduce(lambda left, right: ast.BinOp(left, ast.BitAnd(), right), pairs)


class Formula(Condition):
    """A number computed from columns, such as ``elev + sat - d_ellip``; parameters as above.

    Examples
    --------
    >>> import numpy as np
    >>> Formula("a - abs(b)").of({"a": np.array([3.0]), "b": np.array([-1.0])})
    array([2.])
    """

    def of(self, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """Return its value for each row, as doubles; NaN where a column has none.

        Raises
        ------
        ValueError
            If it is a condition, not a number.
        """
        try:
            values = self._computed(self._values(columns))
        except (TypeError, ArithmeticError):
            values = None
        if values is None or values.dtype != "f8":
            raise ValueError(f"formula {self.words[:80]!r}: is not a number")
        return values


def _bits(name: str, values: "np.ndarray", mask: int) -> "np.ndarray":
    """Return the bits of a mask that are set in whole numbers, as doubles."""
    if values.dtype.kind not in "iu":
        raise ValueError(f"condition: {name} & {mask}: {name} is no column of whole numbers")
    return (values.astype("i8") & mask).astype("f8")


def _double(values: "np.ndarray") -> "np.ndarray":
    return values if values.dtype == bool else values.astype("f8")


@cache
def _numexpr() -> ModuleType:
    """Return numexpr, on one thread: the cores are busy with other inputs."""
    import numexpr

    numexpr.set_num_threads(1)
    return numexpr
