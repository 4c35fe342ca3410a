"""Arcs of differences: the numbers they were made from, and those that damage changed."""

import numpy as np

STEPS = (1000, 500, 250, 200, 125, 100, 50, 40, 25, 20, 10, 8, 5, 4, 2)  # thousandths
FEW = 20  # one difference in so many that are not zero may be off the grid
LEAST_ORDER = 3  # of arcs that are looked at
NEXT = 5  # differences that a number off the grid makes be off it, at most
SEEN = 3  # so many of them must be there


def undone(differences: np.ndarray, begins: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return the numbers whose differences a Hatanaka file has.

    An arc begins with a number. Then come its first difference, the second one, and so on up to
    the arc's order; all later ones are of that order.

    Parameters
    ----------
    differences : array of int64, shape (n,)
        Arcs one after the other.
    begins : array of bool, shape (n,)
        Where an arc begins; it does at the first element.
    orders : array of int, shape (n,)
        Of the arc, where it begins.

    Returns
    -------
    array of int64, shape (n,)

    Examples
    --------
    >>> begins = np.array([True, False, False, False, False])
    >>> undone(np.array([1, 7, 12, 6, 6]), begins, np.full(5, 3)).tolist()  # cubes
    [1, 8, 27, 64, 125]
    """
    numbers = differences.copy()
    if not len(numbers):
        return numbers
    first = np.flatnonzero(begins)
    lengths = np.diff(first, append=len(numbers))
    place = np.arange(len(numbers)) - np.repeat(first, lengths)
    order = np.repeat(orders[first], lengths)
    for level in range(int(order.max()) - 1, -1, -1):
        summed = (place >= level) & (order > level)
        terms = np.where(summed, numbers, 0)
        sums = np.cumsum(terms)  # of all arcs: what was summed before an arc is taken off
        sums -= np.repeat(sums[first] - terms[first], lengths)
        numbers = np.where(summed, sums, numbers)
    return numbers


def since_begin(events: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return where there was an event since the stretch began, that element included.

    Parameters
    ----------
    events, begins : array of bool, shape (n,)
        A stretch begins at the first element.
    """
    first = np.flatnonzero(begins)
    count = np.cumsum(events)
    before = count[first] - events[first]
    return count > np.repeat(before, np.diff(first, append=len(events)))


# --- damage -------------------------------------------------------------------------


def off_grid(differences: np.ndarray, begins: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return where differences cannot be those that the receiver's numbers had.

    Numbers lie on a grid, such as 0.25. One that does not makes several differences leave the
    grid, its own and later ones that lead back. A digit that was damaged makes only one do so:
    the numbers after it would lie on a parabola off the grid.

    Parameters
    ----------
    differences : array of int64, shape (n,)
        Arcs one after the other.
    begins : array of bool, shape (n,)
        Where an arc begins.
    orders : array of int, shape (n,)
        Of the arc, where it begins.
    """
    none = np.zeros(len(differences), bool)
    changes = np.count_nonzero(differences)  # zeros, of which some columns are full, say nothing
    for step in STEPS:
        off = differences % step != 0
        count = np.count_nonzero(off)
        if count * FEW <= changes:
            return _alone(off, differences != 0, begins, orders) if count else none
    return none


def _alone(
    off: np.ndarray, changes: np.ndarray, begins: np.ndarray, orders: np.ndarray
) -> np.ndarray:
    """Return where a difference is off and the next ones of its arc are not, though some change.

    If none did, the numbers might well lie on a straight line. The first of an arc is no
    difference: all numbers of a satellite may be off by as much.
    """
    first = np.flatnonzero(begins)
    arc = np.cumsum(begins) - 1
    count = np.cumsum(changes)
    in_arc = np.append(count[first[1:] - 1], count[-1])
    alone = off & ~begins & (orders[first][arc] >= LEAST_ORDER) & (in_arc[arc] > count)
    for later in range(1, min(NEXT, len(off) - 1) + 1):
        same = arc[later:] == arc[:-later]
        alone[:-later] &= ~(off[later:] & same)
        if later <= SEEN:
            alone[:-later] &= same
            alone[-later:] = False
    return alone
