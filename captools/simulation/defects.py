"""What real granules lack now and then, taken away from simulated ones."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from captools.simulation.schema import BEAMS

if TYPE_CHECKING:
    import h5py

DEFECTS = ("missing-beam", "no-segments", "missing-variables", "truncated")
RINEX_DEFECTS = ("zeros", "comments", "repeated-epoch", "gap", "truncated")
DAS_DEFECTS = ("gap", "overlap", "jitter", "copy", "fewer-channels", "truncated")
ALL = tuple(dict.fromkeys((*DEFECTS, *RINEX_DEFECTS, *DAS_DEFECTS)))

ABSENT_BEAM = "gt1r"
EMPTY_BEAM = "gt2l"
ABSENT_VARIABLES = ("fit_statistics/snr_significance", "geophysical/dac")
TRUNCATED_SHARE = 0.6


def check(defects: Collection[str], known: Collection[str] = DEFECTS) -> None:
    """Raise ValueError if one of `defects` is not among those that are known."""
    if unknown := sorted(set(defects) - set(known)):
        raise ValueError(f"unknown defect {unknown[0]!r}: not one of {', '.join(known)}")


def take_away(file: "h5py.File", defects: Collection[str]) -> None:
    """Remove groups and datasets from a granule that is open for writing."""
    if "missing-beam" in defects:
        del file[ABSENT_BEAM]
    if "no-segments" in defects:
        del file[f"{EMPTY_BEAM}/land_ice_segments"]
    if "missing-variables" in defects:
        del file["orbit_info/rgt"]
        groups = (f"{beam}/land_ice_segments" for beam in BEAMS)
        for segments in (file[group] for group in groups if group in file):
            for path in ABSENT_VARIABLES:
                del segments[path]


def cut(path: Path, defects: Collection[str]) -> None:
    """Cut the end off a file that is written, as an interrupted download does."""
    if "truncated" in defects:
        os.truncate(path, int(path.stat().st_size * TRUNCATED_SHARE))
