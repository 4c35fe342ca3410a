"""Files on object stores and web servers: which of their bytes are fetched, and what can go wrong.

fsspec knows the protocols. HDF5 finds its way through a file in hundreds of small reads: these
are served from blocks, which are kept; a small file is one block. The chunks of columns are
asked for beforehand, many at once, and not a byte more of them than is needed.
"""

import io
import os
import random
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from captools.errors import InputError, one_line
from captools.extras import require

BLOCK = 16 << 10  # bytes of a block; what HDF5 wants to know lies scattered over a granule
KEPT = 1024  # blocks, 16 MB
SMALL = 8 << 20  # bytes of a file that comes as a whole: its blocks would take more time
GAP = 16 << 10  # bytes between two ranges that are not worth a request more
PIECE = 8 << 20  # bytes of a request at most
ATTEMPTS = 5
PAUSE = 0.5  # seconds before the second attempt, twice as many before each further one
PATIENCE = 60.0  # seconds without an answer
LIFE = 3000.0  # seconds for which Earthdata's keys to its object store are used; they live 3600
_WEB = ("http", "https")
Answer = TypeVar("Answer")


class Url(str):
    """The address of a file on a server.

    Parameters
    ----------
    address : str
        ``s3://bucket/key``, ``https://host/path``, or whatever else fsspec knows.
    identity : str
        What a listing told of its content (its etag and size), if there was one.
    """

    def __new__(cls, address: str, identity: str = "") -> "Url":
        """Make a str of the address."""
        url = super().__new__(cls, address)
        url.identity = identity
        return url

    @property
    def protocol(self) -> str:
        """What stands before ``://``."""
        return self.partition("://")[0].lower()

    @property
    def name(self) -> str:
        """The file name."""
        path = urlsplit(self).path if self.protocol in _WEB else self
        return path.rpartition("/")[2]

    def __str__(self) -> str:
        """Return the address to show: what follows a ``?`` may be a signature."""
        return self.partition("?")[0] if self.protocol in _WEB else str.__str__(self)


def is_remote(path: object) -> bool:
    """Tell whether a path is the address of something on a server."""
    protocol, separator, _ = os.fspath(path).partition("://") if path else ("", "", "")
    return bool(separator) and protocol.isalnum()


def place(path: str | Path) -> Path | Url:
    """Return a path of this machine or an address as such."""
    if isinstance(path, Url):
        return path
    return Url(path) if is_remote(path) else Path(path)


# --- who we are ---------------------------------------------------------------


@dataclass(frozen=True)
class Access:
    """How servers are reached; else credentials come from where each library looks for them.

    Parameters
    ----------
    endpoint_url : str, optional
        Of an object store that is not Amazon's.
    earthdata : bool
        Log in as a user of NASA Earthdata.
    """

    endpoint_url: str | None = None
    earthdata: bool = False


_access = Access()


def use(access: Access) -> None:
    """Reach servers in this way from now on, in this process."""
    global _access
    _access = access


def used() -> Access:
    """Return how servers are reached."""
    return _access


def _file_system(url: Url) -> Any:
    """Return the file system of an address; ValueError if a library is missing."""
    require("remote", "fsspec", "aiohttp", "s3fs")
    import fsspec

    options = {"use_listings_cache": False}
    if url.protocol == "s3":
        # What is worth another attempt is decided here, and by s3fs.
        patience = {"connect_timeout": PATIENCE, "read_timeout": PATIENCE}
        options["config_kwargs"] = patience | {"retries": {"total_max_attempts": 1}}
        options |= {"endpoint_url": _access.endpoint_url} if _access.endpoint_url else {}
        if _access.earthdata:
            options |= _earthdata_keys()
        elif _is_anonymous():
            options["anon"] = True
    elif url.protocol in _WEB:
        import aiohttp

        patience = aiohttp.ClientTimeout(sock_connect=PATIENCE, sock_read=PATIENCE)
        options |= {"client_kwargs": {"trust_env": True, "timeout": patience}}
        if _access.earthdata:
            options["headers"] = {"Authorization": f"Bearer {_earthdata().token['access_token']}"}
    try:
        return fsspec.filesystem(url.protocol, **options)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{url}: {one_line(error)}") from None


