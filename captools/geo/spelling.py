"""What is meant by a condition or formula that is not written as Python writes it."""

import re

# What other languages write, and what is meant; the first that is found is named.
_MEANT = (
    (r"&&", "write and in place of &&"),
    (r"\|\|", "write or in place of ||"),
    (r"\b(?:AND|OR|NOT)\b", "write and, or, not in small letters"),
    (r"<>", "write != in place of <>"),
    (r"=<|=>", "write <= or >="),
    (r"!(?!=)", "write not in place of !"),
    (r"(?<![<>=!])=(?!=)", "write == to compare"),
    (r"[^&]&[^&]|[^|]\|[^|]", "write and, or between comparisons; bits are COLUMN & NUMBER"),
    (r"~", "write not in place of ~"),
    (r"\^", "write ** for a power"),
)
_CLOSES = {")": "(", "]": "[", "}": "{"}


def meant(words: str) -> str:
    """Return what was probably meant, as a remedy; "" if nothing is known.

    Examples
    --------
    >>> meant("h_li < 1 && is_asc"), meant("(h_li < 1"), meant("h_li < 1")
    ('write and in place of &&', 'a bracket ( is not closed', '')
    """
    for pattern, remedy in _MEANT:
        if re.search(pattern, words):
            return remedy
    return _brackets(words)


def _brackets(words: str) -> str:
    """Return which bracket is wrong, "" if none is."""
    opened: list[str] = []
    for sign in words:
        if sign in _CLOSES.values():
            opened.append(sign)
        elif sign in _CLOSES and (not opened or opened.pop() != _CLOSES[sign]):
            return f"a bracket {sign} closes none"
    return f"a bracket {opened[-1]} is not closed" if opened else ""
