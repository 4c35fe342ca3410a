"""Write a simulated ATL06 granule."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from captools.io.atomic import temporary_name
from captools.simulation import defects as planted
from captools.simulation import header, schema, summaries
from captools.simulation.hdf5 import set_attributes, write_group
from captools.simulation.land_ice import Columns, land_ice_segments
from captools.simulation.layout import FIXED, ORBIT, PRODUCT, Layout
from captools.simulation.overpass import Overpass
from captools.simulation.sampling import beam_segments, even_segments, pair_segments


@dataclass(frozen=True)
class Recipe:
    """What a granule holds, wherever and whenever it was measured.

    Parameters
    ----------
    segments : int
        Segments per beam, less a few; at most as many as the region has.
    noise : float
        Standard deviation of a good height (m).
    bad : float
        Share of segments with a bad quality flag.
    seed : int
        Every granule of one seed has random numbers of its own.
    release : str
        Three digits.
    defects : collection of str
        Any of `captools.simulation.defects.DEFECTS`.
    clear : bool
        Whether there are no clouds: segments then lie evenly along their tracks.
    layout : Layout
        Storage of the datasets in ``land_ice_segments``.
    """

    segments: int = 1000
    noise: float = 0.1
    bad: float = 0.1
    seed: int = 0
    release: str = "006"
    defects: Collection[str] = ()
    clear: bool = False
    layout: Layout = PRODUCT

    def __post_init__(self) -> None:
        """Raise ValueError if a defect is unknown."""
        planted.check(self.defects)


def write_granule(
    folder: str | os.PathLike[str], rgt: int, cycle: int, region: int, **recipe: Any
) -> Path:
    """Write one granule under the product's name for it; equal arguments give equal bytes.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    rgt, cycle, region : int
        Reference ground track (1 to 1387), repeat cycle (from 1), granule region (1 to 14).
    **recipe
        The fields of `Recipe`.

    Returns
    -------
    Path
        The granule, complete: it is written under another name and then renamed.
    """
    wanted = Recipe(**recipe)
    overpass = Overpass(rgt, cycle, region)
    rng = np.random.default_rng((wanted.seed, rgt, cycle, region))
    beams = _simulate_beams(rng, overpass, wanted)

    path = Path(folder) / header.granule_name(overpass, wanted.release)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(temporary_name(path.name))
    try:
        with h5py.File(part, "w") as file:
            _write_about(file, overpass, beams, wanted.release)
            for beam, columns in beams.items():
                _write_beam(file, overpass, beam, columns, wanted.layout)
            planted.take_away(file, wanted.defects)
        planted.cut(part, wanted.defects)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _simulate_beams(
    rng: np.random.Generator, overpass: Overpass, wanted: Recipe
) -> dict[str, Columns]:
    """Return the segments of every beam; a pair sees the same gaps in the clouds."""
    beams = {}
    for pair in schema.PAIRS:
        ends = overpass.segment_ids
        if wanted.clear:
            in_view = even_segments(*ends, wanted.segments)
        else:
            in_view = pair_segments(rng, *ends, wanted.segments)
        for beam in pair:
            segment_id = beam_segments(rng, in_view)
            beams[beam] = land_ice_segments(
                rng, overpass, beam, segment_id, wanted.noise, wanted.bad
            )
    return beams


def _write_about(
    file: h5py.File, overpass: Overpass, beams: Mapping[str, Columns], release: str
) -> None:
    """Write everything that is about the granule as a whole."""
    set_attributes(file, header.root_attributes(overpass, beams))
    orbit_info = header.orbit_info(overpass)
    ancillary_data = header.ancillary_data(overpass, beams, release)
    passed = {"qa_granule_fail_reason": 0, "qa_granule_pass_fail": 0}
    write_group(file, "orbit_info", schema.ORBIT_INFO, orbit_info, ORBIT)
    write_group(file, "ancillary_data", schema.ANCILLARY_DATA, ancillary_data, FIXED)
    write_group(file, "quality_assessment", schema.GRANULE_QUALITY, passed, FIXED)
    for group, attributes in header.metadata(overpass, release).items():
        set_attributes(file.create_group(f"METADATA/{group}"), attributes)


def _write_beam(
    file: h5py.File, overpass: Overpass, beam: str, columns: Columns, layout: Layout
) -> None:
    """Write a beam's three groups and its part of the quality assessment."""
    set_attributes(file.create_group(beam), header.beam_attributes(overpass, beam))
    histogram = summaries.residual_histogram(overpass, beam, columns)
    tried = summaries.segment_quality(overpass, beam, columns)
    shares = summaries.beam_quality(overpass, beam, columns)
    write_group(file, f"{beam}/land_ice_segments", schema.LAND_ICE_SEGMENTS, columns, layout)
    write_group(file, f"{beam}/residual_histogram", schema.RESIDUAL_HISTOGRAM, histogram, PRODUCT)
    write_group(file, f"{beam}/segment_quality", schema.SEGMENT_QUALITY, tried, PRODUCT)
    write_group(file, f"quality_assessment/{beam}", schema.BEAM_QUALITY, shares, PRODUCT)
