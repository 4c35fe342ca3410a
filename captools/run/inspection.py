"""Many files checked, each in a process of its own; what is found comes in their order.

A damaged file can crash HDF5 or keep it busy for ever: that costs this file only.
"""

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from captools import process, progress
from captools.engine.each import in_order
from captools.engine.pool import Pool
from captools.engine.work import Result
from captools.errors import CaptoolsError, InputError, one_line, unexpected
from captools.io import remote
from captools.io.address import folders_of, is_remote
from captools.io.atomic import hidden_folder, sweep
from captools.io.durable import digest
from captools.io.remote import Access
from captools.run.journal import Outcome, records

COPIES = "captools-copies"  # of files on servers, in TMPDIR
log = logging.getLogger(__name__)


@dataclass
class Finding(Outcome):
    """What was found out about a file: what it is, or as `error` what is wrong with it."""

    what: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether anything is wrong with the file."""
        return self.status == "failed"

    @property
    def message(self) -> str:
        """The line for the user."""
        return self.error or "" if self.is_bad else f"{self.input}: fine ({self.what})"


class Written(str):
    """The path of a file that a journal names.

    Parameters
    ----------
    path : str
        The file.
    step : str
        Who wrote it.
    digest : int
        Of its bytes, as they were written.
    """

    step: str
    digest: int

    def __new__(cls, path: str, step: str = "", digest: int = 0) -> "Written":
        """Return the path with what the journal says."""
        one = super().__new__(cls, path)
        one.step, one.digest = step, digest
        return one

    def check(self) -> None:
        """Raise InputError if the bytes are others now."""
        try:
            is_same = digest(self) == self.digest
        except OSError as error:
            raise InputError(f"{self}: cannot be read ({error.strerror})") from None
        if not is_same:
            raise InputError(
                f"{self}: its bytes are not those that {self.step} wrote: "
                "remove it, then the same command makes it anew"
            )


def with_digests(paths: Sequence[str]) -> list[str]:
    """Return the paths, those as `Written` that a journal in their folder names."""
    known: dict[str, tuple[datetime, str, int]] = {}  # of several lines the newest counts
    here = (path for path in paths if not is_remote(path))
    for folder in sorted({folder for path in here for folder in folders_of(path)}):
        for step, outcomes in records(Path(folder)):
            for outcome in outcomes:
                for name, stamp in outcome.written():
                    path = os.path.join(folder, name)
                    if stamp and stamp.digest is not None:
                        said = (outcome.time, step, stamp.digest)
                        known[path] = max(said, known.get(path, said))
    return [Written(path, *known[path][1:]) if path in known else path for path in paths]


@dataclass(frozen=True)
class Check:
    """What is done to each file. Like a `Task` it never raises but to stop the process."""

    check: Callable[..., str]
    access: Access

    def __call__(self, path: str) -> Result:
        """Check one file."""
        remote.use(self.access)
        try:
            if isinstance(path, Written):
                path.check()
            with _copies(path) as folder:
                return Result(Finding(path, "done", what=self.check(path, folder=folder)))
        except CaptoolsError as error:
            return Result(Finding(path, "failed", error=one_line(error)))
        except Exception as error:  # a bug of ours must not cost the other files
            return Result(Finding(path, "failed", error=unexpected(path, error)))

    def lost(self, path: str, why: str, died: bool = False, reading: str | None = None) -> Result:
        """Return the end of a file that was not seen to end by itself."""
        sweep_copies([path])
        return Result(Finding(path, "failed", error=f"{path}: {why}"), died=died)


def inspect(
    check: Callable[..., str],
    paths: Sequence[str],
    pool: Pool,
    timeout: float | None = None,
) -> Iterator[Finding]:
    """Check files and yield what is found, in their order; show how far it is.

    Parameters
    ----------
    check : callable
        Called with a file and ``folder``, for copies of files on servers; it returns what the
        file is, or raises what is wrong with it. It goes to other processes.
    paths : sequence of str
        The files, each once.
    pool : Pool
        Who checks them.
    timeout : float, optional
        Seconds after which a file is a bad one.
    """
    shown = progress.Progress(len(paths))

    def hear(finding: Finding | None) -> None:
        shown.log_if_due()
        if finding is not None:
            shown.update(finding.is_bad)

    is_read = True
    try:
        with process.interruptible():
            work = Check(check, remote.used())
            for finding in in_order(pool, work, paths, timeout, hear):
                with shown.aside():
                    yield finding
    except GeneratorExit:  # nobody reads on, as of `| head`
        is_read = False
        raise
    finally:
        shown.close()
        sweep_copies(paths)
        if is_read:
            _sum_up(shown)


def _sum_up(shown: progress.Progress) -> None:
    fine, unseen = shown.ended - shown.failed, shown.total - shown.ended
    counts = f"{progress.counted(shown.total, 'file')}: {fine:,} fine, {shown.failed:,} bad"
    log.info("%s", f"{counts}, {unseen:,} not checked" if unseen else counts)


@contextmanager
def _copies(path: str) -> Iterator[Path | None]:
    """Yield a folder for a copy of a file on a server, on the host of who checks it."""
    if not is_remote(path):
        yield None
        return
    with hidden_folder(Path(tempfile.gettempdir(), COPIES)) as folder:
        yield folder


def sweep_copies(paths: Iterable[str]) -> None:
    """Remove copies that processes of this host left when they were killed, if there may be any."""
    if any(map(is_remote, paths)):
        with suppress(OSError):
            sweep(Path(tempfile.gettempdir()), [COPIES])
