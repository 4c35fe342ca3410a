"""calc: new columns are what numpy makes of the old ones, and everything else stays."""

import json

import h5py
import numpy as np
import pytest
from flatfiles import write_flat
from straightforward import read_flat, said

from captools.errors import InputError
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.steps.calc import calc
from captools.steps.filter import filter as filter_file
from captools.steps.readatl06 import readatl06


@pytest.fixture(scope="module")
def beam(granule, tmp_path_factory):
    """A flat file of a beam. Not to be changed."""
    return readatl06(granule, tmp_path_factory.mktemp("in"), quality="all")[0]


def header_of(path):
    with h5py.File(path) as file:
        return said(file)


@pytest.mark.parametrize("block", [50, 1 << 17])
def test_new_columns_are_computed_in_double_precision(beam, tmp_path, monkeypatch, block):
    monkeypatch.setattr("captools.flat.reader.BLOCK_ROWS", block)
    expressions = ["h_cor = h_li - dac - tide_ocean", "twice=h_cor * 2 + abs(dh_fit_dx)"]
    written = calc(beam, tmp_path, expressions=expressions, units={"twice": "m"})
    old, new = read_flat(beam), read_flat(written[0])
    corrected = old["h_li"].astype("f8") - old["dac"].astype("f8") - old["tide_ocean"].astype("f8")
    assert sorted(new) == sorted([*old, "h_cor", "twice"])
    assert new["h_cor"].dtype == new["twice"].dtype == np.float64
    np.testing.assert_array_equal(new["h_cor"], corrected)
    np.testing.assert_array_equal(
        new["twice"], corrected * 2 + np.abs(old["dh_fit_dx"].astype("f8"))
    )
    for name, values in old.items():
        assert new[name].dtype == values.dtype
        np.testing.assert_array_equal(new[name], values)
    assert (written.rows_in, written.rows_out) == (len(corrected), len(corrected))
    with h5py.File(written[0]) as file:
        about = said(file["h_cor"])
    assert about == {"units": "m", "long_name": "h_li - dac - tide_ocean"}


def test_what_is_missing_stays_missing(tmp_path):
    columns = {
        "h_li": np.array([1, np.nan, 3, np.inf, 5], "f4"),
        "f_sn": np.array([1, 2, 127, 0, -127], "i1"),
    }
    about = {"f_sn": {"units": "m", "long_name": "layers", "_FillValue": np.int8(127)}}
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", Table(columns, about, {"captools_version": "0"}))
    (path,) = calc(
        tmp_path / "a.h5",
        tmp_path / "out",
        expressions=["s = h_li + f_sn", "bits = f_sn & 1", "q = h_li / f_sn"],
        units=["bits=1", "q=1"],
    )
    rows = read_flat(path)
    np.testing.assert_array_equal(rows["s"], [2, np.nan, np.nan, np.inf, -122])
    np.testing.assert_array_equal(rows["bits"], [1, 0, np.nan, 0, 1])
    np.testing.assert_array_equal(rows["q"], [1, np.nan, np.nan, np.inf, -5 / 127])
    assert rows["f_sn"].tolist() == [1, 2, 127, 0, -127]


def test_the_header_says_what_was_done(beam, tmp_path):
    (path,) = calc(beam, tmp_path, expressions="h_cor  = h_li -  dac")
    before, after = header_of(beam), header_of(path)
    assert after["step"] == "calc"
    assert json.loads(after["options"]) == {"expressions": ["h_cor = h_li - dac"]}
    assert json.loads(after["history"]) == [["readatl06", json.loads(before["options"])]]
    same = set(before) - {"step", "options", "history", "rows_in"}
    for name in same:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


def test_the_same_bytes_each_time(beam, tmp_path):
    first, second = (
        calc(beam, tmp_path / out, expressions="h_cor = h_li - dac")[0] for out in ("a", "b")
    )
    assert first.read_bytes() == second.read_bytes()


