"""NASA's Earthdata servers on loopback, over TLS, for the real icepyx and earthaccess.

Four kinds of servers at one port, which the Host header keeps apart: the catalogue (CMR) answers
searches, Earthdata login (URS) knows who somebody is, and the data pool sends who is logged in on
to a bucket, which hands out the bytes of files in a local folder. They agree with
NASA's in what a client sees: addresses, parameters, paging, redirects, cookies and refusals.

    with Earthdata(folder, scratch) as earthdata:
        earthdata.granules += [Granule("ATL06_20190221121851_08410203_007_01.h5")]
        earthdata.fail("ATL06_2019*", 503, times=2)
        subprocess.run(command, env=earthdata.environment(home, login=LOGIN))
        with earthdata.here(home, login=LOGIN):  # the same in this process
            ...
        assert earthdata.asked(POOL)[0].status == 503
"""

import base64
import contextlib
import functools
import hashlib
import inspect
import json
import os
import re
import secrets
import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime
from fnmatch import fnmatchcase
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import parse_qs, urlencode

import trustme

UNPLOTTED = Path(__file__).with_name("unplotted.py")  # runs where Python starts, but for one test
CMR = "cmr.earthdata.nasa.gov"
URS = "urs.earthdata.nasa.gov"
POOL = "data.nsidc.earthdatacloud.nasa.gov"
HARMONY = "harmony.earthdata.nasa.gov"  # icepyx logs in there before any download
BUCKET = "nsidc-cumulus-prod-protected.s3.us-west-2.amazonaws.com"
HOSTS = (CMR, URS, POOL, HARMONY, BUCKET)

