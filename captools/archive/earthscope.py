"""EarthScope's archive of GNSS data: where its RINEX files are, and logging in.

The login is the one of EarthScope's own programs: a page in any browser, then tokens in a file
that both they and captools use. Nothing here shows a token.
"""

import base64
import fcntl
import json
import logging
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from captools.archive.catalogue import UNKNOWN
from captools.errors import CaptoolsError, InputError, LoginError
from captools.extras import require
from captools.geo.time import days_of
from captools.io.address import Url
from captools.io.retrying import PASSING, Retryable, persist

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

LOGIN = "https://login.earthscope.org"
ARCHIVE = "https://gage-data.earthscope.org/archive/gnss/rinex/obs"
CLIENT = {"client_id": "b9DtAFBd6QvMg761vI3YhYquNZbJX5G0"}  # of all programs of users
SCOPE = {"scope": "offline_access", "audience": "https://api.earthscope.org"}
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
CONNECT_SECONDS, READ_SECONDS = 20.0, 60.0
LEFT_SECONDS = 300.0  # that a token must be good for, or it is changed for a new one
POLL_SECONDS = 5.0  # between questions whether somebody has logged in, if nobody says how many
NO_LOGIN = (
    "no EarthScope login: run captools download --earthscope on a terminal once, or es login of "
    "earthscope-cli; both write ~/.earthscope/default/tokens.json"
)
ENDED = "EarthScope login refused or ended: remove {} and log in again"


def addresses(stations: Iterable[str], span: tuple[str, str]) -> list[Url]:
    """Return where the daily files of stations are, by day and station.

    Parameters
    ----------
    stations : iterable of str
        Names of four characters.
    span : (start, end)
        Half-open, as `captools.geo.time.parse_span` takes it.
    """
    found = []
    for day in days_of(span):
        date = day.item()
        for station in sorted(station.lower() for station in stations):
            name = f"{station}{date:%j}0.{date:%y}d.Z"
            found.append(Url(f"{ARCHIVE}/{date:%Y}/{date:%j}/{name}", UNKNOWN))
    return found


@dataclass(frozen=True)
class EarthScope:
    """The archive to fetch from, as `captools.archive.fetching.Archive`."""

    def session(self) -> "requests.Session":
        """Return a session that shows the token, a new one when the old one has ended."""
        import requests
        from requests.auth import AuthBase

        class Bearer(AuthBase):
            def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
                request.headers["Authorization"] = f"Bearer {access_token()}"
                return request

        session = requests.Session()
        session.auth = Bearer()
        return session

    def refusal(self, address: str, response: "requests.Response") -> CaptoolsError | None:
        """Return what it means that an answer is a page to log in, or a refusal."""
        came_from = urlsplit(response.url)
        is_page = (
            came_from.path.endswith("/login") or came_from.hostname == urlsplit(LOGIN).hostname
        )
        if response.status_code == 401 or is_page:
            return LoginError(f"{address}: {ENDED.format(tokens_path())}")
        if response.status_code == 403:
            return InputError(
                f"{address}: access denied (HTTP 403): this account may not have the file"
            )
        return None


EARTHSCOPE = EarthScope()


def tokens_path() -> Path:
    """Return the file of tokens, that of EarthScope's own programs."""
    return Path.home() / ".earthscope" / "default" / "tokens.json"


def prepare() -> None:
    """Make sure, before any work, that every worker can log in by itself.

    Without tokens, on a terminal, it asks to log in with a browser.

    Raises
    ------
    ValueError
        If there is no login, and nobody to be asked for one.
    LoginError
        If it is refused.
    Retryable
        If the server does not answer.
    """
    require("download", "requests")
    require("gnss", "ncompress")
    if not _tokens():
        if not sys.stdin.isatty():
            raise ValueError(NO_LOGIN)
        _keep(_log_in())
    access_token()


