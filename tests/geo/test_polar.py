"""Polar stereographic in closed form: what pyproj says, within a tenth of a micrometre."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from captools.geo.coords import project

HEMISPHERES = {"EPSG:3031": -1, "EPSG:3413": 1}
CRS = pytest.mark.parametrize("crs", HEMISPHERES)
# To a fraction of a millimetre from the pole, since there sines say nothing of latitudes.
FROM_POLE = st.one_of(st.floats(0, 90), st.floats(-14, 0).map(lambda power: 10**power))
POINTS = st.lists(st.tuples(st.floats(-360, 360), FROM_POLE), min_size=1, max_size=50)


def by_pyproj(lon, lat, crs):
    return Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)


@CRS
@settings(max_examples=100)
@given(points=POINTS)
def test_any_point_of_the_hemisphere_is_that_of_pyproj(crs, points):
    lon, from_pole = np.array(points).T
    lat = HEMISPHERES[crs] * (90 - from_pole)
    np.testing.assert_allclose(project(lon, lat, crs), by_pyproj(lon, lat, crs), rtol=0, atol=1e-7)


@CRS
def test_poles_equator_and_antimeridian(crs):
    lon, lat = map(np.ravel, np.meshgrid([-360.0, -180, -45, 0, 135, 180, 360], [0.0, 71, 90]))
    lat *= HEMISPHERES[crs]
    np.testing.assert_allclose(project(lon, lat, crs), by_pyproj(lon, lat, crs), rtol=0, atol=1e-7)


@CRS
def test_a_point_is_the_same_whatever_is_beside_it(crs):
    """Else a point on the edge of two tiles could be in both, or in none."""
    lon = np.array([10.0, 370, np.nan, 20, 30, 400, 40])
    lat = HEMISPHERES[crs] * np.array([80.0, 70, 80, -10, np.inf, 60, 50])
    alone = np.hstack([project(lon[at : at + 1], lat[at : at + 1], crs) for at in range(len(lon))])
    np.testing.assert_array_equal(np.stack(project(lon, lat, crs)), alone)
    assert np.isnan(alone).any(axis=0).tolist() == [False, False, True, False, True, False, False]
    *_, beyond = np.abs(alone[:, 3] - by_pyproj(lon[3], lat[3], crs))
    assert beyond == 0  # of the other hemisphere pyproj says it
