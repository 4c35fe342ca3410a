"""Make a picture of each window of the records of a fibre, across files.

A PNG per window, named by the time at which it begins (UTC): 20211101T231115Z.png. Time goes down,
channels go to the right. A pixel is the mean, over its box of time and channels, of decibels of the
envelope of what was filtered; what is missing or dead does not count. Windows begin at whole
multiples of their length since 1970, so that names do not depend on what was asked for.

Limits, the values of black and white, are by default the same for all pictures of a run, so that
these can be compared: percentiles 1 and 99 of 8 windows spread over all records, in whole decibels.
They are found before the work is shared, and are the same for any number of processes and shards;
but records that come later may change them, and then all is drawn anew. Give LO HI for a series
that grows, or to compare several.

Each picture says in its texts what it shows: limits, units, band, channels, start and stop.

\b
Examples:
  captools dasimages records/ -o images --window 15s --band 14 35
  captools dasimages records/ -o images --band 14 35 --limits -20 40 --channels 10000:47500 -n 16
  captools dasimages records/ -o images --band 14 35 --gaps fill --sheet
  captools dasimages records/ -o fk --what fk --band 1 60 --window 1min
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from captools import options
from captools.das.names import SUFFIXES
from captools.io.address import Input, Url, local_path

if TYPE_CHECKING:
    from captools.das.imaging import Asked
    from captools.io.atomic import Outputs

__all__ = ["SUFFIXES"]
KIND = "map"
VERSION = 1
FINISHING = ("sheet",)


def outputs(name: str, *, window: str = "15s", **options: object) -> list[str]:
    """Return the names of the pictures that an input can have."""
    from captools.das.imaging import image_names

    return image_names(name, window)


def plan(paths: list[str], **options: Any) -> list[Input]:
    """Return the runs of windows, and before them the files that are of no use."""
    from captools.das.imaging import image_inputs
    from captools.das.planning import decided, output, scanned

    if options.pop("sheet") and isinstance(output(), Url):
        raise ValueError("a sheet is drawn in a folder of this machine alone")
    asked = _asked(**options)
    asked.check()
    return image_inputs(scanned(paths), asked, decided)


def finish(outdir: Path | Url, *, sheet: bool) -> None:
    """Draw all pictures that are there on one sheet."""
    from captools.das.sheet import draw_sheet

    draw_sheet(local_path(outdir))


def _asked(
    *,
    time: Iterable[str] | None,
    channels: str | None,
    distance: Iterable[float] | None,
    **pictures: Any,
) -> "Asked":
    """Return what the options ask for."""
    from captools.das.choice import Choice
    from captools.das.imaging import Asked
    from captools.das.recipes import Recipe

    window, limits, gaps = (pictures.pop(name) for name in ("window", "limits", "gaps"))
    low, high = pictures.pop("band")
    wide, long = pictures.pop("size")
    recipe = Recipe(low=low, high=high, size=(wide, long), **pictures)
    return Asked(window, recipe, limits, gaps, Choice.of(time, channels, distance))


@click.option(
    "--window",
    default="15s",
    metavar="LENGTH",
    callback=options.checked("das.choice.parse_length"),
    help="Of a picture: 15s, 200ms, 1min.",
)
@click.option(
    "--band",
    nargs=2,
    type=float,
    required=True,
    metavar="LO HI",
    help="Frequencies in hertz; LO 0 is a low-pass, for waterfall and rms.",
)
@click.option("--order", type=click.IntRange(1, 20), default=8, help="Of the Butterworth filter.")
@click.option(
    "--rate",
    type=options.POSITIVE,
    metavar="HZ",
    help="Filtered samples per second, at least.  [default: enough for the band]",
)
@click.option(
    "--common-mode",
    is_flag=True,
    help="Take the median of all channels at each time off first.",
)
@click.option(
    "--what",
    type=click.Choice(["envelope", "waterfall", "rms", "fk"]),
    default="envelope",
    help="Decibels of the envelope; filtered samples themselves; decibels of their root mean "
    "square; power by frequency (upwards) and wavenumber.",
)
@click.option(
    "--size",
    nargs=2,
    type=click.IntRange(1, 20_000),
    default=(128, 128),
    metavar="W H",
    help="Pixels along the fibre, and in time.",
)
@click.option(
    "--limits",
    default="percentile",
    metavar="LO HI|percentile|window",
    callback=options.checked("das.shading.parse_limits"),
    help="Values of black and white: given, of all windows, or of each its least and most.",
)
@click.option(
    "--gaps",
    type=click.Choice(["skip", "fill"]),
    default="skip",
    help="Windows with missing samples have no picture, or one that is transparent there.",
)
@click.option(
    "--sheet",
    is_flag=True,
    help="In the end, draw all pictures of the folder on one, sheet.png, with times; gaps stay. "
    "Each shard does, with those that are there, so that the last one has all.",
)
@options.fibre
def dasimages(
    file: str | Path,
    outdir: str | Path,
    *,
    band: Iterable[float],
    window: str = "15s",
    order: int = 8,
    rate: float | None = None,
    common_mode: bool = False,
    what: str = "envelope",
    size: Iterable[int] = (128, 128),
    limits: str | Iterable[float] = "percentile",
    gaps: str = "skip",
    sheet: bool = False,
    time: Iterable[str] | None = None,
    channels: str | None = None,
    distance: Iterable[float] | None = None,
) -> "Outputs":
    """Write the pictures of a run of windows, or of all of a file.

    Parameters
    ----------
    file : str or Path
        A record, or a run of windows that `plan` made.
    outdir : str or Path
        The folder of the pictures.
    band : (float, float)
        Frequencies (Hz).
    window : str
        Length of a picture, as ``15s`` or ``200ms``.
    order : int
        Of the filter.
    rate : float, optional
        Filtered samples per second, at least; enough for the band by default.
    common_mode : bool
        Take the median of all channels at each time off first.
    what : {"envelope", "waterfall", "rms", "fk"}
        What is drawn.
    size : (int, int)
        Pixels along the fibre, and in time.
    limits : (float, float) or {"percentile", "window"}
        Values of black and white.
    gaps : {"skip", "fill"}
        Whether windows with missing samples have no picture, or one that is transparent there.
    sheet : bool
        Draw, when all inputs are done, all pictures of the folder on one.
    time : (str, str), optional
        Half-open span in which windows lie, ISO dates, UTC.
    channels : str, optional
        ``A:B:C``: from A (0 is the first one) to before B, each C-th.
    distance : (float, float), optional
        Along the fibre (m), half-open.

    Returns
    -------
    Outputs
        The paths of the pictures.

    Raises
    ------
    ValueError
        If an argument is wrong, or there is no window without a gap.
    MissingExtra
        If a library is missing.
    InputError
        If a file cannot be used.
    OutputError
        If a picture cannot be written.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.das.imaging import image_inputs, write_images
    from captools.das.scanning import scan

    asked = _asked(
        band=band,
        window=window,
        order=order,
        rate=rate,
        common_mode=common_mode,
        what=what,
        size=size,
        limits=limits,
        gaps=gaps,
        time=time,
        channels=channels,
        distance=distance,
    )
    inputs = [file] if isinstance(file, Input) else image_inputs(scan([str(file)]), asked)
    return write_images(inputs, asked, local_path(outdir))
