"""Reduce steps on the command line: all inputs into one output, or a word about why not."""

import os
import re
import resource
import shutil
import signal
import string
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import h5py
import numpy as np
import psutil
import pytest
from flatfiles import damage, random_columns, sources_of, truncate, write_flat
from objectstore import BUCKET, object_store
from processes import call, call_on_terminal, start

from captools import process, progress
from captools.errors import FolderError
from captools.io import remote, retrying
from captools.io.address import Url
from captools.io.atomic import Outputs, temporary_name
from captools.io.remote import Access
from captools.run.reduce import _listed, _send


@pytest.fixture
def files(tmp_path):
    """Five files of compressed columns."""
    return [
        write_flat(
            tmp_path / "in" / f"{k}.h5", random_columns(10, int(k)), "gzip", source=f"{k}.h5"
        )
        for k in "12345"
    ]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Give a folder of files that take seconds to merge."""
    folder = tmp_path_factory.mktemp("many")
    first = write_flat(folder / "0.h5", random_columns(200_000, 0), "gzip")
    for number in range(1, 40):
        os.link(first, folder / f"{number}.h5")
    return folder


# --- inputs -------------------------------------------------------------------------


def test_every_bad_input_is_named_with_its_reason(run, files, tmp_path):
    bad = [truncate(files[0]), damage(files[2]), tmp_path / "absent.h5", tmp_path / "page.h5"]
    bad[3].write_text("<html>")
    result = run("merge", tmp_path / "in", *bad[2:], "-o", tmp_path / "out.h5")
    assert (result.exit_code, result.stdout) == (1, "")
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 4
    reasons = ("is truncated", "h_li: cannot be read", "does not exist", "is a web page")
    for path, reason in zip(bad, reasons, strict=True):
        assert sum(line.startswith(f"failed: {path}: {reason}") for line in failed) == 1
    assert result.stderr.splitlines()[4:] == [
        "no output: 4 of 7 inputs are bad (--skip-bad leaves them out)"
    ]
    assert sorted(os.listdir(tmp_path)) == ["in", "page.h5"]


def test_kinds_of_bad_inputs_beyond_those_shown_are_counted(run, tmp_path):
    kinds = string.ascii_lowercase
    for kind in kinds:
        write_flat(tmp_path / "in" / f"{kind}.h5", {"lat": np.zeros(1)})
        with h5py.File(tmp_path / "in" / f"{kind}.h5", "a") as file:
            file[f"of_{kind}"] = np.zeros(2)
            file["lon"] = np.zeros(3)
    stderr = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5").stderr
    shown = [line for line in stderr.splitlines() if line.startswith("failed: ")]
    assert 0 < len(shown) < len(kinds)
    said = sum(int(re.search(r"(?<=\()\d+(?= more)|$", line)[0] or 0) + 1 for line in shown)
    left = re.search(r"warning: (\d+) further kinds? of messages", stderr)
    assert said + int(left[1] if left else 0) == len(kinds)


def test_one_is_not_many(run, tmp_path):
    (tmp_path / "page.h5").write_text("<html>")
    write_flat(tmp_path / "in" / "a.h5", {"lat": np.zeros(1)})
    alone = run("merge", tmp_path / "page.h5", "-o", tmp_path / "out.h5").stderr
    assert "no output: 1 of 1 input is bad (" in alone
    words = ("merge", tmp_path / "page.h5", tmp_path / "in", "-o", tmp_path / "out.h5")
    assert "no output: 1 of 2 inputs is bad (" in run(*words).stderr
    skipped = run(*words, "--skip-bad").stderr
    assert "warning: 1 bad input left out" in skipped
    assert "1 row in, 1 row out" in skipped


def test_quiet_names_bad_inputs_all_the_same(run, files, tmp_path):
    truncate(files[0])
    result = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5", "-q")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"failed: {files[0]}: is truncated")


def test_skip_bad_makes_the_same_as_without_the_bad_ones(run, files, tmp_path):
    good = [files[1], files[3], files[4]]
    run("merge", *good, "-o", tmp_path / "good.h5")
    truncate(files[0])
    damage(files[2])
    result = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5", "--skip-bad")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'out.h5'}\n")
    assert "warning: 2 bad inputs left out (--skip-bad)" in result.stderr
    assert "30 rows in, 30 rows out" in result.stderr
    assert (tmp_path / "out.h5").read_bytes() == (tmp_path / "good.h5").read_bytes()


def test_skip_bad_with_only_bad_ones_makes_nothing(run, files, tmp_path):
    for path in files:
        truncate(path)
    (tmp_path / "out.h5").write_text("old")
    result = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5", "--skip-bad")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no output: 5 of 5 inputs are bad" in result.stderr
    assert (tmp_path / "out.h5").read_text() == "old"


def test_inputs_are_merged_in_the_order_of_their_names_each_once(run, files, tmp_path):
    turned = "".join(f"{path}\n" for path in reversed(files))
    result = run("merge", "-", tmp_path / "in", "-o", tmp_path / "out.h5", input=turned)
    assert result.exit_code == 0
    assert sources_of(tmp_path / "out.h5") == [f"{k}.h5" for k in "12345"]


@pytest.mark.parametrize("given", ["", "\n\n"])
def test_an_empty_list_on_standard_input_makes_nothing(run, tmp_path, given):
    result = run("merge", "-", "-o", tmp_path / "new" / "out.h5", input=given)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no inputs: nothing to do\n"
    assert os.listdir(tmp_path) == []


def test_names_need_not_be_utf8(files, tmp_path):
    odd = os.fsencode(tmp_path) + b"/in/\xff.h5"
    os.rename(files[0], odd)
    words = [sys.executable, "-c", "from captools.cli import main; main()", "merge", odd]
    out = os.fsencode(tmp_path) + b"/\xfe.h5"
    ended = subprocess.run([*words, "-o", out], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, out + b"\n")


# --- outputs ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["plain", "relative", "link"])
def test_an_output_that_is_an_input_is_wrong_usage(run, files, tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.h5").symlink_to(files[1])
    output = {"plain": files[1], "relative": "in/../in/2.h5", "link": "link.h5"}[how]
    before = {path: path.read_bytes() for path in files}
    result = run("merge", "in", "-o", output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"output {output} is one of the inputs" in result.stderr
    assert {path: path.read_bytes() for path in files} == before


def test_folders_of_the_output_are_made(run, files, tmp_path):
    result = run("merge", *files, "-o", tmp_path / "a" / "b" / "out.h5")
    assert result.exit_code == 0
    assert (tmp_path / "a" / "b" / "out.h5").is_file()


def test_an_output_that_is_a_folder_is_reported(run, files, tmp_path):
    (tmp_path / "out.h5").mkdir()
    result = run("merge", *files, "-o", tmp_path / "out.h5")
    assert result.exit_code in (1, 2)
    assert f"{tmp_path / 'out.h5'}" in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["in", "out.h5"]
    assert os.listdir(tmp_path / "out.h5") == []


def test_a_full_disk_leaves_nothing(many, tmp_path):
    for words in ([], ["--sort"]):
        ended = call(
            *("merge", many / "0.h5", "-o", tmp_path / "out.h5", *words),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000)),
            # What measures the coverage of the tests would hit the limit too.
            env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        )
        assert (ended.code, ended.stdout) == (1, ""), words
        assert "File too large" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
        assert os.listdir(tmp_path) == []


# --- outputs in an object store -----------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with object_store() as store:
        yield store


@pytest.fixture
def store(server):
    """Give an empty bucket."""
    yield server
    server.remove()
    remote.use(Access())


EARLIER = {  # what is there before; what is said when the second of three files cannot be sent
    "nothing": ([], ""),
    "a set": ([0, 1, 2], "replaced: all_00.h5; still of an earlier run: all_01.h5, all_02.h5\n"),
    "some": ([1, 2], "replaced: none; still of an earlier run: all_01.h5, all_02.h5\n"),
}


@pytest.mark.parametrize("earlier", EARLIER)
@pytest.mark.parametrize("error", [FolderError, KeyboardInterrupt])
def test_a_set_that_cannot_be_sent_costs_nothing_that_was_there(
    run, files, store, monkeypatch, earlier, error
):
    numbers, said = EARLIER[earlier]
    before = {f"out/all_0{number}.h5": b"old" for number in numbers}
    for key, data in before.items():
        store.client.put_object(Bucket=BUCKET, Key=key, Body=data)
    put = remote.put

    def fail(path, url):
        put(path, url)
        if url.name == "all_01.h5":
            for key in before.keys() & {"out/all_01.h5"}:
                store.client.put_object(Bucket=BUCKET, Key=key, Body=b"old")
            raise error(f"{url}: cannot be written")

    words = ("merge", *files, "-m", 3, "-o", f"s3://{BUCKET}/out/all.h5")
    words += ("--endpoint-url", store.endpoint)
    monkeypatch.setattr(remote, "put", fail)
    result = run(*words)
    assert (result.exit_code, result.stdout) == (1 if error is FolderError else 130, "")
    assert result.stderr.partition("error: ")[0].partition("interrupted")[0] == said
    there = store.contents("out/")
    assert there.keys() == before.keys()
    changed = [key for key in before if there[key] != b"old"]
    assert changed == ["out/all_00.h5"] * (0 in numbers)
    monkeypatch.setattr(remote, "put", put)
    assert run(*words).exit_code == 0
    assert b"old" not in store.contents("out/").values()


def test_only_some_of_many_are_named():
    assert _listed([f"{number}" for number in range(25)]).endswith(", 18, 19 and 5 more")


# --- how it goes --------------------------------------------------------------------


def wait_until(condition):
    """Wait for something that will come, though not for ever."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("options", [[], ["--sort"], ["-m", 3]])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_the_middle_leaves_nothing(many, tmp_path, options, number, code):
    names = {"out.h5", "out_00.h5"}
    for name in names:
        (tmp_path / name).write_text("old")
    with start("merge", many, "-o", tmp_path / "out.h5", *options) as process:
        wait_until(lambda: set(os.listdir(tmp_path)) != names)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (code, "")
    assert "Traceback" not in stderr
    assert set(os.listdir(tmp_path)) == names
    assert {(tmp_path / name).read_text() for name in names} == {"old"}


