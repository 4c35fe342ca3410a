"""The engine: outcomes stream, deaths and hangs cost their own input, and it ends on request."""

import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from unittest import mock

import psutil
import pytest
from processes import Process
from toy import DEATHS, outputs, toy, write_inputs

from captools import process
from captools.engine import worker
from captools.engine.local import local
from captools.engine.pool import POLL_SECONDS
from captools.engine.worker import Worker
from captools.io.atomic import PRIVATE
from captools.process import Stop
from captools.run.folders import LocalFolder
from captools.run.journal import lines
from captools.run.task import Task

JOURNAL = f"out/{PRIVATE}/toy.jsonl"


@pytest.fixture
def outdir(tmp_path):
    """An output folder as a run finds it."""
    (tmp_path / "out" / PRIVATE).mkdir(parents=True)
    return tmp_path / "out"


def ends(outdir, paths, jobs, timeout=None, stop=None, **options):
    """Yield the ends of inputs done on this machine."""
    task = Task(toy, outputs, LocalFolder(outdir), options, 1)
    with local(jobs) as pool:
        run = pool.run(task, paths, stop or Stop(), timeout)
        with contextlib.closing(run):
            yield from (end for end in run if end is not None)


def facts_of(ended):
    """What ends say but for the clock, by input."""
    facts = {}
    for outcome, fatal, died in ended:
        assert outcome.input not in facts
        fact = json.loads(outcome.line())
        del fact["seconds"], fact["ended"]
        fact.pop("mtimes", None)  # of outputs, where there are some
        facts[outcome.input] = (fact, fatal, died)
    return facts


# --- many inputs ------------------------------------------------------------------

MANY = {"a": "write 1", "b": "damaged", "c": "nothing", "d": "bug", "e": "warn", "f": "write 3"}
STATUSES = ["done", "failed", "empty", "failed", "done", "done"]


@pytest.mark.parametrize("jobs", [1, 2, 50])
def test_every_input_has_one_outcome_and_others_do_not_suffer(tmp_path, outdir, jobs):
    paths = write_inputs(tmp_path / "in", **MANY)
    facts = facts_of(ends(outdir, paths, jobs))
    assert [facts[path][0]["status"] for path in paths] == STATUSES
    assert sorted(os.listdir(outdir)) == [
        *(PRIVATE, "a_0.h5", "e_0.h5"),
        *("f_0.h5", "f_1.h5", "f_2.h5"),
    ]


