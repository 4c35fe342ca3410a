"""The engine of MPI: the first rank leads, the others work."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import cast

from captools.engine.local import local
from captools.engine.pool import Pool
from captools.engine.worker import ended, in_worker, kill_workers, leave_signals_to_parent
from captools.errors import MissingExtra, one_line


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
                yield Pool(ranks, in_worker, lambda: world.Get_size() - 1, world.Abort)
    finally:
        kill_workers()
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
