"""Say what records of distributed acoustic sensing (DAS) are, and where they leave gaps.

Formats are those that DASCore reads, and zarr stores with RawData and RawDataTime.
For each rate and set of channels: format, start, end, spacing, units, runs without
a gap, gaps, overlaps, duplicates, jitter. What cannot be read and what is no time
series (spectra, frequency bands, temperatures, a sample every few seconds) is
named with the reason; exit code 1 says that there is some. Nothing is written
beside the data.

\b
Examples:
  captools dasinfo records
  captools dasinfo records --json | jq .gaps
  captools dasinfo records -o out        # the scan is kept in out/_captools
"""

import json
import logging
from collections.abc import Generator, Iterable
from pathlib import Path

import click

from captools import options

KIND = "query"
log = logging.getLogger(__name__)


@options.words
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print a JSON object for each set of channels, and for each file that is refused.",
)
@click.option(
    "-o",
    "outdir",
    type=options.Here(),
    metavar="OUT",
    help="Keep what the files are, for the next scan, in the journal's folder of an output folder.",
)
@options.jobs
@options.timeout
def dasinfo(
    words: Iterable[str],
    as_json: bool = False,
    outdir: str | Path | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
) -> Generator[str, None, int]:
    """Yield lines that describe records.

    Parameters
    ----------
    words : iterable of str
        Inputs as for a map step.
    as_json : bool
        Yield a JSON object for each set of channels and for each file that is refused.
    outdir : str or Path, optional
        Where what the files are is kept.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    timeout : float, optional
        Seconds after which a file is refused.

    Returns
    -------
    generator of str
        At its end it returns the exit code: 1 if a file is refused, else 0.

    Raises
    ------
    ValueError
        If the words name no file.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.das import describing
    from captools.das.names import SUFFIXES
    from captools.das.runs import groups
    from captools.das.scanning import scan
    from captools.io.atomic import check_outputs
    from captools.io.listing import given

    paths = given(words, SUFFIXES)
    if not paths:
        log.info("no inputs: nothing to do")
        return 0
    keep = None if outdir is None else Path(outdir)
    if keep is not None:
        check_outputs([keep], paths)
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"output folder {keep}: cannot be made ({error.strerror})") from None
    found = scan(paths, jobs, timeout, keep)
    for group in groups(found.records):
        yield from [json.dumps(describing.as_json(group))] if as_json else describing.lines(group)
    for one in found.refused:
        log.error("failed: %s: %s", one.path, one.why)
        if as_json:
            yield json.dumps({"path": one.path, "refused": one.why})
    return 1 if found.refused else 0
