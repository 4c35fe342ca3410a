"""Find the files that are damaged, and say what is wrong with them.

All that is in a granule, a flat file, a RINEX file or a cube is read, also what no step asks for: a
download that was cut short and a chunk that was damaged on its way show here.
What steps refuse is bad, also a file that is whole but of no product they know,
and one whose bytes are not those that a step wrote, as the journal beside it says.
Each line says what a file was taken for; bad ones are listed again at the end.
Files may be addresses (s3://, https://). Exit code 1 says that a file is bad.

\b
Examples:
  captools check granules
  captools check granules -n 8 --timeout 60 --failed > bad.txt
  captools check - --failed < bad.txt
"""

import logging
import sys
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options

if TYPE_CHECKING:
    from captools.engine.pool import Pool

KIND = "query"
log = logging.getLogger(__name__)


@options.words
@options.engine
@options.timeout
@click.option("--failed", is_flag=True, help="Print only the bad files, one path per line.")
@options.remote
def check(
    words: Iterable[str],
    jobs: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
    timeout: float | None = None,
    failed: bool = False,
) -> Generator[str, None, int]:
    """Yield for each file a line that says what it is, or what is wrong with it.

    Parameters
    ----------
    words : iterable of str
        Inputs as for a map step.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    engine : {"local", "mpi", "dask"}
        Where the work is done.
    scheduler : str, optional
        Of a dask cluster that runs.
    timeout : float, optional
        Seconds after which a file is a bad one.
    failed : bool
        Yield the paths of the bad files instead.

    Returns
    -------
    generator of str
        At its end it returns the exit code: 1 if a file is bad, else 0.

    Raises
    ------
    ValueError
        If there are no inputs.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.engine import pool_of

    with pool_of(engine, jobs, scheduler) as pool:
        if pool is None:  # a rank of MPI that has worked for the first one, which reads the list
            return 0
        return (yield from _findings(pool, words, timeout, failed))


def _findings(
    pool: "Pool", words: Iterable[str], timeout: float | None, failed: bool
) -> Generator[str, None, int]:
    """Do what `check` does, by a pool."""
    from captools.gnss.names import SUFFIXES
    from captools.io.listing import given
    from captools.run.inspection import inspect, with_digests

    paths = with_digests(given(words, (".h5", *SUFFIXES)))
    if not paths:
        log.info("no inputs: nothing to do")
        return 0
    bad: list[str] = []
    if "tiledb" not in sys.modules:  # in use in a process, it does not bear that this is copied
        pool.begin(len(paths))
    for finding in inspect(check_input, paths, pool, timeout):
        if finding.is_bad:
            bad.append(finding.message)
        if not failed:
            yield finding.message
        elif finding.is_bad:
            log.error("failed: %s", finding.message)
            yield finding.input
    if not failed and len(paths) > 1:  # far above by now; after the counts
        for message in bad:
            log.info("bad: %s", message)
    return 1 if bad else 0


def check_input(path: str, folder: Path | None = None) -> str:
    """Read all of a file or an array, and return what it is; InputError if it is bad.

    Parameters
    ----------
    path : str
        The file, or its address.
    folder : Path, optional
        Where what is fetched from a server is kept meanwhile.
    """
    from captools.das.checking import check_cube
    from captools.das.names import means_cube
    from captools.gnss.checking import check_array, check_rinex
    from captools.gnss.names import is_rinex
    from captools.gnss.sources import means_array
    from captools.granules.checking import check_file
    from captools.io.address import parse_location

    if means_cube(path):
        return check_cube(path)
    if means_array(path):
        return check_array(parse_location(path))
    if is_rinex(path):
        return check_rinex(parse_location(path))
    return check_file(path, folder=folder)
