"""A full granule whose columns compress as real ones do."""

from pathlib import Path

import h5py
import numpy as np

from captools.products import ATL06
from captools.simulation.granule import write_granule

FILL = np.finfo("f4").max


def full_granule(folder: str | Path, segments: int) -> Path:
    """Write a granule of region 10 in which flags and tides are as plain as inland."""
    path = write_granule(folder, 1, 1, 10, segments=segments)
    with h5py.File(path, "r+") as file:
        for beam in ATL06.tracks:
            group = file[beam][ATL06.group]
            rows = np.arange(group["latitude"].shape[0])
            group["geophysical/tide_ocean"][:] = FILL  # there is none below an ice sheet
            group["geophysical/bsnow_conf"][:] = 127  # of full resolution at night only
            # A value of a 1 Hz grid, which runs of 350 segments share, with their digits.
            group["geophysical/tide_earth"][:] = np.sin(rows // 4 / 9e3).astype("f4") / 7
    return path


def stored(granules: list[Path], kept: dict[str, np.ndarray] | None = None) -> list:
    """Return the compressed chunks of the default columns, with their inflated sizes.

    Those of all rows, or of each beam those that hold one of the rows that are kept.
    """
    chunks = []
    for granule in granules:
        with h5py.File(granule) as file:
            for beam in ATL06.tracks:
                for column in ATL06.columns:
                    dataset = file.get(f"{beam}/{ATL06.group}/{column.path}")
                    if dataset is None or dataset.compression != "gzip":
                        continue
                    length, size = dataset.chunks[0], dataset.dtype.itemsize
                    rows = range(dataset.shape[0]) if kept is None else kept.get(beam, [])
                    for at in sorted({row // length for row in rows}):
                        chunk = dataset.id.read_direct_chunk((at * length,))[1]
                        chunks.append((chunk, length * size))
    return chunks
