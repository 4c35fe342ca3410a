"""The flat file: columns of one length at the root of an HDF5 file.

May import geo, io and products. What users read files with is handed on from here:
``flat.read_header``, ``flat.to_pandas`` and ``flat.to_dask``.
"""

from importlib import import_module

COMPRESSIONS = ("none", "lzf", "gzip")
_READERS = {"read_header": "header", "to_dask": "frames", "to_pandas": "frames"}


def __getattr__(name: str):
    """Return what reads files, imported only now."""
    if name not in _READERS:
        raise AttributeError(f"module 'captools.flat' has no attribute {name!r}")
    return getattr(import_module(f"captools.flat.{_READERS[name]}"), name)
