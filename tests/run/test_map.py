"""A run of a map step: resume, stale outputs, what ends it, what is said and printed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import toy
from toy import write_inputs

from captools import report
from captools.io.atomic import PRIVATE, temporary_name
from captools.run.journal import lines, records
from captools.run.map import run_map

NAME = "ATL06_20190416093911_02770303_002_01"


@dataclass
class Ran:
    code: int
    outputs: list[str]
    said: list[str]

    @property
    def text(self):
        return "\n".join(self.said)


@pytest.fixture
def go(tmp_path, log, capsys, monkeypatch):
    """A function that runs the toy step over words (by default the folder in/) into out/."""

    def call(*words, version=1, jobs=1, outdir=tmp_path / "out", **more):
        monkeypatch.setattr(toy, "VERSION", version)
        words = tuple(map(str, words or [tmp_path / "in"]))
        usual = {"engine": "local", "scheduler": None, "timeout": None}
        usual |= {"shard": None, "overwrite": False, "fail_fast": False}
        log.clear()
        more = usual | {"words": words, "outdir": Path(outdir), "jobs": jobs} | more
        code = run_map(toy.toy, toy, **more)
        return Ran(code, capsys.readouterr().out.splitlines(), log.messages[:])

    return call


def outputs_in(folder):
    """The outputs in a folder and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.h5")}


def inputs(tmp_path, **texts):
    return write_inputs(tmp_path / "in", **texts)


# --- resume ---------------------------------------------------------------------


def test_a_second_run_does_nothing_and_says_so(tmp_path, go):
    inputs(tmp_path, a="write 2", b="nothing", c="write 1")
    first = go()
    before = outputs_in(tmp_path / "out")
    second = go()
    assert (first.code, second.code) == (0, 0)
    assert outputs_in(tmp_path / "out") == before
    assert second.said == ["3 inputs, all done before: nothing to do"]
    # A pipeline sees the whole, done earlier or not.
    expected = [f"{tmp_path}/out/{name}.h5" for name in ("a_0", "a_1", "c_0")]
    assert first.outputs == second.outputs == expected


REDONE = {
    "another option": lambda tmp_path: {"only": 5},
    "another version of the step": lambda tmp_path: {"version": 2},
    "--overwrite": lambda tmp_path: {"overwrite": True},
    "a touched input": lambda tmp_path: os.utime(tmp_path / "in/a.h5", ns=(1, 1)),
    "a missing output": lambda tmp_path: (tmp_path / "out/a_1.h5").unlink(),
}


@pytest.mark.parametrize("change", REDONE)
def test_what_makes_an_input_be_done_again(tmp_path, go, change):
    inputs(tmp_path, a="write 2")
    go()
    for path in (tmp_path / "out").glob("*.h5"):
        os.utime(path, ns=(1, 1))
    ran = go(**REDONE[change](tmp_path) or {})
    assert ran.code == 0
    assert ran.said[-1] == "1 input: 1 done, 0 empty, 0 failed; 2 of 20 rows kept"
    otherwise = "warning: 1 input done before with other options, or changed since: "
    has_changed = change not in ("--overwrite", "a missing output")
    said = [otherwise + "2 outputs replaced"] * has_changed
    if change == "a missing output":
        said = ["warning: outputs of 1 input are missing, or not as they were written: done again"]
    assert ran.said[:-1] == said
    written = outputs_in(tmp_path / "out")
    assert sorted(written) == ["a_0.h5", "a_1.h5"]
    assert 1 not in written.values()


def test_a_folder_of_other_options_is_said_to_be_replaced_before_it_is(tmp_path, go):
    inputs(tmp_path, a="write 3", b="write 2", c="nothing", d="damaged")
    go()
    ran = go(only=1)
    (warning,) = [line for line in ran.said if line.startswith("warning: ")]
    assert warning == (
        "warning: 3 inputs done before with other options, or changed since: 5 outputs replaced"
    )
    assert ran.said.index(warning) == 0
    assert sorted(outputs_in(tmp_path / "out")) == ["a_0.h5", "b_0.h5"]


