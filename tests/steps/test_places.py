"""--lonlat and --xy: steps take places from the columns that are named; for view see test_view."""

import csv
import json

import h5py
import numpy as np
import pyarrow.parquet
import pytest
import rasterio
import shapely
from flatfiles import write_flat
from pyproj import Proj
from straightforward import read_flat

from captools.errors import InputError
from captools.flat.places import PlaceNames
from captools.flat.reader import FlatFile

RANDOM = np.random.default_rng(14)
LON, LAT = RANDOM.uniform(-120, -90, 40), RANDOM.uniform(-80, -70, 40)
X, Y = Proj("EPSG:3031")(LON, LAT)
HEIGHT = np.arange(40.0)
COLUMNS = {"long": LON, "lati": LAT, "e": X, "n": Y, "h_li": HEIGHT}
BOX = ("-b", -110, -95, -78, -72)
IN_BOX = (LON >= -110) & (LON <= -95) & (LAT >= -78) & (LAT <= -72)
BOTH = ("--lonlat", "long", "lati", "--xy", "e", "n")
OURS = {"long": "lon", "lati": "lat", "e": "x", "n": "y"}


def write(path, columns=COLUMNS, **attrs):
    """Write a file of another tool; `attrs` are its header."""
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[name] = values
        file.attrs.update(attrs)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.h5", crs="EPSG:3031")


def options_of(path):
    with h5py.File(path) as file:
        return json.loads(file.attrs["options"])


def test_filter(run, path, tmp_path):
    assert 0 < np.count_nonzero(IN_BOX) < 40
    assert run("filter", path, "-o", tmp_path / "out", *BOTH, *BOX).exit_code == 0
    rows = read_flat(tmp_path / "out/a.h5")
    assert set(rows) == {"lon", "lat", "x", "y", "h_li"}
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(rows[OURS.get(name, name)], values[IN_BOX])
    said = options_of(tmp_path / "out/a.h5")
    assert (said["lonlat"], said["xy"]) == (["long", "lati"], ["e", "n"])


def test_filter_by_the_extent(run, path, tmp_path):
    low, high = np.quantile(X, [0.2, 0.7])
    words = ("--xy", "e", "n", "--extent", low, high, Y.min(), Y.max())
    assert run("filter", path, "-o", tmp_path / "out", *words).exit_code == 0
    rows = read_flat(tmp_path / "out/a.h5")
    np.testing.assert_array_equal(rows["h_li"], HEIGHT[(low <= X) & (high >= X)])
    assert set(rows) == {"long", "lati", "x", "y", "h_li"}


