"""One flight over one granule region: the points that its beams touch, and when."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from captools.simulation import orbit

SEGMENT_METRES = 20.0
"""Metres along track from one segment to the next."""


class Points(NamedTuple):
    """Points of one beam, each array of one shape."""

    delta_time: NDArray[np.float64]
    """Seconds since 2018-01-01 UTC."""
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    """Degrees, clockwise from north."""
    x: NDArray[np.float64]
    """Metres along the reference track since the equator crossing."""


@dataclass(frozen=True)
class Overpass:
    """The flight along one reference ground track (RGT), in one cycle, over one region."""

    rgt: int
    cycle: int
    region: int

    @property
    def crossing_time(self) -> float:
        """When the orbit starts at the equator (s since 2018-01-01 UTC)."""
        return orbit.crossing_time(self.rgt, self.cycle)

    @property
    def span(self) -> tuple[float, float]:
        """When the satellite enters and leaves the region (s since 2018-01-01 UTC)."""
        start, end = orbit.region_span(self.region)
        return self.crossing_time + start, self.crossing_time + end

    @property
    def orientation(self) -> str:
        """``Forward`` or ``Backward``, as at the start: no granule is in transition here."""
        return "Forward" if orbit.flies_forward(self.span[0]) else "Backward"

    @property
    def segment_ids(self) -> tuple[int, int]:
        """First and last segment of the region, both within."""
        start, end = orbit.along_track_distance(orbit.region_span(self.region)) / SEGMENT_METRES
        return int(np.ceil(start)), int(np.floor(end))

    def points(self, beam: str, segment_id: ArrayLike) -> Points:
        """Locate a beam's segments; fractions of a `segment_id` are places in between."""
        x = SEGMENT_METRES * np.asarray(segment_id, dtype=float)
        t = orbit.along_track_time(x)
        track = orbit.ground_track(self.rgt, t, orbit.BEAM_OFFSETS_METRES[beam])
        lag = orbit.RIGHT_BEAM_LAG_SECONDS if beam.endswith("r") else 0.0
        return Points(self.crossing_time + t + lag, *track, x)
