"""What a map step may have beside its function, on windows across records that fill an array."""

import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
import pytest
import toy
import windowed
from cluster import need
from processes import Process
from windowed import STORE, moving_sums, write_records

from captools.engine import worker
from captools.io.address import Input, Url, file_name, files_of
from captools.io.atomic import PRIVATE, Outputs
from captools.io.listing import expand
from captools.run.folders import LocalFolder, RemoteFolder
from captools.run.journal import lines, records
from captools.run.map import run_map
from captools.run.task import Task

ALL = [f"w{number:02d}" for number in range(10)]
USUAL = {
    "engine": "local",
    "scheduler": None,
    "jobs": 1,
    "shard": None,
    "overwrite": False,
    "fail_fast": False,
    "timeout": None,
}


@pytest.fixture
def paths(tmp_path):
    """The records."""
    return write_records(tmp_path / "in")


@pytest.fixture
def go(tmp_path, paths, log):
    """A function that runs the step over the records into out/ and returns exit code and log."""

    def call(**more):
        log.clear()
        where = {"words": (str(tmp_path / "in"),), "outdir": tmp_path / "out"}
        code = run_map(windowed.windowed, windowed, **USUAL | where | more)
        return code, log.messages[:]

    return call


def whole(paths, halo=3):
    """The array as computed in one go."""
    samples = np.concatenate([np.frombuffer(path.read_bytes(), np.int64) for path in paths])
    return moving_sums(samples, halo).tobytes()


def store(tmp_path):
    return (tmp_path / "out" / STORE).read_bytes()


def region(data, name):
    """The part of the array that a window fills."""
    start = int(name[1:]) * windowed.WINDOW_SAMPLES * 8
    return data[start : start + windowed.WINDOW_SAMPLES * 8]


def journal(tmp_path):
    """All lines of the journals of the step."""
    return [
        one
        for path in sorted((tmp_path / "out" / PRIVATE).glob("windowed*.jsonl"))
        for _, one in lines(path)
    ]


def newest(tmp_path):
    """The newest outcomes, by window."""
    return {one.input: one for _, outcomes in records(tmp_path / "out") for one in outcomes}


def done_since(tmp_path, before):
    """The windows done after so many lines of the journal."""
    return [one.input for one in journal(tmp_path)[before:] if one.status == "done"]


# --- an input of many files -----------------------------------------------------------


def test_an_input_is_its_name_and_reaches_other_processes_whole():
    files = ["/d/a.rec", Url("s3://b/c.rec", "etag")]
    one = Input("w01", files, [3, 7])
    there = pickle.loads(pickle.dumps(one))
    assert (there, type(there), there.paths, there.part) == ("w01", Input, tuple(files), [3, 7])
    assert there.paths[1].identity == "etag"
    assert f"{one}: is bad" == "w01: is bad"
    assert file_name(one) == "w01"
    assert files_of(one) == tuple(files)
    assert files_of("/d/a.h5") == ("/d/a.h5",)
    assert Input("w", []).part is None


def test_the_key_of_a_plain_path_is_that_of_all_versions(tmp_path):
    # Journals hold it: sha256 of '7 1555000000123456789 ["toy", 3, {"only": 2}]'.
    path = tmp_path / "a.h5"
    path.write_text("write 2")
    os.utime(path, ns=(1, 1_555_000_000_123_456_789))
    task = Task(toy.toy, toy.outputs, LocalFolder(tmp_path), {"only": 2, "mask": None}, 3)
    assert task.key(str(path)) == "559920dbdc8eb5a4"
    assert task.key(str(tmp_path / "gone.h5")) == ""


def test_the_key_of_an_input_stands_for_all_its_files_and_its_part(tmp_path):
    a, b = toy.write_inputs(tmp_path / "in", a="one", b="other")
    task = Task(windowed.windowed, windowed.outputs, LocalFolder(tmp_path), {}, 1)
    key = task.key(Input("w", [a, b], [0, 5]))
    assert task.key(Input("w", [a, b], [0, 5])) == key
    others = [
        Input("w", [a, b], [0, 6]),
        Input("w", [a, b]),
        Input("w", [b, a], [0, 5]),
        Input("w", [a], [0, 5]),
    ]
    keys = {task.key(one) for one in others}
    os.utime(b, ns=(1, 1))
    keys.add(task.key(Input("w", [a, b], [0, 5])))
    assert len(keys | {key}) == 6
    assert "" not in keys
    os.unlink(a)
    assert task.key(Input("w", [a, b], [0, 5])) == ""


