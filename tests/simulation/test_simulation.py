"""The simulated surface and granules against independent truth."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from captools.simulation import height
from captools.simulation.granule import write_granule
from captools.simulation.layout import Layout
from captools.simulation.overpass import Overpass
from captools.simulation.sampling import pair_segments

WGS84 = Geod(ellps="WGS84")
REAL = Path(__file__).parents[3] / "shared/data/atl06/ATL06_20210513184226_07631103_005_01.h5"
BEAMS = ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")
NAME = re.compile(r"ATL06_(\d{14})_(\d{4})(\d\d)(\d\d)_(\d{3})_01\.h5")


@pytest.fixture(scope="module")
def granule(tmp_path_factory):
    """A granule of region 11 with default settings."""
    return write_granule(tmp_path_factory.mktemp("granule"), 858, 2, 11)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A granule of region 10 without noise or bad segments, at release 005."""
    folder = tmp_path_factory.mktemp("clean")
    return write_granule(folder, 763, 11, 10, noise=0, bad=0, release="005")


# --- surface ----------------------------------------------------------------------------------

longitudes = st.floats(-180, 360)
latitudes = st.floats(-90, 90)
years = st.floats(2018, 2030)


@given(longitudes, latitudes, years)
def test_surface_is_periodic_and_bounded(lon, lat, t):
    h = height(lon, lat, t)
    assert np.isclose(h, height(lon + 360, lat, t), atol=1e-5)
    assert -60 < h < 4060


@given(longitudes, st.sampled_from([-90.0, 90.0]))
def test_surface_has_one_height_at_a_pole(lon, lat):
    assert np.isclose(height(lon, lat, 2020.0), height(0, lat, 2020.0), atol=1e-5)


@given(longitudes, st.floats(-89.9, 89.9), st.floats(0, 360))
def test_surface_slopes_are_those_of_an_ice_sheet(lon, lat, azimuth):
    there = WGS84.fwd(lon, lat, azimuth, 100.0)
    assert abs(height(*there[:2], 2020.0) - height(lon, lat, 2020.0)) / 100 < 0.03


def test_surface_is_high_where_the_ice_sheets_are():
    assert height(80, -80, 2020) > 2500
    assert height(-40, 73, 2020) > 2500
    assert abs(height(-30, 0, 2020)) < 50


def test_surface_changes_by_a_trend_and_a_season():
    lon, lat = -105.0, -76.0
    per_year = height(lon, lat, 2024.0) - height(lon, lat, 2023.0)
    assert -2.0 < per_year < -1.0
    assert height(lon, lat, 2029.0) - height(lon, lat, 2019.0) == pytest.approx(10 * per_year)
    year = height(-47.0, 80.0, np.linspace(2020, 2021, 100))
    swing = year - np.linspace(year[0], year[-1], 100)
    assert 0.2 < np.ptp(swing) < 0.4


def test_surface_broadcasts():
    assert height(np.zeros((3, 1)), np.zeros(4), 2020.0).shape == (3, 4)
    assert height(np.zeros(4), np.zeros(4), np.full(4, 2020.0)).shape == (4,)


# --- a granule --------------------------------------------------------------------------------


def test_name_has_time_and_track(granule):
    stamp, rgt, cycle, region, release = NAME.fullmatch(granule.name).groups()
    assert (rgt, cycle, region, release) == ("0858", "02", "11", "006")
    named = Time.strptime(stamp, "%Y%m%d%H%M%S", scale="utc").gps
    with h5py.File(granule) as file:
        epoch = file["ancillary_data/atlas_sdp_gps_epoch"][0]
        times = np.concatenate([file[b]["land_ice_segments/delta_time"][()] for b in BEAMS])
        start = file.attrs["time_coverage_start"].decode()
        first = file["ancillary_data/data_start_utc"][0].decode()
        week = file["ancillary_data/start_gpsweek"][0], file["ancillary_data/start_gpssow"][0]
    assert epoch == Time("2018-01-01T00:00:00", scale="utc").gps
    assert 0 <= times.min() + epoch - named < 3
    assert 300 < np.ptp(times) < 400
    assert 0 <= Time(start[:-1], scale="utc").gps - named < 1
    assert Time(first[:-1], scale="utc").gps == pytest.approx(times.min() + epoch, abs=1e-4)
    assert week[0] * 604800 + week[1] == pytest.approx(times.min() + epoch, abs=1e-4)


