"""Real records, read with h5py alone."""

from pathlib import Path

import h5py
import numpy as np

PRODML = ("prodml_2.0.h5", "Acquisition/Raw[0]/RawData", 200)
OPTODAS = ("decimated_optodas.hdf5", "data", 500)
GDR = ("gdr_1.h5", "DasRawData/RawData", 1000)
IDAS = ("iDAS005_hdf5_example.626.h5", "Acquisition/Raw[0]/RawData", 1000)
VALENCIA = ("valencia_febus_example.h5", "fa1-20050027/Source1/Zone1/SR_Valencia", 250)


def read(folder: Path, record: tuple[str, str, int]) -> np.ndarray:
    """Return the samples of a record in ../shared/data: shape (time, channel)."""
    name, path, _ = record
    with h5py.File(folder / "das" / name) as file:
        samples = file[path][()]
    if record is VALENCIA:  # blocks of 250 samples that overlap by half
        samples = samples[:, 62:187].reshape(-1, samples.shape[-1])
    return samples
