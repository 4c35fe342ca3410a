"""Outlines of squares of a projection in longitude and latitude, as GeoJSON wants them."""

import numpy as np

from captools.geo import coords

ON_POLE_METRES = 1e-4  # a point nearer than this is on the pole
ACCURACY = 1e-3  # of the outlines in the index, as a share of the size of a tile
_LONLAT = "EPSG:4326"


def geometry(square: tuple[float, float, float, float], crs: str) -> dict | None:
    """Return a square in `crs` as GeoJSON, in longitude and latitude.

    Its edges are followed within a thousandth of its size. It is cut at the antimeridian,
    and reaches along it to a pole that it holds. None if the CRS does not reach so far.
    """
    x, y = _ring(square, crs)
    size = square[1] - square[0]
    for _ in range(20):
        lon, lat = _followed(x, y, crs)
        if not np.isfinite(lon + lat).all():
            return None
        middle_x, middle_y = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
        there_x, there_y = coords.project((lon[1:] + lon[:-1]) / 2, (lat[1:] + lat[:-1]) / 2, crs)
        off = np.flatnonzero(np.hypot(there_x - middle_x, there_y - middle_y) > size * ACCURACY)
        if not len(off):
            break
        x, y = np.insert(x, off + 1, middle_x[off]), np.insert(y, off + 1, middle_y[off])
    if abs(lon[-1] - lon[0]) > 180 and abs(lat[0]) < 90:
        rings = [_around_pole(lon[:-1], lat[:-1])]
    else:
        rings = _cut(lon, lat)
    polygons = [[_closed(ring)] for ring in rings]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _ring(square: tuple[float, float, float, float], crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return points along the edges of a square, counterclockwise, the first one also as last.

    Where the edges come closest to a pole there is a point, and on a pole they begin.
    """
    poles = np.transpose(coords.project(np.zeros(2), np.array([-90.0, 90.0]), crs))
    xmin, xmax, ymin, ymax = square
    xs, ys = _sampled(xmin, xmax, poles[:, 0]), _sampled(ymin, ymax, poles[:, 1])
    x = np.concatenate([xs, np.full(len(ys) - 2, xmax), xs[::-1], np.full(len(ys) - 2, xmin)])
    y = np.concatenate(
        [np.full(len(xs), ymin), ys[1:-1], np.full(len(xs), ymax), ys[-2:0:-1]],
    )
    for pole in poles:
        on = np.flatnonzero(np.hypot(x - pole[0], y - pole[1]) < ON_POLE_METRES)
        if len(on):
            x, y = np.roll(x, -on[0]), np.roll(y, -on[0])
    return np.append(x, x[0]), np.append(y, y[0])


def _sampled(low: float, high: float, more: np.ndarray) -> np.ndarray:
    """Return five values from `low` to `high`, and those of `more` that lie between."""
    inside = more[(more > low + ON_POLE_METRES) & (more < high - ON_POLE_METRES)]
    return np.union1d(np.linspace(low, high, 5), inside)


def _followed(x: np.ndarray, y: np.ndarray, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Return lon and lat of a ring, lon without jumps (and hence beyond 180)."""
    lon, lat = coords.transform(x, y, crs, _LONLAT)
    if abs(lat[0]) > 90 - 2 * ON_POLE_METRES * 1e-5:  # a pole has no longitude of its own
        lat[[0, -1]] = np.copysign(90.0, lat[0])
        lon[0], lon[-1] = lon[1], lon[-2]
    return np.unwrap(lon, period=360), lat


def _around_pole(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Return the ring from the antimeridian to itself that lies between points and their pole."""
    pole = np.copysign(90.0, lat.mean())
    edge = np.interp(180.0, lon, lat, period=360)
    lon = coords.wrap(lon, -180.0)
    order = np.argsort(lon)
    around = [-180, *lon[order], 180, 180, -180], [edge, *lat[order], edge, pole, pole]
    return np.transpose(around)


def _cut(lon: np.ndarray, lat: np.ndarray) -> list[np.ndarray]:
    """Return a ring as the rings on either side of the antimeridian, lon from -180 to 180."""
    whole = np.transpose([lon, lat])
    turns = np.arange(np.floor((lon.min() + 180) / 360), np.floor((lon.max() + 180) / 360) + 1)
    rings = []
    for turn in turns * 360:
        ring = _clipped(_clipped(whole, turn - 180, 1), turn + 180, -1) - [turn, 0]
        # Rounding puts the points of an edge along the antimeridian on both sides of it.
        if abs(_area(ring)) > 1e-9 * abs(_area(whole)):
            rings.append(ring)
    return rings


def _clipped(ring: np.ndarray, edge: float, sign: int) -> np.ndarray:
    """Return the part of a ring east (`sign` 1) or west (-1) of a meridian."""
    inside = sign * ring[:, 0] >= sign * edge
    kept = []
    for at in range(len(ring)):
        (lon, lat), (next_lon, next_lat) = ring[at - 1], ring[at]
        if inside[at] != inside[at - 1]:
            kept.append((edge, lat + (edge - lon) / (next_lon - lon) * (next_lat - lat)))
        if inside[at]:
            kept.append((next_lon, next_lat))
    return np.array(kept).reshape(-1, 2)


def _area(ring: np.ndarray) -> float:
    """Return the area within a ring, positive if it runs counterclockwise."""
    lon, lat = ring.T
    return float(np.sum(np.roll(lon, 1) * lat - lon * np.roll(lat, 1)) / 2)


def _closed(ring: np.ndarray) -> list[list[float]]:
    """Return a ring as GeoJSON has it: counterclockwise, to the centimetre, and closed."""
    ring = ring if _area(ring) > 0 else ring[::-1]
    points = (np.round(ring, 7) + 0.0).tolist()
    kept = [point for at, point in enumerate(points) if point != points[at - 1]]
    return [*kept, kept[0]]
