"""Conditions in words, such as ``s_li < 1 and is_asc``: columns, numbers and operators, no more.

Formulas are the same, but give numbers.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from captools.geo.evaluation import evaluate
from captools.geo.spelling import meant
from captools.geo.whole_numbers import COMPARISONS, as_double, bits, compared, is_whole

if TYPE_CHECKING:  # products import this before help is shown, and numpy is slow to import
    import numpy as np

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Pow)
_DEEPEST = 100  # operations within one another: far from where Python gives up
_SHORT = 150  # parts that numexpr takes; it has room for 255, and for some columns
_SHORT_COLUMNS = 30


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
    equated : frozenset of (str, number)
        Columns, and what they are to be equal to, or not.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> Condition("0 < h_li < 10 and not is_asc").columns
    ('h_li', 'is_asc')
    """

    kind: ClassVar[str] = "condition"

    def __init__(self, words: str) -> None:
        self.words = words
        if not words.strip():
            raise self._error("is empty: name columns (h_li < 1000)")
        try:
            tree = ast.parse(words.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._error(meant(words) or "is not understood") from None
        self._check_depth(tree)
        self.equated = frozenset(_equated(tree))
        names: dict[str, None] = {}
        self._bits: dict[str, tuple[str, int]] = {}  # what stands for a test of bits
        self._exact: dict[str, ast.Compare] = {}  # what stands for a comparison beyond doubles
        plain = self._plain(tree, names)
        self._expression = ast.unparse(plain)
        parts = sum(isinstance(part, ast.expr) for part in ast.walk(plain))
        self._is_short = parts <= _SHORT and len(names) <= _SHORT_COLUMNS
        self.columns = tuple(names)
        if not names:
            raise self._error("names no column")

    def holds(self, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """Return for which rows it holds; not where NaN is compared, but by ``!=``.

        All numbers are doubles, whatever the columns are stored as, but where a column of
        whole numbers is compared with another one or with a number beyond 2**53; what a
        masked array masks is NaN.

        Raises
        ------
        ValueError
            If it is a number, not a condition.
        """
        return self._checked(self._evaluated if self._is_short else self._computed, columns)

    def holds_for_few(self, columns: Mapping[str, "np.ndarray"]) -> "np.ndarray":
        """Return the same as `holds`, without numexpr, whose import takes as long as a granule.

        Raises
        ------
        ValueError
            If it is a number, not a condition.
        """
        return self._checked(self._computed, columns)

    def _evaluated(self, values: dict[str, "np.ndarray"]) -> "np.ndarray":
        """Return what numexpr makes of the expression."""
        return evaluate(self._expression, values)

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
            raise self._error("is not true or false: compare the numbers (q_flag == 0)")
        return held

    def _values(self, columns: Mapping[str, "np.ndarray"]) -> dict[str, "np.ndarray"]:
        """Return what the names of the expression stand for."""
        values = {name: as_double(columns[name]) for name in self.columns}
        for name, (column, mask) in self._bits.items():
            values[name] = bits(column, columns[column], mask)
        for name, comparison in self._exact.items():
            values[name] = compared(comparison, columns)
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
                self._check_constant(node.op, left, right)
                return ast.BinOp(left, node.op, right)
            case ast.BinOp(
                left=ast.Name() as column, op=ast.BitAnd(), right=ast.Constant(value=int() as mask)
            ) if not isinstance(mask, bool) and 0 < mask < 1 << 63:
                return self._tested(column, mask, names)
            case ast.Call(func=ast.Name(id="abs"), args=[value], keywords=[]):
                return ast.Call(node.func, [self._plain(value, names)], [])
            case ast.BoolOp():
                both = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
                return _joined([self._plain(value, names) for value in node.values], both)
            case ast.Compare():
                return self._compared(node, names)
        raise self._error(
            meant(self.words)
            or f"{ast.unparse(node)[:80]!r} is not allowed: column names, numbers, "
            "+ - * / % **, abs(), comparisons, and, or, not, and COLUMN & BITS"
        )

    def _error(self, what: str) -> ValueError:
        words = self.words if len(self.words) <= 80 else f"{self.words[:77]}..."
        return ValueError(f"{self.kind} {words!r}: {what}")

    def _check_depth(self, tree: ast.expr) -> None:
        """Raise ValueError if more operations lie within one another than can be followed."""
        level: list[ast.AST] = [tree]
        for _ in range(_DEEPEST):
            level = [
                inner
                for node in level
                for inner in ast.iter_child_nodes(node)
                if isinstance(inner, ast.expr)
            ]
        if level:
            raise self._error(f"has more than {_DEEPEST} operations in one: make it of several")

    def _check_constant(self, op: ast.operator, left: ast.expr, right: ast.expr) -> None:
        """Raise ValueError if an operation with a constant has no result whatever the rows are."""
        if _value(right) == 0 and isinstance(op, ast.Div | ast.Mod):
            raise self._error("divides by zero")
        try:
            value = _value(ast.BinOp(left, op, right))
        except ZeroDivisionError:
            raise self._error("divides by zero") from None
        except OverflowError:
            raise self._error("has too large a number") from None
        if isinstance(value, complex):
            raise self._error("has the root of a negative number")

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
            raise self._error("has too large a number") from None

    def _compared(self, node: ast.Compare, names: dict[str, None]) -> ast.expr:
        """Return ``a < b < c`` as ``(a < b) & (b < c)``."""
        if not all(type(op) in COMPARISONS for op in node.ops):
            raise self._error("compare with < <= > >= == !=")
        if not any(isinstance(part, ast.Name) for part in ast.walk(node)):
            raise self._error(f"{ast.unparse(node)[:80]!r} names no column")
        sides = [node.left, *node.comparators]
        pairs = [
            self._pair(ast.Compare(left, [op], [right]), names)
            for left, op, right in zip(sides[:-1], node.ops, sides[1:], strict=True)
        ]
        return _joined(pairs, ast.BitAnd())

    def _pair(self, pair: ast.Compare, names: dict[str, None]) -> ast.expr:
        """Return a comparison, or what stands for it where doubles could be too coarse."""
        left, right = (self._plain(side, names) for side in (pair.left, *pair.comparators))
        if not (is_whole(pair.left) and is_whole(pair.comparators[0])):
            return ast.Compare(left, pair.ops, [right])
        name = f"_compared_{len(self._exact)}"
        self._exact[name] = pair
        return ast.Name(name)


class Formula(Condition):
    """A number computed from columns, such as ``elev + sat - d_ellip``; parameters as above.

    Examples
    --------
    >>> import numpy as np
    >>> Formula("a - abs(b)").of({"a": np.array([3.0]), "b": np.array([-1.0])})
    array([2.])
    """

    kind: ClassVar[str] = "formula"

    @property
    def is_sum(self) -> bool:
        """Whether it only adds and subtracts columns and numbers."""
        parts = ast.walk(ast.parse(self._expression, mode="eval"))
        others = (ast.Mult, ast.Div, ast.Mod, ast.Pow)
        return not self._bits and not any(isinstance(part, others) for part in parts)

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
            raise self._error("is not a number")
        return values


def _joined(parts: list[ast.expr], op: ast.operator) -> ast.expr:
    """Return parts with `&` or `|` between them, within one another as little as possible."""
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)  # an odd one is left
        odd = parts[len(parts) // 2 * 2 :]
        parts = [*(ast.BinOp(left, op, right) for left, right in pairs), *odd]
    return parts[0]


def _value(node: ast.expr) -> float | complex | None:
    """Return the value of an expression of constants, None if it names a column."""
    if any(isinstance(part, ast.Name) and part.id != "abs" for part in ast.walk(node)):
        return None
    return eval(ast.unparse(node), {"__builtins__": {}, "abs": abs})


def _equated(tree: ast.expr) -> Iterator[tuple[str, float]]:
    """Yield the columns that ``==`` or ``!=`` compares with a number, and the number."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for op, *pair in zip(node.ops, sides, sides[1:], strict=False):
                for column, number in (pair, pair[::-1]):
                    if isinstance(op, ast.Eq | ast.NotEq) and isinstance(column, ast.Name):
                        with suppress(ValueError, TypeError):
                            yield column.id, float(ast.literal_eval(number))
