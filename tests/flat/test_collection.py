"""Many flat files as one: which go together, what they share, and which are bad."""

import h5py
import numpy as np
import pytest
from flatfiles import assert_equal, damage, random_columns, small_pieces, truncate, write_flat

from captools import progress
from captools.errors import BadInputs, CaptoolsWarning, InputError
from captools.flat.collection import Collection


@pytest.fixture
def files(tmp_path):
    """Three files of 10, 0 and 5 rows."""
    return [
        write_flat(tmp_path / f"{k}.h5", random_columns(rows, k), "gzip", source=f"{k}.h5", spot=k)
        for k, rows in enumerate((10, 0, 5))
    ]


def joined(blocks):
    """The columns of all blocks."""
    blocks = list(blocks)
    return {
        name: np.concatenate([block.columns[name] for block in blocks])
        for name in blocks[0].columns
    }


def test_it_knows_what_the_files_hold(files):
    known = Collection(map(str, files))
    assert (known.rows, known.total, known.paths) == ([10, 0, 5], 15, files)
    assert list(known.sources) == ["0.h5", "1.h5", "2.h5"]
    expected = {name: values.dtype for name, values in random_columns(1, 0).items()}
    identity = {"rgt": np.dtype("i2"), "cycle": np.dtype("i2"), "spot": np.dtype("i1")}
    assert known.dtypes == expected | identity


def test_blocks_are_all_rows_in_order(files):
    whole = joined(Collection(files).blocks())
    with small_pieces(block=3):
        blocks = list(Collection(files).blocks())
    assert max(block.rows for block in blocks) == 3
    assert_equal(joined(blocks), whole)
    tables = [random_columns(10, 0), random_columns(5, 2)]
    expected = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    expected |= {"rgt": np.full(15, 1, "i2"), "cycle": np.full(15, 2, "i2")}
    assert_equal(whole, expected | {"spot": np.repeat(np.array([0, 2], "i1"), [10, 5])})


def test_blocks_may_be_of_some_columns(files):
    blocks = list(Collection(files).blocks(["spot", "lat"]))
    assert [list(block.columns) for block in blocks] == [["spot", "lat"]] * 2
    assert set(blocks[0].column_attrs) == {"spot", "lat"}


def test_no_files_are_no_rows():
    known = Collection([])
    assert (known.total, list(known.blocks()), known.crs) == (0, [], "")


def test_a_missing_column_is_named_with_those_there_are(files):
    known = Collection(files)
    known.check_columns(["lat", "spot"])
    with pytest.raises(InputError, match=r"no column x, y: there are .*lat, .*spot"):
        known.check_columns(["lat", "x", "y"])


def test_the_crs_is_that_of_all_files(tmp_path):
    files = [
        write_flat(tmp_path / f"{k}.h5", random_columns(2, k), crs="EPSG:3031") for k in range(2)
    ]
    assert Collection(files).crs == "EPSG:3031"


def test_only_what_all_headers_say_alike_is_kept(tmp_path):
    headers = [
        {"release": "006", "region": 10, "sc_orient": 1, "options": '{"a": 1}', "beam": "gt1l"},
        {"release": "006", "region": 11, "sc_orient": 1, "options": '{"a": 2}', "beam": "gt1l"},
        {"release": "006", "region": 10, "options": '{"a": 1}', "beam": "gt1l"},
    ]
    files = [
        write_flat(tmp_path / f"{k}.h5", random_columns(2, k), **attrs)
        for k, attrs in enumerate(headers)
    ]
    assert Collection(files).attrs == {"release": "006"}
    assert Collection(files[:1]).attrs["region"] == 10


def test_files_that_cannot_be_opened_are_all_named_with_those_damaged_inside(files, tmp_path):
    bad = [damage(files[0]), truncate(files[2]), tmp_path / "absent.h5"]
    (tmp_path / "page.h5").write_text("<html>")
    with pytest.raises(BadInputs) as error:
        Collection([*files, tmp_path / "absent.h5", tmp_path / "page.h5"])
    assert set(error.value.errors) == set(map(str, [*bad, tmp_path / "page.h5"]))
    reasons = ("h_li: cannot be read", "is truncated", "does not exist", "is a web page")
    for path, reason in zip([*bad, tmp_path / "page.h5"], reasons, strict=True):
        assert f"{path}: {reason}" in error.value.errors[str(path)]


def test_damage_inside_shows_when_it_is_read_and_all_of_it_is_named(files):
    bad = {str(damage(files[0], "t_gps")), str(damage(files[2], "lat"))}
    known = Collection(files)
    assert list(known.blocks(["h_li"])) != []
    with pytest.raises(BadInputs) as error:
        list(known.blocks())
    assert set(error.value.errors) == bad


@pytest.mark.parametrize(("mode", "bad"), [("all", 0), ("common", 0), ("union", 0), ("union", 2)])
def test_a_damaged_attribute_costs_its_file_alone(files, mode, bad):
    long = b"words " * 2000  # so that they have a heap of their own
    for number, path in enumerate(files):
        with h5py.File(path, "a") as file:
            file[f"own{number}"] = np.zeros(len(file["lat"]))
            file[f"own{number}"].attrs["long_name"] = long.decode()
    content = bytearray(files[bad].read_bytes())
    at = content.rindex(b"GCOL", 0, content.index(long))
    content[at : at + 4] = b"LOCG"
    files[bad].write_bytes(content)
    with pytest.raises(BadInputs, match=f"{files[bad]}: own{bad}: .*damaged") as error:
        Collection(map(str, files), mode)
    assert list(error.value.errors) == [str(files[bad])]


def test_a_file_that_goes_meanwhile_is_a_bad_one(files):
    known = Collection(files)
    files[0].unlink()
    with pytest.raises(BadInputs, match=r"0\.h5: does not exist"):
        list(known.blocks())


def test_older_files_are_warned_of_once(tmp_path):
    files = [write_flat(tmp_path / f"{k}.h5", random_columns(2, k)) for k in range(2)]
    for path in files:
        with h5py.File(path, "r+") as file:
            del file.attrs["captools_version"]
    with pytest.warns(CaptoolsWarning, match="2 files are not of captools") as warned:
        Collection(files)
    assert len(warned) == 1


def test_reading_shows_how_far_it_is(files, log, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)
    known = Collection(files)
    list(known.blocks())
    assert log.messages == []
    with progress.shown():
        list(known.blocks())
    assert [line.split(",")[0] for line in log.messages] == [
        f"{number} of 3 inputs ended" for number in (1, 2, 3)
    ]
