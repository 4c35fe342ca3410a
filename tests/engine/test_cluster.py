"""The same bytes from every engine, and nothing lost when things die: real MPI, SLURM, dask."""

import contextlib
import functools
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pieces
import plainrinex
import psutil
import pytest
from cluster import need, slurm
from flatfiles import random_columns, write_flat

import captools
from captools.das import scanning
from captools.gnss.ingest import Wanted, ingest
from captools.simulation.granule import write_granule

ROOT = Path(__file__).resolve().parents[2]
ARRAY, MPI = ROOT / "slurm/array.sbatch", ROOT / "slurm/mpi.sbatch"
BIN = Path(sys.executable).parent
CAPTOOLS = BIN / "captools"
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
MOMENTS = 2  # attack.py has more


def run(*words, cwd, environment=ENVIRONMENT, timeout=120):
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )


def mpiexec(ranks, *words):
    need("mpiexec (pip: mpi4py mpich)", shutil.which("mpiexec", path=ENVIRONMENT["PATH"]) is None)
    pytest.importorskip("mpi4py")
    return ["mpiexec", "-n", str(ranks), CAPTOOLS, *words, "--engine", "mpi"]


def content(folder):
    """Return the names and digests of the flat files of a folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.h5")
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a list of granules, real ones too if they are here, and the serial result."""
    place = tmp_path_factory.mktemp("cluster")
    granules = [
        write_granule(place / "in", rgt, 1, region, segments=200)
        for rgt in (1, 600)
        for region in (10, 11, 12)
    ]
    granules += sorted((ROOT.parent / "shared/data/atl06").glob("*.h5"))[::5]
    (place / "list.txt").write_text("".join(f"{path}\n" for path in granules))
    done = run(CAPTOOLS, "readatl06", "@list.txt", "-o", "serial", "-n", 1, cwd=place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def truth(place):
    return content(place / "serial")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture
def out(place):
    folder = place / "out"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    for log in place.glob("captools-*.log"):
        log.unlink()


# --- the same bytes -----------------------------------------------------------


def test_two_processes(place, truth, out):
    assert run(CAPTOOLS, "readatl06", "@list.txt", "-o", out, "-n", 2, cwd=place).returncode == 0
    assert content(out) == truth


def test_three_mpi_ranks(place, truth, out):
    done = run(*mpiexec(3, "readatl06", "@list.txt", "-o", out), cwd=place)
    assert done.returncode == 0, done.stderr
    assert content(out) == truth
    assert sorted(Path(line).name for line in done.stdout.split()) == sorted(truth)
    assert [path.name for path in (out / "_captools").iterdir()] == ["readatl06.jsonl"]


def test_one_mpi_rank(place, truth, out):
    done = run(*mpiexec(1, "readatl06", "@list.txt", "-o", out), cwd=place)
    assert done.returncode == 0, done.stderr
    assert content(out) == truth


def test_a_dask_cluster_of_its_own(place, truth, out):
    need("distributed", shutil.which("dask", path=str(BIN)) is None)
    words = (CAPTOOLS, "readatl06", "@list.txt", "-o", out, "--engine", "dask", "-n", 2)
    done = run(*words, cwd=place)
    assert done.returncode == 0, done.stderr
    assert content(out) == truth


@contextlib.contextmanager
def dask_cluster(folder):
    """Run a dask scheduler and two workers; yield the scheduler's process and address."""
    need("distributed", shutil.which("dask", path=str(BIN)) is None)
    address = folder / "scheduler.json"
    common = ["--scheduler-file", address, "--no-dashboard"]
    scheduler = [BIN / "dask", "scheduler", "--port", "0", *common]
    workers = [BIN / "dask", "worker", "--nworkers", "2", "--nthreads", "1", *common]
    with contextlib.ExitStack() as stack:
        started = []
        for words in (scheduler, workers):
            process = subprocess.Popen(
                [str(word) for word in words], env=ENVIRONMENT, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            started.append(process)
            wait_for(lambda: address.exists() and address.stat().st_size > 0)
        yield started[0], json.loads(address.read_text())["address"]


@pytest.fixture(scope="module")
def on(tmp_path_factory):
    """How to start a command on an engine: by two processes, three ranks, or two dask workers."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def dask():
            _, address = stack.enter_context(dask_cluster(tmp_path_factory.mktemp("dask")))
            return ["--engine", "dask", "--scheduler", address]

        def command(engine, *words):
            if engine == "mpi":
                return mpiexec(3, *words)
            return [CAPTOOLS, *words, *(dask() if engine == "dask" else ["-n", 2])]

        yield command


@pytest.mark.parametrize("engine", ["local", "mpi", "dask"])
def test_an_export_is_the_same(place, on, engine):
    granules = {path.stem for path in (place / "in").iterdir()}  # real ones have another CRS
    paths = [one for one in (place / "serial").glob("*.h5") if one.stem[:-5] in granules]
    (place / "flat.txt").write_text("".join(f"{path}\n" for path in sorted(paths)))
    done = run(*on(engine, "export", "@flat.txt", "-o", f"{engine}.parquet"), cwd=place)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"{engine}.parquet"]
    captools.export(sorted(paths), place / "one.parquet", jobs=1)
    assert (place / f"{engine}.parquet").read_bytes() == (place / "one.parquet").read_bytes()


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """A folder with files of as many rows as make several parts, and what one process makes."""
    folder = tmp_path_factory.mktemp("folded")
    columns = random_columns(90_000, 0)
    place = np.random.default_rng(1).uniform(-1e6, 1e6, (2, 90_000))
    columns |= dict(zip("xy", place, strict=True))
    for name in "abcdefg":
        write_flat(folder / "in" / f"{name}.h5", columns, crs="EPSG:3031")
    for name, words in FOLDS.items():
        done = run(CAPTOOLS, *words, "-o", f"1/{name}", "-n", 1, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


FOLDS = {
    "all.h5": ("merge", "in"),
    "some.h5": ("merge", "in", "-m", 3, "-z", "gzip"),
    "tiles": ("tile", "in", "-d", 300, "-r", 30),
    "map.tif": ("preview", "in", "--agg", "std", "--size", 60, 60),
    "parts.png": ("preview", "in", "--by", "spot", "--size", 60, 60),
}


@pytest.mark.parametrize("engine", ["local", "mpi", "dask"])
def test_a_fold_makes_the_same(folded, on, engine):
    for name, words in FOLDS.items():
        done = run(*on(engine, *words, "-o", f"{engine}/{name}"), cwd=folded)
        assert done.returncode == 0, done.stderr
    one, other = (
        {
            path.relative_to(place): path.read_bytes()
            for path in place.rglob("*.*")
            if path.is_file()
        }
        for place in (folded / "1", folded / engine)
    )
    assert len(one) > 40
    assert other == one


def test_a_fold_names_all_that_is_bad(folded):
    shutil.copytree(folded / "in", folded / "bad")
    for name in "bf":
        os.truncate(folded / "bad" / f"{name}.h5", 3_000_000)
    for engine in ("local", "mpi"):
        words = ("merge", "bad", "-o", "none.h5")
        command = [CAPTOOLS, *words, "-n", 2]
        done = run(*(mpiexec(3, *words) if engine == "mpi" else command), cwd=folded)
        assert (done.returncode, done.stdout) == (1, "")
        failed = [line.split(":") for line in done.stderr.splitlines() if "failed" in line]
        assert [Path(words[1]).name for words in failed] == ["b.h5", "f.h5"]
        assert not list(folded.glob("*none*"))


def test_check_reads_the_list_once_whoever_checks(folded):
    paths = [str(path) for path in sorted((folded / "in").iterdir())]
    words = [str(word) for word in mpiexec(3, "check", "-")]
    done = subprocess.run(
        words,
        cwd=folded,
        env=ENVIRONMENT,
        input="\n".join(paths),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == paths


def test_a_fold_by_hand_makes_its_output_once(folded):
    code = "import captools; print(captools.merge('in', 'by_hand.h5', engine='mpi'))"
    for ranks in ([], mpiexec(2)[:3]):
        done = run(*ranks, sys.executable, "-c", code, cwd=folded)
        assert done.returncode == 0, done.stderr
        others = ["[]"] if ranks else []
        assert sorted(done.stdout.splitlines()) == ["[PosixPath('by_hand.h5')]", *others]
        assert (folded / "by_hand.h5").read_bytes() == (folded / "1/all.h5").read_bytes()


def test_a_fold_that_fails_on_mpi_says_why_and_leaves_nothing(folded):
    words = [str(word) for word in mpiexec(3, "merge", "in", "-o", "full/all.h5", "--no-fsync")]
    limit = 'ulimit -f 20000; exec "$@"'  # kilobytes
    done = run("bash", "-c", limit, "bash", *words, cwd=folded)
    assert done.returncode == 1
    assert "full/all.h5: cannot be written (File too large)" in done.stderr
    assert list((folded / "full").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_fold_on_mpi_that_is_stopped_leaves_nothing(folded, number):
    out = folded / f"stopped-{number}"
    words = [str(word) for word in mpiexec(3, "merge", "in", "-z", "gzip", "-o", out / "all.h5")]
    with subprocess.Popen(
        words, cwd=folded, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        wait_for(lambda: any(out.rglob("*.chunks")))
        for rank in psutil.Process(process.pid).children(recursive=True):
            if "merge" in " ".join(rank.cmdline()):
                rank.send_signal(number)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 128 + number, said
    assert list(out.iterdir()) == []


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """A folder with ten short days of a GNSS receiver, as RINEX files and as an array."""
    folder = tmp_path_factory.mktemp("station")
    (folder / "rinex").mkdir()
    for day in range(1, 11):
        start = 1_704_067_200_000 + (day - 1) * 86_400_000
        values = {(start + 30_000 * n, "G", 7, "1C"): 40_000 + day * n for n in range(9)}
        path = plainrinex.write(folder / "rinex" / f"TEST{day:03}0.24o", values)
        ingest(path, folder / "station.tdb", Wanted(), "earthscope")
    return folder


# An array by MPI is compared below.
@pytest.mark.parametrize(("engine", "source"), [("mpi", "rinex"), ("dask", "station.tdb")])
def test_statistics_are_printed_once_and_the_same(station, on, engine, source):
    serial = captools.snr(station / source, how="serial")
    done = run(*on(engine, "snr", source), cwd=station)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(serial) == 1 + 10
    assert done.stdout.splitlines() == serial


CUBE = ("dascube", "in", "--segment", "2s", "--overlap", "0.5")
PICTURES = ("dasimages", "in", "--band", "2", "6", "--size", "8", "8")
CHAIN = ("dasprocess", "in", "--do", "pass_filter time=2,6", "--window", "1min")


@pytest.fixture(scope="module")
def fibre(tmp_path_factory):
    """A folder with records of a fibre, and how to have a scan's word on them in an output."""
    pytest.importorskip("numcodecs")
    folder = tmp_path_factory.mktemp("fibre")
    (folder / "in").mkdir()
    samples = np.random.default_rng(4).normal(0, 9, (12_000, 12)).astype("f4")
    edges = [2, 900, 5001, 9000]
    records = pieces.write(folder / "in", samples, edges, step=0.05, dasdae=True)
    kept = {one.path: [one.as_json()] for one in records}

    def known(name):
        (folder / f"{name}/_captools").mkdir(parents=True)
        place = folder / f"{name}/_captools" / scanning.KEPT
        place.write_text(json.dumps({"by": scanning._readers(), "files": kept}))
        return folder / name

    return folder, known


@pytest.mark.parametrize(
    ("step", "engines"),
    [
        (CUBE, ("local", "mpi", "dask")),
        (PICTURES, ("local", "mpi", "dask")),
        (CHAIN, ("mpi", "dask")),  # each process imports DASCore
    ],
)
def test_of_a_fibre_all_engines_make_the_same(fibre, on, step, engines):
    folder, known = fibre
    made = []
    for engine in engines:
        out = known(f"{step[0]}.{engine}")
        done = run(*on(engine, *step, "-o", out), cwd=folder)
        assert done.returncode == 0, done.stderr
        made.append(every_file(out))
    assert all(one == made[0] for one in made)
    assert len(made[0]) > 6


def every_file(folder):
    """Return the bytes of all files of an output, but for the journal's."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "_captools" not in path.parts
    }


def test_the_first_mpi_rank_compares(station):
    done = run(*mpiexec(3, "snr", "rinex", "station.tdb", "--compare"), cwd=station)
    assert done.returncode == 0, done.stderr
    ways = [line.split(",")[0] for line in done.stdout.splitlines()]
    assert ways == ["how", "rinex", "serial", "parallel"]


def test_a_running_dask_cluster(place, truth, out, on):
    done = run(*on("dask", "readatl06", "@list.txt", "-o", out), cwd=place)
    assert done.returncode == 0, done.stderr
    assert content(out) == truth


def test_a_slurm_array_of_four(place, truth, out, cluster):
    words = ("sbatch", "--wait", "--array=0-3", ARRAY, "readatl06", "@list.txt", "-o", out)
    done = run(*words, cwd=place, environment=cluster)
    assert done.returncode == 0, done.stderr
    assert content(out) == truth
    shards = {f"readatl06-{number}-of-4.jsonl" for number in range(4)}
    assert {path.name for path in (out / "_captools").iterdir()} == shards


def test_a_slurm_mpi_job(place, truth, out, cluster):
    pytest.importorskip("mpi4py")
    words = ("sbatch", "--wait", "-n", 2, MPI, "readatl06", "@list.txt", "-o", out)
    done = run(*words, cwd=place, environment=cluster)
    assert done.returncode == 0, "".join(path.read_text() for path in place.glob("*.log"))
    assert content(out) == truth


# --- wrong usage of a launcher ------------------------------------------------


def test_several_processes_that_mpi_does_not_connect_are_refused(place, out, cluster):
    pytest.importorskip("mpi4py")
    words = (CAPTOOLS, "readatl06", "@list.txt", "-o", out, "--engine", "mpi")
    done = run("srun", "--mpi=none", "-n", 2, *words, cwd=place, environment=cluster)
    assert done.returncode == 2
    assert done.stderr.count("--mpi=pmi2") == 2
    assert not out.exists()


def test_wrong_usage_under_mpi_ends_all_ranks(place, out):
    done = run(*mpiexec(3, "readatl06", "void*.h5", "-o", out), cwd=place, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("no inputs") == 1


def test_a_scheduler_that_does_not_answer_is_wrong_usage(place, out):
    need("distributed", shutil.which("dask", path=str(BIN)) is None)
    words = (CAPTOOLS, "readatl06", "@list.txt", "-o", out, "--engine", "dask")
    environment = {**ENVIRONMENT, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s"}
    done = run(*words, "--scheduler", "tcp://127.0.0.1:9", cwd=place, environment=environment)
    assert done.returncode == 2
    assert "tcp://127.0.0.1:9" in done.stderr
    assert not out.exists()


# --- nothing lost -------------------------------------------------------------


def wait_for(condition, timeout=30):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def finished(out):
    """Return what journals call done, and when each of its outputs was written."""
    times = {}
    for journal in (out / "_captools").glob("*.jsonl"):
        for line in journal.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                outcome = json.loads(line)
                for output in outcome["outputs"]:
                    times[output] = os.stat(output).st_mtime_ns
    return times


def kill_tree(process):
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def kill_a_worker(process):
    """Kill a process that works for the first one, if there is one yet."""
    if workers := psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            random.choice(workers).kill()


def kill_rank_0(process):
    """Kill the rank that writes the journal."""
    for member in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(file.path.endswith(".jsonl") for file in member.open_files()):
                member.kill()


VICTIMS = {
    "tree": (lambda: [CAPTOOLS], ["-n", "2"], kill_tree),
    "worker": (lambda: [CAPTOOLS], ["-n", "2"], kill_a_worker),
    "rank 0": (lambda: mpiexec(3)[:-2], ["--engine", "mpi"], kill_rank_0),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_random_moments_and_resumed_the_result_is_the_same(place, truth, out, victim):
    launcher, options, kill = VICTIMS[victim]
    chance = random.Random(victim)
    words = [*launcher(), "readatl06", "@list.txt", "-o", out, *options]
    for _ in range(MOMENTS):
        before = finished(out)
        with subprocess.Popen(
            [str(word) for word in words],
            cwd=place,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(chance.uniform(0.2, 2.0))
            with contextlib.suppress(psutil.NoSuchProcess):
                kill(process)
        now = finished(out)
        # What was finished was not written again.
        assert {path: now[path] for path in before} == before
        if chance.random() < 0.3:  # begin anew, or all would be done after a few
            shutil.rmtree(out, ignore_errors=True)  # killed early, it may not have made it
    assert run(*words, cwd=place).returncode == 0
    assert content(out) == truth
    assert not list(out.glob(".*.part"))


def test_array_tasks_killed_and_submitted_again_give_the_same(place, truth, out, cluster):
    words = ("sbatch", "--wait", "--array=0-3", ARRAY, "readatl06", "@list.txt", "-o", out)
    for moment in (0.7, 1.1, 1.5):
        job = subprocess.Popen([str(w) for w in words], cwd=place, env=cluster)
        time.sleep(moment)
        run("pkill", "-KILL", "-f", "shard 2/4", cwd=place)
        job.wait(60)
    assert run(*words, cwd=place, environment=cluster).returncode == 0
    assert content(out) == truth


def test_the_warning_before_the_time_limit_ends_a_task_in_order(place, truth, out, cluster):
    # scancel sends what the limit would; the next submission does the rest.
    words = ("sbatch", "--parsable", "--array=0", ARRAY, "readatl06", "@list.txt", "-o", out)
    job = run(*words, cwd=place, environment=cluster).stdout.strip()
    journal = out / "_captools/readatl06-0-of-1.jsonl"
    wait_for(lambda: journal.exists() and journal.stat().st_size > 0)
    run("scancel", "--signal=TERM", "--batch", job, cwd=place, environment=cluster)
    log = next(place.glob("captools-*_0.log"))
    wait_for(lambda: "interrupted: the same command goes on from here" in log.read_text())
    state = ("scontrol", "show", "job", job)
    wait_for(lambda: "ExitCode=143:0" in run(*state, cwd=place, environment=cluster).stdout)
    assert 0 < len(content(out)) < len(truth)
    words = ("sbatch", "--wait", "--array=0", ARRAY, "readatl06", "@list.txt", "-o", out)
    assert run(*words, cwd=place, environment=cluster).returncode == 0
    assert content(out) == truth


def test_mpi_ranks_stop_in_order_when_asked(place, truth, out):
    words = [str(word) for word in mpiexec(3, "readatl06", "@list.txt", "-o", out)]
    with subprocess.Popen(
        words, cwd=place, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        journal = out / "_captools/readatl06.jsonl"
        wait_for(lambda: journal.exists() and journal.stat().st_size > 0)
        for member in psutil.Process(process.pid).children(recursive=True):
            if "readatl06" in " ".join(member.cmdline()):
                member.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 143
    assert "interrupted" in said
    assert run(*words, cwd=place).returncode == 0
    assert content(out) == truth


def test_a_lost_dask_scheduler_ends_the_run_in_order(place, truth, out, tmp_path):
    with dask_cluster(tmp_path) as (scheduler, address):
        words = [CAPTOOLS, "readatl06", "@list.txt", "-o", out, "--engine", "dask"]
        process = subprocess.Popen(
            [str(word) for word in [*words, "--scheduler", address]],
            cwd=place,
            env={**ENVIRONMENT, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        journal = out / "_captools/readatl06.jsonl"
        wait_for(lambda: journal.exists() and journal.stat().st_size > 0)
        scheduler.kill()
        said = process.communicate(timeout=100)[1]
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "not attempted" in said
    assert run(CAPTOOLS, "readatl06", "@list.txt", "-o", out, cwd=place).returncode == 0
    assert content(out) == truth


def test_ctrl_c_reaches_a_dask_cluster_of_our_own_in_order(place, truth, out):
    need("distributed", shutil.which("dask", path=str(BIN)) is None)
    words = [CAPTOOLS, "readatl06", "@list.txt", "-o", out, "--engine", "dask", "-n", "2"]
    with subprocess.Popen(
        [str(word) for word in words],
        cwd=place,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        journal = out / "_captools/readatl06.jsonl"
        wait_for(lambda: journal.exists() and journal.stat().st_size > 0)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in said
    assert " 0 failed" in said
    assert run(CAPTOOLS, "readatl06", "@list.txt", "-o", out, cwd=place).returncode == 0
    assert content(out) == truth


# --- two at once --------------------------------------------------------------


def test_two_identical_runs_at_once_end_well(place, truth, out):
    words = [str(CAPTOOLS), "readatl06", "@list.txt", "-o", str(out), "-n", "2"]
    both = [subprocess.Popen(words, cwd=place, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert content(out) == truth
    assert not list(out.glob(".*.part"))
    done = run(*words, cwd=place)
    assert "nothing to do" in done.stderr
