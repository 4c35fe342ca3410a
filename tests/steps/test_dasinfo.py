"""What `captools dasinfo` says of simulated records."""

import json
import os

import pytest

from captools import dasinfo
from captools.das.describing import MOST_LINES
from captools.steps.simulate import simulate

DAY = "20211101T"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A record with a gap, an overlap, jitter and a copy, and one file cut short. Not to change."""
    folder = tmp_path_factory.mktemp("dasinfo") / "records"
    defects = ("gap", "overlap", "jitter", "copy", "truncated")
    simulate(folder, product="DAS", channels=4, seconds=8, defects=defects)
    return folder


def objects(result):
    """The JSON objects that a run printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_lines(run, folder):
    result = run("dasinfo", folder)
    assert result.exit_code == 1
    (failed,) = result.stderr.splitlines()
    assert failed.startswith(f"failed: {folder}/DAS_{DAY}231132.000Z.h5: is truncated")
    assert result.stdout.splitlines() == [
        "PRODML 2.1: 200 Hz, 4 channels every 2 m from 0 m, int16 in nm / m / s",
        "  7 files, 2021-11-01T23:11:00Z to 2021-11-01T23:12:00Z, 9,600 samples (48 s) in 3 runs",
        "  run        2021-11-01T23:11:00Z to 2021-11-01T23:11:04Z, 800 samples, 1 file",
        "  run        2021-11-01T23:11:08Z to 2021-11-01T23:11:32Z, 4,800 samples, 3 files, "
        "jitter 0.0015 s",
        "  run        2021-11-01T23:11:40Z to 2021-11-01T23:12:00Z, 4,000 samples, 3 files",
        "  gap        2021-11-01T23:11:04Z to 2021-11-01T23:11:08Z, 4 s",
        "  gap        2021-11-01T23:11:32Z to 2021-11-01T23:11:40Z, 8 s",
        f"  overlap    {folder}/DAS_{DAY}231116.000Z.h5: 1.9985 s",
        f"  duplicate  {folder}/DAS_{DAY}231124.000Z_copy.h5",
    ]


def test_the_same_as_json(run, folder):
    group, refused = objects(run("dasinfo", folder, "--json"))
    assert refused["path"] == f"{folder}/DAS_{DAY}231132.000Z.h5"
    assert "is truncated" in refused["refused"]
    runs, gaps = group.pop("runs"), group.pop("gaps")
    assert group == {
        "formats": ["PRODML 2.1"],
        "start": "2021-11-01T23:11:00Z",
        "stop": "2021-11-01T23:12:00Z",
        "rate": 200.0,
        "step": 0.005,
        "channels": 4,
        "first_distance": 0.0,
        "spacing": 2.0,
        "units": "nm / m / s",
        "dtype": "int16",
        "samples": 9600,
        "overlaps": [
            {"path": f"{folder}/DAS_{DAY}231116.000Z.h5", "seconds": pytest.approx(1.9985)}
        ],
        "duplicates": [f"{folder}/DAS_{DAY}231124.000Z_copy.h5"],
    }
    assert [one["samples"] for one in runs] == [800, 4800, 4000]
    assert [one["jitter"] for one in runs] == [0.0, pytest.approx(0.0015), 0.0]
    files = [[os.path.basename(path) for path in one["files"]] for one in runs]
    assert files[0] == [f"DAS_{DAY}231100.000Z.h5"]
    assert [len(several) for several in files] == [1, 3, 3]
    assert gaps[0] == {
        "start": "2021-11-01T23:11:04Z",
        "stop": "2021-11-01T23:11:08Z",
        "seconds": 4.0,
    }


@pytest.mark.parametrize("form", ["dasdae", "zarr"])
def test_other_formats(run, tmp_path, form):
    simulate(tmp_path / "in", product="DAS", form=form, dtype="float32", channels=3)
    result = run("dasinfo", tmp_path / "in")
    assert (result.exit_code, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    name, units = ("DASDAE 1", "nm / m / s") if form == "dasdae" else ("zarr", "nm/m/s")
    assert first == f"{name}: 200 Hz, 3 channels every 2 m from 0 m, float32 in {units}"
    assert second.endswith("23:11:00Z to 2021-11-01T23:12:00Z, 12,000 samples (60 s) in 1 run")


def test_a_store_counts_as_one_file(run, tmp_path):
    simulate(tmp_path / "in", product="DAS", form="zarr", channels=3)
    (store,) = (tmp_path / "in").iterdir()
    for word in (store, f"{store}/", tmp_path / "in" / "*.zarr"):
        (group,) = objects(run("dasinfo", word, "--json"))
        assert group["runs"][0]["files"] == [str(store)]


def test_many_gaps_do_not_fill_the_screen(run, tmp_path):
    simulate(tmp_path / "in", product="DAS", channels=1, seconds=1, defects=["gap"] * 30)
    command = ("dasinfo", tmp_path / "in", "-o", tmp_path / "out")
    said = run(*command).stdout.splitlines()
    gaps = [line for line in said if line.startswith("  gap")]
    assert len(gaps) == MOST_LINES + 1
    assert gaps[-1] == "  gap        and 10 more (--json lists all)"
    (group,) = objects(run(*command, "--json"))
    assert len(group["gaps"]) == 30


def test_the_scan_is_kept_in_the_journals_folder_only_if_asked_for(
    run, folder, tmp_path, monkeypatch
):
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    first = run("dasinfo", folder, "-o", tmp_path / "out")
    monkeypatch.setattr("captools.das.scanning.examine", None)  # nothing is opened
    assert run("dasinfo", folder, "-o", tmp_path / "out").stdout == first.stdout
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "_captools", "das-records.json"]
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before


def test_a_folder_with_nothing_in_it_is_wrong_usage(run, tmp_path):
    result = run("dasinfo", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no inputs" in result.stderr


def test_an_empty_list_is_nothing_to_do(run):
    result = run("dasinfo", "-", input="")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to do" in result.stderr


def test_two_processes_say_the_same_as_one(run, folder):
    bad = [str(path) for path in folder.glob("*231132*")]  # for which no worker needs DASCore
    both = [run("dasinfo", *bad, folder / "none.h5", "-n", jobs) for jobs in (1, 2)]
    assert both[0].stderr == both[1].stderr
    assert both[0].stderr.count("failed: ") == 2


def test_it_is_a_function_too(folder, monkeypatch):
    here = "captools.engine.local.in_worker"
    monkeypatch.setattr(here, lambda work, item, timeout: work(item))
    lines = list(dasinfo([folder / f"DAS_{DAY}231100.000Z.h5"], jobs=1))
    assert lines[0].startswith("PRODML 2.1: 200 Hz, 4 channels")
