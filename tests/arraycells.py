"""What an array holds, as TileDB's own Python package says, and what it should hold."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from captools.gnss.context import ready
from captools.simulation.signals import NONE, receive

NUMBERS = {"G": 1, "R": 2, "S": 3, "E": 4, "C": 5, "J": 6, "I": 7}  # as EarthScope has them

Cells = dict[tuple[int, int, int, int], np.float32]  # dB-Hz, by the coordinates


def cells(array: Path | str, config: dict[str, str] | None = None) -> Cells:
    """Return all cells of an array."""
    ready()
    import tiledb

    context = tiledb.Ctx(config)
    with tiledb.open(str(array), ctx=context) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy, for TileDB
        found = opened[:]
    names = ("time", "constell", "sat", "obs_code", "snr")
    rows = zip(*(found[name].tolist() for name in names), strict=True)
    return {row[:4]: row[4] for row in rows}


def fragments(array: Path) -> list[str]:
    """Return the names of the fragments of an array."""
    return sorted(os.listdir(array / "__fragments"))


def simulated(station: str, days: Iterable[str], **recipe: object) -> Cells:
    """Return the cells of days as they were simulated."""
    found = {}
    for day in days:
        start = int(np.datetime64(day, "ms").astype(int))
        for signals in receive(station, np.datetime64(day), **recipe):
            times = start + signals.epoch * recipe["interval"] * 1000
            for code, values in zip(signals.codes, signals.thousandths.T, strict=True):
                keep = (values != NONE) & (values != 0)
                number = ord(code[0]) * 256 + ord(code[1])
                rows = (times[keep].tolist(), signals.satellite[keep].tolist())
                for when, satellite, value in zip(*rows, values[keep].tolist(), strict=True):
                    key = (when, NUMBERS[signals.system], satellite, number)
                    found[key] = np.float32(value / 1000)
    return found
