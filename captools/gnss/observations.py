"""What a RINEX file says of signal strength, as columns."""

from dataclasses import dataclass, field

import numpy as np

DAMAGE = ("damage", "cut", "times", "counts")  # what means that a file is not whole
DAY_MS = 86_400_000
PER_DB = 1000  # signal strengths are whole thousandths of a dB-Hz, so that sums are exact


@dataclass(frozen=True)
class Header:
    """What the header of a file says.

    Attributes
    ----------
    version : str
        Of RINEX, as written: 2.11, 3.05.
    station : str
        The marker's name.
    receiver, antenna : str
        Their types; "" if not given.
    time_system : str
        As written or implied (GPS, GLO, ...). Times are given in GPS time all the same.
    interval : float
        Seconds between epochs, of the header, else the most frequent step; NaN if not known.
    codes : dict of str to tuple of str
        The signal strengths of each system: ``{"G": ("1C", "2W")}``.
    compact : bool
        The file is in Hatanaka's compression.
    """

    version: str
    station: str = ""
    receiver: str = ""
    antenna: str = ""
    time_system: str = "GPS"
    interval: float = float("nan")
    codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    compact: bool = False


@dataclass(frozen=True)
class Cells:
    """Where values stand: each at one epoch, of one satellite and one code.

    Attributes
    ----------
    time : array of datetime64[ms], shape (n,)
        Epochs, in GPS time.
    system : array of S1, shape (n,)
        G, R, S, E, C, J or I.
    satellite : array of uint8, shape (n,)
        Numbers as RINEX has them.
    code : array of S2, shape (n,)
        Band and attribute, as 1C.
    """

    time: np.ndarray
    system: np.ndarray
    satellite: np.ndarray
    code: np.ndarray


@dataclass(frozen=True)
class Values(Cells):
    """Signal strengths, and where they stand.

    Attributes
    ----------
    thousandths : array of int32, shape (n,)
        Signal strength in thousandths of a dB-Hz.
    """

    thousandths: np.ndarray

    @property
    def snr(self) -> np.ndarray:
        """Signal strength in dB-Hz (float32)."""
        return (self.thousandths / PER_DB).astype("f4")


@dataclass(frozen=True)
class Observations(Values):
    """The signal strengths of a file, by system, code, time and satellite, each cell once.

    Attributes
    ----------
    zeros : Cells
        Where the file has a zero, which means that there is no value.
    epochs : array of datetime64[ms]
        The epochs of the file at which anything was observed, increasing.
    left_out : dict of str to int
        How many values are missing here, by reason: zeros, repeats, damage, cut, ...
    header : Header
        What the header says.
    """

    zeros: Cells
    epochs: np.ndarray
    left_out: dict[str, int]
    header: Header

    @property
    def damage(self) -> str:
        """How much of the file cannot be read, by reason; "" of a whole one."""
        counts = {name: self.left_out.get(name, 0) for name in DAMAGE}
        return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
