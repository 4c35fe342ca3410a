"""The step that makes pictures of windows, from end to end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from pieces import known_to_scan, record, write
from PIL import Image

import captools
from captools.das import imaging, scanning
from captools.das.records import NoRecord
from captools.das.scanning import KEPT

FEW = ("--window", "2.5s", "--band", 14, 35, "--size", 6, 32)


@pytest.fixture(scope="module")
def samples():
    return np.random.default_rng(3).integers(-99, 99, (16000, 12), np.int16)


@pytest.fixture
def folder(tmp_path, samples):
    """Records of 80 s in pieces of unequal length."""
    path = tmp_path / "in"
    path.mkdir()
    return path, write(path, samples, [1, 900, 2222, 13001])


@pytest.fixture
def known(folder, monkeypatch):
    """What a scan says of the files, without DASCore; a list of what it refuses, to be filled.

    Inputs are minutes, though the files have so few channels.
    """
    monkeypatch.setattr(imaging, "LONGEST_NS", imaging.TASK_NS)
    return known_to_scan(monkeypatch, folder[1])


def tree(path):
    """The bytes of all pictures."""
    return {file.name: file.read_bytes() for file in Path(path).glob("*.png")}


def journal(outdir):
    lines = (Path(outdir) / "_captools/dasimages.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_pictures_are_made_once(run, folder, known, tmp_path):
    out = tmp_path / "out"
    result = run("dasimages", folder[0], "-o", out, *FEW)
    assert result.exit_code == 0, result.output
    assert "2 inputs: 2 done" in result.stderr
    assert "limits of all pictures are " in result.stderr
    made = tree(out)
    assert len(made) == 32
    assert sorted(made)[:2] == ["19700101T000000Z.png", "19700101T000002.5Z.png"]
    assert result.stdout.splitlines() == sorted(str(out / name) for name in made)
    assert [line["input"] for line in journal(out)] == [
        "19700101T000000Z-19700101T000100Z",
        "19700101T000100Z-19700101T000200Z",
    ]
    again = run("dasimages", folder[0], "-o", out, *FEW)
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert again.stdout == result.stdout


def test_two_processes_and_shards_give_the_same_bytes(run, folder, known, tmp_path):
    words = ("dasimages", folder[0], *FEW, "-o")
    assert run(*words, tmp_path / "one", "-n", 1).exit_code == 0
    assert run(*words, tmp_path / "two", "-n", 2).exit_code == 0
    for shard, count in (("1/2", 8), ("0/2", 32)):
        result = run(*words, tmp_path / "shards", "--shard", shard)
        assert result.exit_code == 0, result.output
        assert len(tree(tmp_path / "shards")) == count
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "shards")


def test_a_changed_file_costs_the_windows_that_read_it(run, folder, known, tmp_path):
    out = tmp_path / "out"
    words = ("dasimages", folder[0], "-o", out, *FEW, "--limits", -20, 40)
    assert run(*words).exit_code == 0
    os.utime(folder[1][-1].path, ns=(1, 1))  # from 65 s on
    result = run(*words)
    assert "1 done" in result.stderr, result.stderr
    assert journal(out)[-1]["input"] == "19700101T000100Z-19700101T000200Z"


def test_pictures_of_windows_that_lack_samples_by_now_go(run, folder, known, tmp_path):
    out = tmp_path / "out"
    words = ("dasimages", folder[0], "-o", out, *FEW, "--limits", -20, 40)
    assert run(*words).exit_code == 0
    before = tree(out)
    gone = folder[1].pop(1)  # 0.005 to 4.5 s
    os.unlink(gone.path)
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert "2 windows with missing samples left out" in result.stderr
    left = tree(out)
    assert sorted(before.keys() - left.keys()) == ["19700101T000000Z.png", "19700101T000002.5Z.png"]


def test_files_that_are_of_no_use_are_named_and_the_rest_is_done(run, folder, known, tmp_path):
    known += [
        NoRecord(f"{folder[0]}/19700101T000000Z.h5", "is no HDF5 file", 3, 1),
        NoRecord(f"{folder[0]}/psd.h5", "holds spectra, not samples", 3, 1),
    ]
    for name in ("19700101T000000Z.h5", "psd.h5"):
        (folder[0] / name).write_bytes(b"no")
    alien = record(f"{folder[0]}/alien.h5", step=0.001, samples=500, channels=12, dtype="int16")
    folder[1].append(alien)
    Path(alien.path).write_bytes(b"")
    result = run("dasimages", folder[0], "-o", tmp_path / "out", *FEW)
    assert result.exit_code == 1
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert failed[:1] == [f"failed: {folder[0]}/19700101T000000Z.h5: is no HDF5 file"]
    assert "alien.h5: is 12 channels from 10 m at 1000 Hz of nm/m/s, not 12" in failed[1]
    assert failed[2:] == [f"failed: {folder[0]}/psd.h5: holds spectra, not samples"]
    assert "2 done, 0 empty, 3 failed" in result.stderr
    assert len(tree(tmp_path / "out")) == 32


def test_a_file_that_is_damaged_since_costs_its_windows(run, folder, known, tmp_path):
    path = folder[1][-1].path
    os.truncate(path, 100)
    result = run("dasimages", folder[0], "-o", tmp_path / "out", *FEW, "--limits", "0", "9")
    assert result.exit_code == 1
    assert f"failed: {path}: " in result.stderr
    assert len(tree(tmp_path / "out")) == 24


def test_limits_are_two_numbers_or_a_word(run, folder, known, tmp_path):
    for number, words in enumerate([("-20", "40.5"), ("-20,40.5",)]):
        out = tmp_path / str(number)
        result = run("dasimages", folder[0], "-o", out, *FEW, "--limits", *words)
        assert result.exit_code == 0, result.output
        with Image.open(out / "19700101T000000Z.png") as picture:
            assert picture.info["limits"] == "-20 40.5"
    assert tree(tmp_path / "0") == tree(tmp_path / "1")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (("--window", "0"), "no length of time"),
        (("--window", "1h"), "no 1h of samples without a gap"),
        (("--size", 0, 9), "0 is not in the range"),
        (("--band", 35, 14), "35 to 14 Hz is no band"),
        (("--band", 0, 14), "begins above 0 Hz"),
        (("--band", 14, 100), "between 0 and 100 Hz"),
        (("--rate", 201), "more than the 200 Hz of records"),
        (("--channels", "12:"), "none is asked for"),
        (("--what", "fk", "--channels", "3"), "one channel has no wavenumbers"),
    ],
)
def test_wrong_usage(run, folder, known, tmp_path, wrong, why):
    words = [] if "--band" in wrong else ["--band", 14, 35]
    result = run("dasimages", folder[0], "-o", tmp_path / "out", *words, *wrong)
    assert result.exit_code == 2, result.output
    assert why in result.stderr.partition("Error: ")[2]
    assert not (tmp_path / "out").exists()


def test_a_sheet_costs_no_picture(run, folder, known, tmp_path):
    out = tmp_path / "out"
    assert run("dasimages", folder[0], "-o", out, *FEW).exit_code == 0
    before = tree(out)
    result = run("dasimages", folder[0], "-o", out, *FEW, "--sheet")
    assert result.exit_code == 0, result.output
    assert "nothing to do" in result.stderr
    sheet = tree(out)
    assert sheet.keys() - before.keys() == {"sheet.png"}
    for shard in ("1/2", "0/2"):
        words = ("-o", tmp_path / "shards", *FEW, "--sheet", "--shard", shard)
        assert run("dasimages", folder[0], *words).exit_code == 0
    assert tree(tmp_path / "shards") == sheet
    options = {"window": "2.5s", "band": (14, 35), "size": (6, 32)}
    captools.dasimages(folder[0], tmp_path / "python", **options, sheet=True)
    assert tree(tmp_path / "python") == sheet
    result = run(
        "dasimages", folder[0], "-o", "s3://b/out", "--journal", tmp_path / "j", *FEW, "--sheet"
    )
    assert result.exit_code == 2
    assert "a sheet is drawn in a folder of this machine alone" in result.stderr


def test_nothing_is_written_beside_the_data(run, folder, known):
    before = {path.name: path.stat().st_mtime_ns for path in folder[0].iterdir()}
    assert run("dasimages", folder[0], "-o", folder[0], *FEW).exit_code == 2
    assert {path.name: path.stat().st_mtime_ns for path in folder[0].iterdir()} == before


def test_from_python(run, folder, known, tmp_path):
    assert run("dasimages", folder[0], "-o", tmp_path / "a", *FEW).exit_code == 0
    options = {"window": "2.5s", "band": (14, 35), "size": (6, 32)}
    written = captools.dasimages(folder[0], tmp_path / "b", **options)
    assert [path.name for path in written] == sorted(tree(tmp_path / "b"))
    assert written.rows_out == 32
    assert tree(tmp_path / "b") == tree(tmp_path / "a")
    with pytest.raises(ValueError, match="no limits"):
        captools.dasimages(folder[0], tmp_path / "c", **options, limits=(9, 0))
    with pytest.raises(ValueError, match="size"):
        captools.dasimages(folder[0], tmp_path / "c", **(options | {"size": (0, 4)}))


def test_a_run_that_is_killed_goes_on_to_the_same_pictures(run, folder, known, samples, tmp_path):
    folder[1][:] = write(folder[0], np.tile(samples, (4, 1)), [1, 900, 7777, 20_001])
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    keep(killed, folder[1])  # as after a scan
    words = [sys.executable, "-m", "captools", "dasimages", folder[0], *map(str, FEW), "-n", "2"]
    with subprocess.Popen(
        [*words, "-o", killed],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while process.poll() is None and len(tree(killed)) < 3:
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
    for out in (whole, killed):
        assert run("dasimages", folder[0], "-o", out, *FEW).exit_code == 0
    assert tree(killed) == tree(whole)
    names = {path.name for path in killed.iterdir()}
    assert names == {path.name for path in whole.iterdir()}


def keep(outdir, records):
    """Leave what a scan would leave."""
    place = outdir / "_captools" / KEPT
    place.parent.mkdir(parents=True)
    seen = {one.path: [one.as_json()] for one in records}
    place.write_text(json.dumps({"by": scanning._readers(), "files": seen}))
