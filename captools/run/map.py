"""A map step from the command line: inputs, resume, engine, journal, what to say."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from captools.engine import pool_of
from captools.engine.pool import Pool
from captools.errors import BadInputs, CaptoolsError
from captools.io import listing, remote
from captools.io.address import Url, files_of
from captools.io.atomic import Outputs, check_outputs, leftovers, sweep
from captools.process import stoppable
from captools.progress import Progress, counted
from captools.run import inputs, watched
from captools.run.finishing import finish, parted
from captools.run.folders import Folder, Store, folder_of, store_of
from captools.run.journal import Journal, Outcome, begin_anew
from captools.run.planning import Purpose, planned
from captools.run.presence import Presence
from captools.run.printing import print_lines
from captools.run.resume import check_other_steps, pending, under_way
from captools.run.tally import Tally, report
from captools.run.task import Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What the command line may ask of any map step.

    Parameters
    ----------
    words : tuple of str
        They name the inputs.
    outdir : Path or Url
        Output folder.
    shard : (int, int), optional
        Number of the share of the inputs to do, and of all shares.
    overwrite : bool
        Do again what is done.
    fail_fast : bool
        Stop at the first failed input.
    timeout : float, optional
        Seconds for an input.
    journal : Path, optional
        The folder that keeps the journal of an output folder in an object store.
    regions : tuple of int, optional
        Granule regions to keep.
    unwanted : tuple of Path, optional
        Lists of granules to leave out.
    jobs : int, optional
        Processes.
    """

    words: tuple[str, ...]
    outdir: Path | Url
    shard: tuple[int, int] | None
    overwrite: bool
    fail_fast: bool
    timeout: float | None
    journal: Path | None = None
    regions: tuple[int, ...] | None = None
    unwanted: tuple[Path, ...] | None = None
    jobs: int | None = None


@dataclass(frozen=True)
class Run:
    """What is to be done in a run, and how.

    Parameters
    ----------
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
    store : Store, optional
        What all inputs fill.
    """

    name: str
    paths: list[str]
    folder: Folder
    shard: tuple[int, int] | None = None
    overwrite: bool = False
    fail_fast: bool = False
    timeout: float | None = None
    store: Store | None = None


def run_map(
    function: Callable[..., Outputs],
    step: ModuleType,
    engine: str,
    jobs: int | None,
    scheduler: str | None,
    **rest: Any,
) -> int:
    """Run a map step over inputs and return the exit code.

    Parameters
    ----------
    function : callable
        Does one input.
    step : module
        What it may have beside its function says `captools.steps`.
    engine, jobs, scheduler
        Who does the work.
    **rest
        The fields of `Asked`; all others are options of the step.

    Raises
    ------
    ValueError
        If the inputs, the engine or the output folder are wrong usage; nothing
        was done.
    """
    given = {one.name: rest.pop(one.name) for one in fields(Asked) if one.name in rest}
    asked = Asked(**given, jobs=jobs)
    with pool_of(engine, jobs, scheduler) as pool:
        if pool is None:  # an MPI rank that has worked for the first one
            return 0
        if not getattr(step, "FORKS", True):
            pool = pool.without_copies()
        return _run_map(pool, function, step, asked, rest)


def _run_map(
    pool: Pool, function: Callable[..., Outputs], step: ModuleType, asked: Asked, options: dict
) -> int:
    # Workers may run in other folders.
    files = {name: value.absolute() for name, value in options.items() if isinstance(value, Path)}
    options = options | files
    folder = folder_of(asked.outdir, asked.journal)
    found = _inputs(step, asked, folder.journal, options)
    paths = inputs.share(found, *asked.shard) if asked.shard else found
    check_outputs([asked.outdir], {file for path in paths for file in files_of(path)})
    if found and hasattr(step, "survey"):
        with suppress(BadInputs):  # it will be an input that failed
            watched.call(
                *(step.survey, found), timeout=asked.timeout, may_copy=bool(pool.copy), **options
            )
    if not paths:
        log.info("no inputs: nothing to do")
        return 0
    place = folder.absolute()
    options, last = parted(step, options)
    task = Task(function, step.outputs, place, options, step.VERSION, remote.used())
    run = Run(
        function.__name__,
        paths,
        folder,
        asked.shard,
        asked.overwrite,
        asked.fail_fast,
        asked.timeout,
        store_of(step, place, options),
    )
    code = run_inputs(pool, task, run)
    if code in (0, 1):  # else it was interrupted
        try:
            finish(step, place.location, last)
        except CaptoolsError as error:
            log.error("error: %s", error)
            return 1
    return code


