"""A map step from the command line: inputs, resume, engine, journal, what to say."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import ModuleType

import click

from captools.engine import pool_of
from captools.engine.pool import Pool
from captools.errors import CaptoolsError, InputError
from captools.io import listing, remote
from captools.io.address import Url, is_remote
from captools.io.atomic import Outputs, leftovers, sweep
from captools.io.troubles import Unreachable
from captools.process import stoppable
from captools.progress import Progress
from captools.run import inputs
from captools.run.folders import Folder, folder_of
from captools.run.journal import Journal, Outcome, now
from captools.run.journal import files as journal_files
from captools.run.journal import lines as journal_lines
from captools.run.tally import WARNINGS_SHOWN, Tally, report
from captools.run.task import Task

log = logging.getLogger(__name__)


def run_map(
    function: Callable[..., Outputs],
    step: ModuleType,
    engine: str,
    jobs: int | None,
    scheduler: str | None,
    **rest: object,
) -> int:
    """Run a map step over inputs and return the exit code.

    Raises
    ------
    ValueError
        If the inputs, the engine or the output folder are wrong usage; nothing
        was done.
    """
    if scheduler is not None and engine != "dask":
        raise ValueError("--scheduler goes with --engine dask")
    with pool_of(engine, jobs, scheduler) as pool:
        if pool is None:  # an MPI rank that has worked for the first one
            return 0
        return _run_map(pool, function, step, **rest)


def _run_map(
    pool: Pool,
    function: Callable[..., Outputs],
    step: ModuleType,
    words: tuple[str, ...],
    outdir: Path | Url,
    shard: tuple[int, int] | None,
    overwrite: bool,
    fail_fast: bool,
    timeout: float | None,
    journal: Path | None = None,
    regions: tuple[int, ...] | None = None,
    unwanted: Path | None = None,
    **options: object,
) -> int:
    folder = folder_of(outdir, journal)
    endings = {name.removesuffix(".h5") for name in step.outputs("", **options)}
    paths = _inputs(words, step.PRODUCT, endings, regions, unwanted, shard)
    if not paths:
        return 0
    _check_folder(outdir, paths)
    # Workers may run in other folders.
    files = {name: value.absolute() for name, value in options.items() if isinstance(value, Path)}
    task = Task(
        function, step.outputs, folder.absolute(), options | files, step.VERSION, remote.used()
    )
    name = function.__name__
    return run_inputs(pool, task, name, paths, folder, shard, overwrite, fail_fast, timeout)


def run_inputs(
    pool: Pool,
    task: Task,
    name: str,
    paths: list[str],
    folder: Folder,
    shard: tuple[int, int] | None,
    overwrite: bool,
    fail_fast: bool,
    timeout: float | None,
) -> int:
    """Do a task to inputs, resume and journal included, and return the exit code.

    Parameters
    ----------
    crew : Crew
        Those who do the work.
    task : Task
        The work.
    name : str
        Of the step, for the journal.
    paths : list of str
        The inputs.
    folder : Folder
        The task's output folder, as the user calls it.
    shard : (int, int), optional
        Number of the share that the inputs are, and of all shares.
    overwrite : bool
        Do again what is done.
    fail_fast : bool
        Stop at the first failed input.
    timeout : float, optional
        Seconds for an input.

    Raises
    ------
    ValueError
        If the output folder is wrong usage; nothing was done.
    """
    _check_other_steps(folder.journal, name, paths, task)
    # What keeps its outputs goes on with what a killed run left half-written.
    with closing(_open_journal(folder.journal, name, shard, paths, not task.keeps)) as journal:
        if task.keeps and overwrite:
            _sweep(task, paths, lambda path: True)
        pending = paths if overwrite else _pending(journal, task, paths)
        tally = Tally(len(paths), before=len(paths) - len(pending))
        code = _run(pool, task, pending, journal, tally, fail_fast, timeout)
        if task.keeps:
            with suppress(OSError):  # the folder may have vanished; else the next run sweeps
                _sweep(task, paths, lambda path: _is_done(journal.newest(path)))
        if not pending:
            log.info("%d inputs, all done before: nothing to do", len(paths))
        else:
            log.info("%s", tally)
            for condition, rows in tally.removed.items():
                log.info("%s: removed %s rows", condition, f"{rows:,}")
        if tally.warnings > WARNINGS_SHOWN:
            log.info("%d warnings, all in %s", tally.warnings, journal.path)
        _print_outputs(folder, journal, paths)
    return code


def _inputs(
    words: tuple[str, ...],
    naming: inputs.Naming,
    endings: set[str],
    regions: tuple[int, ...] | None,
    unwanted: Path | None,
    shard: tuple[int, int] | None,
) -> list[str]:
    """Return the paths to do, with a word on those left out."""
    found = listing.given(words)
    kept = inputs.leave_out(found, naming, regions, unwanted)
    if len(kept) < len(found):
        log.info("%d of %d inputs left out (-g, -l)", len(found) - len(kept), len(found))
    inputs.check_names(kept, naming, endings)
    paths = inputs.share(kept, *shard) if shard else kept
    if not paths:
        log.info("no inputs: nothing to do")
    return paths


def _open_journal(
    outdir: Path, step: str, shard: tuple[int, int] | None, paths: list[str], tidy: bool
) -> Journal:
    """Make the output folder ready, or say why it cannot be used."""
    try:
        journal = Journal(outdir, step, shard, paths)
        if tidy:
            sweep(outdir)
    except OSError as error:
        raise ValueError(f"output folder {outdir}: cannot be used ({error.strerror})") from None
    return journal


def _sweep(task: Task, paths: list[str], is_over: Callable[[str], bool]) -> None:
    """Remove what was left half-written of those inputs that it is of no more use to.

    That of other inputs stays: another shard goes on with it.
    """
    folder = task.folder.journal
    left = {name for name, _ in leftovers(folder)}
    over: set[str] = set()
    for path in paths if left else ():
        names = left.intersection(task.outputs(path))
        if names and is_over(path):
            over |= names
    if over:
        sweep(folder, over)


def _is_done(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status == "done"


def _check_folder(outdir: Path | Url, paths: list[str]) -> None:
    """Refuse to write where inputs are."""
    folders = {os.path.dirname(path) for path in paths if is_remote(path)}
    here = [path for path in paths if not is_remote(path)]
    folders |= {os.path.realpath(os.path.dirname(path)) for path in here}
    folders |= {os.path.dirname(os.path.realpath(path)) for path in here}  # where links lead
    if (outdir if isinstance(outdir, Url) else os.path.realpath(outdir)) in folders:
        raise ValueError(f"output folder {outdir} is the folder of an input: choose another")


def _check_other_steps(outdir: Path, name: str, paths: list[str], task: Task) -> None:
    """Refuse a folder in which another step wrote what would bear the names of ours."""
    others = [(path, other) for path, other in journal_files(outdir).items() if other != name]
    if not others:
        return
    ours = {one for path in paths for one in task.outputs(path)}
    for path, other in others:
        for _, outcome in journal_lines(path):
            if same := ours.intersection(map(os.path.basename, outcome.outputs)):
                raise ValueError(
                    f"output folder {outdir} holds what {other} wrote ({min(same)}): choose another"
                )


def _pending(journal: Journal, task: Task, paths: list[str]) -> list[str]:
    """Return the inputs that are not done as they would be now, with their outputs there.

    Whether an input has changed, a server may not be able to say just now: it is taken as it
    was, for its outputs are not to be lost for that.
    """
    there, pending, mute = task.folder.names(), [], False
    for path in paths:
        earlier = journal.newest(path)
        key = ""
        if earlier is not None and earlier.status != "failed":
            try:
                key = earlier.key if mute and is_remote(path) else task.key(path)
            except InputError as error:
                log.warning("warning: %s: inputs there are taken as unchanged", error)
                mute, key = mute or isinstance(error, Unreachable), earlier.key
        is_done = key and key == earlier.key and all(name in there for name in _names(earlier))
        if not is_done:
            pending.append(path)
    return pending


def _names(outcome: Outcome) -> list[str]:
    """Return the names of outputs; their folder may have been moved since."""
    return [os.path.basename(output) for output in outcome.outputs]


def _run(
    pool: Pool,
    task: Task,
    pending: list[str],
    journal: Journal,
    tally: Tally,
    fail_fast: bool,
    timeout: float | None,
) -> int:
    """Do the pending inputs, write down each as it ends, and return the exit code."""
    progress = Progress(len(pending))
    try:
        pool = pool.for_items(len(pending))
        paths = _forgotten(pending, journal, task)
        with stoppable() as stop, closing(pool.run(task, paths, stop, timeout)) as results:
            for result in results:
                progress.tell()
                if result is None:
                    continue
                outcome = result.outcome
                tally.add(outcome)
                journal.append(outcome)
                report(outcome, tally)
                progress.update(outcome.status == "failed")
                if result.fatal or (fail_fast and tally.failed):
                    stop.ask()
    except CaptoolsError as error:
        log.error("%s", error)
    finally:
        progress.close()
    if tally.left and stop.number is not None:
        log.error("interrupted: the same command goes on from here")
        return stop.code
    if tally.left and not fail_fast:
        log.error("stopped: no later input would fare better; %d inputs not attempted", tally.left)
    return 1 if tally.failed or tally.left else 0


def _forgotten(pending: list[str], journal: Journal, task: Task) -> Iterator[str]:
    """Yield the inputs to do; before one is done again, forget how it ended and its outputs.

    Otherwise, should this run be killed, its outputs would be taken for the earlier ones.
    """
    for path in pending:
        earlier = journal.newest(path)
        if earlier is not None and earlier.outputs:
            if not task.keeps:
                task.folder.clear(_names(earlier), path)
            error = f"{path}: was being done again when the run ended"
            journal.append(Outcome(path, "failed", error=error, ended=now()))
        yield path


def _print_outputs(folder: Folder, journal: Journal, paths: list[str]) -> None:
    """Print the outputs of all inputs, of earlier runs too; on a terminal their number."""
    count, vanished = 0, not os.path.exists(journal.path)
    for path in paths:
        outcome = journal.newest(path)
        for name in _names(outcome) if outcome and not vanished else ():
            count += 1
            if not sys.stdout.isatty():
                click.echo(os.fsencode(folder.address(name)))  # a path need not be UTF-8
    if sys.stdout.isatty():
        click.echo(f"{count} files in {folder}")
