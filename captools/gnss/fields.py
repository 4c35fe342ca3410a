"""Text to whole numbers, many at a time: eight characters are one word of eight bytes."""

import numpy as np

ZEROS = np.uint64(0x3030303030303030)  # "00000000"
BLANKS = np.uint64(0x2020202020202020)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIX = np.uint64(0x0606060606060606)
_LOW = np.uint64(0x0F0F0F0F0F0F0F0F)


def _u8(number: int) -> np.uint64:
    return np.uint64(number)


def are_digits(words: np.ndarray) -> np.ndarray:
    """Return where all eight characters are digits."""
    return ((words & _HIGH) == ZEROS) & (((words + _SIX) & _HIGH) == ZEROS)


def numbers(words: np.ndarray) -> np.ndarray:
    """Return the numbers of eight digits each (int64).

    Examples
    --------
    >>> numbers(np.frombuffer(b"0012345699999999", "<u8")).tolist()
    [123456, 99999999]
    """
    pairs = ((words & _LOW) * _u8(10 << 8 | 1)) >> _u8(8)
    fours = ((pairs & _u8(0x00FF00FF00FF00FF)) * _u8(100 << 16 | 1)) >> _u8(16)
    eights = ((fours & _u8(0x0000FFFF0000FFFF)) * _u8(10000 << 32 | 1)) >> _u8(32)
    return eights.astype("i8")


def last_characters(words: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return words of which only the last characters count, with zeros for the others.

    Parameters
    ----------
    words : array of uint64
        Eight characters each.
    counts : array of int
        How many of them count: from 1 to 8; of others, the word means nothing.
    """
    shift = (8 * (8 - np.clip(counts, 1, 8))).astype("u8")
    return ((words >> shift) << shift) | (ZEROS >> (_u8(63) - shift) >> _u8(1))


def first_characters(words: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return words with no more than so many (at least 1) of their first characters."""
    return words << (8 * (8 - np.clip(counts, 1, 8))).astype("u8")


def have(words: np.ndarray, character: str) -> np.ndarray:
    """Return which words have a character."""
    different = words ^ _u8(ord(character) * 0x0101010101010101)
    return ((different - _u8(0x0101010101010101)) & ~different & _u8(0x8080808080808080)) != 0


def decimals(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the thousandths of eight characters such as ``"  46.100"``, and where they are such.

    Returns
    -------
    thousandths : array of int64
        Without meaning where they are not.
    regular : array of bool
        Up to four digits, after blanks, then a point and three digits.
    """
    blanks = (~words >> _u8(4)) & _u8(0x01010101)  # of digits the bit of 16 is set, of a blank not
    filled = blanks * _u8(0xFF)  # all bits of blanks
    leading = (filled & (filled + _u8(1))) == 0
    whole = (words & _u8(0xFFFFFFFF)) | (blanks << _u8(4))
    digits = (whole << _u8(8)) | _u8(0x30) | (words & _u8(0xFFFFFF0000000000))
    true_blanks = ((words ^ BLANKS) & filled) == 0
    point = ((words >> _u8(32)) & _u8(0xFF)) == _u8(ord("."))
    return numbers(digits), leading & true_blanks & point & are_digits(digits)