def test_files_of_another_origin_in_the_folder_are_named_once(tmp_path, go):
    inputs(tmp_path, a="write 1")
    for name in ("a_0.h5", "tile_1.h5", "tile_2.h5"):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / name).touch()
    said = go().said
    assert [line.partition(" out/")[0] for line in said if "warning" in line] == [
        f"warning: output folder {tmp_path}/out holds 2 files of another origin, such as "
        "tile_1.h5: steps will take all in it for one set"
    ]
    assert not any("origin" in line for line in go().said)


def test_only_what_changed_is_done_again(tmp_path, go):
    inputs(tmp_path, a="write 1", b="write 1")
    go()
    before = outputs_in(tmp_path / "out")
    os.utime(tmp_path / "in/b.h5", ns=(1, 1))
    inputs(tmp_path, c="write 1")
    ran = go()
    assert ran.said == ["3 inputs: 1 done before, 2 done, 0 empty, 0 failed; 2 of 20 rows kept"]
    after = outputs_in(tmp_path / "out")
    assert after["a_0.h5"] == before["a_0.h5"]
    assert after["b_0.h5"] != before["b_0.h5"]


def test_a_failed_input_is_tried_again(tmp_path, go):
    inputs(tmp_path, a="damaged")
    assert go().code == 1
    assert go().code == 1
    inputs(tmp_path, a="write 1")
    assert go().code == 0


def test_done_is_done_when_the_output_folder_has_moved(tmp_path, go):
    inputs(tmp_path, a="write 1")
    go()
    os.rename(tmp_path / "out", tmp_path / "moved")
    ran = go(outdir=tmp_path / "moved")
    assert "nothing to do" in ran.text
    assert ran.outputs == [f"{tmp_path}/moved/a_0.h5"]


def test_outputs_that_no_longer_come_about_are_removed(tmp_path, go):
    inputs(tmp_path, a="write 3", b="write 2")
    go()
    ran = go(only=1)
    assert sorted(outputs_in(tmp_path / "out")) == ["a_0.h5", "b_0.h5"]
    assert ran.outputs == [f"{tmp_path}/out/a_0.h5", f"{tmp_path}/out/b_0.h5"]


@pytest.mark.parametrize("text", ["nothing", "damaged", "bug"])
def test_an_input_that_now_fails_or_is_empty_loses_its_earlier_outputs(tmp_path, go, text):
    inputs(tmp_path, a="write 2", b="write 1")
    go()
    inputs(tmp_path, a=text)
    ran = go()
    assert sorted(outputs_in(tmp_path / "out")) == ["b_0.h5"]
    assert ran.outputs == [f"{tmp_path}/out/b_0.h5"]


def test_outputs_of_inputs_that_are_not_named_this_time_stay(tmp_path, go):
    _, b = inputs(tmp_path, a="write 1", b="write 1")
    go()
    assert go(b, only=1).outputs == [f"{tmp_path}/out/b_0.h5"]
    assert sorted(outputs_in(tmp_path / "out")) == ["a_0.h5", "b_0.h5"]


# --- shards ---------------------------------------------------------------------


def test_shards_do_every_input_once_and_a_run_without_shards_finds_them_done(tmp_path, go):
    inputs(tmp_path, **{f"i{n}": "write 1" for n in range(7)})
    parts = [go(shard=(number, 3)).outputs for number in range(3)]
    assert sorted(map(len, parts)) == [2, 2, 3]
    assert sorted(path for part in parts for path in part) == [
        f"{tmp_path}/out/i{n}_0.h5" for n in range(7)
    ]
    ran = go()
    assert ran.said == ["7 inputs, all done before: nothing to do"]
    assert len(ran.outputs) == 7


def test_a_run_writes_only_its_own_journal(tmp_path, go):
    inputs(tmp_path, a="write 1", b="write 1")
    go()
    whole = (tmp_path / "out" / PRIVATE / "toy.jsonl").read_bytes()
    go(shard=(1, 2), overwrite=True)
    assert (tmp_path / "out" / PRIVATE / "toy.jsonl").read_bytes() == whole
    shard = [one for _, one in lines(tmp_path / "out" / PRIVATE / "toy-1-of-2.jsonl")]
    # What it forgets before it does it again, and what it did.
    assert [(Path(one.input).stem, one.status) for one in shard] == [("b", "failed"), ("b", "done")]


def test_a_shard_without_inputs_has_nothing_to_do(tmp_path, go):
    inputs(tmp_path, a="write 1")
    ran = go(shard=(1, 2))
    assert (ran.code, ran.outputs, ran.said) == (0, [], ["no inputs: nothing to do"])


