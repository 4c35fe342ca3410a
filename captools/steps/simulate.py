"""Write simulated ATL06 granules, RINEX files or records of DAS, as archives deliver them.

The tracks are those of ICESat-2's orbit; the surface is a known function of
place and time (captools.simulation.height), so that whatever is made of the
granules can be checked against the truth. Reference ground tracks are spread
evenly over the repeat cycle; of each come all regions and cycles asked for,
until there are enough granules. Same seed, same bytes.

With --product RINEX the observations of GNSS receivers, a file for each station
and day. The signal strengths are known, too (captools.simulation.signals). With
--product DAS the records of a fibre (distributed acoustic sensing), in pieces.
What it feels is known as well (captools.simulation.fibre).

\b
Examples, four tracks across all of Antarctica, the first granule damaged; ten
days of two stations; a minute of a fibre, with a gap after the first piece:
  captools simulate -o granules --granules 12 --region 10,11,12 --defect truncated
  captools simulate -o rinex --product RINEX --station P057,NYA1 -t 2024-01-01 2024-01-11
  captools simulate -o das --product DAS --unequal --defect gap
"""

import contextlib
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from captools import options
from captools.options import Numbers
from captools.simulation import defects as planted

KIND = "query"
# What goes with some products only, by the name of the argument.
OWN = {
    "ATL06": {
        "granules": "--granules",
        "segments": "--segments",
        "regions": "--region",
        "cycles": "--cycle",
        "noise": "--noise",
        "bad": "--bad",
        "clear": "--clear",
        "release": "--release",
    },
    "RINEX": {
        "stations": "--station",
        "span": "-t",
        "systems": "--system",
        "codes": "--code",
        "interval": "--interval",
        "form": "--format",
    },
    "DAS": {
        "span": "-t",
        "seconds": "--seconds",
        "unequal": "--unequal",
        "rate": "--rate",
        "channels": "--channels",
        "dtype": "--dtype",
        "form": "--format",
    },
}