def test_files_that_an_input_reads_are_never_removed_as_its_outputs(tmp_path):
    (tmp_path / "out" / PRIVATE).mkdir(parents=True)
    a, b = toy.write_inputs(tmp_path / "in", a="one", b="other")
    (tmp_path / "out/w_0.h5").symlink_to(b)
    (tmp_path / "out/w_1.h5").write_text("of an earlier run")
    Task(toy.toy, toy.outputs, LocalFolder(tmp_path / "out"), {}, 1).clear(Input("w", [a, b]))
    assert (tmp_path / "out/w_0.h5").exists()
    assert not (tmp_path / "out/w_1.h5").exists()


def test_the_output_folder_is_not_that_of_a_file_that_an_input_reads(tmp_path, go):
    with pytest.raises(ValueError, match="is the folder of an input"):
        go(outdir=tmp_path / "in")


# --- files of folders -----------------------------------------------------------------


def test_suffixes_of_a_step_are_sought_in_folders_in_any_case(tmp_path):
    for name in ("a.rec", "b.REC", "c.h5", "d.H5", ".e.rec", "f.record"):
        (tmp_path / name).touch()
    assert expand([str(tmp_path)], (".rec",)) == [f"{tmp_path}/a.rec", f"{tmp_path}/b.REC"]
    both = expand([str(tmp_path)], (".rec", ".h5"))
    assert [Path(path).name for path in both] == ["a.rec", "b.REC", "c.h5", "d.H5"]
    assert expand([str(tmp_path / "f.record")], (".rec",)) == [f"{tmp_path}/f.record"]
    assert expand([str(tmp_path)]) == [f"{tmp_path}/c.h5"]


def test_a_folder_that_is_a_store_counts_as_a_file(tmp_path, monkeypatch):
    store = tmp_path / "p057.tdb"
    (store / "__meta").mkdir(parents=True)
    (store / "a.h5").touch()
    monkeypatch.chdir(tmp_path)
    for word in (str(store), f"{store}/", "p057.tdb", "*.tdb"):
        assert expand([word]) == [str(store)]
    assert expand([str(tmp_path)]) == []


# --- pieces equal the whole -------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_windows_make_the_array_that_is_computed_in_one_go(tmp_path, paths, go, jobs):
    code, said = go(jobs=jobs)
    assert (code, said) == (0, ["10 inputs: 10 done, 0 empty, 0 failed; 1,400 of 2,400 rows kept"])
    assert store(tmp_path) == whole(paths)
    assert sorted(newest(tmp_path)) == ALL


def test_what_is_done_without_outputs_is_not_done_again(tmp_path, go):
    go()
    before = len(journal(tmp_path))
    assert go() == (0, ["10 inputs, all done before: nothing to do"])
    assert len(journal(tmp_path)) == before
    go(overwrite=True)
    assert done_since(tmp_path, before) == ALL


def test_another_option_does_all_again(tmp_path, paths, go):
    go()
    assert go(halo=2)[0] == 0
    assert store(tmp_path) == whole(paths, halo=2)


def test_two_shards_fill_one_array(tmp_path, paths, go):
    for number in range(2):
        code, said = go(shard=(number, 2))
        assert (code, said[0].split(";")[0]) == (0, "5 inputs: 5 done, 0 empty, 0 failed")
    assert store(tmp_path) == whole(paths)
    assert "nothing to do" in go()[1][0]


def test_three_mpi_ranks_fill_one_array(tmp_path, paths):
    binaries = str(Path(sys.executable).parent)
    launcher = shutil.which("mpiexec", path=f"{binaries}{os.pathsep}{os.environ['PATH']}")
    need("mpiexec (pip: mpi4py mpich)", launcher is None)
    pytest.importorskip("mpi4py")
    words = [launcher, "-n", "3", *command(engine="mpi")]
    ended = subprocess.run(
        words, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert store(tmp_path) == whole(paths)
    assert sorted(newest(tmp_path)) == ALL


def command(**more):
    """The command of a run of the step over in/ into out/, as a process of its own."""
    options = USUAL | {"words": ("in",)} | more
    code = (
        "import sys, pathlib, windowed; from captools.run.map import run_map; "
        "sys.exit(run_map(windowed.windowed, windowed, outdir=pathlib.Path('out'), "
        f"**{options!r}))"
    )
    return [sys.executable, "-c", code]


def environment():
    here = [str(Path(windowed.__file__).parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, here))}


