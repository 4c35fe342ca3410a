"""Write simulated ATL06 granules or RINEX files, as archives deliver them.

The tracks are those of ICESat-2's orbit; the surface is a known function of
place and time (captools.simulation.height), so that whatever is made of the
granules can be checked against the truth. Reference ground tracks are spread
evenly over the repeat cycle; of each come all regions and cycles asked for,
until there are enough granules. Same seed, same bytes.

With --product RINEX the observations of GNSS receivers, a file for each station
and day. The signal strengths are known, too (captools.simulation.signals).

\b
Examples, four tracks across all of Antarctica, the first granule damaged; ten
days of two stations:
  captools simulate -o granules --granules 12 --region 10,11,12 --defect truncated
  captools simulate -o rinex --product RINEX --station P057,NYA1 -t 2024-01-01 2024-01-11
"""

import contextlib
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click

from captools import options
from captools.options import Numbers
from captools.simulation import defects as planted
from captools.simulation.orbit import RGTS

KIND = "query"
PRODUCTS = ("ATL06", "RINEX")
# What goes with one product only, by the name of the argument.
OF_ATL06 = dict(granules="--granules", segments="--segments", regions="--region", cycles="--cycle")
OF_ATL06 |= dict(noise="--noise", bad="--bad", release="--release")
OF_RINEX = dict(stations="--station", span="-t", systems="--system", codes="--code")
OF_RINEX |= dict(interval="--interval", form="--format")
REGIONS = range(1, 15)
CYCLES = range(1, 100)  # two digits in the file name