def test_the_same_again_is_refused_by_name_and_so_is_any_column_that_is_there(beam, tmp_path):
    (once,) = calc(beam, tmp_path / "a", expressions="h_cor = h_li - dac")
    (later,) = filter_file(once, tmp_path / "b", where="is_asc or not is_asc")
    for path in (once, later):
        with pytest.raises(InputError, match="h_cor = h_li - dac: was done before: --undo h_cor"):
            calc(path, tmp_path / "out", expressions="h_cor=h_li - dac")
        for words in ("h_cor = h_li", "h_li = h_li - dac", "rgt = h_li * 1"):
            name = words.split()[0]
            with pytest.raises(InputError, match=f"has {name} already: choose another name"):
                calc(path, tmp_path / "out", expressions=words, units={name: "m"})
    assert list(tmp_path.glob("out/*.h5")) == []


def test_undo_gives_the_file_back_through_other_steps(beam, tmp_path):
    (one,) = calc(beam, tmp_path / "1", expressions="h_cor = h_li - dac", height="h_cor")
    (two,) = calc(one, tmp_path / "2", expressions="h_2 = h_cor - tide_ocean", height="h_2")
    (all_rows,) = filter_file(two, tmp_path / "3", where="is_asc or not is_asc")
    assert [header_of(path)["height"] for path in (one, two, all_rows)] == ["h_cor", "h_2", "h_2"]
    assert "applied" not in header_of(two)
    (no_two,) = calc(all_rows, tmp_path / "4", undo="h_2")
    assert header_of(no_two)["height"] == "h_cor"
    (back,) = calc(no_two, tmp_path / "5", undo="h_cor")
    (at_once,) = calc(all_rows, tmp_path / "6", undo=["h_cor", "h_2"])
    rows = read_flat(beam)
    for path in (back, at_once):
        found = read_flat(path)
        assert list(found) == list(rows)
        for name, values in rows.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_array_equal(found[name], values)
        for name in ("height", "applied", "product", "crs"):
            assert header_of(path)[name] == header_of(beam)[name]
    (again,) = calc(back, tmp_path / "7", expressions="h_cor = h_li - dac")
    np.testing.assert_array_equal(read_flat(again)["h_cor"], read_flat(one)["h_cor"])


def test_only_what_calc_made_is_undone(beam, tmp_path):
    (path,) = calc(beam, tmp_path / "a", expressions="h_cor = h_li - dac")
    for file, name, made in ((path, "dac", "h_cor"), (beam, "h_cor", "none")):
        with pytest.raises(
            InputError, match=f"{name} is no column that calc made: these are {made}"
        ):
            calc(file, tmp_path / "out", undo=name)


def test_the_new_height_is_the_height_of_other_steps(beam, tmp_path):
    (path,) = calc(
        beam,
        tmp_path / "a",
        expressions="h_far = h_li * h_li",
        units={"h_far": "m2"},
        height="h_far",
    )
    kwargs = {"cell": 50.0, "window": 5.0, "nmad": 3.0, "min_obs": 5}
    (by_name,) = filter_file(path, tmp_path / "b", outliers="h_far", **kwargs)
    (by_height,) = filter_file(path, tmp_path / "c", outliers="height", **kwargs)
    assert by_name.read_bytes() == by_height.read_bytes()


