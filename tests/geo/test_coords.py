"""Times against astropy, projections against Snyder's formulas, directions against an orbit."""

import warnings
from datetime import UTC, date, datetime, timedelta, timezone

import erfa
import numpy as np
import pyproj
import pytest
from astropy.time import Time
from astropy.utils import iers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from captools.geo import coords
from captools.geo.time import decimal_year, gps_of_decimal_year, parse_span, parse_time, plain_time

LEAP_DAYS = ["1981-06-30", "1990-12-31", "2005-12-31", "2008-12-31", "2012-06-30", "2015-06-30"]
LEAP_DAYS += ["2016-12-31"]
QUICK = settings(max_examples=100, deadline=None)


@pytest.fixture(scope="module", autouse=True)
def _no_download():
    with iers.conf.set_temp("auto_download", False):
        yield


def astropy_years(t_gps):
    """Return decimal years by astropy, which is off by 4e-11 within a leap second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)  # "dubious year": before 1960, far ahead
        return Time(t_gps, format="gps").utc.decimalyear


def gps_seconds(*utc):
    """Return GPS seconds by the calendar of the standard library, for 2017 and later."""
    since = datetime(*utc, tzinfo=UTC) - datetime(1980, 1, 6, tzinfo=UTC)
    return since.total_seconds() + 18  # leap seconds between 1980 and 2017


# --- time -------------------------------------------------------------------


@pytest.mark.parametrize("day", [*LEAP_DAYS, "2019-12-31", "2020-02-29", "2020-12-31"])
def test_decimal_year_is_that_of_astropy_around_leap_seconds_and_year_ends(day):
    midnight = Time(day, scale="utc").gps
    hours = np.linspace(-26, 50, 77) * 3600
    seconds = 86400 + np.linspace(-3, 3, 61)  # across the leap second itself
    t_gps = midnight + np.concatenate([hours, seconds])
    np.testing.assert_allclose(decimal_year(t_gps), astropy_years(t_gps), rtol=0, atol=1e-10)


def test_a_leap_second_is_the_last_of_the_86401_of_its_day():
    t_gps = gps_seconds(2017, 1, 1) - np.array([0.5, 1.0, 86401.0])
    left = np.array([0.5, 1.0, 86401.0]) / 86401 / 366  # years, 2016 having 366 days
    np.testing.assert_allclose(decimal_year(t_gps), 2017 - left, rtol=0, atol=5e-13)


@QUICK
@given(st.floats(-432000.0, gps_seconds(2100, 12, 31)))
def test_decimal_year_is_that_of_astropy_at_any_time(t_gps):
    assert decimal_year(t_gps) == pytest.approx(astropy_years(t_gps), rel=0, abs=1e-10)


def test_decimal_year_of_known_instants():
    t_gps = [gps_seconds(2018, 1, 1), gps_seconds(2019, 7, 2, 12), gps_seconds(2020, 7, 2)]
    assert decimal_year(np.array(t_gps)).tolist() == [2018.0, 2019.5, 2020.5]


def test_decimal_year_is_utc_and_not_the_tai_of_the_predecessor():
    # Its years were 37 s ahead in 2019 (facts/atl06.md, defect 2).
    ahead = Time(1.2e9, format="gps").decimalyear - decimal_year(1.2e9)
    assert ahead * 365 * 86400 == pytest.approx(37.0, abs=1e-4)


@QUICK
@given(st.floats(-4e5, 3.8e9), st.floats(1e-3, 1e7))
def test_decimal_year_never_runs_backwards(t_gps, later):
    assume(t_gps + later < 3.8e9)
    assert decimal_year(t_gps) < decimal_year(t_gps + later)


@QUICK
@given(st.floats(-432000.0, 3.8e9))
def test_decimal_year_and_back_is_the_same_time(t_gps):
    # A float64 of a year near 2020 resolves 7 microseconds.
    back = gps_of_decimal_year(decimal_year(t_gps))
    assert back == pytest.approx(t_gps, rel=0, abs=2e-5)


def test_decimal_year_keeps_the_shape_and_is_nan_out_of_range():
    t_gps = np.array([[1.2e9, np.nan, np.inf], [-432001.0, 4e9, -np.inf]])
    years = decimal_year(t_gps)
    assert years.shape == (2, 3)
    assert np.isfinite(years).tolist() == [[True, False, False], [False, False, False]]
    years = np.array([1979.99, 1980.0, 2100.99, 2101.01, np.nan])
    back = np.isfinite(gps_of_decimal_year(years))
    assert back.tolist() == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2019-01-31", (2019, 1, 31)),
        (" 2019-01-31 ", (2019, 1, 31)),
        ("2019-03", (2019, 3, 1)),
        ("2019-01-31T12:30", (2019, 1, 31, 12, 30)),
        ("2019-01-31 12:30:15", (2019, 1, 31, 12, 30, 15)),
        ("2019-01-31T12:30:15.25Z", (2019, 1, 31, 12, 30, 15, 250000)),
        ("2019", (2019, 1, 1)),
        ("2019.5", (2019, 7, 2, 12)),
        (2020.5, (2020, 7, 2)),
        (2018, (2018, 1, 1)),
        ("2100-12-31T23:59:59", (2100, 12, 31, 23, 59, 59)),
    ],
)
def test_parse_time_takes_iso_dates_and_decimal_years(text, utc):
    assert parse_time(text) == gps_seconds(*utc)


@pytest.mark.parametrize("day", LEAP_DAYS)
def test_parse_time_counts_leap_seconds(day):
    for text in (day, f"{day}T18:00:00", f"{day}T23:59:59.5"):
        assert parse_time(text) == pytest.approx(Time(text, scale="utc").gps, abs=1e-6)
    next_day = str(np.datetime64(day) + np.timedelta64(1, "D"))
    assert parse_time(next_day) - parse_time(day) == 86401


# "now" and offsets from UTC are what numpy would take: a result must not hang on the
# clock, and numpy's way with offsets is deprecated.
@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "31.01.2019",
        "2019-13-01",
        "2019-02-29",
        "2019-01-31T25:00",
        "2016-12-31T23:59:60",
        "2019-01-31T12:00+01:00",
        "now",
        "NaT",
    ],
)
def test_parse_time_refuses_what_is_no_time(text):
    with pytest.raises(
        ValueError, match=r"is neither an ISO date .* nor a decimal year"
    ) as refused:
        parse_time(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["1979-12-31", "1979.9", "2101-01-01", "2500", "nan", "20190131"])
def test_parse_time_refuses_times_without_a_year_of_the_satellite_age(text):
    with pytest.raises(ValueError, match=rf"time '{text}' is outside 1980 to 2100"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("2019-01-31", [date(2019, 1, 31), datetime(2019, 1, 31), np.datetime64("2019-01-31")]),
        ("2019-01-31", [" 2019-01-31 ", "2019-01-31T00:00Z", np.datetime64("2019-01-31", "ns")]),
        ("2019-03-01", ["2019-03", np.datetime64("2019-03")]),
        (
            "2019-01-31T12:30",
            [
                datetime(2019, 1, 31, 12, 30),
                datetime(2019, 1, 31, 12, 30, tzinfo=UTC),
                datetime(2019, 1, 31, 7, 30, tzinfo=timezone(timedelta(hours=-5))),
                "2019-01-31 12:30:00.000Z",
            ],
        ),
        ("2019-01-31T12:30:15.250", [datetime(2019, 1, 31, 12, 30, 15, 250000)]),
        ("2019.0", [2019, 2019.0, "2019", np.int64(2019), np.float32(2019), np.datetime64("2019")]),
    ],
)
def test_plain_time_is_one_for_all_that_mean_the_same(text, others):
    assert plain_time(text) == text
    for time in others:
        assert plain_time(time) == text
    assert parse_time(text) == parse_time(plain_time(others[0]))


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@QUICK
@given(st.datetimes(datetime(1980, 1, 7), datetime(2100, 12, 30), timezones=zones))
def test_plain_time_of_a_moment_is_utc_to_the_microsecond(moment):
    utc = plain_time(moment)
    assert datetime.fromisoformat(utc).replace(tzinfo=UTC) == moment


@pytest.mark.parametrize(
    "time", [None, np.datetime64("NaT", "s"), "now", float("nan"), 1979, (2019,)]
)
def test_plain_time_refuses_what_is_no_time(time):
    with pytest.raises(ValueError, match=r"is neither an ISO date|is outside 1980 to 2100"):
        plain_time(time)


def test_parse_span_gives_both_ends_in_gps_seconds():
    span = parse_span(("2019-01-01", "2019.5"))
    assert span == (gps_seconds(2019, 1, 1), gps_seconds(2019, 7, 2, 12))


@pytest.mark.parametrize("span", [("2019-02-01", "2019-01-31"), ("2019", "2019-01-01")])
def test_parse_span_refuses_an_empty_span(span):
    with pytest.raises(ValueError, match=rf"time span {span[0]} {span[1]} is empty.*later"):
        parse_span(span)


def test_parse_span_names_the_end_that_is_no_time():
    with pytest.raises(ValueError, match="'soon' is neither"):
        parse_span(("2019", "soon"))


# --- place ------------------------------------------------------------------


def polar_stereographic(lon, lat, true_scale, lon_0):
    """Snyder, Map Projections (1987), equations 15-9, 14-15, 21-33, 21-34, southern aspect."""
    a, f = 6378137.0, 1 / 298.257223563
    e = np.sqrt(2 * f - f * f)

    def t(phi):
        return np.tan(np.pi / 4 - phi / 2) * ((1 + e * np.sin(phi)) / (1 - e * np.sin(phi))) ** (
            e / 2
        )

    phi_c = np.radians(true_scale)
    m_c = np.cos(phi_c) / np.sqrt(1 - (e * np.sin(phi_c)) ** 2)
    rho = a * m_c * t(np.radians(-lat)) / t(phi_c)
    return rho * np.sin(np.radians(lon - lon_0)), rho * np.cos(np.radians(lon - lon_0))


def test_antarctic_coordinates_follow_snyder():
    lon, lat = map(np.ravel, np.meshgrid(np.arange(-180.0, 181, 15), np.arange(-89.5, -50, 2.5)))
    x, y = coords.project(lon, lat, "EPSG:3031")
    expected_x, expected_y = polar_stereographic(lon, lat, 71, 0)
    np.testing.assert_allclose(x, expected_x, rtol=0, atol=1e-4)
    np.testing.assert_allclose(y, expected_y, rtol=0, atol=1e-4)


def test_arctic_coordinates_follow_snyder():
    # The north is the south seen in a mirror: y changes its sign.
    lon, lat = map(np.ravel, np.meshgrid(np.arange(-180.0, 181, 15), np.arange(50, 89.6, 2.5)))
    x, y = coords.project(lon, lat, "EPSG:3413")
    expected_x, expected_y = polar_stereographic(lon, -lat, 70, -45)
    np.testing.assert_allclose(x, expected_x, rtol=0, atol=1e-4)
    np.testing.assert_allclose(y, -expected_y, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("crs", "hemisphere"), [("EPSG:3031", -1), ("EPSG:3413", 1)])
def test_projecting_and_back_returns_within_a_millimetre(crs, hemisphere):
    random = np.random.default_rng(1)
    lon, lat = random.uniform(-180, 180, 500), hemisphere * random.uniform(55, 89.9, 500)
    x, y = coords.project(lon, lat, crs)
    there = pyproj.Proj(crs)(x, y, inverse=True)  # pyproj's own inverse
    back = coords.transform(x, y, crs, "EPSG:4326")
    for lon_back, lat_back in (there, back):
        *_, metres = pyproj.Geod(ellps="WGS84").inv(lon, lat, lon_back, lat_back)
        assert np.max(metres) < 1e-3


def test_longitudes_of_both_kinds_project_alike():
    lon, lat = np.array([-170.0, -1.0, 10.0]), np.array([-70.0, -80.0, -75.0])
    np.testing.assert_allclose(
        coords.project(lon + 360, lat, "EPSG:3031"),
        coords.project(lon, lat, "EPSG:3031"),
        atol=1e-6,
    )


def test_what_cannot_be_projected_is_nan_and_spares_its_neighbours():
    lon, lat = np.array([0.0, np.nan, 0.0, 0.0, np.inf]), np.array([-80.0, -80, np.nan, 95, -80])
    x, y = coords.project(lon, lat, "EPSG:3031")
    assert np.isnan(x).tolist() == np.isnan(y).tolist() == [False, True, True, True, True]


def test_points_outside_the_domain_of_a_crs_are_nan_in_both_axes():
    # The orthographic projection shows one half of the globe, the gnomonic one less than that.
    lon, lat = np.arange(-175.0, 180.0, 10.0), np.full(36, -80.0)
    seen = np.cos(np.radians(lon - 42)) > 0
    x, y = coords.project(lon, lat, "+proj=ortho +lat_0=0 +lon_0=42 +R=6371000")
    assert np.isfinite(x).tolist() == np.isfinite(y).tolist() == seen.tolist()
    x, y = coords.project(lon, lat, "+proj=gnom +lat_0=90 +R=6371000")
    assert np.isnan(x).all()
    assert np.isnan(y).all()


def test_projecting_nothing_gives_nothing():
    x, y = coords.project(np.array([]), np.array([]), "EPSG:3031")
    assert (x.shape, y.shape) == ((0,), (0,))


@pytest.mark.parametrize(
    "crs",
    [
        *("3031", 3031, " 3031 ", "EPSG:3031", "epsg:3031", np.int64(3031), np.uint16(3031)),
        pyproj.CRS("EPSG:3031"),
        pyproj.CRS.from_wkt(pyproj.CRS("EPSG:3031").to_wkt()),
    ],
)
def test_crs_name_is_one_for_all_spellings(crs):
    assert coords.crs_name(crs) == "EPSG:3031"


def test_crs_name_of_a_proj_string_still_means_the_same_projection():
    name = coords.crs_name("+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=0 +datum=WGS84")
    lon, lat = np.array([12.0, -120.0]), np.array([-75.0, -82.0])
    np.testing.assert_allclose(
        coords.project(lon, lat, name), coords.project(lon, lat, "EPSG:3031"), atol=1e-6
    )


@pytest.mark.parametrize("crs", ["99999", "", "polar", "-1", "²"])
def test_crs_name_refuses_what_pyproj_does_not_know(crs):
    with pytest.raises(ValueError, match=rf"CRS '{crs}' is not known to pyproj: .*EPSG number"):
        coords.crs_name(crs)


@pytest.mark.parametrize(("crs", "name"), [("5703", "NAVD88 height"), ("4978", "WGS 84")])
def test_crs_name_refuses_heights_and_geocentric_axes(crs, name):
    with pytest.raises(ValueError, match=rf"CRS '{crs}' \({name}\) has no horizontal axes"):
        coords.crs_name(crs)


@pytest.mark.parametrize("crs", ["IAU_2015:30100", "IAU_2015:30130"])
def test_crs_name_refuses_what_lies_on_another_body(crs):
    with pytest.raises(ValueError, match=rf"CRS '{crs}' \(Moon .*cannot be reached from lon/lat"):
        coords.crs_name(crs)


@pytest.mark.parametrize(
    ("crs", "unit"), [("EPSG:3031", "m"), ("EPSG:4326", "degree"), ("EPSG:2263", "US survey foot")]
)
def test_crs_unit(crs, unit):
    assert coords.crs_unit(crs) == unit


@given(st.integers(-540, 720), st.integers(-360, 360))
@QUICK
def test_wrap_turns_longitudes_into_the_circle_east_of_west(lon, west):
    expected = next(lon + 360 * k for k in range(-9, 9) if west <= lon + 360 * k < west + 360)
    assert coords.wrap(np.array([float(lon)]), float(west)).tolist() == [expected]


@QUICK
@given(st.lists(st.integers(-180, 179), min_size=1, max_size=8))
def test_lon_bounds_is_the_smallest_arc(lon):
    west, east = coords.lon_bounds(np.array(lon, dtype=float))
    smallest = min(max((other - start) % 360 for other in lon) for start in lon)
    assert (east - west) % 360 == smallest
    assert west in lon
    assert all((other - west) % 360 <= smallest for other in lon)
    assert (west > east) == (west + smallest >= 180)  # W > E says: crosses the antimeridian


@pytest.mark.parametrize(
    ("lon", "bounds"),
    [
        ([-10, 20, 5], (-10, 20)),
        ([-90, 90], (-90, 90)),  # both arcs are equally long: the one that does not cross
        ([-91, 90], (90, -91)),
        ([170, -175, 179], (170, -175)),
        ([-110, 0, 110], (-110, 110)),
        ([42], (42, 42)),
    ],
)
def test_lon_bounds_by_hand(lon, bounds):
    assert coords.lon_bounds(np.array(lon, dtype=float)) == bounds


def test_lon_bounds_of_the_antimeridian_itself_is_a_point():
    west, east = coords.lon_bounds(np.array([180.0, -180.0, 180.0]))
    assert (west - east) % 360 == 0


# --- direction --------------------------------------------------------------


def overpass(start, stop, count, across=0.0):
    """Return latitudes, times and truth of a ground track of ICESat-2.

    The satellite flies from argument of latitude `start` to `stop` (degrees; 90 is the
    northern, 270 the southern turning point) on an orbit of inclination 92, and the
    track lies `across` degrees beside its nadir.
    """
    u, inclination = np.radians(np.linspace(start, stop, count)), np.radians(92)
    beside = np.radians(across)
    sine = np.cos(beside) * np.sin(inclination) * np.sin(u) + np.sin(beside) * np.cos(inclination)
    return np.degrees(np.arcsin(sine)), u * 5640 / (2 * np.pi), np.cos(u)


arcs = st.tuples(
    st.floats(0, 360),  # start
    st.floats(0.5, 60),  # length
    st.integers(12, 200),  # points
    st.floats(-0.03, 0.03),  # across: the outer pairs are 3.3 km beside the middle one
)


def legs(cosine):
    """Return the number of points before and after the turning point."""
    ascending = int((cosine > 0).sum())
    return sorted((ascending, len(cosine) - ascending))


@QUICK
@given(arcs)
def test_is_ascending_follows_the_orbit_to_the_point(arc):
    start, length, count, across = arc
    lat, t, cosine = overpass(start, start + length, count, across)
    step = np.radians(length / (count - 1))
    # A leg of one point within half a step of the turning point cannot be seen.
    assume(legs(cosine)[0] != 1)
    sure = np.abs(cosine) > 1e-3 * step
    found = coords.is_ascending(lat, t)
    assert found.dtype == bool
    np.testing.assert_array_equal(found[sure], (cosine > 0)[sure])


@QUICK
@given(arcs, st.floats(0, 1), st.floats(0, 0.5), st.integers(0, 2**32 - 1))
def test_is_ascending_bears_gaps_and_missing_points(arc, gap_from, gap_length, seed):
    start, length, count, across = arc
    lat, t, cosine = overpass(start, start + length, count, across)
    step = np.radians(length / (count - 1))
    along = np.linspace(0, 1, count)
    keep = (along < gap_from) | (along > gap_from + gap_length)
    keep &= np.random.default_rng(seed).random(count) < 0.9
    lat, t, cosine = lat[keep], t[keep], cosine[keep]
    assume(len(lat) >= 2 and legs(cosine)[0] != 1)
    sure = np.abs(cosine) > np.sin(step)  # next to the turning point a gap may hide the truth
    found = coords.is_ascending(lat, t)
    np.testing.assert_array_equal(found[sure], (cosine > 0)[sure])


@QUICK
@given(arcs)
def test_is_ascending_turns_round_with_time_and_with_latitude(arc):
    start, length, count, across = arc
    lat, t, cosine = overpass(start, start + length, count, across)
    assume(
        np.abs(cosine).min() > 1e-6
    )  # the direction on the very turning point is a matter of taste
    found = coords.is_ascending(lat, t)
    np.testing.assert_array_equal(coords.is_ascending(-lat, t), ~found)
    np.testing.assert_array_equal(coords.is_ascending(lat[::-1], -t[::-1]), ~found[::-1])


@pytest.mark.parametrize(
    ("start", "stop", "ascending"),
    [
        (0, 27, True),  # region 01
        (59.5, 80, True),  # 03: the last point used to be called descending
        (100, 120.5, False),  # 05
        (230, 259, False),  # 10
        (281, 310, True),  # 12: so was the last point here
    ],
)
def test_is_ascending_gives_one_sided_tracks_one_direction(start, stop, ascending):
    lat, t, _ = overpass(start, stop, 1837)
    assert coords.is_ascending(lat, t).tolist() == [ascending] * 1837


@pytest.mark.parametrize("turn", [90, 270])
def test_is_ascending_is_not_led_astray_by_scatter_at_the_turning_point(turn):
    # 20 m segments whose points lie up to 2 m beside the line: near the turning point
    # latitude changes by less than that from one to the next.
    step = 360 * 20 / 40.0e6
    lat, t, cosine = overpass(turn - 4000 * step, turn + 4000 * step, 8001)
    lat = lat + np.random.default_rng(3).uniform(-2, 2, lat.shape) / 111e3
    wrong = coords.is_ascending(lat, t) != (cosine > 0)
    # The parabola of the track is 2 m high 700 m from the top: errors only within that.
    around = np.radians(1500 / 111.2e3)
    assert not wrong[np.abs(cosine) > around].any()


def test_is_ascending_gives_a_gap_at_the_turning_point_to_the_right_legs():
    # Two legs through a box beside the pole; the extreme point is the end of one of them.
    # A label by the mere difference of its neighbours would follow the step across the gap.
    first, second = np.linspace(-79.0, -80.0, 11), np.linspace(-80.0, -79.0, 11)
    t = np.concatenate([np.arange(11.0), 500 + np.arange(11.0)])
    for shift in (0.5, -0.5):  # the first leg reaches farther south, then the second
        lat = np.append(first, second + shift)
        assert coords.is_ascending(lat, t).tolist() == [False] * 11 + [True] * 11


@pytest.mark.parametrize("turn", [90, 270])
@pytest.mark.parametrize("gap", [(-0.25, 2), (-2, 0.25), (-0.25, 0.45), (-4, 0.5), (0.15, 3)])
def test_is_ascending_bears_a_gap_beside_the_turning_point(turn, gap):
    lat, t, cosine = overpass(turn - 5.04, turn + 5.06, 102)  # every 0.1 degrees
    u = np.linspace(-5.04, 5.06, 102)
    seen = (u < gap[0]) | (u > gap[1])
    found = coords.is_ascending(lat[seen], t[seen])
    np.testing.assert_array_equal(found, cosine[seen] > 0)


def test_is_ascending_of_two_points():
    t = np.array([0.0, 1.0])
    assert coords.is_ascending(np.array([-80.0, -79.0]), t).tolist() == [True, True]
    assert coords.is_ascending(np.array([80.0, 79.0]), t).tolist() == [False, False]