# --- what changes, and what is damaged -----------------------------------------------------


@pytest.mark.parametrize(
    ("number", "readers"), [(0, ["w00"]), (3, ["w02"]), (7, ["w04", "w05"]), (13, ["w09"])]
)
def test_one_changed_file_redoes_just_the_windows_that_read_it(
    tmp_path, paths, go, number, readers
):
    go()
    before = len(journal(tmp_path))
    paths[number].write_bytes(paths[number].read_bytes()[::-1])
    os.utime(paths[number], ns=(1, 1))
    code, said = go()
    assert (code, done_since(tmp_path, before)) == (0, readers)
    assert f"{10 - len(readers)} done before" in said[0]
    assert store(tmp_path) == whole(paths)


def test_a_damaged_file_fails_just_the_windows_that_read_it(tmp_path, paths, go):
    truth, sound = whole(paths), paths[7].read_bytes()
    paths[7].write_bytes(sound[:-1])
    code, said = go()
    failed = f"{paths[7]}: is truncated"
    assert (code, said[:-1]) == (1, [f"failed: {failed}", f"failed: 1 more like this: {failed}"])
    ended = newest(tmp_path)
    assert [name for name in ALL if ended[name].status == "failed"] == ["w04", "w05"]
    for name in set(ALL) - {"w04", "w05"}:
        assert region(store(tmp_path), name) == region(truth, name)
    before = len(journal(tmp_path))
    paths[7].write_bytes(sound)
    assert go()[0] == 0
    assert done_since(tmp_path, before) == ["w04", "w05"]
    assert store(tmp_path) == truth


def test_a_named_file_that_is_not_there_fails_just_the_windows_that_read_it(tmp_path, paths, go):
    words = tuple(map(str, paths))
    paths[13].unlink()
    assert go(words=words)[0] == 1
    assert [name for name, one in newest(tmp_path).items() if one.status == "failed"] == ["w09"]


# --- killed -------------------------------------------------------------------------


def kill_amid(tmp_path, name):
    """Start a run and kill it while a window is half written."""
    hold, held = (tmp_path / "out" / f"{word} {name}" for word in ("hold", "held"))
    hold.parent.mkdir(exist_ok=True)
    hold.touch()
    with Process(command(), cwd=tmp_path, env=environment()) as process:
        deadline = time.monotonic() + 60
        while not held.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        psutil.wait_procs(workers, timeout=10)
    hold.unlink()
    held.unlink()


def test_killed_in_the_middle_of_a_region_and_resumed_the_array_is_right(tmp_path, paths, go):
    truth = whole(paths)
    kill_amid(tmp_path, "w04")
    assert region(store(tmp_path), "w04") != region(truth, "w04")
    amid = newest(tmp_path)["w04"]
    assert (amid.status, amid.error) == ("failed", "w04: was being done when the run ended")
    code, said = go()
    assert (code, said[0].split(";")[0]) == (
        0,
        "10 inputs: 4 done before, 6 done, 0 empty, 0 failed",
    )
    assert store(tmp_path) == truth


def test_what_is_half_redone_is_not_taken_for_what_was_done_before(tmp_path, paths, go):
    # The file is as it was again, and so is the key of the line that says done.
    go()
    truth, sound, times = whole(paths), paths[6].read_bytes(), os.stat(paths[6])
    paths[6].write_bytes(sound[::-1])
    os.utime(paths[6], ns=(1, 1))
    kill_amid(tmp_path, "w04")
    paths[6].write_bytes(sound)
    os.utime(paths[6], ns=(times.st_atime_ns, times.st_mtime_ns))
    assert region(store(tmp_path), "w04") != region(truth, "w04")
    assert newest(tmp_path)["w04"].error == "w04: was being done again when the run ended"
    assert go()[0] == 0
    assert store(tmp_path) == truth


