r"""The simulated ice surface: a closed-form height above the ellipsoid, in space and time.

With :math:`\mathbf p` the unit vector of the point (longitude :math:`\lambda`, latitude
:math:`\varphi`) and :math:`t` the decimal year,

.. math::

   h = \sum_i \frac{H_i}{1 + e^{(c_i - \mathbf p \cdot \mathbf d_i) / w_i}}
     + \sum_j A_j \sin\!\left(\tfrac{2 \pi R}{L_j}\,\mathbf p \cdot \mathbf e_j\right)
     + (t - 2020) \Big(r_0\,\mathbf p \cdot \mathbf d_0
     + \sum_k r_k\, e^{(\mathbf p \cdot \mathbf b_k - 1) / v_k}\Big)
     + S \sin\varphi \, \cos 2 \pi (t - t_0).

In words: ice domes, undulations, a secular trend and a season. Everything depends on the place
through :math:`\mathbf p` alone, so the surface is periodic in longitude and smooth at the poles.
The formula is this project's own; nothing in it is fitted to a real ice sheet.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_METRES = 6_371_000.0
"""Mean radius (m) that turns the wavelengths below into wave numbers on the unit sphere."""

REFERENCE_YEAR = 2020.0
"""Decimal year at which the secular height change is zero."""

DOMES = (
    # longitude, latitude of the summit (deg); height (m); half-height radius (deg); softness
    (80.0, -80.0, 2900.0, 17.0, 0.010),  # East Antarctica
    (-110.0, -79.0, 1100.0, 12.0, 0.005),  # West Antarctica
    (-40.0, 73.0, 3200.0, 8.0, 0.0025),  # Greenland
)

WAVES = (
    # wavelength at the poles (m), amplitude (m), direction (deg of longitude)
    (50_000.0, 20.0, 20.0),
    (31_000.0, 8.0, 75.0),
    (19_000.0, 4.0, 130.0),
    (12_000.0, 1.5, 165.0),
)

BASINS = (
    # longitude, latitude of the centre (deg); height change there (m/yr); width (1 - cos)
    (-105.0, -76.0, -1.5, 0.002),  # Amundsen Sea sector
    (-47.0, 69.0, -0.8, 0.002),  # western Greenland
)

INTERIOR_METRES_PER_YEAR = 0.05
"""Height change at the summit of East Antarctica (m/yr), falling to its negative opposite it."""

SEASON_METRES = 0.15
"""Amplitude of the seasonal cycle at the poles (m)."""

SEASON_PHASE = 0.2
"""Fraction of the year at which the northern surface is highest."""


def height(lon: ArrayLike, lat: ArrayLike, t: ArrayLike) -> NDArray[np.float64]:
    """Height of the simulated surface.

    Parameters
    ----------
    lon, lat : array_like
        Longitude and latitude (degrees); any range of longitude.
    t : array_like
        Time (decimal year, UTC).

    Returns
    -------
    ndarray
        Height above the WGS84 ellipsoid (m), of the shape that the arguments broadcast to.
        The formula stands at the top of this module.
    """
    point = unit_vector(lon, lat)
    years = np.asarray(t, dtype=float)
    return (
        _domes(point)
        + _undulations(point)
        + (years - REFERENCE_YEAR) * _trend(point)
        + SEASON_METRES * point[2] * np.cos(2 * np.pi * (years - SEASON_PHASE))
    )


def unit_vector(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
    """Cartesian unit vector, shape ``(3, ...)``, of longitude and latitude in degrees."""
    lam, phi = np.broadcast_arrays(np.radians(lon), np.radians(lat))
    return np.stack((np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)))


def _cosine(point: NDArray, lon: float, lat: float) -> NDArray:
    """Cosine of the angular distance between ``point`` (3, ...) and a place in degrees."""
    return np.tensordot(unit_vector(lon, lat), point, axes=1)


def _domes(point: NDArray) -> NDArray:
    """Height of the ice domes (m); 1 / (1 + exp(-2x)) = (1 + tanh x) / 2 does not overflow."""
    return sum(
        summit
        / 2
        * (1 + np.tanh((_cosine(point, lon, lat) - np.cos(np.radians(radius))) / 2 / softness))
        for lon, lat, summit, radius, softness in DOMES
    )


def _undulations(point: NDArray) -> NDArray:
    """Height of the undulations (m): plane waves whose crests are parallel to Earth's axis."""
    return sum(
        amplitude
        * np.sin(2 * np.pi * EARTH_RADIUS_METRES / length * _cosine(point, direction, 0.0))
        for length, amplitude, direction in WAVES
    )


def _trend(point: NDArray) -> NDArray:
    """Secular height change (m/yr): thinning basins in a slowly varying background."""
    lon, lat, *_ = DOMES[0]
    return INTERIOR_METRES_PER_YEAR * _cosine(point, lon, lat) + sum(
        rate * np.exp((_cosine(point, lon, lat) - 1) / width) for lon, lat, rate, width in BASINS
    )
