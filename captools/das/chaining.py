"""From files and a chain of methods to the files of windows."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from captools import process
from captools.das.applying import check_methods
from captools.das.chains import parse_chain
from captools.das.choice import Choice, parse_length
from captools.das.gathering import check as check_used
from captools.das.gathering import gather, none_of
from captools.das.methods import reach
from captools.das.patching import attributes
from captools.das.processing import Processor, attempt
from captools.das.programs import Program, arrange
from captools.das.reading import Reader
from captools.das.records import SECOND, Record
from captools.das.saving import ENDINGS, encoded, require_for
from captools.das.scanning import Scan
from captools.das.tasks import FILL, SKIP, Tiling, Windows, window_names
from captools.das.windows import Grid
from captools.errors import InputError
from captools.io.address import Input
from captools.io.atomic import Outputs, appearing

ANY_RATE = 1e9  # samples per second, of which every band is one
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What is asked of a chain.

    Attributes
    ----------
    do : tuple of str
        The methods, as for `captools.das.chains.parse_call`.
    window : str
        Length of time of a window, as for `captools.das.choice.parse_length`.
    per_window : bool
        Whether what depends on all samples may be done to a window by itself.
    to : str
        A format of `captools.das.saving`.
    gaps : {"skip", "fill"}
        What becomes of windows of which samples are missing.
    choice : Choice
        Which part of the records.
    """

    do: tuple[str, ...]
    window: str = "60s"
    per_window: bool = False
    to: str = "dasdae"
    gaps: str = SKIP
    choice: Choice = field(default_factory=Choice)

    def check(self) -> None:
        """Raise ValueError for what no record can give, MissingExtra for what is not installed."""
        calls = parse_chain(self.do)
        check_methods(calls)
        require_for(self.to)
        for call in calls:
            reach(call, ANY_RATE, 1)

    def samples(self, record: Record) -> int:
        """Return how many samples a window has.

        Raises
        ------
        ValueError
            If these are too few.
        """
        samples = round(parse_length(self.window) / (record.step * SECOND))
        if samples < 2:
            raise ValueError(
                f"a window of {self.window} has {samples} samples at {record.rate:g} Hz"
            )
        return samples

    def program(self, record: Record) -> Program:
        """Return what is done to windows of records like this one."""
        calls, samples = parse_chain(self.do), self.samples(record)
        found = arrange(calls, record.rate, samples, self.per_window)
        if found.alone and self.gaps == FILL:
            raise ValueError(
                f"--gaps fill: {found.alone[0].text!r} depends on all samples, missing ones too"
            )
        return found


def chain_inputs(found: Scan, asked: Asked) -> list[Input]:
    """Return the inputs of a chain: files that are of no use, which fail, and runs of windows.

    Parameters
    ----------
    found : Scan
        What files are.
    asked : Asked
        What is asked for.

    Raises
    ------
    ValueError
        If DASCore refuses the chain, or there are no windows.
    """
    series = gather(found)
    if not series.stretches:
        return [*series.refused]
    record = series.stretches[0].portions[0].record
    samples, channels = asked.samples(record), asked.choice.channels_of(record)
    program = asked.program(record)
    attempt(program, record, channels, samples)
    _say(program, record, samples)
    grid = Grid(parse_length(asked.window), samples)
    tiling = Tiling(grid, program.halo, asked.gaps, asked.choice.span_ns)
    inputs = tiling.tasks(series.stretches, channels)
    if not inputs:
        raise ValueError(none_of(asked.window, series.stretches, asked.choice.time))
    return [*series.refused, *inputs]


def _say(program: Program, record: Record, window: int) -> None:
    """Say what a user may not expect of the halo."""
    seconds = program.halo.reach * record.step
    if program.slow:
        names = " and ".join(dict.fromkeys(call.name for call in program.slow))
        log.warning(
            "%s: samples far away matter a little, so windows differ from the whole record; "
            "read with %.4g s before and after",
            names,
            seconds,
        )
    elif program.halo.reach > window:
        log.warning(
            "a window is read with %.4g s before and after, more than it has: longer windows "
            "cost less",
            seconds,
        )


def output_names(task: str, window: str) -> list[str]:
    """Return the names of the files that an input may write, by its name, in any format."""
    names = window_names(task, parse_length(window))
    return [name + ending for name in names for ending in ENDINGS.values()]


def write_windows(inputs: Iterable[Input], asked: Asked, outdir: Path) -> Outputs:
    """Write the windows of inputs, and return their paths.

    Raises
    ------
    InputError
        If an input is none, cannot be read, or DASCore refuses it.
    OutputError
        If a file cannot be written.
    """
    require_for(asked.to)
    total = Outputs()
    for item in inputs:
        check_used(item)
        if isinstance(item, Windows):
            _write(item, asked, outdir, total)
    return total


def _write(task: Windows, asked: Asked, outdir: Path, total: Outputs) -> None:
    """Write the windows of a task."""
    windows = [*task.windows()]
    total.rows_in += len(windows)
    wanted = [one for one in windows if one.is_whole or (one.parts and asked.gaps == FILL)]
    if not wanted:
        return
    records = {part.record for window in wanted for part in window.parts}
    # DASCore does not read what is open already: so this comes first.
    said = {record: attributes(record) for record in records}
    program = asked.program(wanted[0].parts[0].record)
    with Reader(task.channels) as reader:
        processor = Processor(program, reader, said)
        for window in wanted:
            process.check()
            path = outdir / f"{window.name}{ENDINGS[asked.to]}"
            try:
                content = encoded(processor(window), asked.to)
            except InputError as error:
                raise InputError(f"{window.name}: {error}") from None
            with appearing(path) as file:
                file.write(content)
            total.append(path)
            total.rows_out += 1
