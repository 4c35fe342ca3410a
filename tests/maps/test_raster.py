"""Points to pixels: what numpy's own histogram says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.errors import InputError
from captools.maps.categories import Categories
from captools.maps.raster import AGGREGATES, Aggregate, Canvas, fit


def points(seed, count):
    random = np.random.default_rng(seed)
    values = random.normal(1000, 300, count)
    values[random.random(count) < 0.1] = np.nan
    return random.uniform(-1, 11, count), random.uniform(-1, 6, count), values


def truth(canvas, x, y, values, kind):
    """The map, pixel by pixel, from numpy's two-dimensional histogram of the points."""
    edges = (
        np.linspace(canvas.ymin, canvas.ymax, canvas.height + 1),
        np.linspace(canvas.xmin, canvas.xmax, canvas.width + 1),
    )
    known = np.isfinite(values)
    x, y, values = x[known], y[known], values[known]
    count = np.histogram2d(y, x, edges)[0][::-1]
    if kind == "count":
        return np.where(count > 0, count, np.nan)
    total = np.histogram2d(y, x, edges, weights=values)[0][::-1]
    with np.errstate(invalid="ignore"):
        mean = total / count
    if kind == "mean":
        return mean
    out = np.full(count.shape, np.nan)
    rows = canvas.height - 1 - (np.digitize(y, edges[0]) - 1)
    columns = np.digitize(x, edges[1]) - 1
    for row, column in zip(*np.nonzero(count), strict=True):
        here = values[(rows == row) & (columns == column)]
        out[row, column] = {"min": np.min, "max": np.max, "std": np.std}[kind](here)
    return out


@pytest.mark.parametrize("kind", AGGREGATES)
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 500), st.integers(1, 30), st.integers(1, 9))
def test_a_map_is_what_numpy_says_however_the_points_come(kind, seed, count, width, parts):
    canvas = Canvas(0.0, 10.0, 0.0, 5.0, width, 7)
    x, y, values = points(seed, count)
    total, joined = Aggregate(canvas, kind), Aggregate(canvas, kind)
    for part in np.array_split(np.arange(count), parts):
        total.add(x[part], y[part], values[part])
        other = Aggregate(canvas, kind)
        other.add(x[part], y[part], values[part])
        joined.join(*other.packed())
    expected = truth(canvas, x, y, values, kind)
    number = np.nansum(truth(canvas, x, y, values, "count"))
    for one in (total, joined):
        assert one.points == number
        if kind == "count":
            np.testing.assert_array_equal(one.values(), expected)
        else:
            np.testing.assert_allclose(one.values(), expected, rtol=1e-9, atol=1e-9)


def test_points_are_counted_without_values_too():
    total = Aggregate(Canvas(0.0, 2.0, 0.0, 2.0, 2, 2), "count")
    total.add(np.array([0.1, 0.2, 1.9, np.nan, 5.0]), np.array([0.1, 0.2, 1.9, 1.0, 1.0]))
    assert total.count.tolist() == [0, 1, 2, 0]
    np.testing.assert_array_equal(total.values(), [[np.nan, 1], [2, np.nan]])


def test_the_deviation_of_heights_far_from_zero_is_exact():
    total = Aggregate(Canvas(0.0, 1.0, 0.0, 1.0, 1, 1), "std")
    for part in np.split(1e8 + np.tile([0.0, 2.0], 500), 10):
        total.add(np.full(100, 0.5), np.full(100, 0.5), part)
    assert total.values()[0, 0] == 1.0


@given(
    st.tuples(*[st.floats(-1e7, 1e7)] * 4),
    st.one_of(st.none(), st.tuples(st.integers(1, 900), st.integers(1, 900))),
)
def test_a_canvas_shows_all_of_its_bounds_in_square_pixels(bounds, size):
    xmin, xmax = sorted(bounds[:2])
    ymin, ymax = sorted(bounds[2:])
    canvas = fit((xmin, xmax, ymin, ymax), size)
    pixel, inside = canvas.locate(np.array([xmin, xmax]), np.array([ymin, ymax]))
    assert inside.all()
    assert pixel.min() >= 0
    assert pixel.max() < canvas.width * canvas.height
    wide, high = canvas.pixel
    assert wide == pytest.approx(high, rel=1e-6)
    assert size is None or (canvas.width, canvas.height) == size


def test_too_many_categories_are_refused_before_each_has_a_grid():
    values = np.arange(100_000.0)
    parts = Categories(Canvas(0.0, 1.0, 0.0, 1.0, 2000, 2000), "h_li")
    with pytest.raises(InputError, match="--by h_li: has more than 24 values"):
        parts.add(np.full(100_000, 0.5), np.full(100_000, 0.5), values)  # of 3 TB in all
    parts = Categories(Canvas(0.0, 1.0, 0.0, 1.0, 2, 2), "cycle")
    values = np.array([*range(24), np.nan, np.nan])
    parts.add(np.full(26, 0.5), np.full(26, 0.5), values)
    assert len(parts.names) == 24
