"""Give flat files x and y in another projection.

By default from lon and lat, with --xy from two other columns. Points outside the
domain of the projection become NaN and are counted.

\b
Examples:
  captools reproject reduced/ -o utm -p 32633
  captools reproject tutorial/ -o ready
  captools reproject old/ -o new -p 3031 --from 3976 --xy x y
"""

from collections.abc import Iterable
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
VERSION = 2


def naming(**options: object) -> "Naming":
    """Return what file names of inputs say: those of any known product."""
    return KNOWN


def outputs(name: str, **options: object) -> list[str]:
    """Return the name that the output of a file of this name has."""
    return [name]


def survey(
    paths: list[str], *, source: object, xy: object, lonlat: object, **options: object
) -> None:
    """Say before any work what holds for every input."""
    from captools.granules.kinds import check_flat
    from captools.points.reprojecting import Reprojection
    from captools.points.surveying import check_columns

    check_flat(paths)
    request = Reprojection(source=source, xy=xy, lonlat=lonlat)
    check_columns(paths, request.columns, request.place_names)


@options.crs
@click.option(
    "--from",
    "source",
    metavar="CRS",
    callback=options.checked("geo.coords.crs_name"),
    help="CRS of the columns --xy; by default that of the file.",
)
@options.places
@options.compression
@options.regions
@options.unwanted
def reproject(
    file: str | Path,
    outdir: str | Path,
    *,
    crs: str | int = "auto",
    source: str | int | None = None,
    xy: str | Iterable[str] | None = None,
    lonlat: str | Iterable[str] | None = None,
    compression: str = "none",
) -> "Outputs":
    """Write a flat file with new x and y.

    Parameters
    ----------
    file : str or Path
        A flat file.
    outdir : str or Path
        Folder of the output, which has the name of the file.
    crs : str, int or pyproj.CRS
        Of the new x and y; ``auto`` is EPSG:3031 in the south, EPSG:3413 in the north.
    source : str, int or pyproj.CRS, optional
        CRS of the columns `xy` (``x,y`` if none are named), by default that of the file.
    xy : str or two of str, optional
        The columns to start from, by default lon and lat (WGS 84).
    lonlat : str or two of str, optional
        The columns that are lon and lat; they get these names.
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
        If the file cannot be used, or lacks a column; nothing is written then.
    OutputError
        If the folder cannot be written to.
    """
    from captools.points.reprojecting import Reprojection, reproject_file

    request = Reprojection(crs, source, xy, lonlat, compression)
    return reproject_file(parse_location(file), local_path(outdir), request)
