"""filter: the rows that a plain reading of the conditions keeps, and no file touched."""

import json
from pathlib import Path

import h5py
import numpy as np
import pyogrio
import pytest
import shapely
from astropy.time import Time
from flatfiles import write_flat
from hypothesis import given, settings
from hypothesis import strategies as st
from straightforward import read_flat, said

from captools.errors import InputError
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import select
from captools.steps.filter import filter as filter_file
from captools.steps.merge import merge
from captools.steps.readatl06 import readatl06


@pytest.fixture(scope="module")
def beam(granule, tmp_path_factory):
    """A flat file of a beam. Not to be changed."""
    return readatl06(granule, tmp_path_factory.mktemp("in"), quality="all")[0]


def assert_kept(path, source, keep):
    """Check that a file holds the rows `keep` of another, column for column."""
    rows, found = read_flat(source), read_flat(path)
    assert list(found) == list(rows)
    for name, values in rows.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values[keep], err_msg=name)


START = Time("2019-05-14T03:17:00").gps
WAYS = {
    "where": (
        {"where": "s_li < 0.08 and snr > 0 and not is_asc"},
        lambda rows: (rows["s_li"].astype("f8") < 0.08) & (rows["snr"] > 0) & ~rows["is_asc"],
    ),
    "finite": ({"finite": "h_li, s_li"}, lambda rows: np.isfinite(rows["h_li"] + rows["s_li"])),
    "box": (
        {"bbox": (-180, 180, -87.9, -80)},
        lambda rows: (rows["lat"] >= -87.9) & (rows["lat"] <= -80),
    ),
    "extent": (
        {"extent": (-5e4, 2e5, -9e5, 9e5)},
        lambda rows: (np.abs(rows["x"] - 7.5e4) <= 1.25e5) & (np.abs(rows["y"]) <= 9e5),
    ),
    "time": (  # 100 s of the granule, which begins at 03:15:58
        {"span": ("2019-05-14T03:17:00", "2019-05-14T03:18:40")},
        lambda rows: (rows["t_gps"] >= START) & (rows["t_gps"] < START + 100),
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("block", [50, 1 << 17])
def test_it_keeps_what_a_plain_reading_keeps(beam, tmp_path, monkeypatch, way, block):
    monkeypatch.setattr("captools.flat.reader.BLOCK_ROWS", block)
    options, rule = WAYS[way]
    keep = rule(read_flat(beam))
    assert 0 < keep.sum() <= len(keep)
    written = filter_file(beam, tmp_path, **options)
    assert written == [tmp_path / beam.name]
    assert_kept(written[0], beam, keep)
    assert (written.rows_in, written.rows_out) == (len(keep), keep.sum())
    assert sum(written.removed.values()) == len(keep) - keep.sum()


def test_conditions_add_up_and_each_counts_what_it_removed(beam, tmp_path):
    rows = read_flat(beam)
    written = filter_file(
        beam, tmp_path, bbox=(-180, 180, -87.9, -80), finite="s_li", where="q_flag == 0"
    )
    box = (rows["lat"] >= -87.9) & (rows["lat"] <= -80)
    finite = box & np.isfinite(rows["s_li"])
    where = finite & (rows["q_flag"] == 0)
    assert_kept(written[0], beam, where)
    assert written.removed == {
        "box": np.sum(~box),
        "finite s_li": np.sum(box) - np.sum(finite),
        "where": np.sum(finite) - np.sum(where),
    }


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(WAYS)), st.sampled_from(sorted(WAYS)))
def test_twice_is_once(beam, tmp_path_factory, one, other):
    folder = tmp_path_factory.mktemp("twice")
    options = WAYS[one][0] | WAYS[other][0]
    once = filter_file(beam, folder / "once", **options)
    for path in once:
        (again,) = filter_file(path, folder / "again", **options)
        assert_kept(again, path, slice(None))


def test_the_header_says_what_was_done_and_where_the_rows_lie(beam, tmp_path):
    (path,) = filter_file(beam, tmp_path, where="q_flag == 0")
    rows = read_flat(path)
    with h5py.File(path) as file, h5py.File(beam) as source:
        header, before = said(file), said(source)
        assert dict(file["h_li"].attrs) == dict(source["h_li"].attrs)
    assert header["step"] == "filter"
    assert json.loads(header["options"]) == {"where": "q_flag == 0", "compression": "none"}
    assert json.loads(header["history"]) == [["readatl06", json.loads(before["options"])]]
    for name in ("source", "beam", "rgt", "crs", "cycle", "spot"):
        assert header[name] == before[name]
    assert header["bounds_xy"].tolist() == [
        *(rows["x"].min(), rows["x"].max(), rows["y"].min(), rows["y"].max())
    ]
    assert header["t_span"].tolist() == [rows["t_gps"].min(), rows["t_gps"].max()]


