"""Fetch ICESat-2 ATL06 granules from NASA's archive, as many as are not there yet.

Found by box, time, cycle and track, or named: GRANULE is a name, a path or an
address that ends with one, @list.txt, or - for a list on standard input. Each
is checked as it comes. The same command again goes on where an earlier one ended. Log in with
EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or a netrc file.

\b
Examples:
  captools download -b -120 -100 -80 -74 -t 2019-01-01 2020-01-01 -o granules --dry-run
  captools download -b -120 -100 -80 -74 --cycle 3,4 --release 006 -o granules -n 4
  captools download @names.txt -o granules
"""

import logging
import os
import re
from collections.abc import Generator, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

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
@click.option("--dry-run", is_flag=True, help="Only list the granules with their sizes.")
@options.jobs
@options.timeout
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
    dry_run: bool = False,
    jobs: int | None = None,
    timeout: float | None = None,
    shard: tuple[int, int] | None = None,
    overwrite: bool = False,
    fail_fast: bool = False,
) -> Generator[str, None, int]:
    """Fetch the granules that a search finds, or those of a list, when iterated over.

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
    from captools.archive import catalogue
    from captools.engine.local import local
    from captools.errors import InputError
    from captools.io import earthdata as login
    from captools.io import listing
    from captools.run import inputs
    from captools.run.folders import LocalFolder
    from captools.run.map import Run, run_inputs
    from captools.run.task import Task

    words, outdir = tuple(words), Path(outdir)
    asked = {"bbox": bbox, "span": span, "cycles": cycles, "rgts": rgts, "release": release}
    _check(words, asked)
    names = listing.given(words) if words else []
    catalogue.require_extra()
    if not dry_run and (names or not words):
        login.prepare()
    found = catalogue.look_up(ATL06, names) if words else catalogue.search(ATL06, **asked)
    paths = inputs.share(found, *shard) if shard else found
    if dry_run:
        yield from _listing(paths)
        return 0
    if not paths:
        log.info("no granules: nothing to do")
        return 0
    folder = LocalFolder(outdir)
    fetch = partial(fetch_granule, again=overwrite)
    task = Task(fetch, outputs, folder.absolute(), {}, VERSION, keeps=True)
    with local(jobs) as pool:
        run = Run("download", paths, folder, shard, overwrite, fail_fast, timeout)
        if progress.is_shown():
            return run_inputs(pool, task, run)
        files: list[str] = []
        code = run_inputs(pool, task, run, files)
    yield from files
    if code:
        raise InputError(f"{outdir}: not all granules are there: captools report {outdir} says why")
    return 0


def fetch_granule(address: "Url", outdir: Path, again: bool = False) -> "Outputs":
    """Fetch one granule and return its path; errors as of `captools.archive.fetching.fetch`."""
    from captools.archive.fetching import fetch
    from captools.granules.checking import check_granule

    return fetch(address, outdir, lambda path: check_granule(path, ATL06), again)


def outputs(name: str) -> list[str]:
    """Return the names that the outputs of a granule of this file name can have."""
    return [name]


def _check(words: tuple[str, ...], asked: dict[str, object]) -> None:
    """Raise ValueError if it is not clear which granules are meant."""
    if words and any(asked.values()):
        raise ValueError("granules by name and a search (-b -t --cycle --rgt --release): give one")
    if not words and not any(asked[name] for name in ("bbox", "span", "cycles", "rgts")):
        raise ValueError("which granules? Give -b, -t, --cycle or --rgt, or their names")


def _listing(granules: "list[Url]") -> list[str]:
    """Return a line for each granule, and say how many there are."""
    from captools.archive.catalogue import megabytes

    sizes = [megabytes(granule) for granule in granules]
    log.info("%s, %s MB", counted(len(granules), "granule"), f"{sum(sizes):,.1f}")
    return [
        f"{os.path.basename(granule)}  {size:.1f} MB"
        for granule, size in zip(granules, sizes, strict=True)
    ]
