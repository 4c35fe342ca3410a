"""Mean signal strength of a GNSS receiver by day or hour, from RINEX files or an array of them.

Number of values, epochs seen and expected, mean, standard deviation, least and
most, for each system and code, as CSV on standard output or in a file; a name
that ends in .png or .pdf gets a picture. Days and hours are of GPS time. Zeros in
files mean that there is no value: they are counted apart. All ways give the same
numbers to the last bit: --how rinex reads the files one after another, serial
the array, in one process, and parallel whichever is given, by the engine.
--compare goes all three ways, checks that they agree, and says how fast each is.

\b
Examples:
  captools snr rinex
  captools snr station.tdb --system G --code 1C -t 2024-05-01 2024-06-01
  captools snr station.tdb --per hour --by satellite -o hours.parquet
  captools snr station.tdb -o series.png
  captools snr station.tdb rinex --compare -o speed.png
"""

import logging
from collections.abc import Generator, Iterable
from pathlib import Path

import click

from captools import options

KIND = "query"
log = logging.getLogger(__name__)


@options.words
@click.option(
    "--per",
    type=click.Choice(["day", "hour", "file"]),
    default="day",
    help="The period of a row; file is for RINEX inputs.",
)
@options.system
@options.code
@click.option("--by", type=click.Choice(["satellite"]), help="A row for each satellite.")
@click.option("--linear", is_flag=True, help="Also the mean of 10^(x/10), x in dB-Hz.")
@click.option(
    "-t",
    "span",
    nargs=2,
    metavar="T0 T1",
    callback=options.checked("gnss.request.parse_span"),
    help="Time span T0 <= t < T1: ISO dates, GPS time.",
)
@click.option(
    "--how",
    type=click.Choice(["rinex", "serial", "parallel"]),
    help="What is read, and where: see above.  [default: parallel]",
)
@click.option("--compare", is_flag=True, help="Go all three ways: give an array and its files.")
@click.option(
    "-o",
    "output",
    type=options.Here(),
    metavar="OUT",
    callback=options.checked("gnss.table.check_output"),
    help="A file: .csv, .parquet, or .png or .pdf for a picture.",
)
@options.engine
@options.timeout
@options.remote
def snr(
    words: Iterable[str],
    per: str = "day",
    system: str | None = None,
    code: str | Iterable[str] | None = None,
    by: str | None = None,
    linear: bool = False,
    span: tuple[str, str] | None = None,
    how: str | None = None,
    compare: bool = False,
    output: str | Path | None = None,
    jobs: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
    timeout: float | None = None,
) -> Generator[str, None, int]:
    """Yield the lines of a table of statistics, or the path of the file that is written.

    Parameters
    ----------
    words : iterable of str
        RINEX files as for a map step, or an array, or both to choose with `how` or to compare.
    per : {"day", "hour", "file"}
        What each row is of.
    system : str, optional
        Letters of systems, all by default.
    code : str or iterable of str, optional
        Codes such as 1C, with commas between them if it is one text; all by default.
    by : {"satellite"}, optional
        Whether each satellite has rows of its own.
    linear : bool
        Whether to add the mean of 10^(x/10).
    span : (start, end), optional
        Half-open time span, ISO dates in GPS time.
    how : {"rinex", "serial", "parallel"}, optional
        The way; see the help.
    compare : bool
        Go all ways, and yield how fast each is instead.
    output : path, optional
        Write the table or a picture there.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    engine : {"local", "mpi", "dask"}
        Where the work is done.
    scheduler : str, optional
        Of a dask cluster that runs.
    timeout : float, optional
        Seconds after which an input is a bad one.

    Returns
    -------
    generator of str
        At its end it returns the exit code: 1 if an input is bad, else 0.

    Raises
    ------
    ValueError
        If there are no inputs, an option is wrong, or they do not go together.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools import process
    from captools.engine import pool_of
    from captools.gnss import answering, comparing
    from captools.gnss.choice import parse_codes, parse_systems
    from captools.gnss.doing import Doer
    from captools.gnss.request import Request, parse_span
    from captools.gnss.sources import Sources
    from captools.gnss.statistics import Grouping
    from captools.gnss.table import check_output

    request = Request(
        Grouping.of(per, by, linear),
        parse_systems(system),
        parse_codes(code or None),
        parse_span(span) if span else None,
    )
    sources = Sources.of(words)
    if sources.are_none:
        log.info("no inputs: nothing to do")
        return 0
    where = None if output is None else Path(output)
    if where is not None:
        check_output(where)
    source = sources.for_all_ways(how, per) if compare else sources.for_way(how, per)
    with process.interruptible(), pool_of(engine, jobs, scheduler) as pool:
        if pool is None:  # a rank of MPI that has worked for the first one
            return 0
        if compare:
            measured = comparing.compared(pool, sources, request, timeout)
            said = comparing.conditions(measured, sources, request, engine)
            yield from comparing.speeds(measured, said, where)
            return 1 if any(one.way.doer.bad for one in measured) else 0
        doer = Doer(pool if how in (None, "parallel") else None, timeout)
        yield from answering.answered(doer, source, request, where)
    return 1 if doer.bad else 0
