"""Shading: datashader's own pictures of the same points are the truth."""

import datashader
import numpy as np
import pytest
from datashader import transfer_functions
from flatfiles import write_flat

from captools.flat.frames import to_dask
from captools.maps.mapping import MapOptions, make_map
from captools.maps.shading import (
    NAMED,
    Style,
    colormap,
    density,
    dynspread,
    mix,
    palette,
    picture,
    pixels,
    shade,
    stack,
)

VALUES = np.array([[1.0, 10.0, np.nan], [100.0, 1000.0, 4.0]])


def test_a_notebook_with_dask_and_datashader_counts_the_same(tmp_path):
    random = np.random.default_rng(5)
    paths = []
    for name in ("a.h5", "b.h5"):
        x, y = random.uniform(-1e5, 1e5, (2, 500))
        columns = {"x": x, "y": y, "h_li": random.normal(size=500)}
        paths.append(write_flat(tmp_path / name, columns, crs="EPSG:3031"))
    counted = make_map(paths, MapOptions(agg="count", size=(40, 30)))
    canvas, frame = counted.canvas, to_dask(paths, ["x", "y"])
    theirs = datashader.Canvas(
        40, 30, (canvas.xmin, canvas.xmax), (canvas.ymin, canvas.ymax)
    ).points(frame, "x", "y", datashader.count())
    np.testing.assert_array_equal(np.nan_to_num(counted.values), theirs.values[::-1])


def test_colours_are_those_of_the_colour_bar_and_of_datashader():
    for how in ("linear", "log"):
        style = Style("viridis", how, clip=(1.0, 1000.0))
        image = shade(VALUES, style)
        bar = style.colours(style.norm(VALUES)(VALUES), bytes=True)
        seen = ~np.isnan(VALUES)
        np.testing.assert_array_equal(pixels(image)[seen], bar[seen])
        assert pixels(image)[0, 2, 3] == 0
        theirs = transfer_functions.shade(image.copy(data=VALUES), cmap=style.colours, how=how)
        apart = pixels(image).astype(int)[seen] - pixels(theirs).astype(int)[seen]
        assert np.abs(apart).max() <= 2  # theirs counts the logarithm from 1 less the lowest on
    roots = Style(how="cbrt", clip=(-8.0, 27.0)).norm(VALUES)
    assert roots(np.array([-8.0, 0.0, 27.0])).tolist() == pytest.approx([0, 0.4, 1])


def test_marks_grow_where_there_is_room_and_keep_their_colours():
    track = np.full((40, 40), np.nan)
    np.fill_diagonal(track, 7.0)
    image = shade(track, Style(clip=(0.0, 10.0)))
    assert dynspread(image, 0) is image
    grown = dynspread(image, 2)
    assert np.count_nonzero(pixels(grown)[..., 3]) > 4 * 40
    colours = np.unique(pixels(grown)[pixels(grown)[..., 3] > 0], axis=0)
    np.testing.assert_array_equal(colours, [pixels(image)[0, 0]])
    assert dynspread(image, 2, threshold=0.0) is image
    full = shade(np.ones((9, 9)), Style())
    assert dynspread(full, 2) is full
    assert density(np.zeros((3, 3), bool), 1) == 1.0


def test_categories_are_mixed_by_their_counts_and_lie_over_one_another():
    counts = np.zeros((1, 3, 2), int)
    counts[0, 0, 0], counts[0, 1] = 8, (4, 4)
    image = mix(counts, ["#ff0000", "#0000ff"])
    assert pixels(image)[0, 0, :3].tolist() == [255, 0, 0]
    assert pixels(image)[0, 1, :3].tolist() == [127, 0, 127]
    assert pixels(image)[0, 2, 3] == 0
    below = picture(np.full((1, 3, 4), (0, 255, 0, 255)))
    over = pixels(stack(below, image))
    assert over[0, 2].tolist() == [0, 255, 0, 255]
    assert over[0, 0].tolist() == [255, 0, 0, 255]
    assert pixels(stack(image, background="white"))[0, 2].tolist() == [255] * 4


def test_colours_of_categories_differ_and_named_ones_are_legible_in_grey():
    for count in (1, 8, 30):
        assert len(set(palette(count))) == count
    for kind in ("sequential", "diverging"):
        red, green, blue, _ = colormap(kind)(np.linspace(0, 1, 32)).T
        grey = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
        assert (np.diff(grey) > 0).all(), kind
    ends = colormap(NAMED["cyclic"])([0.0, 1.0])
    np.testing.assert_allclose(*ends, atol=0.03)
