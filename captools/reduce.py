"""A reduce step from the command line: all inputs into one output, or none."""

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import click

from captools import flat, inputs, progress
from captools.errors import BadInputs, CaptoolsWarning

log = logging.getLogger(__name__)


def run_reduce(
    function: Callable[..., flat.Written],
    words: tuple[str, ...],
    output: Path,
    skip_bad: bool,
    **options: object,
) -> int:
    """Run a reduce step over inputs and return the exit code.

    Raises
    ------
    ValueError
        If the inputs or the output are wrong usage; nothing was done.
    """
    paths = inputs.given(words)
    if not paths:
        log.info("no inputs: nothing to do")
        return 0
    if os.path.realpath(output) in map(os.path.realpath, paths):
        raise ValueError(f"output {output} is one of the inputs: choose another")
    there = next(folder for folder in output.absolute().parents if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise ValueError(f"output {output}: cannot be made below {there}")
    if there == output.absolute().parent:
        flat.sweep(there)
    with progress.interruptible(), progress.shown(), warnings.catch_warnings():
        warnings.simplefilter("always", CaptoolsWarning)
        warnings.showwarning = _tell
        written = _build(function, paths, output, skip_bad, options)
    if written is None:
        return 1
    for told in written.errors.values():
        log.error("failed: %s", told)
    log.info("%d rows in, %d rows out", written.rows_in, written.rows_out)
    for path in written:
        click.echo(os.fsencode(path))  # a path need not be UTF-8
    return 1 if written.errors and not skip_bad else 0


def _build(
    function: Callable[..., flat.Written],
    paths: list[str],
    output: Path,
    skip_bad: bool,
    options: dict,
) -> flat.Written | None:
    """Return what was written; None if a bad input stood in the way."""
    kept = paths
    while True:
        try:
            return function(kept, output, **options)
        except BadInputs as error:
            for told in error.errors.values():
                log.error("failed: %s", told)
            kept = [path for path in kept if path not in error.errors]
            if not skip_bad or not kept:
                log.error(
                    "no output: %d of %d inputs are bad (--skip-bad leaves them out)",
                    *(len(paths) - len(kept), len(paths)),
                )
                return None
            log.warning("warning: %d bad inputs left out (--skip-bad)", len(paths) - len(kept))


def _tell(message: Warning, *where: object) -> None:
    log.warning("warning: %s", message)
