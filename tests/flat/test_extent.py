"""Bounds of rows that come in blocks: the same as of all rows at once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.flat.extent import Extent
from captools.geo import coords

numbers = st.floats(-1e7, 1e7) | st.sampled_from([np.nan, np.inf, -np.inf])


def extent_of(columns, *cuts):
    """The attributes of columns that come in blocks."""
    count = len(next(iter(columns.values())))
    extent = Extent()
    edges = [0, *sorted(min(cut, count) for cut in cuts), count]
    for start, stop in pairwise(edges):
        extent.add({name: values[start:stop] for name, values in columns.items()})
    return extent.attributes()


@settings(deadline=None)
@given(st.lists(st.tuples(*[numbers] * 3), min_size=1), st.lists(st.integers(0, 50), max_size=4))
def test_bounds_of_blocks_are_those_of_all_rows(points, cuts):
    x, y, t_gps = np.array(points).T
    bounds = extent_of({"x": x, "y": y, "t_gps": t_gps}, *cuts)
    x, y, t_gps = (np.where(np.isfinite(values), values, np.nan) for values in (x, y, t_gps))
    if np.isfinite(x).any() and np.isfinite(y).any():
        expected = [np.nanmin(x), np.nanmax(x), np.nanmin(y), np.nanmax(y)]
        assert bounds["bounds_xy"].tolist() == expected
    else:
        assert "bounds_xy" not in bounds
    if np.isfinite(t_gps).any():
        assert bounds["t_span"].tolist() == [np.nanmin(t_gps), np.nanmax(t_gps)]


@settings(deadline=None)
@given(
    st.lists(st.floats(-180, 180), min_size=1, max_size=30),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_the_arc_of_longitudes_holds_them_all_and_is_as_short_as_can_be(lon, cuts):
    lon = np.array(lon)
    west, east, *_ = extent_of({"lon": lon, "lat": np.zeros(len(lon))}, *cuts)["bounds_lonlat"]
    arc = (east - west) % 360
    assert (((lon - west) % 360 <= arc + 1e-9) | ((lon - west) % 360 >= 360 - 1e-9)).all()
    ordered = np.sort(lon % 360)
    shortest = 360 - np.diff(ordered, append=ordered[0] + 360).max()
    # It is found in bins of a tenth of a degree, so it may be longer by a bin at each end.
    assert arc <= shortest + 0.2 or np.isclose(arc, 360)


@pytest.mark.parametrize(
    ("lon", "expected"),
    [
        ([10.0, 20.0, 15.0], (10, 20)),
        ([179.0, -179.0], (179, -179)),
        ([181.0, 179.0], (179, -179)),  # 0 to 360
        ([-180.0], (-180, -180)),
        ([5.0, np.nan, np.inf], (5, 5)),
    ],
)
@pytest.mark.parametrize("cuts", [(), (1,), (1, 2)])
def test_longitudes_of_any_form(lon, expected, cuts):
    lon = np.array(lon)
    bounds = extent_of({"lon": lon, "lat": np.arange(-80.0, -80.0 + len(lon))}, *cuts)
    assert tuple(bounds["bounds_lonlat"]) == (*expected, -80, -81 + len(lon))


def test_a_pole_to_pole_track_has_the_bounds_of_its_points():
    lon = np.random.default_rng(0).uniform(-180, 180, 20_000)
    bounds = extent_of({"lon": lon, "lat": np.zeros(len(lon))}, 5000, 9000)["bounds_lonlat"]
    np.testing.assert_allclose(bounds[:2], coords.lon_bounds(lon), rtol=0, atol=0.2)


def test_what_is_not_known_has_no_bounds():
    assert Extent().attributes() == {}
    assert extent_of({"x": np.zeros(2), "h_li": np.zeros(2)}) == {}
    assert extent_of({"lon": np.zeros(2)}) == {}
    assert extent_of({"lat": np.zeros(0), "lon": np.zeros(0), "t_gps": np.zeros(0)}) == {}
    assert "bounds_lonlat" not in extent_of({"lon": np.full(2, np.nan), "lat": np.zeros(2)})


def test_columns_of_single_precision_are_bounded_as_they_are():
    bounds = extent_of({"t_gps": np.array([0.1, 0.2], "f4")}, 1)
    assert bounds["t_span"].tolist() == [float(np.float32(0.1)), float(np.float32(0.2))]
    assert bounds["t_span"].dtype == np.float64
