"""Where the outputs of a map step go: a folder of this machine, or one of an object store."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from types import ModuleType

from captools.errors import CaptoolsError
from captools.io import remote
from captools.io.address import Url, files_of
from captools.io.atomic import PRIVATE, Outputs, temporary_name
from captools.io.durable import Stamp, seal


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def journal(self) -> Path:
        """The folder that keeps the journal."""
        return self.path

    @property
    def location(self) -> Path:
        """Where it is, for a step that writes into a store there."""
        return self.path

    @property
    def is_there(self) -> bool:
        """Whether the journal's folder has not vanished."""
        return (self.journal / PRIVATE).is_dir()

    def absolute(self) -> "LocalFolder":
        """Return the same for a worker, which may run in another folder."""
        return LocalFolder(self.path.absolute())

    def make(self, step: Callable[[Path], Outputs]) -> Outputs:
        """Let a step write here, and return what it wrote."""
        written = step(self.path)
        written[:] = map(os.path.abspath, written)
        for path in written:
            if os.path.basename(path) not in written.stamps:
                written.stamps[os.path.basename(path)] = seal(path)
        return written

    def address(self, name: str) -> str:
        """Return where an output is."""
        return os.path.join(self.path, name)

    def names(self) -> "_LocalNames":
        """Return the names of what is here."""
        return _LocalNames(self.path)

    def clear(self, names: Iterable[str], source: str) -> None:
        """Remove outputs of these names, but never what the input reads, where a link may lead."""
        for name in names:
            with contextlib.suppress(OSError):
                there = filter(os.path.exists, files_of(source))
                if not any(os.path.samefile(self.path / name, file) for file in there):
                    os.unlink(self.path / name)


@dataclass(frozen=True)
class _LocalNames:
    """The names of what is in a folder, looked up one by one."""

    path: Path

    def __contains__(self, name: str) -> bool:
        return os.path.exists(self.path / name)

    def hold(self, name: str, stamp: Stamp | None) -> bool:
        """Return whether an output is here, and still as it was when it was written."""
        return name in self if stamp is None else stamp.fits(self.path / name)


@dataclass(frozen=True)
class RemoteFolder:
    """A folder of an object store, whose journal is kept on this machine.

    Objects cannot be renamed, nor appended to: a step writes here, and what it
    wrote is sent there, each object whole or not at all.

    Parameters
    ----------
    url : Url
        Where it is.
    journal : Path
        The folder that keeps the journal, and for a while what is to be sent.
    """

    url: Url
    journal: Path

    def __str__(self) -> str:
        return self.url

    @property
    def location(self) -> Url:
        """Where it is, for a step that writes into a store there."""
        return self.url

    @property
    def is_there(self) -> bool:
        """Whether the journal's folder has not vanished."""
        return (self.journal / PRIVATE).is_dir()

    def absolute(self) -> "RemoteFolder":
        """Return the same for a worker, which may run in another folder."""
        return RemoteFolder(self.url, self.journal.absolute())

    def make(self, step: Callable[[Path], Outputs]) -> Outputs:
        """Let a step write, send what it wrote, and return it with its addresses."""
        here = self.journal / temporary_name("outputs")
        sent: list[Url] = []
        try:
            written = step(here)
            for path in written:
                sent.append(Url(self.address(os.path.join(written.subfolder, path.name))))
                remote.put(path, sent[-1])
                # A server has times and digests of its own.
                written.stamps[path.name] = Stamp(os.stat(path).st_size)
        except BaseException:
            with contextlib.suppress(CaptoolsError):
                remote.remove(sent)
            raise
        finally:
            shutil.rmtree(here, ignore_errors=True)
        written[:] = sent
        return written

    def address(self, name: str) -> str:
        """Return where an output is."""
        return f"{self.url.rstrip('/')}/{name}"

    def names(self) -> "_RemoteNames":
        """Return the names of what is there."""
        return _RemoteNames(self.address(""))

    def clear(self, names: Iterable[str], source: str) -> None:
        """Remove outputs of these names, all of one input, but never what the input reads."""
        wanted = {self.address(name) for name in names}.difference(files_of(source))
        for _, urls in groupby(sorted(wanted, key=os.path.dirname), os.path.dirname):
            alike = set(urls)
            with contextlib.suppress(CaptoolsError):
                remote.remove([url for url in remote.alike(alike) if url in alike])


class _RemoteNames:
    """The names of what is in a folder of an object store, listed when one is asked for."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._listed: dict[str, dict[str, int | None]] = {}  # by subfolder

    def __contains__(self, name: str) -> bool:
        return name in self._beside(name)

    def hold(self, name: str, stamp: Stamp | None) -> bool:
        """Return whether an output is there, and as long as it was when it was written."""
        return name in self and (stamp is None or self._beside(name)[name] in (None, stamp.size))

    def _beside(self, name: str) -> dict[str, int | None]:
        """Return the names of all that is in the same subfolder, with its size."""
        subfolder = name.rpartition("/")[0]
        if subfolder not in self._listed:
            there = remote.alike([os.path.join(self._address, subfolder, "")])
            names = {os.path.join(subfolder, url.name): url.size for url in there}
            self._listed[subfolder] = names
        return self._listed[subfolder]


Folder = LocalFolder | RemoteFolder


@dataclass(frozen=True)
class Store:
    """What all inputs of a step fill together; the step knows whether it is there, and makes it.

    It may know, too, whether all is there that an input wrote.
    """

    is_there: Callable[[], bool]
    prepare: Callable[[], None]
    is_filled: Callable[[str], bool] = bool


def store_of(step: ModuleType, folder: Folder, options: dict) -> Store | None:
    """Return the store that a step fills in a folder, None if each input has its own outputs."""
    if not hasattr(step, "prepare"):
        return None
    return Store(
        partial(step.has_store, folder.location, **options),
        partial(step.prepare, folder.location, **options),
        partial(_is_filled, step, folder.location, options),
    )


def _is_filled(step: ModuleType, location: Path | Url, options: dict, path: str) -> bool:
    is_filled = getattr(step, "is_filled", None)
    return is_filled is None or is_filled(path, location, **options)


def folder_of(outdir: Path | Url, journal: Path | None) -> Folder:
    """Return the folder that the options of a command name.

    Raises
    ------
    ValueError
        If it cannot be one, or there is no place for the journal.
    """
    if isinstance(outdir, Path):
        if journal is not None:
            raise ValueError("--journal goes with an output folder in an object store")
        return LocalFolder(outdir)
    remote.check_output(outdir)
    if journal is None:
        raise ValueError(
            f"output folder {outdir}: name a folder of this machine for the journal (--journal), "
            "since objects cannot be appended to"
        )
    return RemoteFolder(outdir, journal)
