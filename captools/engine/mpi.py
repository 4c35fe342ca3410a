"""The engine of MPI: the first rank leads, the others work."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import cast

from captools.engine.local import local
from captools.engine.pool import Pool
from captools.engine.worker import ended, in_worker, kill_workers, leave_signals_to_parent
from captools.errors import CaptoolsError, MissingExtra, one_line
from captools.process import GRACE_SECONDS

log = logging.getLogger(__name__)


@contextmanager
def mpi() -> Iterator[Pool | None]:
    """Yield a pool of the other MPI ranks; on these, yield None when all is done.

    Raises
    ------
    ValueError
        If the launcher started several processes that MPI does not connect: each would
        do everything.
    MissingExtra
        If mpi4py is missing.
    """
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPICommExecutor
    except (ImportError, RuntimeError) as error:  # RuntimeError without an MPI library
        raise MissingExtra(
            f"--engine mpi: {one_line(error)}: pip install 'captools[mpi]', and load an MPI"
        ) from None
    world = MPI.COMM_WORLD
    if world.Get_size() == 1:
        _check_launcher()
        with local(1) as alone:
            yield alone
        return
    ended.clear()
    if world.Get_rank():
        leave_signals_to_parent()
    try:
        with MPICommExecutor(world, root=0) as executor:
            if executor is not None:
                ranks = cast(Executor, executor)  # it has all methods of one
                with _ending(ranks, world.Abort):
                    size = world.Get_size() - 1
                    yield Pool(ranks, in_worker, lambda: size, _hasten(world.Abort))
    finally:
        kill_workers()
    if world.Get_rank():
        yield None


def _hasten(abort: Callable[[int], None]) -> Callable[[int], None]:
    """Return what ends all ranks where a signal asked for the end, and its grace is over.

    Where something else did (code 1), this rank has to say what before it ends.
    """
    return lambda code: abort(code) if code != 1 else None


@contextmanager
def _ending(ranks: Executor, abort: Callable[[int], None]) -> Iterator[None]:
    """Wait for what is under way when an error ends the block, but not for ever."""
    try:
        yield
    except BaseException as error:
        late = threading.Timer(GRACE_SECONDS, _give_up, (error, abort))
        late.daemon = True
        late.start()
        ranks.shutdown(cancel_futures=True)
        late.cancel()
        raise


def _give_up(error: BaseException, abort: Callable[[int], None]) -> None:
    """End all ranks with the exit code of an error, which nobody will say any more."""
    if isinstance(error, CaptoolsError):
        log.error("error: %s", one_line(error))
    known = {KeyboardInterrupt: 130, GeneratorExit: 0}
    code = error.code if isinstance(error, SystemExit) else known.get(type(error), 1)
    abort(code if isinstance(code, int) else 1)


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