# --- inputs that go wrong -----------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_failed_inputs_are_named_with_their_reasons_and_the_rest_is_done(tmp_path, go, jobs):
    a, b, c = inputs(tmp_path, a="write 1", b="damaged", c="bug")
    gone = f"{tmp_path}/in/gone.h5"
    ran = go(a, b, c, gone, jobs=jobs)
    assert ran.code == 1
    assert ran.outputs == [f"{tmp_path}/out/a_0.h5"]
    failed = [line for line in ran.said if line.startswith("failed: ")]
    assert sorted(line.split()[1].rstrip(":") for line in failed) == [b, c, gone]
    assert f"failed: {b}: is damaged" in failed
    assert "ZeroDivisionError" in ran.text
    assert "Traceback" not in ran.text
    assert ran.said[-1].startswith("4 inputs: 1 done, 0 empty, 3 failed")


def test_fail_fast_stops_at_the_first_failure(tmp_path, go):
    inputs(tmp_path, a="write 1", b="damaged", c="write 1", d="damaged")
    ran = go(fail_fast=True)
    assert ran.code == 1
    assert ran.said[-1].startswith("4 inputs: 1 done, 0 empty, 1 failed, 2 not attempted")
    assert sorted(outputs_in(tmp_path / "out")) == ["a_0.h5"]


@pytest.mark.parametrize("why", ["damaged", "full"])
def test_when_it_stops_for_a_failure_inputs_under_way_are_finished(tmp_path, go, why):
    texts = {f"s{n:02}": "sleep 3" for n in range(20)}
    inputs(tmp_path, a=why, **texts)
    ran = go(fail_fast=why == "damaged", jobs=2)
    assert ran.code == 1
    assert ran.said[-1].startswith("21 inputs: 1 done, 0 empty, 1 failed, 19 not attempted")
    assert list(outputs_in(tmp_path / "out")) == ["s00_0.h5"]
    assert ran.outputs == [f"{tmp_path}/out/s00_0.h5"]


