"""Export flat files to one table for other tools, GeoParquet or CSV; an array by day.

The ending of the output says which: .parquet, .csv or .csv.gz. GeoParquet holds
the points in the CRS of the files, neighbours together, so that a box is read
without the rest; CSV holds the rows in the order of the file names. What
identifies a file becomes columns: rgt, cycle, spot. With --by, OUT is a folder
of GeoParquet files, one of each cycle or tile; of an array of readrinex (.tdb),
a folder of Parquet files, one of each day.

\b
Examples:
  captools export reduced/ -o all.parquet
  captools export reduced/ -o heights.csv.gz -v lon,lat,t_year,h_li
  captools export @list.txt -o all.parquet --common
  captools export tiles/ -o by_tile/ --by tile
  captools export p057.tdb -o p057/
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.io.address import is_store, local_path, parse_location

if TYPE_CHECKING:
    from captools.io.atomic import Outputs

KIND = "reduce"


def survey(paths: list[str], *, lonlat: object, xy: object, **options: object) -> None:
    """Say before any work what holds for every input."""
    if any(map(is_store, paths)):
        return
    from captools.flat.places import PlaceNames
    from captools.granules.kinds import check_flat
    from captools.points.surveying import check_places

    check_flat(paths)
    check_places(paths, PlaceNames.of(lonlat, xy))


def _array_of(files: list[str], options: dict[str, object]) -> str | None:
    """Return the array that is exported, None if there are but flat files.

    Raises
    ------
    ValueError
        If there is more than the array, or an option is of flat files.
    """
    arrays = [file for file in files if is_store(file)]
    if not arrays:
        return None
    if len(files) > 1:
        raise ValueError(f"{arrays[0]}: an array is exported alone, to a folder of its own")
    if given := [name for name, value in options.items() if value]:
        raise ValueError(f"{given[0]} is of flat files: an array is exported as it is")
    return arrays[0]


@options.written_columns
@click.option(
    "--by",
    type=click.Choice(["cycle", "tile"]),
    help="Write a folder of GeoParquet files, one of each: OUT/cycle=5/part-0.parquet.",
)
@options.common
@options.all_rows
@options.places
@options.engine
def export(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    variables: str | Iterable[str] | None = None,
    by: str | None = None,
    common: bool = False,
    union: bool = False,
    all_rows: bool = False,
    xy: str | Iterable[str] | None = None,
    lonlat: str | Iterable[str] | None = None,
    jobs: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
) -> "Outputs":
    """Write the rows of flat files into one GeoParquet or CSV file, or an array by day.

    Numbers are written exactly. What stands for no value, NaN or a named fill, becomes null in
    GeoParquet and an empty field in CSV.

    Parameters
    ----------
    files : iterable of path
        Flat files; or one array, with which the options do not go.
    output : path
        The file to write: ``.parquet``, ``.csv`` or ``.csv.gz``; with `by` the folder of
        GeoParquet files, of an array that of Parquet files, one of each day.
    variables : str or iterable of str, optional
        Names of columns, with commas between them if it is one text; all by default.
        GeoParquet has its geometry whatever the columns.
    by : {"cycle", "tile"}, optional
        Write a folder of files, one of the files of each cycle, or of each tile, in folders
        that are named by it: readers have it as a column.
    common : bool
        Keep the columns that all files have, rather than demand that they have the same.
    union : bool
        Keep all columns, with missing values where a file lacks one.
    all_rows : bool
        Of tiles, write the rows of their overlaps too; by default core rows only.
    xy, lonlat : str or two of str, optional
        The columns that are x and y, lon and lat; they get these names.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    engine : {"local", "mpi", "dask"}
        Where the work is done.
    scheduler : str, optional
        Of a dask cluster that runs.

    Returns
    -------
    Outputs
        The path (a list of one, of a folder all of its files), with the rows read and written.

    Raises
    ------
    ValueError
        If the output is of another kind, or no column is named.
    MissingExtra
        If pyarrow is missing, or of an array TileDB.
    BadInputs
        If files cannot be used.
    InputError
        If columns or CRS differ, a column is missing, or the points have no place.
    OutputError
        If the output cannot be written. In any case nothing is left half-written.
    """
    from captools.engine.crew import Crew
    from captools.flat.places import PlaceNames
    from captools.flat.sharing import mode_of
    from captools.points.exporting import ExportOptions, export_files

    files = [os.fspath(file) for file in files]
    asked = {
        "variables": variables,
        "by": by,
        "common": common,
        "union": union,
        "all_rows": all_rows,
    }
    if array := _array_of(files, {**asked, "xy": xy, "lonlat": lonlat}):
        from captools.gnss.exporting import export_days

        return export_days(parse_location(array), local_path(output))
    names = PlaceNames.of(lonlat, xy)
    wanted = ExportOptions(variables, mode_of(common, union), all_rows, names, by)
    with Crew(engine, jobs, scheduler, may_copy=True) as crew:
        return export_files(files, local_path(output), wanted, crew)
