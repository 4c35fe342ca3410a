"""The command line with inputs and outputs in an object store: as on a disk, to the byte."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from flatfiles import write_flat
from objectstore import BUCKET, object_store
from processes import COMMAND
from s3fs import S3FileSystem

from captools.io import remote, retrying
from captools.io.address import Url
from captools.io.remote import Access
from captools.run.folders import RemoteFolder
from captools.run.task import Task
from captools.simulation.granule import write_granule


@pytest.fixture(scope="module")
def server():
    with object_store() as store:
        yield store


@pytest.fixture
def store(server, monkeypatch):
    """Give an empty bucket."""
    monkeypatch.setattr(retrying, "PAUSE_SECONDS", 0.01)
    yield server
    server.remove()
    remote.use(Access())


@pytest.fixture
def call(store, run):
    """Give the command line, which finds the store."""
    return lambda *words, **options: run(*words, "--endpoint-url", store.endpoint, **options)


@pytest.fixture
def far(store, granules):
    """Give the address of a folder of three granules."""
    for path in granules.glob("*.h5"):
        store.put(path, "in/")
    return f"s3://{BUCKET}/in/"


@pytest.fixture(scope="module")
def near(granules, run, tmp_path_factory):
    """Give what comes of the granules on a disk: names and bytes."""
    folder = tmp_path_factory.mktemp("near")
    assert run("readatl06", granules, "-o", folder).exit_code == 0
    return {path.name: path.read_bytes() for path in folder.glob("*.h5")}


def found(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.h5")}


def there(store, prefix="out/"):
    return {key.removeprefix(prefix): data for key, data in store.contents(prefix).items()}


def journal(folder, step="readatl06"):
    lines = (folder / "_captools" / f"{step}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


# --- inputs -----------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_granules_of_an_object_store_give_what_those_of_a_disk_give(
    call, far, near, tmp_path, jobs
):
    result = call("readatl06", far, "-o", tmp_path / "out", "-n", jobs)
    assert (result.exit_code, result.stderr.count("failed:")) == (0, 0)
    assert found(tmp_path / "out") == near


def test_a_single_granule_of_an_object_store_is_read_in_a_copy_of_the_process(
    call, store, far, near, tmp_path
):
    result = call("readatl06", f"s3://{BUCKET}/{min(store.contents('in/'))}", "-o", tmp_path / "a")
    assert result.exit_code == 0, result.stderr
    assert 0 < len(found(tmp_path / "a")) < len(near)
    assert found(tmp_path / "a").items() <= near.items()


def test_a_second_run_does_nothing_and_a_changed_object_is_done_again(
    call, store, far, near, tmp_path
):
    words = ("readatl06", far, "-o", tmp_path / "out")
    first = call(*words)
    assert "3 done" in first.stderr
    again = call(*words)
    assert "all done before" in again.stderr
    assert again.stdout == first.stdout
    changed = min(key for key in store.contents("in/"))
    region = int(re.search(r"_\d{6}(\d\d)_", changed)[1])
    other = write_granule(tmp_path / "other", 1, 1, region, segments=41)
    store.put(other, "in/")
    assert other.name == changed.removeprefix("in/")
    assert "2 done before, 1 done" in call(*words).stderr
    assert {name for name in near if found(tmp_path / "out").get(name) != near[name]} != set()


def test_one_bad_object_fails_alone_and_is_named(call, store, far, near, tmp_path):
    bad = min(store.contents("in/"))
    store.client.put_object(Bucket=BUCKET, Key=bad, Body=store.contents(bad)[bad][:5000])
    result = call("readatl06", far, f"s3://{BUCKET}/none.h5", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"failed: s3://{BUCKET}/{bad}: is truncated (5000 of " in result.stderr
    assert f"failed: s3://{BUCKET}/none.h5: does not exist" in result.stderr
    stem = bad.removeprefix("in/").removesuffix(".h5")
    kept = {name: data for name, data in near.items() if not name.startswith(stem)}
    assert found(tmp_path / "out") == kept
    failed = [line["input"] for line in journal(tmp_path / "out") if line["status"] == "failed"]
    assert sorted(failed) == [f"s3://{BUCKET}/{bad}", f"s3://{BUCKET}/none.h5"]


def test_a_folder_without_granules_is_wrong_usage(call, tmp_path):
    result = call("readatl06", f"s3://{BUCKET}/void/", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


STEPS = {
    "filter": ("--where", "h_li < 1e9"),
    "reproject": ("-p", "3976"),
    "merge": (),
    "export": (),
    "tile": ("-d", "100"),
    "preview": ("--bare",),
}
OUTPUTS = {"merge": "all.h5", "export": "all.csv", "preview": "map.png"}


@pytest.fixture(scope="module")
def flat(near, tmp_path_factory):
    """Give a folder of some flat files."""
    folder = tmp_path_factory.mktemp("flat")
    for name in sorted(near)[::5]:
        (folder / name).write_bytes(near[name])
    return folder


@pytest.fixture
def flat_far(store, flat):
    for path in flat.glob("*.h5"):
        store.put(path, "flat/")
    return f"s3://{BUCKET}/flat/"


def tree(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {name: data for name, data in found.items() if "_captools" not in name}


@pytest.mark.parametrize("step", STEPS)
def test_every_step_reads_and_writes_there_what_it_does_here(
    call, run, store, flat, flat_far, tmp_path, step
):
    name = OUTPUTS.get(step, "sub")
    here, mixed = tmp_path / "here", tmp_path / "mixed"
    for folder in (here, mixed, tmp_path / "logs"):
        folder.mkdir()
    assert run(step, flat, "-o", here / name, *STEPS[step]).exit_code == 0
    expected = tree(here)
    assert expected != {}
    if step in ("filter", "merge"):  # a map step, and a fold
        result = call(step, flat_far, "-o", mixed / name, *STEPS[step])
        assert result.exit_code == 0, result.stderr
        assert tree(mixed) == expected
    out = f"s3://{BUCKET}/out/{name}"
    journal = () if step in ("merge", "export", "tile", "preview") else ("--journal", tmp_path)
    result = call(step, flat_far, "-o", out, *STEPS[step], *journal)
    assert result.exit_code == 0, result.stderr
    assert there(store) == expected
    printed = {line.removeprefix(f"s3://{BUCKET}/out/") for line in result.stdout.splitlines()}
    assert printed == set(expected)


# --- outputs ----------------------------------------------------------------------


@pytest.fixture
def out():
    return f"s3://{BUCKET}/out"


def test_outputs_in_an_object_store_are_those_of_a_disk(call, store, far, near, out, tmp_path):
    result = call("readatl06", far, "-o", out, "--journal", tmp_path / "log", "-n", 2)
    assert result.exit_code == 0, result.stderr
    assert there(store) == near
    assert result.stdout.splitlines() == sorted(f"{out}/{name}" for name in near)
    assert [path.name for path in (tmp_path / "log").iterdir()] == ["_captools"]
    outputs = [output for line in journal(tmp_path / "log") for output in line["outputs"]]
    assert sorted(outputs) == result.stdout.splitlines()


def test_a_second_run_sends_nothing_and_a_lost_object_is_made_again(
    call, store, far, near, out, tmp_path
):
    words = ("readatl06", far, "-o", out, "--journal", tmp_path / "log")
    first = call(*words)
    times = store.times("out/")
    again = call(*words)
    assert "all done before" in again.stderr
    assert again.stdout == first.stdout
    assert store.times("out/") == times
    store.remove(f"out/{min(near)}")
    assert "2 done before, 1 done" in call(*words).stderr
    assert there(store) == near


def test_changed_options_remove_what_no_longer_comes_about(call, store, far, near, out, tmp_path):
    words = ("readatl06", far, "-o", out, "--journal", tmp_path / "log")
    call(*words, "--split")
    assert any(name.endswith("_A.h5") or name.endswith("_D.h5") for name in there(store))
    assert call(*words).exit_code == 0
    assert there(store) == near


def test_a_failed_input_leaves_no_object(call, store, far, near, out, tmp_path):
    words = ("readatl06", far, "-o", out, "--journal", tmp_path / "log")
    call(*words)
    bad = min(store.contents("in/"))
    store.client.put_object(Bucket=BUCKET, Key=bad, Body=b"nonsense")
    assert call(*words).exit_code == 1
    stem = bad.removeprefix("in/").removesuffix(".h5")
    assert there(store) == {name: d for name, d in near.items() if not name.startswith(stem)}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-o", f"s3://{BUCKET}/out"), "--journal"),
        (("-o", "https://host/out", "--journal", "log"), "is neither on this machine nor s3://"),
        (("-o", "here", "--journal", "log"), "--journal goes with"),
    ],
)
def test_wrong_usage_of_outputs(call, far, tmp_path, monkeypatch, words, why):
    monkeypatch.chdir(tmp_path)
    result = call("readatl06", far, *words)
    assert result.exit_code == 2
    assert why in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_subfolders_by_cycle(call, store, far, near, out, tmp_path):
    other = write_granule(tmp_path / "in", 1, 2, 11, segments=40)
    store.put(other, "in/")
    words = ("readatl06", far, "-o", out, "--journal", tmp_path / "log")
    by_cycle = (*words, "--by", "cycle")
    call(*words)
    assert "4 inputs done before with" in call(*by_cycle, "--layout", "granule").stderr
    assert {name.partition("/")[0] for name in there(store)} == {"cycle_01", "cycle_02"}
    result = call(*by_cycle)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == sorted(f"{out}/{name}" for name in there(store))
    first = {name: data for name, data in there(store).items() if name.startswith("cycle_01/")}
    assert first == {f"cycle_01/{name}": data for name, data in near.items()}
    assert len(there(store)) > len(first)
    times = store.times("out/")
    assert "all done before" in call(*by_cycle).stderr
    assert store.times("out/") == times
    store.remove(max(times))
    assert "3 done before, 1 done" in call(*by_cycle).stderr
    assert set(store.times("out/")) == set(times)
    listed = call("check", f"{out}/")
    assert listed.exit_code == 0
    assert listed.stdout.count(": fine") == len(times)
    call(*words)
    assert not any("/" in name for name in there(store))


def test_a_bucket_that_is_not_there_ends_the_run(call, far, tmp_path):
    result = call("readatl06", far, "-o", "s3://nowhere/out", "--journal", tmp_path / "log")
    assert result.exit_code == 1
    assert "cannot be written (there is no such bucket)" in result.stderr
    assert "not attempted" in result.stderr


def test_parts_of_another_output_are_not_mixed_in(call, store, flat_far, tmp_path):
    out = f"s3://{BUCKET}/out/all.h5"
    assert call("merge", flat_far, "-o", out, "-m", 3).exit_code == 0
    before = there(store)
    result = call("merge", flat_far, "-o", out, "-m", 2)
    assert result.exit_code == 1
    assert "all_02.h5: is of another output" in result.stderr
    assert there(store) == before


def test_cycles_of_another_output_are_not_mixed_in(call, store, tmp_path):
    out = f"s3://{BUCKET}/cycles"
    columns = {"lon": np.zeros(2), "lat": np.zeros(2)}
    files = [write_flat(tmp_path / f"in/{n}.h5", columns, cycle=n) for n in (3, 12)]
    result = call("export", *files, "-o", out, "--by", "cycle")
    assert result.stdout.split() == [f"{out}/cycle={n}/part-0.parquet" for n in (3, 12)]
    assert call("export", *files, "-o", out, "--by", "cycle").exit_code == 0
    before = there(store)
    result = call("export", files[0], "-o", out, "--by", "cycle")
    assert result.exit_code == 1
    assert "cycle=12/part-0.parquet: is of another output" in result.stderr
    assert there(store) == before
    store.put(files[0], "cycles/", bucket=BUCKET)
    result = call("export", *files, "-o", out, "--by", "cycle")
    assert result.exit_code == 1
    assert "cycles/3.h5: is of another output" in result.stderr


def test_killed_at_any_moment_it_goes_on_to_the_same_objects(
    store, far, near, out, tmp_path, monkeypatch
):
    words = ("readatl06", far, "-o", out, "--journal", tmp_path / "log", "-n", 2)
    command = [*COMMAND, *map(str, words)]
    command += ["--endpoint-url", store.endpoint]
    for seconds in (0.9, 1.5):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for name, data in there(store).items():
            assert near[name] == data  # whole or not at all
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert there(store) == near
    assert os.listdir(tmp_path / "log") == ["_captools"]


def test_a_folder_without_its_slash_is_reported(call, far, tmp_path):
    folder = far.rstrip("/")
    for words in (("readatl06", "-o", tmp_path / "out"), ("merge", "-o", "all.h5"), ("check",)):
        result = call(words[0], folder, *words[1:])
        assert result.exit_code == 1
        assert f"{folder}: is a folder: let its address end with /" in result.output


def test_check_reads_all_of_an_object(call, store, granules, granule, tmp_path):
    good = [store.put(path, "in/") for path in sorted(granules.glob("*.h5"))]
    bad = store.put(granule, "in/")
    key = bad.removeprefix(f"s3://{BUCKET}/")
    store.client.put_object(Bucket=BUCKET, Key=key, Body=store.contents(key)[key][:9000])
    result = call("check", f"s3://{BUCKET}/in/", f"s3://{BUCKET}/none.h5")
    assert result.exit_code == 1
    lines = sorted(result.stdout.splitlines())
    fine = ": fine (ATL06 granule, 2 beams"
    assert [line.split(fine)[0] for line in lines if "fine" in line] == good
    wrong = [line for line in lines if "fine" not in line]
    assert wrong[0].startswith(f"{bad}: is truncated (9000 of ")
    assert wrong[1] == f"s3://{BUCKET}/none.h5: does not exist"


def test_data_frames_are_read_there(store, flat, flat_far, monkeypatch):
    from captools.flat.frames import to_dask, to_pandas

    monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
    near, far = (to_pandas(str(place), columns=["h_li", "rgt"]) for place in (flat, flat_far))
    assert far.equals(near)
    assert to_dask(flat_far, columns=["h_li"]).h_li.sum().compute() == near.h_li.sum()


def test_a_server_out_of_reach_costs_no_finished_output(
    call, store, far, near, tmp_path, monkeypatch
):
    (tmp_path / "list.txt").write_text(
        "".join(f"s3://{BUCKET}/{key}\n" for key in store.contents("in/"))
    )
    words = ("readatl06", f"@{tmp_path}/list.txt", "-o", tmp_path / "out")
    assert call(*words).exit_code == 0
    monkeypatch.setattr(store, "endpoint", "http://127.0.0.1:1")
    again = call(*words)
    assert again.exit_code == 0
    assert again.stderr.count("taken as unchanged") == 1
    assert found(tmp_path / "out") == near


@pytest.mark.parametrize(("step", "name"), [("merge", "all.h5"), ("preview", "map.png")])
def test_a_server_out_of_reach_ends_a_reduce_step_at_the_first_input(
    call, store, flat_far, tmp_path, monkeypatch, step, name
):
    urls = [f"s3://{BUCKET}/{key}" for key in store.contents("flat/")]
    (tmp_path / "list.txt").write_text("\n".join(urls))
    monkeypatch.setattr(store, "endpoint", "http://127.0.0.1:1")
    monkeypatch.setenv("CAPTOOLS_PAUSE", "0.01")
    result = call(step, f"@{tmp_path}/list.txt", "-o", tmp_path / name, "--skip-bad")
    assert result.exit_code == 1
    assert len(urls) > 1
    (line,) = [line for line in result.stderr.splitlines() if "cannot be reached" in line]
    assert line.startswith(f"error: {urls[0]}: cannot be reached")
    assert not (tmp_path / name).exists()


def test_parts_of_a_larger_output_are_seen_whatever_their_numbers(call, flat_far):
    out = f"s3://{BUCKET}/out/all.h5"
    assert call("merge", flat_far, "-o", out, "-m", 12).exit_code == 0
    for parts in (2, 10):
        result = call("merge", flat_far, "-o", out, "-m", parts)
        assert result.exit_code == 1
        assert "is of another output" in result.stderr


def test_an_input_named_otherwise_is_still_the_input(call, store, flat_far, flat, tmp_path):
    before = store.contents("flat/")
    folder = flat_far.rstrip("/")
    again = call("filter", folder.replace("s3:", "s3a:") + "/", "-o", folder, "--journal", tmp_path)
    assert again.exit_code == 2
    assert "is the folder of an input" in again.stderr
    assert call("filter", f"file://{flat}/", "-o", f"file://{flat}", "-q").exit_code == 2
    assert store.contents("flat/") == before


def test_older_s3fs_finds_outputs_too(call, store, far, near, out, tmp_path, monkeypatch):
    find = S3FileSystem.find

    def strict(self, path, maxdepth=None, prefix="", **more):
        assert not (maxdepth and prefix)
        return find(self, path, maxdepth=maxdepth, prefix=prefix, **more)

    monkeypatch.setattr(S3FileSystem, "find", strict)
    store.put(Path(__file__), "out/deeper/")
    assert call("readatl06", far, "-o", out, "--journal", tmp_path / "log").exit_code == 0
    again = call("readatl06", far, "-o", out, "--journal", tmp_path / "log", "--overwrite")
    assert again.exit_code == 0
    assert {name for name in there(store) if "/" not in name} == set(near)


def test_what_a_lost_input_left_is_removed_where_it_is(store, tmp_path):
    # In a worker of dask that has done no input yet.
    key = store.put(Path(__file__), "out/").removeprefix("s3://")
    folder = RemoteFolder(Url(f"s3://{BUCKET}/out"), tmp_path)
    access = Access(endpoint_url=store.endpoint)
    task = Task(print, lambda name: [Path(key).name], folder, {}, 1, access)
    remote.use(Access(endpoint_url="http://127.0.0.1:1"))
    assert task.lost("a.h5", "was lost").outcome.status == "failed"
    assert there(store) == {}
