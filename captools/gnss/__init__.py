"""GNSS signal strength: RINEX observations to an array, and their statistics.

May import engine, flat, geo and io. What is read is handed on from here:
``gnss.read_observations``, which returns ``gnss.Observations``.
"""

from importlib import import_module

_FROM = {"Observations": "observations", "read_observations": "reading"}


def __getattr__(name: str):
    """Return what reads RINEX files, imported only now."""
    if name not in _FROM:
        raise AttributeError(f"module 'captools.gnss' has no attribute {name!r}")
    return getattr(import_module(f"captools.gnss.{_FROM[name]}"), name)
