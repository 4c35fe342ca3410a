"""ICESat-2's ground tracks: a circular orbit over a turning Earth.

The satellite flies 1387 orbits, the reference ground tracks (RGTs), in one repeat cycle, while the
Earth turns 91 times below the precessing orbital plane [1]_. An orbit starts where it crosses the
equator northwards. Times here are seconds since that crossing, angles are radians inside and
degrees at the surface of the module.

Period, crossing times and node longitudes were fitted to ``orbit_info`` of eight real granules of
cycles 1 to 11 (2018-2021). What a circular orbit leaves out is the eccentricity of about 0.0013.

References
----------
.. [1] Markus et al. (2017), The Ice, Cloud, and land Elevation Satellite-2 (ICESat-2): Science
   requirements, concept, and implementation, Remote Sensing of Environment 190,
   doi:10.1016/j.rse.2016.12.029.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

RGTS = 1387
EARTH_TURNS = 91
INCLINATION = np.radians(92.0)

PERIOD_SECONDS = 5657.38207
"""Seconds from one ascending equator crossing to the next (fitted)."""

FIRST_CROSSING_SECONDS = 23_386_798.9
"""When RGT 1 of cycle 1 crosses the equator: seconds since 2018-01-01 UTC (fitted)."""

NODE_LONGITUDE_DEGREES = 23.4917
"""Longitude (deg) where the orbit before RGT 1 crosses the equator northwards (fitted)."""

FIRST_ORBIT = 202
"""Orbit number of RGT 1 of cycle 1."""

SEMI_MAJOR_METRES, FLATTENING = 6_378_137.0, 1 / 298.257223563  # WGS84
SEMI_MINOR_METRES = SEMI_MAJOR_METRES * (1 - FLATTENING)
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)

REGION_BOUNDS = (
    # where regions 1 to 14 end: geodetic latitude (deg), and whether the satellite flies north
    (27.0, True),
    (59.5, True),
    (80.0, True),
    (80.0, False),
    (59.5, False),
    (27.0, False),
    (0.0, False),
    (-27.0, False),
    (-50.0, False),
    (-79.0, False),
    (-79.0, True),
    (-50.0, True),
    (-27.0, True),
)

BEAM_OFFSETS_METRES = {
    # metres to the left of the reference track: pairs 3.3 km apart, 90 m within a pair
    "gt1l": 3345.0,
    "gt1r": 3255.0,
    "gt2l": 45.0,
    "gt2r": -45.0,
    "gt3l": -3255.0,
    "gt3r": -3345.0,
}

RIGHT_BEAM_LAG_SECONDS = 0.35
"""Seconds by which the right beam of a pair trails the left (2.5 km, as in real granules)."""

FIRST_YAW_FLIP_SECONDS = 31_276_800.0
"""From here the satellite flew backward: 2018-12-29, in seconds since 2018-01-01 UTC."""

YAW_FLIP_INTERVAL_SECONDS = 250.5 * 86400.0
"""Seconds between yaw flips: half a turn of the orbital plane relative to the Sun.

The plane precesses by +0.267 degrees a day and the Sun moves by 0.986, which makes 250.5 days.
"""


class Track(NamedTuple):
    """Points of a beam's ground track: degrees, azimuth clockwise from north."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    azimuth: NDArray[np.float64]


def crossing_time(rgt: int, cycle: int) -> float:
    """Time of the ascending equator crossing that starts an orbit (s since 2018-01-01 UTC)."""
    return FIRST_CROSSING_SECONDS + PERIOD_SECONDS * (orbit_number(rgt, cycle) - FIRST_ORBIT)


def orbit_number(rgt: int, cycle: int) -> int:
    """Count of orbits since launch."""
    if not 1 <= rgt <= RGTS:
        raise ValueError(f"RGT {rgt} is outside 1 to {RGTS}")
    if cycle < 1:
        raise ValueError(f"cycle {cycle} is less than 1")
    return FIRST_ORBIT + RGTS * (cycle - 1) + rgt - 1


