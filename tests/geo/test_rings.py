"""Polygons in degrees against the same polygons in the projection in which they were drawn."""

import numpy as np
import pyproj
import pytest
import shapely

from captools.geo import rings
from captools.geo.polygons import Polygons

KM = 1e3


def holds(polygons, lon, lat):
    """Return which points the polygons in degrees hold."""
    area = Polygons(rings.laid_out(np.array(polygons, dtype=object)))
    lon = lon - 360 * np.floor((lon + 180) / 360)
    found = [area.contain(lon - turn, lat) for turn in rings.turns(area, -180.0, 180.0)]
    return np.any(found, axis=0)


def in_degrees(polygon, epsg):
    """Return a polygon of a projection in degrees, vertex by vertex."""
    back = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    return shapely.transform(polygon, lambda xy: np.column_stack(back.transform(*xy.T)))


def points(north, count=6000):
    random = np.random.default_rng(5)
    lat = np.concatenate([random.uniform(60, 90, count), random.uniform(89, 90, count // 4)])
    return random.uniform(-180, 180, len(lat)), lat if north else -lat


def star(random, x, y, size):
    """Return a ragged polygon about a place, with edges of at most 20 km."""
    angle = np.sort(random.uniform(0, 2 * np.pi, 40))
    radius = size * random.uniform(0.5, 1.0, 40)
    corners = np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])
    return shapely.segmentize(shapely.Polygon(corners), 20 * KM)


RANDOM = np.random.default_rng(11)
SHAPES = {
    "cap": shapely.Point(0, 0).buffer(800 * KM, quad_segs=64),
    "cap off the pole": shapely.Point(3e5, -2e5).buffer(900 * KM, quad_segs=64),
    "ross": shapely.segmentize(shapely.box(-3e5, -16e5, 3e5, -10e5), 2e4),
    "ring with a hole round the pole": shapely.Point(0, 0)
    .buffer(2000 * KM, quad_segs=128)
    .difference(shapely.Point(1e4, 2e4).buffer(600 * KM, quad_segs=64)),
    "holes across the antimeridian": shapely.segmentize(
        shapely.box(-18e5, -18e5, 18e5, 18e5)
        .difference(shapely.box(-2e5, -12e5, 2e5, -8e5))
        .difference(shapely.box(-2e5, 8e5, 2e5, 12e5)),
        2e4,
    ),
    "an edge through the pole": shapely.segmentize(shapely.box(0, -9e5, 9e5, 9e5), 2e4),
    "a corner at the pole": shapely.segmentize(shapely.box(0, 0, 9e5, 9e5), 2e4),
    "an edge beside the pole": shapely.segmentize(shapely.box(2500, -9e5, 9e5, 9.1e5), 2e4),
    "the pole just inside": shapely.segmentize(shapely.box(-4000, -9e5, 9e5, 9.1e5), 2e4),
    **{
        f"star {number}": star(RANDOM, *RANDOM.uniform(-14e5, 14e5, 2), RANDOM.uniform(2e5, 18e5))
        for number in range(12)
    },
}


@pytest.mark.parametrize("epsg", [3031, 3413])
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("turned", [False, True], ids=["as drawn", "the other way round"])
def test_a_polygon_of_a_projection_is_the_same_in_degrees(name, epsg, turned):
    polygon = SHAPES[name].reverse() if turned else SHAPES[name]
    lon, lat = points(north=epsg == 3413)
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    expected = shapely.intersects_xy(polygon, x, y)
    clear = shapely.distance(shapely.points(x, y), polygon.boundary) > 3 * KM
    found = holds([in_degrees(polygon, epsg)], lon, lat)
    assert expected.any()
    assert not expected.all()
    np.testing.assert_array_equal(found[clear], expected[clear])


@pytest.mark.parametrize("name", ["cap", "ross", "star 3"])
def test_longitudes_from_0_to_360_are_the_same(name):
    lon, lat = points(north=False)
    polygon = in_degrees(SHAPES[name], 3031)
    turned = shapely.transform(polygon, lambda xy: np.column_stack([xy[:, 0] % 360, xy[:, 1]]))
    expected = holds([polygon], lon, lat)
    np.testing.assert_array_equal(holds([turned], lon, lat), expected)
    np.testing.assert_array_equal(holds([turned], lon % 360, lat), expected)


def ring(*corners):
    return shapely.Polygon(corners)


def parallel(lat, lons):
    return [(lon, lat) for lon in lons]


LON, LAT = np.meshgrid(np.arange(-179.5, 180, 1.0), np.arange(-89.5, 90, 1.0))
EAST = LON > 0
WRITTEN = {
    "a band": (shapely.box(-180, -80, 180, -70), (LAT > -80) & (LAT < -70)),
    "all south of 60": (shapely.box(-180, -90, 180, -60), LAT < -60),
    "a parallel, closed": (ring(*parallel(-80, range(-180, 181))), LAT < -80),
    "a parallel, without its end": (ring(*parallel(-80, range(-180, 180))), LAT < -80),
    "a parallel in the north": (ring(*parallel(60, range(0, 361, 5))), LAT > 60),
    "coast, then along the pole": (
        ring(*parallel(-70, range(-180, 181, 10)), (180, -90), (-180, -90)),
        LAT < -70,
    ),
    "half a hemisphere": (shapely.box(0, -90, 180, -60), EAST & (LAT < -60)),
    "half a band": (shapely.box(0, -80, 180, -70), EAST & (LAT > -80) & (LAT < -70)),
    "corners on 180": (
        ring(
            *[(170, -80), (180, -80), (-180, -80), (-170, -80)],
            *[(-170, -70), (-180, -70), (180, -70), (170, -70)],
        ),
        (np.abs(LON) > 170) & (LAT > -80) & (LAT < -70),
    ),
    "a wedge at the pole": (
        ring((170, -80), (0, -90), (-170, -80)),
        (np.abs(LON) > 170) & (LAT < -80),
    ),
    "all but a cap": (
        shapely.Polygon(
            [(-180, -90), (180, -90), (180, 90), (-180, 90)], [parallel(-70, range(-180, 181, 5))]
        ),
        LAT > -70,
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_people_write(name):
    polygon, expected = WRITTEN[name]
    found = holds([polygon], LON.ravel(), LAT.ravel()).reshape(LON.shape)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("polygon", "reason"),
    [
        (shapely.box(-100, -80, 110, -70), "180 to 270 degrees"),
        (shapely.box(-100, -90, 110, -70), "180 to 270 degrees"),
        (ring(*parallel(0, range(-180, 181, 10))), "along the equator"),
        (ring(*parallel(-80, range(0, 181, 10))), "180 degrees"),
        (ring((-180, -80), *parallel(-70, range(-180, 181, 10)), (180, -80)), "360 degrees"),
        (ring(*parallel(-80, [*range(0, 360, 30), *range(0, 360, 30)])), "winds 2 times"),
    ],
    ids=[
        "long both ways",
        "that at the pole",
        "equator",
        "over the pole or along a parallel",
        "a band or a cap",
        "twice round",
    ],
)
def test_what_can_be_meant_in_two_ways_is_refused(polygon, reason):
    with pytest.raises(ValueError, match=reason):
        rings.laid_out(np.array([polygon], dtype=object))


def test_polygons_without_such_edges_stay_as_they_are():
    polygons = np.array([shapely.box(0.1, -80, 40.3, -70), shapely.box(200, 0, 340, 10)])
    assert shapely.equals_exact(rings.laid_out(polygons), polygons).all()
