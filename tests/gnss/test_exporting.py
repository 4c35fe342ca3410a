"""An array by day as Parquet, read back with DuckDB."""

import os
from unittest import mock

import duckdb
import numpy as np
import pytest
from arraycells import NUMBERS, simulated
from processes import call

import captools
from captools.gnss import context
from captools.gnss.array import Array
from captools.simulation.rinex import Recipe, write_rinex

RECIPE = {"systems": "JS", "codes": ("1C", "5Q"), "interval": 60}
DAYS = ["2024-02-28", "2024-03-01"]  # and none in between


@pytest.fixture(scope="module")
def array(tmp_path_factory):
    """An array of two days. Not to be changed."""
    folder = tmp_path_factory.mktemp("array")
    days = [write_rinex(folder, "P057", np.datetime64(day), Recipe(**RECIPE)) for day in DAYS]
    captools.readrinex(days, folder / "p057.tdb")
    return folder / "p057.tdb"


def test_a_file_of_each_day_has_all_its_cells(array, tmp_path):
    written = captools.export(array, tmp_path / "out")
    assert [path.name for path in written] == [f"{day}.parquet" for day in DAYS]
    assert sorted(os.listdir(tmp_path / "out")) == [f"{day}.parquet" for day in DAYS]
    for day in DAYS:
        path = tmp_path / "out" / f"{day}.parquet"
        text = "SELECT epoch_ms(time), system, satellite, code, snr FROM read_parquet(?)"
        rows = duckdb.execute(text, [str(path)]).fetchall()
        found = {
            (when, NUMBERS[system], satellite, ord(code[0]) * 256 + ord(code[1])): np.float32(snr)
            for when, system, satellite, code, snr in rows
        }
        assert found == simulated("P057", [day], **RECIPE)
        assert len(found) == len(rows)
        assert rows == sorted(rows, key=lambda row: (row[1], row[3], row[0], row[2]))
    assert written.rows_out == len(simulated("P057", DAYS, **RECIPE))


def test_the_command_does_the_same_and_replaces_a_folder_of_days(array, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "2001-01-01.parquet").touch()
    ended = call("export", array, "-o", f"{out}/")
    assert (ended.code, len(ended.stdout.splitlines())) == (0, 2), ended.stderr
    captools.export(array, tmp_path / "by_hand")
    for day in DAYS:
        name = f"{day}.parquet"
        assert (out / name).read_bytes() == (tmp_path / "by_hand" / name).read_bytes()
    assert sorted(os.listdir(out)) == [f"{day}.parquet" for day in DAYS]


@pytest.mark.parametrize(
    ("output", "options", "said"),
    [
        ("all.parquet", {}, "name a folder"),
        ("all.csv", {}, "name a folder"),
        ("mine", {}, "holds notes.txt: only a folder of days is replaced"),
        ("mine/notes.txt", {}, "name a folder"),
        ("out", {"variables": "snr"}, "variables is of flat files"),
        ("out", {"common": True}, "common is of flat files"),
    ],
)
def test_what_is_not_of_arrays_is_wrong(array, tmp_path, output, options, said):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    with pytest.raises(ValueError, match=said):
        captools.export(array, tmp_path / output, **options)
    assert os.listdir(tmp_path) == ["mine"]


def test_an_array_is_exported_alone(array, tmp_path):
    with pytest.raises(ValueError, match="an array is exported alone"):
        captools.export([array, tmp_path / "a.h5"], tmp_path / "out")


def test_what_is_no_array_is_one_line(tmp_path):
    ended = call("export", tmp_path / "none.tdb", "-o", tmp_path / "out")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr == f"error: {tmp_path}/none.tdb: is no TileDB array\n"


def test_an_empty_array_has_no_day(tmp_path):
    Array(tmp_path / "p057.tdb").make("earthscope")
    assert captools.export(tmp_path / "p057.tdb", tmp_path / "out") == []
    assert os.listdir(tmp_path / "out") == []


def test_in_a_copy_of_a_process_that_used_tiledb_it_is_refused_and_does_not_hang(array):
    copied = mock.patch.object(context, "_used_in", {os.getpid() + 1})
    with copied, pytest.raises(RuntimeError, match="before this process was copied"):
        Array(array).is_there()
