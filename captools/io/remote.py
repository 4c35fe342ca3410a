"""Servers that hold files, object stores and web servers: what is there, and what goes wrong.

fsspec knows the protocols.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from captools import process
from captools.errors import FolderError, InputError, one_line
from captools.extras import require
from captools.io.address import SUBFOLDER, WEB, Url, has_suffix
from captools.io.earthdata import earthdata_login, store_keys
from captools.io.retrying import Retryable
from captools.io.troubles import Missing, Unreachable, attempt

PROTOCOLS = ("s3", "https", "http", "gs", "az", "memory")
PATIENCE_SECONDS = 30.0  # for an answer; fsspec asks a web server twice, and we five times
NASA = "nsidc-cumulus-"  # how the buckets of NASA's archive of snow and ice begin
Answer = TypeVar("Answer")


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


def file_system(url: Url) -> Any:
    """Return the file system of an address.

    Raises
    ------
    ValueError
        If a library is missing.
    InputError
        If it cannot be made ready.
    """
    check_protocols([url])
    import fsspec

    try:
        options = {"s3": _s3_options}.get(url.protocol, _web_options)(url)
        system = fsspec.filesystem(url.protocol, use_listings_cache=False, **options)
        if url.protocol == "s3":
            system.retries = 1
        return system
    except Retryable as error:
        raise Unreachable(f"{url}: {error}") from None
    except (ImportError, ValueError, InputError) as error:
        raise InputError(f"{url}: {one_line(error)}") from None


def _s3_options(url: Url) -> dict[str, Any]:
    # We decide what is tried again, not botocore or s3fs.
    patience = {"connect_timeout": PATIENCE_SECONDS, "read_timeout": PATIENCE_SECONDS}
    tuning: dict[str, Any] = {**patience, "retries": {"total_max_attempts": 1}}
    options: dict[str, Any] = {"config_kwargs": tuning}
    if _access.earthdata and url.partition("://")[2].startswith(NASA):
        return options | store_keys()
    if _access.endpoint_url:
        options["endpoint_url"] = _access.endpoint_url
    return options | ({"anon": True} if _is_anonymous() else {})


def _web_options(url: Url) -> dict[str, Any]:
    if url.protocol not in WEB:
        return {}
    import aiohttp

    patience = aiohttp.ClientTimeout(sock_connect=PATIENCE_SECONDS, sock_read=PATIENCE_SECONDS)
    options: dict[str, Any] = {"client_kwargs": {"trust_env": True, "timeout": patience}}
    if _access.earthdata and _is_of_nasa(url):
        options["headers"] = {"Authorization": f"Bearer {earthdata_login().token['access_token']}"}
    return options


def check_protocols(urls: Iterable[Url]) -> None:
    """Raise ValueError if what reads from such addresses is not there, or one has a password."""
    require("remote", "fsspec", "aiohttp", "s3fs")
    import fsspec

    protocols = set()
    for url in urls:
        protocols.add(url.protocol)
        if url.protocol in WEB and "@" in urlsplit(url).netloc:
            raise ValueError(f"{url}: a password would be logged: write it into a netrc file")
    for protocol in protocols:
        if protocol not in PROTOCOLS:
            known = ", ".join(f"{name}://" for name in PROTOCOLS[:-1])
            raise ValueError(f"{protocol}://: cannot be read from, but {known}")
        try:
            fsspec.get_filesystem_class(protocol)
        except (ImportError, ValueError) as error:
            raise ValueError(f"{protocol}://: {one_line(error)}") from None


def _is_of_nasa(url: Url) -> bool:
    """Return whether an address may see our token: nobody else must."""
    host = urlsplit(url).hostname or ""
    return url.protocol == "https" and host.endswith(
        (".earthdata.nasa.gov", ".earthdatacloud.nasa.gov")
    )


@cache
def _is_anonymous() -> bool:
    """Return whether there are no keys of an object store: some can be read by everybody."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import get_session

    try:
        return get_session().get_credentials() is None
    except BotoCoreError as error:  # such as a profile that is not there
        raise InputError(f"no keys of the object store: {one_line(error)}") from None


# --- what is there ------------------------------------------------------------


