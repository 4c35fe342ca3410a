"""What a file is and holds, whatever it is."""

import os
from dataclasses import replace
from pathlib import Path

from captools.das.names import means_cube
from captools.description.description import Description
from captools.description.flat import describe_flat
from captools.description.gnss import describe_array, describe_rinex
from captools.description.granules import describe_granule
from captools.description.others import PICTURES, describe_hdf5, describe_picture
from captools.gnss import names
from captools.gnss.sources import means_array
from captools.granules.finding import recognize
from captools.io.address import Url, has_suffix, parse_location

SUFFIXES = (".h5", *PICTURES, *names.SUFFIXES)  # of files in folders


def describe(path: str, stats: bool = False) -> Description:
    """Describe a file of any kind that captools makes or reads, an array or a cube.

    Parameters
    ----------
    path : str
        The file, or its address.
    stats : bool
        Read all values, for the range of each column and the bounds of the rows.

    Raises
    ------
    InputError
        If the file cannot be read; it names the file and the reason.
    """
    place = parse_location(path)
    if means_cube(path):
        from captools.description.das import describe_cube  # with all that makes spectra

        return describe_cube(path)
    if means_array(path):
        return describe_array(path, place, stats)
    is_rinex = names.is_rinex(path)
    if isinstance(place, Url):
        return describe_rinex(place, stats) if is_rinex else _describe_hdf5(place, path, stats)
    if is_rinex:
        described = describe_rinex(place, stats)
    elif has_suffix(path, PICTURES):
        described = describe_picture(place, stats)
    else:
        described = _describe_hdf5(place, path, stats)
    return replace(described, path=path, size=os.path.getsize(place))


def _describe_hdf5(place: Path | Url, path: str, stats: bool) -> Description:
    known = recognize(place)
    if known.product is not None:
        return describe_granule(path, known.product, stats)
    if known.is_flat:
        return describe_flat(path, stats)
    return describe_hdf5(place, known.short_name)
