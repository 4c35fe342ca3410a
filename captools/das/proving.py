"""Whether a dataset of an HDF5 file holds just the samples that DASCore reads."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import h5py
import numpy as np

BYTES_AT_ONCE = 1 << 20  # are compared, or a little more


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
    if start + len(samples) > dataset.shape[axis]:
        return False
    row_bytes = max(1, samples[:1].nbytes)
    at_once = max(1, BYTES_AT_ONCE // row_bytes)
    if dataset.chunks:  # whole ones, so that each is read once
        at_once = -(-at_once // dataset.chunks[axis]) * dataset.chunks[axis]
    edges = [0, *range(-start % at_once or at_once, len(samples), at_once), len(samples)]
    return all(
        _rows(dataset, axis, start + first, start + stop) == samples[first:stop].tobytes()
        for first, stop in pairwise(edges)
    )


def _rows(dataset: h5py.Dataset, axis: int, first: int, stop: int) -> bytes:
    """Return some samples of all channels, (time, channel)."""
    return (dataset[first:stop] if axis == 0 else dataset[:, first:stop].T).tobytes()
