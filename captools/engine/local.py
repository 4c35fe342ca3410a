"""The engine of one machine: processes, each driven by a thread."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import (
    ThreadPoolExecutor,
)
from contextlib import contextmanager

from captools.engine.pool import Pool
from captools.engine.worker import Copies, copied, drive, ended, in_worker, kill_workers
from captools.process import workers


@contextmanager
def local(jobs: int | None, may_copy: bool = False) -> Iterator[Pool]:
    """Yield a pool of processes on this machine, each driven by a thread.

    They are copies of this one, which are there at once, if they may and it has no other thread.
    """
    jobs = jobs or workers()
    ended.clear()
    may_copy = may_copy and sys.platform == "linux" and threading.active_count() == 1
    copies = [copied() for _ in range(jobs)] if may_copy else []
    threads = ThreadPoolExecutor(jobs, initializer=drive, initargs=(copies,))
    try:
        lone = Copies() if sys.platform == "linux" else None
        yield Pool(threads, in_worker, lambda: jobs, lambda code: kill_workers(), lone)
    finally:
        kill_workers()
        threads.shutdown()
