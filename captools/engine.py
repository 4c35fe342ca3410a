"""Running a step over many inputs: on this machine, under MPI, or on a dask cluster.

The only module that knows joblib, mpi4py and distributed. An engine is an
executor: something to submit inputs to, which says how many it can have under
way. One loop serves them all, so that they differ in nothing but where the
work is done.
"""

import ctypes
import logging
import multiprocessing.util
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext

from captools.errors import CaptoolsError, one_line
from captools.task import End, Task

GRACE = 20.0  # seconds for inputs under way when a run is stopped; SLURM kills after 30
POLL = 0.5  # seconds between looks at whether the run is to stop
PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>: which signal a process gets when its parent dies
IDLE = 60.0  # seconds after which a process without work ends, as in dask workers it must
CUT_SHORT = "was cut short"
WATCH = 0.2  # seconds between looks of a worker at whether its parent lives


class Stop:
    """Whether no more inputs are to be handed out, and who said so.

    Attributes
    ----------
    asked : bool
        Whether to stop.
    number : int or None
        The signal that asked for it, if it was one.
    """

    def __init__(self) -> None:
        self.asked = False
        self.number: int | None = None
        self._deadline = float("inf")

    def ask(self, number: int | None = None, frame: object = None) -> None:
        """Stop; a second signal does not wait for inputs under way (a signal handler)."""
        if number is not None:
            again = self.number is not None
            self._deadline = time.monotonic() + (0 if again else GRACE)
            self.number = number
        self.asked = True

    @property
    def overdue(self) -> bool:
        """Whether the time for inputs under way is over."""
        return time.monotonic() > self._deadline

    @property
    def code(self) -> int:
        """The exit code: what shells give to a process ended by the signal, else 1."""
        return 1 if self.number is None else 128 + self.number


@dataclass(frozen=True)
class Crew:
    """Those who do the work.

    Parameters
    ----------
    executor : Executor
        Where to submit to.
    work : callable
        What to submit, with a task, a path and a timeout.
    size : callable
        Tells how many inputs to have under way.
    abort : callable
        Ends what is under way at once, and maybe this process with an exit code.
    lone : Executor, optional
        Where to submit a single input to, if that is quicker.
    """

    executor: Executor
    work: Callable[[Task, str, float | None], End]
    size: Callable[[], int]
    abort: Callable[[int], None]
    lone: Executor | None = None

    def for_inputs(self, count: int) -> "Crew":
        """Return those of the crew who are best at so many inputs."""
        # A copy has none of the threads of this process, but all locks that they hold.
        if count == 1 and self.lone and threading.active_count() == 1:
            return replace(self, executor=self.lone)
        return self

    def run(
        self, task: Task, paths: Iterable[str], stop: Stop, timeout: float | None = None
    ) -> Iterator[End | None]:
        """Do all inputs and yield their ends as they come, in any order; None now and then.

        An input whose process dies costs no other. It is tried once more when
        all others are done, alone, for memory may have been short.
        """
        died: list[str] = []
        for end in self._stream(task, paths, stop, timeout):
            if end is not None and end.died:
                died.append(end.outcome.input)
            else:
                yield end
        for path in died:
            yield from self._stream(task, [path], stop, timeout)

    def _stream(
        self, task: Task, paths: Iterable[str], stop: Stop, timeout: float | None
    ) -> Iterator[End | None]:
        """Keep the crew busy and yield the ends as they come, None while waiting for one."""
        waiting = iter(paths)
        under_way: dict[Future, str] = {}
        try:
            while not stop.overdue:
                room = 0 if stop.asked else self.size() - len(under_way)
                for path in islice(waiting, max(0, room)):
                    under_way[self.executor.submit(self.work, task, path, timeout)] = path
                if not under_way:
                    return
                yield None
                for future in wait(under_way, POLL, FIRST_COMPLETED).done:
                    path = under_way.pop(future)
                    error = CancelledError() if future.cancelled() else future.exception()
                    if error is None:
                        yield future.result()
                    else:
                        yield task.lost(path, f"was lost ({one_line(error)})", died=True)
        finally:
            if under_way:
                self.abort(stop.code)


# --- a process for each input under way ---------------------------------------


