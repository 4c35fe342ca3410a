"""Whether a dataset of an HDF5 file holds just the samples that DASCore reads."""

from collections.abc import Iterator, Sequence

import h5py
import numpy as np


def plain_dataset(
    file: h5py.File, shape: tuple[int, int], blocks: Sequence[tuple[int, np.ndarray]]
) -> tuple[str, int] | None:
    """Return the dataset that holds samples, bit for bit, and which of its axes is time.

    Parameters
    ----------
    file : h5py.File
        Where to look.
    shape : (int, int)
        Samples in time and channels of what DASCore reads.
    blocks : sequence of (int, numpy.ndarray)
        Parts of it, as DASCore reads them: the number of the first sample in time, and
        (time, channel).

    Returns
    -------
    (str, int) or None
        None if there is none, or several that differ elsewhere.
    """
    found = [
        (dataset.name, axis)
        for dataset in _tables(file)
        for axis in (0, 1)
        if (shape if axis == 0 else shape[::-1]) == dataset.shape
        if all(_is_in(dataset, axis, *block) for block in blocks)
    ]
    return found[0] if len(found) == 1 else None


def datasets(file: h5py.File) -> list[h5py.Dataset]:
    """Return the datasets of a file, those in groups included."""
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, one: found.append(one) if isinstance(one, h5py.Dataset) else None)
    return found


def _tables(file: h5py.File) -> Iterator[h5py.Dataset]:
    """Yield the datasets that are tables of numbers."""
    for one in datasets(file):
        if one.ndim == 2 and one.dtype.kind in "iuf":
            yield one


def _is_in(dataset: h5py.Dataset, axis: int, start: int, samples: np.ndarray) -> bool:
    """Return whether a dataset has samples where they should be."""
    if dataset.dtype != samples.dtype:
        return False
    rows = slice(start, start + len(samples))
    stored = dataset[rows] if axis == 0 else dataset[:, rows].T
    return stored.tobytes() == samples.tobytes()
