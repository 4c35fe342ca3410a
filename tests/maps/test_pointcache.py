"""Views of a cloud of points against the plain fold over all of them."""

import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.errors import InputError, OutputError
from captools.maps import pointcache
from captools.maps.pointcache import DIRECTIONS, PointCache
from captools.maps.raster import AGGREGATES, Aggregate, Canvas

SIZE = 6, 4


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch):
    monkeypatch.setattr(pointcache, "STRETCH_ROWS", 16)


def points(rows, seed):
    """Points with several that lie on each other, without a value, and of unknown time."""
    random = np.random.default_rng(seed)
    h = random.normal(1000, 300, rows).astype("f4")
    h[random.random(rows) < 0.1] = np.nan
    t_year = random.integers(2018, 2021, rows) + random.random(rows)
    t_year[random.random(rows) < 0.1] = np.nan
    return {
        "x": random.integers(0, 300, rows) / 10,
        "y": random.integers(-200, 200, rows) / 10,
        "h": h,
        "t_year": t_year,
        "is_asc": random.random(rows) < 0.5,
    }


def in_blocks(columns, size=100):
    """The same rows, piece by piece."""
    for start in range(0, len(columns["x"]), size):
        yield {name: values[start : start + size] for name, values in columns.items()}


def folded(columns, canvas, kind, direction="both", years=None):
    """The map as the plain fold makes it."""
    wanted = np.ones(len(columns["x"]), bool)
    if direction != "both":
        wanted &= columns["is_asc"] == (direction == "ascending")
    if years is not None:
        wanted &= np.isin(np.floor(columns["t_year"]), years)
    total = Aggregate(canvas, kind)
    total.add(*(columns[name][wanted].astype("f8") for name in ("x", "y", "h")))
    return total


@pytest.mark.parametrize("kind", AGGREGATES)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("years", [None, [], [2018], [2019, 2020]])
def test_a_view_is_what_the_plain_fold_over_all_points_gives(kind, direction, years):
    columns = points(2000, 1)
    canvas = Canvas(3.0, 21.0, -9.0, 15.0, *SIZE)
    pixels = PointCache(in_blocks(columns), ["h"]).view(canvas, "h", kind, direction, years)
    expected = folded(columns, canvas, kind, direction, years)
    np.testing.assert_array_equal(pixels.count.ravel(), expected.count)
    if kind in ("min", "max", "count"):
        np.testing.assert_array_equal(pixels.values, expected.values())
    else:
        np.testing.assert_allclose(pixels.values, expected.values(), rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 300),
    seed=st.integers(0, 99),
    west=st.integers(-10, 40),
    south=st.integers(-30, 30),
    size=st.sampled_from([0.2, 1.0, 7.0, 60.0]),
    threads=st.integers(1, 3),
)
def test_no_point_near_an_edge_is_lost_or_counted_twice(rows, seed, west, south, size, threads):
    columns = points(rows, seed) | {"h": np.ones(rows)}
    canvas = Canvas(west, west + size, south, south + size, *SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pointcache, "workers", lambda: threads)
        pixels = PointCache(in_blocks(columns, 70), ["h"]).view(canvas, "h", "mean")
    np.testing.assert_array_equal(pixels.count.ravel(), folded(columns, canvas, "count").count)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(monkeypatch, threads):
    monkeypatch.setattr(pointcache, "workers", lambda: threads)
    columns, canvas = points(3000, 2), Canvas(0.0, 30.0, -20.0, 20.0, *SIZE)
    pixels = PointCache(in_blocks(columns), ["h"]).view(canvas, "h", "std")
    np.testing.assert_allclose(pixels.values, folded(columns, canvas, "std").values())