def _inputs(step: ModuleType, asked: Asked, journal: Path, options: dict) -> list[str]:
    """Return the inputs of all shards, with a word on those left out."""
    naming = inputs.naming_of(step, options)
    inputs.check_regions(asked.words, asked.regions)
    found = listing.given(asked.words, getattr(step, "SUFFIXES", None))
    kept = inputs.leave_out(found, naming, asked.regions, asked.unwanted)
    if len(kept) < len(found):
        left_out = len(found) - len(kept)
        log.info("%s of %s left out (-g, -l)", f"{left_out:,}", counted(len(found), "input"))
    what_for = Purpose(asked.outdir, journal, asked.jobs, asked.timeout)
    return planned(step, kept, options, what_for)


def run_inputs(pool: Pool, task: Task, run: Run, into: list[str] | None = None) -> int:
    """Do a task to inputs, resume and journal included, and return the exit code.

    Parameters
    ----------
    pool : Pool
        Who does the work.
    task : Task
        The work.
    run : Run
        To which inputs, and how.
    into : list, optional
        Takes the outputs of all inputs, which are printed otherwise.

    Raises
    ------
    ValueError
        If the output folder is wrong usage; nothing was done.
    """
    check_other_steps(run.name, task, run.paths)
    with (
        Presence(run.folder.journal, run.name, task.method) as presence,
        closing(_open_journal(run, task)) as journal,
    ):
        is_filled = None
        if run.store is not None:
            run.store.prepare()
            is_filled = run.store.is_filled
        if task.keeps and run.overwrite:
            _sweep(task, run.paths, lambda path: True)
        todo = run.paths if run.overwrite else pending(journal, task, run.paths, is_filled)
        tally = Tally(len(run.paths), before=len(run.paths) - len(todo))
        code = _run(pool, task, replace(run, paths=todo), journal, tally, presence)
        if task.keeps:
            with suppress(OSError):  # the folder may have vanished; the next run sweeps
                _sweep(task, run.paths, lambda path: _is_done(journal.newest(path)))
        if not todo:
            log.info("%s, all done before: nothing to do", counted(len(run.paths), "input"))
        else:
            log.info("%s", tally)
        outputs = _addresses(run, journal) if os.path.exists(journal.path) else iter(())
        if into is None:
            _print_outputs(outputs, run)
        else:
            into.extend(outputs)
    return code


def _open_journal(run: Run, task: Task) -> Journal:
    """Make the output folder ready, or say why it cannot be used.

    If the store is gone, what was done so far does not count. This is written down before the
    store is made again, for this run may be killed, and before the journals are read, for
    another shard may make the store in between.
    """
    folder = run.folder.journal
    is_new = run.store is not None and not run.store.is_there()
    try:
        if is_new:
            begin_anew(folder, run.name)
        journal = Journal(folder, run.name, run.shard, run.paths)
        if not task.keeps:  # otherwise this run continues what a killed one left half-written
            sweep(folder)
    except OSError as error:
        raise ValueError(f"output folder {folder}: cannot be used ({error.strerror})") from None
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


def _run(
    pool: Pool, task: Task, run: Run, journal: Journal, tally: Tally, presence: Presence
) -> int:
    """Do the inputs, write down each as it ends, and return the exit code."""
    progress = Progress(len(run.paths))
    try:
        pool.begin(len(run.paths))
        paths = under_way(run.paths, journal, task)
        with stoppable() as stop, closing(pool.run(task, paths, stop, run.timeout)) as results:
            for result in results:
                progress.log_if_due()
                presence.beat()
                if result is None:
                    continue
                outcome = result.outcome
                tally.add(outcome)
                journal.append(outcome)
                report(outcome, tally)
                progress.update(outcome.status == "failed")
                if result.fatal or (run.fail_fast and tally.failed):
                    stop.ask()
    except CaptoolsError as error:
        log.error("%s", error)
    finally:
        progress.close()
        tally.finish(journal.path)
    if tally.left and stop.number is not None:
        log.error("interrupted: the same command goes on from here")
        return stop.code
    if tally.left and not run.fail_fast:
        left = counted(tally.left, "input")
        log.error("stopped: no later input would fare better; %s not attempted", left)
    return 1 if tally.failed or tally.left else 0


def _print_outputs(outputs: Iterator[str], run: Run) -> None:
    """Print the outputs of all inputs; on a terminal their number."""
    if sys.stdout.isatty():
        outputs = iter([f"{counted(sum(1 for _ in outputs), 'file')} in {run.folder}"])
    print_lines(outputs)


def _addresses(run: Run, journal: Journal) -> Iterator[str]:
    """Yield the outputs of all inputs, of earlier runs too."""
    for path in run.paths:
        outcome = journal.newest(path)
        for name, _ in outcome.written() if outcome else ():
            yield run.folder.address(name)
