"""What a step that plans across records knows of its run."""

from collections.abc import Sequence
from pathlib import Path

from captools.das import shading
from captools.das.recipes import Recipe
from captools.das.scanning import Scan, scan
from captools.das.tasks import Windows
from captools.errors import BadInputs, OutputError, one_line
from captools.io.address import Url
from captools.io.atomic import check_outputs
from captools.run import watched
from captools.run.planning import purpose


def output() -> Path | Url | None:
    """Return the output of the run."""
    return purpose().outdir


def scanned(paths: list[str]) -> Scan:
    """Return what files are, as kept with the journal of the run, or new.

    The pool of the run is there already, and in one process there can be but one: so this is
    done in another.

    Raises
    ------
    ValueError
        If the output is beside the data, or nothing can be kept there.
    """
    run = purpose()
    check_outputs([one for one in (run.outdir, run.journal) if one is not None], paths)
    try:
        return watched.call(scan, paths, run.jobs, run.timeout, run.journal, timeout=None)
    except OutputError as error:
        raise ValueError(str(error)) from None


def decided(runs: Sequence[Windows], recipe: Recipe) -> tuple[float, float]:
    """Return what `shading.decided` does; a damaged file, which may be read for ever, ends it.

    Raises
    ------
    ValueError
        If the windows that are looked at cannot be read.
    """
    try:
        return watched.call(shading.decided, runs, recipe, timeout=purpose().timeout)
    except BadInputs as error:
        raise ValueError(f"limits cannot be found, give two: {one_line(error)}") from None
