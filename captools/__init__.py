"""captools reduces large instrument files to small analysis-ready ones.

Every command is also a function, ``from captools import readatl06``, of a path, a
folder, a glob or a list of these.
"""

from importlib import import_module
from pathlib import Path

__version__ = "0.1.0"


def __getattr__(name: str):
    """Give the function of the step ``name``, importing it only now."""
    if name not in _steps():
        raise AttributeError(f"module 'captools' has no attribute {name!r}")
    calling = import_module("captools.run.calling")
    globals()[name] = calling.callable_of(import_module(f"captools.steps.{name}"))
    return globals()[name]


def __dir__() -> list[str]:
    """Name the steps, too."""
    return sorted({*globals(), *_steps()})


def _steps() -> set[str]:
    return {path.stem for path in (Path(__file__).parent / "steps").glob("[a-z]*.py")}