def test_a_file_of_which_nothing_is_left_is_empty_and_has_no_output(run, beam, tmp_path):
    result = run("filter", beam, "-o", tmp_path / "out", "--where", "h_li > 99999")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "1 input: 0 done, 1 empty, 0 failed; 0 of" in result.stderr
    assert " rows kept; removed: where " in result.stderr
    assert list((tmp_path / "out").glob("*.h5")) == []


def test_the_numbers_removed_of_all_files_are_said_at_the_end(run, granule, tmp_path):
    inputs = readatl06(granule, tmp_path / "in")
    result = run("filter", tmp_path / "in", "-o", tmp_path / "out", "--where", "is_asc")
    lost = sum(np.sum(~read_flat(path)["is_asc"]) for path in inputs)
    assert f" rows kept; removed: where {lost:,}" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--mask-where", "NAME = 'west'"], lambda east: east >= 190),
        (["--mask-where", "NAME = 'west'", "--invert"], lambda east: east < 190),
        (["--mask-where", "NAME = 'east'", "--invert"], lambda east: east > 170),
    ],
)
def test_of_a_mask_a_part_or_what_lies_outside(run, beam, tmp_path, words, rule):
    lon = read_flat(beam)["lon"]
    middle = np.median(lon) + 1e-7  # where no point is
    assert (lon != middle).all()
    squares = [shapely.box(middle + w, -90, middle + w + 170, -60) for w in (-170, 0)]
    names = np.array(["west", "east"], dtype=object)
    about = {"geometry_type": "Polygon", "crs": "EPSG:4326"}
    pyogrio.raw.write(tmp_path / "b.gpkg", shapely.to_wkb(squares), [names], ["NAME"], **about)
    keep = rule((lon - middle) % 360)
    assert 0 < keep.sum() < len(keep)
    result = run("filter", beam, "-o", tmp_path / "out", *words, "-f", tmp_path / "b.gpkg")
    assert result.exit_code == 0, result.stderr
    assert_kept(tmp_path / "out" / beam.name, beam, keep)


