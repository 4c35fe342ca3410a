"""ICESat-2 ATL06, land-ice heights: what its granules hold, as data.

Source: ATL06 product data dictionary, releases 001 to 006; the names below did
not change between them.
"""

import re

from captools.products import Column, Product

_BEAMS = ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")

ATL06 = Product(
    name="ATL06",
    beams=_BEAMS,
    segments="land_ice_segments",
    columns=(
        Column("lat", "latitude", "degrees_north", "latitude, WGS 84"),
        Column("lon", "longitude", "degrees_east", "longitude, WGS 84"),
        Column("h_li", "h_li", "m", "land-ice height above the WGS 84 ellipsoid"),
        Column("s_li", "h_li_sigma", "m", "propagated error of h_li"),
        Column("t_dt", "delta_time", "seconds since 2018-01-01", "GPS seconds since the epoch"),
        Column("q_flag", "atl06_quality_summary", "1", "quality summary: 0 best, 1 problem"),
        Column("s_fg", "fit_statistics/signal_selection_source", "1", "signal selection source"),
        Column("snr", "fit_statistics/snr_significance", "1", "probability of a chance signal"),
        Column("h_rb", "fit_statistics/h_robust_sprd", "m", "robust spread of residuals"),
        Column("dac", "geophysical/dac", "m", "dynamic atmospheric correction"),
        Column("f_sn", "geophysical/bsnow_conf", "1", "blowing-snow confidence"),
        Column("dh_fit_dx", "fit_statistics/dh_fit_dx", "1", "along-track surface slope"),
        Column("tide_earth", "geophysical/tide_earth", "m", "solid earth tide"),
        Column("tide_load", "geophysical/tide_load", "m", "ocean load tide"),
        Column("tide_ocean", "geophysical/tide_ocean", "m", "ocean tide"),
        Column("tide_pole", "geophysical/tide_pole", "m", "pole tide"),
    ),
    presets={
        "atc": (
            Column("x_atc", "ground_track/x_atc", "m", "along-track distance from the equator"),
            Column("y_atc", "ground_track/y_atc", "m", "across-track distance from the RGT"),
            Column("segment_id", "segment_id", "1", "number of the 20 m segment along the RGT"),
        ),
        "dem": (
            Column("dem_h", "dem/dem_h", "m", "height of the reference DEM"),
            Column("geoid_h", "dem/geoid_h", "m", "geoid height above the WGS 84 ellipsoid"),
        ),
    },
    name_pattern=re.compile(
        r"ATL06_(?P<start>\d{14})_(?P<rgt>\d{4})(?P<cycle>\d\d)(?P<region>\d\d)"
        r"_(?P<release>\d{3})_(?P<version>\d\d)"
    ),
    epoch_path="ancillary_data/atlas_sdp_gps_epoch",
    epoch=1198800018.0,
    max_height=10_000.0,
    ascending_regions=(1, 2, 3, 12, 13, 14),
    turning_regions=(4, 11),
    southern_regions=(8, 9, 10, 11, 12, 13, 14),
    spots={
        0: dict(zip(_BEAMS, (1, 2, 3, 4, 5, 6), strict=True)),  # backward
        1: dict(zip(_BEAMS, (6, 5, 4, 3, 2, 1), strict=True)),  # forward
    },
)