def test_a_full_disk_ends_the_run_and_says_how_many_were_not_attempted(tmp_path, go):
    inputs(tmp_path, a="write 1", b="full", c="write 1", d="write 1")
    ran = go()
    assert ran.code == 1
    assert "2 inputs not attempted" in ran.text
    assert sorted(outputs_in(tmp_path / "out")) == ["a_0.h5"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_output_folder_that_vanishes_ends_the_run_and_is_not_made_anew(tmp_path, go, jobs):
    # Slow ones, or a fast worker would do them all before the other has even started.
    inputs(tmp_path, a="write 1", a1="vanish", **{f"b{n:02}": "sleep 0.5" for n in range(20)})
    ran = go(jobs=jobs)
    assert ran.code == 1
    assert "vanished" in ran.text or "cannot be written" in ran.text
    assert "not attempted" in ran.text
    assert ran.outputs == []
    assert not (tmp_path / "out").exists()


def test_a_line_says_a_kind_of_warning_with_the_first_and_their_number(tmp_path, go):
    inputs(tmp_path, **{f"w{n:02}": "warn" for n in range(23)})
    ran = go()
    shown = [line for line in ran.said if line.startswith("warning: ")]
    assert shown == [f"warning: {tmp_path}/in/w00.h5: something is odd (22 more like this)"]
    journal = (tmp_path / "out" / PRIVATE / "toy.jsonl").read_text()
    assert journal.count("something is odd") == 23


def test_the_first_failure_of_a_kind_is_named_at_once_and_the_others_are_counted(tmp_path, go):
    texts = {f"d{n}": "damaged" for n in range(5)} | {"bug": "bug", "good": "write 1"}
    ran = go(*inputs(tmp_path, **texts))
    failed = [line for line in ran.said if line.startswith("failed: ")]
    first = f"{tmp_path}/in/d0.h5: is damaged"
    assert (ran.code, len(failed)) == (1, 3)
    assert {f"failed: {first}", f"failed: 4 more like this: {first}"} < {*failed}
    assert any(f"failed: {tmp_path}/in/bug.h5: unexpected" in line for line in failed)
    newest = dict(records(tmp_path / "out"))
    assert report(tmp_path / "out", failed=True) == [
        f"{tmp_path}/in/{name}.h5" for name in sorted(texts) if name != "good"
    ]
    assert list(newest) == ["toy"]


def test_numbers_of_regions_among_the_inputs_are_wrong_usage(tmp_path, go):
    inputs(tmp_path, a="write 1")
    with pytest.raises(ValueError, match=r"commas between them: -g 10,11,12$"):
        go("11", "12", tmp_path / "in", regions=(10,))
    assert not (tmp_path / "out").exists()


# --- interrupted --------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_and_keeps_what_is_finished(tmp_path, go, number, code, jobs):
    texts = {"a": f"sleep {3 * (jobs - 1)}", "b": f"signal-parent {number:d} 1"}
    inputs(tmp_path, **texts, **{f"c{n}": "write 1" for n in range(4)})
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    ran = go(jobs=jobs)
    assert ran.code == code
    assert ran.said[0] == "interrupted: the same command goes on from here"
    # What was under way was finished, that which gave the signal included; no other was begun.
    assert ran.said[-1].startswith("6 inputs: 2 done, 0 empty, 0 failed, 4 not attempted")
    names = ["a_0.h5", "b_0.h5"]
    assert ran.outputs == [f"{tmp_path}/out/{name}" for name in names]
    before = outputs_in(tmp_path / "out")
    assert sorted(before) == names
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert go().code == 0
    after = outputs_in(tmp_path / "out")
    assert len(after) == 6
    assert {name: after[name] for name in names} == before


def test_a_second_signal_waits_for_nothing_and_what_was_under_way_is_done_again(tmp_path, go):
    signals = {"b": signal.SIGINT, "c": signal.SIGTERM}
    inputs(tmp_path, **{name: f"signal-parent {one:d} 60" for name, one in signals.items()})
    began = time.monotonic()
    ran = go(jobs=2)
    assert time.monotonic() - began < 15
    assert ran.code in (130, 143)  # whichever came last
    assert ran.said[-1].startswith("2 inputs: 0 done, 0 empty, 0 failed, 2 not attempted")
    assert outputs_in(tmp_path / "out") == {}
    inputs(tmp_path, b="write 1", c="write 1")
    assert go().said[-1].startswith("2 inputs: 2 done")


def test_a_signal_when_all_is_done_changes_nothing(tmp_path, go):
    inputs(tmp_path, a="write 1", b=f"signal-parent {signal.SIGINT:d}")
    ran = go()
    assert ran.code == 0
    assert ran.said == ["2 inputs: 2 done, 0 empty, 0 failed; 2 of 20 rows kept"]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_hits_worker_processes_alone_is_none(tmp_path, go, number, jobs):
    # A terminal or SLURM sends it to all processes: the first one says when to end.
    inputs(tmp_path, a=f"signal {number:d}", b="write 1")
    ran = go(jobs=jobs)
    assert (ran.code, len(ran.outputs)) == (0, 2)


def test_a_run_in_the_background_of_a_shell_goes_on_after_an_interrupt(tmp_path, go):
    # The shell starts it with SIGINT ignored, so that Ctrl-C is for the foreground.
    inputs(tmp_path, a=f"signal-parent {signal.SIGINT:d}", b="write 1")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert go().code == 0
    finally:
        signal.signal(signal.SIGINT, before)


# --- inputs that kill or hang -------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_deaths_and_hangs_are_named_and_counted_and_the_rest_is_done(tmp_path, go, jobs):
    texts = {"a": "write 1", "b": "die sigkill", "c": "sleep 60", "d": "die exit 1", "e": "write 1"}
    _, b, c, *_ = inputs(tmp_path, **texts)
    ran = go(jobs=jobs, timeout=4)
    assert ran.code == 1
    assert sorted(ran.said[:2]) == [
        f"failed: {b}: its process died (SIGKILL(-9): memory used up?)",
        f"failed: {c}: took longer than 4 s (--timeout)",
    ]
    assert ran.said[2:] == ["5 inputs: 3 done, 0 empty, 2 failed; 3 of 30 rows kept"]
    assert sorted(outputs_in(tmp_path / "out")) == ["a_0.h5", "d_0.h5", "e_0.h5"]
    assert len(ran.outputs) == 3
    os.unlink(f"{b}.tries")
    inputs(tmp_path, b="write 1", c="write 1")
    assert go().said == [
        "5 inputs: 3 done before, 2 done, 0 empty, 0 failed; 2 of 20 rows kept",
    ]


# --- mixed outputs ------------------------------------------------------------------


def test_an_interrupted_run_with_other_options_mixes_nothing(tmp_path, go):
    inputs(tmp_path, **{f"i{n}": "write 3" for n in range(6)})
    go()
    undisturbed = outputs_in(tmp_path / "out")
    inputs(tmp_path, i2=f"signal-parent {signal.SIGTERM:d}")  # it writes one output, not three
    assert go(only=1).code == 143
    partly = set(outputs_in(tmp_path / "out"))
    assert {"i0_0.h5", "i5_2.h5"} <= partly
    assert "i0_1.h5" not in partly
    inputs(tmp_path, i2="write 3")
    ran = go()
    assert ran.code == 0
    after = outputs_in(tmp_path / "out")
    assert set(after) == set(undisturbed)
    assert len(ran.outputs) == 18
    # Those that it had not come to are as they were.
    assert {name for name in after if after[name] == undisturbed[name]} == {
        f"i{n}_{k}.h5" for n in (3, 4, 5) for k in range(3)
    }


@pytest.mark.parametrize("overwrite", [False, True])
def test_outputs_of_a_run_killed_while_an_input_is_done_again_are_not_taken_for_the_earlier(
    tmp_path, go, overwrite
):
    (a,) = inputs(tmp_path, a="write 3")
    go()
    journal = tmp_path / "out" / PRIVATE / "toy.jsonl"
    whole = journal.read_bytes()
    go(only=1, overwrite=overwrite)
    (again, ended) = [outcome for _, outcome in lines(journal)][1:]
    assert (again.status, again.outputs) == ("failed", [])
    assert again.error == f"{a}: was being done again when the run ended"
    assert ended.status == "done"
    # Killed before its last line.
    journal.write_bytes(whole + again.line())
    for name in ("a_0.h5", "a_1.h5"):
        (tmp_path / "out" / name).write_text("from a killed run")
    ran = go()
    assert ran.said == ["1 input: 1 done, 0 empty, 0 failed; 3 of 30 rows kept"]
    for name in ran.outputs:
        assert Path(name).read_text() == f"from {a}"


def test_outputs_that_no_journal_names_go_with_an_input_that_keeps_nothing(tmp_path, go):
    inputs(tmp_path, a="write 3", b="write 1")
    go()
    (tmp_path / "out" / PRIVATE / "toy.jsonl").unlink()  # as if killed before the lines
    inputs(tmp_path, a="nothing", b="damaged")
    assert go().outputs == []
    assert outputs_in(tmp_path / "out") == {}


def test_outputs_belong_to_the_newest_of_inputs_of_one_name_in_two_folders(tmp_path, go):
    (here,) = inputs(tmp_path, a="write 3")
    (there,) = write_inputs(tmp_path / "elsewhere", a="write 2 ")
    for path, count in ((here, 3), (there, 2), (here, 3)):
        ran = go(path)
        assert ran.outputs == [f"{tmp_path}/out/a_{k}.h5" for k in range(count)]
        assert sorted(outputs_in(tmp_path / "out")) == [f"a_{k}.h5" for k in range(count)]
        assert {Path(name).read_text() for name in ran.outputs} == {f"from {path}"}
        ((_, newest),) = [(step, list(found)) for step, found in records(tmp_path / "out")]
        assert [(one.input, len(one.outputs)) for one in newest] == [(path, count)]
    write_inputs(tmp_path / "elsewhere", a="damaged")
    assert go(there).code == 1
    assert outputs_in(tmp_path / "out") == {}
    assert go(here).code == 0
    assert len(outputs_in(tmp_path / "out")) == 3


ODD = [
    {"outputs": None},
    {"outputs": "a_0.h5"},
    {"outputs": [1]},
    {"outputs": [""]},
    {"outputs": ["/elsewhere/"]},
    {"rows_in": "many", "rows_out": None},
    {"seconds": None},
    {"warnings": 5},
    {"ended": None},
    {"ended": "yesterday"},
    {"ended": "0001-01-01T00:00:00"},
    {"status": "lost"},
    {"status": []},
    {"key": 1},
    {"error": ["x"]},
    {"subfolder": "../in"},
    {"subfolder": 7},
    {"subfolder": None},
    {"input": None},
    {"input": 7},
    {"of a later version": True},
]


def test_odd_lines_of_a_journal_break_neither_run_nor_report(tmp_path, go):
    (a,) = inputs(tmp_path, a="write 1")
    go()
    journal = tmp_path / "out" / PRIVATE / "toy.jsonl"
    line = json.loads(journal.read_text())
    with open(journal, "a") as file:
        for odd in ODD:
            for changed in ({**line, **odd}, {k: line[k] for k in line.keys() - odd.keys()}):
                file.write(json.dumps(changed) + "\n")
    # A field that is missing is as good as empty; the time is not.
    assert {one.key for _, one in lines(journal)} == {line["key"], ""}
    assert "toy" in list(report(tmp_path / "out"))[1]
    ran = go(a, only=3)
    assert (ran.code, len(ran.outputs)) == (0, 1)
    assert sorted(outputs_in(tmp_path / "out")) == ["a_0.h5"]
    assert "toy" in list(report(tmp_path / "out"))[1]


# --- before any work ----------------------------------------------------------------


def refused(tmp_path, go, message, *words, **more):
    with pytest.raises(ValueError, match=message):
        go(*words, **more)
    assert not (tmp_path / "out").exists()


def test_two_inputs_of_one_name_are_refused(tmp_path, go):
    (a,) = inputs(tmp_path, a="write 1")
    (same,) = write_inputs(tmp_path / "elsewhere", a="write 1")
    refused(tmp_path, go, f"{same} and {a}|{a} and {same}", a, same)


def test_two_inputs_of_one_name_are_refused_even_in_different_shards(tmp_path, go):
    # Each shard must see it, or both would write the same file.
    (a,) = inputs(tmp_path, a="write 1")
    (same,) = write_inputs(tmp_path / "elsewhere", a="write 1")
    for number in (0, 1):
        refused(tmp_path, go, "same name", a, same, shard=(number, 2))


def test_words_that_all_come_to_nothing_are_wrong_usage(tmp_path, go):
    (tmp_path / "void").mkdir()
    refused(tmp_path, go, "no inputs", tmp_path / "void", f"{tmp_path}/*.h5")


def test_an_empty_folder_among_others_is_a_warning(tmp_path, go):
    (tmp_path / "void").mkdir()
    (a,) = inputs(tmp_path, a="write 1")
    ran = go(tmp_path / "void", a)
    assert ran.code == 0
    assert f"warning: {tmp_path}/void: no input there" in ran.said


@pytest.mark.parametrize("how", ["plain", "dots", "symlink"])
def test_the_folder_of_an_input_is_no_output_folder(tmp_path, go, how):
    inputs(tmp_path, a="write 1")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    outdir = {"plain": "in", "dots": "in/../in", "symlink": "link"}[how]
    with pytest.raises(ValueError, match="folder of an input"):
        go(outdir=tmp_path / outdir)
    assert os.listdir(tmp_path / "in") == ["a.h5"]


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_output_folder_that_cannot_be_made_is_wrong_usage(tmp_path, go, place):
    inputs(tmp_path, a="write 1")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=f"output folder .*{place}: cannot be used"):
        go(outdir=tmp_path / place)


