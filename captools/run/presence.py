"""That runs with other options do not work in a folder at the same time.

A run has a file in the folder that says by its name which step it is and with what options. So
runs with the same options, such as thousands of shards, need not look at each other.
"""

import os
import time
from pathlib import Path

from captools.errors import FolderError
from captools.io.atomic import PRIVATE, temporaries, temporary_name

BEAT_SECONDS = 30.0  # after which a run shows again that it lives
STALE_SECONDS = 600.0  # after which one of another host is taken for dead


class Presence:
    """The presence of a run in a folder, as a context.

    Parameters
    ----------
    folder : Path
        The output folder.
    step : str
        Name of the step.
    options : str
        What stands for its options.

    Raises
    ------
    ValueError
        If a run of the step with other options is at work there.
    """

    def __init__(self, folder: Path, step: str, options: str) -> None:
        self._folder = Path(folder) / PRIVATE
        self._step, self._options = step, options
        self._path = self._folder / temporary_name(f"{step}.{options}.run")
        self._due = 0.0

    def __enter__(self) -> "Presence":
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path.touch(exist_ok=False)
        except OSError as error:
            why = f"cannot be used ({error.strerror})"
            raise ValueError(f"output folder {self._folder.parent}: {why}") from None
        try:
            self._check()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._path.unlink(missing_ok=True)

    def beat(self) -> None:
        """Show now and then that this run lives; FolderError if another has taken its place."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + BEAT_SECONDS
        try:
            os.utime(self._path)
        except FileNotFoundError:  # this run was suspended for long, or the folder has vanished
            self._come_back()

    def _come_back(self) -> None:
        try:
            self._path.touch()
            self._check()
        except FileNotFoundError:
            return  # each input says so
        except ValueError as error:
            raise FolderError(str(error)) from None

    def _check(self) -> None:
        """Raise ValueError if another run is at work; remove the files of dead ones."""
        now = self._path.stat().st_mtime  # by the clock of the disk, as the others
        for name, is_dead, entry in temporaries(self._folder):
            step, _, rest = name.partition(".")
            if step != self._step or not rest.endswith(".run"):
                continue
            same = rest == f"{self._options}.run"
            try:
                if is_dead or not (same or now - entry.stat().st_mtime < STALE_SECONDS):
                    os.unlink(entry.path)
                    continue
            except OSError:  # it has just ended, or is another user's
                continue
            if not same:
                raise ValueError(
                    f"output folder {self._folder.parent}: {step} is at work there with other "
                    f"options: wait for it or choose another folder (if it has died, remove "
                    f"{entry.path})"
                )
