"""Reduce ICESat-2 ATL06 granules to flat HDF5 files, one per beam.

Keeps the good segments (quality flag 0, |h| < 10 km) inside box, time span and
mask; adds projected x and y, GPS time, decimal year and direction.

\b
Examples:
  captools readatl06 granules/ -o reduced -b -120 -100 -80 -74
  captools readatl06 @list.txt -o reduced -t 2019-01-01 2020-01-01 -n 8
  captools readatl06 '*.h5' -o reduced -v h_li,s_li,atc -f basins.gpkg
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.products import ATL06

if TYPE_CHECKING:
    from captools.io.atomic import Outputs

KIND = "map"
VERSION = 1
PRODUCT = ATL06


def outputs(name: str, **options: object) -> list[str]:
    """Return the names that the outputs of a granule of this file name can have.

    With whatever options: a run that was killed may have had others.
    """
    from captools.granules.reduction import output_names

    return output_names(name, ATL06)


@options.box
@options.span
@options.variables(ATL06)
@options.crs
@options.mask
@click.option(
    "--quality",
    type=click.Choice(["best", "all"]),
    default="best",
    help="best: only segments with quality flag 0; all: whatever the flag says.",
)
@click.option(
    "--segment-tolerance",
    type=float,
    metavar="M",
    callback=options.checked("geo.select.check_tolerance"),
    help="Drop segments that differ by more than M metres from the height that a "
    "neighbouring segment predicts with its slope over 20 m.",
)
@click.option("--split", is_flag=True, help="Ascending and descending in separate files.")
@click.option("--strict", is_flag=True, help="A missing column fails the granule.")
@click.option(
    "--layout",
    type=click.Choice(["beam", "granule"]),
    default="beam",
    help="One file per beam, or per granule with columns rgt, cycle, spot (fewer files).",
)
@options.dialect
@options.compression
@options.regions
@options.unwanted
def readatl06(
    granule: str | Path,
    outdir: str | Path,
    *,
    bbox: tuple[float, float, float, float] | None = None,
    span: tuple[str | float, str | float] | None = None,
    variables: str | Iterable[str] | None = None,
    crs: str | int = "auto",
    mask: str | Path | None = None,
    quality: str = "best",
    segment_tolerance: float | None = None,
    split: bool = False,
    strict: bool = False,
    dialect: str = "captools",
    compression: str = "none",
    layout: str = "beam",
) -> "Outputs":
    """Write the flat files of one granule.

    Parameters
    ----------
    granule : str or Path
        An ATL06 file.
    outdir : str or Path
        Folder of the flat files, made if needed; files there are written over.
    bbox : (w, e, s, n), optional
        Box in degrees; w > e crosses the antimeridian.
    span : (t0, t1), optional
        Half-open time span (UTC): ISO dates, decimal years, dates, datetimes or datetime64.
    variables : str or iterable of str, optional
        Columns: plain names replace the defaults, ``name=path`` and presets add.
    crs : str, int or pyproj.CRS
        CRS of x and y; ``auto`` is EPSG:3031 in the south, EPSG:3413 in the north.
    mask : str or Path, optional
        Polygon or raster file of the area to keep.
    quality : {"best", "all"}
        Whether the quality flag must be 0.
    segment_tolerance : float, optional
        Metres; see `captools.geo.select.segments_agree`.
    split : bool
        Ascending and descending rows in separate files.
    strict : bool
        A missing column is an error, not a warning.
    dialect : {"captools", "captoolkit"}
        Whose column names to write.
    compression : {"none", "lzf", "gzip"}
        Of the flat files.
    layout : {"beam", "granule"}
        One file per beam, or one per granule with the beams one after another.

    Returns
    -------
    Written
        The paths (a list), with the rows read and kept as attributes.

    Raises
    ------
    ValueError
        If an argument is wrong.
    InputError
        If the granule cannot be used; nothing is written then.
    OutputError
        If the folder cannot be written to.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.granules.options import ReadOptions
    from captools.granules.reduction import reduce_granule

    request = ReadOptions(
        bbox=bbox,
        span=span,
        variables=variables,
        crs=crs,
        mask=mask,
        quality=quality,
        segment_tolerance=segment_tolerance,
        split=split,
        strict=strict,
        dialect=dialect,
        compression=compression,
        layout=layout,
    )
    return reduce_granule(granule, outdir, ATL06, "readatl06", request)