LOGIN = ("captain", "correct horse")
PROVIDER = "NSIDC_CPRD"
COLLECTIONS = {"006": f"C2670138092-{PROVIDER}", "007": f"C3564876127-{PROVIDER}"}
LOGIN_PAGE = "<!DOCTYPE html><html><title>Earthdata Login</title><form action='/login'></form>"
EULA = '{"status_code": 403, "error_description": "EULA Acceptance Failure"}'

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Granule:
    """A record of the catalogue; whether the data pool has the file is another question."""

    name: str
    bbox: Box = (-180.0, -90.0, 180.0, 90.0)  # W S E N; W > E crosses the antimeridian
    minutes: float = 6.0
    size: int = 50 << 20  # unless the file is there
    exact: bool = True  # records with the size in bytes and a checksum; older ones have neither
    sized: bool = True  # records for icepyx with a size

    @functools.cached_property
    def parts(self) -> tuple[str, ...]:
        """Product, start, and release, as its name says."""
        return re.match(r"(ATL\d\d)_(\d{14})_\d{8}_(\d{3})_\d\d", self.name).groups()

    @functools.cached_property
    def start(self) -> datetime:
        """When it begins."""
        return datetime.strptime(self.parts[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """When it ends."""
        return self.start + timedelta(minutes=self.minutes)

    @property
    def path(self) -> str:
        """Where it is, in the data pool and with its bucket's name also in S3."""
        product, _, release = self.parts
        return f"nsidc-cumulus-prod-protected/ATLAS/{product}/{release}/{self.start:%Y/%m/%d}"


class Request(NamedTuple):
    """What a client asked for, and the answer's status."""

    method: str
    host: str
    path: str
    query: dict[str, list[str]]
    range: str
    auth: str  # "Basic", "Bearer" or nothing: a credential at the wrong place is a leak
    status: int
    fault: "Fault | None"


@dataclass
class Fault:
    """What goes wrong, with which addresses, and how often still."""

    pattern: str
    status: int | None = None  # answered instead of what was asked for
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None  # the connection ends after so many bytes
    shorten: int = 0  # the file misses its last bytes, and the server does not know
    corrupt: int | None = None  # where the file has one wrong byte
    pause: float = 0.0  # seconds before each 16 KiB
    times: int | None = None  # for ever

    def meets(self, host: str, path: str) -> bool:
        """Return whether its pattern fits the host, the file's name, or all of the address."""
        texts = host, path.rpartition("/")[2], f"{host}{path}"
        return any(fnmatchcase(text, self.pattern) for text in texts)


class Earthdata:
    """All servers; a context manager.

    Parameters
    ----------
    folder : Path
        Its files are what the data pool has, whatever the path before their names.
    scratch : Path
        Made; gets what clients need to find and trust the servers.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.scratch = scratch
        self.certificate = scratch / "ca.pem"
        self.granules: list[Granule] = []
        self.requests: list[Request] = []
        self.sent: Counter[str] = Counter()  # bytes of each file
        self.bugs: list[Exception] = []  # of this module: raised at the end
        self.stopped = threading.Event()
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._known: set[str] = set()  # tokens, cookies, codes and signatures that are good
        self._given: set[str] = set()  # and those that were

    def __enter__(self) -> "Earthdata":
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(context)
        self.scratch.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(self.certificate)
        self._server = _Server(self, context)
        self.port = self._server.server_address[1]
        # The same few lines turn the addresses of this process and of any Python started from it.
        (self.scratch / "sitecustomize.py").write_text(
            f"from __future__ import annotations\n\n\n{inspect.getsource(_redirect)}\n\n"
            f"_redirect({HOSTS!r}, {self.port})\n"
            "if 'WITH_PLOTTING' not in __import__('os').environ:\n"
            f"    exec({UNPLOTTED.read_text()!r})\n"
        )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._server.live):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self.bugs and kind is None:
            raise ExceptionGroup("the fake itself has bugs", self.bugs)

    def environment(
        self, home: Path, login: tuple[str, str] | None = None, **more: str
    ) -> dict[str, str]:
        """Return the environment of a process that lives in ``home`` and finds these servers.

        ``login`` goes into a netrc there; ``more`` is for EARTHDATA_TOKEN and its like.
        """
        home.mkdir(parents=True, exist_ok=True)
        if login:
            netrc = home / ".netrc"
            netrc.write_text("machine {} login {} password {}\n".format(URS, *map(_quoted, login)))
            netrc.chmod(0o600)
        # Neither a login of whoever runs the tests nor a proxy on the way may be used.
        ours = re.compile(r"(EARTHDATA_|EDL_|AWS_)\w+|NETRC|\w+_proxy|CURL_CA_BUNDLE", re.I)
        kept = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
        path = [str(self.scratch), *filter(None, [os.environ.get("PYTHONPATH")])]
        return kept | {
            "HOME": str(home),
            "PYTHONPATH": os.pathsep.join(path),
            "REQUESTS_CA_BUNDLE": str(self.certificate),
            "SSL_CERT_FILE": str(self.certificate),
            **more,
        }

    @contextlib.contextmanager
    def here(self, home: Path, login: tuple[str, str] | None = None, **more: str) -> Iterator[None]:
        """Let this process, and all it starts, find these servers and no others, logged out."""
        with contextlib.ExitStack() as stack:
            environment = self.environment(home, login, **more)
            stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
            stack.callback(_redirect(HOSTS, self.port))
            if connector := sys.modules.get("aiohttp.connector"):  # looked at the variables once
                connector._SSL_CONTEXT_VERIFIED.load_verify_locations(self.certificate)
            stack.callback(_log_out)
            _log_out()
            yield

    def fail(self, pattern: str, status: int | None = None, **how: Any) -> Fault:
        """Let a fault happen at a file's name, a host, or ``host/path``, all with wildcards.

        A status is answered by the first server that is asked: for a file, the data pool. Faults
        of the bytes happen at the bucket. See `Fault` for more.
        """
        fault = Fault(pattern, status, **how)
        self._faults.append(fault)
        return fault

    def mend(self) -> None:
        """End all faults."""
        self._faults.clear()

    def token(self) -> str:
        """Return a token that is good until `expire`."""
        return self.remember("eyJ0eXAi")

    def expire(self) -> None:
        """Let all tokens, cookies and signed addresses be of the past."""
        self._known.clear()

    def asked(self, host: str, pattern: str = "*") -> list[Request]:
        """Return the requests so far to one of the hosts, for paths that match."""
        return [r for r in self.requests if r.host == host and fnmatchcase(r.path, pattern)]

    def leaks(self, text: str) -> list[str]:
        """Return the passwords, tokens, cookies and signatures in a text."""
        return [secret for secret in (*LOGIN, *self._given) if secret in text]

    def remember(self, prefix: str) -> str:
        """Return a new secret that `knows` is true of."""
        secret = prefix + secrets.token_hex(8)
        self._known.add(secret)
        self._given.add(secret)
        return secret

    def knows(self, secret: str) -> bool:
        """Return whether a secret came from here and is good still."""
        return secret in self._known

    def fault(self, host: str, path: str, *, status: bool) -> Fault | None:
        """Return what shall go wrong now, and count it; ``status`` or else bytes."""
        with self._lock:
            for fault in self._faults:
                wanted = (fault.status is not None) is status and fault.times != 0
                if wanted and fault.meets(host, path):
                    fault.times = fault.times and fault.times - 1
                    return fault
        return None

    def count(self, name: str, size: int) -> None:
        """Add to what was sent of a file, which several connections may be sending."""
        with self._lock:
            self.sent[name] += size

    def find(self, query: Mapping[str, list[str]]) -> list[tuple[int, Granule]]:
        """Return the granules that a search matches, with their numbers, as CMR sorts them."""
        found = [
            (number, granule)
            for number, granule in enumerate(self.granules, 3_000_000_000)
            if all(_MATCHES[name](granule, query[name]) for name in query if name in _MATCHES)
            and _named(granule, query)
        ]
        return sorted(found, key=lambda each: (each[1].start, each[0]))

    def contents(self, name: str) -> bytes | None:
        """Return the bytes of a file of the data pool."""
        with contextlib.suppress(OSError):
            return (self.folder / name).read_bytes()
        return None


def _redirect(hosts: tuple[str, ...], port: int) -> Callable[[], None]:
    """Let ``hosts`` be a port of this machine, and nothing else be reached; return the way back.

    It knows nothing outside itself: its source also goes into subprocesses.
    """
    import socket

    loopback = (None, "", "localhost", "127.0.0.1", "::1")
    resolve, connect = socket.getaddrinfo, socket.socket.connect

    def getaddrinfo(host, asked, *args, **options):
        name = host.decode() if isinstance(host, bytes) else host
        if name in hosts:
            return resolve("127.0.0.1", port, *args, **options)
        if name not in loopback:
            raise socket.gaierror(socket.EAI_NONAME, f"no test may reach {name}")
        return resolve(host, asked, *args, **options)

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in loopback:
            raise ConnectionRefusedError(f"no test may reach {address}")
        return connect(self, address)

    def back():
        socket.getaddrinfo, socket.socket.connect = resolve, connect

    socket.getaddrinfo, socket.socket.connect = getaddrinfo, guarded
    return back


def _log_out() -> None:
    """Forget the login that earthaccess keeps for the whole process."""
    if earthaccess := sys.modules.get("earthaccess"):
        earthaccess._auth = earthaccess.Auth()
        for name in ("__auth__", "__store__"):
            vars(earthaccess).pop(name, None)


def _quoted(word: str) -> str:
    return '"{}"'.format(word.replace("\\", r"\\").replace('"', r"\""))


# What CMR knows of a search. A parameter that it does not know is an error there, and here.


def _spans(west: float, east: float) -> list[tuple[float, float]]:
    return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]


def _overlap(one: Box, other: Box) -> bool:
    latitudes = one[1] <= other[3] and other[1] <= one[3]
    return latitudes and any(
        a[0] <= b[1] and b[0] <= a[1]
        for a in _spans(one[0], one[2])
        for b in _spans(other[0], other[2])
    )


def _in_box(granule: Granule, values: list[str]) -> bool:
    return any(_overlap(granule.bbox, tuple(map(float, value.split(",")))) for value in values)


def _in_polygon(granule: Granule, values: list[str]) -> bool:
    """Take a polygon for its box, which finds a little more."""
    numbers = [[float(x) for x in value.split(",")] for value in values]
    boxes = [(min(x[::2]), min(x[1::2]), max(x[::2]), max(x[1::2])) for x in numbers]
    return any(_overlap(granule.bbox, box) for box in boxes)


def _in_time(granule: Granule, values: list[str]) -> bool:
    for value in values:
        start, end = (datetime.fromisoformat(t) if t else None for t in value.split(","))
        if (not start or start <= granule.end) and (not end or granule.start <= end):
            return True
    return False


def _of_concept(granule: Granule, values: list[str]) -> bool:
    return COLLECTIONS.get(granule.parts[2]) in values


_MATCHES: dict[str, Callable[[Granule, list[str]], bool]] = {
    "short_name": lambda granule, values: granule.parts[0] in values,
    "version": lambda granule, values: granule.parts[2] in values,
    "provider": lambda granule, values: PROVIDER in values,
    "concept_id": _of_concept,
    "collection_concept_id": _of_concept,
    "bounding_box": _in_box,
    "polygon": _in_polygon,
    "temporal": _in_time,
}
_NAMES = ("readable_granule_name", "producer_granule_id", "granule_ur")


def _named(granule: Granule, query: Mapping[str, list[str]]) -> bool:
    for parameter in filter(query.__contains__, _NAMES):
        wild = query.get(f"options[{parameter}][pattern]") == ["true"]
        same = fnmatchcase if wild else str.__eq__
        if not any(same(granule.name, value) for value in query[parameter]):
            return False
    return True


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%S.000Z}"


def _umm(server: Earthdata, number: int, granule: Granule) -> dict[str, Any]:
    """Return a record in the format of earthaccess."""
    data = server.contents(granule.name)
    size = granule.size if data is None else len(data)
    archived: dict[str, Any] = {"Name": "Not provided", "Size": size / 2**20, "SizeUnit": "NA"}
    if granule.exact:
        archived |= {"Name": granule.name, "SizeUnit": "MB", "SizeInBytes": size}
        digest = hashlib.md5(data or b"", usedforsecurity=False).hexdigest()
        archived["Checksum"] = {"Value": digest, "Algorithm": "MD5"}
    west, south, east, north = granule.bbox
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    points = [{"Longitude": x, "Latitude": y} for x, y in corners]
    urls = [
        ("GET DATA", f"https://{POOL}/{granule.path}/{granule.name}"),
        ("GET DATA VIA DIRECT ACCESS", f"s3://{granule.path}/{granule.name}"),
        ("EXTENDED METADATA", f"https://{POOL}/{granule.path}/{granule.name[:-3]}.iso.xml"),
        ("VIEW RELATED INFORMATION", f"https://{POOL}/s3credentials"),
    ]
    product, _, release = granule.parts
    return {
        "meta": {
            "concept-type": "granule",
            "concept-id": f"G{number}-{PROVIDER}",
            "provider-id": PROVIDER,
            "collection-concept-id": COLLECTIONS.get(release),
        },
        "umm": {
            "GranuleUR": granule.name,
            "CollectionReference": {"ShortName": product, "Version": release},
            "TemporalExtent": {
                "RangeDateTime": {
                    "BeginningDateTime": _time(granule.start),
                    "EndingDateTime": _time(granule.end),
                }
            },
            "SpatialExtent": {
                "HorizontalSpatialDomain": {
                    "Geometry": {"GPolygons": [{"Boundary": {"Points": points}}]}
                }
            },
            "RelatedUrls": [{"Type": kind, "URL": url} for kind, url in urls],
            "DataGranule": {
                "Identifiers": [
                    {"Identifier": granule.name, "IdentifierType": "ProducerGranuleId"}
                ],
                "ArchiveAndDistributionInformation": [archived],
            },
        },
    }


def _entry(server: Earthdata, number: int, granule: Granule) -> dict[str, Any]:
    """Return a record in the format of icepyx."""
    record = _umm(server, number, granule)
    urls = [url["URL"] for url in record["umm"]["RelatedUrls"]]
    size = record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"][0]["Size"]
    relation = "http://esipfed.org/ns/fedsearch/1.1"
    sized = {"granule_size": str(size)} if granule.sized else {}
    return sized | {
        "id": record["meta"]["concept-id"],
        "title": granule.name,
        "producer_granule_id": granule.name,
        "collection_concept_id": record["meta"]["collection-concept-id"],
        "data_center": PROVIDER,
        "time_start": _time(granule.start),
        "time_end": _time(granule.end),
        "links": [
            {"rel": f"{relation}/data#", "type": "application/x-hdf5", "href": urls[0]},
            {"rel": f"{relation}/s3#", "type": "application/x-hdf5", "href": urls[1]},
            {"rel": f"{relation}/metadata#", "type": "text/xml", "href": urls[2]},
            {"rel": f"{relation}/data#", "inherited": True, "href": "https://nsidc.org/data/atl06"},
        ],
    }


def _collection(release: str, concept: str, *, umm: bool) -> dict[str, Any]:
    title = f"ATLAS/ICESat-2 L3A Land Ice Height V{release}"
    if umm:
        return {
            "meta": {"concept-id": concept, "provider-id": PROVIDER, "granule-count": 1},
            "umm": {"ShortName": "ATL06", "Version": release, "EntryTitle": title},
        }
    return {"id": concept, "short_name": "ATL06", "version_id": release, "title": title}


# What the servers say.


class _Server(ThreadingHTTPServer):
    """Listens at a port of its own; no thread outlives the test for long."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, earthdata: Earthdata, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.earthdata = earthdata
        self.live: set[socket.socket] = set()
        # Shaking hands is for the connection's thread: a client that does not would stop all.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def handle_error(self, request: object, address: object) -> None:
        """Clients may leave at any time; anything else is a bug here."""
        if not isinstance(sys.exception(), OSError):
            self.earthdata.bugs.append(sys.exception())


class _Handler(BaseHTTPRequestHandler):
    """One connection; one request after the other."""

    protocol_version = "HTTP/1.1"
    timeout = 20  # of a connection that nothing comes from
    disable_nagle_algorithm = True  # else each answer takes 40 ms
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.live.add(self.connection)

    def finish(self) -> None:
        self.server.live.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing: `Earthdata.requests` has it."""

    def do_GET(self) -> None:
        self.earthdata = self.server.earthdata
        self.host = self.headers.get("Host", "").partition(":")[0]
        self.where, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.query = parse_qs(query) | parse_qs(body)
        self.cookies = {k: v.value for k, v in SimpleCookie(self.headers.get("Cookie")).items()}
        self.fault = self.earthdata.fault(self.host, self.where, status=True)
        if self.fault:
            self.answer(self.fault.status, self.fault.text, **self.fault.headers)
        else:
            servers = {
                CMR: self.catalogue,
                URS: self.login,
                POOL: self.pool,
                HARMONY: self.pool,
                BUCKET: self.bucket,
            }
            servers.get(self.host, self.nothing)()

    do_HEAD = do_POST = do_PUT = do_GET

    def answer(self, status: int, body: object = b"", **headers: str) -> None:
        """Answer with bytes, a text, or anything else as JSON; ``Set_Cookie`` is ``Set-Cookie``."""
        kind = "application/json"
        if isinstance(body, str):
            kind = "text/html" if body.startswith("<") else "text/plain"
            body = body.encode()
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.begin(status, {"Content-Type": kind, "Content-Length": str(len(payload))} | headers)
        if self.command != "HEAD":
            self.wfile.write(payload)

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Record the request and send the head of the answer."""
        scheme = self.headers.get("Authorization", "").partition(" ")[0]
        ranged = self.headers.get("Range", "")
        self.earthdata.requests.append(
            Request(
                self.command, self.host, self.where, self.query, ranged, scheme, status, self.fault
            )
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def nothing(self) -> None:
        self.answer(404, "<html>File not found</html>")

    @property
    def bearer(self) -> str:
        """The token that came with the request."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return value if scheme == "Bearer" else ""

    @property
    def basic(self) -> bool:
        """Whether the right name and password came with the request."""
        good = base64.b64encode(":".join(LOGIN).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {good}"

    # The catalogue.

    def catalogue(self) -> None:
        if self.bearer and not self.earthdata.knows(self.bearer):
            message = f"Token [Bearer {self.bearer[:3]}XXX] has expired."
            return self.answer(401, {"errors": [message]})
        kind, _, form = self.where.removeprefix("/search/").partition(".")
        query = {re.sub(r"\[\]$", "", name): values for name, values in self.query.items()}
        known = {*_MATCHES, *_NAMES, "page_size", "page_num"}
        if kind == "collections":
            known |= {"cloud_hosted", "has_granules", "include_granule_counts"}
        strange = [n for n in query if n not in known and not n.startswith("options[")]
        size = int(query.get("page_size", ["10"])[0])
        if strange:
            return self.answer(400, {"errors": [f"Parameter [{strange[0]}] was not recognized."]})
        if not 0 <= size <= 2000:
            return self.answer(400, {"errors": ["page_size must be between 0 and 2000"]})
        umm = form == "umm_json"
        if kind == "collections":
            wanted = query.get("version", list(COLLECTIONS))
            here = PROVIDER in query.get("provider", [PROVIDER])
            hits = [
                _collection(release, concept, umm=umm)
                for release, concept in COLLECTIONS.items()
                if release in wanted and here and query.get("short_name") in (None, ["ATL06"])
            ]
            return self.page(hits[:size], len(hits), umm)
        found = self.earthdata.find(query)
        after = self.headers.get("CMR-Search-After")
        first = size * (int(query.get("page_num", ["1"])[0]) - 1)
        if after:
            _, start, last = json.loads(after)
            first = sum((g.start.timestamp(), n) <= (start, last) for n, g in found)
        page = found[first : first + size]
        headers = {}
        if page:
            number, granule = page[-1]
            last = [PROVIDER.lower(), granule.start.timestamp(), number]
            headers = {"CMR-Search-After": json.dumps(last)}
        record = _umm if umm else _entry
        return self.page([record(self.earthdata, *each) for each in page], len(found), umm, headers)

    def page(
        self, records: list[dict], hits: int, umm: bool, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with some records of all that were found."""
        body = {"hits": hits, "took": 1, "items": records} if umm else {"feed": {"entry": records}}
        self.answer(200, body, **{"CMR-Hits": str(hits)}, **(headers or {}))

    # Earthdata login.

    def login(self) -> None:
        inside = self.basic or any(
            self.earthdata.knows(s) for s in (self.bearer, self.cookies.get("_urs-gui_session", ""))
        )
        refusal = {"error": "invalid_credentials", "error_description": "Invalid user credentials"}
        match self.where:
            case "/api/users/find_or_create_token" | "/api/users/token" if self.basic:
                self.answer(200, self.new_token())
            case "/api/users/tokens" if self.basic:
                self.answer(200, [self.new_token()])
            case "/oauth/authorize" if inside:
                code = urlencode({"code": self.earthdata.remember("code"), **self.state()})
                session = self.earthdata.remember("session")
                self.answer(
                    302,
                    Location=f"{self.query['redirect_uri'][0]}?{code}",
                    Set_Cookie=f"_urs-gui_session={session}; path=/; Secure; HttpOnly",
                )
            case "/oauth/authorize" if "app_type" in self.query:  # what is no browser
                challenge = 'Basic realm="Please enter your Earthdata Login credentials."'
                self.answer(401, "HTTP Basic: Access denied.\n", WWW_Authenticate=challenge)
            case "/oauth/authorize" | "/home":
                self.answer(200, LOGIN_PAGE)
            case "/profile" if inside:
                self.answer(200, "<html>Welcome</html>")
            case "/profile":
                self.answer(302, Location=f"https://{URS}/home")
            case _:
                self.answer(401, refusal)

    def new_token(self) -> dict[str, str]:
        expires = datetime.now(UTC) + timedelta(days=60)
        return {"access_token": self.earthdata.token(), "expiration_date": f"{expires:%m/%d/%Y}"}

    def state(self) -> dict[str, str]:
        return {"state": self.query.get("state", ["/"])[0]}

    # The data pool: it has no passwords, and sends who is not known to Earthdata login.

    def pool(self) -> None:
        if self.where == "/login":
            if not self.earthdata.knows(self.query.get("code", [""])[0]):
                return self.answer(400, "<html>Bad code</html>")
            return self.answer(301, Location=self.state()["state"], **self.new_cookie())
        if not any(map(self.earthdata.knows, (self.cookies.get("asf-urs", ""), self.bearer))):
            back = {"redirect_uri": f"https://{self.host}/login", "state": self.where}
            query = {"client_id": "fake", "response_type": "code", "app_type": "401", **back}
            return self.answer(302, Location=f"https://{URS}/oauth/authorize?{urlencode(query)}")
        if self.host == HARMONY:
            return self.answer(200, {"count": 0, "jobs": []}, **self.new_cookie())
        if self.where == "/s3credentials":
            expires = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
            keys = {"accessKeyId": "ASIAFAKE", "secretAccessKey": "fake", "sessionToken": "fake"}
            return self.answer(200, keys | {"expiration": str(expires)}, **self.new_cookie())
        if self.earthdata.contents(self.where.rpartition("/")[2]) is None:
            return self.nothing()
        signature = urlencode({"X-Amz-Signature": self.earthdata.remember("signed")})
        key = self.where.partition("nsidc-cumulus-prod-protected")[2]
        self.answer(303, Location=f"https://{BUCKET}{key}?{signature}", **self.new_cookie())

    def new_cookie(self) -> dict[str, str]:
        cookie = self.earthdata.remember("jwt")
        return {"Set-Cookie": f"asf-urs={cookie}; Path=/; Domain={self.host}; Secure"}

    # The bucket: a signed address is all it wants.

    def bucket(self) -> None:
        if "Authorization" in self.headers:
            return self.answer(400, "<Error><Code>InvalidArgument</Code></Error>")
        if not self.earthdata.knows(self.query.get("X-Amz-Signature", [""])[0]):
            return self.answer(403, "<Error><Code>AccessDenied</Code></Error>")
        name = self.where.rpartition("/")[2]
        data = self.earthdata.contents(name)
        if data is None:
            return self.answer(404, "<Error><Code>NoSuchKey</Code></Error>")
        self.fault = self.earthdata.fault(self.host, self.where, status=False)
        fault = self.fault or Fault("")
        data = data[: len(data) - fault.shorten]
        if (at := fault.corrupt) is not None:
            data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        headers = {
            "Content-Type": "application/x-hdf5",
            "Accept-Ranges": "bytes",
            "ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}-1"',
            "Last-Modified": formatdate(
                (self.earthdata.folder / name).stat().st_mtime, usegmt=True
            ),
        }
        status, total = 200, len(data)
        asked = self.headers.get("If-Unmodified-Since")
        if asked and parsedate_to_datetime(asked) < parsedate_to_datetime(headers["Last-Modified"]):
            return self.answer(412, "<Error><Code>PreconditionFailed</Code></Error>")
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if span and self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
            first, last = span.groups()
            start = int(first) if first else max(total - int(last), 0)
            end = min(int(last) + 1, total) if first and last else total
            if start >= end:
                return self.answer(416, **headers, Content_Range=f"bytes */{total}")
            status, data = 206, data[start:end]
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
        self.begin(status, headers | {"Content-Length": str(len(data))})
        if self.command != "HEAD":
            self.send_slowly(data[: fault.cut], fault.pause)
            self.close_connection = fault.cut is not None

    def send_slowly(self, data: bytes, pause: float) -> None:
        for start in range(0, len(data), 1 << 14):
            if pause and self.server.earthdata.stopped.wait(pause):
                break
            piece = data[start : start + (1 << 14)]
            # Counted first: who has the last piece may look at the count at once.
            self.server.earthdata.count(self.where.rpartition("/")[2], len(piece))
            self.wfile.write(piece)
