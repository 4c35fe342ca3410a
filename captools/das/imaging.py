"""From files and what is asked for to pictures, window by window."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from captools.das import pngs
from captools.das.choice import Choice, parse_length
from captools.das.describing import utc
from captools.das.gathering import check as check_used
from captools.das.gathering import gather, none_of
from captools.das.picturing import Picture, pictures
from captools.das.pixels import grey
from captools.das.recipes import FK, Recipe
from captools.das.records import SECOND, Record
from captools.das.regions import stamp
from captools.das.scanning import Scan
from captools.das.shading import PERCENTILE, WINDOW, Given, decided, own, parse_limits
from captools.das.tasks import FILL, TASK_NS, Halo, Tiling, Windows, window_names
from captools.das.windows import Grid
from captools.io.address import Input
from captools.io.atomic import Outputs
from captools.progress import counted

log = logging.getLogger(__name__)

TASK_BYTES = 1 << 25  # of samples: a task of few channels is longer than others,
LONGEST_NS = 2 * TASK_NS  # at most so long


@dataclass(frozen=True)
class Asked:
    """What is asked of pictures.

    Attributes
    ----------
    window : str
        Length of time of a picture, as for `captools.das.choice.parse_length`.
    recipe : Recipe
        How windows become pictures.
    limits : str or (float, float)
        Which values are black and white, as for `captools.das.shading.parse_limits`.
    gaps : {"skip", "fill"}
        Whether a window with missing samples has a picture.
    choice : Choice
        Which part of the records.
    """

    window: str
    recipe: Recipe
    limits: Given = PERCENTILE
    gaps: str = "skip"
    choice: Choice = field(default_factory=Choice)

    def check(self) -> None:
        """Raise ValueError for what no record can give."""
        self.recipe.check()
        if self.recipe.what == FK and self.gaps == FILL:
            raise ValueError("fk is of whole windows: fill does not go with it")


def image_inputs(
    found: Scan, asked: Asked, decide: Callable[..., tuple[float, float]] = decided
) -> list[Input]:
    """Return the inputs: files that are of no use, which fail, and runs of windows.

    Parameters
    ----------
    found : Scan
        What files are.
    asked : Asked
        What is asked for.
    decide : callable, optional
        As `captools.das.shading.decided`, which reads samples.

    Raises
    ------
    ValueError
        If there are no windows, or the records have no such band.
    """
    asked.check()
    series = gather(found)
    if not series.stretches:
        return [*series.refused]
    record = series.stretches[0].portions[0].record
    prepared = asked.recipe.prepared(record)
    channels = asked.choice.channels_of(record)
    _check_record(asked, record, channels)
    window_ns = parse_length(asked.window)
    samples = round(window_ns / (record.step * SECOND))
    if samples < 2:
        raise ValueError(f"a window of {asked.window} has {samples} samples at {record.rate:g} Hz")
    longest = max(stretch.samples for stretch in series.stretches)
    if prepared.least_halo >= longest:  # taps of such a length would take minutes to make
        raise ValueError(
            f"the filter reaches {prepared.least_halo * record.step:.3g} s before and after a "
            f"sample, and records have {longest * record.step:.4g} s without a gap at most: "
            "a wider band, or a lower --order"
        )
    if prepared.halo > samples:
        log.warning(
            "warning: the filter reaches %.3g s before and after each window of %.3g s: "
            "longer windows take less",
            *(prepared.halo * record.step, window_ns / SECOND),
        )
    long = [stretch for stretch in series.stretches if stretch.samples > prepared.halo]
    grid, halo = Grid(window_ns, samples), Halo(prepared.halo)
    task_ns = _task_ns(record, channels)
    tiling = Tiling(grid, halo, asked.gaps, asked.choice.span_ns, task_ns)
    runs = tiling.tasks(long, channels)
    if not runs:
        needs = f"; the filter needs {prepared.halo * record.step:.3g} s" if prepared.halo else ""
        raise ValueError(none_of(asked.window, series.stretches, asked.choice.time) + needs)
    touched = replace(tiling, gaps=FILL).numbers(series.stretches)
    if left_out := len(touched - tiling.numbers(long)):
        log.info("%s with missing samples left out", counted(left_out, "window"))
    limits = parse_limits(asked.limits)
    if limits == PERCENTILE:
        limits = decide(runs, asked.recipe)
        log.info(
            "limits of all pictures are %g and %g (%s): --limits %g %g gives the same with others",
            *(*limits, asked.recipe.units(record.units), *limits),
        )
    if limits != WINDOW:
        runs = [run.with_part(limits=[*limits]) for run in runs]
    return [*series.refused, *runs]


def _task_ns(record: Record, channels: range) -> int:
    """Return how long a task is: at its ends, samples are read twice."""
    row_bytes = len(channels) * np.dtype(record.dtype).itemsize
    seconds = round(TASK_BYTES / row_bytes * record.step)  # whole: steps of files differ a trifle
    return int(np.clip(seconds * SECOND, TASK_NS, LONGEST_NS))


def _check_record(asked: Asked, record: Record, channels: range) -> None:
    """Raise ValueError if records have no wavenumbers, where these are asked for."""
    if asked.recipe.what == FK and np.isnan(record.spacing):
        raise ValueError(f"{record.path} has no wavenumbers: it says no distances of channels")
    if asked.recipe.what == FK and len(channels) < 2:
        raise ValueError("one channel has no wavenumbers")


def image_names(name: str, window: str) -> list[str]:
    """Return the names of the pictures that an input can have."""
    return [f"{one}.png" for one in window_names(name, parse_length(window))]


def write_images(inputs: Sequence[Input], asked: Asked, outdir: Path) -> Outputs:
    """Write the pictures of windows.

    Parameters
    ----------
    inputs : sequence of Input
        Runs of windows; one that is none fails.
    asked : Asked
        What is asked for.
    outdir : Path
        The folder.

    Returns
    -------
    Outputs
        The paths of the pictures.

    Raises
    ------
    InputError
        If samples cannot be read.
    FolderError
        If a picture cannot be written.
    """
    total = Outputs()
    for item in inputs:
        check_used(item)
        if not isinstance(item, Windows):
            continue
        described = _described(item, asked)
        for picture in pictures(item, asked.recipe):
            limits = item.part.get("limits") or own(picture.values, asked.recipe)
            path = outdir / f"{stamp(item.grid.time(picture.number))}.png"
            texts = _of_picture(item, picture, limits) | described
            pngs.write(path, grey(picture.values, *limits), texts)
            total.append(path)
            total.rows_out += 1
    return total


def _of_picture(run: Windows, picture: Picture, limits: Sequence[float]) -> dict[str, str]:
    """Return what is written into a picture of itself."""
    start, grid = run.grid.time(picture.number), run.grid
    return {
        "start": utc(start),
        "stop": utc(start + grid.hop_ns),
        "limits": "{:.6g} {:.6g}".format(*limits),
        "samples": f"{grid.samples - picture.missing} of {grid.samples}",
    }


def _described(run: Windows, asked: Asked) -> dict[str, str]:
    """Return what is written into all pictures of a run."""
    recipe, record = asked.recipe, run.stretches()[0].portions[0].record
    prepared = recipe.prepared(record)
    channels = run.channels
    found = {
        "what": recipe.what,
        "units": recipe.units(record.units),
        "shades": "1 is the first limit and below, 255 the second and above, 0 is missing",
        "band": f"{recipe.low:g} {recipe.high:g} Hz",
        "rate": f"{prepared.rate:.10g} Hz",
        "channels": f"{channels.start}:{channels.stop}:{channels.step}",
    }
    if not (np.isnan(record.first_distance) or np.isnan(record.spacing)):
        ends = (record.first_distance + record.spacing * channels[end] for end in (0, -1))
        found["distance"] = "{:.10g} {:.10g} m".format(*ends)
    if recipe.what == FK:
        top = 0.5 / abs(record.spacing * channels.step)
        found |= {"rows": "frequency, upwards", "columns": f"wavenumber {-top:.6g} {top:.6g} 1/m"}
    else:
        found |= {
            "rows": "time, downwards",
            "columns": "channels",
            "filter": f"Butterworth of order {recipe.order}, forwards and backwards",
            "filtered rate": f"{prepared.rate / prepared.step:.10g} Hz",
        }
    return found | {"common mode": "median removed"} if recipe.common_mode else found