# --- left out ---------------------------------------------------------------------


def test_inputs_left_out_are_counted_in_one_line_and_not_in_the_journal(tmp_path, go):
    south = NAME.replace("0303_", "0311_")
    inputs(tmp_path, **{NAME: "write 1", south: "write 1", "unwanted": "write 1"})
    (tmp_path / "list.txt").write_text("unwanted.h5\n")
    ran = go(regions=(3,), unwanted=(tmp_path / "list.txt",))
    assert ran.said[0] == "2 of 3 inputs left out (-g, -l)"
    assert ran.outputs == [f"{tmp_path}/out/{NAME}_0.h5"]
    journal = (tmp_path / "out" / PRIVATE / "toy.jsonl").read_text()
    assert journal.count("\n") == 1
    assert "left out" not in go().text


def test_all_inputs_left_out_is_nothing_to_do(tmp_path, go):
    inputs(tmp_path, **{NAME: "write 1"})
    ran = go(regions=(11,))
    assert ran.code == 0
    assert ran.said == ["1 of 1 input left out (-g, -l)", "no inputs: nothing to do"]


# --- leftovers ----------------------------------------------------------------------


def test_leftovers_of_killed_runs_are_swept_at_the_start(tmp_path, go):
    inputs(tmp_path, a="write 1")
    go()
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    name = temporary_name("a_0.h5").replace(f"-{os.getpid()}-", f"-{process.pid}-")
    leftover = tmp_path / "out" / name
    leftover.touch()
    go()
    assert not leftover.exists()


