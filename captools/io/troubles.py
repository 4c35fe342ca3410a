"""What goes wrong with servers: what another try may mend, and what the user reads."""

import errno
import sys
from collections.abc import Callable
from typing import TypeVar

from captools.errors import InputError, Unreachable, one_line
from captools.io.address import Url
from captools.io.retrying import PASSING, TRIES, pause

Answer = TypeVar("Answer")
_LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}  # no server is to blame


class Missing(InputError):
    """There is nothing at an address."""


def attempt(url: Url, call: Callable[[], Answer]) -> Answer:
    """Return the answer of a server, which may be busy or out of reach for a while.

    Raises
    ------
    InputError
        If it says no.
    Unreachable
        If it does not answer.
    """
    for number in range(1, TRIES + 1):
        try:
            return call()
        except _troubles() as error:
            _forget_frames(error)
            if refusal := _refusal(url, error):
                raise refusal from None
            if number == TRIES:
                raise Unreachable(
                    f"{url}: cannot be reached ({_why(error)}; {TRIES} times)"
                ) from None
        pause(number)
    raise AssertionError("there is at least one try")


def _forget_frames(error: BaseException | None) -> None:
    """Let go of the frames that an error came through.

    A thread of fsspec may be the last to hold the error. It must not be the one that frees
    objects of h5py in those frames: it would wait for h5py's lock, which HDF5 has while it
    waits for this thread.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _troubles() -> tuple[type[Exception], ...]:
    """Return what libraries that are in use raise when a server does not do as it should."""
    kinds: list[type[Exception]] = [OSError]
    if "aiohttp" in sys.modules:
        kinds.append(sys.modules["aiohttp"].ClientError)
    if "botocore.exceptions" in sys.modules:
        kinds += [sys.modules["botocore.exceptions"].BotoCoreError]
        kinds += [sys.modules["botocore.exceptions"].ClientError]
    return tuple(kinds)


def _refusal(url: Url, error: BaseException) -> InputError | None:
    """Return the error that asking again will not mend, None if it may."""
    status, error = _status(error), _root(error)
    if _code(error) == "RequestTimeout":  # which S3 gives the status 400
        return None
    if isinstance(error, OSError) and error.errno in _LOCAL:
        return InputError(f"{url}: cannot be kept here ({error.strerror})")
    if type(error).__module__ == "botocore.exceptions" and status is None:
        from botocore.exceptions import ConnectionError, HTTPClientError

        if not isinstance(error, ConnectionError | HTTPClientError):
            return InputError(f"{url}: cannot be read ({_why(error)})")
    if status == 404 or (status is None and isinstance(error, FileNotFoundError)):
        return Missing(f"{url}: does not exist")
    if status == 401:
        return InputError(
            f"{url}: login refused (401): --earthdata logs in to NASA's, if the token is in date"
        )
    # S3 says 400 to keys that have expired, and to a HEAD request not a word more.
    if status == 403 or (status == 400 and url.protocol == "s3"):
        return InputError(
            f"{url}: access refused ({_why(error)}): are the keys right, and in date?"
        )
    if status is not None and status < 500 and status not in PASSING:
        return InputError(f"{url}: cannot be read ({_why(error)})")
    return None


def _root(error: BaseException) -> BaseException:
    """Return the cause of an error: fsspec calls many things a missing file."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _status(error: BaseException) -> int | None:
    """Return the status that a server answered with, as far as the cause of an error names it."""
    error = _root(error)
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # of botocore
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return getattr(error, "status", None)  # of aiohttp


def _code(error: BaseException) -> str:
    """Return what S3 calls an error."""
    response = getattr(error, "response", None)
    return response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""


def _why(error: BaseException) -> str:
    """Return what an error says, without addresses, which may hold a signature."""
    error, status = _root(error), _status(error)
    message = getattr(error, "message", "") or one_line(error)
    message = " ".join(word for word in message.split() if "://" not in word)
    return f"{status}: {message}" if status is not None else message
