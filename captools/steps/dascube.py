"""Make one cube of spectra of all records of a fibre: time by frequency by channel.

A spectrum per channel and segment, in decibels, in a zarr store (version 3) that xarray opens.
Segments lie on an absolute grid of time and run across files; what is missing is NaN, as are
channels in which nothing changes. The cube is filled region by region: a run that was stopped goes
on, many workers and shards fill one cube, and records that come later make it longer.

\b
Examples:
  captools dascube records/ -o cube.zarr --fmax 100
  captools dascube records/ -o cube.zarr --segment 1s --overlap 0.9 --channels 0:2300 -n 8
  captools dascube records/ -o s3://bucket/cube.zarr --journal here
  captools dascube records/ -o cryo.zarr --like cryocube --fmax 100
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from captools import options
from captools.das.names import SUFFIXES
from captools.io.address import Input, Url, parse_location

if TYPE_CHECKING:
    from captools.das.cubing import Asked
    from captools.io.atomic import Outputs

__all__ = ["SUFFIXES"]
KIND = "map"
VERSION = 1


def outputs(name: str, **options: object) -> list[str]:
    """Return that an input has no output of its own."""
    return []


def plan(paths: list[str], **options: Any) -> list[Input]:
    """Return the regions of the cube, and before them the files that are of no use."""
    from captools.das.cubing import cube_inputs
    from captools.das.planning import output, scanned

    asked = _asked(**options)
    asked.check()
    return cube_inputs(scanned(paths), asked, output())


def has_store(outdir: Path | Url, **options: object) -> bool:
    """Return whether the cube is there."""
    from captools.das.cubestore import CubeStore

    return CubeStore(outdir).root() is not None


def is_filled(region: Input, outdir: Path | Url, **options: object) -> bool:
    """Return whether all that a region wrote is there."""
    from captools.das.cubestore import CubeStore
    from captools.das.evidence import is_whole
    from captools.das.regions import Region

    return not isinstance(region, Region) or is_whole(CubeStore(outdir), region)


def prepare(outdir: Path | Url, **options: object) -> None:
    """Do nothing: each region knows the whole cube, and makes it if it is the first one."""


def _asked(
    *,
    time: Iterable[str] | None,
    channels: str | None,
    distance: Iterable[float] | None,
    **spectra: Any,
) -> "Asked":
    """Return what the options ask for."""
    from captools.das.choice import Choice
    from captools.das.cubing import Asked

    return Asked(**spectra, choice=Choice.of(time, channels, distance))


@click.option(
    "--segment",
    default="1s",
    metavar="LENGTH",
    callback=options.checked("das.choice.parse_length"),
    help="Of what a spectrum is made of: 1s, 200ms.",
)
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.9,
    help="Of one segment and the next, as a part of their length.",
)
@click.option(
    "--fmax",
    type=options.POSITIVE,
    metavar="HZ",
    help="The highest frequency.  [default: all]",
)
@click.option(
    "--taper",
    default="tukey:0.25",
    metavar="NAME",
    callback=options.checked("das.cubing.check_taper"),
    help="Of segments: tukey:SHARE, hann or boxcar.",
)
@click.option(
    "--like",
    type=click.Choice(["cryocube"]),
    help="Make what CryoCube makes: its taper and scale, from the first sample on.",
)
@click.option("--exact", is_flag=True, help="Do not round levels to 1/64 dB.")
@options.fibre
def dascube(
    file: str | Path,
    outdir: str | Path,
    *,
    segment: str = "1s",
    overlap: float = 0.9,
    fmax: float | None = None,
    taper: str = "tukey:0.25",
    like: str | None = None,
    exact: bool = False,
    time: Iterable[str] | None = None,
    channels: str | None = None,
    distance: Iterable[float] | None = None,
) -> "Outputs":
    """Write the spectra of a region of a cube, or of all of a file.

    Parameters
    ----------
    file : str or Path
        A record, or a region that `plan` made.
    outdir : str or Path
        The cube.
    segment : str
        Of what a spectrum is made of, as ``1s`` or ``200ms``.
    overlap : float
        Of one segment and the next, as a part of their length.
    fmax : float, optional
        The highest frequency (Hz); all by default.
    taper : str
        Of segments: ``tukey:SHARE``, ``hann`` or ``boxcar``.
    like : {"cryocube"}, optional
        Make what CryoCube makes: its taper and scale, from the first sample on.
    exact : bool
        Do not round levels to 1/64 dB.
    time : (str, str), optional
        Half-open span, ISO dates, UTC.
    channels : str, optional
        ``A:B:C``: from A (0 is the first one) to before B, each C-th.
    distance : (float, float), optional
        Along the fibre (m), half-open.

    Returns
    -------
    Outputs
        No path, but how many segments the cube has here, and of how many there are samples.

    Raises
    ------
    ValueError
        If an argument is wrong, or there is no segment without a gap.
    MissingExtra
        If a library is missing.
    InputError
        If a file cannot be used.
    OutputError
        If the cube cannot be written to.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.das.cube import fill_cube
    from captools.das.cubing import cube_inputs
    from captools.das.scanning import scan

    location = parse_location(outdir)
    if isinstance(file, Input):
        return fill_cube([file], location)
    asked = _asked(
        segment=segment,
        overlap=overlap,
        fmax=fmax,
        taper=taper,
        like=like,
        exact=exact,
        time=time,
        channels=channels,
        distance=distance,
    )
    return fill_cube(cube_inputs(scan([str(file)]), asked), location)