def test_nothing_but_outputs_and_journal_is_left(tmp_path, go):
    inputs(tmp_path, a="write 1", b="damaged")
    go(jobs=2)
    assert sorted(os.listdir(tmp_path / "out")) == [PRIVATE, "a_0.h5"]


def test_a_link_into_the_output_folder_does_not_cost_what_it_leads_to(run, granules, tmp_path):
    assert run("readatl06", granules, "-o", tmp_path / "flat").exit_code == 0
    real = sorted((tmp_path / "flat").glob("*.h5"))[0]
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / real.name).symlink_to(real)
    before = real.read_bytes()
    result = run("filter", tmp_path / "links", "-o", tmp_path / "flat", "--where", "is_asc")
    assert result.exit_code == 2
    assert real.read_bytes() == before
    result = run("readatl06", tmp_path / "links", "-o", tmp_path / "flat")
    assert result.exit_code == 2
    assert "is the folder of an input" in result.stderr
    assert real.read_bytes() == before


def test_what_another_step_wrote_is_not_written_over(run, granules, tmp_path):
    assert run("readatl06", granules, "-o", tmp_path / "flat").exit_code == 0
    assert (
        run(
            "filter", tmp_path / "flat", "-o", tmp_path / "out", "--where", "is_asc == is_asc"
        ).exit_code
        == 0
    )
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("*.h5")}
    result = run("reproject", tmp_path / "flat", "-o", tmp_path / "out", "-p", "3976")
    assert result.exit_code == 2
    assert "holds what filter wrote" in result.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "out").glob("*.h5")} == before