@options.outdir
@click.option("--product", type=click.Choice(PRODUCTS), default=PRODUCTS[0], help="What to write.")
@click.option("--granules", type=click.IntRange(1), default=12, help="Number of granules.")
@click.option("--segments", type=click.IntRange(1), default=1000, help="Segments per beam, about.")
@click.option(
    "--region",
    "regions",
    type=Numbers("region", REGIONS),
    default=["10,11,12"],
    multiple=True,
    metavar="REGIONS",
    callback=options.numbers,
    help="Granule regions, 1 to 14; 10,11,12 cross Antarctica, 3,4,5 the Arctic.",
)
@click.option(
    "--cycle",
    "cycles",
    type=Numbers("cycle", CYCLES),
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
@click.option("--seed", type=click.IntRange(0), default=0, help="Seed of the random numbers.")
@click.option("--release", default="006", help="Three digits, for names and metadata.")
@click.option(
    "--defect",
    "defects",
    multiple=True,
    type=click.Choice([*dict.fromkeys((*planted.DEFECTS, *planted.RINEX_DEFECTS))]),
    metavar="DEFECT",
    help="Plant a defect; the k-th goes into the k-th file. Of granules: "
    f"{', '.join(planted.DEFECTS)}. Of RINEX: {', '.join(planted.RINEX_DEFECTS)}.",
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
    "--format",
    "form",
    metavar="FORM",
    help="Of RINEX files, as their names end: crx or rnx (RINEX 3, with Hatanaka's compression "
    "or plain) or .gz of them, d or o (the same of RINEX 2) or .gz or .Z.  [default: crx.gz]",
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
    seed: int = 0,
    release: str = "006",
    defects: Iterable[str] = (),
    stations: str | None = None,
    span: tuple[str, str] | None = None,
    systems: str | None = None,
    codes: str | None = None,
    interval: int | None = None,
    form: str | None = None,
) -> list[Path]:
    """Write simulated granules, or RINEX files.

    Parameters
    ----------
    outdir : str or Path
        Output folder; made if it is not there.
    product : {"ATL06", "RINEX"}
        What to write; of the other product no argument may be given.
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
    seed : int
        Seed of the random numbers.
    release : str
        Three digits.
    defects : iterable of str
        The k-th is planted in the k-th file.
    stations : str, optional
        Names with commas between; SIM1 by default.
    span : (start, end), optional
        Half-open; the days of it, by default the first of 2024.
    systems : str, optional
        Letters; GRE by default.
    codes : str, optional
        With commas between; by default all that a system has.
    interval : int, optional
        Seconds between epochs; 30 by default.
    form : str, optional
        One of `captools.simulation.rinex.FORMATS`; crx.gz by default.

    Returns
    -------
    list of Path
        The granules, in the order of track, region and cycle; or the RINEX files, by station
        and day.

    Raises
    ------
    ValueError
        If an argument is wrong; nothing is written then.
    """
    defects = tuple(defects)
    regions, cycles = tuple(regions), tuple(cycles)
    own = {"stations": stations, "span": span, "systems": systems, "codes": codes}
    own |= {"interval": interval, "form": form}
    if product == "RINEX":
        others = {"granules": granules, "segments": segments, "regions": regions, "cycles": cycles}
        _refuse_others(others | {"noise": noise, "bad": bad, "release": release}, OF_ATL06, "ATL06")
        return _written(outdir, _rinex_files(outdir, seed, defects, **own))
    _refuse_others(own, OF_RINEX, "RINEX")
    _check_overpasses(granules, regions, cycles, defects)
    _check_content(segments, noise, bad, seed, release)
    # Imported here: the command line reads this module for its options alone.
    from captools.simulation.granule import write_granule

    per_track = len(regions) * len(cycles)
    tracks = math.ceil(granules / per_track)
    rgts = [1 + number * RGTS // tracks for number in range(tracks)]
    overpasses = itertools.islice(itertools.product(rgts, regions, cycles), granules)
    recipe = {"segments": segments, "noise": noise, "bad": bad, "seed": seed, "release": release}
    return _written(
        outdir,
        [
            partial(
                write_granule,
                *(outdir, rgt, cycle, region),
                **recipe,
                defects=defects[number : number + 1],
            )
            for number, (rgt, region, cycle) in enumerate(overpasses)
        ],
    )


def _rinex_files(
    outdir: str | Path, seed: int, defects: tuple[str, ...], **own: Any
) -> list[Callable[[], Path]]:
    """Return what writes each file of RINEX."""
    from captools.geo.time import days_of
    from captools.simulation.rinex import Recipe, check_stations, write_rinex

    stations = (own["stations"] or "SIM1").upper().split(",")
    check_stations(stations)
    days = days_of(own["span"] or ("2024-01-01", "2024-01-02"))
    wanted = {name: own[name] for name in ("interval", "form") if own[name] is not None}
    if own["systems"] is not None:
        wanted["systems"] = own["systems"].upper()
    if own["codes"] is not None:
        wanted["codes"] = own["codes"].upper().split(",")
    files = list(itertools.product(stations, days))
    _refuse(
        {
            "seed must be at least 0": seed < 0,
            f"more defects than files: {len(defects)}, {len(files)}": len(defects) > len(files),
        }
    )
    recipes = [
        Recipe(seed=seed, defects=defects[number : number + 1], **wanted)
        for number in range(len(files))
    ]
    return [
        partial(write_rinex, outdir, station, day, recipe)
        for (station, day), recipe in zip(files, recipes, strict=True)
    ]


def _written(outdir: str | Path, files: list[Callable[[], Path]]) -> list[Path]:
    """Write files into a folder, and show how far it is."""
    from captools import progress
    from captools.io.atomic import sweep

    try:
        Path(outdir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output folder {outdir}: cannot be made ({error.strerror})") from None
    with contextlib.suppress(FileNotFoundError):
        sweep(Path(outdir))
    return [write() for write in progress.track(files)]


def _refuse_others(given: dict[str, Any], options_of: dict[str, str], product: str) -> None:
    """Raise ValueError if an option is given that is of another product."""
    parameters = inspect.signature(simulate).parameters
    for name, option in options_of.items():
        if given[name] != parameters[name].default:
            raise ValueError(f"{option} goes with --product {product}")


def _check_overpasses(
    granules: int, regions: tuple[int, ...], cycles: tuple[int, ...], defects: tuple[str, ...]
) -> None:
    """Raise ValueError if it is wrong which granules there are to be."""
    most = RGTS * len(set(regions)) * len(set(cycles))
    wrong = {
        f"regions must be within 1 to 14, each once: {regions}": not _distinct(regions, REGIONS),
        f"cycles must be within 1 to 99, each once: {cycles}": not _distinct(cycles, CYCLES),
        f"granules must be 1 to {most} for these regions and cycles": not 1 <= granules <= most,
        f"more defects than granules: {len(defects)}, {granules}": len(defects) > granules,
    }
    _refuse(wrong)
    planted.check(defects)


def _check_content(segments: int, noise: float, bad: float, seed: int, release: str) -> None:
    """Raise ValueError if it is wrong what each granule is to hold."""
    wrong = {
        "segments must be at least 1": segments < 1,
        "noise must be at least 0 m": not 0 <= noise < math.inf,
        "bad must be a share, 0 to 1": not 0 <= bad <= 1,
        "seed must be at least 0": seed < 0,
        f"release must be three digits, not {release!r}": not re.fullmatch("[0-9]{3}", release),
    }
    _refuse(wrong)


def _refuse(wrong: dict[str, bool]) -> None:
    """Raise ValueError with the first message that is true."""
    for message, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(message)


def _distinct(numbers: tuple[int, ...], allowed: range) -> bool:
    """Return whether there are numbers, all allowed and each given once."""
    return 0 < len(numbers) == len(set(numbers) & set(allowed))
