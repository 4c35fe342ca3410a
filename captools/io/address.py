"""Where files are: paths of this machine, and addresses of servers."""

import os
from pathlib import Path
from urllib.parse import urlsplit

WEB = ("http", "https")
_HERE = ("file", "local")
_NAMES = {"s3a": "s3", "s3n": "s3"}  # that other tools have for a protocol


class Url(str):
    """The address of a file on a server.

    Parameters
    ----------
    address : str
        ``s3://bucket/key``, ``https://host/path``, or as `captools.io.remote` knows; of several
        names of a protocol it keeps one.
    identity : str
        What a listing or catalogue tells of its content, "" without one: another one means
        another content, as size and time of change do of a file.
    size : int, optional
        Bytes, if a catalogue tells them exactly.
    """

    identity: str
    size: int | None

    def __new__(cls, address: str, identity: str = "", size: int | None = None) -> "Url":
        """Return the address with what is known of it."""
        protocol, separator, rest = address.partition("://")
        protocol = _NAMES.get(protocol.lower(), protocol.lower())
        url = super().__new__(cls, f"{protocol}://{rest}" if separator else address)
        url.identity, url.size = identity, size
        return url

    @property
    def protocol(self) -> str:
        """What stands before ``://``."""
        return self.partition("://")[0]

    @property
    def name(self) -> str:
        """The file name."""
        path = urlsplit(self).path if self.protocol in WEB else self
        return path.rpartition("/")[2]

    def __str__(self) -> str:
        """Return the address to show, without what may be a signature or a password."""
        if self.protocol not in WEB:
            return str.__str__(self)
        host = urlsplit(self).netloc
        return self.partition("?")[0].replace(host, host.rpartition("@")[2], 1)


def is_remote(path: object) -> bool:
    """Tell whether a path is the address of something on a server."""
    protocol, separator, _ = os.fspath(path).partition("://") if path else ("", "", "")
    return bool(separator) and protocol.isalnum()


def file_name(path: str) -> str:
    """Return the last part of a path or an address."""
    return Url(path).name if is_remote(path) else os.path.basename(path)


def parse_location(path: str | Path) -> Path | Url:
    """Return a path of this machine or an address as such."""
    if not is_remote(path):
        return Path(path)
    url = path if isinstance(path, Url) else Url(path)
    return Path(url.partition("://")[2]) if url.protocol in _HERE else url


def local_path(path: str | Path) -> Path:
    """Return a path of this machine.

    Raises
    ------
    ValueError
        If it is the address of a server: by hand, a step writes to this machine.
    """
    found = parse_location(path)
    if isinstance(found, Url):
        raise ValueError(f"{found}: is not on this machine")
    return found
