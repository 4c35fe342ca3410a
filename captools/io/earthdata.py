"""NASA's Earthdata: logging in, and the keys of its object store, through earthaccess.

Nothing here shows a password or a token: what the servers answer to them stays
unsaid, too.
"""

import contextlib
import logging
import os
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from captools.errors import LoginError
from captools.extras import require
from captools.io.retrying import Retryable, persist

if TYPE_CHECKING:
    import earthaccess

LIFE_SECONDS = 3000.0  # for which keys to Earthdata's object store are used; they live 3600
NO_LOGIN = (
    "no Earthdata login: set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD; "
    "or write a netrc file with machine urs.earthdata.nasa.gov; or answer the prompt on a terminal"
)


def prepare() -> None:
    """Make sure, before any work, that every worker can log in by itself.

    Raises
    ------
    ValueError
        If there is no login, and nobody to be asked for one.
    LoginError
        If it is refused.
    Retryable
        If Earthdata login does not answer.
    """
    persist(_log_in_or_ask)


def _log_in_or_ask() -> None:
    """Log in; what is typed in becomes a token in the environment, which workers inherit."""
    try:
        log_in()
    except ValueError:
        if not sys.stdin.isatty():
            raise
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
            auth = _attempt("interactive")
        if auth.token:
            os.environ["EARTHDATA_TOKEN"] = auth.token["access_token"]


def log_in() -> "earthaccess.Auth":
    """Log in with what the environment or a netrc file holds.

    Raises
    ------
    ValueError
        If neither holds anything.
    LoginError
        If it is refused.
    Retryable
        If Earthdata login does not answer.
    """
    from earthaccess.exceptions import LoginStrategyUnavailable

    if not os.environ.get("EARTHDATA_TOKEN"):
        os.environ.pop("EARTHDATA_TOKEN", None)  # or it is tried before a password
    for strategy in ("environment", "netrc"):
        with contextlib.suppress(LoginStrategyUnavailable):
            return _attempt(strategy)
    raise ValueError(NO_LOGIN)


def _attempt(strategy: str) -> "earthaccess.Auth":
    import earthaccess
    import requests
    from earthaccess.exceptions import LoginAttemptFailure

    logging.getLogger("earthaccess").setLevel(logging.CRITICAL)  # it would log the refusal
    try:
        return earthaccess.Auth().login(strategy=strategy)
    except LoginAttemptFailure as error:
        if "<" in str(error):  # a web page
            raise Retryable("Earthdata login is out of order") from None
        raise LoginError("Earthdata login refused: wrong user name or password") from None
    except requests.RequestException:
        raise Retryable("Earthdata login cannot be reached") from None
    except EOFError:
        raise ValueError(NO_LOGIN) from None


def log_in_first() -> None:
    """Make sure, before any work, that every worker can log in to Earthdata by itself."""
    require("remote", "earthaccess")
    prepare()


@cache
def earthdata_login() -> Any:
    """Return who we are at Earthdata."""
    return persist(log_in)


def store_keys() -> dict[str, str]:
    """Return keys to Earthdata's object store, for fsspec's file system of S3."""
    return _keys_of_hour(int(time.monotonic() / LIFE_SECONDS))


@cache
def _keys_of_hour(hour: int) -> dict[str, str]:
    keys = persist(_earthdata_answer)
    return {
        "key": keys["accessKeyId"],
        "secret": keys["secretAccessKey"],
        "token": keys["sessionToken"],
    }


def _earthdata_answer() -> dict[str, str]:
    from requests import RequestException

    try:
        keys = earthdata_login().get_s3_credentials(daac="NSIDC")
    except RequestException:
        raise Retryable("Earthdata cannot be reached for keys to its object store") from None
    if not keys:  # without a reason
        raise Retryable("Earthdata gives no keys to its object store")
    return keys
