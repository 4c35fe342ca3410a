"""Opening HDF5 files, and what is small in them; damage is named, not raised as it comes."""

import os
import re
from codecs import getincrementaldecoder
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5p, h5t, h5z

from captools import process
from captools.errors import InputError, one_line
from captools.io.address import Url, check_regular
from captools.io.ranges import RemoteFile
from captools.io.storage import ElsewhereError

REMEDY = "the file is damaged, fetch it again"
HEAD_BYTES = 512  # enough to see what kind of file it is
_NETCDF3 = (b"CDF\x01", b"CDF\x02", b"CDF\x05")  # classic, with 64-bit offsets, with 64-bit data

# What h5py raises when the bytes of a file are not what they should be.
DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)

# Filters that compress and come with hdf5plugin, by the numbers that the HDF Group gave them.
_PLUGINS = {
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "Bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32024: "SZ3",
    32026: "Blosc2",
}


class MissingFilterError(OSError):
    """Values are compressed in a way that this HDF5 has no filter for."""


# Columns are read from front to back. Keeping chunks, up to 8 MB for each column, is of no use.
_CACHE = {"rdcc_nbytes": 1 << 20}


class OpenFile(h5py.File):
    """An HDF5 file that is open for reading."""

    def close(self) -> None:
        """Close the file."""
        super().close()
        process.reading(None)


class ServedFile(OpenFile):
    """An HDF5 file on a server; `source` fetches its bytes."""

    def __init__(self, source: RemoteFile) -> None:
        super().__init__(source, "r", **_CACHE)
        self.source = source

    def close(self) -> None:
        """Close the file, and let go of its bytes."""
        super().close()
        self.source.close()


def descriptor(file: h5py.File) -> int | None:
    """Return the descriptor of a file on this machine, None of one on a server."""
    return None if isinstance(file, ServedFile) else file.id.get_vfd_handle()


def version(file: h5py.File) -> tuple[object, ...]:
    """Return what is another if a file is: its size, and the time of change or what a server says.

    In plain types, for other processes.
    """
    if isinstance(file, ServedFile):
        return file.source.size, file.source.identity
    status = os.fstat(file.id.get_vfd_handle())
    return status.st_size, status.st_mtime_ns


def check_unchanged(file: h5py.File) -> None:
    """Raise InputError if a file on a server has changed since it was opened."""
    if isinstance(file, ServedFile):
        file.source.check_unchanged()


def open_file(path: Path | Url) -> h5py.File:
    """Open a file for reading, without locks, or say what is wrong with it."""
    process.reading(os.fspath(path))
    try:
        return _open_served(RemoteFile(path)) if isinstance(path, Url) else _open_local(path)
    except BaseException:
        process.reading(None)
        raise


def _open_local(path: Path) -> OpenFile:
    head, size = _head(path)
    try:
        return OpenFile(path, "r", locking=False, **_CACHE)
    except DAMAGE as error:
        raise InputError(f"{path}: {_diagnose(head, size, error)}") from None


def _open_served(source: RemoteFile) -> ServedFile:
    """Open a file on a server, and close it again if it is none of ours."""
    try:
        head = source.read(HEAD_BYTES)
        return ServedFile(source)
    except DAMAGE as error:
        source.close()
        why = _diagnose(head, source.size, error)
        raise InputError(f"{source.url}: {why}") from None
    except BaseException:
        source.close()
        raise


def _head(path: Path) -> tuple[bytes, int]:
    """Return how a file begins, and its size; a pipe or device is not opened, nor waited for."""
    try:
        check_regular(path)
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES), os.path.getsize(path)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _diagnose(head: bytes, size: int, error: BaseException) -> str:
    """Say what kind of file it is that HDF5 cannot open, and the remedy."""
    if head[:4] in _NETCDF3:
        return "is netCDF-3, not HDF5: convert it (nccopy -k netCDF-4 OLD NEW)"
    if head[:4] == b"PAR1":
        return "is Parquet, not HDF5: give the files that captools export made it of"
    if _is_text(head):
        return (
            "is text, not HDF5: if it is CSV, it is no flat file; if it is the message of a "
            "server, fetch it again"
        )
    return f"{_damage(head, size, error)}; fetch it again"


