"""Keep the rows of flat files that meet conditions.

All conditions must hold. At the end it says how many rows each removed, of those
that the ones before had left. A file of which nothing is left is empty and has
no output. No file is changed in place.

\b
Examples:
  captools filter reduced/ -o good --where "s_li < 1 and snr < 0.02 and is_asc"
  captools filter reduced/ -o good --finite h_li,s_li -b -120 -100 -80 -74
  captools filter reduced/ -o inner -f basins.gpkg --mask-where "NAME = 'G-H'" --buffer -5
  captools filter reduced/ -o good --outliers h_li --cell 1 --window 0.25 --nmad 5

In --where, a comparison with a missing value (NaN) does not hold, except with
!= or after not. --finite drops missing values.
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


@click.option(
    "--where",
    metavar="CONDITION",
    callback=options.checked("geo.conditions.Condition"),
    help="Columns, numbers, + - * / % **, comparisons, and, or, not.",
)
@click.option("--finite", metavar="A,B", help="Columns that must have a value.")
@options.box
@options.extent
@options.span
@options.mask
@click.option(
    "--outliers",
    metavar="COLUMN",
    help="Drop rows that are farther from the median of their cell in space and time than "
    "--nmad scaled median absolute deviations; of `height`, those of the file's height column.",
)
@click.option(
    "--cell",
    type=options.Positive(min=0.01),
    default=3.0,
    metavar="KM",
    help="Width of a cell in x and y.",
)
@click.option(
    "--window",
    type=options.Positive(min=1e-3),
    default=0.5,
    metavar="YEARS",
    help="Length of a cell in time.",
)
@click.option(
    "--nmad", type=options.POSITIVE, default=10.0, metavar="K", help="How far is too far."
)
@click.option(
    "--min-obs",
    type=click.IntRange(min=1),
    default=25,
    metavar="N",
    help="A cell with fewer rows is sparse: it has no outliers.",
)
@click.option(
    "--sparse",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    help="What to do with the rows of sparse cells.",
)
@options.compression
@options.regions
@options.unwanted
def filter(
    file: str | Path,
    outdir: str | Path,
    *,
    where: str | None = None,
    finite: str | Iterable[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    extent: tuple[float, float, float, float] | None = None,
    span: tuple[str | float, str | float] | None = None,
    mask: str | Path | None = None,
    mask_where: str | None = None,
    buffer: float | None = None,
    invert: bool = False,
    outliers: str | None = None,
    cell: float = 3.0,
    window: float = 0.5,
    nmad: float = 10.0,
    min_obs: int = 25,
    sparse: str = "keep",
    compression: str = "none",
) -> "Outputs":
    """Write the rows of a flat file that meet conditions.

    Parameters
    ----------
    file : str or Path
        A flat file.
    outdir : str or Path
        Folder of the output, which has the name of the file.
    where : str, optional
        See `captools.geo.conditions.Condition`.
    finite : str or iterable of str, optional
        Columns that must be finite.
    bbox : (w, e, s, n), optional
        Box in degrees; w > e crosses the antimeridian.
    extent : (xmin, xmax, ymin, ymax), optional
        Box in the units of x and y.
    span : (t0, t1), optional
        Half-open time span (UTC).
    mask : str or Path, optional
        Polygon or raster file of the area to keep; ``FILE:VARIABLE`` or ``FILE:LAYER`` if it
        has several.
    mask_where : str, optional
        Only these polygons of the mask, such as ``NAME = 'G-H'``.
    buffer : float, optional
        Kilometres by which the polygons grow, or shrink if negative.
    invert : bool
        What lies outside the mask is kept.
    outliers : str, optional
        Column whose outliers go, ``height`` for that of heights; see
        `captools.geo.select.far_from_median`.
    cell, window, nmad, min_obs, sparse
        Width (km) and length (years) of a cell, how many scaled MADs are too far, and
        what becomes ({"keep", "drop"}) of cells with fewer rows than `min_obs`.
    compression : {"none", "lzf", "gzip"}
        Of the output.

    Returns
    -------
    Outputs
        The path (a list), empty if no row is left; `removed` counts rows by condition.

    Raises
    ------
    ValueError
        If an argument is wrong.
    InputError
        If the file cannot be used, or lacks a column; nothing is written then.
    OutputError
        If the folder cannot be written to.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.points.filtering import FilterOptions, Outliers, filter_file

    request = FilterOptions(
        where=where,
        finite=finite,
        bbox=bbox,
        extent=extent,
        span=span,
        mask=mask,
        mask_where=mask_where,
        buffer=buffer,
        invert=invert,
        outliers=outliers and Outliers(outliers, cell, window, nmad, min_obs, sparse),
        compression=compression,
    )
    return filter_file(parse_location(file), local_path(outdir), request)
