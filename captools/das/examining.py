"""One file to its records, or to what is wrong with it."""

import os
from itertools import pairwise
from pathlib import Path

from captools.das import stores
from captools.das.patches import Source
from captools.das.records import SECOND, TOLERANCE_SAMPLES, NoRecord, Record
from captools.errors import InputError, one_line
from captools.io.address import has_suffix, is_remote, is_store
from captools.io.hdf5 import check_regular, open_file

HDF5 = (".h5", ".hdf5", ".hdf", ".he5")  # how names of files end that must be HDF5
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def stamp(path: str) -> tuple[int, int]:
    """Return bytes and time of change of a file or a store, which make it the same one.

    Raises
    ------
    OSError
        If it is not there.
    """
    status = os.stat(path)
    if is_store(path) and os.path.isdir(path):
        return stores.stamp(path)
    return status.st_size, status.st_mtime_ns


def examine(path: str) -> list[Record | NoRecord]:
    """Return the records of a file, and why what else is in it is none.

    Parameters
    ----------
    path : str
        A file in any format that DASCore reads, or a zarr store.

    Raises
    ------
    MissingExtra
        If DASCore is not installed, or zarr for a store.
    """
    if is_remote(path):
        return [NoRecord(path, "is on a server: fetch it first", -1, -1)]
    try:
        size, mtime_ns = stamp(path)
    except FileNotFoundError:
        return [NoRecord(path, "does not exist", -1, -1)]
    except OSError as error:
        return [NoRecord(path, f"cannot be read ({error.strerror})", -1, -1)]
    try:
        return [
            NoRecord(path, one, size, mtime_ns) if isinstance(one, str) else one
            for one in _examined(path, size, mtime_ns)
        ]
    except InputError as error:
        why = one_line(error).removeprefix(f"{path}: ")
        return [NoRecord(path, why, size, mtime_ns)]


def _examined(path: str, size: int, mtime_ns: int) -> list[Record | str]:
    """Return records, and instead of one, why it is none."""
    if is_store(path):
        return [*stores.examine_store(path)]
    found = [*Source(path, size, mtime_ns, _is_hdf5(path)).records()]
    if _has_twins([one for one in found if isinstance(one, Record)]):
        raise InputError(f"{path}: holds several blocks of samples of one time")
    return found


def _is_hdf5(path: str) -> bool:
    """Return whether a file is HDF5; refuse one that is damaged, or is not what its name says."""
    try:
        check_regular(Path(path))
        with open(path, "rb") as file:
            is_hdf5 = file.read(len(SIGNATURE)) == SIGNATURE
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if is_hdf5 or has_suffix(path, HDF5):
        open_file(Path(path)).close()
    elif not os.path.getsize(path):
        raise InputError(f"{path}: is empty (0 bytes)")
    return is_hdf5


def _has_twins(records: list[Record]) -> bool:
    """Return whether two patches are of one time and of the same channels."""
    series: dict[tuple, list[Record]] = {}
    for one in records:
        series.setdefault((one.channels, one.first_distance, one.units), []).append(one)
    return any(
        (first.dataset != second.dataset or not first.dataset)
        and first.stop_ns - second.start_ns > TOLERANCE_SAMPLES * first.step * SECOND
        for same in series.values()
        for first, second in pairwise(sorted(same, key=lambda one: one.start_ns))
    )
