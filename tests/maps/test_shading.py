"""Shading: datashader's own pictures of the same points are the truth."""

import datashader
import numpy as np
import pytest
from datashader import transfer_functions
from flatfiles import write_flat
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from xarray import DataArray

from captools.flat.frames import to_dask
from captools.maps import shading
from captools.maps.mapping import MapOptions, make_map
from captools.maps.shading import NAMED, Style, colormap, density, dynspread, mix, palette, shade

VALUES = np.array([[1.0, 10.0, np.nan], [100.0, 1000.0, 4.0]])


def theirs(picture):
    """A picture as datashader has it."""
    packed = np.ascontiguousarray(picture).view(np.uint32)[..., 0]
    return transfer_functions.Image(packed, dims=("y", "x"))


def ours(image):
    packed = np.ascontiguousarray(image.data)
    return packed.view(np.uint8).reshape(*packed.shape, 4)


def opaque(shape):
    """Pictures of marks that let no light through, and of nothing between them."""
    return arrays(np.uint32, shape, elements=st.sampled_from([0, 0xFF0000FF, 0xFF77C301])).map(
        lambda packed: packed.view(np.uint8).reshape(*packed.shape, 4)
    )


def test_a_notebook_with_dask_and_datashader_counts_the_same(tmp_path):
    random = np.random.default_rng(5)
    paths = []
    for name in ("a.h5", "b.h5"):
        x, y = random.uniform(-1e5, 1e5, (2, 500))
        columns = {"x": x, "y": y, "h_li": random.normal(size=500)}
        paths.append(write_flat(tmp_path / name, columns, crs="EPSG:3031"))
    counted = make_map(paths, MapOptions(agg="count", size=(40, 30)))
    canvas, frame = counted.canvas, to_dask(paths, ["x", "y"])
    points = datashader.Canvas(
        40, 30, (canvas.xmin, canvas.xmax), (canvas.ymin, canvas.ymax)
    ).points(frame, "x", "y", datashader.count())
    np.testing.assert_array_equal(np.nan_to_num(counted.values), points.values[::-1])


@pytest.mark.parametrize("how", ["linear", "log", "cbrt", "eq_hist"])
def test_colours_are_those_of_the_colour_bar_and_of_datashader(how):
    style = Style("viridis", how, clip=(1.0, 1000.0))
    picture, seen = shade(VALUES, style), ~np.isnan(VALUES)
    scaled = style.norm(VALUES)(np.ma.masked_invalid(VALUES))
    bar = style.colours(scaled, bytes=True)
    np.testing.assert_array_equal(picture[seen], bar[seen])
    assert not picture[0, 2].any()
    scaled = DataArray(np.ma.filled(scaled.astype("f8"), np.nan))
    shaded = transfer_functions.shade(scaled, style.colours, how="linear", span=(0.0, 1.0))
    np.testing.assert_array_equal(picture, ours(shaded))


def test_scales_are_datashaders():
    for how, values, near in (("log", VALUES, 2), ("cbrt", VALUES - 1, 0)):
        style = Style("viridis", how, clip=(values[0, 0], 1000.0))
        shaded = transfer_functions.shade(
            DataArray(values), style.colours, how=how, span=style.clip
        )
        apart = shade(values, style).astype(int) - ours(shaded).astype(int)
        assert np.abs(apart).max() <= near  # its logarithm is of 1 more than above the lowest
    roots = Style(how="cbrt", clip=(-8.0, 27.0)).norm(VALUES)
    assert roots(np.array([-8.0, 0.0, 27.0])).tolist() == pytest.approx([0, 0.4, 1])


@settings(max_examples=60, deadline=None)
@given(opaque(st.tuples(st.integers(1, 9), st.integers(1, 9))), st.integers(0, 12))
def test_opaque_marks_grow_as_datashaders(picture, reach):
    spread = transfer_functions.spread(theirs(picture), reach)
    np.testing.assert_array_equal(shading.spread(picture, reach), ours(spread))


