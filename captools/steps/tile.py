"""Cut flat files into squares: one flat file for each.

Every point is core in the one square that holds it (column core), and also in
the files of the squares that it is no farther from than the overlap. Corners
are multiples of the size, or start at XMIN, YMIN of --extent. tiles.geojson is
the index of the folder. Of files that are tiles themselves, the core points
count.

\b
Examples:
  captools tile reduced/ -o tiles -d 100
  captools tile reduced/ -o tiles -d 100 -r 10 -z gzip
  captools tile reduced/ -o tiles -d 50 --extent -1800000 -1000000 -700000 100000
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


def survey(paths: list[str], *, lonlat: object, xy: object, **options: object) -> None:
    """Say before any work what holds for every input."""
    from captools.flat.places import PlaceNames
    from captools.granules.kinds import check_flat
    from captools.points.surveying import check_places

    check_flat(paths)
    check_places(paths, PlaceNames.of(lonlat, xy))


@click.option(
    "-d",
    "size",
    type=float,
    required=True,
    metavar="KM",
    callback=options.checked("geo.grid.check_size"),
    help="Side of a square, kilometres.",
)
@click.option(
    "-r",
    "overlap",
    type=float,
    default=0.0,
    metavar="KM",
    callback=options.checked("geo.grid.check_overlap"),
    help="How far a tile reaches beyond its square, kilometres; at most -d.",
)
@options.extent
@options.common
@options.places
@options.compression
@options.engine
def tile(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    size: float,
    overlap: float = 0.0,
    extent: tuple[float, float, float, float] | None = None,
    common: bool = False,
    union: bool = False,
    xy: str | Iterable[str] | None = None,
    lonlat: str | Iterable[str] | None = None,
    compression: str = "none",
    jobs: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
) -> "Outputs":
    """Write the rows of flat files into one file for each square of a grid.

    Parameters
    ----------
    files : iterable of path
        Flat files with x and y in metres, of one CRS; the rows of a tile come in this order.
    output : path
        The folder to write. One of an earlier call is replaced.
    size : float
        Side of a square, kilometres.
    overlap : float
        How far a tile reaches beyond its square, kilometres, at most `size`.
    extent : tuple of float, optional
        xmin, xmax, ymin, ymax in metres: the grid starts at xmin, ymin, and points outside
        are no core. By default corners are multiples of `size`.
    common : bool
        Keep the columns that all files have, rather than demand that they have the same.
    union : bool
        Keep all columns, with missing values where a file lacks one.
    xy, lonlat : str or two of str, optional
        The columns that are x and y, lon and lat; they get these names.
    compression : {"none", "lzf", "gzip"}
        Of the tiles.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    engine : {"local", "mpi", "dask"}
        Where the work is done.
    scheduler : str, optional
        Of a dask cluster that runs.

    Returns
    -------
    Outputs
        The paths (a list), the index last, with the rows read and written; rows of an
        overlap count each time. Empty if no point lies in any square.

    Raises
    ------
    ValueError
        If an argument is wrong, or the folder holds anything but tiles.
    BadInputs
        If files cannot be used.
    InputError
        If columns or CRS differ, or there is no x and y in metres.
    OutputError
        If the output cannot be written. In any case nothing is left half-written.
    """
    from captools.engine.crew import Crew
    from captools.flat.places import PlaceNames
    from captools.flat.sharing import mode_of
    from captools.points.tiling import TileOptions, tile_files

    names = PlaceNames.of(lonlat, xy)
    wanted = TileOptions(size, overlap, extent, mode_of(common, union), compression, names)
    with Crew(engine, jobs, scheduler, may_copy=True) as crew:
        return tile_files(files, local_path(output), wanted, crew)
