"""captools reduces large instrument files to small analysis-ready ones.

Every command is also a function: ``from captools import readatl06``.
"""

from importlib import import_module
from importlib.util import find_spec

__version__ = "0.1.0"


def __getattr__(name: str):
    """Give the function of the step ``name``, importing it only now."""
    if name.startswith("_") or find_spec(f"captools.steps.{name}") is None:
        raise AttributeError(f"module 'captools' has no attribute {name!r}")
    return getattr(import_module(f"captools.steps.{name}"), name)