class Worker:
    """A process that does one input after another, and may die of any.

    It is driven through a pipe, by one thread. Pools of processes know more, but
    one that is ended while it is given work may wait for ever.

    Parameters
    ----------
    context : multiprocessing context
        How to start it.
    """

    def __init__(self, context: BaseContext) -> None:
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, os.getpid()))
        self._process.start()
        theirs.close()  # so that the pipe ends when the process does

    @property
    def is_alive(self) -> bool:
        """Whether it can be given an input: the pipe of one that has died has ended."""
        return not self._pipe.poll()

    def do(self, task: Task, path: str, timeout: float | None) -> End:
        """Do one input, for `timeout` seconds at most: then, as if it dies, the process ends."""
        try:
            self._pipe.send((task, path))
            if self._pipe.poll(timeout):
                return self._pipe.recv()
        except (EOFError, OSError):
            self.kill()
            if _ended.is_set():
                return task.lost(path, CUT_SHORT)
            return task.lost(path, f"its process died ({self._how()})", died=True)
        self.kill()  # before what it may have written goes
        return task.lost(path, f"took longer than {timeout:g} s (--timeout)")

    def kill(self) -> None:
        """End the process, whatever it does."""
        if self._process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()

    def _how(self) -> str:
        """Return how it ended, and what that may mean."""
        for _ in range(100):
            code = self._process.exitcode
            if code is not None:
                return _told(code)
            time.sleep(0.01)  # another thread that starts a process was told, and keeps it at once
        return "unknown exit code"


def _told(code: int) -> str:
    """Return the name of an exit code, and what it may mean."""
    if code >= 0:
        return f"EXIT({code})"
    known = -code in list(signal.Signals)
    name = signal.Signals(-code).name if known else "a signal"
    return f"{name}({code})" + (": memory used up?" if name == "SIGKILL" else "")


def _serve(pipe: Connection, parent: int) -> None:
    """Do the inputs that come through the pipe, in a process of its own."""
    _follow(parent)
    # The pipe ends with the work: who is about to end must not be given more. And if the parent
    # has died, so shall we, in a moment.
    with pipe, suppress(EOFError, ConnectionError):
        while pipe.poll(IDLE):
            task, path = pipe.recv()
            pipe.send(_end(task, path))


def _end(task: Task, path: str) -> End:
    """Do one input, and return how it ended, whatever is raised."""
    try:
        return task(path)
    except BaseException as error:  # such as an interrupt of a step's own making
        return task.lost(path, f"was lost ({one_line(error)})", died=True)


def _follow(parent: int) -> None:
    """Live and die with the parent: it alone writes down what is done."""
    _leave_signals_to_the_parent()
    with suppress(OSError, AttributeError):  # Linux: at once, even while HDF5 waits for a disk
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _leave_signals_to_the_parent() -> None:
    """Ignore what a terminal or SLURM sends to all processes: the parent says when to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class Copies(Executor):
    """Does an input in a copy of this process, which is there at once.

    For a single input, which would else wait half a second for a worker to
    start. Where there are more, threads drive the workers, and a process with
    threads at work cannot be copied safely.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1)

    def submit(self, work: Callable, task: Task, path: str, timeout: float | None) -> "Future[End]":
        """Do one input, for `timeout` seconds at most."""
        worker = Worker(multiprocessing.get_context("fork"))
        _workers.add(worker)
        return self._threads.submit(_once, worker, task, path, timeout)


def _once(worker: Worker, task: Task, path: str, timeout: float | None) -> End:
    """Do the only input of a worker."""
    try:
        return worker.do(task, path, timeout)
    finally:
        worker.kill()


_workers: set[Worker] = set()  # of this process, to be ended with it
_own = threading.local()
_ended = threading.Event()  # no worker is to begin with another input
_starting = threading.Lock()  # so that none begins while they are ended


def in_worker(task: Task, path: str, timeout: float | None) -> End:
    """Do one input in the worker of this thread, a new one if it has died."""
    with _starting:
        from joblib.externals.loky.backend import get_context  # not by two threads at once

        if _ended.is_set():
            return task.lost(path, CUT_SHORT)
        worker = getattr(_own, "worker", None)
        if worker is None or not worker.is_alive:
            if worker is not None:
                worker.kill()  # it may be about to end
                _workers.discard(worker)
            worker = _own.worker = Worker(get_context("loky"))
            _workers.add(worker)
    return worker.do(task, path, timeout)


def _kill_workers() -> None:
    """End all workers, for good: their threads may be about to start new ones."""
    with _starting:
        _ended.set()
        while _workers:
            _workers.pop().kill()