def test_beams_cross_the_whole_region(granule):
    with h5py.File(granule) as file:
        for beam in BEAMS:
            lat = file[beam]["land_ice_segments/latitude"][()]
            assert lat[[0, -1]] == pytest.approx([-79, -79], abs=0.1)
            assert np.diff(lat)[0] < 0 < np.diff(lat)[-1]  # turning


def test_segments_come_in_bursts_of_20_m(granule):
    with h5py.File(granule) as file:
        for beam in BEAMS:
            segments = file[beam]["land_ice_segments"]
            segment_id = segments["segment_id"][()]
            time, lat, lon = (segments[k][()] for k in ("delta_time", "latitude", "longitude"))
            assert 975 <= segment_id.size <= 1000
            assert np.all(np.diff(time) > 0)
            steps = np.diff(segment_id)
            assert steps.min() == 1
            assert np.mean(steps == 1) > 0.9
            assert steps.max() > 100
            _, _, metres = WGS84.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
            next_door = steps == 1
            np.testing.assert_allclose(metres[next_door], 20.0, rtol=0.03)
            np.testing.assert_allclose(np.diff(time)[next_door], 2.82e-3, rtol=0.03)
            np.testing.assert_allclose(np.diff(segments["ground_track/x_atc"]), 20.0 * steps)


def test_pair_sees_nearly_the_same(granule):
    with h5py.File(granule) as file:
        ids = {b: file[b]["land_ice_segments/segment_id"][()] for b in BEAMS}
    for pair in ("gt1", "gt2", "gt3"):
        assert len(np.setxor1d(ids[f"{pair}l"], ids[f"{pair}r"])) <= 8
    assert not np.array_equal(ids["gt1l"], ids["gt3l"])


def test_heights_are_the_surface_where_there_is_no_noise(clean):
    with h5py.File(clean) as file:
        for beam in BEAMS:
            segments = file[beam]["land_ice_segments"]
            lon, lat, time = (segments[k][()] for k in ("longitude", "latitude", "delta_time"))
            year = Time(time + 1198800018.0, format="gps").utc.decimalyear
            np.testing.assert_allclose(segments["h_li"], height(lon, lat, year), atol=1e-3)
            assert not segments["atl06_quality_summary"][()].any()


def test_slope_is_that_of_the_heights_along_the_track(clean):
    with h5py.File(clean) as file:
        for beam in BEAMS:
            segments = file[beam]["land_ice_segments"]
            lon, lat = segments["longitude"][()], segments["latitude"][()]
            truth = height(lon, lat, 2021.4)
            inner = np.flatnonzero(np.diff(segments["segment_id"], n=2) == 0) + 1
            inner = inner[np.diff(segments["segment_id"])[inner] == 1]
            rise = truth[inner + 1] - truth[inner - 1]
            slope = segments["fit_statistics/dh_fit_dx"][()]
            assert inner.size > 500
            np.testing.assert_allclose(slope[inner], rise / 40.0, atol=2e-5)
            assert np.abs(slope).max() > 1e-3


def test_good_heights_scatter_by_the_noise(tmp_path):
    path = write_granule(tmp_path, 40, 3, 12, noise=0.5, bad=0.3)
    with h5py.File(path) as file:
        segments = file["gt3r/land_ice_segments"]
        lon, lat, h, q, t = (
            segments[k][()]
            for k in ("longitude", "latitude", "h_li", "atl06_quality_summary", "delta_time")
        )
    error = h - height(lon, lat, Time(t + 1198800018.0, format="gps").utc.decimalyear)
    assert np.std(error[q == 0]) == pytest.approx(0.5, rel=0.15)
    assert abs(np.mean(error[q == 0])) < 0.1
    assert np.mean(q) == pytest.approx(0.3, abs=0.05)
    lost = h[q == 1] > 3e38
    assert 0.3 < lost.mean() < 0.7
    assert np.all(error[q == 1] > 40)  # fills and clouds


