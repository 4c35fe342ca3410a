"""Sum up what became of the inputs of an output folder.

\b
Examples:
  captools report reduced
  captools report reduced --failed | captools readatl06 - -o reduced
"""

from collections.abc import Iterator
from pathlib import Path

import click

KIND = "query"


@click.argument("outdir", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--failed", is_flag=True, help="Print the failed inputs, one path per line.")
def report(outdir: Path, failed: bool = False) -> Iterator[str]:
    """Yield the lines of a report on the journals of a folder.

    Parameters
    ----------
    outdir : Path
        The output folder of map steps.
    failed : bool
        Yield the paths of the failed inputs instead.

    Raises
    ------
    ValueError
        If the folder has no journal.
    """
    from captools import journal

    newest = journal.newest_of_all(outdir)
    if not newest:
        raise ValueError(f"{outdir}: no journal there, so no step has written to it")
    for step, outcomes in newest.items():
        if failed:
            yield from (outcome.input for outcome in outcomes if outcome.status == "failed")
        else:
            yield from _lines(step, outcomes)


def _lines(step: str, outcomes: list) -> Iterator[str]:
    """Yield the report on one step."""
    by_status = {status: 0 for status in ("done", "empty", "failed")}
    for outcome in outcomes:
        by_status[outcome.status] += 1
    counts = ", ".join(f"{count} {status}" for status, count in by_status.items())
    rows_in, rows_out = (sum(getattr(o, f"rows_{way}") for o in outcomes) for way in ("in", "out"))
    yield f"{step}: {len(outcomes)} inputs: {counts}"
    yield f"  rows: {rows_in:,} in, {rows_out:,} out"
    yield f"  outputs: {sum(len(outcome.outputs) for outcome in outcomes):,} files"
    yield f"  processor time: {sum(outcome.seconds for outcome in outcomes):.1f} s"
    yield f"  warnings: {sum(len(outcome.warnings) for outcome in outcomes)}"
    for outcome in outcomes:
        if outcome.status == "failed":
            yield f"  failed: {outcome.error}"
