"""What a step that plans across records knows of the command that runs it."""

from pathlib import Path
from typing import Any

import click

from captools.das.scanning import Scan, scan
from captools.errors import OutputError
from captools.io.address import Url
from captools.io.atomic import check_outputs
from captools.run import watched


def output() -> Path | Url | None:
    """Return the output of the command, None from Python."""
    return _given().get("outdir")


def scanned(paths: list[str]) -> Scan:
    """Return what files are, as kept with the journal of the command, or new.

    The pool of the command is there already, and in one process there can be but one: so this is
    done in another.

    Raises
    ------
    ValueError
        If nothing can be kept there.
    """
    given = _given()
    outdir, timeout = given.get("outdir"), given.get("timeout")
    keep = given.get("journal") if isinstance(outdir, Url) else outdir
    if keep is not None:
        check_outputs([keep], paths)  # nothing is written beside the data
    try:
        return watched.call(scan, paths, given.get("jobs"), timeout, keep, timeout=None)
    except OutputError as error:
        raise ValueError(str(error)) from None


def _given() -> dict[str, Any]:
    """Return the options of the command that runs."""
    context = click.get_current_context(silent=True)
    return {} if context is None else context.params
