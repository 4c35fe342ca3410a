"""tile: which tiles points go to, what is written, and how the folder appears."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from straightforward import said

from captools.errors import BadInputs, CaptoolsWarning, FolderError, InputError
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import coords
from captools.geo.grid import Grid, assign
from captools.geo.outline import geometry
from captools.geo.select import check_extent
from captools.io.atomic import temporary_name
from captools.points import tiling
from captools.steps.tile import tile

whole = st.integers(-60, 60).map(float)
points = st.lists(st.tuples(whole, whole), max_size=20)
boxes = st.none() | st.tuples(whole, whole, whole, whole).map(
    lambda b: (min(b[:2]), max(b[:2]) + 1, min(b[2:]), max(b[2:]) + 1)
)


def write(folder, name, x, y, crs="EPSG:3031", **more):
    lon, lat = coords.transform(x, y, crs or "EPSG:3031", "EPSG:4326")
    columns = {"x": x, "y": y, "lon": lon, "lat": lat, "n": np.arange(len(x), dtype="i4")} | more
    attrs = {"captools_version": "0", "rgt": 1, "cycle": 1, "spot": 1}
    attrs |= {"crs": crs} if crs else {}
    with FlatWriter(folder) as batch:
        batch.write(name, Table(columns, attrs=attrs))
    return batch.written[0]


def scattered(folder, name="a.h5", count=500, half=250e3, seed=0):
    x, y = np.random.default_rng(seed).uniform(-half, half, (2, count))
    return write(folder, name, x, y)


def read(path):
    with h5py.File(path) as file:
        return {name: file[name][:] for name in file if name != "_captools"}, said(file)


# --- which tiles ----------------------------------------------------------------------


@given(points, st.integers(2, 40).map(lambda n: n / 2), st.sampled_from([0, 0.25, 1]), boxes)
def test_points_go_to_the_tiles_that_a_plain_loop_finds(places, size, part, box):
    grid = Grid(size, size * part, *((box[0], box[2], box) if box else ()))
    x, y = np.array(places).reshape(-1, 2).T
    expected = set()
    for at, (px, py) in enumerate(places):
        own = box is None or (box[0] <= px <= box[1] and box[2] <= py <= box[3])
        columns, rows = grid.shape or (0, 0)
        cores = 0
        for column in range(columns) if box else range(-65, 66):
            for row in range(rows) if box else range(-65, 66):
                xmin, xmax, ymin, ymax = grid.square(column, row)
                to_right = own and column == columns - 1 and px == box[1] if box else False
                to_top = own and row == rows - 1 and py == box[3] if box else False
                core = own and (xmin <= px < xmax or to_right) and (ymin <= py < ymax or to_top)
                r = grid.overlap
                if core or (xmin - r <= px < xmax + r and ymin - r <= py < ymax + r):
                    expected.add((at, column, row, bool(core)))
                cores += core
        assert cores == own
    found = list(zip(*(values.tolist() for values in assign(x, y, grid)), strict=True))
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [at for at, *_ in found] == sorted(at for at, *_ in found)


def test_points_without_a_place_are_in_no_tile():
    x = np.array([np.nan, np.inf, -1e30, 0.0])
    assert assign(x, np.zeros(4), Grid(10.0))[0].tolist() == [3]


@pytest.mark.parametrize("size", [1e3, 333.3, 100e3 / 3])
def test_edges_are_true_to_the_squares(size):
    grid = Grid(size)
    column = np.arange(-1000, 1000)
    edges = np.array([grid.square(int(at), 0)[0] for at in column])
    assert np.array_equal(assign(edges, 0 * edges, grid)[1], column)
    assert np.array_equal(assign(np.nextafter(edges, -np.inf), 0 * edges, grid)[1], column - 1)


def test_names_give_corner_and_size():
    assert Grid(100e3, x=-1500.5).name(0, 0) == "tile_-0001.5005_+0000.0000_100km.h5"
    assert Grid(12.5e3).name(1, -1) == "tile_+0012.5_-0012.5_12.5km.h5"


# --- what is written ------------------------------------------------------------------


@pytest.mark.parametrize("overlap", [0, 20, 100])
def test_cores_are_the_rows_of_the_input_and_tiles_hold_their_surroundings(tmp_path, overlap):
    files = [scattered(tmp_path / "in", name, seed=at) for at, name in enumerate(("a.h5", "b.h5"))]
    whole = [read(path)[0] for path in files]
    x, y, n = (np.concatenate([one[name] for one in whole]) for name in ("x", "y", "n"))
    *tiles, index = written = tile(files, tmp_path / "out", size=100, overlap=overlap)
    assert index == tmp_path / "out" / "tiles.geojson"
    assert {path.name for path in written} == {path.name for path in (tmp_path / "out").iterdir()}
    cores = []
    for path in tiles:
        columns, attrs = read(path)
        xmin, xmax, ymin, ymax = attrs["tile"]
        r = attrs["overlap"]
        assert r == overlap * 1e3
        held = (x >= xmin - r) & (x < xmax + r) & (y >= ymin - r) & (y < ymax + r)
        np.testing.assert_array_equal(columns["x"], x[held])
        np.testing.assert_array_equal(columns["n"], n[held])
        square = (x >= xmin) & (x < xmax) & (y >= ymin) & (y < ymax)
        np.testing.assert_array_equal(columns["core"], square[held])
        assert {columns[name].dtype.str for name in ("n", "rgt", "core")} == {"<i4", "<i2", "|b1"}
        assert (attrs["crs"], attrs["step"]) == ("EPSG:3031", "tile")
        cores.append(columns["x"][columns["core"]])
    assert sorted(np.concatenate(cores)) == sorted(x)
    assert written.rows_in == 1000
    assert written.rows_out == sum(len(read(path)[0]["x"]) for path in tiles)


def test_same_input_same_bytes_and_tiles_of_tiles_have_each_point_once(tmp_path):
    files = [scattered(tmp_path / "in")]
    first, again = (tile(files, tmp_path / name, size=100, overlap=30) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    coarse = tile(first[:-1], tmp_path / "c", size=500)
    assert coarse.rows_out == 500


def test_extent_begins_the_grid_and_leaves_points_outside(tmp_path):
    path = write(tmp_path, "a.h5", np.array([1.0, 2501.0, -100.0, 9e4]), np.full(4, 1.0))
    extent = (0.0, 2500.0, 0.0, 1000.0)
    *tiles, _ = tile([path], tmp_path / "out", size=1, overlap=0.5, extent=extent)
    assert [one.name for one in tiles] == ["tile_+0000_+0000_1km.h5"]
    assert read(tiles[0])[0]["core"].tolist() == [True, False]


def test_rows_without_a_place_are_left_out_and_counted(tmp_path):
    path = write(tmp_path, "a.h5", np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    with pytest.warns(CaptoolsWarning, match="1 row without x, y left out"):
        written = tile([path], tmp_path / "out", size=1)
    assert (written.rows_in, written.rows_out) == (2, 1)


def test_no_point_at_all_makes_no_output(tmp_path):
    path = write(tmp_path / "in", "a.h5", np.full(2, np.nan), np.zeros(2))
    tile([scattered(tmp_path / "some")], tmp_path / "out", size=100)
    before = sorted((tmp_path / "out").iterdir())
    with pytest.warns(CaptoolsWarning), pytest.raises(InputError, match="no point lies in any"):
        tile([path], tmp_path / "out", size=1)
    assert sorted((tmp_path / "out").iterdir()) == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in", "out", "some"]


def test_hundreds_of_tiles_need_few_open_files(tmp_path):
    axis = np.arange(20) * 1e3 + 5.0
    x, y = (values.ravel() for values in np.meshgrid(axis, axis))
    path = write(tmp_path / "in", "a.h5", x, y)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100));"
        "from captools.steps.tile import tile;"
        "print(len(tile([sys.argv[1]], sys.argv[2], size=1, overlap=0.01)))"
    )
    command = [sys.executable, "-c", code, path, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == 20 * 20 + 1


# --- the index ------------------------------------------------------------------------

SQUARES = {
    "pole inside": (-30e3, 70e3, -50e3, 50e3),
    "pole on an edge": (0.0, 100e3, -30e3, 70e3),
    "pole at a corner": (0.0, 100e3, 0.0, 100e3),
    "pole close to an edge": (1.0, 100e3, -50e3, 50e3),
    "antimeridian within": (-40e3, 60e3, -1e6, -9e5),
    "antimeridian along an edge": (0.0, 100e3, -1e6, -9e5),
    "plain": (1e6, 1.1e6, 2e5, 3e5),
}


@pytest.mark.parametrize("crs", ["EPSG:3031", "EPSG:3413"])
@pytest.mark.parametrize("square", SQUARES.values(), ids=SQUARES)
def test_outlines_are_valid_and_hold_what_lies_in_the_square(square, crs):
    import shapely

    outline = shapely.geometry.shape(geometry(square, crs))
    assert outline.is_valid
    assert outline.bounds[0] >= -180
    assert outline.bounds[2] <= 180
    xmin, xmax, ymin, ymax = square
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 4000)) * (xmax - xmin)
    x, y = x + (xmin + xmax) / 2, y + (ymin + ymax) / 2
    away = np.maximum(np.maximum(xmin - x, x - xmax), np.maximum(ymin - y, y - ymax))
    inside = shapely.contains_xy(outline, *coords.transform(x, y, crs, "EPSG:4326"))
    assert inside[away < -200].all()
    assert not inside[away > 200].any()


def test_the_index_opens_and_has_every_tile(tmp_path):
    import pyogrio

    *tiles, index = tile([scattered(tmp_path / "in")], tmp_path / "out", size=100, overlap=10)
    properties, _, shapes, _ = pyogrio.raw.read(index)
    assert properties["crs"] == "EPSG:4326"
    assert len(shapes) == len(tiles)
    for path, feature in zip(tiles, json.loads(index.read_text())["features"], strict=True):
        columns, attrs = read(path)
        about = feature["properties"]
        assert about["file"] == path.name
        assert (about["rows"], about["core"]) == (len(columns["core"]), columns["core"].sum())
        assert [about[n] for n in ("xmin", "xmax", "ymin", "ymax")] == attrs["tile"].tolist()


# --- what is refused, and how the folder appears --------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"size": np.nan},
        {"size": np.inf},
        {"size": 1, "overlap": 2},
        {"size": 1, "overlap": -1},
        {"size": 1, "extent": (1.0, 0.0, 0.0, 1.0)},
    ],
)
def test_wrong_arguments_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"size|overlap|extent"):
        tile([scattered(tmp_path / "in")], tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_extent_must_be_a_box():
    with pytest.raises(ValueError, match="XMIN XMAX"):
        check_extent((0.0, np.nan, 0.0, 1.0))


def test_a_folder_of_tiles_is_replaced_and_any_other_refused(tmp_path):
    files, out = [scattered(tmp_path / "in")], tmp_path / "out"
    out.mkdir()
    tile(files, out, size=100)
    written = tile(files, out, size=200)
    assert {path.name for path in out.iterdir()} == {path.name for path in written}
    with pytest.raises(ValueError, match="is the folder of an input"):
        tile(written[:-1], out, size=100)
    (out / "mine.txt").touch()
    with pytest.raises(ValueError, match=r"mine\.txt"):
        tile(files, out, size=100)
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}


def test_what_a_dead_worker_left_is_not_in_the_folder_of_tiles(tmp_path, monkeypatch):
    write, left = tiling._Write.__call__, temporary_name("tile_+0_+0_10km.h5")

    def write_and_leave(self, group):
        (self.folder / left).touch()
        return write(self, group)

    monkeypatch.setattr(tiling._Write, "__call__", write_and_leave)
    path = scattered(tmp_path / "in")
    written = tile([path], tmp_path / "tiles", size=100)
    assert {one.name for one in written} == {one.name for one in (tmp_path / "tiles").iterdir()}
    (tmp_path / "tiles" / left).touch()  # of one that was only cut off, and came back
    assert tile([path], tmp_path / "tiles", size=100) == written


def test_a_worker_makes_no_folder_anew_that_was_given_up(tmp_path, monkeypatch):
    write = tiling._Write.__call__

    def write_too_late(self, group):
        shutil.rmtree(self.folder)
        try:
            return write(self, group)
        finally:
            assert not self.folder.exists()

    monkeypatch.setattr(tiling._Write, "__call__", write_too_late)
    with pytest.raises(FolderError, match="cannot be written"):
        tile([scattered(tmp_path / "in")], tmp_path / "tiles", size=100)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_bad_inputs_leave_nothing_and_keep_what_was(tmp_path):
    files, out = [scattered(tmp_path / "in")], tmp_path / "out"
    tile(files, out, size=100)
    before = {path: path.read_bytes() for path in out.iterdir()}
    (tmp_path / "in" / "bad.h5").write_bytes(b"")
    with pytest.raises(BadInputs):
        tile([*files, tmp_path / "in" / "bad.h5"], out, size=100)
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}


@pytest.mark.parametrize(("crs", "why"), [("", "do not state the CRS"), ("EPSG:4326", "degree")])
def test_x_and_y_must_be_metres_of_a_known_crs(tmp_path, crs, why):
    path = write(tmp_path, "a.h5", np.array([1.0]), np.array([1.0]), crs)
    with warnings.catch_warnings(), pytest.raises(InputError, match=why):
        tile([path], tmp_path / "out", size=1)
    assert not (tmp_path / "out").exists()


def test_files_without_x_and_y_ask_to_be_reprojected(tmp_path):
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", Table({"lon": np.zeros(2)}, attrs={"captools_version": "0"}))
    with pytest.raises(InputError, match=r"no column x, y.*captools reproject"):
        tile(batch.written, tmp_path / "out", size=1)


# --- many -----------------------------------------------------------------------------


def test_it_warns_before_it_makes_many_files_and_ends_when_asked(tmp_path, run, monkeypatch):
    scattered(tmp_path / "in")
    monkeypatch.setattr("captools.points.tiling.MANY_TILES", 5)
    writer, command, opened = FlatWriter, os.getpid(), tmp_path / "opened"

    def asked_to_end(*arguments, **options):  # in the process that does the work
        if not opened.exists():
            time.sleep(2)  # until the command, on a busy machine, has shown the warning
            os.kill(command, signal.SIGINT)
            time.sleep(1)  # which the command says to this one
        with opened.open("a") as file:
            file.write("x")
        return writer(*arguments, **options)

    monkeypatch.setattr("captools.points.tiling.FlatWriter", asked_to_end)
    words = ("tile", tmp_path / "in", "-o", tmp_path / "tiles", "-d", 100)
    result = run(*words)
    assert result.exit_code == 130
    assert opened.read_text() == "x"
    warning, interrupted = result.stderr.splitlines()
    assert re.fullmatch(r"warning: 36 files will be made: .*", warning)
    assert interrupted == "interrupted"
    assert not (tmp_path / "tiles").exists()
    monkeypatch.setattr("captools.points.tiling.MANY_TILES", 36)
    assert "will be made" not in run(*words).stderr
    assert len(list((tmp_path / "tiles").glob("*.h5"))) == 36
