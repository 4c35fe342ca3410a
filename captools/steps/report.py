"""Sum up what became of the inputs of an output folder.

\b
Examples:
  captools report reduced
  captools report reduced --failed > failed.txt

Done again with the same options, a step tries its failed inputs again.
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
    from captools.journal import records

    rows, reasons = [HEADER], []
    for step, outcomes in records(outdir):
        if failed:
            yield from (outcome.input for outcome in outcomes if outcome.status == "failed")
        else:
            outcomes = list(outcomes)
            rows.append(_row(step, outcomes))
            reasons += [f"failed: {outcome.error}" for outcome in outcomes if outcome.error]
    if not failed:
        if len(rows) == 1:
            raise ValueError(f"{outdir}: no journal there, so no step has written to it")
        yield from _table(rows)
        yield from reasons


HEADER = ("step", "inputs", "done", "empty", "failed", "rows in", "rows out", "files", "seconds")


def _row(step: str, outcomes: list) -> tuple[str, ...]:
    """Return the numbers of one step, in the order of `HEADER`."""
    statuses = [outcome.status for outcome in outcomes]
    counts = [len(statuses), *(statuses.count(status) for status in HEADER[2:5])]
    counts += [
        sum(getattr(outcome, f"rows_{way}") for outcome in outcomes) for way in ("in", "out")
    ]
    counts += [sum(len(outcome.outputs) for outcome in outcomes)]
    seconds = sum(outcome.seconds for outcome in outcomes)
    return step, *(f"{count:,}" for count in counts), f"{seconds:,.1f}"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows of text as lines with aligned columns, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        numbers = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *numbers])