@pytest.mark.parametrize("options", [[], ["--sort"]])
def test_what_a_killed_run_left_is_swept_by_the_next(run, files, many, tmp_path, options):
    (tmp_path / "out").mkdir()
    with start("merge", many, "-o", tmp_path / "out" / "out.h5", *options) as process:
        wait_until(lambda: os.listdir(tmp_path / "out"))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    psutil.wait_procs(family, timeout=30)  # they follow it
    left = os.listdir(tmp_path / "out")
    assert all(name.endswith(".part") for name in left)
    assert left != []
    result = run("merge", *files, "-o", tmp_path / "out" / "out.h5")
    assert result.exit_code == 0, result.stderr
    assert os.listdir(tmp_path / "out") == ["out.h5"]


def test_what_another_run_is_writing_stays(run, files, tmp_path):
    (tmp_path / "out").mkdir()
    other = tmp_path / "out" / temporary_name("other.h5")
    other.touch()
    run("merge", *files, "-o", tmp_path / "out" / "out.h5")
    assert sorted(os.listdir(tmp_path / "out")) == [other.name, "out.h5"]


def test_a_terminal_gets_a_bar_that_goes_away(files, tmp_path):
    ended = call_on_terminal("stderr", "merge", *files, "-o", tmp_path / "out.h5")
    assert ended.code == 0
    assert re.search(r"\| [0-5]/5 \[", ended.stderr)
    lines = ended.stderr.replace("\r\n", "\n").rstrip("\n").split("\n")
    assert [line.rsplit("\r", 1)[-1] for line in lines] == ["50 rows in, 50 rows out"]
    assert ended.stdout == f"{tmp_path / 'out.h5'}\n"


