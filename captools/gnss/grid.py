"""The grid on which a receiver's numbers lie, and arcs that leave it through damage."""

import numpy as np

STEPS = (1000, 500, 250, 200, 125, 100, 50, 40, 25, 20, 10, 8, 5, 4, 2)  # thousandths
HIGHEST_ORDER = 5  # of differences
FEW = 100  # one in so many differences may be damaged


def off_grid(differences: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return where differences cannot be those that the receiver's numbers had.

    Numbers lie on a grid, such as 0.25. One that does not makes several differences leave the
    grid, its own and later ones that lead back; a digit that was damaged makes only one do so.

    Parameters
    ----------
    differences : array of int64, shape (n,)
        Arcs one after the other.
    begins : array of bool, shape (n,)
        Where an arc begins.
    """
    none = np.zeros(len(differences), bool)
    for step in STEPS:
        off = differences % step != 0
        count = np.count_nonzero(off)
        if count * FEW <= len(off):
            return _alone(off, begins) if count else none
    return none


def _alone(off: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return where none of the next ones of an arc is off; of its last one that says nothing."""
    arc = np.cumsum(begins)
    alone = off.copy()
    alone[-1] = False
    alone[:-1] &= arc[1:] == arc[:-1]
    for later in range(1, HIGHEST_ORDER + 1):
        alone[:-later] &= ~(off[later:] & (arc[later:] == arc[:-later]))
    return alone
