"""A map step from the command line: inputs, resume, engine, journal, what to say."""

import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import click

from captools import flat, inputs, remote
from captools.address import Url, is_remote
from captools.engine import Crew, Stop
from captools.engine import crew as crew_of
from captools.errors import CaptoolsError, InputError
from captools.folders import Folder, folder_of
from captools.journal import Journal, Outcome, now
from captools.journal import files as journal_files
from captools.journal import lines as journal_lines
from captools.products import Product
from captools.progress import Progress
from captools.task import Task

WARNINGS_SHOWN = 20  # of a run; the journal has them all
log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What a run adds up to, without keeping what it adds."""

    total: int
    before: int = 0
    done: int = 0
    empty: int = 0
    failed: int = 0
    rows_in: int = 0
    rows_out: int = 0
    warnings: int = 0
    removed: Counter = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        setattr(self, outcome.status, getattr(self, outcome.status) + 1)
        self.rows_in += outcome.rows_in
        self.rows_out += outcome.rows_out
        self.warnings += len(outcome.warnings)
        self.removed.update(outcome.removed)

    @property
    def left(self) -> int:
        """Inputs that were not attempted."""
        return self.total - self.before - self.done - self.empty - self.failed

    def __str__(self) -> str:
        counts = [f"{self.done} done", f"{self.empty} empty", f"{self.failed} failed"]
        if self.before:
            counts.insert(0, f"{self.before} done before")
        if self.left:
            counts.append(f"{self.left} not attempted")
        kept = f"; {self.rows_out:,} of {self.rows_in:,} rows kept" if self.rows_in else ""
        return f"{self.total} inputs: {', '.join(counts)}{kept}"


def run_map(
    function: Callable[..., flat.Written],
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
    with crew_of(engine, jobs, scheduler) as crew:
        if crew is None:  # an MPI rank that has worked for the first one
            return 0
        return _run_map(crew, function, step, **rest)


def _run_map(
    crew: Crew,
    function: Callable[..., flat.Written],
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
    return run_inputs(crew, task, name, paths, folder, shard, overwrite, fail_fast, timeout)


def run_inputs(
    crew: Crew,
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
        code = _run(crew, task, pending, journal, tally, fail_fast, timeout)
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
    product: Product,
    endings: set[str],
    regions: tuple[int, ...] | None,
    unwanted: Path | None,
    shard: tuple[int, int] | None,
) -> list[str]:
    """Return the paths to do, with a word on those left out."""
    found = inputs.given(words)
    kept = inputs.leave_out(found, product, regions, unwanted)
    if len(kept) < len(found):
        log.info("%d of %d inputs left out (-g, -l)", len(found) - len(kept), len(found))
    inputs.check_names(kept, product, endings)
    paths = inputs.share(kept, *shard) if shard else kept
    if not paths:
        log.info("no inputs: nothing to do")
    return paths


def _open_journal(
    outdir: Path, step: str, shard: tuple[int, int] | None, paths: list[str], sweep: bool
) -> Journal:
    """Make the output folder ready, or say why it cannot be used."""
    try:
        journal = Journal(outdir, step, shard, paths)
        if sweep:
            flat.sweep(outdir)
    except OSError as error:
        raise ValueError(f"output folder {outdir}: cannot be used ({error.strerror})") from None
    return journal


def _sweep(task: Task, paths: list[str], is_over: Callable[[str], bool]) -> None:
    """Remove what was left half-written of those inputs that it is of no more use to.

    That of other inputs stays: another shard goes on with it.
    """
    folder = task.folder.journal
    left = {name for name, _ in flat.leftovers(folder)}
    over: set[str] = set()
    for path in paths if left else ():
        names = left.intersection(task.outputs(path))
        if names and is_over(path):
            over |= names
    if over:
        flat.sweep(folder, over)


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
                mute, key = mute or isinstance(error, remote.Unreachable), earlier.key
        is_done = key and key == earlier.key and all(name in there for name in _names(earlier))
        if not is_done:
            pending.append(path)
    return pending


def _names(outcome: Outcome) -> list[str]:
    """Return the names of outputs; their folder may have been moved since."""
    return [os.path.basename(output) for output in outcome.outputs]


def _run(
    crew: Crew,
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
        crew = crew.for_inputs(len(pending))
        paths = _forgotten(pending, journal, task)
        with _stoppable() as stop, closing(crew.run(task, paths, stop, timeout)) as ends:
            for end in ends:
                progress.tell()
                if end is None:
                    continue
                outcome, hopeless, _ = end
                tally.add(outcome)
                journal.append(outcome)
                _tell(outcome, tally)
                progress.update(outcome.status == "failed")
                if hopeless or (fail_fast and tally.failed):
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


@contextmanager
def _stoppable() -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM ask for the end of the block's work; yield what they asked."""
    stop = Stop()
    # A shell starts its background jobs with Ctrl-C ignored: let it be so.
    heeded = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop.ask) for number in heeded}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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


def _tell(outcome: Outcome, tally: Tally) -> None:
    """Say what the user should know of an outcome at once."""
    if outcome.status == "failed":
        log.error("failed: %s", outcome.error)
    shown = tally.warnings - len(outcome.warnings)
    for message in outcome.warnings[: max(0, WARNINGS_SHOWN - shown)]:
        log.warning("warning: %s", message)
    log.debug(
        "%s: %s, %d of %d rows, %.2f s",
        *(outcome.input, outcome.status, outcome.rows_out, outcome.rows_in, outcome.seconds),
    )


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
