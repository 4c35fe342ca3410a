"""Single points of a cloud: the nearest one, and those of a pass, against the plain search."""

import numpy as np
import pytest
from flatfiles import write_flat
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Proj

from captools.maps import picking, viewing
from captools.maps.picking import Shown
from captools.maps.pointcache import PASS, PointCache
from captools.maps.raster import Canvas
from captools.maps.surveying import MapOptions

ALL = Canvas(-1e9, 1e9, -1e9, 1e9, 10, 10)


def points(rows, seed):
    """Points of three passes in no order, some without a value."""
    random = np.random.default_rng(seed)
    h = random.normal(1000, 300, rows)
    h[random.random(rows) < 0.2] = np.nan
    h[0] = 1000.0
    return {
        "x": random.uniform(0, 1e5, rows),
        "y": random.uniform(-2e6, -1e6, rows),
        "h": h,
        "t_year": random.uniform(2019, 2021, rows),
        "is_asc": random.random(rows) < 0.5,
        PASS: random.integers(0, 3, rows).astype("u4"),
    }


@settings(max_examples=40)
@given(st.integers(1, 200), st.integers(0, 99), st.sampled_from([1e2, 1e5, 1e7]))
def test_the_nearest_point_is_that_of_those_shown(rows, seed, reach):
    columns, shown = points(rows, seed), Shown("h", "ascending", [2019])
    place = 4e4, -1.5e6
    wanted = columns["is_asc"] & (columns["t_year"] < 2020) & np.isfinite(columns["h"])
    apart = np.hypot(columns["x"] - place[0], columns["y"] - place[1])
    apart[~wanted] = np.inf
    found = picking.nearest(PointCache([columns], ["h"]), shown, place, reach)
    assert found == (apart.argmin() if apart.min() <= reach else None)


def test_a_profile_has_the_points_of_a_pass_by_time_and_their_distance():
    columns = points(300, 1)
    cloud, canvas = PointCache([columns], ["h"]), Canvas(0, 5e4, -2e6, -1e6, 10, 10)
    rows = np.flatnonzero((columns[PASS] == 1) & (columns["x"] <= 5e4) & np.isfinite(columns["h"]))
    rows = rows[columns["t_year"][rows].argsort()]
    lon, lat = Proj("EPSG:3031")(columns["x"][rows], columns["y"][rows], inverse=True)
    length = Geod(ellps="WGS84").line_length(lon, lat)
    found = picking.profile(cloud, Shown("h"), 1, canvas, "EPSG:3031")
    np.testing.assert_array_equal(found.values, columns["h"][rows])
    assert (found.distance[0], found.distance[-1]) == (0, pytest.approx(length))
    plain = picking.profile(cloud, Shown("h"), 1, canvas, "unknown")
    steps = np.hypot(np.diff(columns["x"][rows]), np.diff(columns["y"][rows]))
    assert plain.distance[-1] == pytest.approx(steps.sum())
    assert len(picking.profile(cloud, Shown("h", years=[]), 1, ALL, "unknown").values) == 0


def test_passes_are_told_apart_by_columns_or_else_by_header_or_else_by_file(tmp_path):
    there = {"x": np.zeros(4), "y": np.zeros(4), "h_li": np.ones(4)}
    write_flat(
        tmp_path / "a.h5", there | {"rgt": np.array([7, 7, 9, 9], "u2")}, identity="rgt,spot"
    )
    write_flat(tmp_path / "b.h5", there, rgt=9, identity="rgt,spot")
    write_flat(tmp_path / "c.h5", there, identity="")
    paths = [tmp_path / f"{name}.h5" for name in "abc"]
    scene = viewing.gather(paths, ["h_li"], MapOptions(var="h_li"))
    passes = [scene.passes[number] for number in scene.cloud.column(PASS)]
    first, second = {"rgt": 7, "spot": 3}, {"rgt": 9, "spot": 3}
    # Other files of this header may be of other passes.
    third = {"rgt": 1, "spot": 3, "file": str(paths[2])}
    assert passes == [first] * 2 + [second] * 6 + [third] * 4
