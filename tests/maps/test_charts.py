"""Charts: profiles, histograms and months hold the points that are there."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from flatfiles import write_flat
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from captools.errors import InputError
from captools.geo.time import parse_time, utc_text
from captools.maps.charting import draw_chart
from captools.maps.charts import make_chart
from captools.maps.figure import Look
from captools.maps.surveying import MapOptions
from captools.steps.preview import preview

START = parse_time("2018-11-01")


@pytest.fixture
def beams(tmp_path):
    """Two files of a pass along the meridian of 90° east, at 7 km a second."""
    paths, random = [], np.random.default_rng(3)
    for number in range(2):
        seconds = np.sort(random.uniform(0, 200, 300))
        lat = -80 + np.degrees(7 * seconds / 6371.0088)
        columns = {"lon": np.full(300, 90.0), "lat": lat, "t_gps": START + seconds}
        columns |= {"x": 1e4 * (90 + lat), "y": np.zeros(300), "h_li": 10 * lat + number}
        columns["h_li"][7] = np.nan
        paths.append(write_flat(tmp_path / f"{number}.h5", columns, crs="EPSG:3031", spot=number))
    return paths


def test_a_profile_has_each_point_at_its_distance_from_the_first(beams):
    chart = make_chart("profile", beams, MapOptions(by="spot"))
    assert chart.points == len(chart.x) == 2 * 299
    number = chart.groups["1"]
    lat = (chart.y - number) / 10
    np.testing.assert_allclose(chart.x, np.radians(lat - lat.min()) * 6371.0088, atol=1e-3)
    assert np.array_equal(chart.groups["0"], ~number)


def test_a_profile_is_of_one_pass(beams, tmp_path):
    columns = {name: np.zeros(2) for name in ("lon", "lat", "x", "y", "h_li")}
    columns["t_gps"] = np.full(2, START + 4000)
    late = write_flat(tmp_path / "late.h5", columns, crs="EPSG:3031")
    with pytest.raises(InputError, match=r"one pass, and the points are 1\.\d+ hours apart"):
        make_chart("profile", [*beams, late], MapOptions())
    with pytest.raises(InputError, match="nothing to draw"):
        make_chart("histogram", beams, MapOptions(extent=(-9e9, -8e9, 0.0, 1.0)))


@pytest.mark.parametrize("values", [[0, 1], [1, 2, 3, 4, 5, 6], [925, 11], [7]])
def test_no_whole_number_is_left_out_of_a_histogram(tmp_path, values):
    numbers = np.repeat(np.array(values, "i4"), 100)
    columns = {"x": np.zeros(len(numbers)), "y": np.zeros(len(numbers)), "spot": numbers}
    path = write_flat(tmp_path / "a.h5", columns, crs="EPSG:3031")
    chart = make_chart("histogram", [path], MapOptions(var="spot"))
    assert chart.y.sum() == len(numbers)
    assert "beyond" not in chart.caption
    for value in values:
        (bar,) = np.flatnonzero((chart.x[:-1] <= value) & (value < chart.x[1:]))
        assert chart.y[bar] == 100


def test_what_numbers_of_an_axis_lack_stands_in_its_name(beams):
    chart = make_chart("profile", beams, MapOptions(var="t_gps"))
    figure = draw_chart(chart, Look(width=120))
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    assert not axes.yaxis.get_offset_text().get_visible()
    assert axes.yaxis.get_offset_text().get_text() in axes.get_ylabel()
    assert "e9" in axes.get_ylabel()


def test_bars_of_a_histogram_are_those_of_numpy_and_far_values_are_told(tmp_path):
    random = np.random.default_rng(4)
    values = np.concatenate([random.normal(size=20_000), [9999.0]])
    columns = {"x": np.zeros(20_001), "y": np.zeros(20_001), "h_li": values}
    path = write_flat(tmp_path / "a.h5", columns, crs="EPSG:3031")
    chart = make_chart("histogram", [path], MapOptions())
    np.testing.assert_array_equal(chart.y, np.histogram(values, chart.x)[0])
    assert chart.points == 20_001
    assert "% of the points beyond the axis" in chart.caption
    whole = make_chart("histogram", [path], MapOptions(extent=(-1.0, 1.0, -1.0, 1.0)))
    np.testing.assert_array_equal(whole.y, chart.y)


def test_a_histogram_of_one_value_is_a_bar(tmp_path):
    columns = {name: np.full(5, 3.0) for name in ("x", "y", "h_li")}
    path = write_flat(tmp_path / "a.h5", columns, crs="EPSG:3031")
    chart = make_chart("histogram", [path], MapOptions())
    assert chart.y.sum() == 5


def test_months_are_those_of_the_calendar(tmp_path):
    t = START + np.random.default_rng(6).uniform(0, 900 * 86400, 4000)
    t = np.concatenate([t, [parse_time("2020-02-29T23:59:59"), parse_time("2020-03-01")]])
    columns = {"x": np.zeros(4002), "y": np.zeros(4002), "t_gps": t}
    path = write_flat(tmp_path / "a.h5", columns, crs="EPSG:3031")
    chart = make_chart("time", [path], MapOptions())
    truth = Counter(text[:7] for text in utc_text(t))
    found = dict(zip(map(str, chart.x[:-1].astype("M8[M]")), chart.y.tolist(), strict=True))
    assert found == truth


@pytest.mark.parametrize("look", [Look(), Look(width=84, title="Many words to be put above it")])
@pytest.mark.parametrize("kind", ["profile", "histogram", "time"])
def test_every_word_of_a_chart_is_whole_and_alone(beams, kind, look):
    request = MapOptions(by="spot" if kind == "profile" else None)
    figure = draw_chart(make_chart(kind, beams, request), look)
    FigureCanvasAgg(figure).draw()
    (axes,) = figure.axes
    hidden = set()
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
        hidden |= {text for place, text in ticks if not low <= place <= high}
    words = [
        text.get_window_extent()
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible() and text not in hidden
    ]
    assert len(words) > 6
    for box in words:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
    assert not any(one.overlaps(other) for one, other in combinations(words, 2))


def test_a_chart_is_written_the_same_again_and_takes_no_options_of_maps(run, beams, tmp_path):
    for name in ("one.svg", "two.svg"):
        assert preview(beams, tmp_path / name, kind="profile") == [tmp_path / name]
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    for words in (("--inset",), ("--by", "spot"), ("--size", "5", "5"), ("--hillshade", "map")):
        result = run("preview", *beams, "-o", tmp_path / "x.png", "--kind", "time", *words)
        assert result.exit_code == 2
        assert "is for a map" in result.stderr