def test_a_log_gets_lines(run, files, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)
    result = run("merge", *files, "-o", tmp_path / "out.h5")
    lines = result.stderr.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        *(f"{number} of 5 inputs ended" for number in range(1, 6)),
        "50 rows in",
    ]


def test_warnings_are_lines_of_the_log(run, tmp_path):
    for version in (1, 2):
        source = f"ATL06_20190101001723_00540210_006_0{version}.h5"
        write_flat(tmp_path / "in" / source, random_columns(3, 0), source=source)
    result = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        "warning: rows are counted twice: 1 granule comes more than once"
    )
    quiet = run("merge", tmp_path / "in", "-o", tmp_path / "out.h5", "-q")
    assert quiet.stderr == ""


def test_from_a_bare_checkout_it_is_the_same_command(files, tmp_path):
    script = Path(__file__).parents[2] / "bin" / "merge.py"
    if not script.is_file():
        pytest.skip("no script of it yet")
    shutil.copytree(tmp_path / "in", tmp_path / "copy")
    words = [sys.executable, script, "copy", "-o", "out.h5"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "out.h5\n")


def test_a_set_that_is_interrupted_leaves_nothing_new(tmp_path, monkeypatch):
    written = Outputs(tmp_path / f"all_{number}.h5" for number in range(4))
    for path in written:
        path.write_bytes(b"x")
    put, sent = remote.put, []

    def interrupted(path, url):
        sent.append(url)
        if len(sent) == 3:
            with process.waiting():
                signal.raise_signal(signal.SIGINT)
        put(path, url)

    monkeypatch.setattr(remote, "put", interrupted)
    monkeypatch.setattr(retrying, "PAUSE_SECONDS", 0.01)
    with process.interruptible(), pytest.raises(KeyboardInterrupt):
        _send(written, tmp_path / "all.h5", Url("memory://interrupted/all.h5"))
    assert len(sent) == 3
    assert fsspec.filesystem("memory").find("/interrupted") == []
