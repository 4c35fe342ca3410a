"""Keep the rows of flat files that meet conditions.

All conditions must hold; --where, --finite, -g and -l may be given again, and add
up. At the end it says how many rows each condition removed, of those that the
ones before had left. A file of which nothing is left is empty and has no output.
No file is changed in place.

\b
Examples:
  captools filter reduced/ -o good --where "s_li < 1 and snr < 0.02 and is_asc"
  captools filter reduced/ -o good --finite h_li,s_li -b -120 -100 -80 -74
  captools filter reduced/ -o inner -f basins.gpkg --mask-where "NAME = 'G-H'" --buffer -5
  captools filter reduced/ -o good --outliers h_li --cell 1 --window 0.25 --nmad 5
  captools filter reduced/ -o good --outliers h_li --radius 2 --detrend plane --max-abs 30

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


# How outliers are found; these options are eager, so that they are known when it is checked.
OF_OUTLIERS = ("cell", "radius", "window", "nmad", "max_abs", "detrend", "min_obs", "sparse")


def _of_outliers(context: click.Context, parameter: click.Parameter, column: str | None):
    """Return the column of outliers if all options go together; wrong usage if not."""
    given = {name: context.params.get(name) for name in OF_OUTLIERS}
    if column is not None or any(value is not None for value in given.values()):
        from captools.points.outliers import Outliers

        try:
            Outliers.of(column, **given)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    return column


def survey(paths: list[str], *, outliers: str | None, **asked: object) -> None:
    """Say before any work what holds for every input."""
    from captools.granules.kinds import check_flat
    from captools.points.surveying import survey_filter

    check_flat(paths)
    survey_filter(paths, outliers, asked)


def _all_of(conditions: tuple[str, ...]) -> str:
    """Return the condition that all of these hold."""
    return " and ".join(f"({one})" for one in conditions) if conditions[1:] else conditions[0]


@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    callback=options.added(_all_of, each="geo.conditions.Condition"),
    help="Columns, numbers, + - * / % **, comparisons, and, or, not.",
)
@click.option(
    "--finite",
    multiple=True,
    metavar="COLUMNS",
    callback=options.commas,
    help="Columns that must have a value, with commas between them.",
)
@options.box
@options.extent
@options.span
@options.mask
@click.option(
    "--outliers",
    metavar="COLUMN",
    callback=_of_outliers,
    help="Drop rows that are farther from the median of their cell in space and time than "
    "--nmad scaled median absolute deviations; of `height`, those of the file's height column.",
)
@click.option(
    "--cell",
    type=options.Positive(min=0.01),
    is_eager=True,
    metavar="KM",
    help="Width of a cell in x and y; by default 3, or the radius.",
)
@click.option(
    "--radius",
    type=options.POSITIVE,
    is_eager=True,
    metavar="KM",
    help="Judge the rows of a cell by all rows within this distance of its middle.",
)
@click.option(
    "--window",
    type=options.Positive(min=1e-3),
    is_eager=True,
    metavar="YEARS",
    help="Length of a cell in time; by default 0.5.",
)
@click.option(
    "--nmad",
    type=options.POSITIVE,
    is_eager=True,
    metavar="K",
    help="How far is too far; by default 10.",
)
@click.option(
    "--max-abs",
    type=options.POSITIVE,
    is_eager=True,
    metavar="LIMIT",
    help="What is too far in any case, in the units of the column.",
)
@click.option(
    "--detrend",
    type=click.Choice(["none", "plane", "median"]),
    is_eager=True,
    help="Judge how far rows lie above a plane through their cell, or above the median of the "
    "rows around them: within a ninth of the cell and the eight ninths that touch it.",
)
@click.option(
    "--min-obs",
    type=click.IntRange(min=1),
    is_eager=True,
    metavar="N",
    help="A cell with fewer rows is sparse: it has no outliers; by default 25.",
)
@click.option(
    "--sparse",
    type=click.Choice(["keep", "drop"]),
    is_eager=True,
    help="What to do with the rows of sparse cells; by default keep. CAPToolkit's filtst drops "
    "them.",
)
@options.places
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
    cell: float | None = None,
    radius: float | None = None,
    window: float | None = None,
    nmad: float | None = None,
    max_abs: float | None = None,
    detrend: str | None = None,
    min_obs: int | None = None,
    sparse: str | None = None,
    xy: str | Iterable[str] | None = None,
    lonlat: str | Iterable[str] | None = None,
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
    cell, window : float, optional
        Width (km) and length (years) of a cell; by default 3, or the radius, and 0.5.
    radius : float, optional
        Kilometres from the middle of a cell within which rows count for it.
    nmad, max_abs : float, optional
        How many scaled MADs (by default 10), and how much in any case, are too far.
    detrend : {"none", "plane", "median"}, optional
        The surface that rows are measured from; see `captools.geo.surfaces`.
    min_obs, sparse : int, {"keep", "drop"}, optional
        What becomes (by default, they are kept) of cells with fewer rows (by default 25).
    xy, lonlat : str or two of str, optional
        The columns that are x and y, lon and lat; they get these names.
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
    from captools.points.filtering import FilterOptions, filter_file
    from captools.points.outliers import Outliers

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
        outliers=Outliers.of(
            outliers,
            cell=cell,
            radius=radius,
            window=window,
            nmad=nmad,
            max_abs=max_abs,
            detrend=detrend,
            min_obs=min_obs,
            sparse=sparse,
        ),
        xy=xy,
        lonlat=lonlat,
        compression=compression,
    )
    return filter_file(parse_location(file), local_path(outdir), request)