def test_a_line_that_names_another_file_does_not_cost_it(tmp_path, go):
    (a,) = inputs(tmp_path, a="write 2")
    go()
    journal = tmp_path / "out" / PRIVATE / "toy.jsonl"
    line = json.loads(journal.read_text())
    others = [tmp_path / "out" / name for name in ("mine.h5", "b_0.h5")]
    for path in others:
        path.write_text("precious")
    named = {"outputs": [*map(str, others), line["outputs"][1]], "key": "another"}
    journal.write_text(json.dumps(line | named | {"sizes": [], "mtimes": [], "digests": []}) + "\n")
    assert go(a).code == 0
    assert [path.read_text() for path in others] == ["precious", "precious"]


# --- outputs that are not as they were written ----------------------------------------


def zeroed(path):
    """What a machine that dies may leave of a file: its size, and zeros."""
    path.write_bytes(bytes(path.stat().st_size))


def emptied(path):
    os.truncate(path, 0)


def shortened(path):
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("harm", [os.unlink, emptied, shortened, zeroed])
def test_what_is_not_as_it_was_written_is_done_again(tmp_path, go, harm):
    inputs(tmp_path, a="write 2", b="write 1")
    go()
    whole = tmp_path / "out/a_1.h5"
    content, times = whole.read_bytes(), outputs_in(tmp_path / "out")
    harm(whole)
    what = f"outputs missing or not as they were written (of {tmp_path}/in/a.h5)"
    assert f"changed: 1 x {what}" in report(tmp_path / "out")
    assert list(report(tmp_path / "out", failed=True)) == [f"{tmp_path}/in/a.h5"]
    ran = go()
    assert "outputs of 1 input are missing, or not as they were written: done again" in ran.text
    assert whole.read_bytes() == content
    assert outputs_in(tmp_path / "out")["b_0.h5"] == times["b_0.h5"]
    assert not any("changed" in line for line in report(tmp_path / "out"))


def test_lines_of_older_versions_are_believed(tmp_path, go):
    inputs(tmp_path, a="write 2")
    go()
    journal = tmp_path / "out" / PRIVATE / "toy.jsonl"
    line = json.loads(journal.read_text())
    old = {name: line[name] for name in line.keys() - {"sizes", "mtimes", "digests"}}
    journal.write_text(json.dumps(old) + "\n")
    zeroed(tmp_path / "out/a_1.h5")
    assert "all done before" in go().text
