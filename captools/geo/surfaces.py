"""How far values lie above a surface through the values around them."""

from itertools import product

import numpy as np

from captools.geo.groups import Groups

SCALED_MAD = 1.4826  # times the median distance: the standard deviation of normal errors
BISQUARE = 4.685  # scaled MADs beyond which a value does not count (Beaton and Tukey 1974)
ROUNDS = 10
ROUNDING = 1e-9  # of the largest value: what lies that near the surface lies on it
SQUARES = 9  # along the side of a cell


def above_plane(x: np.ndarray, y: np.ndarray, values: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return how far values lie above the plane of their cell.

    The plane is fitted so that few values far off do not move it: by least absolute
    deviations, and from there by Tukey's bisquare weights. Where the places of a cell
    lie on a line, it has no slope across.

    Parameters
    ----------
    x, y : arrays of float, shape (n,)
        Finite places.
    values : array of float, shape (n,)
        Finite.
    cell : array of int, shape (n,)
        The cell of each.

    Returns
    -------
    array of float, shape (n,)

    Examples
    --------
    >>> x = np.arange(9.0)
    >>> above_plane(x, x % 2, 5 + 3 * x + 50 * (x == 4), np.zeros(9, int)).round(6)
    array([ 0.,  0.,  0.,  0., 50.,  0.,  0.,  0.,  0.])
    """
    groups = Groups(cell)
    terms = _terms(x, y, groups)
    level = values - groups.medians(values)[groups.index]
    least = ROUNDING * _largest(values, groups)
    above, weights = level, np.ones(len(values))
    for turn in range(2 * ROUNDS):
        above = level - _fitted(terms, level, weights, groups)
        above[np.abs(above) <= least] = 0.0
        weights = _absolute(above, least, groups) if turn < ROUNDS else _bisquare(above, groups)
    return above


def above_medians(
    x: np.ndarray, y: np.ndarray, values: np.ndarray, cell: np.ndarray, width: float
) -> np.ndarray:
    """Return how far values lie above the median of those around them.

    Around a value are those of its cell in the same square and in the eight squares that
    touch it. A value that is alone there has nothing to differ from.

    Parameters
    ----------
    x, y, values, cell
        As for `above_plane`.
    width : float
        Of a cell, in the units of x and y; that of a square is a ninth.

    Returns
    -------
    array of float, shape (n,)

    Examples
    --------
    >>> x = np.array([0.5, 0.6, 0.7, 5.0])
    >>> above_medians(x, np.zeros(4), np.array([1.0, 2.0, 9.0, 7.0]), np.zeros(4, int), 9.0)
    array([-1.,  0.,  7.,  0.])
    """
    groups = Groups(cell)
    column, row = (_counted(place, width / SQUARES, groups) for place in (x, y))
    steps = sorted(product((0, -1, 1), repeat=2), key=lambda step: step != (0, 0))
    side = max(column.max(initial=0), row.max(initial=0)) + 3
    squares = [
        (groups.index * side + column + right + 1) * side + row + up + 1 for right, up in steps
    ]
    around = Groups(np.concatenate(squares))  # the squares of the values themselves come first
    medians = around.medians(np.tile(values, len(steps)))
    return values - medians[around.index[: len(values)]]


def _counted(places: np.ndarray, width: float, groups: Groups) -> np.ndarray:
    """Return in which square, counted from the first of its cell, each place lies."""
    number = np.floor(places / width).astype(np.int64)
    first = np.full(len(groups.counts), np.iinfo(np.int64).max)
    np.minimum.at(first, groups.index, number)
    return number - first[groups.index]


def _largest(values: np.ndarray, groups: Groups) -> np.ndarray:
    """Return for each value the largest absolute one of its group."""
    largest = np.zeros(len(groups.counts))
    np.maximum.at(largest, groups.index, np.abs(values))
    return largest[groups.index]


def _terms(x: np.ndarray, y: np.ndarray, groups: Groups) -> np.ndarray:
    """Return 1, x and y from the middle of each group and of its size, shape (3, n)."""
    middle = [place - groups.means(place)[groups.index] for place in (x, y)]
    size = _largest(np.hypot(*middle), groups)
    return np.stack([np.ones(len(x)), *(place / np.where(size, size, 1.0) for place in middle)])


def _fitted(
    terms: np.ndarray, values: np.ndarray, weights: np.ndarray, groups: Groups
) -> np.ndarray:
    """Return the plane of weighted least squares of each group, at each of its values."""
    normal = np.empty((len(groups.counts), 3, 3))
    right = np.empty((len(groups.counts), 3, 1))
    for one in range(3):
        right[:, one, 0] = groups.sums(weights * terms[one] * values)
        for other in range(3):
            normal[:, one, other] = groups.sums(weights * terms[one] * terms[other])
    factors = np.linalg.pinv(normal, rcond=1e-10, hermitian=True) @ right
    return np.einsum("tn,nt->n", terms, factors[groups.index, :, 0])


def _absolute(above: np.ndarray, least: np.ndarray, groups: Groups) -> np.ndarray:
    """Return weights that turn least squares into least absolute deviations."""
    distance = np.abs(above)
    usual = 1e-3 * groups.means(distance)[groups.index]
    return 1.0 / np.maximum(np.maximum(distance, usual), np.where(least, least, 1.0))


def _bisquare(above: np.ndarray, groups: Groups) -> np.ndarray:
    """Return weights that fall from 1 on the surface to 0 far from it."""
    reach = BISQUARE * SCALED_MAD * groups.medians(np.abs(above))[groups.index]
    share = np.abs(above) / np.where(reach, reach, 1.0)
    return np.where(reach, np.clip(1.0 - share**2, 0.0, None) ** 2, above == 0.0)
