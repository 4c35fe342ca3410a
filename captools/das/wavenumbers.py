"""Power of a window by frequency and wavenumber: which waves travel along the fibre, and where."""

from dataclasses import dataclass

import numpy as np

from captools.das.centring import Centre
from captools.das.tapers import tukey

TAPERED = 0.1  # of the window, in time and along the fibre


@dataclass(frozen=True)
class Waves:
    """Power by frequency and wavenumber.

    Attributes
    ----------
    levels : array of float32, shape (frequencies, wavenumbers)
        10 log10 of the density, relative to one unit squared per hertz and per 1/m.
    frequencies : array of float64
        Hertz, those of the band.
    wavenumbers : array of float64
        Per metre, increasing; waves of positive ones travel towards later channels.
    """

    levels: np.ndarray
    frequencies: np.ndarray
    wavenumbers: np.ndarray


def frequency_wavenumber(
    samples: np.ndarray, rate: float, spacing: float, low: float = 0.0, high: float = np.inf
) -> Waves:
    """Return the power of a window by frequency and wavenumber.

    Parameters
    ----------
    samples : array of int or float, shape (time, channel)
        All channels. What is missing counts as if nothing happened there.
    rate, spacing : float
        Samples per second, and metres from one channel to the next.
    low, high : float
        The band, in hertz.
    """
    times, channels = samples.shape
    if times < 2 or channels < 2 or not spacing > 0:
        raise ValueError(
            f"{times} samples of {channels} channels {spacing:g} m apart have no wavenumbers"
        )
    all_frequencies = np.fft.rfftfreq(times, 1 / rate)
    inside = np.flatnonzero((all_frequencies >= low) & (all_frequencies <= high))
    in_time, in_space = tukey(times, TAPERED), tukey(channels, TAPERED)
    centre = Centre.of(samples)
    floats = np.nan_to_num(centre.apply(samples, np.empty(samples.shape, centre.dtype)))
    floats *= in_time[:, np.newaxis].astype(centre.dtype)
    floats *= in_space.astype(centre.dtype)
    spectrum = np.empty((len(inside), channels), complex)
    for channel in range(channels):  # one by one, for all at once would need much memory
        spectrum[:, channel] = np.fft.rfft(floats[:, channel].astype(float))[inside]
    # The other sign than in time, so that crests of positive wavenumbers travel onwards.
    spectrum = np.fft.ifft(spectrum, axis=1, norm="forward")
    power = np.fft.fftshift(spectrum.real**2 + spectrum.imag**2, axes=1)
    power *= 2 * spacing / (rate * (in_time**2).sum() * (in_space**2).sum())
    with np.errstate(divide="ignore"):
        levels = 10 * np.log10(power) + centre.decibels
    wavenumbers = np.fft.fftshift(np.fft.fftfreq(channels, spacing))
    return Waves(levels.astype(np.float32), all_frequencies[inside], wavenumbers)