@pytest.mark.parametrize("words", [["--invert"], ["--buffer", "5"], ["--mask-where", "A = 1"]])
def test_what_goes_with_a_mask_is_wrong_usage_without_one(run, beam, tmp_path, words):
    result = run("filter", beam, "-o", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert "go with a mask (-f)" in result.stderr


@pytest.mark.parametrize(
    ("box", "metres"), [("-1e5 1e5 -1e5 1e5", True), ("0 1 -400 1", True), ("0 360 -91 0", False)]
)
def test_metres_given_to_a_box_name_the_extent(run, beam, tmp_path, box, metres):
    result = run("filter", beam, "-o", tmp_path / "out", "-b", *box.split())
    assert result.exit_code == 2
    assert ("metres go with --extent" in result.stderr) == metres


def test_a_point_without_a_longitude_lies_in_no_box(tmp_path):
    lon = np.array([10.0, np.nan, np.inf, -np.inf, 350.0])
    columns = {"lon": lon, "lat": np.full(5, -75.0)}
    with FlatWriter(tmp_path) as batch:
        batch.write("flat.h5", Table(columns, attrs={"captools_version": "0"}))
    source = tmp_path / "flat.h5"
    for box in ((-180, 180, -90, 0), (0, 360, -90, 0), (-90, 90, -90, 0)):
        written = filter_file(source, tmp_path / "out", bbox=box)
        assert_kept(written[0], source, np.array([0, 4]))


def test_a_column_that_no_file_has_is_named_before_any_work(run, beam, tmp_path):
    words = (["--where", "nonsense < 1"], ["--finite", "nonsense"], ["--outliers", "nonsense"])
    for more in words:
        result = run("filter", beam, "-o", tmp_path / "out", *more)
        assert result.exit_code == 2
        assert f"no column nonsense in any input: {beam} has dac, dh_fit_dx" in result.stderr
        assert not (tmp_path / "out").exists()


def test_a_column_that_one_file_lacks_fails_this_one(run, beam, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.h5").write_bytes(beam.read_bytes())
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["s_li"]
    files = (tmp_path / "a.h5", tmp_path / "b.h5")
    result = run("filter", *files, "-o", tmp_path / "out", "--finite", "s_li")
    assert result.exit_code == 1
    assert f"failed: {tmp_path}/a.h5: has no column s_li: it has" in result.stderr
    assert [path.name for path in (tmp_path / "out").glob("*.h5")] == ["b.h5"]


def test_options_given_again_add_up(run, beam, tmp_path):
    with h5py.File(beam) as file:
        h, s, lat = file["h_li"][:], file["s_li"][:], file["lat"][:]
        snr = file["snr"][:]
    high, sure = float(np.median(h)), float(np.median(s))
    conditions = ("--where", f"h_li > {high} or lat > 90", "--where", f"s_li < {sure}")
    finite = ("--finite", "h_li", "--finite", "s_li,snr")
    assert run("filter", beam, "-o", tmp_path / "out", *conditions, *finite).exit_code == 0
    keep = (h > high) & (s < sure) & np.isfinite(h + s + snr)
    assert 0 < keep.sum() < min((h > high).sum(), (s < sure).sum())
    with h5py.File(tmp_path / "out" / beam.name) as file:
        np.testing.assert_array_equal(file["lat"][:], lat[keep])


@pytest.mark.parametrize(
    "words",
    [
        "-b 0 1 0 1 -b 2 3 2 3",
        "-t 2018 2019 -t 2019 2020",
        "--outliers h_li --outliers s_li",
        "-z lzf -z gzip",
    ],
)
def test_what_does_not_add_up_is_refused_when_given_again(run, beam, tmp_path, words):
    result = run("filter", beam, "-o", tmp_path / "out", *words.split())
    assert result.exit_code == 2
    assert "is given more than once, and does not add up" in result.stderr


def test_an_open_bracket_is_not_closed_by_another_condition(run, beam, tmp_path):
    words = ("--where", "(h_li > 0", "--where", "s_li < 1)")
    assert run("filter", beam, "-o", tmp_path / "out", *words).exit_code == 2


def test_without_a_condition_it_says_that_all_is_copied(run, beam, tmp_path):
    result = run("filter", beam, "-o", tmp_path / "out")
    assert result.stderr.splitlines()[0] == "warning: no condition: all rows are copied"
    assert (
        "no condition" not in run("filter", beam, "-o", tmp_path / "o", "--finite", "h_li").stderr
    )


def test_a_column_known_by_its_other_name_is_named_by_ours(run, beam, tmp_path):
    for words in (["--where", "h_elv < 1"], ["--outliers", "h_elv"], ["--finite", "h_elv"]):
        result = run("filter", beam, "-o", tmp_path / "out", *words)
        assert result.exit_code == 2
        assert "no column h_elv in any input: h_elv is h_li here\n" in result.stderr


def test_fills_of_whole_numbers_are_missing_in_every_condition(tmp_path):
    columns = {"f_sn": np.array([2, 127, 2, 127, 3], "i1"), "h_li": np.arange(5.0)}
    about = {"f_sn": {"units": "1", "long_name": "f_sn", "_FillValue": np.int8(127)}}
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", Table(columns, about, {"captools_version": "0"}))
    for number, (options, rows) in enumerate(
        [
            ({"finite": "f_sn"}, [0, 2, 4]),
            ({"where": "f_sn > 0"}, [0, 2, 4]),
            ({"where": "f_sn < 3"}, [0, 2]),
            ({"where": "not f_sn < 3"}, [1, 3, 4]),
            ({"where": "f_sn & 1 == 1"}, [4]),
            ({"where": "h_li > f_sn - 1"}, [2, 4]),
        ]
    ):
        (path,) = filter_file(tmp_path / "a.h5", tmp_path / str(number), **options)
        assert read_flat(path)["h_li"].tolist() == rows
        assert read_flat(path)["f_sn"].tolist() == columns["f_sn"][rows].tolist()


def test_regions_are_left_out_by_name(run, granules, tmp_path):
    for granule in granules.glob("*.h5"):
        readatl06(granule, tmp_path / "in")
    result = run("filter", tmp_path / "in", "-o", tmp_path / "out", "-g", "10,12")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2 * 2
    assert not any("0111_" in line for line in result.stdout.splitlines())


def test_the_folder_of_the_file_is_refused(beam):
    before = beam.read_bytes()
    with pytest.raises(ValueError, match="is the folder of an input"):
        filter_file(beam, beam.parent, where="is_asc")
    assert beam.read_bytes() == before


def test_a_merged_file_keeps_the_names_of_its_granules(granules, tmp_path):
    for granule in sorted(granules.glob("*.h5")):
        readatl06(granule, tmp_path / "in")
    (merged,) = merge(sorted((tmp_path / "in").glob("*.h5")), tmp_path / "all.h5")
    (path,) = filter_file(merged, tmp_path / "out", where="spot > 2")
    with h5py.File(path) as file:
        assert len(file["_captools/source"]) == 3
        assert file["rgt"].dtype == np.int16


# --- outliers ---------------------------------------------------------------------


def plain_outliers(rows, cell, window, nmad, min_obs, sparse):
    """Tell which rows go, cell by cell in a loop."""
    cells = {}
    for at in range(len(rows["h_li"])):
        if np.isfinite(rows["h_li"][at]):
            place = [rows[name][at] // (cell * 1000) for name in "xy"]
            cells.setdefault((*place, rows["t_year"][at] // window), []).append(at)
    gone = np.zeros(len(rows["h_li"]), bool)
    for held in cells.values():
        values = rows["h_li"][held].astype("f8")
        distance = np.abs(values - np.median(values))
        if len(held) < min_obs:
            gone[held] = sparse == "drop"
        else:
            gone[held] = distance > nmad * 1.4826 * np.median(distance)
    return gone


def scattered(folder, count, seed):
    """Write points of few cells, some of them far off, and return the path."""
    random = np.random.default_rng(seed)
    heights = random.normal(size=count).astype("f4")
    heights[random.random(count) < 0.1] *= 50
    heights[random.random(count) < 0.05] = np.nan
    columns = {
        "x": random.uniform(-3e3, 3e3, count),
        "y": random.uniform(-3e3, 3e3, count),
        "t_year": random.uniform(2019, 2021, count),
        "h_li": heights,
    }
    with FlatWriter(folder) as batch:
        batch.write("points.h5", Table(columns, attrs={"captools_version": "0"}))
    return folder / "points.h5"


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 400),
    st.integers(0, 99),
    st.sampled_from([1.0, 2.5, 10.0]),
    st.sampled_from([0.25, 1.0, 5.0]),
    st.sampled_from([2.0, 5.0]),
    st.integers(1, 30),
    st.sampled_from(["keep", "drop"]),
)
def test_outliers_are_those_of_a_plain_loop(
    tmp_path_factory, count, seed, cell, window, nmad, min_obs, sparse
):
    folder = tmp_path_factory.mktemp("outliers")
    path = scattered(folder, count, seed)
    gone = plain_outliers(read_flat(path), cell, window, nmad, min_obs, sparse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("captools.flat.reader.BLOCK_ROWS", 64)
        patch.setattr("captools.points.outliers.BUCKET_ROWS", 64)
        written = filter_file(
            path,
            folder / "out",
            outliers="h_li",
            **{"cell": cell, "window": window, "nmad": nmad, "min_obs": min_obs, "sparse": sparse},
        )
    if not gone.all():
        assert_kept(written[0], path, ~gone)
    assert sum(written.removed.values()) == gone.sum()
    assert [one.name for one in folder.glob("out/.*")] == []


def test_outliers_are_sought_among_the_rows_that_other_conditions_leave(tmp_path):
    path = scattered(tmp_path, 400, 1)
    rows = read_flat(path)
    left = rows["x"] > 0
    among = {name: values[left] for name, values in rows.items()}
    keep = left.copy()
    keep[left] = ~plain_outliers(among, 3, 0.5, 3, 2, "keep")
    written = filter_file(path, tmp_path / "out", where="x > 0", outliers="h_li", nmad=3, min_obs=2)
    assert_kept(written[0], path, keep)


def test_outliers_need_places_and_times(tmp_path):
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", Table({"h_li": np.zeros(3)}))
    with pytest.warns(match="not of captools"), pytest.raises(InputError, match="no column x, y"):
        filter_file(tmp_path / "a.h5", tmp_path / "out", outliers="h_li")


@given(st.lists(st.tuples(*[st.integers(-900_000, 900_000)] * 3), min_size=1, max_size=50))
def test_cells_have_numbers_of_their_own(places):
    x, y, t = np.array(places, dtype="f8").T
    numbers = select.cells(x, y, t, 1.0, 1.0)
    for one, name in zip(places, numbers, strict=True):
        for other, other_name in zip(places, numbers, strict=True):
            assert (one == other) == (name == other_name)


# --- real files -------------------------------------------------------------------


def test_real_files_of_the_tutorial_are_filtered_in_our_names(run, real_data, tmp_path):
    result = run(
        *("filter", real_data / "reduced", "-o", tmp_path),
        *("--where", "h_li < 100 and s_li < 0.5", "--finite", "tide_ocean"),
    )
    assert result.exit_code == 0
    for path in map(Path, result.stdout.splitlines()):
        rows, source = read_flat(path), read_flat(real_data / "reduced" / path.name)
        keep = (source["h_elv"] < 100) & (source["s_elv"] < 0.5) & (source["tide_ocean"] < 1e38)
        np.testing.assert_array_equal(rows["h_li"], source["h_elv"][keep])
        with h5py.File(path) as file:
            assert file.attrs["rgt"] == 54
            assert said(file["h_li"])["units"] == "m"


def test_whole_numbers_without_a_value_meet_no_condition(tmp_path):
    flag = np.array([0, 1, 127, 9], "i1")
    path = write_flat(tmp_path / "a.h5", {"flag": flag, "x": np.zeros(4), "y": np.zeros(4)})
    with h5py.File(path, "r+") as file:
        file["flag"].attrs["_FillValue"] = np.int8(127)
    for number, (options, left) in enumerate(
        [
            ({"finite": "flag"}, [0, 1, 9]),
            ({"where": "flag > 0"}, [1, 9]),
            ({"where": "(flag & 1) == 1"}, [1, 9]),
        ]
    ):
        (out,) = filter_file(path, tmp_path / str(number), **options)
        with h5py.File(out) as file:
            assert file["flag"][:].tolist() == left
            assert file["flag"].attrs["_FillValue"] == 127


def test_the_last_line_says_where_all_rows_went(run, tmp_path):
    values = np.array([1.0, np.nan, 3.0, 4.0, 5.0])
    for name in ("a", "b"):
        write_flat(tmp_path / "in" / f"{name}.h5", {"h": values, "lat": np.zeros(5)})
    words = ("filter", tmp_path / "in", "-o", tmp_path / "out", "--finite", "h", "--where", "h > 3")
    *_, last = run(*words).stderr.splitlines()
    assert last.endswith("4 of 10 rows kept; removed: finite h 2, where 4")


def flat_at(path, lon, lat, x, y):
    columns = {"lon": lon, "lat": lat, "x": x, "y": y}
    columns = {name: np.array(values, "f8") for name, values in columns.items()}
    with FlatWriter(path.parent) as batch:
        batch.write(path.name, Table(columns, attrs={"captools_version": "0"}))


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("-b 10 20 -80 -70", "lon -120 to 175, lat -89 to -75"),
        ("--extent 0 1 0 1", "x -1600000 to 30.5, y -7 to 5"),
        ("-b -121 -119 -80 -70", None),  # holds a row of one file
        ("-b -180 180 -90 0 --where lat>0", None),  # it is not the box
    ],
)
def test_a_box_that_holds_nothing_is_answered_with_where_the_rows_are(run, tmp_path, words, where):
    flat_at(tmp_path / "in" / "a.h5", [-120, 9], [-75, -89], [-1.6e6, 3], [4, 5])
    flat_at(tmp_path / "in" / "b.h5", [175, np.nan], [-81, -76], [30.5, 2], [-7, np.nan])
    result = run("filter", tmp_path / "in", "-o", tmp_path / "out", *words.split())
    assert result.exit_code == 0
    assert result.stderr.count("lies in the box") == (where is not None)
    if where:
        assert f"no row lies in the box: what was read has {where}\n" in result.stderr


@pytest.mark.parametrize("words", ["f_sn != 127", "2 < h_li and not 127 == f_sn"])
def test_what_stands_for_no_value_is_not_compared(run, tmp_path, words):
    about = {"f_sn": {"units": "1", "long_name": "f_sn", "_FillValue": np.int8(127)}}
    with FlatWriter(tmp_path) as batch:
        columns = {"f_sn": np.array([2, 127], "i1"), "h_li": np.arange(2.0)}
        batch.write("a.h5", Table(columns, about, {"captools_version": "0"}))
    result = run("filter", tmp_path / "a.h5", "-o", tmp_path / "out", "--where", words)
    assert result.exit_code == 1
    assert "f_sn: 127 stands for no value: --finite f_sn keeps" in result.stderr
