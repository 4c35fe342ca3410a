"""The step merge: the rows of many files in one, or in a few, and all of them or none."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.time import Time
from flatfiles import (
    assert_equal,
    damage,
    random_columns,
    small_pieces,
    sources_of,
    truncate,
    write_flat,
    write_split,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from straightforward import read_flat, said

from captools.errors import BadInputs, CaptoolsWarning, InputError
from captools.flat import laid
from captools.steps.merge import merge
from captools.steps.preview import preview

IDENTITY = {"rgt": np.int16(1), "cycle": np.int16(2), "spot": np.int8(3)}
NAME = "ATL06_20190101001723_{rgt:04d}{cycle:02d}10_209_01_{beam}.h5"

rows = st.integers(1, 200)
cuts = st.lists(st.integers(0, 200), max_size=6)
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=25, deadline=None)


def with_identity(columns):
    """Columns as they are when merged."""
    count = len(columns["lat"])
    return columns | {name: np.full(count, value) for name, value in IDENTITY.items()}


@pytest.fixture
def files(tmp_path):
    """Four files of compressed columns, ten rows each."""
    columns = [random_columns(10, seed) for seed in range(4)]
    return [
        write_flat(tmp_path / "in" / f"{letter}.h5", one, "gzip", source=f"{letter}.h5")
        for letter, one in zip("abcd", columns, strict=True)
    ]


# --- the rows -----------------------------------------------------------------------


@few
@given(rows, cuts, seeds)
def test_merging_a_split_table_gives_the_whole(rows, cuts, seed):
    columns = random_columns(rows, seed)
    with tempfile.TemporaryDirectory() as place, small_pieces():
        files = write_split(Path(place) / "in", columns, cuts)
        written = merge(files, Path(place) / "out.h5")
        assert written == [Path(place) / "out.h5"]
        assert (written.rows_in, written.rows_out) == (rows, rows)
        assert_equal(read_flat(*written), with_identity(columns))
        assert sources_of(*written) == [f"granule_{number:03d}.h5" for number in range(len(files))]


@few
@given(rows, cuts, seeds, st.integers(1, 7), st.booleans())
def test_merging_into_parts_and_these_again_gives_the_whole(rows, cuts, seed, parts, sort):
    columns = with_identity(random_columns(rows, seed))
    if sort:
        order = np.argsort(columns["t_gps"], kind="stable")
        columns = {name: values[order] for name, values in columns.items()}
    with tempfile.TemporaryDirectory() as place, small_pieces():
        folder = Path(place)
        files = write_split(folder / "in", random_columns(rows, seed), cuts)
        written = merge(files, folder / "all.h5", parts=parts, sort=sort)
        lengths = [len(read_flat(path)["lat"]) for path in written]
        assert sum(lengths) == rows
        assert max(lengths) - min(lengths) <= 1
        assert len(lengths) == min(parts, rows)
        again = merge(written, folder / "again.h5")
        assert_equal(read_flat(*again), columns)
        assert sources_of(*again) == [f"granule_{number:03d}.h5" for number in range(len(files))]


@few
@given(rows, cuts, seeds, st.integers(1, 5), st.sampled_from([1, 2, 3]))
def test_sorted_rows_are_those_of_a_stable_sort_with_unknown_times_last(
    rows, cuts, seed, buckets, stride
):
    columns = random_columns(rows, seed)
    order = np.argsort(columns["t_gps"], kind="stable")
    with tempfile.TemporaryDirectory() as place, small_pieces(buckets * stride, stride):
        files = write_split(Path(place) / "in", columns, cuts)
        written = merge(files, Path(place) / "out.h5", sort=True)
        found = read_flat(*written)
        assert_equal(found, {n: v[order] for n, v in with_identity(columns).items()})
        assert sorted(os.listdir(place)) == ["in", "out.h5"]


def test_times_that_are_all_equal_or_all_unknown_stay_in_order(tmp_path):
    for number, value in enumerate((5.0, np.nan, np.inf, -np.inf)):
        columns = random_columns(100, 0) | {"t_gps": np.full(100, value)}
        files = write_split(tmp_path / str(number), columns, [30, 60])
        with small_pieces():
            written = merge(files, tmp_path / "out.h5", sort=True)
        assert_equal(read_flat(*written), with_identity(columns))


def test_merging_gives_the_same_bytes_at_another_time_and_place(files, tmp_path):
    for options in ({}, {"sort": True, "compression": "gzip"}, {"parts": 3}):
        first = merge(files, tmp_path / "one" / "out.h5", **options)
        time.sleep(1.1)  # HDF5 can store times, in seconds
        moved = [shutil.copy(path, tmp_path / path.name) for path in files]
        second = merge(moved, tmp_path / "two" / "out.h5", **options)
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
        assert len(first) == options.get("parts", 1)


def test_the_order_of_columns_in_a_file_does_not_matter(tmp_path):
    columns = random_columns(5, 0)
    turned = dict(reversed(columns.items()))
    files = [write_flat(tmp_path / "a.h5", columns), write_flat(tmp_path / "b.h5", turned)]
    (path,) = merge(files, tmp_path / "out.h5")
    twice = {name: np.concatenate([values] * 2) for name, values in columns.items()}
    assert_equal(read_flat(path), with_identity(twice))


@pytest.mark.parametrize("sort", [False, True])
def test_files_without_rows_are_merged_to_nothing(tmp_path, sort):
    files = [write_flat(tmp_path / f"{k}.h5", random_columns(0, 0)) for k in "ab"]
    assert merge(files, tmp_path / "out.h5", sort=sort) == []
    assert sorted(os.listdir(tmp_path)) == ["a.h5", "b.h5"]


@pytest.mark.parametrize("compression", ["none", "lzf", "gzip"])
def test_the_output_is_compressed_as_wanted(run, files, tmp_path, compression):
    result = run("merge", *files, "-o", tmp_path / "out.h5", "-z", compression)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'out.h5'}\n")
    with h5py.File(tmp_path / "out.h5") as file:
        stored = {item.compression for item in file.values() if isinstance(item, h5py.Dataset)}
    assert stored == {None if compression == "none" else compression}


def test_parts_are_numbered_so_that_names_sort(run, files, tmp_path):
    result = run("merge", *files, "-o", tmp_path / "all.x.h5", "-m", 3)
    assert result.stdout.split() == [str(tmp_path / f"all.x_0{part}.h5") for part in range(3)]
    assert [len(read_flat(path)["lat"]) for path in result.stdout.split()] == [13, 13, 14]
    many = merge(files * 4, tmp_path / "many.h5", parts=101)
    assert [path.name for path in (many[0], many[-1])] == ["many_000.h5", "many_100.h5"]


# --- who they are ---------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_many_parts_need_few_open_files(tmp_path, compression):
    path = write_flat(tmp_path / "a.h5", random_columns(300, 0))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, most[1]))
    try:
        parts = merge([path], tmp_path / "b.h5", parts=60, jobs=1, compression=compression)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert len(parts) == 60
    numbers = [read_flat(part)["number"] for part in parts]
    assert np.concatenate(numbers).tolist() == list(range(300))


def test_the_file_has_its_length_before_workers_write_into_it(tmp_path, monkeypatch):
    paths = [write_flat(tmp_path / f"in/{n}.h5", random_columns(500, n)) for n in range(3)]
    put, sizes = laid.Places.put, []

    def look_and_put(self, file, row, columns):
        sizes.append(os.fstat(file).st_size)
        held = [os.path.realpath(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")]
        assert held.count(str(self.hidden)) == 1  # and nobody else has it open
        put(self, file, row, columns)

    monkeypatch.setattr(laid.Places, "put", look_and_put)
    merge(paths, tmp_path / "all.h5", jobs=1)
    with h5py.File(tmp_path / "all.h5") as file:
        ends = [file[name].id.get_offset() + file[name].nbytes for name in random_columns(1, 0)]
    assert len(sizes) == 3
    assert min(sizes) >= max(ends)


def test_what_identifies_a_file_becomes_columns_of_small_integers(tmp_path):
    columns = random_columns(3, 0)
    headed = write_flat(tmp_path / "a.h5", columns, rgt=1387, cycle=20, spot=6)
    own = {
        "rgt": np.array([7, 8, 9], "i2"),
        "cycle": np.array([1, 1, 2], "i2"),
        "spot": np.array([1, 3, 5], "i1"),
    }
    held = write_flat(tmp_path / "b.h5", columns | own)
    found = read_flat(*merge([headed, held], tmp_path / "out.h5"))
    for name, first in (("rgt", 1387), ("cycle", 20), ("spot", 6)):
        np.testing.assert_array_equal(found[name], [first] * 3 + own[name].tolist())
        assert found[name].dtype == own[name].dtype


def test_files_of_captoolkit_are_known_by_their_names(tmp_path):
    truth = random_columns(4, 0)
    names = {"h_li": "h_elv", "q_flag": "q_flg", "t_gps": "t_sec"}
    files = []
    for rgt, cycle, beam in ((54, 2, "gt1l"), (1387, 11, "gt3r")):
        files.append(tmp_path / NAME.format(rgt=rgt, cycle=cycle, beam=beam))
        with h5py.File(files[-1], "w") as file:
            for name, values in truth.items():
                if name != "is_asc":
                    file[names.get(name, name)] = values
            file["trk_type"] = np.where(truth["is_asc"], 1.0, -1.0)
    with pytest.warns(CaptoolsWarning, match="2 files are not of captools: columns renamed"):
        (path,) = merge(files, tmp_path / "out.h5")
    twice = {name: np.concatenate([values] * 2) for name, values in truth.items()}
    twice["rgt"] = np.repeat(np.array([54, 1387], "i2"), 4)
    twice["cycle"] = np.repeat(np.array([2, 11], "i2"), 4)
    twice["spot"] = np.zeros(8, "i1")
    assert_equal(read_flat(path), twice)
    assert sources_of(path) == [path.name for path in files]


def test_a_column_of_tracks_in_floats_becomes_integers(tmp_path):
    columns = random_columns(3, 0) | {"rgt": np.array([54.0, 55.0, np.nan])}
    (path,) = merge([write_flat(tmp_path / "a.h5", columns)], tmp_path / "out.h5")
    found = read_flat(path)["rgt"]
    assert (found.dtype, found.tolist()) == (np.int16, [54, 55, 0])


def test_the_header_says_what_all_files_share_and_where_the_rows_lie(tmp_path):
    place = {
        "lat": np.array([-70.0, -75.0]),
        "lon": np.array([179.0, -179.0]),
        "x": np.array([1.0, 2.0]),
        "y": np.array([4.0, 3.0]),
        "t_gps": np.array([7.0, np.nan]),
    }
    shared = {"crs": "EPSG:3031", "release": "006", "step": "readatl06", "options": '{"a": 1}'}
    bounds = {"bounds_xy": np.zeros(4), "t_span": np.zeros(2)}
    files = [
        write_flat(tmp_path / f"{spot}.h5", place, spot=spot, region=10 + spot, **shared, **bounds)
        for spot in (1, 2)
    ]
    (path,) = merge(files, tmp_path / "out.h5", compression="lzf")
    with h5py.File(path) as file:
        attrs = said(file)
    assert not {"rgt", "cycle", "spot", "region", "source"} & set(attrs)
    assert {name: attrs[name] for name in ("crs", "release", "step", "rows_in")} == {
        "crs": "EPSG:3031",
        "release": "006",
        "step": "merge",
        "rows_in": 4,
    }
    assert json.loads(attrs["options"])["compression"] == "lzf"
    assert json.loads(attrs["history"]) == [["readatl06", {"a": 1}]]
    assert attrs["bounds_lonlat"].tolist() == [179, -179, -75, -70]
    assert attrs["bounds_xy"].tolist() == [1, 2, 3, 4]
    assert attrs["t_span"].tolist() == [7, 7]


def test_each_part_has_its_own_bounds(tmp_path):
    columns = random_columns(40, 0)
    written = merge([write_flat(tmp_path / "a.h5", columns)], tmp_path / "out.h5", parts=3)
    for path in written:
        lat = read_flat(path)["lat"]
        with h5py.File(path) as file:
            assert file.attrs["bounds_lonlat"][2:].tolist() == [lat.min(), lat.max()]


def test_a_history_that_another_tool_wrote_is_kept(tmp_path):
    # netCDF tools do, as plain text.
    file = write_flat(tmp_path / "a.h5", random_columns(3, 0), history="Mon Jan 1: ncks a b")
    (path,) = merge([file], tmp_path / "out.h5")
    with h5py.File(path) as file:
        assert json.loads(file.attrs["history"]) == [["Mon Jan 1: ncks a b", {}]]


def test_columns_keep_their_units(tmp_path, run, granules):
    run("readatl06", granules, "-o", tmp_path / "in", "-q", "-n", 1)
    (path,) = merge(sorted((tmp_path / "in").glob("*.h5")), tmp_path / "out.h5")
    one = next((tmp_path / "in").glob("*.h5"))
    with h5py.File(one) as before, h5py.File(path) as after:
        for name in before:
            for key in ("units", "long_name"):
                assert after[name].attrs[key] == before[name].attrs[key], name
        assert said(after["spot"])["long_name"].startswith("ATLAS spot")


def test_several_versions_of_a_granule_are_a_warning(tmp_path):
    names = [
        "ATL06_20190101001723_00540210_006_01.h5",
        "processed_ATL06_20190101001723_00540210_006_02.h5",
        "ATL06_20190101003047_00540212_006_01.h5",
    ]
    files = [
        write_flat(tmp_path / f"{k}.h5", random_columns(3, k), source=source)
        for k, source in enumerate(names)
    ]
    with pytest.warns(CaptoolsWarning) as warned:
        merge(files, tmp_path / "out.h5")
    (message,) = [str(one.message) for one in warned]
    assert message == (
        "rows are counted twice: 1 granule comes more than once, such as "
        f"ATL06_20190101001723_00540210 in 2 versions in {files[0]} and {files[1]}"
    )
    merge([files[0], files[2]], tmp_path / "out.h5")  # no warning, which would be an error


# --- what does not go together ----------------------------------------------------------


def other(columns, **changed):
    return {name: values for name, values in (columns | changed).items() if values is not None}


DIFFERENT = [
    ({"h_li": None}, {}, "only the first has h_li"),
    ({"extra": np.zeros(5), "b": np.zeros(5)}, {}, "only the second has b, extra"),
    ({"h_li": np.zeros(5, bool)}, {}, "h_li is float32 and bool"),
    ({}, {"crs": "EPSG:3413"}, "CRS EPSG:3031 and EPSG:3413: captools reproject makes them one"),
    ({}, {"crs": ""}, "CRS EPSG:3031 and unknown"),
]


@pytest.mark.parametrize(("changed", "attrs", "difference"), DIFFERENT)
def test_files_that_differ_are_an_error_that_names_both_and_the_difference(
    run, tmp_path, changed, attrs, difference
):
    columns = random_columns(5, 0)
    first = write_flat(tmp_path / "in" / "a.h5", columns, crs="EPSG:3031")
    write_flat(tmp_path / "in" / "b.h5", columns, crs="EPSG:3031")
    second = write_flat(
        tmp_path / "in" / "c.h5", other(columns, **changed), **({"crs": "EPSG:3031"} | attrs)
    )
    result = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {first} and {second} differ: {difference}")
    assert os.listdir(tmp_path) == ["in"]


@pytest.mark.parametrize("changed", [{"h_li": None}, {"extra": np.zeros(5)}])
@pytest.mark.parametrize("turned", [False, True])
def test_common_keeps_the_columns_that_all_share(tmp_path, changed, turned):
    columns = random_columns(5, 0)
    tables = [columns, other(columns, **changed), columns]
    files = [write_flat(tmp_path / f"{k}.h5", one) for k, one in enumerate(tables)]
    with pytest.warns(CaptoolsWarning, match="left out, since not all inputs have them alike"):
        (path,) = merge(sorted(files, reverse=turned), tmp_path / "out.h5", common=True)
    names = [name for name in columns if name == "extra" or name not in changed]
    expected = {name: np.concatenate([columns[name]] * 3) for name in names}
    assert_equal(read_flat(path), with_identity(expected))


@pytest.mark.parametrize("crs", [("EPSG:3031", "EPSG:3413"), ("EPSG:3031", ""), ("", "EPSG:3031")])
def test_common_drops_x_and_y_of_several_crs(tmp_path, crs):
    columns = random_columns(5, 0) | {"x": np.zeros(5), "y": np.zeros(5)}
    files = [write_flat(tmp_path / f"{k}.h5", columns, crs=one) for k, one in enumerate(crs)]
    with pytest.warns(CaptoolsWarning, match="alike: x, y"):
        (path,) = merge([*files, files[1]], tmp_path / "out.h5", common=True)
    assert not {"x", "y"} & set(read_flat(path))
    with h5py.File(path) as file:
        assert not {"crs", "bounds_xy"} & set(file.attrs)


def test_sorting_needs_times(files, tmp_path):
    columns = other(random_columns(5, 0), t_gps=None)
    with pytest.raises(InputError, match=r"no column t_gps: there are .*lat"):
        merge([write_flat(tmp_path / "a.h5", columns)], tmp_path / "out.h5", sort=True)
    assert sorted(os.listdir(tmp_path)) == ["a.h5", "in"]


# --- damage ---------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"sort": True}, {"parts": 3}, {"common": True}])
@pytest.mark.parametrize("column", ["h_li", "t_gps"])
@pytest.mark.parametrize("cut", [False, True])
def test_all_bad_inputs_are_named_and_nothing_is_written(files, tmp_path, options, column, cut):
    # Some show only when they are read, when rows of the file before are on their way.
    bad = [damage(files[1], column), damage(files[3], column)]
    if cut:
        bad.append(truncate(files[2]))
    for name in ("out.h5", "out_00.h5"):
        (tmp_path / name).write_text("old")
    with small_pieces(), pytest.raises(BadInputs) as error:
        merge(files, tmp_path / "out.h5", **options)
    assert set(error.value.errors) == set(map(str, bad))
    for path in bad[:2]:
        assert f"{path}: {column}: cannot be read" in str(error.value)
    assert sorted(os.listdir(tmp_path)) == ["in", "out.h5", "out_00.h5"]
    assert (tmp_path / "out.h5").read_text() == (tmp_path / "out_00.h5").read_text() == "old"


def test_a_bit_that_flips_anywhere_is_found_or_does_no_harm(tmp_path):
    # In the file's own bookkeeping too, where HDF5 stumbles in many ways.
    columns = {name: random_columns(50, 0)[name] for name in ("lat", "lon", "t_gps")}
    good = write_flat(tmp_path / "in" / "a.h5", columns, "gzip")
    (merged,) = merge([good], tmp_path / "in" / "b.h5", compression="gzip")
    whole, errors = merged.read_bytes(), []
    for at in range(0, len(whole), 193):
        content = bytearray(whole)
        content[at] ^= 0x04
        merged.write_bytes(content)
        try:
            merge([good, merged], tmp_path / "out.h5", common=True)
        except BadInputs as error:
            errors.append(error)
        except CaptoolsWarning:  # it does not look like ours any more
            pass
        assert set(os.listdir(tmp_path)) <= {"in", "out.h5"}
    assert len(errors) > 10
    assert {path for error in errors for path in error.errors} == {str(merged)}
    assert all(str(merged) in str(error) for error in errors)


# --- from the command line ---------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--sort"]])
def test_skip_bad_merges_the_rest(run, files, tmp_path, options):
    damage(files[1])
    truncate(files[3])
    result = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5", "--skip-bad", *options)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'out.h5'}\n"
    assert f"failed: {files[1]}: h_li: cannot be read" in result.stderr
    assert f"failed: {files[3]}: is truncated" in result.stderr
    assert "2 bad inputs left out" in result.stderr
    assert "20 rows in, 20 rows out" in result.stderr
    assert sources_of(tmp_path / "out.h5") == ["a.h5", "c.h5"]


def test_parts_are_never_written_over_inputs(run, files, tmp_path):
    # Else the second of two equal calls would double the rows.
    words = ("-o", tmp_path / "in" / "all.h5", "-m", 2)
    assert run("merge", *files, *words).exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    result = run("merge", *files, tmp_path / "in" / "all_00.h5", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "all_00.h5 is one of the inputs" in result.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "in").iterdir()} == before


# --- real files -----------------------------------------------------------------------


def test_real_reduced_files_of_older_tools(run, real_data, tmp_path):
    files = sorted((real_data / "reduced").glob("*.h5"))
    truth = [read_flat(path) for path in files]
    result = run("merge", *files, "-o", tmp_path / "out.h5", "--common")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("warning: ") == 2  # that they are old, and that `orbit` differs
    assert "one that holds all: orbit (float32 and int64)" in result.stderr
    assert "6 files are not of captools" in result.stderr
    assert "190,610 rows in, 190,610 rows out" in result.stderr
    found = read_flat(tmp_path / "out.h5")
    names = {"h_elv": "h_li", "s_elv": "s_li", "q_flg": "q_flag", "t_sec": "t_gps"}
    names |= {"trk_type": "is_asc"}
    shared = [name for name in truth[0] if len({one[name].dtype for one in truth}) == 1]
    assert set(found) == {names.get(name, name) for name in truth[0]} | {"cycle", "spot"}
    orbits = np.concatenate([one["orbit"].astype("f8") for one in truth])
    np.testing.assert_array_equal(found["orbit"], orbits)
    fills = 0
    for name in set(shared) - {"t_year", "rgt"}:
        values = np.concatenate([one[name] for one in truth])
        if values.dtype.kind == "f":
            fill = values > 3.4e38
            values[fill] = np.nan
            fills += fill.sum()
        assert found[names.get(name, name)].dtype == values.dtype
        np.testing.assert_array_equal(found[names.get(name, name)], values, err_msg=name)
    assert fills > 0
    seconds = np.concatenate([one["t_sec"] for one in truth])
    years = Time(seconds, format="gps").utc.decimalyear
    np.testing.assert_allclose(found["t_year"], years, rtol=0, atol=3e-12)
    assert (found["rgt"] == 54).all()
    assert (found["cycle"] == 2).all()
    assert (found["spot"] == 0).all()
    assert sources_of(tmp_path / "out.h5") == [path.name for path in files]
    again = run("merge", tmp_path / "out.h5", "-o", tmp_path / "again.h5", "--sort")
    assert again.exit_code == 0
    order = np.argsort(found["t_gps"], kind="stable")
    expected = {name: values[order] for name, values in found.items()}
    assert_equal(read_flat(tmp_path / "again.h5"), expected)


def test_parts_of_an_earlier_merge_go_and_nothing_else(tmp_path):
    columns = random_columns(50, 0)
    path = write_flat(tmp_path / "in" / "a.h5", columns)
    other = write_flat(tmp_path / "all_2019.h5", columns)
    merge([path], tmp_path / "all.h5", parts=5)
    merge([path], tmp_path / "all.h5", parts=2)
    assert sorted(one.name for one in tmp_path.glob("*.h5")) == [
        *("all_00.h5", "all_01.h5", other.name)
    ]


def sets(folder):
    """The number of the set of each part in a folder, by name."""
    found = {}
    for path in sorted(folder.glob("all_*.h5")):
        with h5py.File(path) as file:
            found[path.name] = said(file)["set"]
    return found


KILLED = """
import os, signal, sys
from captools import merge
replace, left = os.replace, [2]
def noted(*paths):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    replace(*paths)
os.replace = noted
merge([sys.argv[1]], sys.argv[2], parts=4)
"""


def test_a_kill_between_parts_leaves_none_of_the_earlier_set(tmp_path):
    path = write_flat(tmp_path / "in" / "a.h5", random_columns(50, 0))
    merge([path], tmp_path / "all.h5", parts=4)
    earlier = sets(tmp_path)
    assert len(earlier) == 4
    assert len({*earlier.values()}) == 1
    write_flat(path, random_columns(60, 1))
    words = [sys.executable, "-c", KILLED, path, tmp_path / "all.h5"]
    assert subprocess.run(words).returncode == -signal.SIGKILL
    left = sets(tmp_path)
    assert [*left] == ["all_00.h5", "all_01.h5"]
    assert not {*left.values()} & {*earlier.values()}


@pytest.mark.parametrize("name", ["out.h5", "out.png"])
def test_parts_of_two_sets_are_refused(tmp_path, name):
    columns = random_columns(50, 0)
    path = write_flat(tmp_path / "a.h5", columns | {"lat": -60 - abs(columns["lat"]) / 4})
    for folder, options in (("one", {}), ("two", {"sort": True})):
        merge([path], tmp_path / folder / "all.h5", parts=3, **options)
    parts, others = (sorted((tmp_path / folder).glob("*.h5")) for folder in ("one", "two"))
    step = merge if name == "out.h5" else partial(preview, crs="3031", size=(9, 9))
    step([*parts, *others], tmp_path / name)  # two folders
    shutil.copy(others[1], parts[1])
    with pytest.raises(InputError, match="are parts of two sets") as caught:
        step(parts, tmp_path / name)
    assert str(caught.value).startswith(f"{parts[0]} and {parts[1]}")


@pytest.mark.parametrize(
    ("words", "name", "step"),
    [
        ("merge", "all.parquet", "export"),
        ("merge", "all.csv.gz", "export"),
        ("merge", "all.png", "preview"),
        ("export", "all.h5", "merge"),
        ("export", "all.PNG", "preview"),
        ("tile -d 100", "tiles.h5", "merge"),
        ("tile -d 100", "tiles.parquet", "export"),
        ("preview", "map.h5", "merge"),
        ("preview", "map.csv", "export"),
    ],
)
def test_an_ending_of_another_format_is_refused_with_its_step(
    run, files, tmp_path, words, name, step
):
    result = run(*words.split(), *files, "-o", tmp_path / name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{name}: captools {step} writes ." in result.stderr
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("step", "name"), [("merge", "all.h5"), ("export", "all.csv"), ("tile", "tiles")]
)
@pytest.mark.parametrize("word", ["in", "in/*", "link"])
def test_an_output_in_a_folder_of_inputs_is_refused(run, files, tmp_path, step, name, word):
    (tmp_path / "link").symlink_to(tmp_path / "in")
    more = ("-d", 100) if step == "tile" else ()
    result = run(step, tmp_path / word, "-o", tmp_path / "in" / name, *more)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "would lie among the inputs" in result.stderr
    assert not (tmp_path / "in" / name).exists()


def test_columns_can_be_chosen(tmp_path):
    columns = random_columns(5, 0)
    files = [
        write_flat(tmp_path / "a.h5", columns),
        write_flat(tmp_path / "b.h5", columns | {"more": np.zeros(5)}),
    ]
    (path,) = merge(files, tmp_path / "out.h5", variables="lat, h_li,spot")
    expected = {name: np.tile(columns[name], 2) for name in ("lat", "h_li")}
    assert_equal(read_flat(path), expected | {"spot": np.full(10, 3, "i1")})
    with h5py.File(path) as file:
        assert json.loads(file.attrs["options"])["vars"] == ["lat", "h_li", "spot"]
    with pytest.raises(InputError, match=r"no column none: there are h_li, .*spot"):
        merge(files, tmp_path / "none.h5", variables=["none"])
    with pytest.raises(ValueError, match="--common and --union"):
        merge(files, tmp_path / "none.h5", common=True, union=True)


def test_the_last_line_says_where_all_rows_went(run, tmp_path):
    columns = {"x": np.zeros(4), "y": np.zeros(4), "core": np.array([True, False, True, False])}
    write_flat(tmp_path / "in" / "a.h5", columns, crs="EPSG:3031")
    *_, last = run("merge", tmp_path / "in", "-o", tmp_path / "all.h5").stderr.splitlines()
    assert last == "4 rows in, 2 rows out (overlap 2 less)"
    columns = {"x": np.array([10.0, 995.0, -5e3, np.nan]), "y": np.full(4, 10.0)}
    write_flat(tmp_path / "two" / "a.h5", columns, crs="EPSG:3031")
    box = ("--extent", 0, 2000, 0, 1000)
    words = ("tile", tmp_path / "two", "-o", tmp_path / "tiles", "-d", 1, "-r", 0.1, *box)
    *_, last = run(*words).stderr.splitlines()
    # The second point is core of one tile and in the overlap of the next, which has no core.
    assert last == "4 rows in, 2 rows out (no x, y 1 less, outside the extent 1 less)"


def test_inputs_that_are_all_bad_alike_are_one_line_with_the_remedy(run, tmp_path):
    for number in range(3):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file.create_group("gt1l/heights")
    result = run("merge", tmp_path, "-o", tmp_path / "out" / "all.h5")
    assert result.exit_code == 1
    failed, no_output = result.stderr.splitlines()
    assert failed.startswith(f"failed: {tmp_path / '0.h5'}: is no flat file")
    assert failed.endswith("; a granule goes through captools read first (2 more like this)")
    assert no_output.startswith("no output: 3 of 3 inputs are bad")