def test_reproject(run, path, tmp_path):
    words = ("-p", "3976", "--lonlat", "long", "lati")
    assert run("reproject", path, "-o", tmp_path / "out", *words).exit_code == 0
    rows = read_flat(tmp_path / "out/a.h5")
    x, y = Proj("EPSG:3976")(LON, LAT)
    np.testing.assert_allclose(rows["x"], x, rtol=0, atol=1e-6)
    np.testing.assert_allclose(rows["y"], y, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(rows["lon"], LON)
    np.testing.assert_array_equal(rows["e"], X)
    assert options_of(tmp_path / "out/a.h5")["lonlat"] == ["long", "lati"]


@pytest.mark.parametrize("words", [("--xy", "e", "n"), ("--xy", "e,n"), ("--xy=e,n",)])
def test_reproject_from_two_columns_in_any_spelling(run, path, tmp_path, words):
    words = ("-p", "3976", "--from", "3031", *words)
    assert run("reproject", path, "-o", tmp_path / "out", *words).exit_code == 0
    rows = read_flat(tmp_path / "out/a.h5")
    x, y = Proj("EPSG:3976")(LON, LAT)
    np.testing.assert_allclose(rows["x"], x, rtol=0, atol=1e-3)
    np.testing.assert_allclose(rows["y"], y, rtol=0, atol=1e-3)
    np.testing.assert_array_equal(rows["e"], X)


def test_tile(run, path, tmp_path):
    assert run("tile", path, "-o", tmp_path / "out", "-d", "500", *BOTH).exit_code == 0
    squares = list(zip(X // 500e3, Y // 500e3, strict=True))
    assert len(set(squares)) > 1
    tiles = sorted((tmp_path / "out").glob("*.h5"))
    assert len(tiles) == len(set(squares))
    for tile in tiles:
        rows = read_flat(tile)
        (square,) = set(zip(rows["x"] // 500e3, rows["y"] // 500e3, strict=True))
        here = np.array([one == square for one in squares])
        np.testing.assert_array_equal(rows["h_li"], HEIGHT[here])
        np.testing.assert_array_equal(rows["lon"], LON[here])
        said = options_of(tile)
        assert (said["lonlat"], said["xy"]) == (["long", "lati"], ["e", "n"])


@pytest.mark.parametrize(
    ("words", "places"), [(("--lonlat", "long", "lati"), (LON, LAT)), (BOTH, (X, Y))]
)
def test_export_to_geoparquet(run, path, tmp_path, words, places):
    assert run("export", path, "-o", tmp_path / "a.parquet", *words).exit_code == 0
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    at = table["h_li"].to_numpy().astype(int)  # the rows in another order
    points = shapely.from_wkb(table["geometry"].to_pylist())
    np.testing.assert_array_equal(shapely.get_coordinates(points), np.transpose(places)[at])


def test_export_to_csv(run, path, tmp_path):
    words = ("-v", "lon,lat,h_li", "--lonlat", "long", "lati")
    assert run("export", path, "-o", tmp_path / "a.csv", *words).exit_code == 0
    with open(tmp_path / "a.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name, values in (("lon", LON), ("lat", LAT), ("h_li", HEIGHT)):
        np.testing.assert_array_equal([float(row[name]) for row in rows], values)


@pytest.mark.parametrize(
    "words", [("-p", "3031", "--lonlat", "long", "lati"), ("--xy", "e", "n"), ("--xy", "e,n")]
)
@pytest.mark.parametrize("other", [{}, {"x": np.zeros(40), "y": np.zeros(40)}])
def test_preview(run, tmp_path, words, other):
    path = write(tmp_path / "a.h5", COLUMNS | other, crs="EPSG:3031")
    words = ("--agg", "count", "--size", "30", "20", *words)
    assert run("preview", path, "-o", tmp_path / "a.tif", *words).exit_code == 0
    with rasterio.open(tmp_path / "a.tif") as raster:
        drawn = np.nan_to_num(raster.read(1))
        rows, columns = np.array(rasterio.transform.rowcol(raster.transform, X, Y), int)
    expected = np.zeros((20, 30))
    np.add.at(expected, (np.clip(rows, 0, 19), np.clip(columns, 0, 29)), 1)  # edges of the map
    np.testing.assert_array_equal(drawn, expected)


# --- names that are wrong -------------------------------------------------------------

STEPS = {
    "filter": ("-o", "out", "--where", "h_li > 3"),
    "reproject": ("-o", "out"),
    "tile": ("-o", "out", "-d", "100"),
    "export": ("-o", "out.csv"),
    "preview": ("-o", "out.png"),
}


@pytest.mark.parametrize("option", ["--lonlat", "--xy"])
@pytest.mark.parametrize("step", STEPS)
def test_columns_that_no_file_has_are_refused_before_any_work(
    run, path, tmp_path, monkeypatch, step, option
):
    monkeypatch.chdir(tmp_path)
    own = ("--lonlat", "long", "lati") if option == "--xy" else ()
    result = run(step, "a.h5", *STEPS[step], *own, option, "h_li", "nope")
    assert result.exit_code == 2
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    assert "no column nope" in line
    assert "a.h5 has " in line
    assert "e, h_li, lat" in line
    assert [one.name for one in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("words", [("--xy", "e"), ("--lonlat", "e", "e"), BOTH * 2])
def test_two_columns_are_named_once(run, path, tmp_path, words):
    assert run("filter", path, "-o", tmp_path / "out", *words).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_places_that_are_missing_name_the_option(run, path, tmp_path):
    result = run("filter", path, "-o", tmp_path / "out", *BOX)
    assert result.exit_code == 2
    assert result.stderr.endswith("--lonlat says which are lon, lat\n")


def test_a_file_without_the_columns_fails_and_others_are_done(run, path, tmp_path):
    write(tmp_path / "b.h5", {"lon": LON, "lat": LAT})
    words = ("-o", tmp_path / "out", "--finite", "lat", "--lonlat", "long", "lati")
    result = run("filter", path, tmp_path / "b.h5", *words)
    assert result.exit_code == 1
    assert "b.h5: has no column long, lati: it has lat, lon" in result.stderr
    assert [one.name for one in (tmp_path / "out").glob("*.h5")] == ["a.h5"]


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = write_flat(tmp_path / "a.h5", {"lon": LON, "lat": LAT, "long": LON, "lati": LAT})
    with pytest.raises(InputError, match=r"a\.h5: has lon, lat already: long, lati cannot become"):
        FlatFile(path, PlaceNames(("long", "lati")))


def test_names_that_are_mixed_up_are_put_right(tmp_path):
    path = write_flat(tmp_path / "a.h5", {"lat": LON, "lon": LAT})
    with FlatFile(path, PlaceNames(("lat", "lon"))) as file:
        np.testing.assert_array_equal(file.read("lon"), LON)
        np.testing.assert_array_equal(file.read("lat"), LAT)


def test_usual_names_give_way_to_those_that_are_said(tmp_path):
    columns = {"longitude": LON + 1, "latitude": LAT, "long": LON, "lati": LAT}
    with FlatFile(write(tmp_path / "a.h5", columns), PlaceNames.of("long,lati")) as file:
        assert set(file.columns) == {"longitude", "latitude", "lon", "lat"}
        np.testing.assert_array_equal(file.read("lon"), LON)


def test_units_of_the_columns_are_looked_at_also_in_a_file_of_ours(tmp_path):
    path = write_flat(tmp_path / "a.h5", {"e": X / 1e3, "n": Y / 1e3})
    with h5py.File(path, "r+") as file:
        file["e"].attrs["units"] = "km"
    with pytest.raises(InputError, match="x has the attribute units = 'km'"):
        FlatFile(path, PlaceNames(xy=("e", "n")))


def test_other_names_do_an_input_again(run, tmp_path):
    path = write(tmp_path / "a.h5", COLUMNS | {"east_of": LON + 1, "north_of": LAT})
    words = ("filter", path, "-o", tmp_path / "out", "--finite", "lat", "--lonlat")
    assert run(*words, "long", "lati").exit_code == 0
    assert "all done before" in run(*words, "long", "lati").stderr
    assert run(*words, "east_of", "north_of").exit_code == 0
    np.testing.assert_array_equal(read_flat(tmp_path / "out/a.h5")["lon"], LON + 1)
