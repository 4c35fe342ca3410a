"""Differences to the numbers they were made from."""

import numpy as np


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