def identity(url: Url) -> str:
    """Return what changes with the content of a file, "" if it is not there or no server says.

    Raises
    ------
    InputError
        If the server cannot be asked.
    """
    try:
        return url.identity or identity_of(details(url))
    except Missing:
        return ""


def identity_of(details: dict) -> str:
    """Return the same of what a server says; "" if that does not depend on the content."""
    tag = details.get("ETag") or details.get("Last-Modified") or details.get("LastModified")
    return f"{tag} {details.get('size')}" if tag else ""


def details(url: Url) -> dict:
    """Return what a server says of a file: its size, and its etag or time of change."""
    system = file_system(url)
    found = _ask(url, lambda: system.info(url))
    if found["type"] == "directory":
        raise InputError(f"{url}: is a folder: let its address end with /")
    return found


def listed(url: Url, suffixes: tuple[str, ...] | None = None) -> list[Url]:
    """Return the inputs in a folder (an address that ends with ``/``) and in its subfolders.

    These are its ``.h5`` files, or those whose names end with the suffixes in any case.
    """
    system = file_system(url)
    found = _everything(system, url)
    for one in found[:]:
        name = one["name"].rstrip("/")
        if one["type"] == "directory" and SUBFOLDER.fullmatch(name.rpartition("/")[2]):
            found += _everything(system, Url(f"{system.unstrip_protocol(name)}/"))
    return [one for one in _addresses(system, found) if has_suffix(one, suffixes)]


def _everything(system: Any, url: Url) -> list[dict]:
    """Return all that is in a folder."""
    try:
        return list(_ask(url, lambda: system.ls(url, detail=True)))
    except Missing:
        return []


def matching(url: Url) -> list[Url]:
    """Return the files that an address with wildcards stands for."""
    system = file_system(url)
    found = _ask(url, lambda: system.glob(url, detail=True))
    return _addresses(system, found.values())


def alike(addresses: Iterable[str]) -> list[Url]:
    """Return the files in a folder whose addresses begin as all of these do, not deeper ones."""
    url = Url(os.path.commonprefix(sorted(addresses)))  # noqa: RUF071 - of the characters
    system = file_system(url)
    folder, _, name = url.rpartition("/")
    which = {"prefix": name} if name else {"maxdepth": 1}  # older versions of s3fs do not take both
    try:
        found = _ask(url, lambda: system.find(folder, detail=True, **which))
    except Missing:
        return []
    return [one for one in _addresses(system, found.values()) if one.rpartition("/")[0] == folder]


def _addresses(system: Any, found: Iterable[dict]) -> list[Url]:
    """Return the files, but no folders, of a listing."""
    return [
        Url(system.unstrip_protocol(one["name"]), identity_of(one), one.get("size"))
        for one in found
        if one["type"] == "file"
    ]


def get(url: Url, path: Path) -> None:
    """Fetch a whole file."""
    details(url)  # its errors are clearer than those of s3fs
    system = file_system(url)
    _ask(url, lambda: system.get_file(url, path))


# --- what we leave there ------------------------------------------------------


def check_output(url: Url) -> None:
    """Raise ValueError if nothing can be written to an address."""
    if url.protocol != "s3" or "/" not in url.partition("://")[2]:
        raise ValueError(f"output {url}: is neither on this machine nor s3://bucket/name")
    file_system(url)


def put(path: Path, url: Url) -> None:
    """Send a file; it appears under its address when it is whole."""
    system = file_system(url)
    try:
        _ask(url, lambda: system.put_file(path, url))
    except Missing:
        raise FolderError(f"{url}: cannot be written (there is no such bucket)") from None
    except InputError as error:
        why = str(error).removeprefix(f"{url}: ")
        raise FolderError(f"{url}: cannot be written ({why})") from None


def remove(urls: Iterable[Url]) -> None:
    """Remove files, which need not be there."""
    for url in urls:
        system = file_system(url)
        with contextlib.suppress(Missing):
            # Not through `_ask`, which a signal ends: this may be the clean-up after one.
            attempt(url, partial(system.rm_file, url))


def _ask(url: Url, call: Callable[[], Answer]) -> Answer:
    """Return the answer of a server as `attempt`, and heed signals meanwhile."""
    with process.waiting():
        return attempt(url, call)