# --- the store ------------------------------------------------------------------------


def test_the_store_is_prepared_once_before_any_input_and_only_for_inputs(
    tmp_path, paths, go, monkeypatch
):
    called = []

    def prepare(outdir, **options):
        called.append((outdir, options, journal(tmp_path)))
        windowed_prepare(outdir, **options)

    windowed_prepare = windowed.prepare
    monkeypatch.setattr(windowed, "prepare", prepare)
    go(shard=(10, 11))
    assert called == []
    go(halo=2)
    assert called == [(tmp_path / "out", {"halo": 2}, [])]


def test_a_store_that_is_gone_is_filled_anew_by_all_inputs(tmp_path, paths, go):
    go()
    before = len(journal(tmp_path))
    (tmp_path / "out" / STORE).unlink()
    code, said = go()
    assert (code, said[0].split(";")[0]) == (0, "10 inputs: 10 done, 0 empty, 0 failed")
    assert done_since(tmp_path, before) == ALL
    assert store(tmp_path) == whole(paths)
    assert go() == (0, ["10 inputs, all done before: nothing to do"])


def test_shards_that_come_after_the_store_was_made_anew_do_all_of_theirs_again(tmp_path, paths, go):
    go()
    (tmp_path / "out" / STORE).unlink()
    for number in range(3):
        assert go(shard=(number, 3))[0] == 0
    assert store(tmp_path) == whole(paths)


def test_a_store_that_is_gone_is_filled_by_the_next_run_if_one_is_killed_meanwhile(
    tmp_path, paths, go
):
    go()
    (tmp_path / "out" / STORE).unlink()
    kill_amid(tmp_path, "w04")
    assert go()[1][0].startswith("10 inputs: 4 done before, 6 done,")
    assert store(tmp_path) == whole(paths)


def test_a_run_that_ends_while_it_makes_the_store_anew_leaves_nothing_called_done(
    tmp_path, paths, go, monkeypatch
):
    go()
    (tmp_path / "out" / STORE).unlink()

    def prepare(outdir, **options):
        windowed_prepare(outdir, **options)
        raise KeyboardInterrupt  # the store is there, and the run is over

    windowed_prepare = windowed.prepare
    monkeypatch.setattr(windowed, "prepare", prepare)
    with pytest.raises(KeyboardInterrupt):
        go()
    monkeypatch.undo()
    assert windowed.has_store(tmp_path / "out")
    assert newest(tmp_path) == {}
    assert go()[0] == 0
    assert store(tmp_path) == whole(paths)


def test_a_store_that_cannot_be_made_is_reported_before_any_work(tmp_path, go, monkeypatch):
    def prepare(outdir, **options):
        raise ValueError(f"{outdir}: holds a store of another window")

    monkeypatch.setattr(windowed, "prepare", prepare)
    with pytest.raises(ValueError, match="another window"):
        go()
    assert journal(tmp_path) == []


def test_a_store_in_an_object_store_is_written_to_at_its_address(tmp_path):
    (tmp_path / PRIVATE).mkdir()
    called = []

    def fill(path, outdir):
        called.append(outdir)
        return Outputs(rows_in=1)

    folder = RemoteFolder(Url("s3://b/sums"), tmp_path)
    (path,) = toy.write_inputs(tmp_path / "in", a="one")
    outcome = Task(fill, windowed.outputs, folder, {}, 1)(path).outcome
    assert (outcome.status, called) == ("empty", ["s3://b/sums"])
    assert isinstance(called[0], Url)


# --- a library that must not be forked ----------------------------------------------------


@pytest.mark.parametrize("forks", [True, False])
def test_a_step_says_that_its_process_must_not_be_copied(tmp_path, go, monkeypatch, forks):
    copied = []

    def start_copies(count):
        copied.append(count)
        worker.start_copies(count)

    monkeypatch.setattr("captools.engine.local.start_copies", start_copies)
    if not forks:
        monkeypatch.setattr(windowed, "FORKS", False, raising=False)
    with mock.patch.object(threading, "active_count", return_value=1):
        assert go(shard=(0, 10))[0] == 0
    assert copied == [1] * forks
    assert [one.input for one in journal(tmp_path)] == ["w00", "w00"]  # under way, then done
