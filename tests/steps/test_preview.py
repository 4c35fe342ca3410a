"""preview: the right points in the right pixels, in figures, world files and GeoTIFFs."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import h5py
import numpy as np
import pytest
import rasterio
from flatfiles import damage, write_flat
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread
from matplotlib.text import Text
from pyproj import Transformer
from straightforward import read_flat

from captools.errors import CaptoolsWarning, InputError
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import coords
from captools.maps.figure import Look, make_figure
from captools.maps.graticule import KEEPS_ROOM
from captools.maps.mapping import MapOptions, make_map
from captools.maps.shading import Style, colormap
from captools.steps.merge import merge
from captools.steps.preview import preview
from captools.steps.readatl06 import readatl06


@pytest.fixture(scope="module")
def beams(granules, tmp_path_factory):
    """Flat files of three granules. Not to be changed."""
    folder = tmp_path_factory.mktemp("beams")
    return [path for one in sorted(granules.glob("*.h5")) for path in readatl06(one, folder)]


def rows_of(paths):
    """The columns of all files, one after another."""
    parts = [read_flat(path) for path in paths]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def write(folder, name="a.h5", crs="EPSG:3031", **columns):
    """Write a flat file of these columns and return its path."""
    attrs = {"captools_version": "0"} | ({"crs": crs} if crs else {})
    with FlatWriter(folder) as batch:
        batch.write(name, Table({key: np.array(one) for key, one in columns.items()}, attrs=attrs))
    return folder / name


def histogram(canvas, x, y, weights=None):
    edges = (
        np.linspace(canvas.ymin, canvas.ymax, canvas.height + 1),
        np.linspace(canvas.xmin, canvas.xmax, canvas.width + 1),
    )
    return np.histogram2d(y, x, edges, weights=weights)[0][::-1]


# --- the fold -----------------------------------------------------------------------


@pytest.mark.parametrize("block", [17, 1 << 20])
def test_counts_and_means_are_those_of_all_points(beams, monkeypatch, block):
    monkeypatch.setattr("captools.maps.surveying.BLOCK_ROWS", block)
    rows = rows_of(beams)
    counted = make_map(beams, MapOptions(agg="count", size=(80, 60)))
    count = histogram(counted.canvas, rows["x"], rows["y"])
    np.testing.assert_array_equal(np.nan_to_num(counted.values), count)
    assert (counted.points, counted.files, counted.crs) == (len(rows["x"]), 6, "EPSG:3031")
    mean = make_map(beams, MapOptions(size=(80, 60)))
    with np.errstate(invalid="ignore"):
        truth = histogram(mean.canvas, rows["x"], rows["y"], rows["h_li"].astype("f8")) / count
    np.testing.assert_allclose(mean.values, truth, rtol=1e-12)


def test_a_merged_file_gives_the_same_map(beams, tmp_path):
    (merged,) = merge(beams, tmp_path / "all.h5")
    one, many = make_map([merged], MapOptions()), make_map(beams, MapOptions())
    assert one.canvas == many.canvas
    np.testing.assert_allclose(one.values, many.values, rtol=1e-12)


def test_files_without_x_and_y_are_projected_on_the_fly(beams, tmp_path):
    bare = [
        write(
            tmp_path, path.name, **{name: read_flat(path)[name] for name in ("lon", "lat", "h_li")}
        )
        for path in beams
    ]
    rows = rows_of(beams)
    on_the_fly = make_map(bare, MapOptions(agg="count", size=(50, 50)))
    count = histogram(on_the_fly.canvas, rows["x"], rows["y"])
    np.testing.assert_array_equal(np.nan_to_num(on_the_fly.values), count)
    other = make_map(beams, MapOptions(agg="count", size=(50, 50), crs="EPSG:6932"))
    x, y = Transformer.from_crs(4326, 6932, always_xy=True).transform(rows["lon"], rows["lat"])
    np.testing.assert_array_equal(np.nan_to_num(other.values), histogram(other.canvas, x, y))


def test_a_box_keeps_what_lies_in_it_and_an_extent_is_what_is_shown(beams):
    rows = rows_of(beams)
    inside = (rows["lat"] >= -85) & (rows["lat"] <= -80)
    boxed = make_map(beams, MapOptions(bbox=(-180, 180, -85, -80)))
    assert boxed.points == inside.sum()
    shown = make_map(beams, MapOptions(extent=(-1e6, 1e6, -1e6, 1e6), size=(40, 40)))
    assert (shown.canvas.xmin, shown.canvas.ymax) == pytest.approx((-1e6, 1e6), rel=1e-6)
    assert shown.points == np.sum((np.abs(rows["x"]) <= 1e6) & (np.abs(rows["y"]) <= 1e6))


def test_a_difference_is_there_where_both_periods_have_points(tmp_path):
    path = write(
        tmp_path,
        x=[0.5, 0.5, 0.5, 1.5],
        y=[0.5] * 4,
        t_gps=[1.23e9, 1.27e9, 1.27e9, 1.27e9],  # 2018, 2020
        h_li=[100.0, 101.0, 103.0, 9.0],
    )
    request = MapOptions(diff=("2020", "2018-12-01/2019-06-01"), extent=(0, 2, 0, 1), size=(2, 1))
    np.testing.assert_array_equal(make_map([path], request).values, [[2.0, np.nan]])


# --- pictures -------------------------------------------------------------------------


def test_a_known_point_is_in_the_right_pixel_of_a_geotiff(tmp_path):
    path = write(tmp_path, x=[0.0, 1e5, 2e5], y=[0.0, 3e4, 1e5], h_li=[5.0, 7.0, 9.0])
    preview([path], tmp_path / "map.tif", size=(200, 100))
    with rasterio.open(tmp_path / "map.tif") as raster:
        assert raster.crs.to_epsg() == 3031
        band = raster.read(1)
        for x, y, value in zip([0, 1e5, 2e5], [0, 3e4, 1e5], [5, 7, 9], strict=True):
            grid = raster.transform
            assert band[int((y - grid.f) / grid.e), int((x - grid.c) / grid.a)] == value
        assert np.isfinite(band).sum() == 3
        assert np.isnan(raster.nodata)
    preview([path], tmp_path / "count.tif", agg="count", size=(20, 10))
    with rasterio.open(tmp_path / "count.tif") as raster:
        assert (raster.read(1).sum(), raster.dtypes[0]) == (3, "uint32")


@pytest.mark.parametrize("name", ["map.png", "map.jpg"])
def test_bare_pixels_have_a_world_file_that_puts_a_known_point_in_its_pixel(tmp_path, name):
    path = write(tmp_path, x=[0.0, 1e5, 2e5], y=[0.0, 3e4, 1e5], h_li=[5.0, 7.0, 9.0])
    written = preview([path], tmp_path / name, size=(200, 100), bare=True, clip=(5, 9))
    assert written == [tmp_path / name, (tmp_path / name).with_suffix(f".{name[-3]}gw")]
    wide, _, _, high, x0, y0 = map(float, written[1].read_text().split())
    pixels = np.asarray(imread(written[0]), float)
    assert pixels.shape[:2] == (100, 200)
    row, column = round((3e4 - y0) / high), round((1e5 - x0) / wide)
    if name.endswith("png"):
        middle = np.array(colormap("viridis")(0.5))
        np.testing.assert_allclose(pixels[row, column], middle, atol=0.01)
        assert np.count_nonzero(pixels[..., 3]) == 3
    else:
        assert pixels[row, column].min() < 240 < pixels[50, 5].min()


KILLED = """
import os, signal, sys
from pathlib import Path
from captools.steps.preview import preview
replace = Path.replace
def noted(hidden, path):
    replace(hidden, path)
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = noted
preview([sys.argv[1]], sys.argv[2], size=(10, 10), bare=True)
"""


def test_a_kill_leaves_no_picture_with_the_world_file_of_another(tmp_path):
    path = write(tmp_path, x=[0.0, 1e5], y=[0.0, 1e5], h_li=[5.0, 7.0])
    preview([path], tmp_path / "map.png", size=(20, 20), bare=True)
    words = [sys.executable, "-c", KILLED, path, tmp_path / "map.png"]
    assert subprocess.run(words).returncode == -signal.SIGKILL
    assert not (tmp_path / "map.png").exists()
    preview([path], tmp_path / "map.png", size=(10, 10), bare=True)
    assert (tmp_path / "map.png").exists()


def test_the_axes_of_a_figure_put_a_known_point_in_the_right_pixel(tmp_path):
    path = write(tmp_path, x=[0.0, 1e5, 2e5], y=[0.0, 3e4, 1e5], h_li=[5.0, 7.0, 9.0])
    picture = make_map([path], MapOptions(size=(400, 200)))
    figure = make_figure(picture, Style(clip=(5.0, 9.0)))
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    pixels = np.asarray(figure.canvas.buffer_rgba())
    across, up = axes.transData.transform((100.0, 30.0))  # km
    around = pixels[::-1][int(up) - 1 : int(up) + 2, int(across) - 1 : int(across) + 2, :3] / 255
    middle = np.array(colormap("viridis")(0.5))[:3]
    assert np.abs(around - middle).sum(axis=-1).min() < 0.05
    assert axes.get_xlabel() == "x (km)"
    box = axes.get_window_extent()  # a pixel of the map is one of the figure
    assert (round(box.width), round(box.height)) == (400, 200)


def test_a_figure_says_what_it_shows(beams):
    figure = make_figure(make_map(beams, MapOptions(size=(400, 400))), Style())
    text = " ".join(
        text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))
    )
    assert "mean of land-ice height above the WGS 84 ellipsoid (m)" in text.replace("\n", " ")
    assert "points of 6 files · EPSG:3031" in text
    assert "80°S" in text
    assert "°E" in text
    assert " km" in text


def readable(text):
    """Degrees of a name, and whether they are of longitude or of latitude."""
    number, side = text.split("°")
    return float(number) * (-1 if side in ("W", "S") else 1), "lat" if side in ("N", "S") else "lon"


def unseen(figure):
    """Names of ticks beyond the ends of an axis, which matplotlib keeps and does not draw."""
    axes = [part for whole in figure.axes for part in (whole, *whole.child_axes)]
    found = set()
    for axis in (axis for one in axes for axis in (one.xaxis, one.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for place, text in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True):
            if not low <= place <= high:
                found.add(text)
    return found


NEAR, WHOLE, NARROW = (-30, 30, -84, -70), (-180, 180, -90, -60), (-20, 0, -90, -49)
LOOKS = [
    (Look(), NEAR),
    (Look(), WHOLE),
    (Look(width=84), NARROW),
    (Look(width=100), WHOLE),
    (Look(width=60), WHOLE),
    (Look(width=180, dpi=150), NEAR),
    (Look(width=84, inset=True), WHOLE),
    (Look(inset=True, title="A long title of many words that needs more than a line"), NARROW),
]


@pytest.mark.parametrize(("look", "box"), LOOKS)
def test_every_word_of_a_figure_is_whole_and_alone_and_names_of_lines_are_true(beams, look, box):
    picture = make_map(beams, MapOptions(bbox=box), look.canvas)
    figure = make_figure(picture, Style(), look)
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    shown = (text for text in figure.findobj(Text) if text.get_text() and text.get_visible())
    words = {text: text.get_window_extent() for text in shown if text not in unseen(figure)}
    names = [text for text in axes.texts if "°" in text.get_text()]
    assert names
    (bar,) = [line for line in axes.lines if line.get_gid() == KEEPS_ROOM]
    words[bar] = bar.get_window_extent().padded(1)
    for text, area in words.items():
        room = axes.bbox if text in (bar, *axes.texts) else figure.bbox
        assert room.x0 <= area.x0 < area.x1 <= room.x1, text
        assert room.y0 <= area.y0 < area.y1 <= room.y1, text
    pairs = combinations(words.items(), 2)
    assert [(a, b) for (a, one), (b, two) in pairs if one.overlaps(two)] == []
    for text in names:
        lon, lat = coords.transform(*(1e3 * np.array(text.xy)[:, None]), picture.crs, "EPSG:4326")
        value, kind = readable(text.get_text())
        found = {"lon": lon, "lat": lat}[kind].item()
        assert abs((found - value + 180) % 360 - 180) < 0.05, text
        assert abs(value) < (90 if kind == "lat" else 181)


@pytest.mark.parametrize("look", [Look(width=120, inset=True), Look(width=84), Look()])
@pytest.mark.parametrize("request_", [MapOptions(crs="EPSG:4326"), MapOptions(by="spot")])
def test_no_words_lie_over_each_other(beams, look, request_):
    figure = make_figure(make_map(beams, request_, look.canvas), Style(), look)
    FigureCanvasAgg(figure).draw()
    shown = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    words = [(text, text.get_window_extent()) for text in shown if text not in unseen(figure)]
    assert len(words) > 12
    assert [(a, b) for (a, one), (b, two) in combinations(words, 2) if one.overlaps(two)] == []


def test_a_map_in_degrees_ends_at_the_poles_and_its_ticks_are_true(beams):
    picture = make_map(beams, MapOptions(crs="EPSG:4326"), Look(width=120).canvas)
    assert picture.canvas.ymin > -90.1
    axes = make_figure(picture, Style(), Look(width=120)).axes[0]
    for axis in (axes.xaxis, axes.yaxis):
        labels = [text.get_text() for text in axis.get_ticklabels()]
        assert len(labels) > 2
        for place, label in zip(axis.get_ticklocs(), labels, strict=True):
            assert abs((readable(label)[0] - place + 180) % 360 - 180) < 1e-9


@pytest.mark.parametrize(("width", "dpi"), [(84, 300), (180, 120)])
def test_a_figure_is_as_wide_as_asked_for_and_its_letters_fit(beams, tmp_path, width, dpi):
    preview(beams, tmp_path / "map.png", width=width, dpi=dpi)
    across = imread(tmp_path / "map.png").shape[1]
    assert across == pytest.approx(width / 25.4 * dpi, abs=2)


def test_marks_grow_in_figures_only(beams, tmp_path):
    picture = make_map(beams, MapOptions(size=(300, 300)))
    images = [
        make_figure(picture, Style(), Look(point=point)).axes[0].images[0].get_array()
        for point in (0, 2)
    ]
    few, many = (np.count_nonzero(image[..., 3]) for image in images)
    assert few == np.isfinite(picture.values).sum() < many
    for point in (0, 3):
        preview(beams, tmp_path / f"{point}.png", size=(90, 90), bare=True, point=point)
        preview(beams, tmp_path / f"{point}.tif", size=(90, 90), point=point)
    for kind in ("png", "tif"):
        assert (tmp_path / f"0.{kind}").read_bytes() == (tmp_path / f"3.{kind}").read_bytes()


@pytest.mark.parametrize(("by", "names"), [("is_asc", ["descending", "ascending"]), ("year", None)])
def test_categories_are_counted_apart_and_named_in_a_legend(beams, by, names):
    rows = rows_of(beams)
    picture = make_map(beams, MapOptions(by=by, size=(30, 30)))
    counts = picture.parts.counts()
    values = rows[by] if names else np.floor(rows["t_year"])
    for number, value in enumerate(np.unique(values)):
        of_it = values == value
        truth = histogram(picture.canvas, rows["x"][of_it], rows["y"][of_it])
        np.testing.assert_array_equal(counts[..., number], truth)
    np.testing.assert_array_equal(np.nan_to_num(picture.values), counts.sum(axis=2))
    legend = make_figure(picture, Style()).legends[0]
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == picture.parts.names == (names or [f"{year:g}" for year in np.unique(values)])


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("--by spot", 0, ""),
        ("--by beam", 0, ""),
        ("--by h_li", 1, "--by h_li: has more than 24 values"),
        ("--by none", 1, "has no column none"),
        ("--by spot --diff 2019 2020", 2, "--by counts points"),
        ("--background nowhere", 2, "colour 'nowhere' is not known"),
    ],
)
def test_what_tells_points_apart_may_stand_in_the_header(run, beams, tmp_path, words, code, why):
    out = tmp_path / "map.png"
    result = run("preview", *beams, "-o", out, "--size", "40", "40", *words.split())
    assert (result.exit_code, out.exists()) == (code, code == 0)
    assert why in result.stderr


def test_overlays_and_relief_are_drawn_and_wrong_ones_make_nothing(run, beams, tmp_path):
    coast, dem, plain = (tmp_path / name for name in ("coast.geojson", "dem.tif", "plain.png"))
    line = '{"type": "LineString", "coordinates": [[-180, -80], [180, -80]]}'
    coast.write_text(line.replace("-180", "-170").replace(" [180", " [170"))
    preview(beams, dem, size=(20, 20))
    preview(beams, plain, size=(80, 80))
    words = [("--overlay", coast, "--inset"), ("--hillshade", dem)]
    for number, more in enumerate(words):
        out = tmp_path / f"{number}.png"
        assert run("preview", *beams, "-o", out, "--size", "80", "80", *more).exit_code == 0
        assert out.read_bytes() != plain.read_bytes()
    for more in (("--overlay", dem), ("--hillshade", coast), ("--by", "spot"), ("--bare",)):
        result = run("preview", *beams, "-o", tmp_path / "no.png", "--hillshade", "map", *more)
        assert result.exit_code == 2, more
    assert not (tmp_path / "no.png").exists()
    picture = make_map(beams, MapOptions(size=(30, 30)))
    hills = replace(picture, values=np.add.outer(np.arange(30.0), np.arange(30.0) ** 2))
    plain, lit = (
        make_figure(hills, Style(), Look(hillshade=word)).axes[0].images[0].get_array()
        for word in (None, "map")
    )
    assert (plain[..., 3] == lit[..., 3]).all()
    assert (plain != lit).any(axis=-1).mean() > 0.5


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_words_of_a_vector_figure_are_text(beams, tmp_path, kind):
    preview(beams, tmp_path / f"map.{kind}", size=(60, 60), label="thickness", units="ells")
    content = (tmp_path / f"map.{kind}").read_bytes()
    if kind == "svg":
        assert b">thickness (ells)<" in content.replace(b"\n", b"")
        assert content.count(b"<image") == 2  # the map, and the colours of the bar
    else:
        assert b"/Subtype /Image" in content
        assert b"/Type0" in content


def test_one_infinite_place_or_value_spoils_nothing(tmp_path):
    x, y = np.array([0.0, 1.0, np.inf, 2.0, np.nan]), np.array([0.0, 2.0, 1.0, -np.inf, 9e9])
    path = write(tmp_path, x=x, y=y, h_li=np.array([1.0, np.inf, 5.0, 5.0, 5.0]))
    picture = make_map([path], MapOptions(size=(1, 1)))
    canvas = picture.canvas
    assert canvas.xmin <= 0 < 1 <= canvas.xmax < 3
    assert -1 < canvas.ymin <= 0 < 2 <= canvas.ymax < 3
    assert picture.values.tolist() == [[1.0]]


def test_bounds_in_a_header_that_are_not_finite_do_not_hide_points(tmp_path):
    columns = {"x": np.array([0.0, 1.0]), "y": np.array([0.0, 1.0]), "h_li": np.ones(2)}
    path = write(tmp_path, **columns)
    with h5py.File(path, "r+") as file:
        file.attrs["bounds_xy"] = [0.0, np.inf, 0.0, 1.0]
    assert make_map([path], MapOptions()).points == 2


def test_points_projected_far_from_the_area_of_use_are_counted_once(tmp_path):
    path = write(tmp_path, lon=[0.0, 9.0], lat=[-80.0, -81.0], h_li=[1.0, 2.0])
    with pytest.warns(CaptoolsWarning, match="2 points far outside the area of use of EPSG:3413"):
        make_map([path], MapOptions(crs="EPSG:3413"))
    with pytest.warns(CaptoolsWarning, match="1 point far outside"):  # of those that are drawn
        make_map([path], MapOptions(crs="EPSG:3413", bbox=(-5, 5, -90, 90)))


@pytest.mark.parametrize("crs", [None, "auto"])
def test_points_of_both_hemispheres_ask_for_a_projection(tmp_path, crs):
    south = write(tmp_path, "s.h5", crs=None, lon=[0.0, 9.0], lat=[-80.0, -81.0], h_li=[1.0, 2.0])
    north = write(tmp_path, "n.h5", crs=None, lon=[0.0], lat=[70.0], h_li=[3.0])
    with pytest.raises(InputError, match=r"2 files lie in both hemispheres \(lat -81 to 70\)"):
        make_map([south, north], MapOptions(crs=crs))
    assert make_map([south, north], MapOptions(crs="EPSG:4326")).points == 3
    # What a box leaves out does not count, and the projection is that of what it holds.
    for box, name, points in (((-1, 1, 50, 90), "EPSG:3413", 1), ((0, 9, -90, 0), "EPSG:3031", 2)):
        drawn = make_map([south, north], MapOptions(crs=crs, bbox=box))
        assert (drawn.crs, drawn.points) == (name, points)


@pytest.mark.parametrize("how", ["linear", "log", "cbrt", "eq_hist"])
@pytest.mark.parametrize("agg", ["count", "mean"])
def test_all_ways_to_colour_give_a_picture_and_the_same_bytes_again(beams, tmp_path, how, agg):
    for name in ("one.png", "two.png"):
        preview(beams, tmp_path / name, how=how, agg=agg, size=(200, 200), cmap="fire")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert imread(tmp_path / "one.png").shape[0] > 200


def test_one_spike_does_not_grey_the_map():
    values = np.append(np.linspace(0, 100, 1000), 1e9)
    low, high = Style().limits(values)
    assert (low, high) == pytest.approx((2, 98), abs=0.5)
    assert Style(clip=(1, 2)).limits(values) == (1, 2)
    assert Style(diverging=True).limits(np.array([-1.0, 3.0, 3.0])) == pytest.approx((-3, 3))


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".jpg"])
def test_other_kinds_of_pictures(beams, tmp_path, suffix):
    (path,) = preview(beams, tmp_path / f"map{suffix}", size=(100, 100))
    assert path.stat().st_size > 1000


# --- odd inputs -------------------------------------------------------------------------


def test_a_single_point_is_a_picture(tmp_path):
    path = write(tmp_path, x=[1e6], y=[-1e6], h_li=[12.0])
    picture = make_map([path], MapOptions())
    assert np.nansum(picture.values) == 12.0
    assert preview([path], tmp_path / "map.png")


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"x": [], "y": [], "h_li": np.zeros(0)}, "nothing to draw"),
        ({"x": [1.0], "y": [1.0], "h_li": [np.nan]}, "no point with a value of h_li"),
        ({"x": [np.nan], "y": [np.nan], "h_li": [1.0]}, "nothing to draw"),
        ({"x": [1.0], "y": [1.0]}, "has no column h_li: it has x, y"),
        ({"h_li": [1.0]}, "has no column lon, lat"),
    ],
)
def test_what_cannot_be_drawn_is_reported(run, tmp_path, columns, why):
    path = write(tmp_path, **columns)
    result = run("preview", path, "-o", tmp_path / "map.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert why in result.stderr
    assert os.listdir(tmp_path) == ["a.h5"]


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("-b 10 20 -80 -70", "lon -120 to 175, lat -89 to -75"),
        ("--extent 0 1 0 1", "x -1600000 to 30.5, y 4 to 5"),
        ("--extent 0 1 0 1 -p 4326", "x -120 to 175, y -89 to -75"),
        ("-b 10 20 -80 -70 -p auto", "lon -120 to 175, lat -89 to -75"),
    ],
)
def test_a_place_without_points_is_answered_with_where_they_are(run, tmp_path, words, where):
    place = {"lon": [-120.0, np.nan], "lat": [-75.0, -76.0], "x": [-1.6e6, 30.5], "y": [4.0, 5.0]}
    other = place | {"lon": [175.0, 9.0], "lat": [-89.0, -81.0]}
    write(tmp_path / "in", "a.h5", **place, h_li=[1.0, 2.0])
    write(tmp_path / "in", "b.h5", **other, h_li=[1.0, 2.0])
    result = run("preview", tmp_path / "in", "-o", tmp_path / "map.png", *words.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"in 2 files lies there: the points have {where}" in result.stderr
    assert not (tmp_path / "map.png").exists()


def test_files_of_two_crs_are_reported_and_can_be_projected_anew(beams, tmp_path):
    north = write(tmp_path, crs="EPSG:3413", lon=[0.0], lat=[80.0], x=[0.0], y=[0.0], h_li=[1.0])
    with pytest.raises(InputError, match=r"differ: CRS EPSG:3031 and CRS EPSG:3413: name a CRS"):
        make_map([*beams, north], MapOptions())
    assert make_map([*beams, north], MapOptions(crs="EPSG:4326")).files == 7


def test_bad_files_are_named_counted_in_the_figure_and_the_rest_is_drawn(run, beams, tmp_path):
    (tmp_path / "bad.h5").touch()
    late = write(tmp_path, "late.h5", x=[1.0], y=[1.0], h_li=[1.0])
    with h5py.File(late, "r+") as file:  # its header is fine, and its heights are not
        del file["h_li"]
        file.create_dataset("h_li", data=[1.0], chunks=(1,), compression="gzip", fletcher32=True)
        place = file["h_li"].id.get_chunk_info(0)
    with open(late, "r+b") as file:
        file.seek(place.byte_offset)
        file.write(bytes(place.size))
    result = run("preview", *beams, tmp_path / "bad.h5", late, "-o", tmp_path / "map.png")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [f"{tmp_path}/map.png"]
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert ["bad.h5" in failed[0], "late.h5" in failed[1]] == [True, True]
    picture = make_map([*beams, tmp_path / "bad.h5", late], MapOptions(size=(300, 300)))
    footer = [text.get_text() for text in make_figure(picture, Style()).texts]
    assert "2 files could not be read" in footer[-1]


def test_only_bad_files_give_no_picture(run, tmp_path):
    (tmp_path / "bad.h5").touch()
    late = {name: np.random.default_rng(0).random(500) for name in ("x", "y", "h_li")}
    damage(write_flat(tmp_path / "late.h5", late, "gzip"))
    for names in (["bad.h5"], ["late.h5"], ["bad.h5", "late.h5"]):
        result = run("preview", *(tmp_path / name for name in names), "-o", tmp_path / "map.png")
        assert (result.exit_code, result.stdout) == (1, "")
        assert all(f"failed: {tmp_path / name}: " in result.stderr for name in names)
    assert not (tmp_path / "map.png").exists()


def test_real_files_of_the_tutorial_are_drawn(run, real_data, tmp_path):
    result = run("preview", real_data / "reduced", "-o", tmp_path / "map.png")
    assert result.exit_code == 0
    assert "190,610 rows in, 190,610 rows out" in result.stderr


def test_periods_without_a_common_pixel_are_reported(tmp_path):
    path = write(tmp_path, x=[0.0, 9.0], y=[0.0, 9.0], t_gps=[1.23e9, 1.27e9], h_li=[1.0, 2.0])
    with pytest.raises(InputError, match="no pixel has points of both periods"):
        make_map([path], MapOptions(diff=("2020", "2018-12-01/2019-06-01")))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--clip", "2", "1"), "the first must be below the second"),
        (("--clip", "nan", "1"), "the first must be below the second"),
        (("--percentiles", "98", "2"), "the first must be below the second"),
    ],
)
def test_limits_that_are_none_are_wrong_usage(run, beams, tmp_path, words, why):
    result = run("preview", *beams, "-o", tmp_path / "map.png", *words)
    assert result.exit_code == 2
    assert why in result.stderr


def test_a_box_across_the_antimeridian_is_narrow_in_degrees(tmp_path):
    lon, lat = np.array([175.0, -178.0, -160.0, 0.0]), np.full(4, -75.0)
    path = write(tmp_path, crs=None, lon=lon, lat=lat, h_li=np.arange(4.0))
    picture = make_map([path], MapOptions(crs="EPSG:4326", bbox=(170, -150, -80, -70)))
    canvas = picture.canvas
    assert (picture.points, round(canvas.xmin), round(canvas.xmax)) == (3, 175, 200)
    coast = tmp_path / "coast.geojson"
    line = {"type": "LineString", "coordinates": [[-170.0, -74.0], [-165.0, -76.0]]}
    coast.write_text(json.dumps(line))
    axes = make_figure(picture, Style(), Look(overlays=(str(coast),))).axes[0]
    (drawn,) = [one.get_xdata() for one in axes.lines if one.get_zorder() == 2]
    assert (drawn.min(), drawn.max()) == (190.0, 195.0)
    assert "170°W" in [text.get_text() for text in axes.get_xticklabels()]


def test_limits_of_a_logarithm_are_above_zero(beams, run, tmp_path):
    result = run("preview", *beams, "-o", tmp_path / "a.png", "--how", "log", "--clip", -5, 100)
    assert (result.exit_code, "limits above 0 (--clip)" in result.stderr) == (1, True)


def test_points_of_coarse_pixels_do_not_grow(beams):
    picture = make_map(beams, MapOptions(size=(20, 20)))
    images = [
        make_figure(picture, Style(), Look(width=120, point=point)).axes[0].images[0].get_array()
        for point in (None, 0)
    ]
    assert np.array_equal(*images)


def test_a_title_is_shown_word_for_word(beams):
    figure = make_figure(make_map(beams, MapOptions()), Style(), Look(title="from $10 to $20"))
    assert "from \\$10 to \\$20" in [text.get_text() for text in figure.texts]


def test_a_logarithm_needs_values_above_zero(run, tmp_path):
    path = write(tmp_path, x=[1.0, 2.0], y=[1.0, 2.0], h_li=[-1.0, -2.0])
    result = run("preview", path, "-o", tmp_path / "map.png", "--how", "log")
    assert result.exit_code == 1
    assert "--how log needs values above 0" in result.stderr


def test_a_difference_of_counts_is_one_of_means(tmp_path):
    path = write(tmp_path, x=[0.5, 0.5], y=[0.5, 0.5], t_gps=[1.23e9, 1.27e9], h_li=[100.0, 102.0])
    request = MapOptions(agg="count", diff=("2020", "2018-12-01/2019-06-01"))
    assert np.nansum(make_map([path], request).values) == 2.0


def test_a_vector_picture_has_the_same_bytes_again(beams, tmp_path):
    for name in ("one.svg", "two.svg"):
        preview(beams, tmp_path / name, size=(100, 100))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_places_may_be_other_columns_and_degrees_are_named_as_such(beams):
    figure = make_figure(make_map(beams, MapOptions(xy=("lon", "lat"))), Style())
    assert figure.axes[0].get_xlabel() == "longitude"
    assert "EPSG:4326" in figure.texts[-1].get_text()
    with pytest.raises(InputError, match="has no column yy"):
        make_map(beams, MapOptions(xy=("x", "yy")))


def test_whole_numbers_without_a_value_and_overlaps_are_not_drawn(tmp_path):
    columns = {"x": np.zeros(4), "y": np.zeros(4), "core": np.array([True, True, True, False])}
    path = write(tmp_path, "a.h5", **columns, flag=np.array([1, 127, 3, 50], "i1"))
    with h5py.File(path, "r+") as file:
        file["flag"].attrs["_FillValue"] = np.int8(127)
        file.attrs["crs"] = "EPSG:3031"
    asked = MapOptions(var="flag", size=(1, 1), extent=(-1.0, 1.0, -1.0, 1.0))
    with pytest.warns(CaptoolsWarning, match="core rows are drawn only"):
        picture = make_map([path], asked)
    assert (picture.points, picture.values.item()) == (2, 2.0)
    whole = make_map([path], replace(asked, all_rows=True))
    assert (whole.points, whole.values.item()) == (3, 18.0)
