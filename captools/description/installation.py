"""What captools runs on: versions, extras, MPI, cores; what a bug report needs."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import h5py

from captools import __version__
from captools.process import workers

LIBRARIES = ("numpy", "h5py", "deflate", "pyproj", "pyerfa", "click", "tqdm")
EXTRAS = {
    "geo": ("shapely", "pyogrio", "rasterio"),
    "mpi": ("mpi4py",),
    "dask": ("dask", "distributed"),
    "export": ("pyarrow",),
    "preview": ("datashader", "matplotlib", "colorcet", "panel"),
    "download": ("icepyx", "earthaccess"),
    "remote": ("fsspec", "s3fs", "aiohttp", "earthaccess"),
    "gnss": ("tiledb", "ncompress"),
    "das": ("dascore", "zarr", "xarray", "matplotlib", "pillow"),
}
MISSING = "not installed"


def installation() -> dict[str, object]:
    """Return what captools runs on, in plain types."""
    return {
        "captools": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "hdf5": h5py.version.hdf5_version,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "extras": {
            extra: {name: _version(name) for name in names} for extra, names in EXTRAS.items()
        },
        "mpi": _mpi(),
        "cores": {"usable": workers(), "machine": os.cpu_count() or 1},
    }


def lines(found: dict) -> list[str]:
    """Return the same as lines of text."""
    cores = found["cores"]
    rows = {name: found[name] for name in ("captools", "python", "system", "hdf5")}
    rows |= {"libraries": _listed(found["libraries"])}
    rows |= {f"[{extra}]": _listed(names) for extra, names in found["extras"].items()}
    rows |= {"mpi": found["mpi"], "cores": f"{cores['usable']} of {cores['machine']}"}
    return [f"{name:<12}{what}" for name, what in rows.items()]


def _listed(names: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in names.items())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return MISSING


def _mpi() -> str:
    """Return which MPI library is used, without starting it."""
    if _version("mpi4py") == MISSING:
        return MISSING
    try:
        import mpi4py

        mpi4py.rc.initialize = False
        from mpi4py import MPI

        return MPI.Get_library_version().partition("\0")[0].strip().splitlines()[0]
    except (ImportError, RuntimeError) as error:
        return f"cannot be loaded ({' '.join(str(error).split())})"
