"""Which granules there are: searching NASA's catalogue (CMR) through icepyx."""

import contextlib
import io
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from captools.errors import CaptoolsError, one_line
from captools.extras import require
from captools.geo.select import check_box
from captools.geo.time import parse_span, parse_time
from captools.io.address import Url
from captools.io.retrying import TRIES, pause
from captools.products import Product

if TYPE_CHECKING:
    import icepyx


PAGE_RECORDS = 2000  # of an answer, the most there can be
NAMES = 50  # names in a question: an address has room for no more
CONNECT_SECONDS, READ_SECONDS = 20.0, 120.0  # that the catalogue may take to answer
WORLD = [-180.0, -90.0, 180.0, 90.0]  # west, south, east, north
MARGIN = timedelta(minutes=1)  # more than GPS time is ahead of UTC
UNKNOWN = "0"  # megabytes of a granule, where a record does not give them
FITTING = "earthaccess>=0.17,<0.19"  # which goes with icepyx, as pyproject.toml says
_NAME = "readable_granule_name[]"
_GPS = datetime(1980, 1, 6)
_T = TypeVar("_T")


class _NoReleaseError(Exception):
    """The catalogue has no such release of a product."""


def search(
    product: Product,
    bbox: tuple[float, float, float, float] | None = None,
    span: tuple[str | float, str | float] | None = None,
    cycles: Iterable[int] | None = None,
    rgts: Iterable[int] | None = None,
    release: str | None = None,
) -> list[Url]:
    """Return the granules of a product at a place and time, sorted by name.

    Parameters
    ----------
    product : Product
        What to search for.
    bbox : (w, e, s, n), optional
        Degrees; w > e crosses the antimeridian.
    span : (start, end), optional
        Half-open, as `captools.geo.time.parse_span` takes it; a granule that
        begins before it and reaches into it counts.
    cycles, rgts : iterable of int, optional
        Repeat cycles and reference ground tracks.
    release : str, optional
        Three digits; the newest by default.

    Raises
    ------
    ValueError
        If the catalogue has no such release.
    CaptoolsError
        If it does not answer.
    """
    box = _box(bbox) if bbox else WORLD
    begin, end = parse_span(span) if span else (float("-inf"), float("inf"))
    dates = [_utc(begin) - MARGIN, _utc(end) + MARGIN] if span else None
    orbit = {
        "cycles": [f"{number:02}" for number in cycles or ()] or None,
        "tracks": [f"{number:04}" for number in rgts or ()] or None,
    }
    try:
        query = _query(product, box, dates, release, **orbit)
    except _NoReleaseError:
        raise ValueError(f"the catalogue has no {product.name} of release {release}") from None
    patterns = query.CMRparams.get(_NAME)
    # Times in the catalogue are inclusive at both ends: the half-open span is applied here.
    entries = (
        entry
        for entry in _entries(query, patterns)
        if parse_time(entry["time_start"]) < end
        and begin <= parse_time(entry.get("time_end", entry["time_start"]))
    )
    return _sorted(entries)


def look_up(product: Product, names: Iterable[str]) -> list[Url]:
    """Return granules by their file names, sorted.

    One that the catalogue does not know is a bare name without an address.

    Parameters
    ----------
    product : Product
        Whose names they are.
    names : iterable of str
        File names, alone or within paths, addresses, or lines of a listing.

    Raises
    ------
    CaptoolsError
        If the catalogue does not answer.
    """
    unknown: dict[str, Url] = {}
    wanted: dict[str, list[str]] = {}
    for given in map(os.path.basename, names):
        parsed = product.parse_name(given)
        name = f"{parsed.plain}.h5" if parsed.plain else given
        if name not in unknown and parsed.plain:
            wanted.setdefault(parsed.release, []).append(name)
        unknown[name] = Url(name)
    found = []
    for release, of_release in wanted.items():
        with contextlib.suppress(_NoReleaseError):
            found += _entries(_query(product, WORLD, None, release), of_release)
    known = {os.path.basename(listed): listed for listed in _sorted(found)}
    return [known.get(name, listed) for name, listed in sorted(unknown.items())]


def megabytes(listed: Url) -> float:
    """Return the size of a granule as the catalogue gives it; 0 of one that it does not know."""
    return float(listed.identity or 0)


def _box(bbox: tuple[float, float, float, float]) -> list[float]:
    """Return a box as the catalogue wants it: west, south, east, north, within -180 to 180."""
    west, east, south, north = check_box(bbox)
    if east - west >= 360:
        return [-180.0, south, 180.0, north]
    west -= 360 if west >= 180 else 0
    east -= 360 if east > 180 else 0
    return [west, south, 180.0 if east == -180 else east, north]


def _utc(t_gps: float) -> datetime:
    """Return UTC, up to the leap seconds since 1980."""
    return _GPS + timedelta(seconds=t_gps)


