"""The report on an output folder."""

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from processes import COMMAND

from captools import report
from captools.io.atomic import PRIVATE
from captools.run.journal import Outcome


def write_lines(outdir, name, *outcomes):
    folder = outdir / PRIVATE
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"".join(one.line() for one in outcomes))


def outcome(path, status, second=0, **more):
    ended = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    return Outcome(path, status, ended=ended.isoformat(timespec="microseconds"), **more)


@pytest.fixture
def folder(tmp_path):
    """An output folder of two steps, one in two shards, with inputs done again."""
    write_lines(
        tmp_path,
        "readatl06-0-of-2.jsonl",
        outcome("/d/c.h5", "failed", 1, error="/d/c.h5: is empty (0 bytes)", seconds=0.25),
        outcome("/d/a.h5", "failed", 2, error="/d/a.h5: is truncated", seconds=0.5),
    )
    write_lines(
        tmp_path,
        "readatl06-1-of-2.jsonl",
        outcome("/d/b.h5", "empty", 3, rows_in=1_000, seconds=1.0),
        outcome("/d/d.h5", "failed", 3, error="/d/d.h5: gt1l: is damaged", seconds=1.0),
        outcome("/d/d.h5", "failed", 4, error="/d/d.h5: gt2r: is damaged", seconds=1.0),
    )
    done = {"outputs": ["/o/a_gt1l.h5", "/o/a_gt2r.h5"], "warnings": ["one", "two"]}
    write_lines(
        tmp_path,
        "readatl06.jsonl",
        outcome("/d/a.h5", "done", 5, rows_in=2_000_000, rows_out=1_500_000, seconds=2.0, **done),
    )
    write_lines(tmp_path, "filter.jsonl", outcome("/o/a_gt1l.h5", "done", 6, outputs=["/f/a.h5"]))
    return tmp_path


def table(text, rows):
    """The rows of a report's table, by step: numbers by the headings of their columns."""
    header, *lines = (re.split("  +", line) for line in text.splitlines()[: rows + 1])
    return {step: dict(zip(header[1:], numbers, strict=True)) for step, *numbers in lines}


def test_the_report_adds_up_the_newest_line_of_every_input_by_step(run, folder):
    result = run("report", folder)
    assert result.exit_code == 1  # for those that failed
    assert result.stderr == ""
    steps = table(result.stdout, rows=2)
    assert list(steps) == ["filter", "readatl06"]
    assert steps["readatl06"] == {
        "inputs": "4",
        "done": "1",
        "empty": "1",
        "failed": "2",
        "rows in": "2,001,000",
        "rows out": "1,500,000",
        "files": "2",
        "processor s": "4.2",  # 0.25 + 2 + 1 + 1
        "elapsed s": "4.2",  # the first began 0.25 s before it ended at 1 s, the last ended at 5 s
        "inputs/s": "0.94",
    }
    assert steps["filter"]["done"] == steps["filter"]["files"] == "1"


def test_the_report_gives_the_newest_reason_of_every_failed_input(run, folder):
    lines = run("report", folder).stdout.splitlines()[3:]
    assert sorted(line for line in lines if line.startswith("failed: ")) == [
        "failed: gt2r: is damaged (/d/d.h5)",
        "failed: is empty (# bytes) (/d/c.h5)",
    ]


def test_the_report_names_the_inputs_that_took_longest(run, folder):
    lines = run("report", folder).stdout.splitlines()[3:]
    slowest = [line for line in lines if line.startswith("slowest: ") and "/d/" in line]
    assert slowest == [
        "slowest: 2.00 s /d/a.h5",
        "slowest: 1.00 s /d/d.h5",
        "slowest: 1.00 s /d/b.h5",
        "slowest: 0.25 s /d/c.h5",
    ]


def test_the_report_says_which_of_a_list_were_never_attempted(run, folder, tmp_path):
    words = ["/elsewhere/a.h5", "/d/b.h5", "/d/new.h5"]
    lines = run("report", folder, *words).stdout.splitlines()
    assert [line for line in lines if line.startswith("never")] == ["never attempted: /d/new.h5"]


def test_the_exit_code_says_whether_all_that_was_wanted_is_done(run, tmp_path):
    write_lines(tmp_path, "filter.jsonl", outcome("/d/a.h5", "done"), outcome("/d/b.h5", "empty"))
    assert run("report", tmp_path).exit_code == 0
    assert run("report", tmp_path, "/d/a.h5", "/d/b.h5").exit_code == 0
    assert run("report", tmp_path, "/d/a.h5", "/d/c.h5").exit_code == 1
    failed = run("report", tmp_path, "/d/a.h5", "/d/c.h5", "--failed")
    assert (failed.exit_code, failed.stdout, failed.stderr) == (1, "/d/c.h5\n", "")


