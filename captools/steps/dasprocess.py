"""Take records of a fibre through a chain of DASCore's methods, window by window.

Each --do is a method of DASCore's patches with its arguments, as DASCore takes them: numbers,
quantities (10Hz, 0.1s), names; two edges with a comma between them. Windows lie on an absolute grid
of time and run across files. Each is read with as much before and after it as the chain needs,
which is then cut off: windows in a row are what DASCore makes of the whole record, but for lines
that are taken off (detrend) near its ends. What depends on all samples, such as standardize, is
refused without --per-window.

\b
Examples:
  captools dasprocess records/ -o out --do "detrend time" --do "pass_filter time=14,35"
  captools dasprocess records/ -o out --do "pass_filter time=10Hz,40Hz" --do "decimate time=4"
  captools dasprocess records/ -o out --do "standardize time" --per-window --window 15s --to png
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from captools import options
from captools.das.names import SUFFIXES
from captools.io.address import Input, local_path

if TYPE_CHECKING:
    from captools.das.chaining import Asked
    from captools.io.atomic import Outputs

__all__ = ["SUFFIXES"]
KIND = "map"
VERSION = 1


def outputs(name: str, **options: Any) -> list[str]:
    """Return the names of the windows of a task."""
    from captools.das.chaining import output_names

    return output_names(name, options["window"])


def plan(paths: list[str], **options: Any) -> list[Input]:
    """Return runs of windows, and before them the files that are of no use."""
    from captools.das.chaining import chain_inputs
    from captools.das.planning import scanned

    asked = _asked(**options)
    asked.check()
    return chain_inputs(scanned(paths), asked)


def _asked(
    *,
    do: str | Sequence[str],
    time: Iterable[str] | None,
    channels: str | None,
    distance: Iterable[float] | None,
    **rest: Any,
) -> "Asked":
    """Return what the options ask for."""
    from captools.das.chaining import Asked
    from captools.das.choice import Choice

    chain = (do,) if isinstance(do, str) else tuple(do)
    return Asked(chain, choice=Choice.of(time, channels, distance), **rest)


@click.option(
    "--do",
    multiple=True,
    required=True,
    metavar="METHOD...",
    callback=options.added(tuple, each="das.chains.parse_call"),
    help="A method of DASCore's patches with its arguments; repeated ones follow each other.",
)
@click.option(
    "--window",
    default="60s",
    metavar="LENGTH",
    callback=options.checked("das.choice.parse_length"),
    help="How long an output is: 60s, 200ms.",
)
@click.option(
    "--per-window",
    is_flag=True,
    help="Do what depends on all samples to each window by itself.",
)
@click.option(
    "--to",
    type=click.Choice(["dasdae", "zarr", "mseed", "png"]),
    default="dasdae",
    help="What a window is written as.",
)
@click.option(
    "--gaps",
    type=click.Choice(["skip", "fill"]),
    default="skip",
    help="Leave out windows of which samples are missing, or fill these with NaN.",
)
@options.fibre
def dasprocess(
    file: str | Path,
    outdir: str | Path,
    *,
    do: str | Sequence[str],
    window: str = "60s",
    per_window: bool = False,
    to: str = "dasdae",
    gaps: str = "skip",
    time: Iterable[str] | None = None,
    channels: str | None = None,
    distance: Iterable[float] | None = None,
) -> "Outputs":
    """Write windows of records that went through a chain of methods.

    Parameters
    ----------
    file : str or Path
        A record, or a run of windows that `plan` made.
    outdir : str or Path
        Output folder.
    do : str or sequence of str
        Methods of DASCore's patches with their arguments, as ``pass_filter time=14,35``.
    window : str
        How long an output is, as ``60s``.
    per_window : bool
        Do what depends on all samples to each window by itself.
    to : {"dasdae", "zarr", "mseed", "png"}
        What a window is written as.
    gaps : {"skip", "fill"}
        Leave out windows of which samples are missing, or fill these with NaN.
    time : (str, str), optional
        Half-open span, ISO dates, UTC.
    channels : str, optional
        ``A:B:C``: from A (0 is the first one) to before B, each C-th.
    distance : (float, float), optional
        Along the fibre (m), half-open.

    Returns
    -------
    Outputs
        Paths of the windows, which begin with their times.

    Raises
    ------
    ValueError
        If an argument is wrong, or there is no window without a gap.
    MissingExtra
        If a library is missing.
    InputError
        If a file cannot be used, or DASCore refuses its samples.
    OutputError
        If a window cannot be written.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.das.chaining import chain_inputs, write_windows
    from captools.das.scanning import scan

    asked = _asked(
        do=do,
        window=window,
        per_window=per_window,
        to=to,
        gaps=gaps,
        time=time,
        channels=channels,
        distance=distance,
    )
    inputs = [file] if isinstance(file, Input) else chain_inputs(scan([str(file)]), asked)
    return write_windows(inputs, asked, local_path(outdir))
