"""Which rows to keep: pure functions from arrays to boolean masks."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from captools.geo import coords
from captools.geo.groups import Groups
from captools.geo.surfaces import SCALED_MAD

SEGMENT_STEP_METRES = 20.0  # between the centres of consecutive ATL06 segments


def check_box(bbox: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return the lon/lat box (w, e, s, n) if it is one.

    Raises
    ------
    ValueError
        If a value is out of range, or south is not below north.
    """
    w, e, s, n = (float(value) for value in bbox)
    text = f"box {w:g} {e:g} {s:g} {n:g} (W E S N)"
    is_in_metres = max(map(abs, (w, e, s, n))) > 360
    metres = "; metres go with --extent, of steps that have it" if is_in_metres else ""
    if not (-180 <= w <= 360 and -180 <= e <= 360):
        raise ValueError(f"{text}: W and E must lie within -180 to 360 degrees{metres}")
    if not (-90 <= s <= 90 and -90 <= n <= 90):
        raise ValueError(f"{text}: S and N must lie within -90 to 90 degrees{metres}")
    if w - e in (0, 360) or not s < n:
        raise ValueError(f"{text} is empty: S must be below N, and W differ from E")
    return w, e, s, n


def check_extent(extent: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return the box (xmin, xmax, ymin, ymax) in projected units if it is one.

    Raises
    ------
    ValueError
        If a value is not finite, or a minimum is not below its maximum.
    """
    xmin, xmax, ymin, ymax = (float(value) for value in extent)
    if not (np.isfinite([xmin, xmax, ymin, ymax]).all() and xmin < xmax and ymin < ymax):
        raise ValueError(
            f"extent {xmin:g} {xmax:g} {ymin:g} {ymax:g} (XMIN XMAX YMIN YMAX) is empty"
        )
    return xmin, xmax, ymin, ymax


def in_box(lon: np.ndarray, lat: np.ndarray, bbox: tuple[float, float, float, float]) -> np.ndarray:
    """Return which points lie in a lon/lat box, its edges included.

    Parameters
    ----------
    lon, lat : arrays of float, shape (n,)
        Degrees; longitudes as -180..180 or 0..360.
    bbox : (w, e, s, n)
        Degrees. Going east from w to e; w > e crosses the antimeridian.

    Returns
    -------
    array of bool, shape (n,)

    Examples
    --------
    >>> in_box(np.array([179.5, -179.5, 0.0]), np.zeros(3), (179, -179, -1, 1))
    array([ True,  True, False])
    """
    w, e, s, n = check_box(bbox)
    inside = (lat >= s) & (lat <= n) & np.isfinite(lon)
    if e - w >= 360:
        return inside
    while e < w:
        e += 360
    return inside & (coords.wrap(np.where(inside, lon, np.nan), w) <= e)


def in_extent(
    x: np.ndarray, y: np.ndarray, extent: tuple[float, float, float, float]
) -> np.ndarray:
    """Return which points lie in a box (xmin, xmax, ymin, ymax), its edges included.

    Examples
    --------
    >>> in_extent(np.array([1.0, 2.0, np.nan]), np.array([0.0, 5.0, 0.0]), (0, 2, -1, 1))
    array([ True, False, False])
    """
    xmin, xmax, ymin, ymax = extent
    return (xmin <= x) & (x <= xmax) & (ymin <= y) & (y <= ymax)


def in_span(t: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Return which times lie in the half-open span ``span[0] <= t < span[1]``, same unit."""
    return (t >= span[0]) & (t < span[1])


def check_tolerance(tolerance: float) -> float:
    """Return a tolerance in metres if it is one; ValueError if it is not positive."""
    if not 0 < float(tolerance) < np.inf:
        raise ValueError(f"tolerance {tolerance} must be a positive number of metres")
    return float(tolerance)


def segments_agree(
    h: np.ndarray, slope: np.ndarray, segment_id: np.ndarray, tolerance: float
) -> np.ndarray:
    """Return which segments have the height that their neighbours predict.

    The neighbour before predicts ``h + 20 m * slope`` and the one behind
    ``h - 20 m * slope``, each with its own height and along-track slope; every
    prediction there is must hold within the tolerance. Only the next segments
    of the ground track are neighbours: across a gap in `segment_id`, or beside
    a segment without height or slope (NaN), nothing is predicted. The purpose
    is that of ``segment_diff_filter`` in CAPToolkit's readatl06.

    Parameters
    ----------
    h : array of float, shape (n,)
        Heights in metres.
    slope : array of float, shape (n,)
        ``dh_fit_dx``, dimensionless, along the direction of flight.
    segment_id : array of int, shape (n,)
        Counts 20 m segments along the track; increasing.
    tolerance : float
        Metres.

    Returns
    -------
    array of bool, shape (n,)

    Examples
    --------
    >>> h, ids = np.array([0.0, 1.0, 9.0]), np.array([7, 8, 9])
    >>> segments_agree(h, np.full(3, 0.05), ids, 2.0)
    array([ True, False, False])
    """
    h = np.asarray(h, dtype=np.float64)
    rise = SEGMENT_STEP_METRES * np.asarray(slope, dtype=np.float64)
    adjacent = np.diff(segment_id) == 1
    too_far_ahead = np.abs(h[:-1] + rise[:-1] - h[1:]) > tolerance
    too_far_behind = np.abs(h[1:] - rise[1:] - h[:-1]) > tolerance
    agree = np.ones(len(h), dtype=bool)
    agree[1:] &= ~(adjacent & too_far_ahead)
    agree[:-1] &= ~(adjacent & too_far_behind)
    return agree


def cells(x: np.ndarray, y: np.ndarray, t: np.ndarray, width: float, length: float) -> np.ndarray:
    """Return a number for each point, the same for all points of a cell in space and time.

    Parameters
    ----------
    x, y, t : arrays of float, shape (n,)
        Finite places and times.
    width, length : float
        Of a cell, in the units of x and y, and of t.

    Returns
    -------
    array of int64, shape (n,)
        Different for different cells, as long as there are less than two million along each axis.

    Examples
    --------
    >>> a, b, c = cells(np.array([1.0, 9.0, 11.0]), np.zeros(3), np.zeros(3), 10.0, 1.0)
    >>> bool(a == b), bool(a == c)
    (True, False)
    """
    number = np.zeros(len(x), np.int64)
    for values, step in ((x, width), (y, width), (t, length)):
        number <<= 21
        number += np.floor(values / step).astype(np.int64) & 0x1FFFFF
    return number


def far_from_median(
    values: np.ndarray, cell: np.ndarray, nmad: float, most: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Return which values are far from the median of their cell.

    Far is more than `nmad` scaled median absolute deviations: 1.4826 times the
    median distance from the median, which is the standard deviation for normal
    errors (Rousseeuw and Croux 1993). Where more than half of the values are
    equal, any other is far. The purpose is that of CAPToolkit's filtst.

    Parameters
    ----------
    values : array of float, shape (n,)
        Finite.
    cell : array of int, shape (n,)
        The cell of each.
    nmad : float
        How far is too far.
    most : float
        What is too far in any cell, in the units of the values.

    Returns
    -------
    far : array of bool, shape (n,)
    count : array of int, shape (n,)
        How many values the cell of each has.

    Examples
    --------
    >>> far_from_median(np.array([1.0, 2.0, 3.0, 99.0]), np.zeros(4, int), 10.0)[0]
    array([False, False, False,  True])
    """
    groups = Groups(cell)
    distance = np.abs(values - groups.medians(values)[groups.index])
    limit = nmad * (SCALED_MAD * groups.medians(distance))
    return distance > np.minimum(limit, most)[groups.index], groups.counts[groups.index]


def around(
    x: np.ndarray, y: np.ndarray, width: float, radius: float
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the points that lie around cells, for each way from a point's own cell to another.

    Parameters
    ----------
    x, y : arrays of float, shape (n,)
        Finite places.
    width : float
        Of a cell, in the units of x and y.
    radius : float
        How far from the middle of a cell a point may lie; all of the cell's own points count.

    Yields
    ------
    points : array of int, shape (m,)
        The numbers of the points that lie around such a cell.
    x, y : arrays of float, shape (m,)
        The middle of that cell. The first cells are those of the points themselves.
    """
    middle_x, middle_y = ((np.floor(place / width) + 0.5) * width for place in (x, y))
    reach = int(radius / width + 0.5)
    yield np.arange(len(x)), middle_x, middle_y
    for right, up in product(range(-reach, reach + 1), repeat=2):
        if (right, up) != (0, 0):
            of_x, of_y = middle_x + right * width, middle_y + up * width
            points = np.flatnonzero(np.hypot(x - of_x, y - of_y) <= radius)
            yield points, of_x[points], of_y[points]