@cache
def _earthdata() -> Any:
    """Return who we are at Earthdata."""
    from captools.login import log_in

    return log_in()


@cache
def _is_anonymous() -> bool:
    """Tell whether there are no keys of an object store anywhere: some can be read by everybody."""
    from botocore.session import get_session

    return get_session().get_credentials() is None


def _earthdata_keys() -> dict[str, str]:
    """Return keys to Earthdata's object store, for fsspec's file system of S3."""
    return _keys_of_hour(int(time.monotonic() / LIFE))


@cache
def _keys_of_hour(hour: int) -> dict[str, str]:
    told = _earthdata().get_s3_credentials(daac="NSIDC")
    if not told:
        raise InputError("Earthdata gives no keys to its object store: is the login right?")
    return {
        "key": told["accessKeyId"],
        "secret": told["secretAccessKey"],
        "token": told["sessionToken"],
    }


# --- what is there ------------------------------------------------------------


def identity(url: Url) -> str:
    """Return what changes when the content of a file does; "" if it cannot be told."""
    try:
        return url.identity or _identity(_details(url))
    except InputError:
        return ""


def _identity(told: dict) -> str:
    tag = told.get("ETag") or told.get("Last-Modified") or told.get("LastModified") or ""
    return f"{tag} {told.get('size')}"


def _details(url: Url) -> dict:
    system = _file_system(url)
    return _attempt(url, lambda: system.info(url))


def listed(url: Url) -> list[Url]:
    """Return the ``.h5`` files in a folder (an address that ends with ``/``), not deeper ones."""
    system = _file_system(url)
    try:
        found = _attempt(url, lambda: system.ls(url, detail=True))
    except Missing:
        return []
    return _addresses(url, system, found)


def matching(url: Url) -> list[Url]:
    """Return the files that an address with wildcards stands for."""
    system = _file_system(url)
    found = _attempt(url, lambda: system.glob(url, detail=True))
    return _addresses(url, system, found.values(), ending="")


def _addresses(url: Url, system: Any, found: Iterable[dict], ending: str = ".h5") -> list[Url]:
    return [
        Url(system.unstrip_protocol(told["name"]), _identity(told))
        for told in found
        if told["type"] == "file" and told["name"].endswith(ending)
    ]


# --- bytes --------------------------------------------------------------------


