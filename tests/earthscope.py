"""EarthScope's servers on loopback, over TLS: the one to log in, and the archive of RINEX files.

They agree with EarthScope's in what a client sees: addresses, forms, tokens, redirects, refusals.

    with EarthScope(folder, scratch) as earthscope, earthscope.here(home):
        earthscope.grant(home)  # tokens in the file, as after an earlier login
"""

import base64
import contextlib
import json
import os
import secrets
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qsl

import trustme
from earthdata import _redirect

LOGIN = "login.earthscope.org"
ARCHIVE = "gage-data.earthscope.org"
HOSTS = (LOGIN, ARCHIVE)
PLACE = "/archive/gnss/rinex/obs"
CLIENT = "b9DtAFBd6QvMg761vI3YhYquNZbJX5G0"


class EarthScope:
    """Both servers; a context manager.

    Parameters
    ----------
    folder : Path
        Its files are what the archive has: ``2024/001/p0570010.24d.Z``.
    scratch : Path
        Made; gets the certificate.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder, scratch
        self.requests: list[tuple[str, str, str, int]] = []  # host, method, path, status
        self.given: list[str] = []  # every secret
        self.access: set[str] = set()  # those that are good
        self.refresh: set[str] = set()
        self.waiting: dict[str, int] = {}  # device codes: questions until somebody has logged in
        self.pending = 2
        self.refuses = False  # whoever is asked to log in
        self.life = 3600.0  # seconds of a token
        self.cut: list[int] = []  # bytes after which connections break
        self.sends_on = False  # the archive answers with a page of the login server
        self.bugs: list[str] = []

    def __enter__(self) -> "EarthScope":
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(context)
        self.scratch.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(self.scratch / "ca.pem")
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.earthscope = self
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        assert kind or not self.bugs, self.bugs

    @contextlib.contextmanager
    def here(self, home: Path) -> Iterator[None]:
        """Let this process live in ``home`` and find these servers and no others."""
        home.mkdir(parents=True, exist_ok=True)
        certificate = str(self.scratch / "ca.pem")
        environment = {"HOME": str(home), "REQUESTS_CA_BUNDLE": certificate}
        with mock.patch.dict(os.environ, environment):
            back = _redirect(HOSTS, self._server.server_address[1])
            try:
                yield
            finally:
                back()

    def tokens(self) -> dict[str, str]:
        """Return new tokens that are good."""
        body = {"exp": time.time() + self.life, "jti": secrets.token_hex(8)}
        parts = [base64.urlsafe_b64encode(json.dumps(one).encode()) for one in ({}, body)]
        access = b".".join([*parts, b"signature"]).decode().replace("=", "")
        found = {"access_token": access, "refresh_token": f"v1.{secrets.token_hex(16)}"}
        self.given += found.values()
        self.access.add(found["access_token"])
        self.refresh.add(found["refresh_token"])
        return found

    def grant(self, home: Path) -> dict[str, str]:
        """Write tokens where programs of EarthScope keep them, and return them."""
        path = home / ".earthscope/default/tokens.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        found = self.tokens()
        path.write_text(json.dumps({**found, "id_token": None}))
        path.chmod(0o600)
        return found

    def asked(self, host: str, part: str = "") -> list[int]:
        """Return the statuses of the requests so far to a host."""
        return [status for to, _, path, status in self.requests if to == host and part in path]


class _Server(ThreadingHTTPServer):
    """Listens at a port of its own."""

    daemon_threads = True
    earthscope: EarthScope

    def handle_error(self, request: object, address: object) -> None:
        """Clients may leave at any time; anything else is a bug here."""
        if not isinstance(sys.exception(), OSError):
            self.earthscope.bugs.append(repr(sys.exception()))


class _Handler(BaseHTTPRequestHandler):
    """One connection; one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 20

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.es: EarthScope = self.server.earthscope
        self.host = self.headers["Host"].partition(":")[0]
        if self.host != ARCHIVE:
            if "Authorization" in self.headers:
                self.es.bugs.append("the token went to another server")
            return self.answer(200, b"<html>log in</html>", Content_Type="text/html")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path.startswith("/login"):
            return self.answer(200, b"<html>log in</html>", Content_Type="text/html")
        if token not in self.es.access:
            return self.answer(302, Location=f"https://{ARCHIVE}/login?next={self.path}")
        if self.es.sends_on:
            return self.answer(302, Location=f"https://{LOGIN}/u/login")
        path = self.es.folder / self.path.removeprefix(PLACE).lstrip("/")
        return self.send(path) if path.is_file() else self.answer(404, b"not found")

    def send(self, path: Path) -> None:
        """Answer with a file, or what is left of it."""
        data, changed = path.read_bytes(), formatdate(path.stat().st_mtime, usegmt=True)
        headers = {"Last-Modified": changed, "Accept-Ranges": "bytes"}
        unless = self.headers.get("If-Unmodified-Since")
        if unless and parsedate_to_datetime(unless) < parsedate_to_datetime(changed):
            return self.answer(412)
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        cut = self.es.cut.pop(0) if self.es.cut else None
        self.answer(206 if start else 200, data[start:], cut, **headers)

    def do_POST(self) -> None:
        self.es = self.server.earthscope
        self.host = self.headers["Host"].partition(":")[0]
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(text))
        if self.host != LOGIN or form.get("client_id") != CLIENT:
            return self.refuse(401, "unauthorized_client")
        if self.path == "/oauth/device/code":
            wanted = {"scope": "offline_access", "audience": "https://api.earthscope.org"}
            if not wanted.items() <= form.items():
                return self.refuse(400, "invalid_request")
            code = secrets.token_hex(8)
            self.es.given.append(code)
            self.es.waiting[code] = self.es.pending
            page = f"https://{LOGIN}/activate"
            return self.answer_json(
                200,
                device_code=code,
                user_code="ABCD-EFGH",
                verification_uri=page,
                verification_uri_complete=f"{page}?user_code=ABCD-EFGH",
                expires_in=900,
                interval=0,
            )
        if self.path != "/oauth/token":
            return self.refuse(404, "not_found")
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.es.refresh:
                return self.refuse(403, "invalid_grant")
            self.es.refresh.discard(form["refresh_token"])
            return self.answer_json(200, **self.es.tokens(), expires_in=3600)
        if form["grant_type"] != "urn:ietf:params:oauth:grant-type:device_code":
            return self.refuse(403, "unsupported_grant_type")
        left = self.es.waiting.get(form["device_code"])
        if left is None:
            return self.refuse(403, "invalid_grant")
        if left:
            self.es.waiting[form["device_code"]] -= 1
            return self.refuse(403, "authorization_pending")
        if self.es.refuses:
            return self.refuse(403, "access_denied")
        del self.es.waiting[form["device_code"]]
        return self.answer_json(200, **self.es.tokens(), id_token="id", expires_in=3600)

    def refuse(self, status: int, error: str) -> None:
        self.answer_json(status, error=error, error_description="as it is")

    def answer_json(self, status: int, **content: object) -> None:
        self.answer(status, json.dumps(content).encode(), Content_Type="application/json")

    def answer(
        self, status: int, body: bytes = b"", cut: int | None = None, **headers: str
    ) -> None:
        self.es.requests.append((self.host, self.command, self.path, status))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
