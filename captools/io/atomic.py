"""Files that appear whole or not at all: temporary names, what is left of the dead, renaming."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from captools.errors import FolderError, OutputError, one_line
from captools.io.address import Url, parse_location
from captools.limits import Limits

PRIVATE = "_captools"  # the folder beside, and the group inside, flat files: ours, not data
DAY_SECONDS = 86400.0
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)-[0-9a-f]{8}\.part")


def temporary_name(name: str) -> str:
    """Return a name for `name` while it is written, which no other process can pick."""
    return f".{name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part"


def _host() -> str:
    """Return the name of this host without dots, so that it can be split from what is before it."""
    return socket.gethostname().replace(".", "_")


def leftovers(folder: Path) -> Iterator[tuple[str, os.DirEntry]]:
    """Yield what dead processes of this host, or any a day ago, left half-written.

    Each with the name that it was to get.
    """
    host = _host()
    for entry in os.scandir(folder):
        match = _LEFTOVER.fullmatch(entry.name)
        if match is None:
            continue
        # Another process may rename or remove it at any time.
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - entry.stat().st_mtime > DAY_SECONDS
            dead = match["host"] == host and not _is_alive(int(match["pid"]))
            if old or dead:
                yield match["name"], entry


def sweep(folder: Path, names: Container[str] | None = None) -> None:
    """Remove what dead processes of this host, or any a day ago, left half-written.

    All of it, or what was to get one of these names.
    """
    for name, entry in leftovers(folder):
        if names is not None and name not in names:
            continue
        with contextlib.suppress(FileNotFoundError):
            # Buckets and the outputs of `tile` are folders.
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)


def _is_alive(pid: int) -> bool:
    """Return whether a process of this number runs on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # on Linux it may be a zombie, as in many containers
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError, ValueError):
        return True


class Outputs(list):
    """The paths of the files written for one input, with the rows read and written.

    `removed` counts the rows that were left out, by the condition that they did not meet, and
    `added` those written once more, by the reason: rows in, less and more these, are rows out;
    `errors` says, by path, what is wrong with inputs that an output was made without, and `lies`
    where the rows of an input are of which the box that was asked for holds none.
    """

    def __init__(self, paths: Iterable[Path] = (), rows_in: int = 0, rows_out: int = 0) -> None:
        super().__init__(paths)
        self.rows_in = rows_in
        self.rows_out = rows_out
        self.removed: dict[str, int] = {}
        self.added: dict[str, int] = {}
        self.errors: dict[str, str] = {}
        self.lies = Limits()


def check_outputs(outputs: Iterable[Path | Url], inputs: Iterable[str | Path | Url]) -> None:
    """Raise ValueError if an output, a file or a folder, is an input or the folder of one.

    Links are followed, and what they lead to counts as well as where they are.
    """
    files: set[str] = set()
    folders: set[str] = set()
    parents: set[Path] = set()
    for one in map(parse_location, inputs):
        path = one if isinstance(one, Url) else os.path.realpath(one)
        files.add(path)
        folders.add(os.path.dirname(path))
        if isinstance(one, Path):
            parents.add(one.parent)
    folders.update(map(os.path.realpath, parents))
    for output in outputs:
        path = output if isinstance(output, Url) else os.path.realpath(output)
        if path in files:
            raise ValueError(f"output {output} is one of the inputs: choose another")
        if path in folders:
            raise ValueError(f"output {output} is the folder of an input: choose another")


def check_is_file(path: Path) -> None:
    """Raise ValueError if what is to become a file is a folder."""
    if path.is_dir():
        raise ValueError(f"output {path} is a folder: name a file")


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name when it is whole, and else goes."""
    hidden = path.with_name(temporary_name(path.name))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(hidden, "xb") as file:
            yield file
        hidden.replace(path)
    except OSError as error:
        raise output_error(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            hidden.unlink()


def output_error(path: Path, error: OSError) -> OutputError:
    """Return the error for the user; only a bad name is this output's own affair."""
    kind = OutputError if error.errno in (errno.EISDIR, errno.ENAMETOOLONG) else FolderError
    return kind(f"{path}: cannot be written ({error.strerror or one_line(error)})")


@contextlib.contextmanager
def appearing_folder(output: Path) -> Iterator[Path]:
    """Give a hidden folder that becomes the output in the end."""
    final = Path(os.path.realpath(output))
    hidden, old = (final.with_name(temporary_name(final.name)) for _ in range(2))
    try:
        hidden.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"output {output}: cannot be made ({error.strerror})") from None
    try:
        yield hidden
        replace_folder(final, hidden, old)
    except OSError as error:
        why = error.strerror or one_line(error)
        raise FolderError(f"{output}: cannot be written ({why})") from None
    finally:
        for folder in (hidden, old):
            shutil.rmtree(folder, ignore_errors=True)


def replace_folder(final: Path, new: Path, old: Path) -> None:
    """Put a new folder in place of one, if that is there."""
    try:
        if final.exists():
            final.rename(old)
        new.rename(final)
    except BaseException:
        if old.exists() and not final.exists():
            old.rename(final)
        raise
