"""Row masks against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.geo import select

QUICK = settings(max_examples=200, deadline=None)
# Multiples of 1/64 degree, so that adding 360 is exact and edges can be hit.
sixty_fourths = st.integers(-180 * 64, 360 * 64).map(lambda k: k / 64)
edges = sixty_fourths | st.sampled_from([-180.0, -90.0, 0.0, 90.0, 180.0, 270.0, 360.0])
latitudes = st.integers(-90, 90).map(float)


@st.composite
def boxes(draw):
    west = draw(edges)
    east = draw(edges.filter(lambda value: west - value not in (0, 360)))
    south, north = sorted(draw(st.lists(latitudes, min_size=2, max_size=2, unique=True)))
    return west, east, south, north


def lies_in(lon, lat, box):
    """Walk east from W to the first E on the way: is the longitude, or a copy of it, there?"""
    west, east, south, north = box
    if east < west:
        east = next(east + turn for turn in (360, 720) if east + turn >= west)
    copies = [lon + turn for turn in range(-1080, 1081, 360)]
    return south <= lat <= north and any(west <= copy <= east for copy in copies)


# --- box ----------------------------------------------------------------------


@QUICK
@given(boxes(), st.lists(st.tuples(edges, latitudes), max_size=20))
def test_in_box_is_the_walk_from_west_to_east(box, points):
    points += [(box[0], box[2]), (box[1], box[3])]  # its corners
    lon, lat = np.array(points).T
    expected = [lies_in(*point, box) for point in points]
    assert select.in_box(lon, lat, box).tolist() == expected


@QUICK
@given(boxes(), st.lists(st.integers(-180 * 64, 180 * 64), min_size=1, max_size=20))
def test_in_box_takes_longitudes_of_both_kinds(box, lon):
    lon = np.array(lon) / 64
    lat = np.full(len(lon), box[2])
    positive = np.where(lon < 0, lon + 360, lon)
    inside = select.in_box(lon, lat, box).tolist()
    assert select.in_box(positive, lat, box).tolist() == inside
    assert select.in_box(lon + 360, lat, box).tolist() == inside


@pytest.mark.parametrize(
    ("west", "east", "inside"),
    [
        (0, 10, [0, 5, 10]),  # W = 0 is an edge like any other; the predecessor ignored such boxes
        (-10, 0, [-10, -5, 0]),
        (-1, 1, [0]),
        (170, -170, [170, 175, 180, -180, -170]),
        (170, 190, [170, 175, 180, -180, -170]),  # the same, counted from 0 to 360
        (350, 10, [-10, -5, 0, 5, 10]),
        (350, 360, [-10, -5, 0]),
        (200, 220, [-160, -150]),
        (0, -170, [0, 5, 10, 30, 170, 175, 180, -180, -170]),
    ],
)
def test_in_box_by_hand(west, east, inside):
    lon = np.array([-180, -170, -160, -150, -100, -30, -10, -5, 0, 5, 10, 30, 170, 175, 180.0])
    found = lon[select.in_box(lon, np.full(len(lon), -75.0), (west, east, -80, -70))]
    assert sorted(found) == sorted(inside)


@pytest.mark.parametrize(("west", "east"), [(-180, 180), (0, 360), (-180, 360), (-90, 300)])
def test_in_box_all_around_takes_every_longitude(west, east):
    lon = np.arange(-180.0, 361.0, 7.5)
    assert select.in_box(lon, np.zeros(len(lon)), (west, east, -1, 1)).all()


def test_in_box_includes_its_edges_in_latitude():
    lat = np.array([-80.001, -80.0, -75.0, -70.0, -69.999])
    inside = select.in_box(np.zeros(5), lat, (-1, 1, -80, -70))
    assert inside.tolist() == [False, True, True, True, False]


def test_in_box_leaves_nan_out():
    lon, lat = np.array([np.nan, 0.0, 0.0]), np.array([0.0, np.nan, 0.0])
    assert select.in_box(lon, lat, (-180, 180, -1, 1)).tolist()[1:] == [False, True]
    assert select.in_box(lon, lat, (-10, 10, -1, 1)).tolist() == [False, False, True]


def test_check_box_returns_floats():
    box = select.check_box(("170", -170, -80, np.float32(-70)))
    assert box == (170.0, -170.0, -80.0, -70.0)
    assert {type(value) for value in box} == {float}


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((-181, 0, -80, -70), "W and E must lie within -180 to 360 degrees"),
        ((0, 361, -80, -70), "W and E must lie within -180 to 360 degrees"),
        ((float("nan"), 0, -80, -70), "W and E must lie within -180 to 360 degrees"),
        ((-10, 10, -91, -70), "S and N must lie within -90 to 90 degrees"),
        ((-10, 10, 80, 90.5), "S and N must lie within -90 to 90 degrees"),
        ((-80, -70, 100, 120), "S and N must lie within -90 to 90 degrees"),  # order mixed up
        ((-10, 10, -70, -80), "is empty: S must be below N"),
        ((-10, 10, -70, -70), "is empty: S must be below N"),
        ((10, 10, -80, -70), "is empty: .*W differ from E"),
        ((180, -180, -80, -70), "is empty: .*W differ from E"),  # one meridian, named twice
        ((360, 0, -80, -70), "is empty: .*W differ from E"),
    ],
)
def test_check_box_says_what_is_wrong(box, reason):
    numbers = " ".join(f"{value:g}" for value in box)
    with pytest.raises(ValueError, match=rf"box {numbers} \(W E S N\).*{reason}"):
        select.check_box(box)


def test_in_box_refuses_a_bad_box():
    with pytest.raises(ValueError, match="is empty"):
        select.in_box(np.zeros(1), np.zeros(1), (0, 0, -1, 1))


@pytest.mark.parametrize("kind", [list, np.array, lambda box: np.array(box, "f4"), iter])
def test_check_box_takes_any_sequence_and_gives_plain_floats(kind):
    box = select.check_box(kind([170, -170.5, -80, -70]))
    assert box == (170.0, -170.5, -80.0, -70.0)
    assert {type(value) for value in box} == {float}


# --- time ---------------------------------------------------------------------


def test_in_span_holds_its_start_and_not_its_end():
    t = np.array([9.999, 10.0, 15.0, 19.999, 20.0, np.nan])
    assert select.in_span(t, (10.0, 20.0)).tolist() == [False, True, True, True, False, False]


@QUICK
@given(
    st.lists(st.integers(0, 30).map(float), max_size=20),
    st.lists(st.integers(0, 30), min_size=3, max_size=3, unique=True),
)
def test_spans_that_meet_share_no_time_and_lose_none(times, cuts):
    start, middle, end = sorted(cuts)
    t = np.array(times)
    first, second = select.in_span(t, (start, middle)), select.in_span(t, (middle, end))
    assert not (first & second).any()
    assert (first | second).tolist() == [start <= time < end for time in times]


# --- along the track ------------------------------------------------------------


def agrees(h, slope, segment_id, tolerance):
    """Decide segment by segment."""
    result = []
    for i in range(len(h)):
        agree = True
        for j, metres in ((i - 1, 20.0), (i + 1, -20.0)):
            if 0 <= j < len(h) and abs(int(segment_id[j]) - int(segment_id[i])) == 1:
                predicted = h[j] + metres * slope[j]
                if not (np.isnan(predicted) or np.isnan(h[i])):
                    agree = agree and abs(h[i] - predicted) <= tolerance
        result.append(agree)
    return result


heights = st.integers(-40, 40).map(lambda k: k / 4) | st.just(float("nan"))
slopes = st.integers(-4, 4).map(lambda k: k / 16) | st.just(float("nan"))  # 20 m of it are exact
segments = st.lists(st.tuples(heights, slopes, st.integers(1, 3)), min_size=1, max_size=30)


@QUICK
@given(segments, st.sampled_from([0.0, 1.25, 2.0, 10.0]), st.sampled_from(["f4", "f8"]))
def test_segments_agree_is_the_plain_loop(rows, tolerance, dtype):
    h, slope, steps = (np.array(column) for column in zip(*rows, strict=True))
    segment_id = np.cumsum(steps).astype("i4") + 100_000
    found = select.segments_agree(h.astype(dtype), slope.astype(dtype), segment_id, tolerance)
    assert found.tolist() == agrees(h, slope, segment_id, tolerance)


def test_segments_agree_on_a_plane_whatever_its_slope():
    segment_id = np.arange(50)
    for slope in (-0.5, 0.0, 0.3):
        h = 1000 + slope * 20.0 * segment_id
        assert select.segments_agree(h, np.full(50, slope), segment_id, 1e-6).all()


def test_a_jump_condemns_both_of_its_sides_but_not_across_a_gap():
    h, flat = np.array([0.0, 0.0, 50.0, 50.0]), np.zeros(4)
    assert select.segments_agree(h, flat, np.array([1, 2, 3, 4]), 2.0).tolist() == [
        True,
        False,
        False,
        True,
    ]
    assert select.segments_agree(h, flat, np.array([1, 2, 4, 5]), 2.0).all()


def test_heights_that_float32_cannot_subtract_are_compared_in_full():
    # 9999.8 and 9999.9 in float32 differ by 0.0996; float32 arithmetic would add its own error.
    h = np.array([9999.8, 9999.9], dtype="f4")
    limit = abs(float(h[1]) - float(h[0]))
    flat = np.zeros(2, "f4")
    assert select.segments_agree(h, flat, np.array([1, 2]), limit).all()
    assert not select.segments_agree(h, flat, np.array([1, 2]), limit * (1 - 1e-9)).any()


@pytest.mark.parametrize("count", [0, 1])
def test_segments_without_neighbours_agree(count):
    nothing = np.zeros(count)
    assert (
        select.segments_agree(nothing, nothing, nothing.astype(int), 0.0).tolist() == [True] * count
    )


@pytest.mark.parametrize("tolerance", [2, 0.5, np.float32(2), "1e-3"])
def test_check_tolerance_returns_a_float(tolerance):
    found = select.check_tolerance(tolerance)
    assert (found, type(found)) == (float(tolerance), float)


@pytest.mark.parametrize("tolerance", [0, 0.0, -1, float("nan"), float("inf"), np.float32("nan")])
def test_check_tolerance_refuses_what_would_keep_all_or_nothing(tolerance):
    with pytest.raises(ValueError, match=rf"tolerance {tolerance} must be a positive number"):
        select.check_tolerance(tolerance)
