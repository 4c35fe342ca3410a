"""Granules with few of their six beams, as some of NASA's have: most of a small one is headers."""

from collections.abc import Collection
from pathlib import Path

import h5py

from captools.simulation.granule import write_granule

KEPT = ("gt1l", "gt3r")  # a weak and a strong one, or the other way round


def write_small_granule(folder: Path, *place: int, **recipe: object) -> Path:
    """Write a granule as `write_granule` does, and leave four of its beams out."""
    path = write_granule(folder, *place, **recipe)
    whole = path.rename(path.with_suffix(".whole"))
    copy_beams(whole, path, KEPT)
    whole.unlink()
    return path


def copy_beams(whole: Path, path: Path, beams: Collection[str]) -> Path:
    """Write some beams of a granule, and all that is beside them."""
    with h5py.File(whole) as source, h5py.File(path, "w") as small:
        small.attrs.update(source.attrs)
        for name in source:
            if name in beams or not name.startswith("gt"):
                source.copy(name, small)
    return path
