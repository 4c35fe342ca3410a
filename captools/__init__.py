"""captools reduces large instrument files to small analysis-ready ones.

Every command is also a function, ``from captools import readatl06``, of a path, a
folder, a glob or a list of these.
"""

import os
from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name: str):
    """Give the function of the step ``name``, importing it only now."""
    if name not in _steps():
        raise AttributeError(f"module 'captools' has no attribute {name!r}")
    calling = import_module("captools.run.calling")
    globals()[name] = calling.callable_of(import_module(f"captools.steps.{name}"))
    return globals()[name]


def __dir__() -> list[str]:
    """Name the steps and the version: what else is here, such as modules, is not for users."""
    return sorted({"__version__", *_steps()})


def _steps() -> set[str]:
    # Without pathlib: of a command that has just been called, this is the first to be imported.
    names = os.listdir(os.path.join(os.path.dirname(__file__), "steps"))
    return {name[:-3] for name in names if name.endswith(".py") and name[0].isalpha()}
