"""Reduce ICESat-2 ATL06 granules to flat HDF5 files, one per beam.

Keeps the good segments (quality flag 0, |h| < 10 km) inside box, time span and
mask; adds projected x and y, GPS time, decimal year and direction.

\b
Examples:
  captools readatl06 granules/ -o reduced -b -120 -100 -80 -74
  captools readatl06 @list.txt -o reduced -t 2019-01-01 2020-01-01 -n 8
  captools readatl06 '*.h5' -o reduced -v h_li,s_li,atc -f basins.gpkg
"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools.granules.options import ReadOptions
from captools.products import ATL06
from captools.steps.read import reading

if TYPE_CHECKING:
    from captools.io.atomic import Outputs
    from captools.run.inputs import Naming

KIND = "map"
VERSION = 2


def naming(**options: object) -> "Naming":
    """Return what file names of inputs say: those of ATL06."""
    return ATL06


def outputs(name: str, *, by: str | None = None, **options: object) -> list[str]:
    """Return the names that the outputs of a granule of this file name can have.

    With whatever other options: a run that was killed may have had others.
    """
    from captools.granules.reduction import output_names

    return output_names(name, ATL06, by)


def survey(paths: list[str], **options: object) -> None:
    """Refuse flat files before any work."""
    from captools.granules.kinds import check_granules

    check_granules(paths)


@reading(
    lambda said: (ATL06,),
    below=ATL06.group,
    presets=", ".join(ATL06.presets),
    quality={
        "type": click.Choice(["best", "all"]),
        "help": "best: only segments with quality flag 0; all: whatever the flag says.",
    },
    layout="One file per beam, or per granule with columns rgt, cycle, spot (fewer files).",
)
def readatl06(granule: str | Path, outdir: str | Path, **options: object) -> "Outputs":
    """Write the flat files of one granule.

    Parameters
    ----------
    granule : str or Path
        An ATL06 file.
    outdir : str or Path
        Folder of the flat files, made if needed; files there are written over.
    **options
        The fields of `captools.granules.options.ReadOptions`.

    Returns
    -------
    Outputs
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
    from captools.granules.reduction import reduce_granule

    return reduce_granule(granule, outdir, ATL06, "readatl06", ReadOptions(**options))
