"""Fetching a file from the archive: whole and checked, or not at all.

What a killed run left of a file is taken over by renaming it, which only one
process can do, and continued.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from captools.errors import CaptoolsError, InputError, LoginError, one_line
from captools.io.address import Url
from captools.io.atomic import Outputs, leftovers, output_error, temporary_name
from captools.io.durable import seal, settle_folder
from captools.io.earthdata import log_in
from captools.io.retrying import PASSING, TRIES, Retryable, pause

if TYPE_CHECKING:
    import requests


TIMES = 2  # that a file is fetched if what came is damaged
CONNECT_SECONDS, READ_SECONDS = 20.0, 60.0  # that a server may take to answer, and to go on
PIECE_BYTES = 1 << 16  # a killed process loses less than this
ROUNDED = 0.01  # relative error of a size that the catalogue has rounded
LOGIN_SERVER = "urs.earthdata.nasa.gov"
REFUSED = "Earthdata login refused or token expired"


class Archive(Protocol):
    """Whose files they are; alike ones are equal, in other processes too."""

    def session(self) -> "requests.Session":
        """Return a session that is logged in."""

    def refusal(self, address: str, response: "requests.Response") -> CaptoolsError | None:
        """Return what it means if an answer says that we may not have the file."""


@dataclass(frozen=True)
class Nasa:
    """The archives of NASA's Earthdata."""

    def session(self) -> "requests.Session":
        """Return a session that is logged in."""
        return log_in().get_session()

    def refusal(self, address: str, response: "requests.Response") -> CaptoolsError | None:
        """Return what an answer of 401 or 403 means."""
        if response.status_code == 401:
            if urlsplit(response.url).hostname == LOGIN_SERVER:
                return LoginError(f"{address}: {REFUSED}")
            return InputError(f"{address}: {REFUSED} (HTTP 401)")
        if response.status_code == 403:
            return InputError(
                f"{address}: access denied (HTTP 403): accept the licence (EULA) and the "
                f"applications of the data centre at https://{LOGIN_SERVER}/profile"
            )
        return None


NASA = Nasa()


def fetch(
    address: Url,
    outdir: Path,
    check: Callable[[Path], int],
    again: bool = False,
    archive: Archive = NASA,
) -> Outputs:
    """Fetch a file; it gets its name when it is whole and sound.

    One that is there already is not fetched, unless it is to be or is not sound. It
    is never removed, but for the new one to take its place.

    Parameters
    ----------
    address : Url
        Where it is.
    outdir : Path
        Where it is to be.
    check : callable
        Raises InputError if a file is not what it should be; returns its rows.
    again : bool
        Fetch it even if it is there.
    archive : Archive
        Whose file it is.

    Raises
    ------
    InputError
        If it cannot be had, or what comes is wrong.
    LoginError
        If the login is not, or no longer, good.
    FolderError
        If the folder takes no more.
    """
    if not address.startswith("https://"):
        raise InputError(f"{address}: the catalogue has no address of it")
    path = outdir / os.path.basename(address)
    if not again and path.is_file() and _has_size(path, address):
        with suppress(InputError):
            rows = check(path)
            return Outputs([path], rows, rows)
    hidden = _adopted(path)
    for _ in range(TIMES):
        _complete(address, hidden, archive)
        try:
            rows = check(hidden)
            break
        except InputError as error:
            wrong = one_line(error).replace(str(hidden), address)
            hidden.unlink(missing_ok=True)
    else:
        raise InputError(wrong)
    written = Outputs([path], rows, rows)
    with _naming(path):
        written.stamps[path.name] = seal(hidden)
        os.replace(hidden, path)
        settle_folder(path.parent)
    return written


def _adopted(path: Path) -> Path:
    """Return the temporary path of a file, with what an earlier process left of it."""
    hidden = path.with_name(temporary_name(path.name))
    left = _left(path.parent, os.getpid()).pop(path.name, [])
    for found in sorted(left, key=_size, reverse=True):
        with suppress(FileNotFoundError):  # another process was quicker
            os.rename(found, hidden)
            break
    return hidden


def _has_size(path: Path, address: Url) -> bool:
    """Return whether a file is as long as the catalogue says, as far as it says so."""
    if address.size is not None:
        return _size(path) == address.size
    expected = float(address.identity or 0) * 2**20
    return not expected or abs(_size(path) - expected) <= ROUNDED * expected


