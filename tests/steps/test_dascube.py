"""The step that makes a cube, from end to end.

``CAPTOOLS_KILLS=20`` kills a run at so many random moments instead of two.
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from objectstore import BUCKET, object_store
from pieces import known_to_scan, record, write

import captools
from captools.das import scanning
from captools.das.cubestore import CubeStore
from captools.das.records import NoRecord
from captools.das.scanning import KEPT, Scan
from captools.errors import InputError
from captools.io.address import Url

zarr = pytest.importorskip("zarr")
FEW = ("--segment", "0.2s", "--overlap", "0.5")
KILLS = int(os.environ.get("CAPTOOLS_KILLS", "0"))
# After so many new chunks, of twelve in a region: a run does again what was under way.
MOMENTS = [random.Random(KILLS).randrange(9) for _ in range(KILLS)] or [0, 5]
PYTHON = {"segment": "0.2s", "overlap": 0.5}  # the same


def tree(path):
    """The bytes of all files of a cube."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in Path(path).rglob("*")
        if file.is_file() and "_captools" not in file.parts
    }


@pytest.fixture
def samples():
    return np.random.default_rng(3).integers(-99, 99, (6000, 12), np.int16)


@pytest.fixture
def folder(tmp_path, samples):
    """Records in pieces of unequal length."""
    path = tmp_path / "in"
    path.mkdir()
    return path, write(path, samples, [1, 900, 2222, 5001])


@pytest.fixture
def known(folder, monkeypatch):
    """What a scan says of the files, without DASCore; a list of what it refuses, to be filled."""
    monkeypatch.setattr("captools.das.regions.TASK_NS", 10**10)  # three regions
    return known_to_scan(monkeypatch, folder[1], "captools.das.scanning")


def journal(outdir, name="dascube.jsonl"):
    lines = (Path(outdir) / "_captools" / name).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_cube_is_made_once(run, folder, known, tmp_path):
    out = tmp_path / "c.zarr"
    result = run("dascube", folder[0], "-o", out, *FEW)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "3 inputs: 3 done" in result.stderr
    cube = zarr.open_group(out, mode="r", use_consolidated=True)
    assert cube["psd"].shape == (299, 21, 12)
    assert np.isfinite(cube["psd"][:]).all()
    before = tree(out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("psd/c/*/*/*")}
    again = run("dascube", folder[0], "-o", out, *FEW)
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert tree(out) == before
    assert times == {path: path.stat().st_mtime_ns for path in out.rglob("psd/c/*/*/*")}


def test_shards_fill_one_cube(run, folder, known, tmp_path):
    whole, shared = tmp_path / "a.zarr", tmp_path / "b.zarr"
    assert run("dascube", folder[0], "-o", whole, *FEW).exit_code == 0
    for shard in ("1/2", "0/2"):
        result = run("dascube", folder[0], "-o", shared, *FEW, "--shard", shard)
        assert result.exit_code == 0, result.output
    assert tree(whole) == tree(shared)


def test_a_region_that_was_under_way_is_done_again(run, folder, known, tmp_path):
    out = tmp_path / "c.zarr"
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    good = tree(out)
    place = out / "_captools/dascube.jsonl"
    # As if the run had been killed while it wrote the second region, and one chunk of it.
    kept = place.read_bytes().splitlines(keepends=True)[:3]
    place.write_bytes(b"".join(kept))
    (out / "psd/c/1/0/0").unlink()
    result = run("dascube", folder[0], "-o", out, *FEW)
    assert result.exit_code == 0, result.output
    assert "2 done" in result.stderr
    assert tree(out) == good


