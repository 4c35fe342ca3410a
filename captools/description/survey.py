"""Many files described, each in a process of its own; the bad ones are named."""

import logging
import os
from collections.abc import Iterator
from functools import partial

from captools import process, progress
from captools.description import text
from captools.description.describing import SUFFIXES, describe
from captools.description.description import Description
from captools.description.folder import Summary
from captools.engine.each import each
from captools.errors import CaptoolsError, one_line
from captools.gnss.sources import absolute, means_array
from captools.io.address import is_remote
from captools.io.listing import expand

log = logging.getLogger(__name__)


class Survey:
    """Files and folders to describe, in the order in which they are given.

    Parameters
    ----------
    words : list of str
        What a command line names.
    stats : bool
        Whether to read all values.
    jobs : int, optional
        Processes.
    timeout : float, optional
        Seconds after which a file is a bad one.

    Attributes
    ----------
    bad : int
        How many files could not be described, so far.

    Raises
    ------
    ValueError
        If the words name no file.
    """

    def __init__(
        self, words: list[str], stats: bool, jobs: int | None, timeout: float | None
    ) -> None:
        self.bad = 0
        self._describe = partial(describe, stats=stats)
        self._jobs, self._timeout = jobs, timeout
        self._paths = {
            word: [absolute(word)] if means_array(word) else expand([word], SUFFIXES)
            for word in words
        }
        if not any(self._paths.values()):
            if set(words) != {"-"}:
                raise ValueError(f"no inputs: {' '.join(words)}")
            log.info("no inputs: nothing to do")

    def descriptions(self) -> Iterator[Description | Summary]:
        """Yield the description of each file, and the summary of each folder."""
        for word, paths in self._paths.items():
            if not paths:
                continue
            if not _is_folder(word):
                yield from self._each(paths)
                continue
            summary, before = Summary(word), self.bad
            for described in self._each(paths):
                summary.add(described)
            summary.bad = self.bad - before
            yield summary

    def _each(self, paths: list[str]) -> Iterator[Description]:
        shown = progress.Progress(len(paths))
        try:
            with process.interruptible():
                for _, found in each(self._describe, paths, self._jobs, self._timeout):
                    is_bad = isinstance(found, CaptoolsError)
                    shown.update(is_bad)
                    shown.log_if_due()
                    with shown.aside():
                        if is_bad:
                            self.bad += 1
                            log.error("failed: %s", one_line(found))
                        else:
                            yield found
        finally:
            shown.close()


def lines(one: Description | Summary) -> Iterator[str]:
    """Return what is said of a file or a folder, line by line."""
    return one.lines() if isinstance(one, Summary) else text.lines(one)


def _is_folder(word: str) -> bool:
    """Return whether a word means a folder of files: an array is a folder, too."""
    if means_array(word):
        return False
    return word.endswith("/") if is_remote(word) else os.path.isdir(word)