@lru_cache(maxsize=1)
def _left(folder: Path, process: int) -> dict[str, list[Path]]:
    """Return what was left half-written before this process came, by name; looked up once."""
    found = defaultdict(list)
    with suppress(FileNotFoundError):
        for name, entry in leftovers(folder):
            found[name].append(Path(entry.path))
    return found


def _complete(address: Url, hidden: Path, archive: Archive) -> None:
    """Fetch what is missing of a file, at as many tries as it takes while it grows."""
    failures = 0
    while True:
        before = _size(hidden)
        try:
            return _go_on(address, hidden, archive)
        except Retryable as again:
            failures = 1 if _size(hidden) >= before + PIECE_BYTES else failures + 1
            if failures == TRIES:
                raise InputError(f"{address}: {again} ({TRIES} times)") from None
            pause(failures, again.after)


def _go_on(address: Url, hidden: Path, archive: Archive) -> None:
    """Fetch what is missing of a file, from one answer of the server."""
    from requests import RequestException

    path = hidden.with_name(os.path.basename(address))
    have = _size(hidden)
    if have and have == address.size:
        return
    headers = {"Accept-Encoding": "identity"}
    if have:
        changed = formatdate(hidden.stat().st_mtime, usegmt=True)
        headers |= {"Range": f"bytes={have}-", "If-Unmodified-Since": changed}
    try:
        how = {"headers": headers, "stream": True, "timeout": (CONNECT_SECONDS, READ_SECONDS)}
        with _session(archive, os.getpid()).get(address, **how) as response:
            if (refusal := archive.refusal(address, response)) is not None:
                raise refusal
            _check_status(address, response)
            start, total = _extent(response, have)
            if start is None:
                hidden.unlink(missing_ok=True)
                raise Retryable("it has changed in the archive")
            if total != (address.size or total):
                raise Retryable(f"it has {total} bytes, {address.size} in the catalogue")
            if start < (total or start + 1):
                _receive(response, hidden, start, path)
    except RequestException as error:
        raise Retryable(_why(error)) from None
    if _size(hidden) != (total or _size(hidden)):
        raise Retryable("the connection broke")


@lru_cache(maxsize=1)
def _session(archive: Archive, process: int) -> "requests.Session":
    """Return the session of this process: one cannot be shared with a copy."""
    return archive.session()


def _check_status(address: str, response: "requests.Response") -> None:
    """Raise what an answer means for the file, if that is not bytes of it."""
    status = response.status_code
    if status in PASSING:
        after = response.headers.get("Retry-After", "")
        raise Retryable(f"HTTP {status}", float(after) if after.isdecimal() else 0.0)
    if status == 404:
        raise InputError(f"{address}: is not in the archive (HTTP 404)")
    if status not in (200, 206, 412, 416):
        raise InputError(f"{address}: HTTP {status}")
    if status == 200 and "text/html" in response.headers.get("Content-Type", ""):
        raise Retryable("a web page came in place of the file")


def _extent(response: "requests.Response", have: int) -> tuple[int | None, int | None]:
    """Return at which byte of the file an answer starts, and how long the file is.

    A start of None says that it does not go on from the bytes that are there.
    """
    if response.status_code == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    content_range = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", content_range)
    if match is None or response.status_code == 412:
        return None, None
    total = int(match[2])
    start = int(match[1] or total)  # all bytes are there already
    return (start if start == have else None), total


def _receive(response: "requests.Response", hidden: Path, start: int, path: Path) -> None:
    """Write the bytes of an answer as they come, from `start` on."""
    pieces = response.iter_content(PIECE_BYTES)
    with _naming(path):
        file = open(hidden, "ab" if start else "wb", buffering=0)  # noqa: SIM115 - closed below
    with file:
        for piece in pieces:
            with _naming(path):
                while piece:
                    piece = piece[file.write(piece) :]


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say of which file it is that the disk takes no more."""
    try:
        yield
    except OSError as error:
        raise output_error(path, error) from None


def _why(error: "requests.RequestException") -> str:
    """Return what went wrong, without the signed address that such errors show."""
    from requests import ConnectionError, Timeout
    from requests.exceptions import ChunkedEncodingError

    if isinstance(error, Timeout) or "timed out" in str(error):
        return "the server took too long"
    if isinstance(error, ChunkedEncodingError):
        return "the connection broke"
    return "no connection" if isinstance(error, ConnectionError) else type(error).__name__


def _size(path: Path) -> int:
    """Return the bytes of a file, 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