@settings(max_examples=60, deadline=None)
@given(*[arrays(np.uint8, (4, 5, 4))] * 2)
def test_pictures_lie_over_each_other_as_datashaders(below, above):
    whole = transfer_functions.stack(theirs(below), theirs(above))
    np.testing.assert_array_equal(shading.stack(below, above), ours(whole))
    whole = transfer_functions.set_background(theirs(above), "#0072b2")
    np.testing.assert_array_equal(shading.stack(shading.solid("#0072b2"), above), ours(whole))


def test_marks_grow_where_there_is_room_and_keep_their_colours():
    track = np.full((40, 40), np.nan)
    np.fill_diagonal(track, 7.0)
    picture = shade(track, Style(clip=(0.0, 10.0)))
    assert dynspread(picture, 0) is picture
    grown = dynspread(picture, 2)
    assert np.count_nonzero(grown[..., 3]) > 4 * 40
    colours = np.unique(grown[grown[..., 3] > 0], axis=0)
    np.testing.assert_array_equal(colours, [picture[0, 0]])
    assert dynspread(picture, 2, threshold=0.0) is picture
    full = shade(np.ones((9, 9)), Style())
    assert dynspread(full, 2) is full
    assert density(np.zeros((3, 3), bool), 1) == 1.0


SOME = np.zeros((3, 4, 3), np.uint32)
SOME[0] = (7, 1, 0), (3000, 0, 0), (2, 0, 0), (7, 0, 0)


@pytest.mark.parametrize("how", shading.HOWS)
@example(SOME)
@given(arrays(np.uint32, (3, 4, 3), elements=st.sampled_from([0, 0, 1, 2, 7, 3000])))
def test_categories_are_mixed_as_datashaders(how, counts):
    colours = ["#0072b2", "#d55e00", "#7a5195"]
    array = DataArray(counts, {"category": ["a", "b", "c"]}, ("y", "x", "category"))
    shaded = transfer_functions.shade(
        array, color_key=dict(zip("abc", colours, strict=True)), how=how, min_alpha=110
    )
    picture = mix(counts, colours, how)
    seen = picture[..., 3] > 0
    assert np.array_equal(seen, counts.sum(axis=2) > 0)
    np.testing.assert_array_equal(picture[seen], ours(shaded)[seen])


@example(np.full((1, 1, 4), 3, np.uint8), 1)
@given(
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4))), st.integers(0, 5)
)
def test_marks_that_let_light_through_grow_as_datashaders(picture, reach):
    spread = transfer_functions.spread(theirs(picture), reach)
    seen = ours(spread)[..., 3] > 0
    np.testing.assert_array_equal(shading.spread(picture, reach)[seen], ours(spread)[seen])
    assert not shading.spread(picture, reach)[~seen][..., 3].any()


def test_categories_are_mixed_by_their_counts():
    counts = np.zeros((1, 5, 2), int)
    counts[0, 0, 0], counts[0, 1] = 8, (4, 4)
    picture = mix(counts, ["#ff0000", "#0000ff"])
    assert picture[0, 0, :3].tolist() == [255, 0, 0]
    assert picture[0, 1, :3].tolist() == [127, 0, 127]
    assert picture[0, 2, 3] == 0
    half = picture.copy()
    half[..., 3] //= 2
    grown = transfer_functions.spread(theirs(half), 1)
    np.testing.assert_array_equal(shading.spread(half, 1), ours(grown))


def test_colours_of_categories_differ_and_named_ones_are_legible_in_grey():
    for count in (1, 8, 30):
        assert len(set(palette(count))) == count
    for kind in ("sequential", "diverging"):
        red, green, blue, _ = colormap(kind)(np.linspace(0, 1, 32)).T
        grey = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
        assert (np.diff(grey) > 0).all(), kind
    ends = colormap(NAMED["cyclic"])([0.0, 1.0])
    np.testing.assert_allclose(*ends, atol=0.03)