def _query(
    product: Product,
    box: list[float],
    dates: list[datetime] | None,
    release: str | None,
    **orbit: list[str] | None,
) -> "icepyx.Query":
    """Return a search whose parameters are complete, which takes questions of its own."""

    def ask() -> "icepyx.Query":
        import icepyx

        query = icepyx.Query(product.name, box, dates, version=release, **orbit)
        query.CMRparams["page_size"] = str(PAGE_RECORDS)
        return query

    return _asked(ask)


def _entries(query: "icepyx.Query", names: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """Yield the records that a search finds, of certain names or patterns of names."""
    if names is None:
        yield from _asked(lambda: _answer(query))
        return
    for first in range(0, len(names), NAMES):
        query.CMRparams[_NAME] = names[first : first + NAMES]
        query.CMRparams["options[readable_granule_name][pattern]"] = "true"
        yield from _asked(lambda: _answer(query))


def _answer(query: "icepyx.Query") -> list[dict[str, Any]]:
    """Return all records of a search, whose answer comes in pages."""
    try:
        query.granules.get_avail(query.CMRparams)
    except AssertionError:
        if query.granules.avail:  # fewer than the catalogue announced
            raise
    return query.granules.avail


def _asked(ask: Callable[[], _T]) -> _T:
    """Return what the catalogue answers, at another try if need be."""
    from icepyx.core.exceptions import NsidcQueryError
    from requests import RequestException

    failures = (RequestException, NsidcQueryError, json.JSONDecodeError, KeyError)
    failures += (AssertionError, RuntimeError)
    for number in range(1, TRIES + 1):
        try:
            with quietly():
                return ask()
        except failures as error:
            if number == TRIES:
                raise CaptoolsError(f"the catalogue does not answer ({_why(error)})") from None
            pause(number)
        except ValueError as error:
            if "concept ID" not in str(error):
                raise
            raise _NoReleaseError from None
        except (AttributeError, TypeError) as error:
            raise CaptoolsError(_mismatch(error)) from None
    raise AssertionError("there is at least one try")


def _mismatch(error: Exception) -> str:
    """Return what to install where icepyx calls what earthaccess does not have (any more)."""
    versions = " and ".join(f"{name} {version(name)}" for name in ("icepyx", "earthaccess"))
    why = f"{versions} do not go together ({one_line(error)})"
    return f"{why}: pip install --upgrade icepyx '{FITTING}'"


def _why(error: Exception) -> str:
    """Return what went wrong, without the address that was asked."""
    from requests import ConnectionError, HTTPError

    if isinstance(error, HTTPError):
        return f"HTTP {error.response.status_code}"
    return "no connection" if isinstance(error, ConnectionError) else type(error).__name__


def _sorted(entries: Iterable[dict[str, Any]]) -> list[Url]:
    """Return records as inputs, each name once."""
    granules = {os.path.basename(listed): listed for listed in map(_listed, entries)}
    return [granules[name] for name in sorted(granules)]


def _listed(entry: dict[str, Any]) -> Url:
    """Return the address in a record, with the size; without an address the bare name."""
    size = entry.get("granule_size") or UNKNOWN
    for link in entry["links"]:
        address = link["href"]
        is_file = address.startswith("https://") and address.endswith(".h5")
        if is_file and not link.get("inherited") and link["rel"].endswith("/data#"):
            return Url(address, size, _exact_size(size))
    return Url(entry["producer_granule_id"], size)


def _exact_size(text: str) -> int | None:
    """Return the bytes that a size in megabytes stands for, None if it was rounded.

    Examples
    --------
    >>> _exact_size("0.19073486328125"), _exact_size("0.1907"), _exact_size("50.0")
    (200000, None, None)
    """
    size = float(text) * 2**20
    digits = len(text.partition(".")[2])
    return round(size) if digits >= 10 and abs(size - round(size)) < 1e-4 else None


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what icepyx prints, warns and logs from the user, and its settings from the process."""
    root, silent = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.addHandler(silent)  # otherwise icepyx adds one that prints
    try:
        # Recorded as well: icepyx sets its own filters for some.
        with (
            warnings.catch_warnings(record=True),
            contextlib.redirect_stdout(io.StringIO()),
            _impatiently(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(silent)
        root.setLevel(level)


@contextlib.contextmanager
def _impatiently() -> Iterator[None]:
    """Give the questions of icepyx an end, which it gives none: a server may never answer."""
    from requests import Session

    ask = Session.request

    def request(session: Session, *words: object, **more: object) -> object:
        return ask(session, *words, **{**more, "timeout": (CONNECT_SECONDS, READ_SECONDS)})

    Session.request = request
    try:
        yield
    finally:
        Session.request = ask


def require_extra() -> None:
    """Import what the extra `download` brings.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    require("download", "requests")
    with quietly():
        require("download", "icepyx", "earthaccess")
