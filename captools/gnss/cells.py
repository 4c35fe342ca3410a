"""Cells picked, put together, and each kept once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from captools.gnss.coding import series_numbers
from captools.gnss.observations import Cells, Observations

Span = tuple[np.datetime64, np.datetime64]


def picked(cells: Cells, which: np.ndarray) -> Cells:
    """Return some of the cells, by a mask or by indices."""
    columns = cells.time, cells.system, cells.satellite, cells.code
    return Cells(*(column[which] for column in columns))


def within(found: Observations, span: Span | None) -> Observations:
    """Return what lies in a half-open time span, datetime64[ms] in GPS time; all without one."""
    if span is None:
        return found
    start, end = span
    inside = (found.time >= start) & (found.time < end)
    cells = picked(found, inside)
    return replace(
        found,
        **vars(cells),
        thousandths=found.thousandths[inside],
        zeros=picked(found.zeros, (found.zeros.time >= start) & (found.zeros.time < end)),
        epochs=found.epochs[(found.epochs >= start) & (found.epochs < end)],
    )


def merged(files: Sequence[Observations]) -> tuple[Cells, np.ndarray, Cells]:
    """Return what files of one day have together.

    Returns
    -------
    cells : Cells
        Each once.
    thousandths : array of int
        The value of each; where several files have one, that of the last of these.
    zeros : Cells
        Where files have zeros, each once, and none has a value.
    """
    cells = _chained(files)
    last = _last_of_each(_keys(cells))
    zeros = _chained([one.zeros for one in files])
    zeros = picked(zeros, _last_of_each(_keys(zeros)))
    cells, values = picked(cells, last), np.concatenate([one.thousandths for one in files])[last]
    return cells, values, picked(zeros, ~np.isin(_keys(zeros), _keys(cells)))


def _chained(parts: Sequence[Cells]) -> Cells:
    names = ("time", "system", "satellite", "code")
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _keys(cells: Cells) -> np.ndarray:
    """Return a different number for each cell of a day."""
    time = cells.time.astype("M8[ms]").astype(np.int64) % 86_400_000
    return time << 32 | series_numbers(cells)


def _last_of_each(keys: np.ndarray) -> np.ndarray:
    """Return where each key stands, the last time if it is there several times."""
    _, first = np.unique(keys[::-1], return_index=True)
    return len(keys) - 1 - first
