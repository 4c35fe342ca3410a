"""From files and what is asked for to the regions of a cube; no sample is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np

from captools.das.choice import Choice, parse_length
from captools.das.cube import check_same
from captools.das.cubestore import CubeStore
from captools.das.gathering import gather, none_of
from captools.das.layout import CRYOCUBE, DENSITY, LEVELS, Layout, Spectrum
from captools.das.records import SECOND
from captools.das.regions import Region, regions
from captools.das.scanning import Scan
from captools.das.tapers import taper
from captools.das.windows import Grid, Stretch
from captools.errors import CaptoolsError
from captools.io.address import Input, Url
from captools.progress import counted

MOST_ROWS = 100_000_000  # of a cube: more is a gap of years, not a record


@dataclass(frozen=True)
class Asked:
    """What is asked of a cube.

    Attributes
    ----------
    segment : str
        Length of time of a segment, as for `captools.das.choice.parse_length`.
    overlap : float
        Of one segment and the next, as a part of their length.
    fmax : float, optional
        The highest frequency (Hz); all by default.
    taper : str
        As `captools.das.tapers` names it.
    like : {"cryocube"}, optional
        Whose spectra; ours by default.
    exact : bool
        Whether levels are not rounded.
    choice : Choice
        Which part of the records.
    """

    segment: str
    overlap: float
    fmax: float | None = None
    taper: str = "tukey:0.25"
    like: str | None = None
    exact: bool = False
    choice: Choice = field(default_factory=Choice)

    @property
    def hop_ns(self) -> int:
        """From one segment to the next, nanoseconds."""
        return round(parse_length(self.segment) * (1 - Decimal(str(self.overlap))))

    def check(self) -> None:
        """Raise ValueError for what no record can give."""
        check_taper(self.taper)
        if self.hop_ns < 1:
            raise ValueError(f"an overlap of {self.overlap:g} leaves nothing between segments")


def check_taper(words: str) -> None:
    """Raise ValueError if a taper is none."""
    taper(words, 2)


def cube_inputs(found: Scan, asked: Asked, outdir: Path | Url | None = None) -> list[Input]:
    """Return the inputs of a cube: files that are of no use, which fail, and its regions.

    Parameters
    ----------
    found : Scan
        What files are.
    asked : Asked
        What is asked for.
    outdir : Path or Url, optional
        The cube, which may be there.

    Raises
    ------
    ValueError
        If there are no segments, or another cube is there.
    """
    series = gather(found)
    if not series.stretches:
        return [*series.refused]
    return [*series.refused, *cube_regions(series.stretches, asked, outdir)]


def cube_regions(
    stretches: Sequence[Stretch], asked: Asked, outdir: Path | Url | None = None
) -> list[Region]:
    """Return the regions of a cube.

    Parameters
    ----------
    stretches : sequence of Stretch
        All there is of samples, of one rate and number of channels, in the order of time.
    asked : Asked
        What is asked for.
    outdir : Path or Url, optional
        The cube, which may be there.

    Raises
    ------
    ValueError
        If there are no segments, or too many, or they are too short; or another cube is there,
        or a longer one.
    """
    asked.check()
    chosen = [one for stretch in stretches if (one := _inside(stretch, asked.choice.span_ns))]
    layout = _layout(chosen, asked) if chosen else None
    if layout is None:
        raise ValueError(none_of(asked.segment, stretches, asked.choice.time))
    written = set() if outdir is None else _written(CubeStore(outdir), layout)
    return list(regions(layout, chosen, written))


def _written(store: CubeStore, layout: Layout) -> set[int]:
    """Return in which rows of chunks a store has levels; refuse another cube."""
    try:
        there = check_same(store, layout)
    except CaptoolsError as error:
        raise ValueError(str(error)) from None
    if there > layout.rows:
        has = counted(there, "segment")
        raise ValueError(
            f"{store.location}: has {has}, of {layout.rows:,} that are asked for: choose another"
        )
    return store.rows(LEVELS) if there else set()


def _inside(stretch: Stretch, span_ns: tuple[int, int]) -> Stretch | None:
    """Return the part of a stretch within a span of time, None if there is none."""
    start, stop = (int(one) for one in stretch.nearest(np.array(span_ns)))
    portions = tuple(portion for portion, _ in stretch.cut(start, stop))
    return Stretch(portions) if portions else None


def _layout(stretches: Sequence[Stretch], asked: Asked) -> Layout | None:
    """Return the layout of a cube of all segments, None if there are none."""
    record = stretches[0].portions[0].record
    samples = round(parse_length(asked.segment) / (record.step * SECOND))
    if samples < 2:
        raise ValueError(
            f"a segment of {asked.segment} has {samples} samples at {record.rate:g} Hz"
        )
    fmax = record.rate / 2 if asked.fmax is None else asked.fmax
    origin = stretches[0].portions[0].start_ns if asked.like == CRYOCUBE else 0
    inside = [
        there
        for stretch in stretches
        if (there := Grid(asked.hop_ns, samples, origin).within(stretch))
    ]
    if not inside:
        return None
    rows = inside[-1].stop - inside[0].start
    if rows > MOST_ROWS:
        many = counted(rows, "segment")
        raise ValueError(f"a cube of {many}, most of them missing: choose by --time")
    channels = asked.choice.channels_of(record)
    has_distances = not (np.isnan(record.first_distance) or np.isnan(record.spacing))
    return Layout(
        Spectrum(samples, record.step, fmax, asked.taper, asked.like or DENSITY, asked.exact),
        asked.hop_ns,
        origin,
        inside[0].start,
        rows,
        (channels.start, channels.stop, channels.step),
        record.first_distance if has_distances else None,
        record.spacing if has_distances else None,
        record.units,
    )
