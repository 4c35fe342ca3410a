"""What a simulated receiver of GNSS signals gets: which satellites, when, and how strongly.

A satellite rises and sets with its period, as a function of its number and the station's name.
Its signal is the stronger the higher it stands, with the fringes that its reflection from the
ground makes, and some noise.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

DAY_SECONDS = 86400
NONE = -1  # in place of a strength: the satellite does not send this code
LOWEST_DEGREES = 5.0  # above the horizon, where a receiver gets signals
STEP = 100  # thousandths of a dB-Hz: receivers give tenths
NOISE = 0.4  # standard deviation of a strength (dB-Hz)
REFLECTOR = 2.0  # height of the antenna above the ground (m)
NEAREST, FARTHEST = 20.2e6, 25.8e6  # satellites overhead and at the horizon (m)
LIGHT = 299_792_458.0
_EPOCH = np.datetime64("1980-01-06", "s")  # of GPS time
_GOLDEN = (5**0.5 - 1) / 2  # its multiples spread evenly over 0 to 1


@dataclass(frozen=True)
class System:
    """The satellites of a system, and what they send.

    Attributes
    ----------
    satellites : tuple of int
        Their numbers.
    period : float
        Seconds after which one stands where it stood; infinite for those that do not move.
    codes : dict of str to (float, float)
        Frequency (MHz), and how much stronger than the first a signal is (dB).
    """

    satellites: tuple[int, ...]
    period: float
    codes: dict[str, tuple[float, float]]


SYSTEMS = {
    "G": System(
        tuple(range(1, 33)),
        43082.0,
        {"1C": (1575.42, 0.0), "2W": (1227.60, -11.0), "5Q": (1176.45, 2.0)},
    ),
    "R": System(tuple(range(1, 25)), 40544.0, {"1C": (1602.0, 0.0), "2P": (1246.0, -3.0)}),
    "E": System(tuple(range(1, 37)), 50685.0, {"1C": (1575.42, 0.0), "5Q": (1176.45, 1.5)}),
    "C": System(tuple(range(6, 38)), 46404.0, {"2I": (1561.098, 0.0), "7I": (1207.14, 1.0)}),
    "J": System((1, 2, 3, 4), float("inf"), {"1C": (1575.42, 0.0), "5Q": (1176.45, 2.0)}),
    "I": System(tuple(range(1, 8)), float("inf"), {"5A": (1176.45, 0.0)}),
    "S": System((23, 31, 36, 48), float("inf"), {"1C": (1575.42, 0.0)}),
}
ONLY_EVEN = ("G", "5Q")  # only satellites of even numbers send this: the older ones do not


@dataclass(frozen=True)
class Signals:
    """What is received from one system, by satellite and time.

    Attributes
    ----------
    system : str
        G, R, S, E, C, J or I.
    codes : tuple of str
        Band and attribute, as 1C.
    epoch : array of int, shape (n,)
        Number of the epoch in the day, from 0.
    satellite : array of int, shape (n,)
        Its number.
    distance : array of float, shape (n,)
        To the satellite (m).
    thousandths : array of int, shape (n, codes)
        Strength in thousandths of a dB-Hz, `NONE` where the satellite does not send the code.
    """

    system: str
    codes: tuple[str, ...]
    epoch: np.ndarray
    satellite: np.ndarray
    distance: np.ndarray
    thousandths: np.ndarray


def receive(
    station: str,
    day: np.datetime64,
    systems: Iterable[str] = "GRE",
    codes: Iterable[str] | None = None,
    interval: int = 30,
    seed: int = 0,
) -> list[Signals]:
    """Return what a station receives on a day, by system.

    Parameters
    ----------
    station : str
        Its name.
    day : datetime64
        In GPS time.
    systems : iterable of str
        Of `SYSTEMS`.
    codes : iterable of str, optional
        Those that a system has of them; by default all that it has.
    interval : int
        Seconds between epochs.
    seed : int
        Of the noise; it is the same for a satellite whatever else is asked for.
    """
    seconds = np.arange(0, DAY_SECONDS, interval)
    start = int((day.astype("M8[s]") - _EPOCH).astype(int))
    wanted = None if codes is None else set(codes)
    found = []
    for system in systems:
        own = tuple(code for code in SYSTEMS[system].codes if wanted is None or code in wanted)
        if own:
            rng = np.random.default_rng((seed, zlib.crc32(station.encode()), start, ord(system)))
            noise = rng.normal(0.0, NOISE, (len(SYSTEMS[system].satellites), 4, len(seconds)))
            found.append(_of_system(system, own, station, start + seconds, noise))
    return found


def elevation(system: str, satellite: int, station: str, seconds: np.ndarray) -> np.ndarray:
    """Return how high a satellite stands at GPS seconds, in degrees; negative if it is set."""
    turns = _GOLDEN * satellite + zlib.crc32(f"{station}{system}".encode()) / 2**32
    if np.isinf(SYSTEMS[system].period):
        return np.full(len(seconds), 10.0 + 60.0 * (turns % 1.0))
    phase = (turns + seconds / SYSTEMS[system].period) % 1.0
    peak = 55.0 + 55.0 * (7 * _GOLDEN * satellite % 1.0)
    return peak * np.sin(2 * np.pi * phase) - 20.0


def strength(system: str, code: str, degrees: np.ndarray) -> np.ndarray:
    """Return how strong a signal is (dB-Hz), without noise, from satellites so high."""
    frequency, more = SYSTEMS[system].codes[code]
    sine = np.sin(np.radians(degrees))
    turns = 2 * REFLECTOR * sine * frequency * 1e6 / LIGHT  # of the wave on its way by the ground
    return 34.0 + more + 16.0 * sine + 3.0 * (1.0 - sine) * np.cos(2 * np.pi * turns)


def _of_system(
    system: str, codes: tuple[str, ...], station: str, seconds: np.ndarray, noise: np.ndarray
) -> Signals:
    """Return what is received at these times; noise is by satellite, code and time."""
    of_system = SYSTEMS[system]
    places = [list(of_system.codes).index(code) for code in codes]
    parts = list(_of_satellites(of_system, system, station, seconds))
    epoch = np.concatenate([up for _, _, up, _ in parts])
    degrees = np.concatenate([high for _, _, _, high in parts])
    satellite = np.concatenate([np.full(len(up), number) for number, _, up, _ in parts])
    rows = np.concatenate([np.full(len(up), row) for _, row, up, _ in parts])
    thousandths = np.empty((len(epoch), len(codes)), "i8")
    for column, (code, place) in enumerate(zip(codes, places, strict=True)):
        db = strength(system, code, degrees) + noise[rows, place, epoch]
        thousandths[:, column] = np.rint(db * 1000 / STEP) * STEP
        if (system, code) == ONLY_EVEN:
            thousandths[satellite % 2 == 1, column] = NONE
    distance = FARTHEST - (FARTHEST - NEAREST) * np.sin(np.radians(degrees))
    return Signals(system, codes, epoch, satellite, distance, thousandths)


def _of_satellites(
    of_system: System, system: str, station: str, seconds: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yield of each satellite its number and row, the epochs at which it is up, and how high."""
    for row, number in enumerate(of_system.satellites):
        degrees = elevation(system, number, station, seconds)
        up = np.flatnonzero(degrees > LOWEST_DEGREES)
        yield number, row, up, degrees[up]
