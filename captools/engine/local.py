"""The engine of one machine: processes, each driven by a thread."""

import sys
from collections.abc import Iterator
from concurrent.futures import (
    ThreadPoolExecutor,
)
from contextlib import contextmanager

from captools.engine.pool import Pool
from captools.engine.worker import ended, in_worker, kill_workers, start_copies
from captools.process import workers


@contextmanager
def local(jobs: int | None) -> Iterator[Pool]:
    """Yield a pool of processes on this machine, each driven by a thread."""
    jobs = jobs or workers()
    ended.clear()
    threads = ThreadPoolExecutor(jobs)
    try:
        copy = start_copies if sys.platform == "linux" else None
        yield Pool(threads, in_worker, lambda: jobs, lambda code: kill_workers(), copy)
    finally:
        kill_workers()
        threads.shutdown()
