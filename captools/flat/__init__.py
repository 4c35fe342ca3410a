"""The flat file: columns of one length at the root of an HDF5 file.

May import geo, io and products. Readers of data frames are handed on from here:
``flat.to_pandas`` and ``flat.to_dask``.
"""

from importlib import import_module

COMPRESSIONS = ("none", "lzf", "gzip")
_FRAMES = ("to_dask", "to_pandas")


def __getattr__(name: str):
    """Return a maker of data frames, imported only now."""
    if name not in _FRAMES:
        raise AttributeError(f"module 'captools.flat' has no attribute {name!r}")
    return getattr(import_module("captools.flat.frames"), name)
