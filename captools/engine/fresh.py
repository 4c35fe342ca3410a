"""Processes that are no copies of this one, which may be in the middle of HDF5, or have threads."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType

_starting = threading.Lock()


class FreshProcess(SpawnProcess):
    """A process that begins as an interpreter of its own, and runs nothing but its target.

    Those of `multiprocessing` begin with the script that is run, and so need a guard in it, which
    is too much to ask of somebody who calls one function.
    """

    def start(self) -> None:
        """Start it, as if this process ran no script."""
        with _no_script():
            super().start()


class FreshContext(SpawnContext):
    """How to start such processes."""

    Process = FreshProcess  # type: ignore[assignment]


@contextmanager
def _no_script() -> Iterator[None]:
    """Hide the script that is run."""
    with _starting:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = script
