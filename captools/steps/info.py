"""Say what files are and hold, or, without files, what captools runs on.

Of granules, flat, merged and tiled files, GeoTIFFs, PNGs and other HDF5 files:
product, rows, columns, bounds, CRS, time span, direction, history. Of RINEX files
and arrays of signal strengths: station, receiver, interval, days, codes. Of cubes of
spectra: times, frequencies, channels; of records of a fibre dasinfo says more. A folder is
one summary. Headers are read, the places and times of granules, and RINEX files;
--stats reads all values. Without files: versions, extras, MPI, cores, for bug reports.
Exit code 1 says that a file is bad.

\b
Examples:
  captools info all.h5
  captools info all.h5 --stats
  captools info granules reduced
  captools info reduced --json | jq .rows
  captools info
"""

import json
import logging
from collections.abc import Generator, Iterable

import click

from captools import options

KIND = "query"
log = logging.getLogger(__name__)


@click.argument("words", nargs=-1, metavar="[INPUT]...")
@click.option("--stats", is_flag=True, help="Read all values: their range, and what is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
@options.jobs
@options.timeout
@options.remote
def info(
    words: Iterable[str] = (),
    stats: bool = False,
    as_json: bool = False,
    jobs: int | None = None,
    timeout: float | None = None,
) -> Generator[str, None, int]:
    """Yield lines that describe files, or the installation if there are none.

    Parameters
    ----------
    words : iterable of str
        Inputs as for a map step; a folder is summed up.
    stats : bool
        Read all values, for ranges and for bounds that no header has.
    as_json : bool
        Yield a JSON object for each file, or folder.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    timeout : float, optional
        Seconds after which a file is a bad one.

    Returns
    -------
    generator of str
        At its end it returns the exit code: 1 if a file is bad, else 0.

    Raises
    ------
    ValueError
        If the words name no file.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.description import installation
    from captools.description.survey import Survey, lines

    words = list(words)
    if not words:
        found = installation.installation()
        yield from [json.dumps(found)] if as_json else installation.lines(found)
        return 0
    survey = Survey(words, stats, jobs, timeout)
    for one in survey.descriptions():
        yield from [json.dumps(one.as_json())] if as_json else lines(one)
    return 1 if survey.bad else 0
