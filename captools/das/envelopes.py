"""Envelopes of filtered samples, in dB: band-pass, Hilbert transform and decimation in one.

A filter first and a Hilbert transform of its output then would be wrong at both ends of whatever
piece is transformed: its effect decays slowly. Here both are one set of taps, which ends.
"""

import numpy as np

from captools.das import convolving
from captools.das.taps import Taps


def envelope_levels(samples: np.ndarray, taps: Taps) -> np.ndarray:
    """Return levels of the envelope: 20 log10 of it, relative to one unit.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        With a halo before and after; NaN is missing.
    taps : Taps
        Of `taps.analytic`.

    Returns
    -------
    array of float32, shape (taps.count(len(samples)), channels)
        The first is of the sample that follows on the halo. What is zero is minus infinity.
    """
    out = np.empty((taps.count(len(samples)), samples.shape[1]), np.float32, "F")
    for block, centre, power in convolving.scaled(samples, taps):
        with np.errstate(divide="ignore"):
            np.log(power, out=power)
        np.multiply(power, power.dtype.type(10 / np.log(10)), out=power)
        np.add(power, centre.decibels, out=out[:, block], casting="same_kind")
    return out
