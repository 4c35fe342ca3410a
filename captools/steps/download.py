"""Fetch granules from NASA's archive or RINEX files from EarthScope's, those not there yet.

ICESat-2 ATL06, found by box, time, cycle and track, or named: GRANULE is a name, a path or an
address that ends with one, @list.txt, or - for a list on standard input. Each
is checked as it comes. The same command again goes on where an earlier one ended. Log in with
EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or a netrc file.

With --earthscope the daily RINEX files of GNSS stations. The first time it asks, on
a terminal, to log in to EarthScope on a web page; the login is kept, as EarthScope's
own programs keep it, in ~/.earthscope/default/tokens.json.

\b
Examples:
  captools download -b -120 -100 -80 -74 -t 2019-01-01 2020-01-01 -o granules --dry-run
  captools download -b -120 -100 -80 -74 --cycle 3,4 --release 006 -o granules -n 4
  captools download @names.txt -o granules
  captools download --earthscope --station P057,P058 -t 2024-01-01 2024-02-01 -o rinex
"""

import logging
import os
import re
from collections.abc import Generator, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from captools import options
from captools.products import ATL06
from captools.progress import counted

if TYPE_CHECKING:
    from captools.io.address import Url
    from captools.io.atomic import Outputs

KIND = "query"
VERSION = 1
log = logging.getLogger(__name__)


def _check_release(release: str) -> None:
    if not re.fullmatch("[0-9]{3}", release):
        raise ValueError(f"release must be three digits, not {release!r}")


@click.argument("words", nargs=-1, metavar="[GRANULE]...")
@options.outdir
@options.box
@options.span
@click.option(
    "--cycle",
    "cycles",
    type=options.Numbers("cycle", range(1, 100)),
    multiple=True,
    metavar="CYCLES",
    callback=options.numbers,
    help="Repeat cycles, with commas: 3,4.",
)
@click.option(
    "--rgt",
    "rgts",
    type=options.Numbers("track", range(1, 1388)),
    multiple=True,
    metavar="TRACKS",
    callback=options.numbers,
    help="Reference ground tracks.",
)
@click.option(
    "--release",
    metavar="NNN",
    callback=options.checked(_check_release),
    help="Release, three digits; by default the newest.",
)
@click.option("--earthscope", is_flag=True, help="Fetch RINEX files from EarthScope.")
@click.option(
    "--station",
    "stations",
    multiple=True,
    metavar="NAMES",
    callback=options.commas,
    help="Stations at EarthScope, four characters each.",
)
@click.option("--dry-run", is_flag=True, help="Only list the files, granules with their sizes.")
@options.jobs
@options.timeout_of(3600.0)
@options.shard
@options.overwrite
@options.fail_fast
@options.no_fsync
def download(
    outdir: str | Path,
    *,
    words: Iterable[str] = (),
    bbox: tuple[float, float, float, float] | None = None,
    span: tuple[str, str] | None = None,
    cycles: Iterable[int] | None = None,
    rgts: Iterable[int] | None = None,
    release: str | None = None,
    earthscope: bool = False,
    stations: str | None = None,
    dry_run: bool = False,
    jobs: int | None = None,
    timeout: float | None = None,
    shard: tuple[int, int] | None = None,
    overwrite: bool = False,
    fail_fast: bool = False,
) -> Generator[str, None, int]:
    """Fetch the granules that a search finds, those of a list, or RINEX files, when iterated over.

    The journal says what became of each.

    Parameters
    ----------
    outdir : str or Path
        Output folder; made if it is not there.
    words : iterable of str
        In place of a search: file names, paths or addresses of granules, or
        lists of them as for a map step.
    bbox : (w, e, s, n), optional
        Degrees; w > e crosses the antimeridian.
    span : (start, end), optional
        Half-open; ISO dates or decimal years, UTC.
    cycles, rgts : iterable of int, optional
        Repeat cycles and reference ground tracks.
    release : str, optional
        Three digits; the newest by default.
    earthscope : bool
        Fetch the RINEX files of stations and days.
    stations : str, optional
        Names of four characters, with commas between.
    dry_run : bool
        Fetch nothing.
    jobs : int, optional
        Processes.
    timeout : float, optional
        Seconds for a granule.
    shard : (int, int), optional
        Number of the share to fetch (from 0), and of all shares.
    overwrite : bool
        Fetch again what is there.
    fail_fast : bool
        Stop at the first granule that cannot be had.

    Yields
    ------
    str
        Of a dry run, a line for each granule; else the files, which a command line prints itself.

    Returns
    -------
    int
        The exit code.

    Raises
    ------
    ValueError
        If the arguments are wrong usage, or there is no login; nothing was done.
    CaptoolsError
        If the login is refused, the catalogue does not answer, or, without a command line, a
        granule could not be fetched.
    """
    from captools import progress
    from captools.engine.local import local
    from captools.errors import InputError
    from captools.run import inputs
    from captools.run.folders import LocalFolder
    from captools.run.map import Run, run_inputs
    from captools.run.task import Task

    words, outdir = tuple(words), Path(outdir)
    asked = {"bbox": bbox, "span": span, "cycles": cycles, "rgts": rgts, "release": release}
    if earthscope:
        _check_earthscope(words, asked, stations)
        found = _of_earthscope(stations, span, dry_run)
    else:
        _check(words, asked, stations)
        found = _of_nasa(words, asked, dry_run)
    paths = inputs.share(found, *shard) if shard else found
    if dry_run:
        yield from _listing(paths, not earthscope)
        return 0
    if not paths:
        log.info("no files: nothing to do" if earthscope else "no granules: nothing to do")
        return 0
    folder = LocalFolder(outdir)
    fetch = partial(fetch_rinex if earthscope else fetch_granule, again=overwrite)
    task = Task(fetch, outputs, folder.absolute(), {}, VERSION, keeps=True)
    with local(jobs) as pool:
        run = Run("download", paths, folder, shard, overwrite, fail_fast, timeout)
        if progress.is_shown():
            return run_inputs(pool, task, run)
        files: list[str] = []
        code = run_inputs(pool, task, run, files)
    yield from files
    if code:
        what = "files" if earthscope else "granules"
        raise InputError(f"{outdir}: not all {what} are there: captools report {outdir} says why")
    return 0