# --- the engines --------------------------------------------------------------


def workers() -> int:
    """Return the number of cores that this process may use."""
    told = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if told.isdigit() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def crew(engine: str, jobs: int | None, scheduler: str | None) -> AbstractContextManager:
    """Return the crew of an engine, as a context; None comes of it where others lead."""
    if engine == "mpi":
        return mpi()
    return dask(jobs, scheduler) if engine == "dask" else local(jobs)


@contextmanager
def local(jobs: int | None) -> Iterator[Crew]:
    """Yield a crew of processes on this machine, each driven by a thread."""
    jobs = jobs or workers()
    _ended.clear()
    threads = ThreadPoolExecutor(jobs)
    try:
        lone = Copies() if sys.platform == "linux" else None
        yield Crew(threads, in_worker, lambda: jobs, lambda code: _kill_workers(), lone)
    finally:
        _kill_workers()
        threads.shutdown()


@contextmanager
def mpi() -> Iterator[Crew | None]:
    """Yield a crew of the other MPI ranks; on these, yield None when all is done.

    Raises
    ------
    ValueError
        If mpi4py is missing, or the launcher started several processes that MPI
        does not connect: each would do everything.
    """
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPICommExecutor
    except (ImportError, RuntimeError) as error:  # the latter where there is no MPI library
        raise ValueError(
            f"--engine mpi: {one_line(error)}: pip install 'captools[mpi]', and load an MPI"
        ) from None
    world = MPI.COMM_WORLD
    if world.Get_size() == 1:
        _check_launcher()
        with local(1) as alone:
            yield alone
        return
    _ended.clear()
    if world.Get_rank():
        _leave_signals_to_the_parent()
    try:
        with MPICommExecutor(world, root=0) as executor:
            if executor is not None:
                yield Crew(executor, in_worker, lambda: world.Get_size() - 1, world.Abort)
    finally:
        _kill_workers()
    if world.Get_rank():
        yield None


def _check_launcher() -> None:
    """Refuse to be one of several processes that do not know of each other."""
    for name in ("SLURM_STEP_NUM_TASKS", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
        count = os.environ.get(name, "")
        if count.isdecimal() and int(count) > 1:
            raise ValueError(
                f"--engine mpi: {count} processes were started ({name}), but MPI connects none "
                "of them, and each would do everything: use srun --mpi=pmi2, or the mpiexec of "
                "the MPI that mpi4py finds"
            )


@contextmanager
def dask(jobs: int | None, scheduler: str | None) -> Iterator[Crew]:
    """Yield a crew of the workers of a dask cluster, one of `jobs` processes if none is named.

    Raises
    ------
    ValueError
        If distributed is missing, or the scheduler does not answer.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ValueError(f"--engine dask: {error}: pip install 'captools[dask]'") from None
    # What happens to an input is in its outcome; dask's own words come with tracebacks.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with ExitStack() as stack:
        cluster = scheduler or stack.enter_context(
            LocalCluster(
                n_workers=jobs or workers(),
                threads_per_worker=1,
                dashboard_address=":0",
                preload=__name__,
            )
        )
        try:
            client = stack.enter_context(Client(cluster))
        except (OSError, ValueError) as error:
            raise ValueError(f"--scheduler {scheduler}: {one_line(error)}") from None
        executor = client.get_executor(pure=False)  # entered, it would wait for a lost cluster

        def size() -> int:
            try:
                return 2 * max(1, sum(client.nthreads().values()))
            except (OSError, RuntimeError, TimeoutError, AttributeError) as error:
                raise CaptoolsError(f"the dask scheduler was lost ({one_line(error)})") from None

        yield Crew(executor, in_dask_worker, size, lambda code: client.close())


def dask_setup(worker: object) -> None:
    """Prepare a worker of a cluster of our own (dask calls a preloaded module's by this name)."""
    _leave_signals_to_the_parent()


def in_dask_worker(task: Task, path: str, timeout: float | None) -> End:
    """Do one input in a process of a dask worker.

    Dask lets its workers have none, for fear that they outlive them: ours do not.
    """
    config = multiprocessing.current_process()._config
    if config.get("daemon"):
        config["daemon"] = False
        multiprocessing.util.Finalize(None, _kill_workers, exitpriority=1)
    return in_worker(task, path, timeout)
