"""Many files checked, each in a process of its own; what is found comes in their order.

A damaged file can crash HDF5 or keep it busy for ever: that costs this file only.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from captools import progress, remote
from captools.address import is_remote
from captools.checking import check_file
from captools.engine import Crew, Stop, local
from captools.errors import CaptoolsError, one_line
from captools.flat import sweep
from captools.journal import Outcome
from captools.remote import Access
from captools.task import End, unexpected

BATCH = 1000  # files; within a batch findings may wait for that of an earlier file
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
    def told(self) -> str:
        """The line for the user."""
        return self.error if self.is_bad else f"{self.input}: fine ({self.what})"


@dataclass(frozen=True)
class Check:
    """What is done to each file. Like a `Task` it never raises but to stop the process."""

    access: Access
    copies: Path | None = None  # the folder for those of files on servers

    def __call__(self, path: str) -> End:
        """Check one file."""
        remote.use(self.access)
        try:
            return End(Finding(path, "done", what=check_file(path, folder=self.copies)))
        except CaptoolsError as error:
            return End(Finding(path, "failed", error=one_line(error)))
        except Exception as error:  # a bug of ours must not cost the other files
            return End(Finding(path, "failed", error=unexpected(path, error)))

    def lost(self, path: str, why: str, died: bool = False) -> End:
        """Return the end of a file that was not seen to end by itself."""
        if self.copies is not None:  # many such would fill the disk
            with suppress(OSError):
                sweep(self.copies)
        return End(Finding(path, "failed", error=f"{path}: {why}"), died=died)


def inspect(
    paths: Sequence[str], jobs: int | None = None, timeout: float | None = None
) -> Iterator[Finding]:
    """Check files and yield what is found, in their order; show how far it is.

    Parameters
    ----------
    paths : sequence of str
        The files, each once.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    timeout : float, optional
        Seconds after which a file is a bad one.
    """
    shown = progress.Progress(len(paths))
    try:
        with progress.interruptible(), _copies(paths) as copies, local(jobs) as crew:
            crew, check = crew.for_inputs(len(paths)), Check(remote.used(), copies)
            for start in range(0, len(paths), BATCH):
                batch = paths[start : start + BATCH]
                for finding in _in_order(crew, check, batch, timeout, shown):
                    with shown.aside():
                        yield finding
    finally:
        shown.close()
        counts = f"{shown.total} files: {shown.ended - shown.failed} fine, {shown.failed} bad"
        unseen = shown.total - shown.ended
        log.info("%s", f"{counts}, {unseen} not checked" if unseen else counts)


@contextmanager
def _copies(paths: Sequence[str]) -> Iterator[Path | None]:
    """Yield a folder for copies, if files are on servers; workers that are killed leave theirs."""
    if not any(map(is_remote, paths)):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="captools-") as folder:
        yield Path(folder)


def _in_order(
    crew: Crew,
    check: Check,
    paths: Sequence[str],
    timeout: float | None,
    shown: progress.Progress,
) -> Iterator[Finding]:
    """Check a batch of files; findings that come early are kept until it is their turn."""
    early: dict[str, Finding] = {}
    turns = iter(paths)
    turn = next(turns)
    with closing(crew.run(check, paths, Stop(), timeout)) as ends:
        for end in ends:
            progress.check()
            shown.tell()
            if end is None:
                continue
            shown.update(end.outcome.is_bad)
            early[end.outcome.input] = end.outcome
            while turn in early:
                yield early.pop(turn)
                turn = next(turns, "")
