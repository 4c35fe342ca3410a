"""Runs of every map and reduce step that are killed at random moments, by every engine.

A run is killed some times, all of it or one of its processes. Then it is let go to its end, and
its outputs must be those of a run that nobody touched.
"""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from cluster import slurm

from captools.simulation.granule import write_granule

BIN = Path(sys.executable).parent
ARRAY = Path(__file__).resolve().parents[1] / "slurm/array.sbatch"
TIMES = 10  # a run is killed before it is let go
FEW_TIMES = 3  # of runs that take long: under SLURM, and where each process imports DASCore
LONGEST = 120.0  # seconds that a run may take
GRANULES, BEAMS, FIBRE = "granules", "beams", "fibre"  # folders of inputs

MAP = {
    "readatl06": (GRANULES, "-p", "3031"),
    "read": (GRANULES, "--layout", "granule"),
    "filter": (BEAMS, "--where", "h_li > -1e9", "-z", "gzip"),
    "reproject": (BEAMS, "-p", "3412"),
    "calc": (BEAMS, "-e", "twice = h_li + h_li", "--units", "twice=m"),
    "dasimages": (FIBRE, "--band", "2", "6", "--window", "30s"),
    "dasprocess": (FIBRE, "--do", "pass_filter time=2,6", "--window", "30s"),
}
FOLDS = {
    "merge": (BEAMS, "-o", "out/all.h5", "--sort"),
    "merge -m": (BEAMS, "-o", "out/all.h5", "-m", "3"),
    "tile": (BEAMS, "-o", "out/tiles", "-d", "300", "-r", "30"),
    "export": (BEAMS, "-o", "out/all.parquet"),
    "export csv": (BEAMS, "-o", "out/all.csv.gz"),
    "preview": (BEAMS, "-o", "out/map.png", "--bare"),
}
RECORD = ("--product", "DAS", "--rate", "100", "--channels", "4", "--format", "zarr")
FOUR_MINUTES = ("-t", "2021-11-01T23:00", "2021-11-01T23:04")


@dataclass(frozen=True)
class Run:
    """A command as an engine starts it."""

    engine: str
    step: str
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """What stands in the table."""
        return f"{self.engine}: {self.step}"

    @property
    def times(self) -> int:
        """How often it is killed before it is let go."""
        return FEW_TIMES if self.engine == "SLURM" or self.step == "dasprocess" else TIMES


def known_runs() -> list[Run]:
    """Return all runs that can be made on this machine; others are said."""
    captools = str(BIN / "captools")
    launchers: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "local": ((captools,), ("-n", "2")),
    }
    for engine, tool, launcher, options in (
        ("MPI", "mpiexec", ("mpiexec", "-n", "3", captools), ("--engine", "mpi")),
        ("dask", "dask", (captools,), ("-n", "2", "--engine", "dask")),
        ("SLURM", "sbatch", ("sbatch", "--wait", "--array=0-1", str(ARRAY)), ()),
    ):
        if shutil.which(tool, path=_path()):
            launchers[engine] = launcher, options
        else:
            print(f"{engine} is not on this machine: not attacked", file=sys.stderr)
    runs = [
        Run(engine, step, (*launcher, step, *words, "-o", "out", *options))
        for engine, (launcher, options) in launchers.items()
        for step, words in MAP.items()
    ]
    runs += [
        Run(engine, step, (*launcher, step.split()[0], *words, *options))
        for engine, (launcher, options) in launchers.items()
        if engine != "SLURM"  # whose tasks take shares, as map steps have them
        for step, words in FOLDS.items()
    ]
    return runs


def _path() -> str:
    return f"{BIN}{os.pathsep}{os.environ['PATH']}"