def test_processes_change_nothing_in_the_outcomes(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", **MANY)
    task = Task(toy, outputs, LocalFolder(outdir), {"only": 2}, 1)
    here = facts_of(map(task, paths))
    for jobs in (1, 2):
        assert here == facts_of(ends(outdir, paths, jobs, only=2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_inputs_give_no_outcomes(outdir, jobs):
    assert list(ends(outdir, [], jobs)) == []


def test_no_more_is_handed_out_than_there_are_processes(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", **{f"g{n}": "write 1" for n in range(5)})
    taken = []
    ended = ends(outdir, (taken.append(path) or path for path in paths), 2)
    for count, _ in enumerate(ended, start=1):
        assert len(taken) <= count + 2
    assert taken == paths


def test_outcomes_come_as_inputs_end_not_as_they_were_given(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="sleep 1.5", b="write 1", c="write 1")
    ended = [Path(end.outcome.input).stem for end in ends(outdir, paths, 2)]
    assert sorted(ended) == ["a", "b", "c"]
    assert ended[-1] == "a"


def test_while_nothing_ends_the_caller_hears_so(tmp_path, outdir):
    # It writes a line of progress now and then.
    paths = write_inputs(tmp_path / "in", a="sleep 1.5")
    with local(1) as pool:
        heard = list(pool.run(Task(toy, outputs, LocalFolder(outdir), {}, 1), paths, Stop()))
    assert heard.count(None) >= 3
    assert len(heard) - heard.count(None) == 1


def test_an_interrupt_that_a_step_raises_costs_its_input_only(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="interrupt", b="write 1")
    facts = facts_of(ends(outdir, paths, 1))
    assert [facts[path][0]["status"] for path in paths] == ["failed", "done"]
    assert facts[paths[0]][0]["error"] == f"{paths[0]}: was lost (KeyboardInterrupt)"


# --- processes that die -------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("how", DEATHS)
def test_an_input_that_kills_its_process_fails_alone_after_another_try(tmp_path, outdir, how, jobs):
    texts = {f"g{n}": "write 1" for n in range(5)} | {"g1": f"die {how}"}
    paths = write_inputs(tmp_path / "in", **texts)
    ended = list(ends(outdir, paths, jobs))
    assert ended[-1].outcome.input == paths[1]  # alone, when all others were done
    facts = facts_of(ended)
    assert set(facts) == set(paths)
    assert [path for path in paths if facts[path][0]["status"] != "done"] == [paths[1]]
    assert facts[paths[1]][0]["error"] == f"{paths[1]}: its process died ({DEATHS[how]})"
    tries = Path(f"{paths[1]}.tries").read_text().split()
    assert len(tries) == len(set(tries)) == 2
    assert not (outdir / "g1_0.h5").exists()


def test_what_a_dead_process_left_half_written_goes_with_it(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="part", b="write 1")
    facts = facts_of(ends(outdir, paths, 1))
    assert [facts[path][0]["status"] for path in paths] == ["failed", "done"]
    assert sorted(os.listdir(outdir)) == [PRIVATE, "b_0.h5"]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("how", DEATHS)
def test_an_input_that_kills_its_process_only_once_is_done(tmp_path, outdir, how, jobs):
    paths = write_inputs(tmp_path / "in", a=f"die {how} 1", b="write 1")
    facts = facts_of(ends(outdir, paths, jobs))
    assert [facts[path][0]["status"] for path in paths] == ["done", "done"]
    assert (outdir / "a_0.h5").read_text() == f"from {paths[0]}"


def test_several_deaths_at_once_are_kept_apart(tmp_path, outdir):
    texts = {"a": "die exit", "b": "die sigkill", "c": "die exit 1", "d": "write 1"}
    paths = write_inputs(tmp_path / "in", **texts)
    facts = facts_of(ends(outdir, paths, 2))
    assert [facts[path][0]["status"] for path in paths] == ["failed", "failed", "done", "done"]
    assert "EXIT(3)" in facts[paths[0]][0]["error"]
    assert "SIGKILL(-9)" in facts[paths[1]][0]["error"]


def test_a_process_that_dies_between_two_inputs_costs_none(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="write 1", b="write 1", c="write 1")
    statuses = []
    for end in ends(outdir, paths, 1):
        statuses.append(end.outcome.status)
        if end.outcome.input == paths[0]:
            for process in workers_of(psutil.Process()):
                process.kill()
                process.wait(5)
            time.sleep(0.2)
    assert statuses == ["done"] * 3


def test_a_worker_that_has_waited_long_ends_and_costs_none(tmp_path, outdir, monkeypatch):
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(worker, "ended", threading.Event())  # which other tests have set
    paths = write_inputs(tmp_path / "in", a="write 1", b="write 1")
    one = Worker(multiprocessing.get_context("fork").Process)  # it inherits IDLE_SECONDS
    task = Task(toy, outputs, LocalFolder(outdir), {}, 1)
    assert one.do(task, paths[0], None).outcome.status == "done"
    deadline = time.monotonic() + 10
    while one.is_alive:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert one.do(task, paths[1], None).died  # and so it would be tried again


@pytest.mark.parametrize(
    ("code", "meaning"), [(3, "EXIT(3)"), (-11, "SIGSEGV(-11)"), (-40, "a signal(-40)")]
)
def test_how_a_process_ended_is_named(code, meaning):
    assert worker.meaning(code) == meaning


def test_where_no_tool_lists_processes_nothing_is_said_of_it(tmp_path):
    # Slim containers have no pgrep, and psutil is not ours.
    write_inputs(tmp_path / "in", a="sleep 60", b="write 1", c="die exit")
    code = "import sys; sys.modules['psutil'] = None; import toy; "
    with start_run(tmp_path, 1, timeout=3, before=code, PATH="") as process:
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert [line.split()[0] for line in stderr.splitlines()] == ["failed:"] * 2
    assert (tmp_path / "out/b_0.h5").exists()


def workers_of(process):
    """The worker processes below a process: its copies, and those that began anew."""
    found = []
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            words = " ".join(child.cmdline())
            if "spawn_main" in words or child.cmdline() == process.cmdline():
                found.append(child)
    return found


def start_run(tmp_path, jobs, timeout=None, engine="local", before="", **environment):
    """Start a run of the toy over in/ as a process of its own."""
    code = (
        f"{before}import sys, pathlib, toy; from captools.run.map import run_map; "
        f"sys.exit(run_map(toy.toy, toy, engine='{engine}', "
        f"jobs={jobs}, scheduler=None, words=('in',), outdir=pathlib.Path('out'), shard=None, "
        f"overwrite=False, fail_fast=False, timeout={timeout}))"
    )
    here = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return Process(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": here.rstrip(os.pathsep)} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("busy", ["sleep", "hold"])
def test_when_the_parent_is_killed_its_workers_end_too(tmp_path, jobs, busy):
    # HDF5 does not let Python run while it waits for a disk: `hold` is like that.
    write_inputs(tmp_path / "in", a=f"{busy} 60", b=f"{busy} 60")
    with start_run(tmp_path, jobs) as process:
        deadline = time.monotonic() + 20
        while len(workers := workers_of(psutil.Process(process.pid))) < jobs:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)  # they are at work
        process.kill()
        assert psutil.wait_procs(workers, timeout=3)[1] == []
    assert [path.name for path in (tmp_path / "out").glob("*.h5")] == []


# --- copies of the process ------------------------------------------------------------


def ends_in_copies(outdir, paths, **more):
    """Return the facts of inputs, done as a run does them."""
    task = Task(toy, outputs, LocalFolder(outdir), {}, 1)
    before = psutil.Process().children()
    # Threads that libraries left here when they served other tests do not count.
    alone = mock.patch.object(threading, "active_count", return_value=1)
    with alone, local(2) as pool:
        pool.begin(len(paths))
        assert len(worker._waiting) == min(len(paths), 2)
        ended = [*filter(None, pool.run(task, paths, Stop(), **more))]
    assert set(psutil.Process().children()) <= set(before)
    return facts_of(ended)


def end_of_one(outdir, path, **more):
    """Return the facts of a single input, done as a run does one."""
    return ends_in_copies(outdir, [path], **more)[path][0]


def test_in_copies_inputs_end_as_in_processes_that_begin_anew(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", **MANY)
    anew = facts_of(ends(outdir, paths, 2))
    assert ends_in_copies(outdir, paths) == anew
    for path in paths:
        assert end_of_one(outdir, path) == anew[path][0]


def test_inputs_that_live_need_no_process_that_begins_anew(tmp_path, outdir, monkeypatch):
    monkeypatch.setattr(worker, "FreshProcess", None)
    paths = write_inputs(tmp_path / "in", a="ok", b="ok", c="ok", d="ok", e="ok")
    assert {fact["status"] for fact, _, _ in ends_in_copies(outdir, paths).values()} == {"done"}


def test_a_copy_that_waited_too_long_is_not_given_an_input(tmp_path, outdir, monkeypatch):
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.1)
    paths = write_inputs(tmp_path / "in", a="ok", b="ok")
    task = Task(toy, outputs, LocalFolder(outdir), {}, 1)
    with mock.patch.object(threading, "active_count", return_value=1), local(2) as pool:
        pool.begin(2)
        psutil.wait_procs([psutil.Process(one._process.pid) for one in worker._waiting], 20)
        ended = facts_of(filter(None, pool.run(task, paths, Stop())))
    assert {fact["status"] for fact, _, _ in ended.values()} == {"done"}


def test_a_process_with_threads_is_not_copied():
    # The copy would have the locks that they hold, and nobody to let go of them.
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with local(2) as pool:
            pool.begin(2)
            assert worker._waiting == []
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("how", DEATHS)
def test_a_single_input_may_kill_its_process(tmp_path, outdir, how):
    always, once = write_inputs(tmp_path / "in", always=f"die {how}", once=f"die {how} 1")
    fact = end_of_one(outdir, always)
    assert fact["error"] == f"{always}: its process died ({DEATHS[how]})"
    assert len(set(Path(f"{always}.tries").read_text().split())) == 2
    assert end_of_one(outdir, once)["status"] == "done"
    assert sorted(os.listdir(outdir)) == [PRIVATE, "once_0.h5"]


def test_an_input_that_gets_on_has_time(tmp_path, outdir, monkeypatch):
    monkeypatch.setattr(process, "PULSE_SECONDS", 0.1)
    (path,) = write_inputs(tmp_path / "in", a="slowly 15")
    assert end_of_one(outdir, path, timeout=1)["status"] == "done"


def test_a_single_input_that_hangs_fails_in_time(tmp_path, outdir):
    (path,) = write_inputs(tmp_path / "in", a="sleep 60")
    error = end_of_one(outdir, path, timeout=0.5)["error"]
    assert error == f"{path}: took longer than 0.5 s (--timeout)"


@pytest.mark.parametrize("busy", ["sleep", "hold"])
def test_when_the_parent_of_a_single_input_is_killed_it_ends_too(tmp_path, busy):
    write_inputs(tmp_path / "in", a=f"{busy} 60")
    with start_run(tmp_path, 2) as process:
        deadline = time.monotonic() + 20
        while not (children := psutil.Process(process.pid).children()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)  # it is at work
        process.kill()
        assert psutil.wait_procs(children, timeout=3)[1] == []


# --- inputs that hang ---------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_input_that_takes_too_long_fails_and_the_rest_is_done(tmp_path, outdir, jobs):
    paths = write_inputs(tmp_path / "in", a="write 1", b="sleep 60", c="write 1", d="write 1")
    began = time.monotonic()
    facts = facts_of(ends(outdir, paths, jobs, timeout=4))
    assert time.monotonic() - began < 20
    assert [facts[path][0]["status"] for path in paths] == ["done", "failed", "done", "done"]
    assert facts[paths[1]][0]["error"] == f"{paths[1]}: took longer than 4 s (--timeout)"
    assert workers_of(psutil.Process()) == []


# --- dask ---------------------------------------------------------------------------


def test_in_dask_workers_deaths_and_hangs_cost_their_own_input_too(tmp_path):
    pytest.importorskip("distributed")
    texts = {f"g{n}": "write 1" for n in range(6)}
    texts |= {f"h_{how}": f"die {how}" for how in DEATHS}
    paths = write_inputs(tmp_path / "in", once="die sigkill 1", slow="sleep 60", **texts)
    with start_run(tmp_path, 2, timeout=4, engine="dask") as process:
        _, stderr = process.communicate(timeout=50)
    assert process.returncode == 1, stderr
    ended = {outcome.input: outcome for _, outcome in lines(tmp_path / JOURNAL)}
    assert set(ended) == set(paths)
    failed = {Path(path).stem: one.error for path, one in ended.items() if one.status != "done"}
    place = f"{tmp_path}/in"
    assert failed == {"slow": f"{place}/slow.h5: took longer than 4 s (--timeout)"} | {
        f"h_{how}": f"{place}/h_{how}.h5: its process died ({death})"
        for how, death in DEATHS.items()
    }
    for how in DEATHS:
        assert len((tmp_path / f"in/h_{how}.h5.tries").read_text().split()) == 2
    left = {path.name for path in (tmp_path / "out").glob("*.h5")}
    assert left == {"once_0.h5", *(f"g{n}_0.h5" for n in range(6))}
    assert "still alive" not in stderr  # its workers end when the run does


def test_in_dask_workers_no_process_outlives_a_killed_run(tmp_path):
    pytest.importorskip("distributed")
    write_inputs(tmp_path / "in", a="sleep 60", b="sleep 60")
    with start_run(tmp_path, 2, engine="dask") as process:
        deadline = time.monotonic() + 30
        while len(workers := workers_of(psutil.Process(process.pid))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)
        process.kill()
        assert psutil.wait_procs(workers, timeout=10)[1] == []


# --- stopping -----------------------------------------------------------------------


@pytest.fixture
def ticking(monkeypatch):
    """A clock that stands still until it is set."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_nothing_is_asked_of_a_new_stop(ticking):
    stop = Stop()
    ticking(1e9)
    assert (stop.asked, stop.number, stop.overdue) == (False, None, False)


def test_a_signal_gives_inputs_under_way_a_grace_and_a_second_gives_none(ticking):
    stop = Stop()
    stop.ask(signal.SIGTERM)
    ticking(process.GRACE_SECONDS)
    assert (stop.asked, stop.overdue, stop.code) == (True, False, 143)
    ticking(0.1)
    assert stop.overdue
    stop = Stop()
    stop.ask(signal.SIGTERM)
    stop.ask(signal.SIGINT)
    ticking(0.1)
    assert (stop.overdue, stop.code) == (True, 130)


def test_who_stops_without_a_signal_waits_for_inputs_under_way(ticking):
    stop = Stop()
    stop.ask()
    ticking(1e9)
    assert (stop.asked, stop.number, stop.overdue) == (True, None, False)


def test_the_grace_is_shorter_than_what_slurm_gives():
    assert process.GRACE_SECONDS + 2 * POLL_SECONDS < 30


def test_a_signal_is_heeded_even_where_python_drops_what_a_handler_raises():
    # In a weakref callback, of which h5py has many.
    stop = Stop()
    before = signal.signal(signal.SIGINT, stop.ask)
    try:
        thing = type("Thing", (), {})()
        reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
        del thing
        assert reference() is None
    finally:
        signal.signal(signal.SIGINT, before)
    assert (stop.asked, stop.code) == (True, 130)


def test_when_it_stops_inputs_under_way_end_and_no_others_begin(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="write 1", b="sleep 3", c="write 1", d="write 1")
    stop, ended = Stop(), []
    for end in ends(outdir, paths, 2, stop=stop):
        ended.append(end.outcome.input)
        stop.ask(signal.SIGTERM)
    assert ended == paths[:2]
    assert sorted(path.name for path in outdir.glob("*.h5")) == ["a_0.h5", "b_0.h5"]


def test_inputs_whose_process_died_are_not_tried_again_when_it_stops(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="die exit", b="write 1", c="write 1")
    stop, ended = Stop(), []
    for end in ends(outdir, paths, 1, stop=stop):
        ended.append(end.outcome.input)
        stop.ask()
    assert ended == [paths[1]]
    assert len(Path(f"{paths[0]}.tries").read_text().split()) == 1
    assert not (outdir / "a_0.h5").exists()


def test_what_is_under_way_when_the_grace_is_over_is_ended_at_once(tmp_path, outdir, monkeypatch):
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.5)
    paths = write_inputs(tmp_path / "in", a="write 1", b="sleep 60")
    stop, began, ended = Stop(), time.monotonic(), []
    for end in ends(outdir, paths, 2, stop=stop):
        ended.append(end.outcome.input)
        stop.ask(signal.SIGTERM)
    assert ended == paths[:1]
    assert time.monotonic() - began < 20
    assert workers_of(psutil.Process()) == []
    assert not (outdir / "b_0.h5").exists()


def test_it_can_be_ended_at_any_moment(tmp_path, outdir):
    # Also while a worker starts, is given an input, or answers.
    paths = write_inputs(tmp_path / "in", **{f"g{n}": "write 1" for n in range(2000)})
    task = Task(toy, outputs, LocalFolder(outdir), {}, 1)
    chance = random.Random(1)
    for _ in range(5):
        with local(2) as pool, contextlib.closing(pool.run(task, paths, Stop())) as run:
            deadline = time.monotonic() + chance.uniform(0, 1.2)
            for end in run:
                assert end is None or end.outcome.error is None
                if time.monotonic() > deadline:
                    break
        assert workers_of(psutil.Process()) == []


def test_a_thread_that_is_late_starts_no_process_after_the_end(tmp_path, outdir):
    paths = write_inputs(tmp_path / "in", a="sleep 60", b="write 1", c="write 1")
    task = Task(toy, outputs, LocalFolder(outdir), {}, 1)
    with local(1) as pool:
        pool.abort(1)
        end = pool.executor.submit(pool.run_one, task, paths[0], 20).result()
        assert end.outcome.error == f"{paths[0]}: was cut short"
        assert workers_of(psutil.Process()) == []
    # The next run is not the one that ended.
    assert {end.outcome.status for end in ends(outdir, paths[1:], 1)} == {"done"}


# --- how many processes -------------------------------------------------------------


def test_slurm_gives_the_number_of_workers(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "7")
    assert process.workers() == 7


@pytest.mark.parametrize("cpus", [None, "", "0", "many"])
def test_otherwise_the_affinity_of_the_process_does(monkeypatch, cpus):
    if cpus is None:
        monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    else:
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", cpus)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    assert process.workers() == 3


def test_where_there_is_no_affinity_all_cores_count(monkeypatch):
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert process.workers() == 5
