"""Windows on an absolute grid, and the samples that each takes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pieces import SECOND, placed, record, stretch

from captools.das.windows import Grid, Portion, joined

MS = 1_000_000


def times(one):
    """The time of every sample of a stretch, one by one."""
    return np.array(
        [
            portion.record.start_ns + round(number * portion.record.step * SECOND)
            for portion in one.portions
            for number in range(portion.first, portion.stop)
        ]
    )


def cut(start_ns, step, lengths, jitter=()):
    """Records that follow each other, off by parts of a sample."""
    found, at = [], 0
    for number, length in enumerate(lengths):
        off = jitter[number] if number < len(jitter) else 0
        when = start_ns + round((at + off) * step * SECOND)
        found.append(record(f"{number}.h5", when, step, length))
        at += length
    return stretch(*found)


@settings(max_examples=30, deadline=None)
@given(
    start=st.integers(0, 3 * SECOND),
    step=st.sampled_from([0.001, 0.002, 0.005, 1 / 300]),
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=6),
    jitter=st.lists(st.sampled_from([0, 0.3, -0.3, 0.1]), max_size=6),
    hop=st.sampled_from([7 * MS, 20 * MS, 33_333_333]),
    samples=st.integers(2, 60),
)
def test_a_window_begins_at_the_sample_nearest_to_its_time(
    start, step, lengths, jitter, hop, samples
):
    one = cut(start, step, lengths, jitter)
    grid, there = Grid(hop, samples), times(one)
    numbers = grid.within(one)
    starts = grid.starts(one, numbers)
    snap = 0.003 * step * SECOND + 1
    for number, first in zip(numbers, starts, strict=True):
        assert 0 <= first <= len(there) - samples
        best = np.abs(there - grid.time(number)).min()
        assert abs(there[first] - grid.time(number)) <= best + snap
    for outside in (numbers.start - 1, numbers.stop):
        (first,) = grid.starts(one, range(outside, outside + 1))
        if numbers:
            assert first < 0 or first + samples > len(there)


@settings(max_examples=30, deadline=None)
@given(
    edges=st.lists(st.integers(1, 299), unique=True, max_size=5).map(sorted),
    start=st.integers(0, 10) | st.integers(0, 10**18).map(lambda time: time - time % 500_000),
    hop=st.sampled_from([50 * MS, 2_500_000, 7 * MS]),
    samples=st.integers(2, 50),
)
def test_pieces_have_the_windows_of_the_whole(edges, start, hop, samples):
    """Times in the middle of two samples included."""
    lengths = np.diff([0, *edges, 300]).tolist()
    whole, parts = cut(start, 0.001, [300]), cut(start, 0.001, lengths)
    grid = Grid(hop, samples)
    numbers = grid.within(whole)
    assert grid.within(parts) == numbers
    assert np.array_equal(grid.starts(parts, numbers), grid.starts(whole, numbers))


def test_a_drifting_clock_makes_no_gap_and_windows_keep_their_samples():
    lengths = [100] * 20
    one = cut(0, 0.01, lengths, jitter=[0.03 * number for number in range(20)])
    grid = Grid(SECOND // 2, 50)
    numbers = grid.within(one)
    assert numbers == range(0, 40)
    assert np.abs(np.diff(grid.starts(one, numbers)) - 50).max() <= 1


def test_a_stretch_is_cut_across_files():
    one = cut(0, 0.01, [30, 20, 50])
    found = one.cut(25, 60)
    assert [(portion.record.path, portion.first, portion.stop, at) for portion, at in found] == [
        ("0.h5", 25, 30, 0),
        ("1.h5", 0, 20, 5),
        ("2.h5", 0, 10, 25),
    ]
    assert one.cut(-5, 3) == [(Portion(one.portions[0].record, 0, 3), 5)]
    assert one.cut(100, 120) == []


def test_pieces_of_a_record_count_from_their_first_sample():
    long = record("long.h5", 0, 0.01, 500)
    from_middle = stretch(long).__class__((Portion(long, 100, 300),))
    assert from_middle.nearest(np.array([SECOND, 2 * SECOND])).tolist() == [0, 100]
    assert Grid(SECOND, 100).within(from_middle) == range(1, 3)
    assert from_middle.cut(10, 20)[0][0] == Portion(long, 110, 120)


def test_a_window_across_a_gap_takes_what_is_on_both_sides():
    before = stretch(record("a.h5", 0, 0.01, 100))
    after = stretch(record("b.h5", round(1.2 * SECOND), 0.01, 100))
    found = placed([before, after], round(0.9 * SECOND), 50)
    assert [(portion.record.path, portion.first, portion.stop, at) for portion, at in found] == [
        ("a.h5", 90, 100, 0),
        ("b.h5", 0, 20, 30),
    ]
    assert placed([before, after], 5 * SECOND, 50) == []


@pytest.mark.parametrize("off", [-3 * MS, -2 * MS, 0, 2 * MS, 3 * MS])
def test_windows_that_touch_a_stretch_are_all_that_have_a_sample_of_it(off):
    one = stretch(record(start_ns=15 * SECOND + off, samples=3001))
    grid = Grid(15 * SECOND, 3000)
    expected = [number for number in range(-3, 6) if placed([one], grid.time(number), grid.samples)]
    assert [*grid.touching(one)] == expected


def test_too_short_a_stretch_has_no_window():
    one = cut(0, 0.01, [40])
    assert not Grid(SECOND, 41).within(one)
    assert len(Grid(SECOND, 40).within(one)) == 1


def test_ranges_that_touch_are_one():
    assert joined([range(5, 9), range(7, 8), range(9, 9), range(9, 10)]) == [range(5, 10)]
    assert joined([]) == []


@pytest.mark.parametrize("count", [3000])
def test_a_long_record_is_planned_at_once(count):
    one = cut(0, 0.005, [6000] * count)  # 25 hours in files of 30 s
    grid = Grid(SECOND // 10, 200)
    assert len(grid.within(one)) == count * 300 - 9
    assert len(one.cut(17_000_000, 17_012_000)) in (2, 3)
