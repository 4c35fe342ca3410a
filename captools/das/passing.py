"""Envelopes by the Fourier transform: taps that pass a band, and only the samples that are wanted.

The transform back is of the band alone, at the rate of what is wanted. It is of a length at which
nothing goes round: each sample depends on its halo alone, as with a matrix product of the taps.
"""

import numpy as np

from captools.das.taps import Stage
from captools.extras import require

# Of the response, what is cut off: what beyond its halo a sample then depends on is less, and a
# burst leaves nothing in what is quiet beside it.
CUT = 1e-9


class Passed:
    """Makes filtered samples and their Hilbert transform, two rows.

    Parameters
    ----------
    stage : Stage
        Of `taps.analytic`: next to nothing passes at negative frequencies.
    wanted : int
        How many filtered samples are made.

    Attributes
    ----------
    room : int
        How many samples it transforms; those that it is not given are zeros.

    Raises
    ------
    MissingExtra
        If scipy is not installed.
    """

    def __init__(self, stage: Stage, wanted: int):
        require("das", "scipy.fft")
        from scipy import fft  # here, for it takes a while, and nothing else needs it

        self.fft = fft
        self.wanted = wanted
        reach = stage.taps.shape[1]
        samples = (wanted - 1) * stage.step + reach
        # Of the transform back. Without factors of 7 and 11, which take twice as long.
        self.few = fft.next_fast_len(-(-samples // stage.step), real=True)
        self.room = self.few * stage.step
        response = np.fft.fft(stage.taps[0] + 1j * stage.taps[1], self.room)
        response = response[: self.room // 2 + 1]
        passes = np.flatnonzero(np.abs(response) > CUT * np.abs(response).max())
        self.band = slice(int(passes[0]), int(passes[-1]) + 1)
        # The first sample that is wanted is that on which all taps lie.
        turns = np.arange(len(response)) * (reach - 1) % self.room / self.room
        response = response * np.exp(2j * np.pi * turns) / stage.step
        self.response = response[self.band, np.newaxis]

    def of(self, floats: np.ndarray) -> np.ndarray:
        """Return filtered samples, shape (2, wanted, channels)."""
        spectrum = self.fft.rfft(floats, self.room, axis=0)[self.band]
        spectrum *= self.response.astype(spectrum.dtype)
        folded = np.zeros((self.few, floats.shape[1]), spectrum.dtype)
        place = self.band.start % self.few  # of a frequency, once fewer samples are made
        while len(spectrum):
            some = spectrum[: self.few - place]
            folded[place : place + len(some)] += some
            spectrum, place = spectrum[len(some) :], 0
        made = self.fft.ifft(folded, axis=0, overwrite_x=True)[: self.wanted]
        return np.stack([made.real, made.imag])
