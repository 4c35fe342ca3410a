"""Whether a granule is whole."""

from pathlib import Path

import h5py

from captools.granule import Granule
from captools.hdf5 import DAMAGE
from captools.products import Product


def check_granule(path: str | Path, product: Product) -> int:
    """Read all of a granule, and return the number of its segments.

    Raises
    ------
    InputError
        If it is damaged, or not of this product.
    """
    with Granule(path, product) as granule:
        try:
            granule._file.visititems(_read)
        except DAMAGE as error:
            raise granule.damage("/", error) from None
        return sum(beam.length for beam in granule.beams())


def _read(name: str, item: h5py.Group | h5py.Dataset) -> None:
    if isinstance(item, h5py.Dataset):
        item[()]
