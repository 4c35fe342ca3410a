"""Where a run goes on: which inputs are done, and what is said before one is done again."""

import logging
import os
from collections.abc import Callable, Iterator

from captools.errors import InputError
from captools.io.address import files_of, is_remote
from captools.io.listing import in_folder
from captools.io.troubles import Unreachable
from captools.progress import counted
from captools.run.folders import LocalFolder
from captools.run.journal import Journal, Outcome, files, lines, now
from captools.run.task import Task

log = logging.getLogger(__name__)


def check_other_steps(step: str, task: Task, paths: list[str]) -> None:
    """Refuse a folder of another step's outputs; warn of files there that no run wrote.

    A step that is given the folder would take both for one kind of file.
    """
    outdir, there = task.folder.journal, task.folder.names()
    journals = files(outdir)
    for path, other in journals.items():
        written = (name for _, one in lines(path) for name, _ in one.written())
        if other != step and (name := next((name for name in written if name in there), None)):
            raise ValueError(
                f"output folder {outdir} holds what {other} wrote ({name}): choose another"
            )
    if isinstance(task.folder, LocalFolder) and step not in journals.values():
        _warn_of_strangers(task.folder, {name for path in paths for name in task.outputs(path)})


def _warn_of_strangers(folder: LocalFolder, ours: set[str]) -> None:
    """Warn of files in a folder that is new to a step, which it will not write over."""
    found = in_folder(os.fspath(folder.path))
    if strange := {os.path.relpath(path, folder.path) for path in found} - ours:
        log.warning(
            "warning: output folder %s holds %s of another origin, such as %s: "
            "steps will take all in it for one set",
            *(folder, counted(len(strange), "file"), min(strange)),
        )


def pending(
    journal: Journal,
    task: Task,
    paths: list[str],
    is_filled: Callable[[str], bool] | None = None,
) -> list[str]:
    """Return the inputs that are not done as they would be now, with their outputs there.

    A step that fills a store says of what an input wrote there whether it is (`is_filled`).
    Whether an input has changed, a server may not be able to say just now: it is taken as it
    was, for its outputs are not to be lost for that.
    """
    there, left, mute = task.folder.names(), [], False
    replaced, same = [], 0  # outputs of each input that was done otherwise; inputs that were not
    lost = 0  # inputs whose outputs are not as they were
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
        same += is_same
        if key and not is_same:
            replaced.append(len(earlier.outputs))
        is_whole = all(there.hold(name, stamp) for name, stamp in earlier.written())
        is_whole = is_whole and (is_filled is None or is_filled(path))
        lost += is_same and not is_whole
        if not (is_same and is_whole):
            left.append(path)
    if lost:
        log.warning(
            "warning: outputs of %s are missing, or not as they were written: done again",
            counted(lost, "input"),
        )
    if any(replaced) and not same:  # a few may well have been fetched again
        log.warning(
            "warning: %s done before with other options, or changed since: %s replaced",
            *(counted(len(replaced), "input"), counted(sum(replaced), "output")),
        )
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
                # A line may name any file: this step's own alone are removed, also where it
                # wrote them to a subfolder and would not now.
                ours = set(map(os.path.basename, task.outputs(path)))
                names = [name for name, _ in earlier.written()]
                task.folder.clear([one for one in names if os.path.basename(one) in ours], path)
            again = "again " if earlier is not None else ""
            error = f"{path}: was being done {again}when the run ended"
            journal.append(Outcome(path, "failed", error=error, ended=now()))
        yield path