def node_longitude(rgt: int) -> float:
    """Longitude (deg, -180 to 180) of the ascending equator crossing that starts an RGT."""
    return float(_wrap(NODE_LONGITUDE_DEGREES - 360.0 * EARTH_TURNS / RGTS * rgt))


def flies_forward(delta_time: float) -> bool:
    """Whether the satellite flies forward at a time (s since 2018-01-01 UTC).

    It turns about its vertical axis twice a year or so, to keep the Sun on its solar panels.
    """
    return (delta_time - FIRST_YAW_FLIP_SECONDS) // YAW_FLIP_INTERVAL_SECONDS % 2 == 1


def last_yaw_flip(delta_time: float) -> float:
    """Time (s since 2018-01-01 UTC) of the latest yaw flip before a time of the same kind."""
    flips = (delta_time - FIRST_YAW_FLIP_SECONDS) // YAW_FLIP_INTERVAL_SECONDS
    return FIRST_YAW_FLIP_SECONDS + flips * YAW_FLIP_INTERVAL_SECONDS


def region_span(region: int) -> tuple[float, float]:
    """Start and end of a granule region: seconds since the crossing that starts the orbit."""
    if not 1 <= region <= len(REGION_BOUNDS) + 1:
        raise ValueError(f"region {region} is outside 1 to 14")
    ends = [0.0, *(_passing_time(*bound) for bound in REGION_BOUNDS), PERIOD_SECONDS]
    return ends[region - 1], ends[region]


def ground_track(rgt: int, t: ArrayLike, offset: float = 0.0) -> Track:
    """Where a beam touches the ellipsoid.

    Parameters
    ----------
    rgt : int
        Reference ground track, 1 to 1387.
    t : array_like
        Seconds since the orbit's ascending equator crossing.
    offset : float
        Metres to the left of the reference track, seen along the flight (`BEAM_OFFSETS_METRES`).

    Returns
    -------
    Track
        Longitude (-180 to 180), geodetic latitude and azimuth in degrees, of the shape of `t`.
    """
    point, forward = _reference_track(t)
    left = np.cross(_normal(point), forward, axis=0)
    lon, lat = _geographic(point + offset * left)
    azimuth = _azimuth(forward, lon, lat)
    return Track(_wrap(np.degrees(lon) + node_longitude(rgt)), np.degrees(lat), np.degrees(azimuth))


def along_track_distance(t: ArrayLike) -> NDArray[np.float64]:
    """Metres along the reference track since the equator crossing (``x_atc``), at times `t` (s)."""
    times, distances = _odometer()
    return np.interp(t, times, distances)


def along_track_time(x: ArrayLike) -> NDArray[np.float64]:
    """Seconds since the equator crossing at which the satellite passes ``x_atc`` (m)."""
    times, distances = _odometer()
    return np.interp(x, distances, times)


def ground_speed(t: ArrayLike) -> NDArray[np.float64]:
    """Speed of the reference track over the ellipsoid (m/s), at times `t` (s)."""
    return np.linalg.norm(_velocity(*_direction(t)), axis=0)


@cache
def _odometer() -> tuple[NDArray, NDArray]:
    """Times (s) and distances flown (m), a little over one orbit: the integral of the speed.

    Points are 0.35 s apart; between them the speed changes so little that straight lines are
    true to a few millimetres.
    """
    step = PERIOD_SECONDS / 2**14
    times = step * np.arange(-16, 2**14 + 17)
    increments = step * (ground_speed(times[:-1]) + ground_speed(times[1:])) / 2
    distances = np.concatenate(([0.0], np.cumsum(increments)))
    return times, distances - np.interp(0.0, times, distances)


def _passing_time(latitude: float, northwards: bool) -> float:
    """Seconds since the crossing at which the satellite passes a geodetic latitude (deg).

    From sin(geocentric latitude) = sin(inclination) sin(argument of latitude).
    """
    geocentric = np.arctan((1 - ECCENTRICITY2) * np.tan(np.radians(latitude)))
    argument = np.arcsin(np.sin(geocentric) / np.sin(INCLINATION))
    argument = argument % (2 * np.pi) if northwards else np.pi - argument
    return float(argument / (2 * np.pi) * PERIOD_SECONDS)


