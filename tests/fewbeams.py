"""Granules with two of their six beams, as some of NASA's have: most of a small one is headers."""

from pathlib import Path

import h5py

from captools.simulation.granule import write_granule

KEPT = ("gt1l", "gt3r")  # a weak and a strong one, or the other way round


def write_small_granule(folder: Path, *place: int, **recipe: object) -> Path:
    """Write a granule as `write_granule` does, and leave four of its beams out."""
    path = write_granule(folder, *place, **recipe)
    whole = path.rename(path.with_suffix(".whole"))
    with h5py.File(whole) as source, h5py.File(path, "w") as small:
        for name, value in source.attrs.items():
            small.attrs[name] = value
        for name in source:
            if name in KEPT or not name.startswith("gt"):
                source.copy(name, small)
    whole.unlink()
    return path
