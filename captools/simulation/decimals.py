"""Many numbers as text at once: rows of bytes, and rows joined to lines."""

import numpy as np

BLANK, MINUS, ZERO = b" -0"
NEWLINE = ord("\n")


def decimals(values: np.ndarray, width: int, least: int = 1) -> np.ndarray:
    """Return whole numbers as text, right-aligned.

    Parameters
    ----------
    values : array of int, shape (n,)
        Of at most `width` digits, one less if negative.
    width : int
        Bytes for each.
    least : int
        Digits that each has at least, with zeros in front.

    Returns
    -------
    array of uint8, shape (n, width)
        ASCII; 0 where a number needs no byte.

    Examples
    --------
    >>> [row.tobytes() for row in decimals(np.array([7, -120]), 5, least=2)]
    [b'\\x00\\x00\\x0007', b'\\x00-120']
    """
    rows = np.zeros((len(values), width), "u1")
    rest, at = np.abs(values), np.arange(len(values))
    first = np.full(len(values), width)
    for column in range(width - 1, -1, -1):
        if width - column > least:
            at, rest = at[rest > 0], rest[rest > 0]
        if not len(at):
            break
        quotient = rest // 10
        rows[at, column] = rest - 10 * quotient + ZERO
        first[at], rest = column, quotient
    negative = np.flatnonzero(values < 0)
    rows[negative, first[negative] - 1] = MINUS
    return rows


def lines(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows as lines, without blanks at their ends.

    Parameters
    ----------
    rows : array of uint8, shape (n, width)
        ASCII; 0 stands for no byte.

    Returns
    -------
    array of uint8, shape (bytes,)
        The text.
    array of int, shape (n + 1,)
        Where each line begins, and the end.
    """
    count, width = rows.shape
    shown = rows > BLANK
    ends = np.where(shown.any(axis=1), width - shown[:, ::-1].argmax(axis=1), 0)
    ended = np.concatenate([rows, np.zeros((count, 1), "u1")], axis=1)
    ended[np.arange(count), ends] = NEWLINE
    kept = (ended > 0) & (np.arange(width + 1) <= ends[:, None])
    return ended[kept], np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
