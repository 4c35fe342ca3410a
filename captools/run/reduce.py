"""A reduce step from the command line: all inputs into one output, or none."""

import fnmatch
import glob
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from captools import process, progress
from captools.engine import pool_of
from captools.engine.crew import given
from captools.errors import BadInputs, CaptoolsError, CaptoolsWarning, OutputError
from captools.io import listing, remote
from captools.io.address import Url, folders_of
from captools.io.atomic import Outputs, check_outputs, sweep
from captools.progress import counted
from captools.run import watched
from captools.run.printing import print_lines
from captools.run.tally import Kinds, fail, warn

NAMED_FILES = 20  # of a set, on a line
log = logging.getLogger(__name__)


def run_reduce(
    function: Callable[..., Outputs],
    step: ModuleType,
    words: tuple[str, ...],
    output: Path | Url,
    skip_bad: bool,
    **options: Any,
) -> int:
    """Run a reduce step over inputs and return the exit code.

    The options are those of the step, and `timeout`, as for `watched.call`.

    Raises
    ------
    ValueError
        If the inputs or the output are wrong usage; nothing was done.
    """
    make = partial(_make, function, getattr(step, "survey", None))
    watch = partial(watched.call, make, **options)
    if options.get("engine") != "mpi":
        return _run(watch, words, output, skip_bad)
    # Ranks that end only when the first one has given up may have written until then.
    with _swept(output), pool_of("mpi", None, None) as pool:
        if pool is None:  # a rank that has worked for the first one
            return 0
        with given(pool, None):
            return _run(watch, words, output, skip_bad)


def _run(
    make: Callable[[list[str], Path], Outputs],
    words: tuple[str, ...],
    output: Path | Url,
    skip_bad: bool,
) -> int:
    """Run a reduce step by a call that makes the output of its inputs."""
    paths = listing.given(words)
    if not paths:
        log.info("no inputs: nothing to do")
        return 0
    if isinstance(output, Url):
        remote.check_output(output)
    check_outputs([output], paths)
    if isinstance(output, Path):
        _check_beside(output, words)
        _check_folder(output)
    with (
        process.interruptible(),
        progress.shown(),
        _warnings_by_kind(),
        _workplace(output) as local,
    ):
        written = _build(make, paths, local, skip_bad)
        if written is not None and isinstance(output, Url):
            _send(written, local, output)
    if written is None:
        return 1
    for error in written.errors.values():
        log.error("failed: %s", error)
    log.info("%s", _sums(written))
    print_lines(os.fspath(path) for path in written)
    return 1 if written.errors and not skip_bad else 0


def _sums(written: Outputs) -> str:
    """Return what went in and came out, and where the rest went."""
    reasons = [f"{why} {rows:,} less" for why, rows in written.removed.items()]
    reasons += [f"{why} {rows:,} more" for why, rows in written.added.items()]
    rows_in, rows_out = (
        counted(rows, written.unit) for rows in (written.rows_in, written.rows_out)
    )
    sums = f"{rows_in} in, {rows_out} out"
    return f"{sums} ({', '.join(reasons)})" if reasons else sums


def _check_beside(output: Path, words: Iterable[str]) -> None:
    """Raise ValueError if the next run over the same words would find the output among them."""
    path = os.path.realpath(output)
    for word in words:
        if os.path.isdir(word):
            found = os.path.realpath(word) in folders_of(path)
        else:
            pattern = os.path.join(os.path.realpath(os.path.dirname(word)), os.path.basename(word))
            found = glob.has_magic(word) and fnmatch.fnmatchcase(path, pattern)
        if found:
            raise ValueError(
                f"output {output} would lie among the inputs ({word}): choose another folder"
            )


