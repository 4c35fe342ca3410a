"""Read GNSS signal strengths of RINEX files into one TileDB array, or a flat file each.

RINEX 2, 3 and 4, plain or in Hatanaka's form, packed or not. An OUT that ends in .tdb is an array
of a station, to which files may be added at any time; a file that was changed takes the place of
what it held. Times are GPS time. Zeros, which mean that there is no value, are left out and
counted, and so is what is damaged.

\b
Examples:
  captools readrinex days/ -o p057.tdb
  captools readrinex days/ -o p057.tdb --system GRE --code 1C,2W -n 8
  captools readrinex '2024/*/p057*.Z' -o s3://bucket/p057.tdb --journal here
  captools readrinex days/ -o reduced --code 1C
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.gnss.choice import NUMBERINGS, parse_codes, parse_systems
from captools.gnss.names import SUFFIXES, plain_name
from captools.io.address import Url, is_store, local_path, parse_location

if TYPE_CHECKING:
    from captools.io.atomic import Outputs

__all__ = ["SUFFIXES"]
KIND = "map"
VERSION = 1
FORKS = False  # TileDB would hang in a copy of a process


def outputs(name: str, *, layout: str | None = None, **options: object) -> list[str]:
    """Return the name of a file's flat file; none if all go into an array."""
    return [] if layout == "array" else [f"{plain_name(name)}.h5"]


def plan(
    paths: list[str], *, compression: str = "none", layout: str, **options: object
) -> list[str]:
    """Return the files, none of which is there in two forms."""
    if layout == "array" and compression != "none":
        raise ValueError("-z goes with flat files: an array has a compression of its own")
    found: dict[str, str] = {}
    for path in paths:
        other = found.setdefault(plain_name(path), path)
        if other != path:
            raise ValueError(f"{other} and {path} are of one name: give one of them")
    return paths


def has_store(outdir: Path | Url, *, layout: str, **options: object) -> bool:
    """Return whether the array is there; flat files need none."""
    if layout != "array":
        return True
    from captools.gnss.array import Array

    return Array(outdir).is_whole()


def prepare(outdir: Path | Url, *, layout: str, numbering: str, **options: object) -> None:
    """Make the array."""
    if layout == "array":
        from captools.gnss.array import Array

        Array(outdir).make(numbering)


def _layout_of(outdir: object) -> str:
    return "array" if is_store(str(outdir)) else "files"


def _by_name(context: click.Context, parameter: click.Parameter, layout: str | None) -> str:
    """Return the layout; if it is not given, the output is known by now."""
    return layout or _layout_of(context.params["outdir"])


@options.system
@options.code
@options.s1_as
@click.option(
    "--strict", is_flag=True, help="A file of which something cannot be read is a failed one."
)
@click.option(
    "--numbering",
    type=click.Choice(list(NUMBERINGS)),
    default="earthscope",
    help="How systems are numbered: GPS is 1 in EarthScope's arrays, and 0 in its demonstration's.",
)
@click.option(
    "--layout",
    type=click.Choice(["array", "files"]),
    callback=_by_name,
    help="One array of all files, or a flat file of each; by default an array if OUT ends in .tdb.",
)
@options.compression
def readrinex(
    file: str | Path,
    outdir: str | Path,
    *,
    system: str | None = None,
    code: str | Iterable[str] | None = None,
    s1_as: str = "1C",
    strict: bool = False,
    numbering: str = "earthscope",
    layout: str | None = None,
    compression: str = "none",
) -> "Outputs":
    """Write the signal strengths of a RINEX file into an array, or a flat file.

    Parameters
    ----------
    file : str or Path
        Of RINEX observations.
    outdir : str or Path
        The array, or the folder of the flat file.
    system : str, optional
        Letters of satellite systems; all by default.
    code : str or iterable of str, optional
        Band and attribute of signal strengths, with commas between them if it is one text; all
        by default.
    s1_as : str
        The code of S1 of RINEX 2.
    strict : bool
        Refuse a file of which something cannot be read.
    numbering : {"earthscope", "demo"}
        How systems are numbered.
    layout : {"array", "files"}, optional
        By default an array if `outdir` ends in ``.tdb``.
    compression : {"none", "lzf", "gzip"}
        Of a flat file.

    Returns
    -------
    Outputs
        The path of the flat file (a list of one, or none); `removed` counts by reason the values
        that were left out.

    Raises
    ------
    ValueError
        If an argument is wrong.
    MissingExtra
        If TileDB is missing.
    InputError
        If the file cannot be used, or is of another station than the array; what the array held
        of it is removed then.
    OutputError
        If the output cannot be written to.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.gnss.flattening import flatten
    from captools.gnss.ingest import Wanted, ingest

    wanted = Wanted(parse_systems(system), parse_codes(code), s1_as, strict, VERSION)
    if (layout or _layout_of(outdir)) == "array":
        return ingest(parse_location(file), parse_location(outdir), wanted, numbering)
    return flatten(parse_location(file), local_path(outdir), wanted, numbering, compression)
