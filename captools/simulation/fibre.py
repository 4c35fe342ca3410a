"""What a fibre feels: a known function of the number of the sample and of the channel.

Sample n is at n / rate seconds since 1970. A tone travels along the fibre, every ten seconds
something happens somewhere along it, there is noise, and some channels are dead. Any part of it
is the same however it is asked for, so that pieces can be compared with the whole.
"""

from dataclasses import dataclass

import numpy as np

SPEED = 1500.0  # m/s, of all that travels: sound in water
TONE_HZ, TONE = 20.0, 100.0  # frequency and amplitude
EVENT_SECONDS, EVENT_HZ, EVENT = 10.0, 25.0, 1000.0  # one every so often; frequency, amplitude
EVENT_WIDTH = 0.1  # s, standard deviation of its envelope
EVENT_REACH = 6 * EVENT_WIDTH  # s, from where it is below a count
GOLDEN = 0.6180339887498949
NOISE_BLOCK = 1024  # samples that have a generator of random numbers of their own


@dataclass(frozen=True)
class Fibre:
    """A fibre and what it is measured with; values are in counts of 1 nm/(m s).

    Parameters
    ----------
    channels : int
        How many.
    spacing : float
        Metres between channels; the first is at 0.
    rate : int
        Samples per second.
    noise : float
        Standard deviation of the noise, which is white.
    dead : tuple of int
        Channels that are always 0.
    seed : int
        Of the random numbers.
    """

    channels: int = 64
    spacing: float = 2.0
    rate: int = 200
    noise: float = 20.0
    dead: tuple[int, ...] = (5,)
    seed: int = 0

    def samples(self, first: int, count: int) -> np.ndarray:
        """Return samples, (time, channel), float64.

        Parameters
        ----------
        first, count : int
            Number of the first sample, and how many.
        """
        found = self.tone(first, count) + self.events(first, count) + self._noise(first, count)
        found[:, [one for one in self.dead if one < self.channels]] = 0
        return found

    def tone(self, first: int, count: int) -> np.ndarray:
        """Return the tone alone."""
        return TONE * np.cos(2 * np.pi * TONE_HZ * self._since(first, count, first // self.rate))

    def events(self, first: int, count: int) -> np.ndarray:
        """Return what happens, without the rest."""
        found = np.zeros((count, self.channels))
        slack = EVENT_REACH + self.channels * self.spacing / SPEED
        low = int((first / self.rate - slack) // EVENT_SECONDS)
        high = int(((first + count) / self.rate + slack) // EVENT_SECONDS)
        for number in range(low, high + 1):
            found += self._event(number, first, count)
        return found

    def event(self, number: int) -> tuple[float, float]:
        """Return when and where something happens: seconds since 1970 and metres."""
        length = self.channels * self.spacing
        return (number + 0.5) * EVENT_SECONDS, number * GOLDEN % 1 * length

    def _event(self, number: int, first: int, count: int) -> np.ndarray:
        """Return one event: a pulse that travels both ways from where it happens."""
        when, where = self.event(number)
        base = int(when)  # whole seconds are taken off first: sums of large numbers are rounded
        seconds = (first - base * self.rate + np.arange(count)) / self.rate - (when - base)
        late = np.abs(self.distances - where) / SPEED
        since = seconds[:, np.newaxis] - late
        pulse = EVENT * np.exp(-0.5 * (since / EVENT_WIDTH) ** 2)
        return np.where(
            np.abs(since) < EVENT_REACH, pulse * np.cos(2 * np.pi * EVENT_HZ * since), 0.0
        )

    @property
    def distances(self) -> np.ndarray:
        """Where the channels are (m)."""
        return self.spacing * np.arange(self.channels)

    def _since(self, first: int, count: int, second: int) -> np.ndarray:
        """Return the seconds since a whole second, less those that sound takes from channel 0."""
        seconds = (first - second * self.rate + np.arange(count)) / self.rate
        return seconds[:, np.newaxis] - self.distances / SPEED

    def _noise(self, first: int, count: int) -> np.ndarray:
        """Return the noise, which is of the sample's number alone, not of where a piece begins."""
        low, high = first // NOISE_BLOCK, -(-(first + count) // NOISE_BLOCK)
        blocks = [
            np.random.default_rng((self.seed, block)).standard_normal((NOISE_BLOCK, self.channels))
            for block in range(low, high)
        ]
        start = first - low * NOISE_BLOCK
        return self.noise * np.concatenate(blocks)[start : start + count]