def test_units_that_are_not_known_are_asked_for(tmp_path):
    columns = {"a": np.ones(3), "b": np.ones(3)}
    about = {"a": {"units": "m", "long_name": "a"}, "b": {"units": "s", "long_name": "b"}}
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", Table(columns, about, {"captools_version": "0"}))
    for words in ("c = a + b", "c = a * a", "c = a ** 2", "c = a / 2"):
        with pytest.raises(InputError, match=r"its units are not known: say --units c=\.\.\."):
            calc(tmp_path / "a.h5", tmp_path / "out", expressions=words)
    (path,) = calc(
        tmp_path / "a.h5", tmp_path / "out", expressions=["c = -a + 2", "d = c + abs(a)"]
    )
    with h5py.File(path) as file:
        assert [said(file[name])["units"] for name in "cd"] == ["m", "m"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Missing -e NAME=FORMULA, or --undo NAME"),
        ({"expressions": "a = h_li", "undo": "a"}, "do not go together"),
        ({"expressions": "h_li - dac"}, "write NAME = FORMULA"),
        ({"expressions": "a == dac"}, "write NAME = FORMULA"),
        ({"expressions": ["a = dac", "a = h_li"]}, "a is calculated twice"),
        ({"expressions": "t_sec = t_gps"}, "t_sec is a name that captools changes"),
        ({"expressions": "a = __import__('os').system('true')"}, "is not allowed"),
        ({"expressions": "a = dac / 0"}, "divides by zero"),
        ({"expressions": "a = dac", "units": {"b": "m"}}, "b is no new column: these are a"),
        ({"expressions": "a = dac", "height": "h_li"}, "h_li is no new column: these are a"),
        ({"expressions": "a = dac", "units": ["m"]}, "write NAME=UNITS"),
    ],
)
def test_wrong_usage_is_named(beam, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        calc(beam, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_what_is_no_number_and_what_is_not_there_fail_by_name(run, beam, tmp_path):
    for formula, code, message in (
        ("h_li < 1", 1, f"{beam}: formula 'h_li < 1': is not a number"),
        ("nonsense + 1", 2, "no column nonsense in any input"),
    ):
        result = run("calc", beam, "-o", tmp_path / "out", "-e", f"a = {formula}", "--units", "a=1")
        assert result.exit_code == code
        assert message in result.stderr
    assert list(tmp_path.glob("out/*.h5")) == []


def test_what_another_column_is_made_of_is_not_taken_away(run, beam, tmp_path):
    def calc(source, name, *words):
        return run("calc", tmp_path / source / beam.name, "-o", tmp_path / name, *words)

    (tmp_path / "0").mkdir()
    (tmp_path / "0" / beam.name).write_bytes(beam.read_bytes())
    for source, name, new in (("0", "1", "h2 = h_li + 1"), ("1", "2", "h3 = h_li + 2")):
        height = new.split()[0]
        words = ("-e", new, "--units", f"{height}=m", "--height", height)
        assert calc(source, name, *words).exit_code == 0
    assert calc("2", "3", "-e", "h4 = h3 + 1", "--units", "h4=m").exit_code == 0
    result = calc("3", "4", "--undo", "h3")
    assert result.exit_code == 1
    assert "h4 is made of h3: --undo h4 too, or first" in result.stderr
    # The height that comes back is one that is still there, in whatever order they go.
    assert calc("2", "5", "--undo", "h2").exit_code == 0
    assert calc("5", "6", "--undo", "h3").exit_code == 0
    with h5py.File(tmp_path / "6" / beam.name) as file:
        assert said(file)["height"] == "h_li"


def test_an_older_file_is_renamed_first(tmp_path):
    path = write_flat(tmp_path / "old.h5", {"h_li": np.arange(3.0), "dac": np.ones(3)})
    with h5py.File(path, "a") as file:
        file.move("h_li", "h_elv")
        del file.attrs["captools_version"]
    with pytest.warns(match="not of captools"):
        (new,) = calc(path, tmp_path / "out", expressions="h_cor = h_li - dac")
    assert read_flat(new)["h_cor"].tolist() == [-1, 0, 1]


@pytest.fixture(scope="module")
def folder(granules, tmp_path_factory):
    """A folder of flat files. Not to be changed."""
    place = tmp_path_factory.mktemp("in")
    for path in granules.iterdir():
        readatl06(path, place)
    return place


def test_a_column_that_no_file_has_is_named_before_any_work(run, folder, tmp_path):
    words = ["-e", "a = h_li + 1", "-e", "b = a + nonsense"]
    result = run("calc", folder, "-o", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert f"no column nonsense in any input: {min(folder.glob('*.h5'))} has" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_same_again_to_a_folder_is_one_line(run, folder, tmp_path):
    words = ["-e", "h_cor = h_li - dac"]
    assert run("calc", folder, "-o", tmp_path / "one", *words).exit_code == 0
    result = run("calc", tmp_path / "one", "-o", tmp_path / "two", *words)
    files = sorted((tmp_path / "one").glob("*.h5"))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"failed: {files[0]}: h_cor = h_li - dac: was done before: --undo h_cor takes it back",
        f"failed: {len(files) - 1} more like this: {files[0]}: h_cor = h_li - dac: was done "
        "before: --undo h_cor takes it back",
        f"{len(files)} inputs: 0 done, 0 empty, {len(files)} failed",
    ]
    undone = run("calc", tmp_path / "one", "-o", tmp_path / "plain", "--undo", "h_cor")
    assert undone.exit_code == 0
