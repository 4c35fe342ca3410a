"""The groups beside ``land_ice_segments`` that sum a beam up, in their own steps along track."""

import numpy as np
from numpy.typing import NDArray

from captools.simulation.land_ice import Columns
from captools.simulation.layout import Blank
from captools.simulation.overpass import Overpass

FAILED = 3
"""Signal selection found no height."""

HISTOGRAM_SEGMENTS = 10
"""Segments to a row of the residual histogram."""

HISTOGRAM_METRES = (
    # from, to, width of the bins (m)
    (-50.0, -20.0, 1.0),
    (-20.0, -10.0, 0.5),
    (-10.0, -4.0, 0.25),
    (-4.0, -2.0, 0.02),
    (-2.0, 2.0, 0.01),
    (2.0, 4.0, 0.02),
    (4.0, 10.0, 0.25),
    (10.0, 20.0, 0.5),
    (20.0, 50.0, 1.0),
)

QUALITY_SEGMENTS = 50
"""Segments to a row of the quality assessment."""


def segment_quality(overpass: Overpass, beam: str, columns: Columns) -> Columns:
    """List every segment that was tried: those with a row, and the one after each burst.

    The latter are lost in the cloud that ended the burst.
    """
    found = columns["segment_id"]
    tried = np.union1d(found, np.minimum(found + 1, overpass.segment_ids[1])).astype(np.int32)
    source = np.full(tried.size, FAILED)
    source[np.searchsorted(tried, found)] = columns["fit_statistics/signal_selection_source"]
    points = overpass.points(beam, tried)
    status = "signal_selection_status/signal_selection_status"
    return {
        "delta_time": points.delta_time,
        "record_number": np.arange(1, tried.size + 1),
        "reference_pt_lat": points.lat,
        "reference_pt_lon": points.lon,
        "segment_id": tried,
        "signal_selection_source": source,
        f"{status}_all": source,
        f"{status}_backup": source,
        f"{status}_confident": source,
    }


def residual_histogram(
    overpass: Overpass, beam: str, columns: Columns
) -> dict[str, NDArray | Blank]:
    """Rows of ten segments each, without counts of photons: a full chunk of them is 30 MB."""
    segment_id = columns["segment_id"]
    row, middle, counts = _rows(segment_id, HISTOGRAM_SEGMENTS)
    points = overpass.points(beam, middle)
    bin_tops = _bin_tops()
    members = np.zeros((middle.size, HISTOGRAM_SEGMENTS), dtype=np.int32)
    members[row, segment_id % HISTOGRAM_SEGMENTS] = segment_id
    return {
        "bckgrd_per_m": np.full(middle.size, 3.0),
        "bin_top_h": bin_tops,
        "count": Blank((middle.size, bin_tops.size)),
        "delta_time": points.delta_time,
        "ds_segment_id": np.arange(1, HISTOGRAM_SEGMENTS + 1),
        "lat_mean": points.lat,
        "lon_mean": points.lon,
        "pulse_count": 56.35 * counts,
        "segment_id_list": members,
        "x_atc_mean": points.x,
    }


def beam_quality(overpass: Overpass, beam: str, columns: Columns) -> Columns:
    """Rows of a kilometre each: shares of the four sources of signal."""
    row, middle, counts = _rows(columns["segment_id"], QUALITY_SEGMENTS)
    points = overpass.points(beam, middle)
    source = columns["fit_statistics/signal_selection_source"]
    shares = {
        f"signal_selection_source_fraction_{kind}": np.bincount(row, source == kind) / counts
        for kind in range(FAILED + 1)
    }
    return {
        "delta_time": points.delta_time,
        "lat_mean": points.lat,
        "lon_mean": points.lon,
        **shares,
    }


def _rows(segment_id: NDArray, size: int) -> tuple[NDArray, NDArray, NDArray]:
    """Group segments into rows of `size` along track.

    Returns
    -------
    row : ndarray, shape (n,)
        Row of each segment.
    middle : ndarray, shape (rows,)
        Mean segment number of each row.
    counts : ndarray, shape (rows,)
        Segments in each row.
    """
    _, row, counts = np.unique(segment_id // size, return_inverse=True, return_counts=True)
    return row, np.bincount(row, segment_id) / counts, counts


def _bin_tops() -> NDArray[np.float64]:
    """Upper edges of the histogram's bins (m), finer towards the surface; shape (748,)."""
    return np.concatenate(
        [
            start + width * np.arange(1, round((end - start) / width) + 1)
            for start, end, width in HISTOGRAM_METRES
        ]
    )
