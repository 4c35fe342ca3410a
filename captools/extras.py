"""What is installed only where it is asked for, and what is not imported where nobody needs it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from captools.errors import MissingExtra


def require(extra: str, *modules: str) -> None:
    """Import modules of an extra.

    Raises
    ------
    MissingExtra
        If one is not there; it names the extra.
    """
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise MissingExtra(f"needs {error.name}: pip install 'captools[{extra}]'") from None


_process = {"ours": False}


def own_process() -> None:
    """Say that nothing but captools runs in this process: the command, or a worker."""
    _process["ours"] = True


def is_own_process() -> bool:
    """Return whether nothing but captools runs in this process."""
    return _process["ours"]


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Let what is imported in the block do without modules that it can use, but we need not.

    That saves the command and each worker a second or more. Elsewhere nothing is left out: a
    program that calls captools may use the same library with all that it can do.
    """
    hidden = [name for name in modules if name not in sys.modules] if is_own_process() else []
    for name in hidden:
        sys.modules[name] = None  # as if it were not installed
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
