"""What a granule says about itself: attributes, ``orbit_info``, ``ancillary_data``, METADATA."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from captools.simulation import orbit, schema
from captools.simulation.land_ice import Columns
from captools.simulation.overpass import Overpass
from captools.simulation.processing import PROCESSING

VERSION = "01"

UTC_EPOCH = np.datetime64("2018-01-01T00:00:00", "us")
"""Zero of ``delta_time``. No leap second has come since, so that its seconds are those of UTC."""

WEEK_SECONDS = 7 * 86400.0

CONTROL = "Simulated by captools: no control file."


def granule_name(overpass: Overpass, release: str) -> str:
    """File name as the archive gives it, with the time (UTC) at which the region is entered."""
    start = utc(overpass.span[0]).astype("M8[s]").item()
    track = f"{overpass.rgt:04d}{overpass.cycle:02d}{overpass.region:02d}"
    return f"{schema.SHORT_NAME}_{start:%Y%m%d%H%M%S}_{track}_{release}_{VERSION}.h5"


def utc(delta_time: float) -> np.datetime64:
    """Instant of a ``delta_time`` (s since 2018-01-01 UTC), to the microsecond."""
    return UTC_EPOCH + np.timedelta64(round(delta_time * 1e6), "us")


def root_attributes(overpass: Overpass, beams: Mapping[str, Columns]) -> dict[str, Any]:
    """Attributes of the file, with the bounds of all beams."""
    start, end = overpass.span
    lat = _extremes(beams, "latitude")
    lon = _extremes(beams, "longitude")
    return {
        "short_name": schema.SHORT_NAME,
        "level": "L3A",
        "title": "ATLAS/ICESat-2 L3A Land Ice Height (simulated)",
        "description": (
            "Simulated land-ice heights above the WGS 84 ellipsoid (ITRF2014 reference frame), "
            "laid out as in ATL06."
        ),
        "Conventions": "CF-1.6",
        "featureType": "trajectory",
        "granule_type": schema.SHORT_NAME,
        "identifier_product_type": schema.SHORT_NAME,
        "identifier_product_format_version": "4.4",
        "processing_level": "3A",
        "source": "Simulation",
        "history": "Simulated by captools",
        "date_type": "UTC",
        "time_type": "CCSDS UTC-A",
        "time_coverage_start": _stamp(start),
        "time_coverage_end": _stamp(end),
        "time_coverage_duration": end - start,
        "geospatial_lat_min": lat[0],
        "geospatial_lat_max": lat[1],
        "geospatial_lat_units": "degrees_north",
        "geospatial_lon_min": lon[0],
        "geospatial_lon_max": lon[1],
        "geospatial_lon_units": "degrees_east",
    }


def beam_attributes(overpass: Overpass, beam: str) -> dict[str, str]:
    """Attributes of a beam's group."""
    spot = schema.SPOTS[overpass.orientation][beam]
    return {
        "atlas_beam_type": "strong" if spot % 2 else "weak",
        "atlas_pce": schema.PHOTON_COUNTERS[beam[:3]],
        "atlas_spot_number": str(spot),
        "atmosphere_profile": f"profile_{beam[2]}",
        "groundtrack_id": beam,
        "sc_orientation": overpass.orientation,
    }


def orbit_info(overpass: Overpass) -> dict[str, Any]:
    """Values of ``orbit_info``."""
    return {
        "crossing_time": overpass.crossing_time,
        "cycle_number": overpass.cycle,
        "lan": orbit.node_longitude(overpass.rgt),
        "orbit_number": orbit.orbit_number(overpass.rgt, overpass.cycle),
        "rgt": overpass.rgt,
        "sc_orient": overpass.orientation == "Forward",
        "sc_orient_time": orbit.last_yaw_flip(overpass.span[0]),
    }


def ancillary_data(
    overpass: Overpass, beams: Mapping[str, Columns], release: str
) -> dict[str, Any]:
    """Values of ``ancillary_data``: identity, span, and settings of the processing."""
    requested = dict(zip(("start", "end"), overpass.span, strict=True))
    measured = dict(zip(("start", "end"), _extremes(beams, "delta_time"), strict=True))
    segments = dict(zip(("start", "end"), _extremes(beams, "segment_id"), strict=True))
    values = {
        "atlas_sdp_gps_epoch": schema.GPS_EPOCH_SECONDS,
        "control": CONTROL.encode(),
        "release": release.ljust(80).encode(),
        "version": VERSION.ljust(80).encode(),
        **PROCESSING,
    }
    for side in ("start", "end"):
        week, second = divmod(measured[side] + schema.GPS_EPOCH_SECONDS, WEEK_SECONDS)
        values |= {
            f"data_{side}_utc": _stamp(measured[side]).encode(),
            f"granule_{side}_utc": _stamp(requested[side]).encode(),
            f"{side}_cycle": overpass.cycle,
            f"{side}_delta_time": measured[side],
            f"{side}_geoseg": segments[side],
            f"{side}_gpssow": second,
            f"{side}_gpsweek": week,
            f"{side}_orbit": orbit.orbit_number(overpass.rgt, overpass.cycle),
            f"{side}_region": overpass.region,
            f"{side}_rgt": overpass.rgt,
        }
    return values


def metadata(overpass: Overpass, release: str) -> dict[str, dict[str, str]]:
    """Attributes of the groups below METADATA that say what the file is."""
    identity = {"shortName": schema.SHORT_NAME, "VersionID": release, "language": "eng"}
    start, end = overpass.span
    return {
        "AcquisitionInformation/lidar": {"identifier": "ATLAS", "type": "Laser Altimeter"},
        "AcquisitionInformation/platform": {"identifier": "ICESat-2", "type": "Spacecraft"},
        "DatasetIdentification": {**identity, "fileName": granule_name(overpass, release)},
        "Extent": {"rangeBeginningDateTime": _stamp(start), "rangeEndingDateTime": _stamp(end)},
        "SeriesIdentification": identity,
    }


def _extremes(beams: Mapping[str, Columns], path: str) -> tuple[float, float]:
    """Smallest and largest value of a column in all beams."""
    columns = [columns[path] for columns in beams.values()]
    return min(map(np.min, columns)), max(map(np.max, columns))


def _stamp(delta_time: float) -> str:
    """Instant of a ``delta_time`` as text, to the microsecond."""
    return f"{utc(delta_time)}Z"
