"""Polygons in longitude and latitude: rings on the sphere, laid out as plane polygons.

An edge goes the short way round, whatever its longitudes are called, and is refused if it is long
both ways; one of 180 degrees goes as it is drawn. It is straight in longitude and latitude, but for
short edges within a degree of a pole: these are straight on the ground. A ring that winds round a
pole holds the pole that is nearer, that is, the smaller part of the sphere. What can be meant in
two ways is refused.
"""

import numpy as np

NEAR_POLE_DEGREES = 89.0  # beyond, edges of polygons in a polar projection turn fast
SHORT_DEGREES = 0.45  # 50 km: who draws longer edges there means them along a parallel
PIECES = 32  # of such an edge
LONGEST_DEGREES = 90.5  # an edge that is longer both ways round may be meant either way
AT_POLE_DEGREES = 90 - 1e-9
SAME_DEGREES = 1e-9  # longitudes that differ by less are the same
EQUATOR_SHARE = 0.02  # of half the sphere: neither part is the smaller one


def laid_out(polygons: np.ndarray) -> np.ndarray:
    """Return polygons in longitude and latitude as polygons of the plane.

    Parameters
    ----------
    polygons : array of shapely polygons, shape (n,)
        Degrees.

    Returns
    -------
    array of shapely polygons, shape (m,)
        Longitudes may run past 180; where a point lies counts modulo 360.

    Raises
    ------
    ValueError
        If it cannot be decided what a ring holds.
    """
    import shapely

    coordinates, of = shapely.get_coordinates(polygons, return_index=True)
    far = (np.abs(np.diff(coordinates[:, 0])) >= 180 - SAME_DEGREES) & (np.diff(of) == 0)
    polar = np.abs(coordinates[:, 1]) > NEAR_POLE_DEGREES
    curved = np.union1d(of[1:][far], of[polar])
    plane = [_polygon(polygon) for polygon in polygons[curved]]
    others = np.delete(polygons, curved)
    return np.concatenate([others, shapely.get_parts(np.array(plane, dtype=object))])


def _polygon(polygon):
    """Return what a polygon holds: its outer ring without the holes."""
    import shapely

    outer = _ring(shapely.get_exterior_ring(polygon))
    holes = shapely.get_rings(polygon)[1:]
    if not len(holes):
        return outer
    hole = shapely.union_all(shapely.make_valid([_ring(ring) for ring in holes]))
    outer = shapely.make_valid(outer)
    west, _, east, _ = hole.bounds
    for turn in turns(outer, west, east):
        outer = outer.difference(shapely.transform(hole, lambda xy, by=turn: xy - [by, 0.0]))
    parts = shapely.get_parts(outer)
    return shapely.MultiPolygon(list(parts[shapely.get_type_id(parts) == 3]))


def turns(area, west: float, east: float) -> np.ndarray:
    """Return the multiples of 360 degrees, by which longitudes west to east may fall on an area."""
    low, _, high, _ = area.bounds
    return 360.0 * np.arange(np.ceil((west - high) / 360), np.floor((east - low) / 360) + 1)


def _ring(ring):
    """Return the polygon that a ring bounds."""
    import shapely

    lon, lat = _meridians_to_pole(*_straight_near_pole(*shapely.get_coordinates(ring).T))
    lon = lon - 360.0 * _turns_of(lon, lat)
    around = (lon[-1] - lon[0]) / 360
    if abs(around) < 0.5:
        return shapely.Polygon(np.column_stack([lon, lat]))
    if abs(around) > 1.5:
        raise ValueError(f"a ring winds {abs(around):.0f} times round a pole")
    pole = np.copysign(90.0, _mean_height(lon, lat))
    # From the point nearest to the pole, a meridian leads there without crossing the ring.
    start = int(np.argmax(lat * np.sign(pole)))
    lon = np.concatenate([lon[start:-1], lon[: start + 1] + (lon[-1] - lon[0])])
    lat = np.concatenate([lat[start:-1], lat[: start + 1]])
    lon, lat = np.append(lon, lon[[-1, 0]]), np.append(lat, [pole, pole])
    return shapely.Polygon(np.column_stack([lon, lat]))


