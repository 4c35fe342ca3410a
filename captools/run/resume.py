"""Where a run goes on: which inputs are done, and what is said before one is done again."""

import logging
import os
from collections.abc import Iterator

from captools.errors import InputError
from captools.io.address import files_of, is_remote
from captools.io.troubles import Unreachable
from captools.run.journal import Journal, Outcome, now
from captools.run.task import Task

log = logging.getLogger(__name__)


def pending(journal: Journal, task: Task, paths: list[str]) -> list[str]:
    """Return the inputs that are not done as they would be now, with their outputs there.

    Whether an input has changed, a server may not be able to say just now: it is taken as it
    was, for its outputs are not to be lost for that.
    """
    there, left, mute = task.folder.names(), [], False
    for path in paths:
        earlier = journal.newest(path)
        if earlier is None or earlier.status == "failed":
            left.append(path)
            continue
        try:
            asks = any(map(is_remote, files_of(path)))
            key = earlier.key if mute and asks else task.key(path)
        except InputError as error:
            log.warning("warning: %s: inputs there are taken as unchanged", error)
            mute, key = mute or isinstance(error, Unreachable), earlier.key
        is_same = bool(key) and key == earlier.key
        if not (is_same and all(name in there for name in output_names(earlier))):
            left.append(path)
    return left


def under_way(paths: list[str], journal: Journal, task: Task) -> Iterator[str]:
    """Yield the inputs to do; before one is done, forget how it ended and its outputs.

    Otherwise, should this run be killed, its outputs would be taken for the earlier ones, and
    its part of a store, half written, for whole.
    """
    for path in paths:
        earlier = journal.newest(path)
        if task.fills_store(path) or (earlier is not None and earlier.outputs):
            if earlier is not None and not task.keeps:
                task.folder.clear(output_names(earlier), path)
            again = "again " if earlier is not None else ""
            error = f"{path}: was being done {again}when the run ended"
            journal.append(Outcome(path, "failed", error=error, ended=now()))
        yield path


def output_names(outcome: Outcome) -> list[str]:
    """Return the names of outputs; their folder may have been moved since."""
    return [os.path.basename(output) for output in outcome.outputs]
