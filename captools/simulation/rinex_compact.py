"""Hatanaka's compression of RINEX: what changed since the epoch before.

Values become differences of third order along each satellite's arc, flags and lines of epochs
what is another character than before.
"""

from itertools import pairwise

import numpy as np

from captools.simulation.decimals import BLANK, decimals, lines
from captools.simulation.rinex_records import Records

ORDER = 3  # of the differences
AFRESH = np.frombuffer(f"{ORDER}&".encode(), "u1")  # before the first value of an arc
CLEARED = ord("&")  # where a character became a blank
NO_CLOCK = b"\n"  # the line of the receiver's clock, which is not given
_FIELD = len(AFRESH) + 14 + 1  # a number, and the blank behind it


def epoch_lines(version: int, heads: list[bytes], afresh: np.ndarray) -> list[bytes]:
    """Return the line of each epoch as it differs from the one before, and that of the clock.

    Parameters
    ----------
    version : int
        Of RINEX: 2 or 3.
    heads : list of bytes
        The lines with all their satellites.
    afresh : array of bool, shape (epochs,)
        Where nothing is taken from the epoch before.
    """
    longest = max(map(len, heads))
    padded = b"".join(line.ljust(longest) for line in heads)
    text = np.frombuffer(padded, "u1").reshape(len(heads), longest)
    changed = _changed(text, np.roll(text, 1, axis=0))
    changed[afresh] = text[afresh]
    if version == 2:
        changed[afresh, 0] = CLEARED
    found, starts = lines(changed)
    buffer = found.tobytes()
    return [buffer[start:end] + NO_CLOCK for start, end in pairwise(starts.tolist())]


def record_rows(records: Records, version: int, afresh: np.ndarray) -> np.ndarray:
    """Return a row of text for each record.

    Parameters
    ----------
    records : Records
        Of one system.
    version : int
        Of RINEX: 2 or 3.
    afresh : array of bool, shape (epochs,)
        Epochs at which every arc begins anew.

    Returns
    -------
    array of uint8, shape (records, bytes)
        ASCII; 0 stands for no byte.
    """
    count, types = records.values.shape
    starts = np.ones(count, bool)
    starts[1:] = (np.diff(records.satellite) != 0) | (np.diff(records.epoch) != 1)
    starts |= afresh[records.epoch]
    numbers, age = _differences(records, starts)
    fields = np.zeros((count * types, _FIELD), "u1")
    fields[:, len(AFRESH) : -1] = decimals(numbers.ravel(), _FIELD - 1 - len(AFRESH))
    fields[(age == 0).ravel(), : len(AFRESH)] = AFRESH
    fields[~records.present.ravel()] = 0
    fields[:, -1] = BLANK
    before = np.roll(records.flags, 1, axis=0)
    before[starts] = BLANK if version == 2 else 0  # as rnx2crx has it
    return np.concatenate([fields.reshape(count, -1), _changed(records.flags, before)], axis=1)


def _differences(records: Records, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers that stand for values, and how many of its arc are before each."""
    row = np.arange(len(starts))[:, None]
    gap = np.where(records.present, -1, row)
    gap = np.maximum(gap, np.where(starts, row[:, 0] - 1, -1)[:, None])
    age = row - 1 - np.maximum.accumulate(gap, axis=0)
    numbers = difference = records.values
    for order in range(1, ORDER + 1):
        difference = np.diff(difference, axis=0, prepend=0)
        numbers = np.where(age >= order, difference, numbers)
    return numbers, age


def _changed(text: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return what is another character than before, blanks elsewhere."""
    return np.where(text == before, BLANK, np.where(text == BLANK, CLEARED, text)).astype("u1")
