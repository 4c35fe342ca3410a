"""Which values are black and white in pictures: given, the same of all, or of each its own."""

import math
from collections.abc import Sequence

import numpy as np

from captools.das.picturing import pictures
from captools.das.pixels import limits
from captools.das.recipes import Recipe
from captools.das.tasks import Windows
from captools.errors import InputError

PERCENTILE, WINDOW = "percentile", "window"
PERCENT = 1.0  # of all pixels are beyond each limit
LOOKED_AT = 8  # windows, spread over all there are, that the limits of all are from
QUIET_DECIBELS = 60.0  # below the median: so quiet are channels that feel nothing, but for rounding
Given = str | Sequence[float]


def parse_limits(given: Given) -> str | tuple[float, float]:
    """Return the limits that are asked for: two numbers, or a word.

    Parameters
    ----------
    given : str or (float, float)
        ``LO,HI``, ``percentile`` or ``window``.

    Raises
    ------
    ValueError
        If they are none.
    """
    if given in (PERCENTILE, WINDOW):
        return str(given)
    words = given.replace(",", " ").split() if isinstance(given, str) else list(given)
    try:
        low, high = map(float, words)
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(
            f"{given!r} are no limits: two numbers, the first below the second, "
            f"{PERCENTILE} or {WINDOW}"
        )
    return low, high


def decided(runs: Sequence[Windows], recipe: Recipe) -> tuple[float, float]:
    """Return limits for all windows: those of all but a few pixels of windows spread over all.

    The same windows give the same limits, whatever share of them is drawn. Levels are rounded to
    whole decibels, so that no rounding of a processor shows.

    Raises
    ------
    ValueError
        If none of the windows can be read.
    """
    places = [(run, number) for run in runs for number in run.numbers]
    chosen = np.unique(np.linspace(0, len(places) - 1, LOOKED_AT).round().astype(int))
    found: list[np.ndarray] = []
    error = None
    for place in chosen:
        run, number = places[place]
        try:
            for picture in pictures(run.with_part(numbers=[[number, number + 1]]), recipe):
                found.append(_loud(picture.values, recipe).ravel())
        except InputError as one:  # it will be an input that fails
            error = one
    if not found:
        raise ValueError(f"limits cannot be found, give two: {error}")
    low, high = limits(np.concatenate(found), PERCENT)
    if math.isnan(low):
        return -1.0, 1.0
    if recipe.is_level:
        low, high = float(math.floor(low)), float(math.ceil(high))
        return low, high if low < high else low + 1.0
    most = _rounded_up(max(-low, high))
    return -most, most


def _rounded_up(value: float) -> float:
    """Return the next number of two digits.

    Examples
    --------
    >>> _rounded_up(0.01234), _rounded_up(0.0)
    (0.013, 1.0)
    """
    if not value > 0:
        return 1.0
    digits = 1 - math.floor(math.log10(value))
    return round(math.ceil(value * 10.0**digits) / 10.0**digits, max(digits, 0))


def own(values: np.ndarray, recipe: Recipe) -> tuple[float, float]:
    """Return the limits of one picture: its least and most."""
    low, high = limits(_loud(values, recipe))
    return (low, high) if low < high else (-1.0, 1.0) if math.isnan(low) else (low, low + 1.0)


def _loud(values: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return a picture without columns of channels that feel next to nothing.

    A channel in which a single sample differs is not dead, but what is left of it in most bands is
    rounding, far below all else: by that one, all others would be of one shade.
    """
    if not recipe.is_level:
        return values
    present = np.where(np.isfinite(values), values, np.nan)
    has_any = np.isfinite(present).any(axis=0)
    if not has_any.any():
        return values
    medians = np.nanmedian(present[:, has_any], axis=0)
    is_loud = medians >= np.median(medians) - QUIET_DECIBELS
    return present[:, has_any][:, is_loud]
