"""Which simulated granules there are: tracks spread over the repeat cycle, and what each holds."""

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from captools.simulation import defects as planted
from captools.simulation.granule import write_granule
from captools.simulation.orbit import RGTS

REGIONS = range(1, 15)
CYCLES = range(1, 100)  # two digits in the file name


@dataclass(frozen=True)
class Campaign:
    """Which granules to write.

    Parameters
    ----------
    granules : int
        How many in all.
    segments : int
        Segments per beam, less a few; at most as many as the region has.
    regions, cycles : sequence of int
        Granule regions (1 to 14) and repeat cycles (1 to 99).
    noise : float
        Standard deviation of a good height (m).
    bad : float
        Share of segments with a bad quality flag.
    seed : int
        Of the random numbers.
    release : str
        Three digits.
    clear : bool
        Whether there are no clouds: segments then lie evenly along their tracks.
    defects : sequence of str
        The k-th is planted in the k-th granule.

    Raises
    ------
    ValueError
        If one of them is wrong.
    """

    granules: int
    segments: int
    regions: tuple[int, ...]
    cycles: tuple[int, ...]
    noise: float
    bad: float
    seed: int
    release: str
    clear: bool = False
    defects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        most = RGTS * len(set(self.regions)) * len(set(self.cycles))
        wrong = {
            f"regions must be within 1 to 14, each once: {self.regions}": not _distinct(
                self.regions, REGIONS
            ),
            f"cycles must be within 1 to 99, each once: {self.cycles}": not _distinct(
                self.cycles, CYCLES
            ),
            f"granules must be 1 to {most} for these regions and cycles": not (
                1 <= self.granules <= most
            ),
            f"more defects than granules: {len(self.defects)}, {self.granules}": (
                len(self.defects) > self.granules
            ),
            "segments must be at least 1": self.segments < 1,
            "noise must be at least 0 m": not 0 <= self.noise < math.inf,
            "bad must be a share, 0 to 1": not 0 <= self.bad <= 1,
            "seed must be at least 0": self.seed < 0,
            f"release must be three digits, not {self.release!r}": not re.fullmatch(
                "[0-9]{3}", self.release
            ),
        }
        for message, is_wrong in wrong.items():
            if is_wrong:
                raise ValueError(message)
        planted.check(self.defects)


def files(folder: Path, campaign: Campaign) -> list[Callable[[], Path]]:
    """Return what writes each granule, in the order of track, region and cycle."""
    per_track = len(campaign.regions) * len(campaign.cycles)
    tracks = math.ceil(campaign.granules / per_track)
    rgts = [1 + number * RGTS // tracks for number in range(tracks)]
    overpasses = itertools.product(rgts, campaign.regions, campaign.cycles)
    return [
        partial(
            write_granule,
            *(folder, rgt, cycle, region),
            segments=campaign.segments,
            noise=campaign.noise,
            bad=campaign.bad,
            seed=campaign.seed,
            release=campaign.release,
            clear=campaign.clear,
            defects=campaign.defects[number : number + 1],
        )
        for number, (rgt, region, cycle) in enumerate(
            itertools.islice(overpasses, campaign.granules)
        )
    ]


def _distinct(numbers: tuple[int, ...], allowed: range) -> bool:
    """Return whether there are numbers, all allowed and each given once."""
    return 0 < len(numbers) == len(set(numbers) & set(allowed))
