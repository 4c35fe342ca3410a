"""Runs with other options in one folder: refused, and harmless where that does not help."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from straightforward import read_flat

from captools.errors import FolderError
from captools.io.atomic import PRIVATE, temporary_name
from captools.run import presence
from captools.run.presence import STALE_SECONDS, Presence


def files_in(outdir):
    return sorted(os.listdir(outdir / PRIVATE))


def leave(outdir, options, age, host="node17-0a1b2c3d", pid=1):
    """Leave the file of a run of a process that was last seen so many seconds ago."""
    (outdir / PRIVATE).mkdir(parents=True, exist_ok=True)
    path = outdir / PRIVATE / f".toy.{options}.run.{host}-{pid}-0a1b2c3d.part"
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_run_with_other_options_is_refused_and_then_not(tmp_path):
    with Presence(tmp_path, "toy", "a"):
        there = files_in(tmp_path)
        assert len(there) == 1
        with (
            pytest.raises(ValueError, match="toy is at work there with other options") as caught,
            Presence(tmp_path, "toy", "b"),
        ):
            pass
        assert str(tmp_path / PRIVATE / there[0]) in str(caught.value)
        assert files_in(tmp_path) == there
        with Presence(tmp_path, "toy", "a"), Presence(tmp_path, "filter", "b"):
            assert len(files_in(tmp_path)) == 3
    with Presence(tmp_path, "toy", "b"):
        pass
    assert files_in(tmp_path) == []


def test_a_run_of_another_host_counts_as_long_as_it_shows_that_it_lives(tmp_path):
    leave(tmp_path, "a", STALE_SECONDS - 60)
    with pytest.raises(ValueError, match="other options"), Presence(tmp_path, "toy", "b"):
        pass
    gone = leave(tmp_path, "a", STALE_SECONDS + 60)
    with Presence(tmp_path, "toy", "b"):
        assert not gone.exists()


def test_a_dead_run_of_this_host_does_not_count(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    host = temporary_name("x").rpartition(f"-{os.getpid()}-")[0].removeprefix(".x.")
    leave(tmp_path, "a", 0, host, process.pid)
    with Presence(tmp_path, "toy", "b"):
        assert len(files_in(tmp_path)) == 1


def test_the_files_of_runs_with_the_same_options_are_not_looked_at(tmp_path, monkeypatch):
    others = [("toy.a.run", False, object()), ("filter.b.run", False, object())]
    monkeypatch.setattr(presence, "temporaries", lambda folder: others)
    with Presence(tmp_path, "toy", "a"):
        pass
    with pytest.raises(AttributeError), Presence(tmp_path, "toy", "b"):  # one has no time
        pass


def test_a_run_that_was_suspended_ends_if_another_took_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.0)
    with Presence(tmp_path, "toy", "a") as first:
        os.utime(first._path, (1, 1))
        first.beat()
        assert first._path.stat().st_mtime > 1
        os.utime(first._path, (1, 1))
        with Presence(tmp_path, "toy", "b"):
            with pytest.raises(FolderError, match="other options"):
                first.beat()
            first._path.unlink()
        first.beat()  # alone again
        assert files_in(tmp_path) == [first._path.name]


def test_a_folder_that_has_vanished_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(presence, "BEAT_SECONDS", 0.0)
    with Presence(tmp_path / "out", "toy", "a") as first:
        os.rename(tmp_path / "out", tmp_path / "elsewhere")
        first.beat()
    assert not (tmp_path / "out").exists()


STOPPED = """
import os, signal, sys
from captools.cli import main
from captools.run.journal import Journal
append = Journal.append
def stop_first(journal, outcome):
    os.kill(os.getpid(), signal.SIGSTOP)
    append(journal, outcome)
Journal.append = stop_first
main(sys.argv[1:])
"""


def test_a_run_stopped_before_its_journal_line_takes_no_files_of_another_for_its_own(
    tmp_path, run, granule
):
    out = tmp_path / "out"
    words = ["readatl06", str(granule), "-o", str(out)]
    assert run("readatl06", granule, "-o", tmp_path / "right").exit_code == 0
    right = {path.name: path.read_bytes() for path in (tmp_path / "right").glob("*.h5")}
    with subprocess.Popen([sys.executable, "-c", STOPPED, *words]) as first:
        try:
            os.waitpid(first.pid, os.WUNTRACED)
            assert {path.name: path.read_bytes() for path in out.glob("*.h5")} == right
            other = run(*words, "--quality", "all")
            assert (other.exit_code, "at work there with other options" in other.stderr) == (
                2,
                True,
            )
            (there,) = (out / PRIVATE).glob(".readatl06.*")
            os.utime(there, (1, 1))  # hours later
            assert run(*words, "--quality", "all").exit_code == 0
            assert {path.name: path.read_bytes() for path in out.glob("*.h5")} != right
        finally:
            first.send_signal(signal.SIGCONT)
        assert first.wait(60) == 0
    newest = json.loads((out / PRIVATE / "readatl06.jsonl").read_text().splitlines()[-1])
    assert newest["status"] == "done"
    again = run(*words)
    assert again.exit_code == 0
    assert {path.name: path.read_bytes() for path in out.glob("*.h5")} == right
    assert sum(len(read_flat(path)["h_li"]) for path in out.glob("*.h5")) == newest["rows_out"]
