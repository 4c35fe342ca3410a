"""What stands in the body of a RINEX file: values of satellites at epochs."""

import zlib
from dataclasses import dataclass, replace

import numpy as np

from captools.simulation.decimals import BLANK, ZERO
from captools.simulation.signals import LIGHT, NONE, SYSTEMS, Signals

KINDS = "CLS"  # of observations of a code: distance, phase, strength
RANGE_NOISE, PHASE_NOISE = 300.0, 5.0  # standard deviations, in thousandths (m, waves)
_PER_STEP = 6000  # thousandths of a dB-Hz for a step of RINEX's own scale of 1 to 9


@dataclass(frozen=True)
class Records:
    """The observations of one system, sorted by satellite and epoch.

    Attributes
    ----------
    system : str
        G, R, S, E, C, J or I.
    types : tuple of str
        Of observations, as the file calls them: C1C, L1C, S1C.
    epoch : array of int, shape (n,)
        Place of the epoch in the file, from 0.
    satellite : array of int, shape (n,)
        Its number.
    values : array of int, shape (n, types)
        In thousandths.
    present : array of bool, shape (n, types)
        Whether there is a value.
    flags : array of uint8, shape (n, 2 * types)
        Loss of lock and strength from 1 to 9, of each value.
    """

    system: str
    types: tuple[str, ...]
    epoch: np.ndarray
    satellite: np.ndarray
    values: np.ndarray
    present: np.ndarray
    flags: np.ndarray

    def taken(self, rows: np.ndarray) -> "Records":
        """Return some of the records."""
        return replace(
            self,
            epoch=self.epoch[rows],
            satellite=self.satellite[rows],
            values=self.values[rows],
            present=self.present[rows],
            flags=self.flags[rows],
        )


@dataclass(frozen=True)
class Body:
    """Epochs, and what is observed at them.

    Attributes
    ----------
    seconds : array of timedelta64[s], shape (epochs,)
        Since the day began.
    records : list of Records
        By system.
    event : int, optional
        The epoch before which there are comments.
    """

    seconds: np.ndarray
    records: list[Records]
    event: int | None = None


def in_old_types(records: list[Records]) -> list[Records]:
    """Return the same as RINEX 2 has it: with one list of types for all systems."""
    used = {old_type(name) for one in records for name in one.types}
    types = tuple(sorted(used, key=lambda name: (name[1], "CPLS".index(name[0]))))
    return [_among(one, types) for one in records]


def _among(records: Records, types: tuple[str, ...]) -> Records:
    places = [types.index(old_type(name)) for name in records.types]
    count = len(records.epoch)
    values, present = np.zeros((count, len(types)), "i8"), np.zeros((count, len(types)), bool)
    flags = np.full((count, len(types), 2), BLANK, "u1")
    values[:, places], present[:, places] = records.values, records.present
    flags[:, places] = records.flags.reshape(count, -1, 2)
    return replace(
        records, types=types, values=values, present=present, flags=flags.reshape(count, -1)
    )


def old_type(name: str) -> str:
    """Return what RINEX 2 calls a type of observation.

    Examples
    --------
    >>> [old_type(name) for name in ("C1C", "C2W", "L2W", "S5Q")]
    ['C1', 'P2', 'L2', 'S5']
    """
    kind = "P" if name[0] == "C" and name[2] in "PW" else name[0]
    return kind + name[1]


def record(signals: Signals) -> Records:
    """Return what a receiver writes of the signals of a system."""
    types = tuple(f"{kind}{code}" for code in signals.codes for kind in KINDS)
    shape = (len(signals.epoch), len(types))
    values, present = np.zeros(shape, "i8"), np.zeros(shape, bool)
    flags = np.full((shape[0], 2 * shape[1]), BLANK, "u1")
    rng = np.random.default_rng(zlib.crc32(signals.thousandths.tobytes()))
    for place, code in enumerate(signals.codes):
        distance, phase, strength = range(3 * place, 3 * place + 3)
        thousandths = signals.thousandths[:, place]
        waves = SYSTEMS[signals.system].codes[code][0] * 1e6 / LIGHT  # in a metre
        noise = rng.normal(0.0, ((RANGE_NOISE,), (PHASE_NOISE,)), (2, shape[0]))
        values[:, distance] = np.rint(signals.distance * 1000 + noise[0])
        values[:, phase] = np.rint(signals.distance * waves * 1000 + noise[1])
        values[:, strength] = thousandths
        present[:, distance : strength + 1] = (thousandths != NONE)[:, None]
        scale = np.clip(thousandths // _PER_STEP, 1, 9) + ZERO
        flags[:, 2 * phase + 1] = np.where(thousandths == NONE, BLANK, scale)
    return Records(signals.system, types, signals.epoch, signals.satellite, values, present, flags)