def test_shards_without_a_journal_are_named(run, tmp_path):
    for number in (0, 2, 5):
        write_lines(tmp_path, f"filter-{number}-of-6.jsonl", outcome(f"/d/{number}.h5", "done"))
    for number in (0, 1):
        write_lines(tmp_path, f"read-{number}-of-2.jsonl", outcome(f"/d/{number}.h5", "done"))
    said = "warning: no journal of filter for shards 1,3,4 of 6\n"
    assert run("report", tmp_path).stderr == said
    assert run("report", tmp_path, "/d/0.h5", "/d/9.h5").stderr == said
    write_lines(tmp_path, "filter-3-of-6.jsonl", outcome("/d/3.h5", "done"))
    write_lines(tmp_path, "filter-4-of-6.jsonl", outcome("/d/4.h5", "done"))
    one = "warning: no journal of filter for shard 1 of 6\n"
    assert run("report", tmp_path).stderr == one
    # A share can be empty: all that was wanted is there.
    assert run("report", tmp_path, "/d/0.h5", "/d/2.h5").stderr == ""


def test_an_input_of_one_name_in_two_folders_and_two_runs_counts_once(run, tmp_path):
    write_lines(
        tmp_path,
        "readatl06.jsonl",
        outcome("/d/a.h5", "done", 1, outputs=["/o/a_gt1l.h5"], rows_in=10),
        outcome("/e/a.h5", "done", 2, outputs=["/o/a_gt1l.h5", "/o/a_gt2r.h5"], rows_in=20),
    )
    counts = table(run("report", tmp_path).stdout, rows=1)["readatl06"]
    assert [counts[name] for name in ("inputs", "done", "rows in", "files")] == [
        "1",
        "1",
        "20",
        "2",
    ]


def test_failed_inputs_whose_names_are_no_utf_8_can_be_fed_back(granules, tmp_path):
    bad = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.h5"))
    bad.touch()
    places = {"cwd": tmp_path, "capture_output": True, "timeout": 60}
    first = subprocess.run([*COMMAND, "readatl06", bad, "-o", "out"], **places)
    assert (first.returncode, first.stdout) == (1, b"")
    assert b"Traceback" not in first.stderr
    assert b"is empty" in first.stderr
    ended = subprocess.run([*COMMAND, "report", "out"], **places)
    assert ended.returncode == 1, ended.stderr
    failed = subprocess.run([*COMMAND, "report", "out", "--failed"], **places)
    assert (failed.returncode, failed.stdout) == (1, os.fsencode(bad) + b"\n")
    bad.write_bytes(next(granules.iterdir()).read_bytes())  # fetched again
    again = subprocess.run([*COMMAND, "readatl06", "-", "-o", "out"], input=failed.stdout, **places)
    assert again.returncode == 0, again.stderr
    assert [line.split(b"_gt")[0] for line in again.stdout.splitlines()] == [b"out/caf\xe9"] * 2
    assert all(map(os.path.exists, (tmp_path / os.fsdecode(one) for one in again.stdout.split())))


def test_the_columns_of_the_table_are_aligned(run, folder):
    header, first, second = run("report", folder).stdout.splitlines()[:3]
    assert len(header) == len(first) == len(second)


def test_the_failed_inputs_are_printed_one_path_per_line(run, folder):
    result = run("report", folder, "--failed")
    assert (result.exit_code, result.stdout) == (1, "/d/c.h5\n/d/d.h5\n")
    assert result.stderr == ""


def test_the_failed_inputs_can_be_fed_back(run, granules, tmp_path):
    bad = tmp_path / "bad.h5"
    bad.touch()
    out = tmp_path / "out"
    assert run("readatl06", granules, bad, "-o", out).exit_code == 1
    bad.write_bytes(next(granules.iterdir()).read_bytes())  # fetched again
    failed = run("report", out, "--failed").stdout
    assert failed == f"{bad}\n"
    again = run("readatl06", "-", "-o", out, input=failed)
    assert again.exit_code == 0
    assert len(again.stdout.splitlines()) == 2
    assert run("report", out, "--failed").stdout == ""
    counts = table(run("report", out).stdout, rows=1)["readatl06"]
    assert (counts["inputs"], counts["done"], counts["failed"]) == ("4", "4", "0")


def test_nothing_failed_is_an_empty_list_to_feed_back(run, granules, tmp_path):
    run("readatl06", granules, "-o", tmp_path / "out")
    again = run("readatl06", "-", "-o", tmp_path / "new", input="")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "nothing to do" in again.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", ["", "nowhere"])
def test_a_folder_without_journal_is_wrong_usage_and_left_as_it_is(run, tmp_path, place):
    result = run("report", tmp_path / place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no journal there" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_from_python_a_report_is_its_lines(folder):
    assert list(report(str(folder), failed=True)) == ["/d/c.h5", "/d/d.h5"]
