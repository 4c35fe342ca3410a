"""Envelopes by the Fourier transform: taps that pass a band, and only the samples that are wanted.

The transform back is of the band alone, at the rate of what is wanted. It is of a length at which
nothing goes round: each sample depends on its halo alone, as with a matrix product of the taps.
"""

from typing import Final

import numpy as np

from captools.das.taps import Stage
from captools.extras import require

# Of the response, what is cut off: what beyond its halo a sample then depends on is less, and a
# burst leaves nothing in what is quiet beside it.
CUT = 1e-9


class Passed:
    """Makes the power of envelopes: of filtered samples and their Hilbert transform.

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

        self.order: Final = "F"  # times of a channel lie side by side in memory
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
        # In the precision of what is transformed.
        response = response[self.band]
        self.responses = {kind: response.astype(kind) for kind in ("complex64", "complex128")}

    def of(self, floats: np.ndarray) -> np.ndarray:
        """Return squares of filtered samples and of their Hilbert transform, added up.

        Shape (wanted, channels), the times of a channel side by side.
        """
        spectrum = self.fft.rfft(floats.T, self.room, axis=1)[:, self.band]
        made = self.fft.ifft(self._folded(spectrum), axis=1, overwrite_x=True)[:, : self.wanted]
        power = np.square(made.real)
        power += np.square(made.imag)
        return power.T

    def _folded(self, spectrum: np.ndarray) -> np.ndarray:
        """Return what passes of a spectrum, as it is where fewer samples are made."""
        response = self.responses[spectrum.dtype.name]
        folded = np.empty((len(spectrum), self.few), spectrum.dtype)
        place = self.band.start % self.few
        first = min(len(response), self.few - place)
        np.multiply(spectrum[:, :first], response[:first], out=folded[:, place : place + first])
        folded[:, :place] = folded[:, place + first :] = 0
        for start in range(first, len(response), self.few):
            some = slice(start, start + self.few)
            passed = spectrum[:, some] * response[some]
            folded[:, : passed.shape[1]] += passed
        return folded

    @staticmethod
    def quietest(power: np.ndarray) -> np.ndarray:
        """Return of each channel how loud it is where it is quietest.

        An envelope passes through zero next to never. It is up to a root of two more than what it
        is made of.
        """
        return np.sqrt(np.fmin.reduce(power, axis=0, initial=np.inf) / 2)