def _mean_height(lon: np.ndarray, lat: np.ndarray) -> float:
    """Return the mean sine of the latitude along a ring round a pole: positive in the north."""
    height = np.sin(np.deg2rad(lat))
    mean = np.sum(np.diff(lon) * (height[1:] + height[:-1]) / 2) / (lon[-1] - lon[0])
    if abs(mean) < EQUATOR_SHARE:
        raise ValueError("a ring along the equator holds either pole: cut it in two at a meridian")
    return mean


def _turns_of(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return by how many turns each longitude is too large for all edges to go the short way."""
    import shapely

    step = np.diff(lon)
    polar = np.abs(lat) >= AT_POLE_DEGREES
    along_pole = polar[1:] & polar[:-1]
    rounds = np.where(along_pole, 0.0, np.rint(step / 360))
    if np.sum(np.abs(np.abs(step) - 180) < SAME_DEGREES) == 1 and not polar.any():
        raise ValueError(
            "an edge of 180 degrees may go over the pole: put a point between its ends"
        )
    shorter = 360 - np.abs(step)
    if np.any((shorter > LONGEST_DEGREES) & (shorter < 180 - SAME_DEGREES) & ~along_pole):
        raise ValueError(
            "an edge of 180 to 270 degrees may go either way round: put points between its ends"
        )
    whole = (rounds != 0) & (np.abs(step - 360 * rounds) < SAME_DEGREES)
    short, drawn = _summed(rounds), _summed(np.where(whole, 0.0, rounds))
    if not whole.any():
        return short
    as_drawn = shapely.Polygon(np.column_stack([lon - 360 * drawn, lat]))
    is_drawn = abs(lon[-1] - lon[0]) < 1 and as_drawn.area > 0 and as_drawn.is_valid
    if not is_drawn:
        return short
    flat = lon - 360 * short
    is_short = abs(flat[-1] - flat[0]) > 1 or _area(flat, lat) > SAME_DEGREES
    if is_short and not polar.any():
        raise ValueError(
            "an edge of 360 degrees may go all the way round or not at all: put points between "
            "its ends, or leave one of them out"
        )
    return drawn


def _summed(rounds: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(rounds)])


def _area(x: np.ndarray, y: np.ndarray) -> float:
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2


def _straight_near_pole(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a ring with more points on its short edges near a pole."""
    radius, angle = 90 - np.abs(lat), np.deg2rad(lon)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    length = np.hypot(np.diff(x), np.diff(y))
    near = (np.abs(lat[1:]) > NEAR_POLE_DEGREES) & (np.abs(lat[:-1]) > NEAR_POLE_DEGREES)
    near &= (np.sign(lat[1:]) == np.sign(lat[:-1])) & (length > 0) & (length < SHORT_DEGREES)
    at = np.flatnonzero(near)
    if not len(at):
        return lon, lat
    share = np.arange(1, PIECES) / PIECES
    more_x = x[at, None] + share * (x[at + 1] - x[at])[:, None]
    more_y = y[at, None] + share * (y[at + 1] - y[at])[:, None]
    more_lon = np.rad2deg(np.arctan2(more_y, more_x))
    more_lat = np.sign(lat[at])[:, None] * (90 - np.hypot(more_x, more_y))
    where = np.repeat(at + 1, PIECES - 1)
    return np.insert(lon, where, more_lon.ravel()), np.insert(lat, where, more_lat.ravel())


def _meridians_to_pole(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a ring of which the edges to and from a pole run along meridians."""
    polar = np.abs(lat) >= AT_POLE_DEGREES
    if not polar.any() or polar.all():
        return lon, lat
    start = int(np.argmin(polar))  # a point that is not on a pole: the ring begins and ends there
    lon, lat, polar = (
        np.append(np.roll(one[:-1], -start), one[start]) for one in (lon, lat, polar)
    )
    ends = np.diff(polar.astype(np.int8))
    entered, left = np.flatnonzero(ends == 1), np.flatnonzero(ends == -1) + 1
    kept = np.flatnonzero(~polar)
    new_lon = np.column_stack([lon[entered], lon[left]]).ravel()
    new_lat = np.repeat(np.sign(lat[entered + 1]) * 90.0, 2)
    where = np.repeat(np.searchsorted(kept, left), 2)
    return np.insert(lon[kept], where, new_lon), np.insert(lat[kept], where, new_lat)