def _of_nasa(words: tuple[str, ...], asked: dict[str, Any], dry_run: bool) -> "list[Url]":
    """Return the granules that are named or found, and log in."""
    from captools.archive import catalogue
    from captools.io import earthdata as login
    from captools.io import listing

    names = listing.given(words) if words else []
    catalogue.require_extra()
    if not dry_run and (names or not words):
        login.prepare()
    return catalogue.look_up(ATL06, names) if words else catalogue.search(ATL06, **asked)


def _of_earthscope(stations: str, span: tuple[str, str], dry_run: bool) -> "list[Url]":
    """Return the files of stations and days, and log in."""
    from captools.archive import earthscope

    found = earthscope.addresses(stations.split(","), span)
    if not dry_run:
        earthscope.prepare()
    return found


def fetch_granule(address: "Url", outdir: Path, again: bool = False) -> "Outputs":
    """Fetch one granule and return its path; errors as of `captools.archive.fetching.fetch`."""
    from captools.archive.fetching import fetch
    from captools.granules.checking import check_granule

    return fetch(address, outdir, lambda path: check_granule(path, ATL06), again)


def fetch_rinex(address: "Url", outdir: Path, again: bool = False) -> "Outputs":
    """Fetch one RINEX file and return its path; errors as of `captools.archive.fetching.fetch`."""
    from captools.archive.earthscope import EARTHSCOPE
    from captools.archive.fetching import fetch
    from captools.gnss import read_observations

    def check(path: Path) -> int:
        return len(read_observations(path, None, None).time)

    return fetch(address, outdir, check, again, EARTHSCOPE)


def outputs(name: str) -> list[str]:
    """Return the names that the outputs of a file of this name can have."""
    return [name]


def _check_earthscope(words: tuple[str, ...], asked: dict[str, Any], stations: str | None) -> None:
    """Raise ValueError if it is not clear which RINEX files are meant."""
    if words or any(value for name, value in asked.items() if name != "span"):
        raise ValueError("granules (by name, -b --cycle --rgt --release) are not at EarthScope")
    if not stations or not asked["span"]:
        raise ValueError("which files? With --earthscope give --station and -t")
    for station in stations.split(","):
        if not re.fullmatch("[A-Za-z0-9]{4}", station):
            raise ValueError(f"station {station!r}: must be four letters or digits")


def _check(words: tuple[str, ...], asked: dict[str, Any], stations: str | None) -> None:
    """Raise ValueError if it is not clear which granules are meant."""
    if stations:
        raise ValueError("--station goes with --earthscope")
    if words and any(asked.values()):
        raise ValueError("granules by name and a search (-b -t --cycle --rgt --release): give one")
    if not words and not any(asked[name] for name in ("bbox", "span", "cycles", "rgts")):
        raise ValueError("which granules? Give -b, -t, --cycle or --rgt, or their names")


def _listing(files: "list[Url]", sized: bool) -> list[str]:
    """Return a line for each file, with its size if the archive says it, and count them."""
    if not sized:
        log.info("%s", counted(len(files), "file"))
        return [str(address) for address in files]
    from captools.archive.catalogue import megabytes

    sizes = [megabytes(granule) for granule in files]
    log.info("%s, %s MB", counted(len(files), "granule"), f"{sum(sizes):,.1f}")
    return [
        f"{os.path.basename(granule)}  {size:.1f} MB"
        for granule, size in zip(files, sizes, strict=True)
    ]
