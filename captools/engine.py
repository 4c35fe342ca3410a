"""Running a step over many inputs: outcomes stream back as inputs end.

The only module that knows joblib. An engine is one function of a task, the
inputs and the number of workers; MPI, dask and SLURM will be others.
"""

import hashlib
import json
import os
import signal
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from captools.errors import CaptoolsError, CaptoolsWarning, FolderError, one_line
from captools.flat import PRIVATE, Written
from captools.journal import Outcome, now

UNDER_WAY = 2  # inputs handed out per process: the next is there when one ends


@dataclass(frozen=True)
class Task:
    """A map step with its options, to be called with one input after another.

    Calling it never raises but to stop the process: what goes wrong with an
    input is its outcome.
    """

    function: Callable[..., Written]
    outdir: Path
    options: dict
    version: int

    def __call__(self, path: str) -> tuple[Outcome, bool]:
        """Do one input; return its outcome, and whether no other can be done either."""
        began = time.perf_counter()
        outcome = Outcome(path, "failed", key=self.key(path))
        hopeless = False
        try:
            self._apply(path, outcome)
        except CaptoolsError as error:
            outcome.error = one_line(error)
            hopeless = isinstance(error, FolderError)
        except Exception as error:  # a bug of ours must not cost the other inputs
            outcome.error = f"{path}: unexpected {_where(error)}"
        outcome.seconds = round(time.perf_counter() - began, 4)
        outcome.ended = now()
        return outcome, hopeless

    def _apply(self, path: str, outcome: Outcome) -> None:
        # The step would make a vanished folder anew, and lose what was in it.
        if not os.path.isdir(self.outdir / PRIVATE):
            raise FolderError(f"{self.outdir}: the output folder has vanished")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaptoolsWarning)
            written = self.function(path, self.outdir, **self.options)
        outcome.status = "done" if written else "empty"
        outcome.outputs = [os.path.abspath(output) for output in written]
        outcome.rows_in, outcome.rows_out = written.rows_in, written.rows_out
        outcome.warnings = [one_line(warning.message) for warning in caught]

    def key(self, path: str) -> str:
        """Return what stands for the content of an input and all that is done with it."""
        try:
            status = os.stat(path)
        except OSError:
            return ""
        told = f"{status.st_size} {status.st_mtime_ns} {self._what}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    @cached_property
    def _what(self) -> str:
        """The step and its options; an option that is a file stands for its content too."""
        options = dict(self.options)
        for name, value in options.items():
            if isinstance(value, Path):
                status = value.stat()
                options[name] = (value.name, status.st_size, status.st_mtime_ns)
        return json.dumps([self.function.__name__, self.version, options], sort_keys=True)


def _where(error: Exception) -> str:
    """Return an unexpected error with the line of code that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return f"{type(error).__name__} at {where}: {one_line(error)}; please report it"


def workers() -> int:
    """Return the number of cores that this process may use."""
    told = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if told.isdigit() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(task: Task, paths: Sequence[str], jobs: int) -> Iterator[tuple[Outcome, bool]]:
    """Call the task with every path and yield the results as they come, in any order."""
    if min(jobs, len(paths)) <= 1:
        yield from map(task, paths)
        return
    waiting = deque(paths)
    while waiting:
        # Nothing tells which input killed its process: those under way are tried one by one.
        for path in (yield from _run_elsewhere(task, waiting, min(jobs, len(waiting)))):
            if (yield from _run_elsewhere(task, deque([path]), 1)):
                yield _killed(task, path), False


def _run_elsewhere(
    task: Task, waiting: deque[str], jobs: int
) -> Generator[tuple[Outcome, bool], None, list[str]]:
    """Call the task in processes, and return the paths that were under way when one died.

    Not joblib's own Parallel, which prints warnings and tracebacks when left early.
    """
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    executor = get_reusable_executor(max_workers=jobs, initializer=_ignore_interrupt)
    under_way: dict[Future, str] = {}
    lost: list[str] = []
    try:
        while under_way or (waiting and not lost):
            while waiting and not lost and len(under_way) < UNDER_WAY * jobs:
                path = waiting.popleft()
                try:
                    under_way[executor.submit(task, path)] = path
                except TerminatedWorkerError:
                    lost.append(path)
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                path = under_way.pop(future)
                try:
                    result = future.result()
                except TerminatedWorkerError:
                    lost.append(path)
                else:
                    yield result
    finally:
        if under_way:
            _kill(executor, under_way)
    return lost


def _ignore_interrupt() -> None:
    """Leave Ctrl-C, which all processes of a terminal get, to the one that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _kill(executor: Executor, under_way: Collection[Future]) -> None:
    """End the processes of an executor in the midst of their work."""
    # loky prints a traceback if told so before it has handed out all that it was given.
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline and not all(f.running() or f.done() for f in under_way):
        time.sleep(0.001)
    executor.shutdown(kill_workers=True)


def _killed(task: Task, path: str) -> Outcome:
    """Return the outcome of an input whose process died of it."""
    why = "its process was killed (memory used up, or a crash in a library)"
    return Outcome(path, "failed", ended=now(), error=f"{path}: {why}", key=task.key(path))