def test_fills_stand_where_there_is_no_value(granule):
    with h5py.File(granule) as file:
        for beam in BEAMS:
            segments = file[beam]["land_ice_segments"]
            for path in ("geophysical/tide_ocean", "geophysical/dac"):
                assert np.mean(segments[path][()] == np.float32(3.4028235e38)) > 0.1
            assert 0 < np.mean(segments["geophysical/bsnow_conf"][()] == 127) < 0.5
            values = []
            segments.visititems(lambda _, node, into=values: into.append(node))
            for dataset in (node for node in values if isinstance(node, h5py.Dataset)):
                assert np.all(np.isfinite(dataset[()]))


def test_sun_is_where_astronomy_says(granule):
    from astropy.coordinates import AltAz, EarthLocation, get_sun
    from astropy.utils import iers

    with h5py.File(granule) as file:
        segments = file["gt2r/land_ice_segments"]
        lon, lat, time = (segments[k][::400] for k in ("longitude", "latitude", "delta_time"))
        elevation = segments["geophysical/solar_elevation"][::400]
    when = Time(time + 1198800018.0, format="gps")
    when.delta_ut1_utc = 0.0
    where = EarthLocation(lon=lon, lat=lat)
    with iers.conf.set_temp("auto_download", False):
        sun = get_sun(when).transform_to(AltAz(obstime=when, location=where))
    np.testing.assert_allclose(elevation, sun.alt.deg, atol=3.0)


@pytest.mark.parametrize(
    ("cycle", "orientation", "spots"),
    [(1, "Forward", "654321"), (3, "Backward", "123456")],
)
def test_strong_and_weak_beams_follow_the_orientation(tmp_path, cycle, orientation, spots):
    path = write_granule(tmp_path, 300, cycle, 3, segments=20)
    with h5py.File(path) as file:
        assert file["orbit_info/sc_orient"][0] == (orientation == "Forward")
        for beam, spot in zip(BEAMS, spots, strict=True):
            attributes = {k: v.decode() for k, v in file[beam].attrs.items()}
            assert attributes["atlas_spot_number"] == spot
            assert attributes["atlas_beam_type"] == ("strong" if spot in "135" else "weak")
            assert attributes["sc_orientation"] == orientation
            assert attributes["groundtrack_id"] == beam


def test_whole_region_has_no_gaps():
    first, last = Overpass(1, 1, 14).segment_ids
    pair = pair_segments(np.random.default_rng(0), first, last, 10**6)
    length = WGS84.inv(0, -27, 0, 0)[2]  # a meridian is nearly as long as the track
    assert pair.size == pytest.approx(length / 20, rel=0.03)
    assert (pair[0], pair[-1]) == (first, last)
    assert np.mean(np.diff(pair) == 1) > 0.97


@pytest.mark.parametrize("segments", [1, 2, 7, 60])
def test_small_granules(tmp_path, segments):
    path = write_granule(tmp_path, 5, 1, 4, segments=segments)
    with h5py.File(path) as file:
        for beam in BEAMS:
            assert 1 <= file[beam]["land_ice_segments/h_li"].size <= segments


# --- the format -------------------------------------------------------------------------------


