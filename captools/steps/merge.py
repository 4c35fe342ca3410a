"""Merge flat files into one, or into several of equal length.

All inputs must have the same columns and CRS. What identifies a file becomes
columns: rgt, cycle, spot. The rows come in the order of the file names, or of
time. Of tiles, core rows count only.

\b
Examples:
  captools merge reduced/ -o all.h5
  captools merge reduced/ -o all.h5 -m 8 -z gzip
  captools merge @list.txt -o all.h5 --common --sort
  captools merge @list.txt -o heights.h5 -v lon,lat,t_gps,h_li
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.io.address import local_path

if TYPE_CHECKING:
    from captools.io.atomic import Outputs

KIND = "reduce"


def survey(paths: list[str], **options: object) -> None:
    """Refuse granules before any work."""
    from captools.granules.kinds import check_flat

    check_flat(paths)


@click.option(
    "-m",
    "parts",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write N files of nearly equal length: all_00.h5 ... for -o all.h5.",
)
@options.written_columns
@options.common
@options.all_rows
@click.option("--sort", is_flag=True, help="Order the rows by time.")
@options.compression
@options.engine
def merge(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    parts: int | None = None,
    variables: str | Iterable[str] | None = None,
    common: bool = False,
    union: bool = False,
    all_rows: bool = False,
    sort: bool = False,
    compression: str = "none",
    jobs: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
) -> "Outputs":
    """Write the rows of flat files into one, or into several of nearly equal length.

    Parameters
    ----------
    files : iterable of path
        Flat files; their rows come in this order.
    output : path
        The file to write; with `parts`, its name gets a number.
    parts : int, optional
        Into how many files.
    variables : str or iterable of str, optional
        Names of columns to write, with commas between them if it is one text; all by default.
    common : bool
        Keep the columns that all files have, rather than demand that they have the same.
    union : bool
        Keep all columns, with missing values where a file lacks one.
    all_rows : bool
        Of tiles, write the rows of their overlaps too; by default core rows only.
    sort : bool
        Order the rows by time; rows of one time stay in order, those without time come last.
    compression : {"none", "lzf", "gzip"}
        Of the output.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    engine : {"local", "mpi", "dask"}
        Where the work is done.
    scheduler : str, optional
        Of a dask cluster that runs.

    Returns
    -------
    Outputs
        The paths (a list), with the rows read and written.

    Raises
    ------
    BadInputs
        If files cannot be used.
    InputError
        If columns or CRS differ.
    OutputError
        If the output cannot be written. In any case nothing is left half-written.
    """
    from captools.engine.crew import Crew
    from captools.flat.sharing import mode_of
    from captools.points.merging import MergeOptions, merge_files

    mode = mode_of(common, union)
    wanted = MergeOptions(parts, mode, variables, sort, compression, all_rows)
    with Crew(engine, jobs, scheduler, may_copy=True) as crew:
        return merge_files(files, local_path(output), wanted, crew)
