"""The bytes of a file, whatever packs them: .gz, .Z, .bz2, .zip, or one in another."""

import bz2
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import deflate

from captools.errors import InputError, one_line
from captools.extras import require
from captools.io.address import Url, check_regular
from captools.io.ranges import RemoteFile
from captools.progress import counted

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PACKED_BYTES = 1 << 30  # of a file; a day with an epoch each second has a tenth of that
UNPACKED_BYTES = 2 << 30  # of what it unpacks to: more is a bomb
INFLATION = 1032  # deflate shrinks bytes to a 1032nd at best
PIECE_BYTES = 1 << 20
DEPTH = 3  # such as a .zip of a .gz
_MARKS = {  # how packed bytes begin
    "gzip": (b"\x1f\x8b",),
    "compress": (b"\x1f\x9d",),
    "bzip2": (b"BZh",),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
}
_DAMAGED_ZIP = (
    *(OSError, EOFError, ValueError, RuntimeError),  # also of what is encrypted, or unknown
    *(zlib.error, zipfile.BadZipFile),
)
_MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")  # how one of gzip begins
_FIRST_LINE = re.compile(rb".{60}(RINEX VERSION / TYPE|CRINEX VERS   / TYPE)")


class _Unusable(Exception):
    """What is wrong with packed bytes."""


def content(path: Path | Url) -> bytes:
    """Return the bytes of a file, unpacked.

    Raises
    ------
    InputError
        If it cannot be read, is damaged or cut, or is too large to be one of a receiver.
    """
    data = _stored(path)
    try:
        for _ in range(DEPTH):
            unpack = _unpacker(data)
            if unpack is None:
                return data
            data = unpack(data)
    except _Unusable as error:
        raise InputError(f"{path}: {error}") from None
    if _unpacker(data) is not None:
        raise InputError(f"{path}: is packed more than {DEPTH} times")
    return data


def packing(path: Path | Url) -> str:
    """Return what packs a file: gzip, compress, bzip2, zip, or "" if nothing does."""
    if isinstance(path, Url):
        with RemoteFile(path) as file:
            start = file.read(4)
    else:
        with open(path, "rb") as file:
            start = file.read(4)
    return next((name for name, marks in _MARKS.items() if start.startswith(marks)), "")


def _stored(path: Path | Url) -> bytes:
    """Return the bytes of a file as they are."""
    if isinstance(path, Url):
        with RemoteFile(path) as file:
            _check_size(path, file.size)
            file.fetch([(0, file.size)])
            data = bytearray(file.size)
            file.readinto(data)
            return bytes(data)
    with opened(path) as file:
        _check_size(path, path.stat().st_size)
        return file.read()


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file of this machine; InputError if it cannot be read."""
    try:
        check_regular(path)
        with open(path, "rb") as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _check_size(path: Path | Url, size: int) -> None:
    if size > PACKED_BYTES:
        raise InputError(f"{path}: has {size} bytes, more than {PACKED_BYTES}")


def _unpacker(data: bytes) -> Callable[[bytes], bytes] | None:
    """Return what unpacks bytes, by how they begin; None if they are not packed."""
    how = {"gzip": _gunzip, "compress": _uncompress, "bzip2": _bunzip, "zip": _unzip}
    return next((how[name] for name, marks in _MARKS.items() if data.startswith(marks)), None)


class _Bounded(io.BytesIO):
    """Bytes in memory, of which there may be only so many."""

    def write(self, piece: "ReadableBuffer", /) -> int:
        """Add bytes."""
        if self.tell() + memoryview(piece).nbytes > UNPACKED_BYTES:
            raise _Unusable(f"unpacks to more than {UNPACKED_BYTES} bytes")
        return super().write(piece)


def _poured(file: IO[bytes] | gzip.GzipFile) -> bytes:
    """Return all that can be read from a file object."""
    found = _Bounded()
    while piece := file.read(PIECE_BYTES):
        found.write(piece)
    return found.getvalue()


# --- each of them -----------------------------------------------------------------


def _gunzip(data: bytes) -> bytes:
    """Return what one or more gzip members hold, one after the other."""
    found = None if _MEMBER.search(data, 1) else _member(data)
    if found is not None:
        return found
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return _poured(file)
    except (OSError, EOFError, zlib.error) as error:
        raise _Unusable(f"is cut or damaged (gzip: {one_line(error)})") from None


def _member(data: bytes) -> bytes | None:
    """Return what a single member holds, in half the time; None if its last bytes do not fit.

    They say its checksum and length. A length that cannot be is not believed.
    """
    checksum, length = (int.from_bytes(data[at : at + 4 or None], "little") for at in (-8, -4))
    if length > min(UNPACKED_BYTES, INFLATION * len(data)):
        return None
    try:
        found = bytes(deflate.gzip_decompress(data, max(length, 1)))
    except deflate.DeflateError:
        return None
    return found if (len(found), deflate.crc32(found)) == (length, checksum) else None


def _uncompress(data: bytes) -> bytes:
    """Return what compress packed, which has no checksum: a cut is seen later, if at all."""
    require("gnss", "ncompress")
    import ncompress

    found = _Bounded()
    try:
        ncompress.decompress(data, found)
    except (ValueError, RuntimeError, OSError) as error:
        raise _Unusable(f"is cut or damaged (compress: {one_line(error)})") from None
    return found.getvalue()


def _bunzip(data: bytes) -> bytes:
    """Return what one or more streams of bzip2 hold, one after the other."""
    found = _Bounded()
    try:
        while data:
            unpacking = bz2.BZ2Decompressor()
            piece = unpacking.decompress(data, PIECE_BYTES)
            while piece or not unpacking.eof:
                if not piece and unpacking.needs_input:
                    raise EOFError("ends too early")
                found.write(piece)
                piece = b"" if unpacking.eof else unpacking.decompress(b"", PIECE_BYTES)
            data = unpacking.unused_data
    except (OSError, EOFError, ValueError) as error:
        raise _Unusable(f"is cut or damaged (bzip2: {one_line(error)})") from None
    return found.getvalue()


def _unzip(data: bytes) -> bytes:
    """Return the only file of a zip, or the only one in it that is of observations."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [one for one in archive.infolist() if not one.is_dir()]
            if len(names) > 1:
                names = [one for one in names if _is_observed(archive, one)]
            if len(names) != 1:
                among = ", ".join(one.filename for one in names[:3]) or "none"
                count = counted(len(names), "file")
                raise _Unusable(f"holds {count} of observations, not one ({among})")
            with archive.open(names[0]) as file:
                return _poured(file)
    except _DAMAGED_ZIP as error:
        raise _Unusable(f"is cut or damaged (zip: {one_line(error)})") from None


def _is_observed(archive: zipfile.ZipFile, one: zipfile.ZipInfo) -> bool:
    """Return whether a file in a zip is one of observations, or packed itself."""
    with archive.open(one) as file:
        first = file.read(80)
    if _unpacker(first) is not None:
        return True
    label = _FIRST_LINE.match(first)
    if label is None:
        return False
    return label[1].startswith(b"CRINEX") or first[20:21] in (b"O", b"o")
