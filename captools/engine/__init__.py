"""Who does the work: processes on this machine, the ranks of MPI, the workers of a dask cluster.

May import io, errors and process. What the work is, an engine never looks into
(`captools.engine.work.Work`).
"""

from contextlib import AbstractContextManager


def check_engine(engine: str, scheduler: str | None) -> None:
    """Raise ValueError if a scheduler is given to an engine that has none."""
    if scheduler is not None and engine != "dask":
        raise ValueError("--scheduler goes with --engine dask")


def pool_of(engine: str, jobs: int | None, scheduler: str | None) -> AbstractContextManager:
    """Return the pool of an engine, as a context; errors as `check_engine`.

    The context yields None on MPI ranks other than 0, when all is done.
    """
    check_engine(engine, scheduler)
    if engine == "mpi":
        from captools.engine.mpi import mpi

        return mpi()
    if engine == "dask":
        from captools.engine.dask import dask

        return dask(jobs, scheduler)
    from captools.engine.local import local

    return local(jobs)
