"""Where files are: paths of this machine, and addresses of servers."""

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from captools.errors import InputError

WEB = ("http", "https")
SUBFOLDER = re.compile(r"cycle_\d{2,}")  # of these a folder is made up: who reads it reads them
STORES = (".tdb", ".zarr")  # how names of folders end that are one input, such as an array
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
        What a listing or catalogue says of its content, "" without one: another one means
        another content, as size and time of change do of a file.
    size : int, optional
        Bytes, if a catalogue gives them exactly.
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


class Input(str):
    """An input that is not just one file: a window across records, a tile of two missions.

    Parameters
    ----------
    name : str
        What it is called in the journal and in outputs.
    paths : iterable of str
        The files that it reads.
    part : optional
        Which part of them, in plain types, such as ``[start, stop]``.
    """

    paths: tuple[str, ...]
    part: Any

    def __new__(cls, name: str, paths: Iterable[str] = (), part: Any = None) -> "Input":
        """Return the name with what belongs to it."""
        one = super().__new__(cls, name)
        one.paths, one.part = tuple(paths), part
        return one


def files_of(item: str) -> tuple[str, ...]:
    """Return the files that an input reads; a plain path is its own."""
    return item.paths if isinstance(item, Input) else (item,)


def is_remote(path: Any) -> bool:
    """Return whether a path is the address of something on a server."""
    protocol, separator, _ = os.fspath(path).partition("://") if path else ("", "", "")
    return bool(separator) and protocol.isalnum()


def file_name(path: str) -> str:
    """Return the last part of a path or an address."""
    return Url(path).name if is_remote(path) else os.path.basename(path)


def folders_of(path: str) -> tuple[str, ...]:
    """Return the folders to which a file belongs: its own, and the one of which that is a part.

    Examples
    --------
    >>> folders_of("/d/out/cycle_07/a.h5")
    ('/d/out/cycle_07', '/d/out')
    >>> folders_of("/d/out/a.h5")
    ('/d/out',)
    """
    folder = os.path.dirname(path)
    above, name = os.path.split(folder)
    return (folder, above) if SUBFOLDER.fullmatch(name) else (folder,)


def has_suffix(path: str, suffixes: tuple[str, ...] | None) -> bool:
    """Return whether a file of a folder is an input.

    Parameters
    ----------
    path : str
        The file.
    suffixes : tuple of str, optional
        How names of inputs end, in lower case; without them, with ``.h5`` exactly.
    """
    return path.lower().endswith(suffixes) if suffixes else path.endswith(".h5")


def is_store(path: str) -> bool:
    """Return whether a folder, by its name, is one input, and not the files in it."""
    return os.path.basename(os.path.normpath(path)).lower().endswith(STORES)


def parse_location(path: str | Path) -> Path | Url:
    """Return a path of this machine or an address as such."""
    if not is_remote(path):
        return Path(path)
    url = path if isinstance(path, Url) else Url(os.fspath(path))
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


def check_regular(path: Path) -> None:
    """Raise InputError if a path leads to a pipe, a socket or a device, which need never end."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path}: is no file, but a pipe, a socket or a device: name a file")