def _is_text(head: bytes) -> bool:
    """Return whether a file begins as plain text, but not as a web page."""
    if not head or head.lstrip().startswith(b"<"):
        return False
    try:  # a letter may be cut off at the end
        words = getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in words)


def _damage(head: bytes, size: int, error: BaseException) -> str:
    if not head:
        return "is empty (0 bytes)"
    if head.lstrip().startswith(b"<"):
        return "is a web page saved as .h5 (a login page?), not HDF5"
    if not head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "is not HDF5"
    if match := re.search(r"truncated file.*stored_eof = (\d+)", str(error)):
        return f"is truncated ({size} of {match.group(1)} bytes)"
    return f"cannot be opened ({one_line(error)})"


def check_filters(plist: h5p.PropDCID) -> None:
    """Raise MissingFilterError if a dataset needs a filter that is not installed."""
    for number in (plist.get_filter(at)[0] for at in range(plist.get_nfilters())):
        if number not in _PLUGINS or h5z.filter_avail(number):
            continue
        with suppress(ImportError):
            import_module("hdf5plugin")  # its import makes its filters known
        if not h5z.filter_avail(number):
            raise MissingFilterError(
                f"is compressed with HDF5 filter {number} ({_PLUGINS[number]}), which is not "
                "installed: pip install hdf5plugin"
            )


def unreadable(error: BaseException) -> str:
    """Return why something cannot be read, one of `DAMAGE`, and the remedy."""
    if isinstance(error, MissingFilterError | ElsewhereError):
        return one_line(error)
    return f"cannot be read ({one_line(error)}); {REMEDY}"


def text(value: object) -> str:
    """Return an HDF5 attribute or scalar as text, whether bytes, str or an array of one."""
    values = np.asarray(value).ravel()
    first = values[0] if len(values) else ""
    plain = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
    return plain.partition("\0")[0].strip()


def attribute(
    of: h5g.GroupID | h5d.DatasetID, name: str, dtype: np.dtype | None = None
) -> np.ndarray:
    """Return an attribute of a group or dataset, an empty array if there is none.

    HDF5 converts numbers to `dtype`, if it is given.
    """
    if not h5a.exists(of, name.encode()):
        return np.array([])
    return attribute_value(h5a.open(of, name.encode()), dtype)


def attribute_names(of: h5g.GroupID | h5d.DatasetID) -> set[bytes]:
    """Return the names of all attributes of a group or dataset."""
    names: list[bytes] = []
    h5a.iterate(of, names.append)
    return set(names)


def attribute_value(stored: h5a.AttrID, dtype: np.dtype | None = None) -> np.ndarray:
    """Return the value of an attribute, an empty array if it has none."""
    space = stored.get_space()
    if not space.get_simple_extent_npoints():  # an attribute without a value
        return np.array([])
    value = np.empty(space.shape, numpy_dtype(stored) if dtype is None else dtype)
    stored.read(value, None if dtype is None else hdf5_type(dtype))
    return value


def numpy_dtype(stored: h5d.DatasetID | h5a.AttrID) -> np.dtype:
    """Return the dtype of a dataset or an attribute, as h5py has it.

    h5py asks HDF5 a dozen questions for it: of numbers, of which there are few kinds, once.
    """
    kind = stored.get_type()
    is_number = isinstance(kind, h5t.TypeIntegerID | h5t.TypeFloatID)
    return _number(kind.encode()) if is_number else kind.dtype


@lru_cache(maxsize=64)
def _number(code: bytes) -> np.dtype:
    return h5t.decode(code).dtype


def hdf5_type(dtype: np.dtype) -> h5t.TypeID:
    """Return the HDF5 type that stands for a numpy dtype of numbers, booleans or text.

    Of the plain dtype: what h5py keeps in it of an enumeration does not count. Text (``S``) is
    UTF-8 of one length, padded with zeros.
    """
    return _text_type(dtype.itemsize) if dtype.kind == "S" else _plain_type(dtype.str)


@lru_cache(maxsize=32)
def _plain_type(code: str) -> h5t.TypeID:
    return h5t.py_create(np.dtype(code), logical=True)


@lru_cache(maxsize=128)
def _text_type(length: int) -> h5t.TypeID:
    return h5t.py_create(h5py.string_dtype("utf-8", length), logical=True)
