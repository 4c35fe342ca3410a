"""That files outlive a machine that dies, and how to see that one is still as it was written."""

import contextlib
import ctypes
import errno
import os
import stat
from functools import cache
from pathlib import Path
from typing import NamedTuple

import deflate

PIECE_BYTES = 1 << 20
# Of some file systems, and of folders that one may write to but not read.
_NOT_OFFERED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES)
SYNC_FILE_RANGE_WRITE = 2  # of <fcntl.h>
_waits, _sums = True, False


def use(waits: bool, sums: bool = False) -> None:
    """Wait from now on, in this process, until what is written is on the disk, or do not.

    `sums` is whether someone will write down the digest of what is sealed.
    """
    global _waits, _sums
    _waits, _sums = waits, sums


def used() -> bool:
    """Return whether this process waits until what it writes is on the disk."""
    return _waits


class Stamp(NamedTuple):
    """What a file was when it was whole."""

    size: int  # bytes
    mtime: int | None = None  # ns since 1970
    digest: int | None = None  # CRC-32 of its bytes, if it was asked for

    def fits(self, path: str | Path) -> bool:
        """Return whether a file is there and still as it was.

        The time of change decides, and where a copy has another one, the bytes.
        """
        try:
            status = os.stat(path)
            if status.st_size != self.size or not stat.S_ISREG(status.st_mode):
                return False
            return self.mtime in (None, status.st_mtime_ns) or self.digest == digest(path)
        except OSError:
            return False


def digest(path: str | Path) -> int:
    """Return the CRC-32 of the bytes of a file: against damage, not against forgers."""
    found, piece = 0, bytearray(PIECE_BYTES)
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(piece):
            found = deflate.crc32(memoryview(piece)[:count], found)
    return found


def seal(path: str | Path) -> Stamp:
    """Wait until a closed file is on the disk, and return what it is."""
    if _waits:
        _settle(path)
    status = os.stat(path)
    return Stamp(status.st_size, status.st_mtime_ns, digest(path) if _sums else None)


def hurry(file: int) -> None:
    """Let the disk begin with what was written to an open file, without waiting, if we shall wait.

    Linux alone offers it.
    """
    if _waits:
        with contextlib.suppress(AttributeError):
            begin, length = ctypes.c_int64(0), ctypes.c_int64(0)  # all of it
            _libc().sync_file_range(file, begin, length, SYNC_FILE_RANGE_WRITE)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def settle_folder(folder: str | Path) -> None:
    """Wait until the names of the files in a folder are on the disk."""
    if _waits:
        _settle(folder)


def _settle(path: str | Path) -> None:
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        if error.errno not in _NOT_OFFERED:
            raise
