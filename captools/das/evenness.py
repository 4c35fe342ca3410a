"""What is even: where a series of times has one step and no jump, and channels one spacing."""

import itertools
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from captools.das.records import TOLERANCE_SAMPLES

LAG_SAMPLES = 10_000  # over so many samples a step is measured: times are rounded, and may jump
SAME_RATE = 1e-6  # relative: as far as a clock is from the rate it is set to
ROUNDING = 1000  # nanoseconds that times may be rounded to
MOSTLY = 0.9  # of all steps: if so many are the same, times are not rounded
MOST = 1000  # stretches: times that jump more often are those of no record
FEW_SAMPLES = 10  # that jump back are damage, more are a file that was joined
TOLERANCE = 0.5  # of a step: as far as a time may be from where an even series has it


def even_step(times: np.ndarray) -> float:
    """Return the step of a series of times, most of which are even.

    Parameters
    ----------
    times : numpy.ndarray of int64
        Nanoseconds, two at least.

    Returns
    -------
    float
        Nanoseconds. A rate that is a whole number of samples per second but for the rounding of
        the times is taken as such.

    Raises
    ------
    ValueError
        If times do not grow.

    Examples
    --------
    >>> even_step(np.array([0, 333_333_000, 666_667_000, 1_000_000_000]))
    333333333.3333333
    """
    steps = np.diff(times)
    usual = np.median(steps)
    if usual <= 0:
        raise ValueError("its times do not grow")
    if np.mean(steps == usual) > MOSTLY:
        return float(usual)
    jumps = np.flatnonzero(np.abs(steps - usual) > TOLERANCE * usual)
    ends = np.concatenate([[-1], jumps, [len(steps)]])
    longest = int(np.diff(ends).argmax())
    smooth = times[ends[longest] + 1 : ends[longest + 1] + 1]
    if len(smooth) < 2:
        raise ValueError("its times are not even")
    lag = min(LAG_SAMPLES, len(smooth) - 1)
    step = float(np.median(smooth[lag:] - smooth[:-lag])) / lag
    rate = round(1e9 / step)
    tolerance = max(SAME_RATE, ROUNDING / (lag * step))
    return 1e9 / rate if rate and abs(rate * step / 1e9 - 1) <= tolerance else step


def unrounded(step: int) -> float:
    """Return a step of which a file has whole nanoseconds: that of a whole rate, if it is one.

    Examples
    --------
    >>> unrounded(333_333), unrounded(1_500_000)
    (333333.3333333333, 1500000.0)
    """
    rate = round(1e9 / step)
    return 1e9 / rate if rate and abs(1e9 / rate - step) < 1 else float(step)


def stretches(blocks: Iterable[np.ndarray], step: float) -> Iterator[tuple[int, int, int]]:
    """Yield the stretches of a series of times that are even.

    A stretch ends where a time is more than half a step from where it should be, be it a gap, an
    overlap, or a clock that has drifted so far.

    Parameters
    ----------
    blocks : iterable of numpy.ndarray of int64
        The times, nanoseconds, one block after the other.
    step : float
        Nanoseconds between them.

    Yields
    ------
    (offset, start, samples)
        Number of the first time, that time, and how many there are.

    Examples
    --------
    >>> times = np.array([0, 10, 20, 50, 60])
    >>> list(stretches([times], 10.0))
    [(0, 0, 3), (3, 50, 2)]
    """
    offset = start = read = 0
    for block in blocks:
        done = 0
        if not read and len(block):
            start = int(block[0])
        while done < len(block):
            first = read + done - offset  # number in its stretch of the first time not done
            expected = step * np.arange(first, first + len(block) - done)
            wrong = np.abs(block[done:] - start - expected) > TOLERANCE * step
            if not wrong.any():
                break
            done += int(wrong.argmax())
            yield offset, start, read + done - offset
            offset, start = read + done, int(block[done])
        read += len(block)
    if read:
        yield offset, start, read - offset


def within_reason(found: Iterable[tuple[int, int, int]], step: float) -> list[tuple[int, int, int]]:
    """Return stretches, if they can be those of a record.

    Parameters
    ----------
    found : iterable of (int, int, int)
        As `stretches` yields them.
    step : float
        Nanoseconds between times.

    Raises
    ------
    ValueError
        If there are more than `MOST`, or a time stands for itself, as a damaged one does.
    """
    kept = list(itertools.islice(found, MOST + 1))
    if len(kept) > MOST:
        raise ValueError(f"its times jump {MOST:,} times and more")
    for (first, start, count), (second, later, other) in pairwise(kept):
        jump = abs(later - start - count * step) > TOLERANCE_SAMPLES * step
        is_back = later < start + count * step
        if jump and min(count, other) < (FEW_SAMPLES if is_back else 2):
            number = first if count < other else second
            raise ValueError(f"the time of its sample {number:,} is out of order")
    return kept


def even_distances(distances: np.ndarray) -> tuple[float, float]:
    """Return the first distance and the spacing, NaN if channels are not evenly spaced."""
    if len(distances) < 2:
        return float(distances[0]), np.nan
    spacing = float(distances[-1] - distances[0]) / (len(distances) - 1)
    is_even = np.abs(np.diff(distances) - spacing).max() < 0.01 * abs(spacing)
    return float(distances[0]), spacing if is_even else np.nan
