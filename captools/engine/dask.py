"""The engine of a dask cluster."""

import logging
import multiprocessing.util
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from captools.engine.pool import Pool
from captools.engine.work import Result, Work
from captools.engine.worker import in_worker, kill_workers, leave_signals_to_parent
from captools.errors import CaptoolsError, MissingExtra, one_line
from captools.process import workers


@contextmanager
def dask(jobs: int | None, scheduler: str | None) -> Iterator[Pool]:
    """Yield a pool of the workers of a dask cluster, one of `jobs` processes if none is named.

    Raises
    ------
    ValueError
        If the scheduler does not answer.
    MissingExtra
        If distributed is missing.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise MissingExtra(f"--engine dask: {error}: pip install 'captools[dask]'") from None
    # Outcomes say what happens to inputs; the log of dask would add tracebacks.
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
        executor = client.get_executor(pure=False)  # leaving it would wait for a lost cluster

        def size() -> int:
            try:
                return 2 * max(1, sum(client.nthreads().values()))
            except (OSError, RuntimeError, TimeoutError, AttributeError) as error:
                raise CaptoolsError(f"the dask scheduler was lost ({one_line(error)})") from None

        yield Pool(executor, in_dask_worker, size, lambda code: client.close())


def dask_setup(worker: object) -> None:
    """Prepare a worker of a cluster of our own (dask calls a preloaded module's by this name)."""
    leave_signals_to_parent()


def in_dask_worker(work: Work, item: Any, timeout: float | None) -> Result:
    """Do one input in a process of a dask worker.

    Dask lets its workers have none, for fear that they outlive them: ours do not.
    """
    config = vars(multiprocessing.current_process())["_config"]
    if config.get("daemon"):
        config["daemon"] = False
        multiprocessing.util.Finalize(None, kill_workers, exitpriority=1)
    return in_worker(work, item, timeout)