@options.outdir
@click.option("--product", type=click.Choice(tuple(OWN)), default="ATL06", help="What to write.")
@click.option("--granules", type=click.IntRange(1), default=12, help="Number of granules.")
@click.option("--segments", type=click.IntRange(1), default=1000, help="Segments per beam, about.")
@click.option(
    "--region",
    "regions",
    type=Numbers("region", range(1, 15)),
    default=["10,11,12"],
    multiple=True,
    metavar="REGIONS",
    callback=options.numbers,
    help="Granule regions, 1 to 14; 10,11,12 cross Antarctica, 3,4,5 the Arctic.",
)
@click.option(
    "--cycle",
    "cycles",
    type=Numbers("cycle", range(1, 100)),
    default=["1"],
    multiple=True,
    metavar="CYCLES",
    callback=options.numbers,
    help="Repeat cycles of 91 days; the first starts in September 2018.",
)
@click.option(
    "--noise", type=click.FloatRange(0), default=0.1, help="Standard deviation of a height, metres."
)
@click.option(
    "--bad", type=click.FloatRange(0, 1), default=0.1, help="Share of segments flagged as bad."
)
@click.option(
    "--clear", is_flag=True, help="No clouds: segments lie evenly along their tracks, few or many."
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of the random numbers.")
@click.option("--release", default="006", help="Three digits, for names and metadata.")
@click.option(
    "--defect",
    "defects",
    multiple=True,
    type=click.Choice(planted.ALL),
    metavar="DEFECT",
    help="Plant a defect; the k-th goes into the k-th file. Of granules: "
    f"{', '.join(planted.DEFECTS)}. Of RINEX: {', '.join(planted.RINEX_DEFECTS)}. "
    f"Of DAS: {', '.join(planted.DAS_DEFECTS)}.",
)
@click.option(
    "--station",
    "stations",
    multiple=True,
    metavar="NAMES",
    callback=options.commas,
    help="Stations of RINEX files, four characters each.  [default: SIM1]",
)
@options.span
@click.option(
    "--system",
    "systems",
    metavar="LETTERS",
    help="Systems of RINEX files, of GRECJIS.  [default: GRE]",
)
@click.option(
    "--code",
    "codes",
    multiple=True,
    metavar="CODES",
    callback=options.commas,
    help="Codes of RINEX files, as 1C,2W; by default all that a system has.",
)
@click.option(
    "--interval", type=int, metavar="SECONDS", help="Between epochs of RINEX.  [default: 30]"
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="Length of a file of DAS.  [default: 20]",
)
@click.option("--unequal", is_flag=True, help="Let the lengths of files of DAS vary by half.")
@click.option(
    "--rate", type=click.IntRange(100, 100_000), help="Samples of DAS per second.  [default: 200]"
)
@click.option("--channels", type=click.IntRange(1), help="Channels of DAS.  [default: 64]")
@click.option(
    "--dtype",
    type=click.Choice(("int16", "float32")),
    help="Of the samples of DAS.  [default: int16]",
)
@click.option(
    "--format",
    "form",
    metavar="FORM",
    help="Of RINEX files, as their names end: crx or rnx (RINEX 3, with Hatanaka's compression "
    "or plain) or .gz of them, d or o (the same of RINEX 2) or .gz or .Z.  [default: crx.gz]  "
    "Of files of DAS: dasdae, plain (PRODML, as OOI has it), or zarr, a store of all pieces."
    "  [default: plain]",
)
def simulate(
    outdir: str | Path,
    *,
    product: str = "ATL06",
    granules: int = 12,
    segments: int = 1000,
    regions: Iterable[int] = (10, 11, 12),
    cycles: Iterable[int] = (1,),
    noise: float = 0.1,
    bad: float = 0.1,
    clear: bool = False,
    seed: int = 0,
    release: str = "006",
    defects: Iterable[str] = (),
    stations: str | None = None,
    span: tuple[str, str] | None = None,
    systems: str | None = None,
    codes: str | None = None,
    interval: int | None = None,
    seconds: float | None = None,
    unequal: bool = False,
    rate: int | None = None,
    channels: int | None = None,
    dtype: str | None = None,
    form: str | None = None,
) -> list[Path]:
    """Write simulated granules, RINEX files, or records of DAS.

    Parameters
    ----------
    outdir : str or Path
        Output folder; made if it is not there.
    product : {"ATL06", "RINEX", "DAS"}
        What to write; of other products no argument may be given.
    granules : int
        How many in all.
    segments : int
        Segments per beam, less a few; at most as many as the region has.
    regions, cycles : iterable of int
        Granule regions (1 to 14) and repeat cycles (1 to 99).
    noise : float
        Standard deviation of a good height (m).
    bad : float
        Share of segments with a bad quality flag.
    clear : bool
        Whether segments lie evenly along their tracks; by default clouds leave some stretches.
    seed : int
        Seed of the random numbers.
    release : str
        Three digits.
    defects : iterable of str
        The k-th is planted in the k-th file.
    stations : str, optional
        Names with commas between; SIM1 by default.
    span : (start, end), optional
        Half-open, ISO dates; by default the first day of 2024, or a minute of 2021 of a fibre.
    systems : str, optional
        Letters; GRE by default.
    codes : str, optional
        With commas between; by default all that a system has.
    interval : int, optional
        Seconds between epochs; 30 by default.
    seconds : float, optional
        Length of a file; 20 by default.
    unequal : bool
        Let the lengths of files vary by half.
    rate : int, optional
        Samples per second; 200 by default.
    channels : int, optional
        How many; 64 by default.
    dtype : {"int16", "float32"}, optional
        Of the samples; int16 by default.
    form : str, optional
        One of `captools.simulation.rinex.FORMATS`, crx.gz by default; or dasdae, plain or zarr,
        plain by default.

    Returns
    -------
    list of Path
        The granules, in the order of track, region and cycle; the RINEX files, by station and
        day; or the files of a record, in the order of time.

    Raises
    ------
    ValueError
        If an argument is wrong; nothing is written then.
    """
    arguments = locals() | {
        "regions": tuple(regions),
        "cycles": tuple(cycles),
        "defects": tuple(defects),
    }
    _refuse_others(arguments, product)
    own = {name: arguments[name] for name in (*OWN[product], "seed", "defects")}
    return _written(Path(outdir), _files(Path(outdir), product, own))


def _files(folder: Path, product: str, own: dict[str, Any]) -> list[Callable[[], Path]]:
    """Return what writes each file of a product; what is None is as it is by default."""
    own = {name: value for name, value in own.items() if value is not None}
    # Imported here: the command line reads this module for its options alone.
    if product == "RINEX":
        from captools.simulation import stations

        return stations.files(folder, stations.Network(**own))
    if product == "DAS":
        from captools.simulation import das

        return das.files(folder, das.Recipe(**own))
    from captools.simulation import granules

    return granules.files(folder, granules.Campaign(**own))


def _written(outdir: Path, files: list[Callable[[], Path]]) -> list[Path]:
    """Write files into a folder, and show how far it is."""
    from captools import progress
    from captools.io.atomic import sweep

    try:
        outdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output folder {outdir}: cannot be made ({error.strerror})") from None
    with contextlib.suppress(FileNotFoundError):
        sweep(outdir)
    return [write() for write in progress.track(files)]


def _refuse_others(arguments: dict[str, Any], product: str) -> None:
    """Raise ValueError if an option is given that is of other products only."""
    parameters = inspect.signature(simulate).parameters
    for name in {name: None for own in OWN.values() for name in own if name not in OWN[product]}:
        if arguments[name] != parameters[name].default:
            others = [other for other, own in OWN.items() if name in own]
            raise ValueError(f"{OWN[others[0]][name]} goes with --product {' or '.join(others)}")
