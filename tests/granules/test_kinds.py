"""Inputs of the wrong kind: one message before any work, and one open file if they are right."""

import shutil

import h5py
import numpy as np
import pytest
from flatfiles import write_flat

from captools.granules import kinds
from captools.granules.kinds import check_flat, check_granules
from captools.steps.readatl06 import readatl06

TAKE_FLAT = {
    "merge": ["-o", "all.h5"],
    "export": ["-o", "all.csv"],
    "preview": ["-o", "map.png"],
    "tile": ["-o", "tiles", "-d", 100],
    "filter": ["-o", "out", "--finite", "h_li"],
    "calc": ["-o", "out", "-e", "a = h_li + 1"],
    "reproject": ["-o", "out"],
    "view": ["--no-browser"],
}


@pytest.fixture(scope="module")
def flat(granules, tmp_path_factory):
    """A folder of flat files. Not to be changed."""
    folder = tmp_path_factory.mktemp("flat")
    for path in granules.iterdir():
        readatl06(path, folder)
    return folder


@pytest.mark.parametrize("step", TAKE_FLAT)
def test_granules_for_flat_files_are_one_message(run, granules, tmp_path, monkeypatch, step):
    monkeypatch.chdir(tmp_path)
    result = run(step, granules, *TAKE_FLAT[step])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        f"Error: inputs are granules, no flat files: {min(granules.iterdir())} is of ATL06: "
        "captools readatl06 makes flat files of them"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["readatl06", "read"])
def test_flat_files_for_granules_are_one_message(run, flat, tmp_path, step):
    result = run(step, flat, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        f"Error: inputs are flat files, no granules: {min(flat.iterdir())} is reduced already: "
        "captools filter selects its rows, captools merge, tile, export and others take it"
    )
    assert not (tmp_path / "out").exists()


def test_of_some_that_are_wrong_each_fails(run, granules, flat, tmp_path):
    granule = min(granules.iterdir())
    for path in (granule, *sorted(flat.iterdir())[:2]):
        shutil.copy(path, tmp_path)
    result = run("filter", tmp_path, "-o", tmp_path / "out", "--finite", "h_li")
    assert result.exit_code == 1
    assert "2 done, 0 empty, 1 failed" in result.stderr
    assert f"failed: {tmp_path / granule.name}: is no flat file" in result.stderr


def test_a_granule_of_another_product_names_the_step_that_reads_it(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["short_name"] = "ATL08"
    with pytest.raises(ValueError, match=r"a.h5 is of ATL08: captools read makes flat files"):
        check_flat([str(tmp_path / "a.h5")])


def test_a_file_that_is_right_ends_the_search(tmp_path, monkeypatch):
    right = write_flat(tmp_path / "a.h5", {"lat": np.zeros(1)})
    (tmp_path / "damaged.h5").write_bytes(b"\x89HDF nothing")
    opened, recognize = [], kinds.recognize
    monkeypatch.setattr(kinds, "recognize", lambda path: opened.append(path) or recognize(path))
    damaged, many = str(tmp_path / "damaged.h5"), [str(right)] * 99_997
    check_flat([damaged, *many])
    assert opened == [damaged, str(right)]
    opened.clear()
    with pytest.raises(ValueError, match="inputs are flat files"):
        check_granules([damaged, *many])
    assert len(opened) == 100
    check_granules([damaged])
    check_granules(["s3://none/a.h5", *many])