def _direction(t: ArrayLike) -> tuple[NDArray, NDArray]:
    """Unit vector from Earth's centre to the satellite, and its rate (1/s), each (3, ...).

    Earth-fixed, with the x axis at the longitude of the orbit's ascending node.
    """
    t = np.asarray(t, dtype=float)
    rate = 2 * np.pi / PERIOD_SECONDS
    turn = rate * EARTH_TURNS / RGTS  # of the Earth relative to the orbital plane
    sin_i, cos_i = np.sin(INCLINATION), np.cos(INCLINATION)
    sin_u, cos_u = np.sin(rate * t), np.cos(rate * t)
    sin_r, cos_r = np.sin(turn * t), np.cos(turn * t)
    x, y, z = cos_u, cos_i * sin_u, sin_i * sin_u
    dx, dy, dz = -rate * sin_u, cos_i * rate * cos_u, sin_i * rate * cos_u
    direction = np.stack((x * cos_r + y * sin_r, y * cos_r - x * sin_r, z))
    along_orbit = np.stack((dx * cos_r + dy * sin_r, dy * cos_r - dx * sin_r, dz))
    westward = turn * np.stack((direction[1], -direction[0], np.zeros_like(z)))
    return direction, along_orbit + westward


def _reference_track(t: ArrayLike) -> tuple[NDArray, NDArray]:
    """Points of the reference track (m) and unit vectors of flight along it, each (3, ...)."""
    direction, rate = _direction(t)
    velocity = _velocity(direction, rate)
    return _radius(direction) * direction, velocity / np.linalg.norm(velocity, axis=0)


def _radius(direction: NDArray) -> NDArray:
    """Distance (m) from Earth's centre to the ellipsoid along unit vectors (3, ...)."""
    x, y, z = direction
    return 1 / np.sqrt((x**2 + y**2) / SEMI_MAJOR_METRES**2 + z**2 / SEMI_MINOR_METRES**2)


def _velocity(direction: NDArray, rate: NDArray) -> NDArray:
    """Velocity (m/s) of the point where a turning direction meets the ellipsoid.

    It is the change of the direction, less the part along the direction that would leave the
    tangent plane.
    """
    normal = _normal(direction)
    along = np.sum(rate * normal, axis=0) / np.sum(direction * normal, axis=0)
    return _radius(direction) * (rate - along * direction)


def _normal(point: NDArray) -> NDArray:
    """Unit normal (3, ...) of the ellipsoid at points on it, known up to their length."""
    x, y, z = point
    gradient = np.stack((x, y, z * (SEMI_MAJOR_METRES / SEMI_MINOR_METRES) ** 2))
    return gradient / np.linalg.norm(gradient, axis=0)


def _geographic(point: NDArray) -> tuple[NDArray, NDArray]:
    """Longitude and geodetic latitude (radians) of points (m) close to the ellipsoid.

    Bowring (1976), Transformation from spatial to geographical coordinates, Survey Review 23:
    one step is exact to well below a millimetre here.
    """
    x, y, z = point
    distance = np.hypot(x, y)
    reduced = np.arctan2(z * SEMI_MAJOR_METRES, distance * SEMI_MINOR_METRES)
    latitude = np.arctan2(
        z + ECCENTRICITY2 / (1 - ECCENTRICITY2) * SEMI_MINOR_METRES * np.sin(reduced) ** 3,
        distance - ECCENTRICITY2 * SEMI_MAJOR_METRES * np.cos(reduced) ** 3,
    )
    return np.arctan2(y, x), latitude


def _azimuth(forward: NDArray, lon: NDArray, lat: NDArray) -> NDArray:
    """Azimuth (radians, clockwise from north) of vectors (3, ...) at places in radians."""
    x, y, z = forward
    east = y * np.cos(lon) - x * np.sin(lon)
    north = z * np.cos(lat) - (x * np.cos(lon) + y * np.sin(lon)) * np.sin(lat)
    return np.arctan2(east, north)


def _wrap(degrees: ArrayLike) -> NDArray[np.float64]:
    """Longitudes (deg) brought into -180 to 180."""
    return (np.asarray(degrees) + 180.0) % 360.0 - 180.0
