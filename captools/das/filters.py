"""Zero-phase Butterworth filters: their response, and how far they reach.

The response is that of the filter of scipy run forwards and backwards (``sosfiltfilt``).
"""

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-6  # what a sample beyond the halo can do to one within, relative to it
MARGIN = 1.15  # poles that lie close together reach a little farther than one of them


@dataclass(frozen=True)
class Band:
    """The frequencies that a filter passes.

    Attributes
    ----------
    low, high : float or None
        Hertz, where half of the amplitude passes; None for all that are lower or higher.
    order : int
        Of the filter, as in scipy: a filter of both edges has twice as many poles.
    """

    low: float | None
    high: float | None
    order: int = 8

    def edges(self, rate: float) -> tuple[float, float]:
        """Return the edges as the bilinear transform has them, 0 and infinity for none.

        Raises
        ------
        ValueError
            If a record of this rate has no such band.
        """
        nyquist = rate / 2
        low = 0.0 if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        is_given = all(edge is None or 0 < edge < nyquist for edge in (self.low, self.high))
        if not (is_given and low < high and self.order >= 1 and (low or high < np.inf)):
            raise ValueError(
                f"band {low:g} to {high:g} Hz of order {self.order} is none of {rate:g} Hz: "
                f"edges rise, between 0 and {nyquist:g} Hz, and the order is 1 at least"
            )
        warped = np.inf if self.high is None else np.tan(np.pi * high / rate)
        return float(np.tan(np.pi * low / rate)), float(warped)


def power_response(frequencies: np.ndarray, band: Band, rate: float) -> np.ndarray:
    """Return what a zero-phase filter leaves of the amplitude at frequencies.

    Parameters
    ----------
    frequencies : array of float, any shape
        Hertz, from minus to plus Nyquist's.
    band : Band
    rate : float
        Samples per second.

    Returns
    -------
    array of float64
        From 0 to 1: the squared magnitude of the filter's response.
    """
    low, high = band.edges(rate)
    turn = np.abs(np.asarray(frequencies, float)) / rate
    warped = np.where(turn < 0.5, np.tan(np.pi * np.minimum(turn, 0.5)), np.inf)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if high == np.inf:
            distance = low / warped
        elif not low:
            distance = warped / high
        else:
            distance = (warped - low * high / warped) / (high - low)
        return 1 / (1 + distance ** (2 * band.order))


def halo(band: Band, rate: float, tolerance: float = TOLERANCE) -> int:
    """Return how many samples on both sides a filter needs to be right within.

    Examples
    --------
    >>> halo(Band(14, 35), 200)
    407
    """
    radius = float(np.abs(_poles(band, rate)).max())
    return int(np.ceil(MARGIN * np.log(tolerance) / np.log(radius)))


def _poles(band: Band, rate: float) -> np.ndarray:
    """Return the poles of the digital filter."""
    low, high = band.edges(rate)
    turn = (2 * np.arange(band.order) + band.order + 1) / (4 * band.order)
    poles = np.exp(2j * np.pi * turn)  # of a low-pass up to 1
    if high == np.inf:
        poles = low / poles
    elif not low:
        poles = poles * high
    else:
        middle = poles * (high - low) / 2
        apart = np.sqrt(middle**2 - low * high)
        poles = np.concatenate([middle + apart, middle - apart])
    return (1 + poles) / (1 - poles)


def envelope_step(band: Band, rate: float) -> int:
    """Return the longest step at which an envelope's power still has all that is in it.

    Examples
    --------
    >>> envelope_step(Band(14, 35), 200)
    4
    """
    low, high = band.low or 0.0, rate / 2 if band.high is None else band.high
    return max(1, int(rate / (2 * (high - low))))


def extended(samples: np.ndarray, before: int, after: int) -> np.ndarray:
    """Return samples mirrored about their first and last one, for the true ends of a record.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
    before, after : int
        How many samples are put before and after.

    Returns
    -------
    array, shape (before + time + after, channel)
        Whole numbers of a type that holds them.
    """
    if samples.dtype.kind in "iu":
        samples = samples.astype(np.int32 if samples.dtype.itemsize <= 2 else np.int64)
    widths = ((before, after), (0, 0))
    return np.pad(samples, widths, mode="reflect", reflect_type="odd")


def common_mode(samples: np.ndarray) -> np.ndarray:
    """Return the median of all channels at each time; what is missing does not count.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        All channels.

    Returns
    -------
    array of float32 or float64, shape (time,)
        float64 where float32 cannot hold the samples; 0 where all are missing.
    """
    floats = _floats(samples)
    with np.errstate(invalid="ignore"):  # infinite less infinite
        median: np.ndarray = np.median(floats, axis=1)
        total = floats.sum(axis=1)
    for time in np.flatnonzero(~np.isfinite(total)):
        present = floats[time, np.isfinite(floats[time])]
        median[time] = np.median(present) if present.size else 0.0
    return median


def without_common_mode(samples: np.ndarray, mode: np.ndarray | None = None) -> np.ndarray:
    """Return samples less the median of all channels at each time.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        All channels, or some of them.
    mode : array of float, shape (time,), optional
        The median, if it is known.

    Returns
    -------
    array of float32 or float64, shape (time, channel)
        float64 where float32 cannot hold the samples.
    """
    mode = common_mode(samples) if mode is None else mode
    floats = _floats(samples)
    with np.errstate(invalid="ignore"):
        floats -= mode[:, np.newaxis]
    return floats


def _floats(samples: np.ndarray) -> np.ndarray:
    """Return a copy as floating-point numbers that hold the samples."""
    is_wide = samples.dtype.itemsize > 2 and samples.dtype != np.float32
    return samples.astype(np.float64 if is_wide else np.float32)
