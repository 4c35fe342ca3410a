"""The batch scripts, run by bash in the environment that SLURM would give them."""

import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

import captools

FAKE = """#!/bin/bash
# captools that says what it was asked for
case $* in
--version) echo captools, version 9 ;;
"merge --help") echo "--skip-bad" ;;
*--help) echo "--shard --engine" ;;
*) echo "$@" >> asked ;;
esac
"""


@pytest.fixture
def batch(tmp_path):
    """A function that runs a batch script as SLURM would; what captools is asked for is kept."""
    for name, text in {"captools": FAKE, "srun": '#!/bin/bash\necho srun "$@" >> asked\n'}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def call(script, *words, **variables):
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": path, "SLURM_SUBMIT_DIR": str(tmp_path), **variables}
        command = ["bash", ROOT / f"slurm/{script}.sbatch", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    call.asked = lambda: (tmp_path / "asked").read_text().splitlines()
    return call


def tasks(spec):
    """The variables of each task of an array, as SLURM makes them of --array."""
    ids, steps = [], []
    for part in spec.split(","):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        ids += range(int(first), int(last or first) + 1, int(step or 1))
        steps += [step] if step else []
    of_all = {"MIN": min(ids), "MAX": max(ids), "COUNT": len(ids), "STEP": steps[0] if steps else 1}
    for one in ids:
        yield {f"SLURM_ARRAY_TASK_{name}": str(n) for name, n in {"ID": one, **of_all}.items()}


@pytest.mark.parametrize(
    ("spec", "count"), [("0-3", 4), ("1-3", 3), ("0-4:2", 3), ("5-12:3", 3), ("7", 1), ("2,3", 2)]
)
def test_all_tasks_together_do_every_share_once(batch, spec, count):
    for task in tasks(spec):
        assert batch("array", "readatl06", "g", "-o", "o p", **task).returncode == 0
    assert batch.asked() == [f"readatl06 g -o o p --shard {k}/{count}" for k in range(count)]


@pytest.mark.parametrize("spec", ["3,7", "0-3,5", "0-4:2,9", "1-3,5-7:2", "0-2:2,3"])
def test_an_array_with_gaps_stops_and_says_how_to_call_it(batch, tmp_path, spec):
    for task in tasks(spec):
        ended = batch("array", "readatl06", "g", **task)
        assert ended.returncode == 2
        assert "CAPTOOLS_SHARDS=N sbatch --array=..." in ended.stderr
    assert not (tmp_path / "asked").exists()


def test_shares_can_be_repeated(batch):
    for task in tasks("3,7"):
        assert batch("array", "readatl06", "g", CAPTOOLS_SHARDS="32", **task).returncode == 0
    assert batch.asked() == [f"readatl06 g --shard {k}/32" for k in (3, 7)]
    (task,) = tasks("32")
    ended = batch("array", "readatl06", "g", CAPTOOLS_SHARDS="32", **task)
    assert (ended.returncode, len(batch.asked())) == (2, 2)
    assert "there is no share 32 of 32: they count from 0, --array=0-31" in ended.stderr


@pytest.mark.parametrize("missing", ["MIN", "MAX", "COUNT"])
def test_without_all_that_slurm_says_nothing_is_guessed(batch, missing):
    task = next(tasks("4-9"))
    del task[f"SLURM_ARRAY_TASK_{missing}"]
    assert batch("array", "readatl06", "g", **task).returncode == 2


def test_without_an_array_it_says_so(batch):
    ended = batch("array", "readatl06", "g")
    assert ended.returncode == 2
    assert (
        ended.stderr
        == "array.sbatch: not an array: sbatch --array=0-31 array.sbatch readatl06 ...\n"
    )


@pytest.mark.parametrize("script", ["array", "mpi"])
def test_without_a_step_it_says_so(batch, script):
    ended = batch(script, SLURM_ARRAY_TASK_ID="0")
    assert ended.returncode == 2
    assert f"{script}.sbatch: which step? sbatch" in ended.stderr


def test_a_step_without_shares_is_one_job(batch):
    ended = batch("array", "merge", "reduced", "-o", "all.h5", **next(tasks("0-3")))
    assert ended.returncode == 2
    assert "merge takes all inputs at once" in ended.stderr
    assert "mpi.sbatch" in ended.stderr
    assert batch("mpi", "merge", "reduced", "-o", "all.h5").returncode == 0
    assert batch("mpi", "readatl06", "g", "-o", "out").returncode == 0
    merge, read = batch.asked()
    assert merge == "merge reduced -o all.h5"
    assert read.startswith("srun ")
    assert read.endswith(" captools readatl06 g -o out --engine mpi")


@pytest.mark.parametrize("script", ["array", "mpi"])
def test_the_log_begins_with_host_time_version_and_command(batch, script):
    ended = batch(script, "readatl06", "a b.h5", "-o", "out", **next(tasks("0-3")))
    host = re.escape(os.uname().nodename)
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    command = r"captools readatl06 a\\ b\.h5 -o out"
    assert re.match(f"{host}, {time}: captools, version 9: {command}\n", ended.stdout)


def test_the_real_steps_are_told_apart(batch, tmp_path):
    for name in ("captools", "srun"):
        (tmp_path / name).unlink()
    real = os.path.dirname(sys.executable)
    if shutil.which("captools", path=real) is None:
        pytest.skip("captools is not installed as a command")
    path = {"PATH": f"{real}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    ended = batch("array", "merge", "reduced", "-o", "all.h5", **next(tasks("0-3")), **path)
    assert ended.returncode == 2
    assert "merge takes all inputs at once" in ended.stderr


@pytest.mark.parametrize("script", ["array", "mpi"])
def test_the_package_prints_them(run, script):
    text = (ROOT / f"slurm/{script}.sbatch").read_text()
    assert run("slurm", script).stdout == text
    assert captools.slurm(script) == text.splitlines()
    with pytest.raises(ValueError, match="array or mpi"):
        captools.slurm("nonsense")
