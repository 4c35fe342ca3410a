"""Statistics from whole numbers: right, and the same bits however the values are parted."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plainstatistics import plainly

from captools.gnss.observations import Cells
from captools.gnss.statistics import (
    DAY_MS,
    Grouping,
    expected_epochs,
    joined,
    statistics,
    sums_of,
    without_days,
)

HOUR_MS = 3_600_000
NOON = int(np.datetime64("2024-05-06T12:00", "ms").astype(int))


def cells_of(rows):
    """Columns of rows of time (ms), system, satellite and code."""
    time, system, satellite, code = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Cells(
        np.array(time, "i8").astype("M8[ms]"),
        np.array(system, "S1"),
        np.array(satellite, "u1"),
        np.array(code, "S2"),
    )


def summed(rows, values, grouping, zeros=None):
    places = None if zeros is None else cells_of(zeros)
    return sums_of(cells_of(rows), np.array(values, "i4"), grouping, places)


def as_rows(columns):
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def assert_is(columns, expected):
    """All is exactly as expected, but the linear mean, which is rounded elsewhere, nearly."""
    rows = as_rows(columns)
    linear = [row.pop("linear", None) for row in rows]
    near = [row.pop("linear", None) for row in expected]
    assert rows == expected
    assert linear == [value if value is None else pytest.approx(value, rel=1e-12) for value in near]


places = st.tuples(
    st.integers(0, 3 * 24 * 4).map(lambda quarter: NOON + quarter * 900_000),
    st.sampled_from("GRE"),
    st.integers(1, 3),
    st.sampled_from(["1C", "2W"]),
)
days = st.dictionaries(places, st.integers(1, 99_999), max_size=40)
groupings = st.builds(
    Grouping, st.sampled_from(["day", "hour", "file"]), st.booleans(), st.booleans()
)


@given(days, groupings, st.lists(places, max_size=5, unique=True))
def test_they_are_those_of_a_plain_loop(values, grouping, zeros):
    zeros = [place for place in zeros if place not in values]
    found = statistics(summed(list(values), list(values.values()), grouping, zeros), grouping)
    assert_is(found, plainly(list(values), values.values(), grouping, zeros))


@given(days, groupings, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_parts_in_any_order_give_the_same_bits(values, grouping, random, count):
    whole = statistics(summed(list(values), list(values.values()), grouping), grouping)
    rows = list(values.items())
    random.shuffle(rows)
    cut = sorted(random.choices(range(len(rows) + 1), k=count - 1))
    parts = [rows[a:b] for a, b in zip([0, *cut], [*cut, len(rows)], strict=True)]
    sums = [summed([row for row, _ in part], [x for _, x in part], grouping) for part in parts]
    again = statistics(joined(sums), grouping)
    del whole["epochs"], again["epochs"]  # these parts share epochs: see below
    assert again == whole


@given(days, groupings, st.lists(st.integers(0, 3 * 24 * 4), max_size=4))
def test_parts_one_after_another_have_the_epochs_of_the_whole(values, grouping, cuts):
    whole = statistics(summed(list(values), list(values.values()), grouping), grouping)
    edges = [-math.inf, *(NOON + cut * 900_000 for cut in sorted(cuts)), math.inf]
    sums = []
    for begin, end in pairwise(edges):
        part = {row: value for row, value in values.items() if begin <= row[0] < end}
        sums.append(summed(list(part), list(part.values()), grouping))
    assert statistics(joined(sums), grouping) == whole


def test_sums_of_squares_do_not_overflow():
    # Of 64 bits, these need 66: a file that is damaged may well say so.
    values = [2**31 - 1] * 9 + [1]
    rows = [(NOON + 1000 * number, "G", 1, "1C") for number in range(10)]
    grouping = Grouping("day")
    assert sum(value**2 for value in values) > 2**65
    assert_is(statistics(summed(rows, values, grouping), grouping), plainly(rows, values, grouping))


def test_what_is_beyond_all_doubles_is_infinite_and_breaks_nothing():
    grouping = Grouping("day", linear=True)
    found = statistics(summed([(NOON, "G", 1, "1C")], [2**31 - 1], grouping), grouping)
    assert found["linear"] == [math.inf]


def test_a_day_of_zeros_alone_has_no_mean():
    grouping = Grouping("day", linear=True)
    zeros = [(NOON, "R", 3, "3X"), (NOON + 30_000, "R", 3, "3X")]
    (row,) = as_rows(statistics(summed([], [], grouping, zeros), grouping))
    assert (row["system"], row["code"]) == ("R", "3X")
    assert (row["n"], row["zeros"], row["epochs"]) == (0, 2, 0)
    assert [row[name] for name in ("mean", "std", "min", "max", "linear")] == [None] * 5


def test_nothing_at_all_has_no_rows():
    grouping = Grouping("hour", linear=True)
    assert as_rows(statistics(joined([summed([], [], grouping)] * 2), grouping)) == []


def test_satellites_apart_know_the_epochs_of_their_code():
    rows = [(NOON, "G", 1, "1C"), (NOON + 30_000, "G", 2, "1C"), (NOON + 60_000, "G", 2, "1C")]
    grouping = Grouping("day", by_satellite=True)
    found = statistics(summed(rows, [40_000, 41_000, 42_000], grouping), grouping)
    assert found["satellite"] == [1, 2]
    assert found["n"] == [1, 2]
    assert found["epochs"] == [3, 3]


def test_days_can_be_taken_out_and_put_back():
    hours = [NOON + HOUR_MS * number for number in range(48)]
    rows = [(time, "G", 1, "1C") for time in hours]
    grouping = Grouping("hour", linear=True)
    whole = summed(rows, range(1, 49), grouping)
    first = NOON // DAY_MS
    outside = without_days(whole, grouping, [first + 1])
    inside = without_days(whole, grouping, [first, first + 2])
    assert {start.astype("M8[D]") for start in statistics(inside, grouping)["start"]} == {
        np.datetime64("2024-05-07")
    }
    assert len(inside.groups.key) == 24
    assert statistics(joined([outside, inside]), grouping) == statistics(whole, grouping)


@pytest.mark.parametrize(
    ("start", "end", "interval", "count"),
    [
        (NOON // DAY_MS * DAY_MS, NOON // DAY_MS * DAY_MS + DAY_MS, 15.0, 5760),
        (NOON, NOON + HOUR_MS, 0.1, 36_000),
        (0, DAY_MS, 7.0, 12_343),  # 0, 7, ..., 86,394
        (NOON, NOON, 30.0, 0),
        (NOON + 1, NOON + 30_001, 30.0, 1),
        (NOON, NOON + 30_001, 30.0, 2),
        (0, DAY_MS, math.nan, None),
        (0, DAY_MS, 0.0, None),
        (0, DAY_MS, -30.0, None),
        (0, DAY_MS, math.inf, None),
    ],
)
def test_how_many_epochs_are_expected(start, end, interval, count):
    assert expected_epochs(start, end, interval) == count


def test_a_code_without_an_attribute_is_its_band():
    grouping = Grouping()
    found = statistics(summed([(NOON, "G", 1, "2")], [40_000], grouping), grouping)
    assert found["code"] == ["2"]