def test_a_chunk_that_was_lost_is_named_and_made_again(run, folder, known, tmp_path):
    out = tmp_path / "c.zarr"
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    assert run("check", out).exit_code == 0
    good = tree(out)
    (out / "psd/c/1/0/0").unlink()
    result = run("check", out)
    assert result.exit_code == 1
    assert "psd/c/1/0/0: is missing: captools dascube makes it again" in result.stdout
    result = run("dascube", folder[0], "-o", out, *FEW)
    assert result.exit_code == 0, result.output
    assert "missing, or not as they were written: done again" in result.stderr
    assert "1 done" in result.stderr
    assert tree(out) == good
    (out / "regions/0.json").write_bytes(b"[]")
    result = run("check", out)
    assert result.exit_code == 1
    assert "regions/0.json: is damaged" in result.stdout
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    assert tree(out) == good
    assert run("check", out).exit_code == 0


def test_a_changed_file_costs_the_regions_that_read_it(run, folder, known, tmp_path):
    out = tmp_path / "c.zarr"
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    os.utime(folder[1][-1].path, ns=(1, 1))  # from sample 5001 on: in the last region
    result = run("dascube", folder[0], "-o", out, *FEW)
    assert "1 done" in result.stderr, result.stderr
    assert [line["input"] for line in journal(out)[6:]] == ["19700101T000020Z"] * 2


def test_what_only_a_file_had_that_is_gone_becomes_nan(run, tmp_path, samples, monkeypatch):
    (tmp_path / "in").mkdir()
    records = write(tmp_path / "in", samples, [1900, 4100])
    monkeypatch.setattr("captools.das.regions.TASK_NS", 10**10)
    monkeypatch.setattr("captools.das.planning.scan", lambda *_: Scan(tuple(records), ()))
    out, new = tmp_path / "c.zarr", tmp_path / "new.zarr"
    assert run("dascube", tmp_path / "in", "-o", out, *FEW).exit_code == 0
    os.unlink(records.pop(1).path)
    for path in (out, new):
        result = run("dascube", tmp_path / "in", "-o", path, *FEW)
        assert result.exit_code == 0, result.output
    assert np.isnan(zarr.open_group(out, mode="r")["psd"][100:200]).all()
    assert tree(out) == tree(new)
    assert "nothing to do" in run("dascube", tmp_path / "in", "-o", out, *FEW).stderr


def test_files_that_are_of_no_use_are_named_and_the_rest_is_done(run, folder, known, tmp_path):
    known += [
        NoRecord(f"{folder[0]}/junk.h5", "is no HDF5 file", 3, 1),
        NoRecord(f"{folder[0]}/psd.h5", "holds spectra, not samples", 3, 1),
    ]
    out = tmp_path / "c.zarr"
    for name in ("junk.h5", "psd.h5"):
        (folder[0] / name).write_bytes(b"no")
    result = run("dascube", folder[0], "-o", out, *FEW)
    assert result.exit_code == 1
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert failed == [
        f"failed: {folder[0]}/junk.h5: is no HDF5 file",
        f"failed: {folder[0]}/psd.h5: holds spectra, not samples",
    ]
    assert "3 done, 0 empty, 2 failed" in result.stderr
    assert np.isfinite(zarr.open_group(out, mode="r")["psd"][:]).all()


def test_records_of_another_series_fail(run, folder, known, tmp_path, monkeypatch):
    alien = record(f"{folder[0]}/alien.h5", step=0.001, samples=500, channels=12)
    folder[1].append(alien)
    Path(alien.path).write_bytes(b"")
    result = run("dascube", folder[0], "-o", tmp_path / "c.zarr", *FEW)
    assert result.exit_code == 1
    assert "alien.h5: is 12 channels from 10 m at 1000 Hz of nm/m/s, not 12" in result.stderr


def test_another_cube_is_refused_before_any_work(run, folder, known, tmp_path):
    out = tmp_path / "c.zarr"
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    before = tree(out)
    result = run("dascube", folder[0], "-o", out, "--segment", "0.4s")
    assert result.exit_code == 2
    assert "holds a cube with" in result.stderr
    assert tree(out) == before


def test_a_cube_that_is_gone_is_made_anew(run, folder, known, tmp_path):
    out = tmp_path / "c.zarr"
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    good = tree(out)
    for name in good:
        (out / name).unlink()
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    assert tree(out) == good


