"""Systems and codes as numbers, as arrays hold them and sums are sorted by them."""

import numpy as np

from captools.gnss.choice import NUMBERINGS
from captools.gnss.observations import Cells


def system_numbers(systems: np.ndarray, numbering: str) -> np.ndarray:
    """Return the numbers (uint8) of systems given as letters (S1).

    Examples
    --------
    >>> system_numbers(np.array([b"G", b"E"]), "earthscope").tolist()
    [1, 4]
    """
    table = np.zeros(256, np.uint8)
    for system, number in NUMBERINGS[numbering].items():
        table[ord(system)] = number
    return table[np.ascontiguousarray(systems, "S1").view(np.uint8)]


def system_letters(numbers: np.ndarray, numbering: str) -> np.ndarray:
    """Return the letters (S1) of systems given as numbers; ? of a number that is none."""
    table = np.full(256, b"?", "S1")
    for system, number in NUMBERINGS[numbering].items():
        table[number] = system
    return table[numbers]


def code_numbers(codes: np.ndarray) -> np.ndarray:
    """Return the numbers (uint16) of codes (S2): 256 times the first character, and the second.

    Examples
    --------
    >>> code_numbers(np.array([b"1C"])).tolist()
    [12611]
    """
    return np.ascontiguousarray(codes, "S2").view(">u2").astype(np.uint16)


def code_letters(numbers: np.ndarray) -> np.ndarray:
    """Return the codes (S2) of numbers.

    Examples
    --------
    >>> code_letters(np.array([12611]))
    array([b'1C'], dtype='|S2')
    """
    return np.ascontiguousarray(numbers, ">u2").view("S2")


def series_numbers(cells: Cells) -> np.ndarray:
    """Return system (its letter), satellite and code of cells as one number each (int64, 32 bits).

    Examples
    --------
    >>> time, system, satellite = np.array([0], "M8[ms]"), np.array([b"G"]), np.array([5], "u1")
    >>> series_numbers(Cells(time, system, satellite, np.array([b"1C"]))).tolist() == [0x47053143]
    True
    """
    system = np.ascontiguousarray(cells.system, "S1").view("u1").astype(np.int64)
    return system << 24 | cells.satellite.astype(np.int64) << 16 | code_numbers(cells.code)
