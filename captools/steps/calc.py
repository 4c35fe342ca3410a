"""Give flat files new columns, computed from those that they have.

A column is a formula of columns, numbers, + - * / % ** and abs(). All arithmetic is in
double precision. Where a column has no value, the result has none (NaN). The file's other
columns stay as they are, and its history says what was done, so --undo takes it back.

\b
Examples:
  captools calc reduced/ -o cor -e "h_cor = h_li - dac - tide_ocean" --height h_cor
  captools calc reduced/ -o ratio -e "r = s_li / h_rb" --units r=1
  captools calc cor/ -o plain --undo h_cor

A sum has the units of its columns, if they are the same. For anything else --units says them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.io.address import local_path, parse_location
from captools.products import KNOWN

if TYPE_CHECKING:
    from captools.io.atomic import Outputs
    from captools.run.inputs import Naming

KIND = "map"
VERSION = 1


def naming(**options: object) -> "Naming":
    """Return what file names of inputs say: those of any known product."""
    return KNOWN


def outputs(name: str, **options: object) -> list[str]:
    """Return the name that the output of a file of this name has."""
    return [name]


def survey(paths: list[str], *, expressions: Iterable[str], **options: object) -> None:
    """Refuse granules before any work, and columns that no input has."""
    from captools.granules.kinds import check_flat
    from captools.points.surveying import survey_calculation

    check_flat(paths)
    survey_calculation(paths, expressions)


def _together(context: click.Context, parameter: click.Parameter, undo: str | None) -> str | None:
    """Return the columns to undo if all options go together; wrong usage if not."""
    from captools.points.calculating import Calculation

    others = [context.params.get(name) for name in ("expressions", "units", "height")]
    try:
        Calculation.of(*others, undo)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return undo


# All but --undo are eager, so that they are known when it is checked.
@click.option(
    "-e",
    "expressions",
    multiple=True,
    is_eager=True,
    metavar="NAME=FORMULA",
    callback=options.checked("points.calculating.parse_expressions"),
    help="A new column and its formula; a later one can use it. May be repeated.",
)
@click.option(
    "--units",
    multiple=True,
    is_eager=True,
    metavar="NAME=UNITS",
    callback=options.checked("points.calculating.parse_units"),
    help="Units of a new column. May be repeated.",
)
@click.option(
    "--height",
    is_eager=True,
    metavar="NAME",
    help="The new column that other steps take for the file's height.",
)
@click.option(
    "--undo",
    metavar="A,B",
    callback=_together,
    help="Columns that calc made, to be taken away again.",
)
@options.compression
@options.regions
@options.unwanted
def calc(
    file: str | Path,
    outdir: str | Path,
    *,
    expressions: str | Iterable[str] = (),
    units: Mapping[str, str] | Iterable[str] = (),
    height: str | None = None,
    undo: str | Iterable[str] | None = None,
    compression: str = "none",
) -> "Outputs":
    """Write a flat file with new columns, or without some that this step made.

    Parameters
    ----------
    file : str or Path
        A flat file.
    outdir : str or Path
        Folder of the output, which has the name of the file.
    expressions : str or iterable of str
        New columns, such as ``h_cor = h_li - dac``; see `captools.geo.conditions.Formula`.
    units : dict of str to str, or iterable of str
        Units of new columns, by name or as ``NAME=UNITS``. By default those that the
        columns of a sum share.
    height : str, optional
        The new column that becomes the height column of the file.
    undo : str or iterable of str, optional
        Columns to take away, in place of `expressions`.
    compression : {"none", "lzf", "gzip"}
        Of the output.

    Returns
    -------
    Outputs
        The path (a list), with the rows read and written.

    Raises
    ------
    ValueError
        If an argument is wrong.
    InputError
        If the file cannot be used, lacks a column, or has one of the new ones already;
        nothing is written then.
    OutputError
        If the folder cannot be written to.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.points.calculating import Calculation, calculate_file

    request = Calculation.of(expressions, units, height, undo)
    return calculate_file(parse_location(file), local_path(outdir), request, compression)
