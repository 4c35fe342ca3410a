"""Files that appear whole or not at all: temporary names, what is left of the dead, renaming."""

import contextlib
import ctypes
import errno
import os
import re
import secrets
import shutil
import socket
import time
import zlib
from collections.abc import Container, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

from captools.bounds import Bounds
from captools.errors import FolderError, OutputError, one_line
from captools.io.address import Url, folders_of, parse_location
from captools.io.durable import Stamp, seal, settle_folder

PRIVATE = "_captools"  # the folder beside, and the group inside, flat files: ours, not data
DAY_SECONDS = 86400.0
CUT_OFF = "what was kept for it is cut off"  # of an output whose parts are files
OLD = ".old"  # in place of `.part`: a folder while another one takes its place
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of <fcntl.h> and <linux/fs.h>
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)-[0-9a-f]{8}\.(part|old)")


def temporary_name(name: str) -> str:
    """Return a name for `name` while it is written, which no other process can pick."""
    return f".{name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part"


def _host() -> str:
    """Return what stands for the numbers of the processes that this one sees.

    The name of the host alone does not: containers have the same one, and numbers of their own.
    It is without dots, so that it can be split from what is before it.
    """
    return f"{socket.gethostname().replace('.', '_')}-{zlib.crc32(_processes()):08x}"


@cache
def _processes() -> bytes:
    """Return what other hosts and containers have otherwise: start of the system, its part."""
    with contextlib.suppress(OSError):
        part = os.readlink("/proc/self/ns/pid")
        return Path("/proc/sys/kernel/random/boot_id").read_bytes() + part.encode()
    return b""  # not on Linux


def temporaries(folder: Path) -> Iterator[tuple[str, bool, os.DirEntry]]:
    """Yield what has a temporary name, and no link.

    Each with the name that it was to get, and whether a process of this host left it that is dead.
    """
    with contextlib.suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            match = _LEFTOVER.fullmatch(entry.name)
            if match and not entry.is_symlink():
                is_dead = match["host"] == _host() and not _is_alive(int(match["pid"]))
                yield match["name"], is_dead, entry


def leftovers(folder: Path) -> Iterator[tuple[str, os.DirEntry]]:
    """Yield what dead processes of this host, or any a day ago, left half-written.

    Each with the name that it was to get.
    """
    for name, is_dead, entry in temporaries(folder):
        # Another process may rename or remove it at any time.
        with contextlib.suppress(OSError):
            if is_dead or time.time() - entry.stat().st_mtime > DAY_SECONDS:
                yield name, entry


def sweep(folder: Path, names: Container[str] | None = None) -> None:
    """Remove what dead processes of this host, or any a day ago, left half-written.

    All of it, or what was to get one of these names. What this user may not remove stays, and
    a folder that should have been replaced gets its name back if there is no other.
    """
    for name, entry in leftovers(folder):
        if names is None or name in names:
            with contextlib.suppress(OSError):
                final = Path(folder, name)
                if entry.name.endswith(OLD) and not final.exists():
                    os.rename(entry.path, final)
                else:
                    _remove(entry)


def clear(folder: Path) -> None:
    """Remove all that is half-written in a folder of this process, in which no other works now."""
    for _, _, entry in temporaries(folder):
        with contextlib.suppress(FileNotFoundError):
            _remove(entry)


def _remove(entry: os.DirEntry) -> None:
    if entry.is_dir():  # buckets, the outputs of `tile`
        shutil.rmtree(entry.path)
    else:
        os.unlink(entry.path)


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
    `errors` says, by path, what is wrong with inputs that an output was made without, `missed`
    where the rows of an input are of which the box that was asked for holds none, and `stamps`,
    by name, what the files were when they were whole, as far as that is known.
    `subfolder` is where in the output folder all of them are, "" for the folder itself; `unit` is
    what rows are called.
    """

    def __init__(self, paths: Iterable[Path] = (), rows_in: int = 0, rows_out: int = 0) -> None:
        super().__init__(paths)
        self.rows_in = rows_in
        self.rows_out = rows_out
        self.removed: dict[str, int] = {}
        self.added: dict[str, int] = {}
        self.errors: dict[str, str] = {}
        self.stamps: dict[str, Stamp] = {}
        self.subfolder = ""
        self.unit = "row"
        self.missed = Bounds()


def check_outputs(outputs: Iterable[Path | Url], inputs: Iterable[str | Path | Url]) -> None:
    """Raise ValueError if an output, a file or a folder, is an input or the folder of one.

    Links are followed, and what they lead to counts as well as where they are.
    """
    files: set[str] = set()
    folders: set[str] = set()
    parents: set[str] = set()
    for one in map(parse_location, inputs):
        path = one if isinstance(one, Url) else os.path.realpath(one)
        files.add(path)
        folders.update(folders_of(path))
        if isinstance(one, Path):
            parents.update(folders_of(os.fspath(one)))
    folders.update(map(os.path.realpath, parents))
    for output in outputs:
        path = output if isinstance(output, Url) else os.path.realpath(output)
        if path in files:
            raise ValueError(f"output {output} is one of the inputs: choose another")
        if folders.intersection(folders_of(os.path.join(path, ""))):
            raise ValueError(f"output {output} is the folder of an input: choose another")


def check_is_file(path: Path) -> None:
    """Raise ValueError if what is to become a file is a folder."""
    if path.is_dir():
        raise ValueError(f"output {path} is a folder: name a file")


@contextlib.contextmanager
def appearing(path: Path, inside: Path | None = None) -> Iterator[BinaryIO]:
    """Open a file for writing that gets its name when it is whole, and else goes.

    Until then it is in the folder `inside`, where leftovers are swept; by default in its own.
    """
    hidden = (inside or path.parent) / temporary_name(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(hidden, "xb") as file:
            yield file
        seal(hidden)
        hidden.replace(path)
        settle_folder(path.parent)
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
    hidden = final.with_name(temporary_name(final.name))
    try:
        hidden.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"output {output}: cannot be made ({error.strerror})") from None
    try:
        sweep(final.parent, [final.name])
        yield hidden
        replace_folder(final, hidden)
        settle_folder(final.parent)
    except OSError as error:
        why = error.strerror or one_line(error)
        raise FolderError(f"{output}: cannot be written ({why})") from None
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


@contextlib.contextmanager
def hidden_folder(output: Path) -> Iterator[Path]:
    """Yield a folder beside an output for what it takes to make it, which is then gone.

    Its path leads there from any folder, for processes elsewhere.
    """
    folder = output.absolute().parent / temporary_name(output.name)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise output_error(output, error) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def attempt(path: Path) -> Iterator[Path]:
    """Yield a name to write a file of a hidden folder under, which then gets its own.

    The same work may be tried again elsewhere, as by dask, while the first one who does it lives.
    """
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    yield own
    own.replace(path)


def replace_folder(final: Path, new: Path) -> None:
    """Put a new folder in place of one, if that is there, which goes or gets the new one's name."""
    if not final.exists():
        new.rename(final)
    elif not _exchange(new, final):
        old = new.with_suffix(OLD)  # from which a sweep restores it, if this process is killed now
        final.rename(old)
        try:
            new.rename(final)
        except BaseException:
            old.rename(final)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names at one stroke, and return whether system and disk can do that."""
    with contextlib.suppress(AttributeError):
        rename = ctypes.CDLL(None).renameat2
        names = os.fsencode(one), os.fsencode(other)
        return rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0
    return False