@pytest.mark.parametrize("kind", AGGREGATES)
def test_the_fold_is_the_same_before_it_is_compiled(kind):
    columns, canvas = points(200, 3), Canvas(3.0, 21.0, -9.0, 15.0, *SIZE)
    totals = []
    for fold in (pointcache._fold, pointcache._compiled()):
        totals.append(Aggregate(canvas, kind))
        fold(
            (*(columns[name] for name in ("x", "y", "h")), np.zeros(200, np.uint16)),
            np.ones(1 << 16, bool),
            (np.array([0, 150]), np.array([100, 200])),
            (np.array([canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax]), *SIZE),
            AGGREGATES.index(kind),
            (totals[-1].count, totals[-1].first, totals[-1].second),
        )
    np.testing.assert_array_equal(totals[0].count, totals[1].count)
    np.testing.assert_allclose(totals[0].values(), totals[1].values())


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "i8", "f4", "f8", "?"])
def test_values_lose_no_digit(dtype):
    limits = (False, True) if dtype == "?" else (-(2.0**24) + 1, 123456789.0)
    h = np.array(limits, "f8").astype(dtype) if dtype not in ("i1", "u2", "f4") else (1, 100)
    h = np.asarray(h, dtype)
    one = PointCache([{"x": np.arange(2.0), "y": np.zeros(2), "h": h}], ["h"])
    values = one.view(Canvas(-0.5, 1.5, -1.0, 1.0, 2, 1), "h", "max").values
    np.testing.assert_array_equal(values, [h.astype("f8")])


def test_bounds_years_and_rows_are_those_of_points_with_a_place():
    columns = {
        "x": np.array([1.0, 5.0, np.nan, 3.0]),
        "y": np.array([-1.0, 2.0, 0.0, np.inf]),
        "h": np.ones(4),
        "t_year": np.array([2019.0, 2020.9, 2021.5, 2022.5]),
    }
    one = PointCache([columns], ["h"])
    assert (one.rows, one.bounds, one.years) == (2, (1.0, 5.0, -1.0, 2.0), [2019, 2020])


def test_points_of_unknown_time_are_of_no_year():
    columns = points(4, 0) | {"t_year": np.array([np.nan, -5.0, 1e9, 2019.5])}
    columns["h"] = np.ones(4)
    one, canvas = PointCache([columns], ["h"]), Canvas(0.0, 30.0, -20.0, 20.0, *SIZE)
    assert one.years == [2019]
    assert one.view(canvas, "h", "count").count.sum() == 4
    assert one.view(canvas, "h", "count", years=[2019]).count.sum() == 1


def test_a_view_reads_only_what_is_near(monkeypatch):
    along = np.arange(1600.0)
    one = PointCache([{"x": along, "y": along, "h": along}], ["h"])
    read = []
    compiled = pointcache._compiled()

    def spy(points, wanted, stretches, *rest):
        starts, stops = stretches
        read.append((stops - starts).sum())
        compiled(points, wanted, stretches, *rest)

    monkeypatch.setattr(pointcache, "_compiled", lambda: spy)
    pixels = one.view(Canvas(100.0, 109.0, 0.0, 1600.0, *SIZE), "h", "mean")
    assert pixels.count.sum() == 10
    assert sum(read) <= 2 * 16


def test_an_empty_view_is_empty():
    pixels = PointCache([points(50, 0)], ["h"]).view(Canvas(900, 901, 0, 1, *SIZE), "h", "mean")
    assert np.isnan(pixels.values).all()
    assert pixels.count.sum() == 0
    assert pixels.values.shape == SIZE[::-1]


def test_no_point_at_all_is_reported():
    with pytest.raises(InputError, match="no point lies there"):
        PointCache([], ["h"])
    nowhere = np.full(3, np.nan)
    with pytest.raises(InputError, match="no point lies there"):
        PointCache([{"x": nowhere, "y": nowhere, "h": np.ones(3)}], ["h"])


def test_a_column_without_a_value_is_reported():
    columns = points(20, 0) | {"s": np.full(20, np.nan)}
    with pytest.raises(InputError, match=r"no point has a value of s$"):
        PointCache([columns], ["h", "s"])


def test_no_room_for_temporary_files_is_reported_with_the_place(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(OutputError, match=r"none: No such file.*TMPDIR"):
        PointCache([points(20, 0)], ["h"])


def test_nothing_is_left_in_the_temporary_folder_even_while_it_lives(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one = PointCache([points(20, 0)], ["h"])
    assert list(tmp_path.iterdir()) == []
    assert one.view(Canvas(0.0, 30.0, -20.0, 20.0, *SIZE), "h", "count").count.sum() > 0
