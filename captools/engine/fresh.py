"""Processes that are no copies of this one, which may be in the middle of HDF5, or have threads."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess
from types import ModuleType

# What Python's keeper of semaphores says when it removes those of processes that were killed.
QUIET = "ignore:resource_tracker"
_starting = threading.Lock()


class FreshProcess(SpawnProcess):
    """A process that begins as an interpreter of its own, and runs nothing but its target.

    Those of `multiprocessing` begin with the script that is run, and so need a guard in it, which
    is too much to ask of somebody who calls one function.
    """

    def start(self) -> None:
        """Start it, as if this process ran no script."""
        with _starting, _no_script():
            _start_keeper()
            super().start()


@contextmanager
def _no_script() -> Iterator[None]:
    """Hide the script that is run."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _start_keeper() -> None:
    """Start Python's keeper of semaphores, if it is not there, so that it is quiet."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{before},{QUIET}" if before else QUIET
    try:
        resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before
