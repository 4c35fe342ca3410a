"""Areas of use: what the EPSG registry says, and somewhat more."""

import numpy as np
import pytest

from captools.geo import domain


@pytest.mark.parametrize(
    ("crs", "lon", "lat", "outside"),
    [
        ("EPSG:32633", [12.0, 17.9, 9.2, 20.9, 373.0], [70.0] * 5, 0),  # the zone is 12 to 18 E
        ("EPSG:32633", [8.0, 21.5, 195.0], [70.0] * 3, 3),
        ("EPSG:2193", [165.0, 172.0, 180.0, 200.0], [-45.0] * 4, 1),  # New Zealand, 166.3 to 178.6
        ("EPSG:3832", [100.0, 170.0, -130.0, 30.0], [0.0] * 4, 1),  # across 180 degrees
        ("EPSG:3031", [0.0, 90.0, 180.0], [-50.0, -60.0, -90.0], 0),  # a granule of region 10
        ("EPSG:3413", [0.0, 90.0, 180.0], [49.0, 50.0, -80.0], 2),
        ("EPSG:4326", [0.0, 359.0, -180.0], [90.0, -90.0, 0.0], 0),
        ("+proj=stere +lat_0=-90", [0.0, 1.0], [80.0, -80.0], 0),  # of its own: no area named
        ("EPSG:3031", [np.nan, 0.0, np.inf], [70.0, np.nan, 70.0], 0),
    ],
)
def test_points_outside_are_counted(crs, lon, lat, outside):
    assert domain.outside(np.array(lon), np.array(lat), crs) == outside
