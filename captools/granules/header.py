"""What the header of a flat file says of the granule and beam it comes from."""

import os

import numpy as np

from captools import __version__
from captools.geo import coords
from captools.granules.granule import Beam, Granule
from captools.granules.options import ReadOptions
from captools.products import Product


def granule_attributes(granule: Granule) -> dict[str, object]:
    """Return what identifies a granule, and its frame of reference."""
    known, unknown = granule.identity, unidentified(granule)
    return {
        "product": granule.product.name,
        "identity": ",".join(name for name in granule.product.identity if name not in unknown),
        **granule.numbers,
        "region": known.region,
        "release": known.release,
        **({"sc_orient": known.sc_orient} if granule.product.spots else {}),
        **granule.frame(),
        **({"applied": ",".join(granule.product.applied)} if granule.product.applied else {}),
    }


def unidentified(granule: Granule) -> list[str]:
    """Return the numbers that distinguish granules of the product, and that this one has not."""
    return [name for name in granule.product.granule_numbers if name not in granule.numbers]


def provenance(granule: Granule, step: str, wanted: ReadOptions) -> dict[str, object]:
    """Return which file, step and options the rows come from."""
    return {
        # A name need not be UTF-8, but the text of an attribute is.
        "source": os.fsencode(granule.path.name).decode("utf-8", "replace"),
        "step": step,
        "options": wanted.options(),
        "captools_version": __version__,
    }


def beam_attributes(beam: Beam, crs: str) -> dict[str, object]:
    """Return what distinguishes a beam from the others of its granule."""
    return {
        "beam": beam.name,
        **({"beam_type": beam.type} if beam.granule.product.spots else {}),
        **beam.numbers,
        "crs": crs,
        "rows_in": beam.length,
    }


def extent(columns: dict[str, np.ndarray], product: Product) -> dict[str, object]:
    """Return the bounds of the rows in place and time."""
    lon, lat = columns[product.lon], columns[product.lat]
    x, y, t_gps = columns["x"], columns["y"], columns["t_gps"]
    west, east = coords.lon_bounds(lon)
    return {
        "bounds_lonlat": np.array([west, east, lat.min(), lat.max()]),
        "bounds_xy": np.array([*_limits(x), *_limits(y)]),
        "t_span": np.array([t_gps.min(), t_gps.max()]),
    }


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return minimum and maximum, NaN aside; NaN if there is nothing else."""
    return float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