def _check_folder(output: Path) -> None:
    """Raise ValueError if an output cannot be made; sweep where it is to be."""
    there = next(folder for folder in output.absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise ValueError(f"output {output}: cannot be made below {there}")
    if there == output.absolute().parent:
        sweep(there)


@contextmanager
def _swept(output: Path | Url) -> Iterator[None]:
    """Remove what a process left that was ended while it made an output."""
    try:
        yield
    except BaseException:
        if isinstance(output, Path) and output.parent.is_dir():
            sweep(output.parent)
        raise


@contextmanager
def _workplace(output: Path | Url) -> Iterator[Path]:
    """Yield where an output is made: here at once, or before it is sent to an object store."""
    if isinstance(output, Path):
        yield output
        return
    with tempfile.TemporaryDirectory(prefix="captools-") as folder:
        yield Path(folder) / output.name


def _send(written: Outputs, local: Path, output: Url) -> None:
    """Send what was made to where it shall be; parts of another output are in the way."""
    parent = output.removesuffix(f"/{output.name}")
    addresses = [Url(f"{parent}/{path.relative_to(local.parent)}") for path in written]
    in_folders = any(os.path.dirname(os.path.dirname(url)) == output for url in addresses)
    is_set = len(addresses) > 1 or in_folders
    earlier = _named_alike(addresses) if is_set else set()
    if in_folders:  # who reads them reads all there is
        for depth in ("*", "*/*"):
            earlier.update(remote.matching(Url(f"{glob.escape(output)}/{depth}")))
    if others := earlier.difference(addresses):
        raise OutputError(f"{min(others)}: is of another output, and would mix with this one")
    sent = 0
    try:
        for path, address in zip(written, addresses, strict=True):
            remote.put(path, address)
            sent += 1
    except BaseException:
        if is_set:
            inside = addresses[0].startswith(f"{output}/")
            _give_up(addresses, sent, earlier, output if inside else Url(parent))
        raise
    written[:] = addresses


def _give_up(addresses: list[Url], sent: int, earlier: set[Url], folder: Url) -> None:
    """Remove what is new of a set, for some are worse than none; say what became of the rest."""
    if earlier:
        replaced, kept = (
            [url.removeprefix(f"{folder}/") for url in urls if url in earlier]
            for urls in (addresses[:sent], addresses[sent:])
        )
        log.error("replaced: %s; still of an earlier run: %s", _listed(replaced), _listed(kept))
    with suppress(CaptoolsError):
        # The one that failed may be there nevertheless.
        remote.remove(url for url in addresses[: sent + 1] if url not in earlier)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED_FILES:,} more" if len(names) > NAMED_FILES else ""
    return (", ".join(names[:NAMED_FILES]) or "none") + more


def _named_alike(addresses: list[Url]) -> set[Url]:
    """Return the files there whose names differ from these at most in their numbers."""
    folder = os.path.dirname(addresses[0])
    found = remote.alike([f"{folder}/{re.split(r'[0-9-]', url.name)[0]}" for url in addresses])
    kinds = {_without_numbers(url) for url in addresses}
    return {url for url in found if _without_numbers(url) in kinds}


def _without_numbers(url: Url) -> str:
    return re.sub(r"-?\d+", "#", url.name)


def _make(
    function: Callable[..., Outputs],
    survey: Callable[..., None] | None,
    paths: list[str],
    output: Path,
    **options: object,
) -> Outputs:
    """Look at the inputs, and do the work."""
    if survey is not None:
        survey(paths, **options)
    return function(paths, output, **options)


def _build(
    make: Callable[[list[str], Path], Outputs],
    paths: list[str],
    output: Path,
    skip_bad: bool,
) -> Outputs | None:
    """Return what was written; None if a bad input stood in the way."""
    kept = paths
    while True:
        try:
            with _swept(output):
                return make(kept, output)
        except BadInputs as error:
            _name_bad(list(error.errors.values()), all_of_them=len(error.errors) == len(paths))
            before, kept = kept, [path for path in kept if path not in error.errors]
            bad = len(paths) - len(kept)
            if not skip_bad or not kept or kept == before:
                log.error(
                    "no output: %s of %s %s bad (--skip-bad leaves them out)",
                    *(f"{bad:,}", counted(len(paths), "input"), "is" if bad == 1 else "are"),
                )
                return None
            log.warning("warning: %s left out (--skip-bad)", counted(bad, "bad input"))


def _name_bad(errors: list[str], all_of_them: bool) -> None:
    """Say what is wrong with each bad input; if all are bad, a line for each kind."""
    if not all_of_them:
        for why in errors:
            log.error("failed: %s", why)
        return
    kinds = Kinds()
    for why in errors:
        kinds.add(why)
    _say(kinds, fail)


def _say(kinds: Kinds, line: Callable[[str, int], None]) -> None:
    """Say a line for each kind of message, and how many kinds are too many for that."""
    if unsaid := kinds.say(line):
        log.warning("warning: %s of messages", counted(unsaid, "further kind"))


@contextmanager
def _warnings_by_kind() -> Iterator[None]:
    """Say a line for each kind of warning of the block, at its end."""
    kinds = Kinds()

    def count(message: Warning | str, *more: Any, **rest: Any) -> None:
        kinds.add(str(message))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", CaptoolsWarning)
            warnings.showwarning = count
            yield
    finally:
        _say(kinds, warn)
