"""Export flat files to one table for other tools: GeoParquet or CSV.

The ending of the output says which: .parquet, .csv or .csv.gz. GeoParquet holds
the points in the CRS of the files, neighbours together, so that a box is read
without the rest; CSV holds the rows in the order of the file names. What
identifies a file becomes columns: rgt, cycle, spot.

\b
Examples:
  captools export reduced/ -o all.parquet
  captools export reduced/ -o heights.csv.gz -v lon,lat,t_year,h_li
  captools export @list.txt -o all.parquet --common
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from captools import options
from captools.io.address import local_path

if TYPE_CHECKING:
    from captools.io.atomic import Outputs

KIND = "reduce"


def survey(paths: list[str], *, lonlat: object, xy: object, **options: object) -> None:
    """Say before any work what holds for every input."""
    from captools.flat.places import PlaceNames
    from captools.granules.kinds import check_flat
    from captools.points.surveying import check_places

    check_flat(paths)
    check_places(paths, PlaceNames.of(lonlat, xy))


@options.written_columns
@options.common
@options.all_rows
@options.places
def export(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    variables: str | Iterable[str] | None = None,
    common: bool = False,
    union: bool = False,
    all_rows: bool = False,
    xy: str | Iterable[str] | None = None,
    lonlat: str | Iterable[str] | None = None,
) -> "Outputs":
    """Write the rows of flat files into one GeoParquet or CSV file.

    Numbers are written exactly. What stands for no value, NaN or a named fill, becomes null in
    GeoParquet and an empty field in CSV.

    Parameters
    ----------
    files : iterable of path
        Flat files.
    output : path
        The file to write: ``.parquet``, ``.csv`` or ``.csv.gz``.
    variables : str or iterable of str, optional
        Names of columns, with commas between them if it is one text; all by default.
        GeoParquet has its geometry whatever the columns.
    common : bool
        Keep the columns that all files have, rather than demand that they have the same.
    union : bool
        Keep all columns, with missing values where a file lacks one.
    all_rows : bool
        Of tiles, write the rows of their overlaps too; by default core rows only.
    xy, lonlat : str or two of str, optional
        The columns that are x and y, lon and lat; they get these names.

    Returns
    -------
    Outputs
        The path (a list of one), with the rows read and written.

    Raises
    ------
    ValueError
        If the output is of another kind, or no column is named.
    MissingExtra
        If pyarrow is missing.
    BadInputs
        If files cannot be used.
    InputError
        If columns or CRS differ, a column is missing, or the points have no place.
    OutputError
        If the output cannot be written. In any case nothing is left half-written.
    """
    from captools.flat.places import PlaceNames
    from captools.flat.sharing import mode_of
    from captools.points.exporting import ExportOptions, export_files

    names = PlaceNames.of(lonlat, xy)
    wanted = ExportOptions(variables, mode_of(common, union), all_rows, names)
    return export_files(files, local_path(output), wanted)