def access_token() -> str:
    """Return a token that is good for some minutes at least; LoginError if there is none."""
    tokens = _tokens()
    if _seconds_left(tokens) > LEFT_SECONDS:
        return tokens["access_token"]
    if not tokens.get("refresh_token"):
        raise LoginError(ENDED.format(tokens_path()))
    with _alone():  # a refresh token may be good only once
        tokens = _tokens()
        if _seconds_left(tokens) <= LEFT_SECONDS:
            tokens |= _refreshed(tokens.get("refresh_token", ""))
            _keep(tokens)
    return tokens["access_token"]


def _tokens() -> dict[str, Any]:
    """Return what the file of tokens holds; nothing if it is not there or is none."""
    try:
        found = json.loads(tokens_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds_left(tokens: dict[str, Any]) -> float:
    """Return for how long the access token is good, as it says itself."""
    try:
        body = tokens["access_token"].split(".")[1]
        return json.loads(base64.urlsafe_b64decode(body + "=="))["exp"] - time.time()
    except (KeyError, IndexError, AttributeError, TypeError, ValueError):
        return 0.0


@contextmanager
def _alone() -> Iterator[None]:
    """Let no other process of this user change the tokens meanwhile."""
    with _writable(), open(tokens_path().with_name(".tokens.lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _writable() -> Iterator[None]:
    """Say that the login cannot be kept, where that is so."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise LoginError(f"{tokens_path()}: the login cannot be kept ({why})") from None


def _keep(tokens: dict[str, Any]) -> None:
    """Write the file of tokens, which only this user may read."""
    path = tokens_path()
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    kept = {name: tokens.get(name) for name in ("access_token", "id_token", "refresh_token")}
    with _writable():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with open(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(kept, file)
            os.replace(hidden, path)
        finally:
            hidden.unlink(missing_ok=True)


def _refreshed(refresh_token: str) -> dict[str, Any]:
    """Return new tokens for the one that is good for that."""
    asked = {"grant_type": "refresh_token", "refresh_token": refresh_token, **CLIENT, **SCOPE}
    status, answer = persist(lambda: _post("/oauth/token", asked))
    if status != 200 or "access_token" not in answer:
        raise LoginError(ENDED.format(tokens_path()))
    return answer


def _log_in() -> dict[str, Any]:
    """Return tokens, once somebody has logged in on the page that is shown."""
    status, code = persist(lambda: _post("/oauth/device/code", {**CLIENT, **SCOPE}))
    if status != 200 or not {"device_code", "user_code", "verification_uri"} <= set(code):
        raise LoginError(f"EarthScope gives no code to log in (HTTP {status})")
    page = code.get("verification_uri_complete") or code["verification_uri"]
    log.warning("to log in to EarthScope, open %s and confirm %s", page, code["user_code"])
    pause = float(code.get("interval", POLL_SECONDS))
    end = time.monotonic() + float(code.get("expires_in", 900))
    asked = {"grant_type": DEVICE_CODE, "device_code": code["device_code"], **CLIENT}
    while time.monotonic() < end:
        time.sleep(pause)
        status, answer = persist(lambda: _post("/oauth/token", asked))
        if status == 200 and "access_token" in answer:
            return answer
        if answer.get("error") == "slow_down":
            pause += POLL_SECONDS
        elif answer.get("error") != "authorization_pending":
            break
    raise LoginError("EarthScope login refused, or nobody logged in in time")


def _post(path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Return status and content of an answer of the login server."""
    import requests

    try:
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        response = requests.post(f"{LOGIN}{path}", data=form, timeout=timeout)
    except requests.RequestException:
        raise Retryable("EarthScope login cannot be reached") from None
    if response.status_code in PASSING:
        raise Retryable(f"EarthScope login is out of order (HTTP {response.status_code})")
    try:
        answer = response.json()
    except ValueError:
        raise Retryable("EarthScope login is out of order") from None
    return response.status_code, answer if isinstance(answer, dict) else {}