def _datasets(file):
    """All datasets of a file by path."""
    found = {}

    def note(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = node

    file.visititems(note)
    return found


def test_number_of_datasets(clean):
    with h5py.File(clean) as file:
        assert len(_datasets(file)) == 592
        assert {len(_datasets(file[beam])) for beam in BEAMS} == {82}


@pytest.mark.skipif(not REAL.is_file(), reason="no real granules in ../shared/data")
def test_structure_is_that_of_a_real_granule(clean):
    with h5py.File(clean) as ours, h5py.File(REAL) as theirs:
        made, real = _datasets(ours), _datasets(theirs)
        assert made.keys() == real.keys()
        for name, dataset in made.items():
            like = real[name]
            for trait in (
                "dtype", "chunks", "compression", "compression_opts", "shuffle", "fletcher32",
                "ndim", "fillvalue",
            ):  # fmt: skip
                assert getattr(dataset, trait) == getattr(like, trait), (name, trait)
            grows = [None if size is None else 0 for size in dataset.maxshape]
            assert grows == [None if size is None else 0 for size in like.maxshape], name
            for key, value in dataset.attrs.items():
                if key == "description":
                    continue
                np.testing.assert_array_equal(value, like.attrs[key], err_msg=f"{name} {key}")
                assert np.asarray(value).dtype == np.asarray(like.attrs[key]).dtype, (name, key)
            assert ("_FillValue" in dataset.attrs) == ("_FillValue" in like.attrs), name


@pytest.mark.skipif(not REAL.is_file(), reason="no real granules in ../shared/data")
def test_identity_is_that_of_a_real_granule(clean):
    """The same RGT and cycle, another region."""
    with h5py.File(clean) as ours, h5py.File(REAL) as theirs:
        for name in ("rgt", "cycle_number", "orbit_number", "sc_orient"):
            assert ours["orbit_info"][name][0] == theirs["orbit_info"][name][0]
        for name in ("start_rgt", "end_cycle", "start_orbit", "atlas_sdp_gps_epoch", "release"):
            assert ours["ancillary_data"][name][0] == theirs["ancillary_data"][name][0]
        for name in ("short_name", "level", "identifier_product_type"):
            assert ours.attrs[name] == theirs.attrs[name]
        for beam in BEAMS:
            for name, value in ours[beam].attrs.items():
                assert value == theirs[beam].attrs[name]
                assert value.dtype == theirs[beam].attrs[name].dtype
        bins = "gt1l/residual_histogram/bin_top_h"
        np.testing.assert_allclose(ours[bins], theirs[bins], atol=1e-4)
        tide = "gt2r/land_ice_segments/geophysical/tide_earth"
        assert b"tide-free" in ours[tide].attrs["description"]
        for path in ("geophysical/tide_earth_free2mean", "dem/geoid_free2mean"):
            name = f"gt2r/land_ice_segments/{path}"
            lat = theirs["gt2r/land_ice_segments/latitude"][()]
            sine = np.sin(np.radians(ours["gt2r/land_ice_segments/latitude"][()])) ** 2
            line = np.polyfit(sine, ours[name][()], 1)
            expected = np.polyval(line, np.sin(np.radians(lat)) ** 2)
            np.testing.assert_allclose(theirs[name], expected, atol=2e-3)


def test_reference_frame_is_named(clean):
    with h5py.File(clean) as file:
        assert b"ITRF2014 reference frame" in file.attrs["description"]
        assert file.attrs["description"].dtype.kind == "S"


@pytest.mark.parametrize(
    "layout",
    [
        Layout(chunk=64, compression="lzf", shuffle=True, fletcher32=True),
        Layout(compression=None),
        Layout(contiguous=True),
        Layout(chunk=100_000, level=1, shuffle=False),
    ],
)
def test_layout_changes_storage_and_not_values(tmp_path, granule, layout):
    path = write_granule(tmp_path, 858, 2, 11, layout=layout)
    with h5py.File(path) as other, h5py.File(granule) as usual:
        for name, dataset in _datasets(other).items():
            np.testing.assert_array_equal(dataset[:50], usual[name][:50], err_msg=name)
            if "land_ice_segments" in name:
                assert dataset.chunks == (None if layout.contiguous else (layout.chunk,))
                assert dataset.compression == (None if layout.contiguous else layout.compression)
                assert dataset.fletcher32 == layout.fletcher32
                if layout.shuffle is not None:
                    assert dataset.shuffle == layout.shuffle


def test_other_groups_agree_with_the_segments(granule):
    with h5py.File(granule) as file:
        for beam in BEAMS:
            segments = file[beam]["land_ice_segments"]
            found = segments["segment_id"][()]
            tried = file[beam]["segment_quality"]
            assert np.all(np.isin(found, tried["segment_id"]))
            assert np.all(np.diff(tried["segment_id"]) > 0)
            where = np.isin(tried["segment_id"], found)
            assert np.all(tried["signal_selection_source"][~where] == 3)
            np.testing.assert_allclose(tried["reference_pt_lat"][where], segments["latitude"])
            listed = file[beam]["residual_histogram/segment_id_list"][()]
            np.testing.assert_array_equal(np.sort(listed[listed > 0]), found)
            count = file[beam]["residual_histogram/count"]
            assert np.all(count[:5] == 2147483647)
            shares = file["quality_assessment"][beam]
            total = sum(shares[f"signal_selection_source_fraction_{k}"][()] for k in range(4))
            np.testing.assert_allclose(total, 1.0, rtol=1e-5)


# --- reproducible, whole, or damaged as asked ----------------------------------------------------


def test_same_seed_same_bytes(tmp_path, granule):
    again = write_granule(tmp_path / "a", 858, 2, 11)
    assert again.name == granule.name
    assert again.read_bytes() == granule.read_bytes()
    other = write_granule(tmp_path / "b", 858, 2, 11, seed=1)
    assert other.read_bytes() != granule.read_bytes()
    assert [p.name for p in (tmp_path / "a").iterdir()] == [again.name]  # no temporary file


def test_nothing_is_left_of_a_failed_write(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("captools.simulation.defects.cut", fail)
    with pytest.raises(OSError, match="disk full"):
        write_granule(tmp_path, 1, 1, 1, segments=2)
    assert not list(tmp_path.iterdir())


def test_missing_beam(tmp_path):
    with h5py.File(write_granule(tmp_path, 9, 1, 5, segments=9, defects=["missing-beam"])) as file:
        assert sum(beam in file for beam in BEAMS) == 5


def test_no_segments(tmp_path):
    with h5py.File(write_granule(tmp_path, 9, 1, 5, segments=9, defects=["no-segments"])) as file:
        assert all(beam in file for beam in BEAMS)
        assert sum("land_ice_segments" in file[beam] for beam in BEAMS) == 5
        assert all("segment_quality" in file[beam] for beam in BEAMS)


def test_missing_variables(tmp_path):
    path = write_granule(tmp_path, 9, 1, 5, segments=9, defects=["missing-variables"])
    with h5py.File(path) as file:
        assert "rgt" not in file["orbit_info"]
        for beam in BEAMS:
            assert "dac" not in file[beam]["land_ice_segments/geophysical"]
            assert "snr_significance" not in file[beam]["land_ice_segments/fit_statistics"]
            assert "h_li" in file[beam]["land_ice_segments"]


def test_truncated(tmp_path):
    whole = write_granule(tmp_path / "whole", 9, 1, 5, segments=9)
    path = write_granule(tmp_path, 9, 1, 5, segments=9, defects=["truncated"])
    assert path.read_bytes() == whole.read_bytes()[: path.stat().st_size]
    assert path.stat().st_size == pytest.approx(0.6 * whole.stat().st_size, abs=1)
    with pytest.raises(OSError, match="truncated"):
        h5py.File(path)


def test_all_defects_at_once(tmp_path):
    defects = ["no-segments", "missing-variables", "missing-beam"]
    with h5py.File(write_granule(tmp_path, 9, 1, 5, segments=9, defects=defects)) as file:
        assert sum("land_ice_segments" in file.get(beam, ()) for beam in BEAMS) == 4


def test_unknown_defect(tmp_path):
    with pytest.raises(ValueError, match="unknown defect 'hole'"):
        write_granule(tmp_path, 1, 1, 1, defects=["hole"])