class RemoteFile(io.RawIOBase):
    """A file on a server, open for reading.

    Parameters
    ----------
    url : Url
        Where it is.

    Raises
    ------
    InputError
        If it is not there or cannot be reached, now or when it is read.
    """

    def __init__(self, url: Url) -> None:
        from fsspec.caching import BlockCache

        self.url = url
        self._system = _file_system(url)
        self.size = _details(url)["size"]
        if self.size is None:
            raise InputError(f"{url}: the server does not tell how long it is")
        self._at = 0
        block = self.size if self.size <= SMALL else BLOCK
        self._blocks = BlockCache(max(block, 1), self._range, self.size, KEPT)
        self._ahead: dict[int, bytes] = {}  # by where they begin

    def fetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Fetch ranges (from, up to) that are going to be read, many at once."""
        from fsspec.utils import merge_offset_ranges

        wanted = [] if self.size <= SMALL else [r for r in ranges if self._find(*r) is None]
        if not wanted:
            return
        starts, stops = zip(*wanted, strict=True)
        _, starts, stops = merge_offset_ranges(
            [self.url] * len(wanted), list(starts), list(stops), max_gap=GAP, max_block=PIECE
        )
        pieces = _attempt(self.url, lambda: self._ranges(starts, stops))
        self._ahead.update(zip(starts, pieces, strict=True))

    def _ranges(self, starts: list[int], stops: list[int]) -> list[bytes]:
        pieces = self._system.cat_ranges([self.url] * len(starts), starts, stops, on_error="raise")
        for start, stop, piece in zip(starts, stops, pieces, strict=True):
            _check_length(piece, start, stop)
        return pieces

    def _range(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size)  # the last block is a short one
        return _attempt(self.url, lambda: self._ranges([start], [stop])[0])

    def _find(self, start: int, stop: int) -> int | None:
        """Return where the piece begins that was fetched ahead and holds a range, if one does."""
        begins = sorted(self._ahead)
        number = bisect_right(begins, start) - 1
        if number < 0 or stop > begins[number] + len(self._ahead[begins[number]]):
            return None
        return begins[number]

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer; less of it at the end of the file."""
        start, stop = self._at, min(self._at + len(buffer), self.size)
        if start >= stop:
            return 0
        begin = self._find(start, stop)
        if begin is None:
            data = self._blocks._fetch(start, stop)
        else:
            piece = self._ahead[begin]
            data = piece[start - begin : stop - begin]
            if stop == begin + len(piece):  # columns are read from front to back
                del self._ahead[begin]
        buffer[: len(data)] = data
        self._at = start + len(data)
        return len(data)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that any part of it can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Choose where to read next."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        """Return where to read next."""
        return self._at


def _check_length(piece: bytes, start: int, stop: int) -> None:
    if len(piece) != stop - start:
        raise OSError(f"the server sent {len(piece)} bytes where {stop - start} were asked for")


# --- what goes wrong ----------------------------------------------------------


class Missing(InputError):
    """There is nothing at an address."""


def _attempt(url: Url, call: Callable[[], Answer]) -> Answer:
    """Return the answer of a server, which may be busy or out of reach for a while.

    Raises
    ------
    InputError
        If it does not answer, or says no.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            # Thousands of workers should not come back all at once.
            time.sleep(PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
        try:
            return call()
        except _troubles() as error:
            told = _refusal(url, error)
            if told is not None:
                raise told from None
            last = error
    raise InputError(f"{url}: cannot be reached ({_why(last)}; {ATTEMPTS} attempts)")


def _troubles() -> tuple[type[Exception], ...]:
    """Return what libraries that are in use raise when a server does not do as it should."""
    kinds: list[type[Exception]] = [OSError]
    if "aiohttp" in sys.modules:
        kinds.append(sys.modules["aiohttp"].ClientError)
    if "botocore.exceptions" in sys.modules:
        kinds += [sys.modules["botocore.exceptions"].BotoCoreError]
        kinds += [sys.modules["botocore.exceptions"].ClientError]
    return tuple(kinds)


def _refusal(url: Url, error: Exception) -> InputError | None:
    """Return the error that asking again will not mend, None if it may."""
    status, error = _status(error), _root(error)
    if status == 404 or (status is None and isinstance(error, FileNotFoundError)):
        return Missing(f"{url}: does not exist")
    if status == 401:
        return InputError(f"{url}: login refused, or the token has expired (401)")
    # S3 says 400 to keys that have expired, and to a HEAD request not a word more.
    if status == 403 or (status == 400 and url.protocol == "s3"):
        return InputError(
            f"{url}: access refused ({_why(error)}): are the keys right, and in date?"
        )
    if status is not None and status < 500 and status != 429:
        return InputError(f"{url}: cannot be read ({_why(error)})")
    return None


def _root(error: BaseException) -> BaseException:
    """Return the cause of an error: fsspec calls many things a missing file."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    """Return the status that a server answered with, as far as the cause of an error tells."""
    error = _root(error)
    told = getattr(error, "response", None)
    if isinstance(told, dict):  # of botocore
        return told.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return getattr(error, "status", None)  # of aiohttp


def _why(error: BaseException) -> str:
    """Return what an error says, without addresses, which may hold a signature."""
    error, status = _root(error), _status(error)
    told = getattr(error, "message", "") or one_line(error)
    told = " ".join(word for word in told.split() if "://" not in word)
    return f"{status}: {told}" if status is not None else told
