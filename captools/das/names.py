"""How files of records are named, and cubes."""

from captools.io.address import is_remote

# In folders, in lower case; any other file may be named by itself.
SUFFIXES = (".h5", ".hdf5", ".hdf", ".tdms", ".zarr", ".segy", ".sgy", ".das", ".raw", ".jld2")
ENDING = ".zarr"  # of a cube


def check_none(given: dict[str, object], why: str) -> None:
    """Raise ValueError if an option is given that a cube, or all else, does not have."""
    for name, value in given.items():
        if value is not None and value is not False:
            raise ValueError(f"{name} {why}")


def means_cube(path: str) -> bool:
    """Return whether a path is that of a zarr store, by its name."""
    name = str(path).rstrip("/")
    return (name.partition("?")[0] if is_remote(name) else name).lower().endswith(ENDING)