@pytest.mark.parametrize(
    "wrong",
    [
        ("--segment", "0"),
        ("--segment", "long"),
        ("--overlap", "1"),
        ("--fmax", "-3"),
        ("--taper", "hat"),
        ("--like", "x"),
        ("--channels", "5:2"),
        ("--distance", "9", "3"),
        ("--time", "yesterday", "today"),
    ],
)
def test_wrong_usage(run, folder, tmp_path, wrong):
    result = run("dascube", folder[0], "-o", tmp_path / "c.zarr", *wrong)
    assert result.exit_code == 2, result.output
    assert not (tmp_path / "c.zarr").exists()


def test_nothing_is_written_beside_the_data(run, folder, known):
    before = {path.name: path.stat().st_mtime_ns for path in folder[0].iterdir()}
    result = run("dascube", folder[0], "-o", folder[0], *FEW)
    assert result.exit_code == 2
    assert {path.name: path.stat().st_mtime_ns for path in folder[0].iterdir()} == before


GIVEN = {
    "a folder": lambda folder: folder,
    "a glob": lambda folder: f"{folder}/*.h5",
    "a list": lambda folder: sorted(folder.iterdir(), reverse=True),
}


@pytest.mark.parametrize("given", GIVEN)
def test_from_python(run, folder, known, tmp_path, given):
    written = captools.dascube(GIVEN[given](folder[0]), tmp_path / "c.zarr", **PYTHON)
    assert (written, written.rows_in, written.rows_out) == ([], 299, 299)
    assert not (tmp_path / "c.zarr/_captools").exists()
    assert run("dascube", folder[0], "-o", tmp_path / "d.zarr", *FEW).exit_code == 0
    assert tree(tmp_path / "c.zarr") == tree(tmp_path / "d.zarr")


def test_from_python_a_file_is_a_cube(folder, known, tmp_path):
    captools.dascube(folder[1][3].path, tmp_path / "c.zarr", **PYTHON)
    shape = zarr.open_group(tmp_path / "c.zarr", mode="r")["psd"].shape
    assert shape == (len(range(2240, 5001 - 40 + 1, 20)), 21, 12)


def test_from_python_it_always_writes_and_raises_on_error(folder, known, tmp_path):
    out = tmp_path / "c.zarr"
    captools.dascube(folder[0], out, **PYTHON)
    good = tree(out)
    (out / "psd/c/1/0/0").write_bytes(b"spoilt")
    captools.dascube(folder[0], out, **PYTHON)
    assert tree(out) == good
    with pytest.raises(ValueError, match="holds a cube with"):
        captools.dascube(folder[0], out, segment="0.4s")
    with pytest.raises(ValueError, match="is the folder of an input"):
        captools.dascube(folder[0], folder[0], **PYTHON)
    with pytest.raises(TypeError, match="'window'"):
        captools.dascube(folder[0], out, window="1s")
    known.append(NoRecord(f"{folder[0]}/junk.h5", "is no HDF5 file", 3, 1))
    with pytest.raises(InputError, match=r"junk\.h5: is no HDF5 file"):
        captools.dascube(folder[0], out, **PYTHON)
    assert tree(out) == good


def test_from_python_what_is_gone_becomes_nan(folder, known, tmp_path):
    out, new = tmp_path / "c.zarr", tmp_path / "new.zarr"
    captools.dascube(folder[0], out, **PYTHON)
    del folder[1][2:4]  # samples 900 to 5000: all of the second region, too
    for path in (out, new):
        captools.dascube(folder[0], path, **PYTHON)
    assert np.isnan(zarr.open_group(out, mode="r")["psd"][100:200]).all()
    assert tree(out) == tree(new)


