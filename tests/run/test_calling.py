"""The steps from Python: what they are given, and what they return."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import captools
from captools.steps.readatl06 import readatl06 as of_one


@pytest.fixture(scope="module")
def reduced(granules, tmp_path_factory):
    """Flat files of all granules, made one by one. Not to be changed."""
    folder = tmp_path_factory.mktemp("reduced")
    for granule in granules.iterdir():
        of_one(granule, folder)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.h5")}


GIVEN = {
    "a folder": lambda folder: folder,
    "a folder as text": str,
    "a glob": lambda folder: f"{folder}/*.h5",
    "a list": lambda folder: sorted(folder.glob("*.h5")),
    "a generator": lambda folder: (path for path in sorted(folder.glob("*.h5"))),
    "a list of text and globs": lambda folder: [f"{folder}/*_10*.h5", str(folder)],
}


@pytest.mark.parametrize("given", GIVEN)
def test_a_map_step_takes_one_or_many(granules, reduced, tmp_path, given):
    written = captools.readatl06(GIVEN[given](granules), tmp_path)
    assert contents(tmp_path) == contents(reduced)
    assert sorted(path.name for path in written) == sorted(contents(reduced))
    parts = [of_one(path, tmp_path / "again") for path in granules.iterdir()]
    assert written.rows_out == sum(part.rows_out for part in parts) > 0
    assert written.rows_in == sum(part.rows_in for part in parts)


@pytest.mark.parametrize("given", GIVEN)
def test_a_reduce_step_takes_one_or_many(reduced, tmp_path, given):
    captools.merge(sorted(reduced.glob("*.h5")), tmp_path / "truth.h5")
    captools.merge(GIVEN[given](reduced), tmp_path / "all.h5")
    if given != "a list of text and globs":  # whose order is that of the words
        assert (tmp_path / "all.h5").read_bytes() == (tmp_path / "truth.h5").read_bytes()


def test_the_order_of_a_list_is_kept(reduced, tmp_path):
    first, second = sorted(reduced.glob("*.h5"))[:2]
    captools.merge([second, first], output=tmp_path / "all.h5")
    heights = []
    for path in (second, first, tmp_path / "all.h5"):
        with h5py.File(path) as file:
            heights.append(file["h_li"][:])
    np.testing.assert_array_equal(heights[2], np.concatenate(heights[:2]))
    assert not np.array_equal(heights[2], np.concatenate(heights[1::-1]))


def test_a_query_step_looks_at_once_and_returns_a_list(granules, reduced, tmp_path):
    assert len(captools.check(granules)) == 3
    assert len(captools.check([str(granules), reduced])) == 3 + len(contents(reduced))
    made = captools.simulate(tmp_path / "made", granules=1, segments=10)
    assert made == list((tmp_path / "made").iterdir())
    assert captools.slurm("array")[0].startswith("#!")
    described = captools.info(granules, as_json=True)
    assert [json.loads(line)["files"] for line in described] == [3]


def test_a_report_is_a_list_that_names_what_failed(run, granules, tmp_path):
    (tmp_path / "bad.h5").write_text("<html>")
    run("readatl06", granules, tmp_path / "bad.h5", "-o", tmp_path / "out")
    assert captools.report(tmp_path / "out", failed=True) == [str(tmp_path / "bad.h5")]


def test_two_inputs_of_one_name_are_refused(granules, tmp_path):
    shutil.copytree(granules, tmp_path / "copy")
    with pytest.raises(ValueError, match="outputs of the same name"):
        captools.readatl06([granules, tmp_path / "copy"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", ["", "none/*.h5", []])
def test_no_input_is_an_error(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, captools.errors.CaptoolsError)):
        captools.readatl06(given, tmp_path / "out")
    with pytest.raises(TypeError, match="a path or several"):
        captools.readatl06(7, tmp_path / "out")


def test_the_package_lists_its_steps():
    assert {"readatl06", "filter", "merge", "check", "slurm"} < set(dir(captools))


def test_a_step_goes_to_other_processes():
    assert pickle.loads(pickle.dumps(captools.filter)) is captools.filter


def test_python_runs_the_package():
    done = subprocess.run(
        [sys.executable, "-m", "captools", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"captools, version {captools.__version__}\n")


def test_the_package_lists_its_steps_and_no_more():
    shims = Path(captools.__file__).parents[1] / "bin"
    assert set(dir(captools)) == {path.stem for path in shims.glob("*.py")} | {"__version__"}