class Victims:
    """What is attacked: a folder of inputs, and the outputs of runs that nobody touches."""

    def __init__(self, folder: Path, dice: random.Random, runs: list[Run], end: float) -> None:
        self._folder, self._dice, self._runs, self._end = folder, dice, runs, end
        self._truth: dict[str, tuple[dict[str, str], float]] = {}  # and the seconds they take
        self._cleanup = contextlib.ExitStack()
        self._environment = {**os.environ, "PATH": _path()}

    def __enter__(self) -> "Victims":
        self._folder.mkdir()
        for region in (10, 11, 12):
            for rgt in (1, 600):
                write_granule(self._folder / GRANULES, rgt, 1, region, segments=150)
        self._call((str(BIN / "captools"), "readatl06", GRANULES, "-o", BEAMS, "-p", "3031"))
        shutil.rmtree(self._folder / BEAMS / "_captools")
        self._call((str(BIN / "captools"), "simulate", *RECORD, *FOUR_MINUTES, "-o", FIBRE))
        if any(run.engine == "SLURM" for run in self._runs):
            with_slurm = slurm(Path(tempfile.mkdtemp(prefix="slurm-")))
            self._environment |= self._cleanup.enter_context(with_slurm)
        return self

    def __exit__(self, *exception: object) -> None:
        self._cleanup.close()

    def rounds(self) -> Iterator[dict[str, Counter[str]]]:
        """Yield without end what came of killing a run a few times: by engine and step."""
        while True:
            self._dice.shuffle(self._runs)
            for run in self._runs:
                yield {run.name: self._round(run)}

    def _round(self, run: Run) -> Counter[str]:
        """Kill a run some times, let it go, and count what is not as it should be."""
        truth, seconds = self._truth_of(run)
        counts: Counter[str] = Counter()
        for _ in range(run.times):
            if time.monotonic() < self._end:
                took = self._killed(run, self._dice.uniform(0, 1.2 * seconds))
                counts["times"] += took is None
                if took is not None:  # it came to its end: another one begins anew
                    seconds = min(seconds, took)
                    shutil.rmtree(self._folder / "out", ignore_errors=True)
        try:
            self._call(run.words)
        except subprocess.TimeoutExpired:
            counts["hung"] += 1
        found = self._contents()
        counts["lost"] += len(truth.keys() - found.keys())
        counts["wrong"] += sum(found[name] != truth[name] for name in truth.keys() & found.keys())
        counts["left"] += len(found.keys() - truth.keys())
        if counts["lost"] or counts["wrong"] or counts["left"]:
            print(f"{run.name}: {dict(counts)}: {sorted(set(found) ^ set(truth))}", file=sys.stderr)
        if self._dice.random() < 0.5:  # else the next run finds an earlier output
            shutil.rmtree(self._folder / "out")
        return counts

    def _truth_of(self, run: Run) -> tuple[dict[str, str], float]:
        """Return what a run writes, and how long it takes."""
        if run.name not in self._truth:
            shutil.rmtree(self._folder / "out", ignore_errors=True)
            began = time.monotonic()
            done = self._call(run.words)
            assert done.returncode == 0, f"{run.words}: {done.stderr}"
            self._truth[run.name] = self._contents(), time.monotonic() - began
        shutil.rmtree(self._folder / "out", ignore_errors=True)
        return self._truth[run.name]

    def _contents(self) -> dict[str, str]:
        """Return names and digests of all that is in the output folder, but for the journals."""
        out = self._folder / "out"
        return {
            str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in out.rglob("*")
            if path.is_file() and path.parent.name != "_captools"
        }

    def _call(self, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )

    def _killed(self, run: Run, after: float) -> float | None:
        """Start a run and kill it after so many seconds; return how long it took if it ended."""
        with subprocess.Popen(
            run.words,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            began, took = time.monotonic(), None
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(after)
                took = time.monotonic() - began
            family = self._family(process.pid)
            if took is None and family:
                whole = self._dice.random() < 0.5
                _kill(family if whole else [self._dice.choice(family)])
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LONGEST)
            process.kill()
        _kill(self._family(process.pid))
        if run.engine == "SLURM":
            self._cancel()
        return took

    def _cancel(self) -> None:
        """End jobs that have not begun, and wait until there is none: they would meet the next."""
        self._call(("scancel", "--name=captools"))
        while self._call(("squeue", "--noheader")).stdout.strip():
            time.sleep(0.1)

    def _family(self, pid: int) -> list[psutil.Process]:
        """Return the processes of a run; those of a job of SLURM are not its children."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            found = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, FileNotFoundError):
                is_ours = process.cwd() == str(self._folder)
                if is_ours and process not in found:
                    found.append(process)
        return found


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