def test_a_command_that_calls_it_is_not_taken_for_its_own(folder, known, tmp_path):
    """Another tool made with click may have an `outdir`, too."""
    params = [click.Argument(["outdir"], type=click.Path(path_type=Path))]

    def tool(outdir):
        captools.dascube(folder[0], outdir / "c.zarr", **PYTHON)

    click.Command("tool", params=params, callback=tool)([str(tmp_path)], standalone_mode=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.zarr", "in"]


def test_a_cube_in_an_object_store_is_the_same(run, folder, known, tmp_path):
    here = tmp_path / "c.zarr"
    assert run("dascube", folder[0], "-o", here, *FEW).exit_code == 0
    with object_store() as store:
        words = ("dascube", folder[0], "-o", f"s3://{BUCKET}/c.zarr", "--endpoint-url")
        there = (store.endpoint, "--journal", tmp_path / "journal")
        result = run(*words, *there, *FEW)
        assert result.exit_code == 0, result.output
        found = store.contents("c.zarr/")
        assert {name.removeprefix("c.zarr/"): data for name, data in found.items()} == tree(here)
        assert "nothing to do" in run(*words, *there, *FEW).stderr
        assert CubeStore(Url(f"s3://{BUCKET}/c.zarr")).rows("psd") == {0, 1, 2}
        assert CubeStore(Url(f"s3://{BUCKET}/c.zarr")).rows("other") == set()
        os.utime(folder[1][-1].path, ns=(1, 1))
        assert "1 done" in run(*words, *there, *FEW).stderr
        result = run(*words, *there, "--segment", "0.4s")
    assert result.exit_code == 2, result.output
    assert "holds a cube with" in result.stderr


def test_a_run_that_is_killed_twice_goes_on_to_the_same_cube(folder, samples, tmp_path):
    """Each time as soon as some chunks are there, workers and all; one process made the other."""
    wide = np.tile(samples, (1, 22))  # two chunks in each of twelve rows, two regions
    records = write(folder[0], np.tile(wide, (4, 1)), [1, 900, 7777, 20_001])
    whole, killed = tmp_path / "whole.zarr", tmp_path / "killed.zarr"
    one = [sys.executable, "-m", "captools", "dascube", folder[0], *FEW, "-n", "1", "-o"]
    words = [*one[:-2], "2", "-o"]
    for out in (whole, killed):  # as after a scan
        keep(out, records)
    assert subprocess.run([*one, whole], capture_output=True, check=False).returncode == 0
    for moment in MOMENTS:
        begun = time.time_ns()
        with subprocess.Popen(
            [*words, killed], stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            while process.poll() is None and len(written_since(killed, begun)) <= moment:
                time.sleep(0.002)
            os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    assert subprocess.run([*words, killed], capture_output=True, check=False).returncode == 0
    assert tree(killed) == tree(whole)
    assert {path.name for path in killed.iterdir()} == {path.name for path in whole.iterdir()}


def written_since(cube, begun):
    """The chunks that were written since then."""
    return [one for one in cube.rglob("psd/c/*/*/*") if one.stat().st_mtime_ns > begun]


def keep(outdir, records):
    """Leave what a scan would leave."""
    place = outdir / "_captools" / KEPT
    place.parent.mkdir(parents=True)
    seen = {one.path: [one.as_json()] for one in records}
    place.write_text(json.dumps({"by": scanning._readers(), "files": seen}))


def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(folder, known, run, tmp_path):
    """A limit of the size of files stands for it: the system refuses to write more, too."""
    whole, out = tmp_path / "whole.zarr", tmp_path / "c.zarr"
    assert run("dascube", folder[0], "-o", whole, *FEW).exit_code == 0
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in whole.rglob("psd/c/*/*/*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, usual[1]))
    try:
        result = run("dascube", folder[0], "-o", out, *FEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert result.exit_code == 1
    assert f"{out}/psd/c/" in result.stderr
    assert "File too large" in result.stderr
    assert not list(out.glob(".*.part"))
    assert run("dascube", folder[0], "-o", out, *FEW).exit_code == 0
    assert tree(out) == tree(whole)
