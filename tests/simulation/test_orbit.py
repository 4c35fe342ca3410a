"""The simulated orbit against geometry, the published orbit and real granules."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from captools.simulation import orbit

WGS84 = Geod(ellps="WGS84")
REAL = Path(__file__).parents[3] / "shared" / "data" / "atl06"
WHOLE_ORBIT = np.linspace(0.0, orbit.PERIOD_SECONDS, 2001)


def test_latitude_reaches_what_the_inclination_allows():
    lat = orbit.ground_track(1, WHOLE_ORBIT).lat
    # geocentric 88 degrees is 88.0134 geodetic
    assert lat.max() == pytest.approx(88.0134, abs=1e-3)
    assert lat.min() == pytest.approx(-88.0134, abs=1e-3)
    assert lat[0] == pytest.approx(0.0, abs=1e-9)
    assert np.all(np.diff(lat[:400]) > 0)


def test_longitude_moves_west_by_one_step_per_orbit():
    end = orbit.ground_track(100, orbit.PERIOD_SECONDS).lon
    start = orbit.ground_track(101, 0.0).lon
    assert (end - start + 180) % 360 - 180 == pytest.approx(0.0, abs=1e-9)


def test_cycle_closes_after_1387_orbits_and_91_turns():
    last = orbit.ground_track(1387, orbit.PERIOD_SECONDS)
    first = orbit.ground_track(1, 0.0)
    assert (last.lon - first.lon + 180) % 360 - 180 == pytest.approx(0.0, abs=1e-9)
    nodes = [orbit.node_longitude(rgt) for rgt in range(1, 1388)]
    gaps = np.diff(np.sort(nodes))
    np.testing.assert_allclose(gaps, 360 / 1387, rtol=1e-6)  # all tracks differ, evenly spread
    days = (orbit.crossing_time(1, 2) - orbit.crossing_time(1, 1)) / 86400
    assert days == pytest.approx(91.0, abs=0.2)


def test_speed_is_that_of_the_published_orbit():
    # about 7 km/s over ground, so that segments of 20 m are 2.82 ms apart
    t = WHOLE_ORBIT
    points = orbit.ground_track(500, t), orbit.ground_track(500, t + 0.01)
    _, _, metres = WGS84.inv(points[0].lon, points[0].lat, points[1].lon, points[1].lat)
    np.testing.assert_allclose(orbit.ground_speed(t), metres / 0.01, rtol=1e-5)
    assert np.median(20 / orbit.ground_speed(t)) == pytest.approx(2.82e-3, rel=0.01)


def test_along_track_distance_is_the_length_of_the_track():
    t = np.arange(0.0, orbit.PERIOD_SECONDS, 0.5)
    track = orbit.ground_track(1387, t)
    _, _, steps = WGS84.inv(track.lon[:-1], track.lat[:-1], track.lon[1:], track.lat[1:])
    walked = np.concatenate(([0.0], np.cumsum(steps)))
    np.testing.assert_allclose(orbit.along_track_distance(t), walked, atol=1.0)
    np.testing.assert_allclose(orbit.along_track_time(walked), t, atol=1e-3)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 1387), st.floats(0, orbit.PERIOD_SECONDS))
def test_beams_are_left_and_right_of_the_flight(rgt, t):
    offsets = orbit.BEAM_OFFSETS_METRES.values()
    lon, lat, flown = np.transpose([orbit.ground_track(rgt, t, offset) for offset in offsets])
    azimuth, _, apart = WGS84.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    np.testing.assert_allclose(apart, [90, 3210, 90, 3210, 90], atol=0.05)
    # from left to right is a quarter turn clockwise from where the satellite flies
    turn = (azimuth - flown[:-1] + 180) % 360 - 180
    np.testing.assert_allclose(turn, 90.0, atol=0.6)


def test_azimuth_points_along_the_track():
    t = np.linspace(10, orbit.PERIOD_SECONDS - 10, 500)
    here, ahead = orbit.ground_track(42, t), orbit.ground_track(42, t + 0.01)
    azimuth, _, _ = WGS84.inv(here.lon, here.lat, ahead.lon, ahead.lat)
    np.testing.assert_allclose((azimuth - here.azimuth + 180) % 360 - 180, 0.0, atol=0.02)


def test_regions_partition_the_orbit():
    spans = [orbit.region_span(region) for region in range(1, 15)]
    assert spans[0][0] == 0.0
    assert spans[-1][1] == orbit.PERIOD_SECONDS
    for (_, end), (start, _) in pairwise(spans):
        assert end == start
    assert all(end > start for start, end in spans)


# from the product's description: latitudes of start and end, and the directions flown
REGIONS = {
    1: (0, 27, "A"),
    2: (27, 59.5, "A"),
    3: (59.5, 80, "A"),
    4: (80, 80, "AD"),
    5: (80, 59.5, "D"),
    6: (59.5, 27, "D"),
    7: (27, 0, "D"),
    8: (0, -27, "D"),
    9: (-27, -50, "D"),
    10: (-50, -79, "D"),
    11: (-79, -79, "DA"),
    12: (-79, -50, "A"),
    13: (-50, -27, "A"),
    14: (-27, 0, "A"),
}


@pytest.mark.parametrize("region", REGIONS)
def test_region_bounds(region):
    start, end, directions = REGIONS[region]
    lat = orbit.ground_track(7, np.linspace(*orbit.region_span(region), 1001)).lat
    assert lat[0] == pytest.approx(start, abs=1e-6)
    assert lat[-1] == pytest.approx(end, abs=1e-6)
    signs = np.sign(np.diff(lat))
    flown = "".join("A" if s > 0 else "D" for s in signs[np.r_[True, np.diff(signs) != 0]])
    assert flown == directions


@pytest.mark.parametrize("region", [0, 15, -1])
def test_no_such_region(region):
    with pytest.raises(ValueError, match="region"):
        orbit.region_span(region)


@pytest.mark.parametrize(("rgt", "cycle"), [(0, 1), (1388, 1), (1, 0)])
def test_no_such_orbit(rgt, cycle):
    with pytest.raises(ValueError, match=r"RGT|cycle"):
        orbit.crossing_time(rgt, cycle)


@pytest.mark.parametrize(
    ("day", "forward"),
    [
        # sc_orientation of real granules
        ("2018-10-14", True),
        ("2018-12-18", True),
        ("2019-02-22", False),
        ("2019-06-25", False),
        ("2019-11-06", True),
        ("2021-05-14", True),
    ],
)
def test_orientation_follows_the_real_yaw_flips(day, forward):
    t = (datetime.fromisoformat(day) - datetime(2018, 1, 1)).total_seconds()
    assert orbit.flies_forward(t) is forward
    flip = orbit.last_yaw_flip(t)
    assert flip <= t
    assert orbit.flies_forward(flip - 1) is not forward


def _real_beams():
    """Every beam with data of the real granules: file name, beam."""
    for path in sorted(REAL.glob("*.h5")):
        with h5py.File(path) as file:
            for beam in orbit.BEAM_OFFSETS_METRES:
                if f"{beam}/land_ice_segments/latitude" in file:
                    yield path, beam


@pytest.mark.skipif(not REAL.is_dir(), reason="no real granules in ../shared/data")
def test_real_tracks_are_met_within_10_s_and_2_km():
    """After cycle 2 the satellite points at its reference tracks; before, within 5 km of them."""
    for path, beam in _real_beams():
        name = path.stem.removeprefix("processed_").split("_")
        rgt, cycle, region = int(name[2][:4]), int(name[2][4:6]), int(name[2][6:])
        with h5py.File(path) as file:
            segments = file[f"{beam}/land_ice_segments"]
            lat, lon, time = (segments[k][[0, -1]] for k in ("latitude", "longitude", "delta_time"))
        crossing = orbit.crossing_time(rgt, cycle)
        t = (time - crossing)[:, None] + np.arange(-10.0, 10.01, 0.02)
        track = orbit.ground_track(rgt, t, orbit.BEAM_OFFSETS_METRES[beam])
        lon, lat = (np.broadcast_to(a[:, None], t.shape) for a in (lon, lat))
        _, _, metres = WGS84.inv(track.lon, track.lat, lon, lat)
        assert metres.min(axis=1).max() < (5000 if cycle == 1 else 2000), (path.name, beam)
        named = (datetime.strptime(name[1], "%Y%m%d%H%M%S") - datetime(2018, 1, 1)).total_seconds()
        assert abs(crossing + orbit.region_span(region)[0] - named) < 10, path.name
