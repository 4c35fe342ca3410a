"""DASCore, imported so that processes that begin together do not disturb each other."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from captools.extras import require


def load() -> None:
    """Import DASCore.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    if sys.modules.get("dascore"):
        return
    with _units_of_its_own():
        require("das", "dascore")
        from dascore.units import get_registry

        get_registry()


@contextmanager
def _units_of_its_own() -> Iterator[None]:
    """Let pint keep no units on the disk, of which DASCore makes its own at import.

    They are kept for all processes of a user, written in place: one that begins meanwhile reads
    half of them, and if one is killed meanwhile, so do all from then on. To make them anew takes a
    tenth of a second.
    """
    try:
        pint: Any = import_module("pint")
    except ModuleNotFoundError:  # DASCore is missing, too, and is named
        yield
        return
    shared = pint.UnitRegistry
    pint.UnitRegistry = lambda cache_folder=None, **options: shared(**options)
    try:
        yield
    finally:
        pint.UnitRegistry = shared
