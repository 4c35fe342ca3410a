"""Points in polygons against shapely's answers one polygon at a time."""

import numpy as np
import pytest
import shapely

from captools.geo.polygons import DETAILED_VERTICES, Polygons


def rough(count, seed=0, about=(0.0, 0.0)):
    """Return a ring of so many vertices, each some way off a circle of 1000 km."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = 1e6 * (1 + 0.02 * np.random.default_rng(seed).standard_normal(count))
    x, y = about
    return shapely.Polygon(np.c_[x + radius * np.cos(angle), y + radius * np.sin(angle)])


def anywhere(count, seed=1):
    return np.random.default_rng(seed).uniform(-1.3e6, 1.3e6, (2, count))


@pytest.mark.parametrize("hole", [False, True])
def test_a_detailed_polygon_is_what_shapely_says(hole):
    polygon = rough(DETAILED_VERTICES + 1)
    if hole:
        polygon = polygon.difference(rough(400, 2).buffer(-6e5)).difference(shapely.box(0, 0, 1, 1))
        polygon = shapely.get_parts(polygon)[0]
    x, y = anywhere(20000)
    x[:5] = [*polygon.bounds[::2], *shapely.get_coordinates(polygon)[:3, 0]]
    y[:5] = [*polygon.bounds[1::2], *shapely.get_coordinates(polygon)[:3, 1]]
    shapely.prepare(polygon)
    expected = shapely.intersects_xy(polygon, x, y)
    assert expected[2:5].all()
    np.testing.assert_array_equal(Polygons(np.array([polygon])).contain(x, y), expected)


def test_polygons_that_overlap_are_joined_not_crossed_out():
    both = np.array([rough(50), rough(DETAILED_VERTICES + 1, 3, (6e5, 0.0))])
    x, y = anywhere(5000)
    one, other = (shapely.intersects_xy(polygon, x, y) for polygon in both)
    assert (one & other).any()
    np.testing.assert_array_equal(Polygons(both).contain(x, y), one | other)


def test_nan_and_infinity_lie_nowhere():
    x, y = np.array([0, np.nan, 0, np.inf, 0, -np.inf]), np.array([0, 0, np.nan, 0, np.inf, 0])
    found = Polygons(np.array([shapely.box(-1e9, -1e9, 1e9, 1e9)])).contain(x, y)
    assert found.tolist() == [True] + [False] * 5


def test_many_vertices_and_points_are_what_shapely_says():
    polygon, (x, y) = rough(60_000), anywhere(80_000)
    inside = Polygons(np.array([polygon])).contain(x, y)
    np.testing.assert_array_equal(inside, shapely.intersects_xy(polygon, x, y))
