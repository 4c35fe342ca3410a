"""The engine: what goes wrong with one input is its outcome, and outcomes stream."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from toy import toy, write_inputs

from captools import engine
from captools.engine import Task
from captools.flat import PRIVATE


@pytest.fixture
def outdir(tmp_path):
    """An output folder as a run finds it."""
    (tmp_path / "out" / PRIVATE).mkdir(parents=True)
    return tmp_path / "out"


def do_one(tmp_path, outdir, text, **options):
    (path,) = write_inputs(tmp_path / "in", a=text)
    return Task(toy, outdir, options, 1)(path)


# --- one input ------------------------------------------------------------------


def test_a_done_input_tells_its_outputs_and_rows(tmp_path, outdir):
    began = datetime.now(UTC)
    outcome, hopeless = do_one(tmp_path, outdir, "write 2")
    assert not hopeless
    assert (outcome.input, outcome.status) == (f"{tmp_path}/in/a.h5", "done")
    assert outcome.outputs == [f"{outdir}/a_0.h5", f"{outdir}/a_1.h5"]
    assert (outcome.rows_in, outcome.rows_out) == (20, 2)
    assert (outcome.warnings, outcome.error) == ([], None)
    assert began <= datetime.fromisoformat(outcome.ended) <= datetime.now(UTC)


def test_outputs_are_told_absolute(tmp_path, outdir, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome, _ = do_one(tmp_path, Path("out"), "write 1")
    assert outcome.outputs == [f"{outdir}/a_0.h5"]


def test_the_time_an_input_took_is_told(tmp_path, outdir):
    assert 0.2 <= do_one(tmp_path, outdir, "sleep 0.2")[0].seconds < 10


def test_an_input_without_output_is_empty(tmp_path, outdir):
    outcome, _ = do_one(tmp_path, outdir, "nothing")
    assert (outcome.status, outcome.outputs) == ("empty", [])
    assert (outcome.rows_in, outcome.rows_out) == (10, 0)


def test_a_bad_input_fails_with_its_reason(tmp_path, outdir):
    outcome, hopeless = do_one(tmp_path, outdir, "damaged")
    assert not hopeless
    assert (outcome.status, outcome.outputs) == ("failed", [])
    assert outcome.error == f"{tmp_path}/in/a.h5: is damaged"


def test_an_error_nobody_foresaw_fails_the_input_with_reason_and_place_on_one_line(
    tmp_path, outdir
):
    outcome, hopeless = do_one(tmp_path, outdir, "bug")
    assert not hopeless
    assert outcome.status == "failed"
    for word in (f"{tmp_path}/in/a.h5", "ZeroDivisionError", "toy.py", "of several lines"):
        assert word in outcome.error
    assert "\n" not in outcome.error


def test_an_output_folder_that_takes_no_more_is_hopeless(tmp_path, outdir):
    outcome, hopeless = do_one(tmp_path, outdir, "full")
    assert hopeless
    assert outcome.status == "failed"


def test_a_vanished_output_folder_is_hopeless_and_not_made_anew(tmp_path):
    outcome, hopeless = do_one(tmp_path, tmp_path / "out", "write 1")
    assert hopeless
    assert "vanished" in outcome.error
    assert not (tmp_path / "out").exists()


def test_warnings_belong_to_the_outcome_each_on_one_line(tmp_path, outdir):
    outcome, _ = do_one(tmp_path, outdir, "warn")
    assert outcome.status == "done"
    assert outcome.warnings == [f"{tmp_path}/in/a.h5: something is odd"]


def test_an_interrupt_is_no_outcome(tmp_path, outdir):
    with pytest.raises(KeyboardInterrupt):
        do_one(tmp_path, outdir, "interrupt")


# --- the key --------------------------------------------------------------------


def other(path, outdir):
    """A second step."""


@pytest.fixture
def key(tmp_path):
    """A function from what may differ to the key of one input."""
    path, mask = tmp_path / "a.h5", tmp_path / "mask"

    def call(size=3, mtime=1, step=toy, version=1, mask_size=None, **options):
        path.write_bytes(bytes(size))
        os.utime(path, ns=(0, mtime))
        if mask_size is not None:
            mask.write_bytes(bytes(mask_size))
            os.utime(mask, ns=(0, 1))
            options["mask"] = mask
        return Task(step, tmp_path, options, version).key(str(path))

    return call


@pytest.mark.parametrize(
    "change",
    [
        {"size": 4},
        {"mtime": 2},
        {"step": other},
        {"version": 2},
        {"bbox": (0.0, 1.0, 2.0, 4.0)},
        {"crs": None},
        {"strict": True},
        {"mask_size": 5},
    ],
)
def test_the_key_changes_with_input_step_version_and_every_option(key, change):
    usual = {"bbox": (0.0, 1.0, 2.0, 3.0), "crs": "auto"}
    assert key(**usual) == key(**usual)
    assert key(**usual) != key(**usual | change)


def test_the_key_changes_with_the_content_of_a_file_among_the_options(key):
    assert key(mask_size=5) == key(mask_size=5)
    assert key(mask_size=5) != key(mask_size=6)


def test_an_input_that_is_not_there_has_no_key(tmp_path):
    assert Task(toy, tmp_path, {}, 1).key(str(tmp_path / "gone.h5")) == ""


# --- many inputs ------------------------------------------------------------------

MANY = {"a": "write 1", "b": "damaged", "c": "nothing", "d": "bug", "e": "warn", "f": "write 3"}
STATUSES = ["done", "failed", "empty", "failed", "done", "done"]


def told(outcomes):
    """What outcomes say but for the clock, by input."""
    facts = {}
    for outcome, hopeless in outcomes:
        assert outcome.input not in facts
        fact = json.loads(outcome.line())
        del fact["seconds"], fact["ended"]
        facts[outcome.input] = (fact, hopeless)
    return facts


@pytest.mark.parametrize("jobs", [1, 2, 50])
def test_every_input_has_one_outcome_and_others_do_not_suffer(tmp_path, outdir, jobs):
    paths = write_inputs(tmp_path / "in", **MANY)
    facts = told(engine.run(Task(toy, outdir, {}, 1), paths, jobs))
    assert [facts[path][0]["status"] for path in paths] == STATUSES
    assert sorted(os.listdir(outdir)) == [
        *(PRIVATE, "a_0.h5", "e_0.h5"),
        *("f_0.h5", "f_1.h5", "f_2.h5"),
    ]


def test_processes_change_nothing_in_the_outcomes(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", **MANY)
    task = Task(toy, outdir, {"only": 2}, 1)
    assert told(engine.run(task, paths, 1)) == told(engine.run(task, paths, 2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_inputs_give_no_outcomes(outdir, jobs):
    assert list(engine.run(Task(toy, outdir, {}, 1), [], jobs)) == []


def test_an_outcome_comes_before_the_next_input_is_done(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="write 1", b="write 1")
    outcomes = engine.run(Task(toy, outdir, {}, 1), paths, 1)
    next(outcomes)
    assert not (outdir / "b_0.h5").exists()
    outcomes.close()


def test_outcomes_come_as_inputs_end_not_as_they_were_given(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="sleep 1.5", b="write 1", c="write 1")
    ended = [Path(one.input).stem for one, _ in engine.run(Task(toy, outdir, {}, 1), paths, 2)]
    assert sorted(ended) == ["a", "b", "c"]
    assert ended[-1] == "a"


def test_an_input_that_kills_its_process_fails_alone(tmp_path, outdir):
    texts = {f"g{n}": "write 1" for n in range(9)} | {"g4": "kill"}
    paths = write_inputs(tmp_path / "in", **texts)
    facts = told(engine.run(Task(toy, outdir, {}, 1), paths, 2))
    assert list(facts) != []
    failed = [path for path in paths if facts[path][0]["status"] == "failed"]
    assert failed == [f"{tmp_path}/in/g4.h5"]
    assert set(facts) == set(paths)
    error = facts[failed[0]][0]["error"]
    assert error.startswith(f"{tmp_path}/in/g4.h5: its process was killed")


# --- how many processes -------------------------------------------------------------


def test_slurm_tells_the_number_of_workers(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "7")
    assert engine.workers() == 7


@pytest.mark.parametrize("told", [None, "", "0", "many"])
def test_otherwise_the_affinity_of_the_process_does(monkeypatch, told):
    if told is None:
        monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    else:
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", told)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    assert engine.workers() == 3


def test_where_there_is_no_affinity_all_cores_count(monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert engine.workers() == 5
