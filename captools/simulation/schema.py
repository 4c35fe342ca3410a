"""What an ATL06 granule of release 005 or 006 holds, as data: every dataset and fixed attribute.

Names, dtypes, units, long names, flags and fills were read off granules of release 005; release
006 has the same. Only the simulated values live elsewhere.
"""

from dataclasses import dataclass
from typing import Any

from captools.simulation.layout import COMPRESSED_ORBIT, FIXED, Layout

SHORT_NAME = "ATL06"
GPS_EPOCH_SECONDS = 1198800018.0
"""Zero of ``delta_time``, 2018-01-01 UTC, in GPS seconds since 1980-01-06."""

FILL_F4 = 3.4028234663852886e38  # the largest of each float type
FILL_F8 = 1.7976931348623157e308
FILL_I1 = 127
FILL_I4 = 2147483647

PAIRS = (("gt1l", "gt1r"), ("gt2l", "gt2r"), ("gt3l", "gt3r"))
BEAMS = tuple(beam for pair in PAIRS for beam in pair)

SPOTS = {
    "Forward": dict(zip(BEAMS, (6, 5, 4, 3, 2, 1), strict=True)),
    "Backward": dict(zip(BEAMS, (1, 2, 3, 4, 5, 6), strict=True)),
}
"""Spot of each beam by the spacecraft's orientation; odd spots are strong."""

PHOTON_COUNTERS = {"gt1": "pce3", "gt2": "pce2", "gt3": "pce1"}


@dataclass(frozen=True)
class Variable:
    """One dataset: path below its group, numpy dtype, attributes, and storage where unusual."""

    path: str
    dtype: str
    units: str
    long_name: str
    fill: float | None = None
    flags: str = ""
    first_flag: int = 0
    storage: Layout | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """HDF5 attributes, of the types that the product has (numbers in the dataset's own)."""
        found: dict[str, Any] = {"units": self.units, "long_name": self.long_name}
        if self.path in DESCRIPTIONS:
            found["description"] = DESCRIPTIONS[self.path]
        if self.fill is not None:
            found["_FillValue"] = self.fill
        if self.flags:
            meanings = self.flags.split()
            found["flag_meanings"] = self.flags
            found["flag_values"] = range(self.first_flag, self.first_flag + len(meanings))
        return found


DESCRIPTIONS = {"geophysical/tide_earth": "Solid earth tide in the tide-free system."}

LAND_ICE_SEGMENTS = (
    Variable(
        "atl06_quality_summary",
        "i1",
        "1",
        "ATL06_Quality_Summary",
        flags="best_quality potential_problem",
    ),
    Variable(
        "bias_correction/fpb_mean_corr",
        "f4",
        "meters",
        "first photon bias mean correction",
        FILL_F4,
    ),
    Variable("bias_correction/fpb_mean_corr_sigma", "f4", "meters", "fpb mean corr sigma", FILL_F4),
    Variable("bias_correction/fpb_med_corr", "f4", "meters", "fpb median corr", FILL_F4),
    Variable(
        "bias_correction/fpb_med_corr_sigma", "f4", "meters", "fpb median corr sigma", FILL_F4
    ),
    Variable("bias_correction/fpb_n_corr", "f4", "counts", "fpb number photons corr", FILL_F4),
    Variable("bias_correction/med_r_fit", "f4", "meters", "mean median residual", FILL_F4),
    Variable("bias_correction/tx_mean_corr", "f4", "meters", "tx shape mean correction", FILL_F4),
    Variable("bias_correction/tx_med_corr", "f4", "meters", "tx shape median correction", FILL_F4),
    Variable("delta_time", "f8", "seconds since 2018-01-01", "Elapsed GPS seconds"),
    Variable(
        "dem/dem_flag", "i1", "1", "DEM Source Flag", flags="none arctic global mss antarctic"
    ),
    Variable("dem/dem_h", "f4", "meters", "DEM Height", FILL_F4),
    Variable("dem/geoid_free2mean", "f4", "meters", "Geoid Free-to-Mean conversion", FILL_F4),
    Variable("dem/geoid_h", "f4", "meters", "Geoid Height", FILL_F4),
    Variable("fit_statistics/dh_fit_dx", "f4", "meters/meters", "Along Track Slope", FILL_F4),
    Variable(
        "fit_statistics/dh_fit_dx_sigma",
        "f4",
        "meters/meters",
        "Sigma of Along Track Slope",
        FILL_F4,
    ),
    Variable("fit_statistics/dh_fit_dy", "f4", "meters/meters", "Across Track Slope", FILL_F4),
    Variable("fit_statistics/h_expected_rms", "f4", "meters", "Expected RMS misfit", FILL_F4),
    Variable("fit_statistics/h_mean", "f4", "meters", "Height Mean", FILL_F4),
    Variable("fit_statistics/h_rms_misfit", "f4", "meters", "RMS Misfit", FILL_F4),
    Variable("fit_statistics/h_robust_sprd", "f4", "meters", "Robust Spread", FILL_F4),
    Variable("fit_statistics/n_fit_photons", "i4", "1", "Number of Photons in Fit", FILL_I4),
    Variable(
        "fit_statistics/n_seg_pulses", "f4", "counts", "Number potential segment pulses", FILL_F4
    ),
    Variable("fit_statistics/sigma_h_mean", "f4", "meters", "Height Error", FILL_F4),
    Variable(
        "fit_statistics/signal_selection_source",
        "i1",
        "1",
        "Signal Selection Source",
        flags="succeeded_using_pe succeeded_using_flagged_pe succeeded_using_backup failed",
    ),
    Variable(
        "fit_statistics/signal_selection_source_status", "i1", "1", "Signal Selection Source Status"
    ),
    Variable("fit_statistics/snr", "f4", "1", "SNR", FILL_F4),
    Variable("fit_statistics/snr_significance", "f4", "1", "SNR Significance", FILL_F4),
    Variable(
        "fit_statistics/w_surface_window_final", "f4", "meters", "Surface Window Width", FILL_F4
    ),
    Variable("geophysical/bckgrd", "f4", "hz", "Background count rate", FILL_F4),
    Variable("geophysical/bsnow_conf", "i1", "1", "Blowing Snow confidence", FILL_I1),
    Variable("geophysical/bsnow_h", "f4", "meters", "Blowing Snow Layer Top Height", FILL_F4),
    Variable("geophysical/bsnow_od", "f4", "1", "Blowing snow OD", FILL_F4),
    Variable(
        "geophysical/cloud_flg_asr",
        "i1",
        "1",
        "Cloud Flag ASR",
        FILL_I1,
        flags="clear_with_high_confidence clear_with_medium_confidence clear_with_low_confidence "
        "cloudy_with_low_confidence cloudy_with_medium_confidence cloudy_with_high_confidence",
    ),
    Variable("geophysical/cloud_flg_atm", "i1", "1", "Cloud Flag ATM", FILL_I1),
    Variable("geophysical/dac", "f4", "meters", "Dynamic Atmosphere Correction", FILL_F4),
    Variable("geophysical/e_bckgrd", "f4", "hz", "Expected background count rate", FILL_F4),
    Variable(
        "geophysical/layer_flag",
        "i1",
        "1",
        "Consolidated cloud flag",
        FILL_I1,
        flags="likely_clear likely_cloudy",
    ),
    Variable(
        "geophysical/msw_flag",
        "i1",
        "1",
        "Multiple Scattering Warning Flag",
        FILL_I1,
        flags="cannot_determine no_layers layer_gt_3km layer_between_1_and_3_km layer_lt_1km "
        "blow_snow_od_lt_0.5 blow_snow_od_gt_0.5",
        first_flag=-1,
    ),
    Variable(
        "geophysical/neutat_delay_total", "f4", "meters", "Total Neutral Atmospheric Delay", FILL_F4
    ),
    Variable("geophysical/r_eff", "f4", "1", "Effective uncorrected reflectance", FILL_F4),
    Variable("geophysical/solar_azimuth", "f4", "degrees_east", "solar azimuth", FILL_F4),
    Variable("geophysical/solar_elevation", "f4", "degrees", "solar elevation", FILL_F4),
    Variable("geophysical/tide_earth", "f4", "meters", "Earth Tide", FILL_F4),
    Variable(
        "geophysical/tide_earth_free2mean",
        "f4",
        "meters",
        "Earth Tide Free-to-Mean conversion",
        FILL_F4,
    ),
    Variable("geophysical/tide_equilibrium", "f4", "meters", "Equilibrium Tide", FILL_F4),
    Variable("geophysical/tide_load", "f4", "meters", "Load Tide", FILL_F4),
    Variable("geophysical/tide_ocean", "f4", "meters", "Ocean Tide", FILL_F4),
    Variable("geophysical/tide_pole", "f4", "meters", "Solid Earth Pole Tide", FILL_F4),
    Variable("ground_track/ref_azimuth", "f4", "radians", "Azimuth", FILL_F4),
    Variable("ground_track/ref_coelv", "f4", "radians", "Co-elevation", FILL_F4),
    Variable("ground_track/seg_azimuth", "f4", "degrees", "Segment Azimuth", FILL_F4),
    Variable("ground_track/sigma_geo_at", "f4", "meters", "Along Track Geolocation Error", FILL_F4),
    Variable("ground_track/sigma_geo_r", "f4", "meters", "Radial Orbit Error", FILL_F4),
    Variable(
        "ground_track/sigma_geo_xt", "f4", "meters", "Across Track Geolocation Error", FILL_F4
    ),
    Variable("ground_track/x_atc", "f8", "meters", "X Along Track", FILL_F8),
    Variable("ground_track/y_atc", "f4", "meters", "Y Along Track", FILL_F4),
    Variable("h_li", "f4", "meters", "Land Ice height", FILL_F4),
    Variable("h_li_sigma", "f4", "meters", "Expected RMS segment misfit", FILL_F4),
    Variable("latitude", "f8", "degrees_north", "Latitude"),
    Variable("longitude", "f8", "degrees_east", "Longitude"),
    Variable("segment_id", "i4", "1", "Reference Point, m", 0),
    Variable("sigma_geo_h", "f4", "meters", "Vertical Geolocation Error", FILL_F4),
)
"""Of every beam, one row per segment with a height."""

RESIDUAL_HISTOGRAM = (
    Variable("bckgrd_per_m", "f4", "1", "Expected background PEs"),
    Variable("bin_top_h", "f4", "meters", "Bin Top Height", storage=FIXED),
    Variable("count", "i4", "counts", "Bin Counts", FILL_I4),
    Variable("delta_time", "f8", "seconds since 2018-01-01", "Elapsed GPS seconds"),
    Variable("ds_segment_id", "i1", "1", "Segment ID Index", storage=FIXED),
    Variable("lat_mean", "f8", "degrees_north", "Latitude Mean"),
    Variable("lon_mean", "f8", "degrees_east", "Longitude Mean"),
    Variable("pulse_count", "f4", "counts", "Number of Histogram Segment Pulses"),
    Variable("segment_id_list", "i4", "1", "Segment ID List", FILL_I4),
    Variable("x_atc_mean", "f8", "1", "Along Track Coordinate Mean"),
)
"""Of every beam, one row per ten segments (200 m)."""

SEGMENT_QUALITY = (
    Variable("delta_time", "f8", "seconds since 2018-01-01", "Elapsed GPS seconds"),
    Variable("record_number", "i4", "1", "Land Ice Height Index"),
    Variable("reference_pt_lat", "f8", "degrees_north", "Latitude"),
    Variable("reference_pt_lon", "f8", "degrees_east", "Longitude"),
    Variable("segment_id", "i4", "1", "Reference Point, m"),
    Variable(
        "signal_selection_source",
        "i1",
        "1",
        "Signal Selection Source",
        flags="succeeded_using_pe succeeded_using_flagged_pe succeeded_using_backup failed",
    ),
    Variable(
        "signal_selection_status/signal_selection_status_all",
        "i1",
        "1",
        "Signal Selection Status Flag",
        flags="succeeded failed_20 failed_10 failed_both",
    ),
    Variable(
        "signal_selection_status/signal_selection_status_backup",
        "i1",
        "1",
        "Signal Selection Backup Flag",
        flags="succeeded failed_widen failed_20 failed_10 failed_both",
    ),
    Variable(
        "signal_selection_status/signal_selection_status_confident",
        "i1",
        "1",
        "Signal Selection Confident Flag",
        flags="succeeded failed_20 failed_10 failed_both",
    ),
)
"""Of every beam, one row per segment that was tried."""

ORBIT_INFO = (
    Variable("crossing_time", "f8", "seconds since 2018-01-01", "Ascending Node Crossing Time"),
    Variable("cycle_number", "i1", "counts", "Cycle Number"),
    Variable("lan", "f8", "degrees_east", "Ascending Node Longitude", storage=COMPRESSED_ORBIT),
    Variable("orbit_number", "u2", "1", "Orbit Number"),
    Variable("rgt", "i2", "counts", "Reference Ground track"),
    Variable("sc_orient", "i1", "1", "Spacecraft Orientation", flags="backward forward transition"),
    Variable(
        "sc_orient_time",
        "f8",
        "seconds since 2018-01-01",
        "Time of Last Spacecraft Orientation Change",
    ),
)
"""Of the granule, one row per orbit."""

ANCILLARY_DATA = (
    Variable(
        "atlas_sdp_gps_epoch",
        "f8",
        "seconds since 1980-01-06T00:00:00.000000Z",
        "ATLAS Epoch Offset",
    ),
    Variable("control", "S100000", "1", "Control File"),
    Variable("data_end_utc", "S27", "1", "End UTC Time of Granule (CCSDS-A, Actual)"),
    Variable("data_start_utc", "S27", "1", "Start UTC Time of Granule (CCSDS-A, Actual)"),
    Variable("end_cycle", "i4", "1", "Ending Cycle"),
    Variable("end_delta_time", "f8", "seconds since 2018-01-01", "ATLAS End Time (Actual)"),
    Variable("end_geoseg", "i4", "1", "Ending Geolocation Segment"),
    Variable("end_gpssow", "f8", "seconds", "Ending GPS SOW of Granule (Actual)"),
    Variable("end_gpsweek", "i4", "weeks from 1980-01-06", "Ending GPSWeek of Granule (Actual)"),
    Variable("end_orbit", "i4", "1", "Ending Orbit Number"),
    Variable("end_region", "i4", "1", "Ending Region"),
    Variable("end_rgt", "i4", "1", "Ending Reference Groundtrack"),
    Variable("granule_end_utc", "S27", "1", "End UTC Time of Granule (CCSDS-A, Requested)"),
    Variable("granule_start_utc", "S27", "1", "Start UTC Time of Granule (CCSDS-A, Requested)"),
    Variable("land_ice/dt_hist", "f8", "seconds", "Histogram Bin Size"),
    Variable("land_ice/fit_maxiter", "i4", "1", "Maximum Iterations of Fit"),
    Variable("land_ice/fpb_maxiter", "i4", "1", "Maximum Iterations for FPB"),
    Variable("land_ice/max_res_ids", "i4", "1", "Max Segments"),
    Variable("land_ice/min_dist", "f4", "meters", "Minimum Distance"),
    Variable("land_ice/min_gain_th", "f4", "1", "Minimum Gain Threshold"),
    Variable("land_ice/min_n_pe", "i4", "1", "Minimum Photons"),
    Variable("land_ice/min_n_sel", "i4", "1", "Mininum Number of Photons"),
    Variable("land_ice/min_signal_conf", "i4", "1", "Minimum Signal Confidence"),
    Variable("land_ice/n_hist", "i4", "1", "Number of Histogram Bins"),
    Variable("land_ice/n_sigmas", "f4", "1", "Number of Sigmas"),
    Variable("land_ice/nhist_bins", "i4", "1", "Number of Bins"),
    Variable("land_ice/proc_interval", "i4", "seconds", "Processing Interval"),
    Variable("land_ice/qs_lim_bsc", "i4", "1", "Blowing Snow Confidence QS Limit"),
    Variable("land_ice/qs_lim_hrs", "f4", "meters", "Height Robust Spread QS Limit"),
    Variable("land_ice/qs_lim_hsigma", "f4", "1", "Height Sigma QS Limit"),
    Variable("land_ice/qs_lim_msw", "i4", "1", "Multiple Scattering Warning QS Limit"),
    Variable("land_ice/qs_lim_snr", "f4", "1", "SNR Significance QS Limit"),
    Variable("land_ice/qs_lim_sss", "i4", "1", "Signal Selection Source QS Limit"),
    Variable("land_ice/rbin_width", "f4", "meters", "Bin Size"),
    Variable("land_ice/sigma_beam", "f4", "meters", "Sigma of Gaussian Footprint"),
    Variable("land_ice/sigma_tx", "f4", "seconds", "Sigma Tx"),
    Variable("land_ice/t_dead", "f4", "seconds", "Dead Time"),
    Variable("land_ice/txp_maxiter", "i4", "counts", "Maximum Iterations"),
    Variable("qa_at_interval", "f8", "seconds/cell", "QA Along-Track Interval"),
    Variable("release", "S80", "1", "Release Number"),
    Variable("start_cycle", "i4", "1", "Starting Cycle"),
    Variable("start_delta_time", "f8", "seconds since 2018-01-01", "ATLAS Start Time (Actual)"),
    Variable("start_geoseg", "i4", "1", "Starting Geolocation Segment"),
    Variable("start_gpssow", "f8", "seconds", "Start GPS SOW of Granule (Actual)"),
    Variable("start_gpsweek", "i4", "weeks from 1980-01-06", "Start GPSWeek of Granule (Actual)"),
    Variable("start_orbit", "i4", "1", "Starting Orbit Number"),
    Variable("start_region", "i4", "1", "Starting Region"),
    Variable("start_rgt", "i4", "1", "Starting Reference Groundtrack"),
    Variable("version", "S80", "1", "Version"),
)
"""Of the granule, arrays of fixed length."""

BEAM_QUALITY = (
    Variable("delta_time", "f8", "seconds since 2018-01-01", "Elapsed GPS seconds"),
    Variable("lat_mean", "f8", "degrees_north", "Latitude Mean"),
    Variable("lon_mean", "f8", "degrees_east", "Longitude Mean"),
    Variable("signal_selection_source_fraction_0", "f4", "1", "Signal Selection Source Fraction 0"),
    Variable("signal_selection_source_fraction_1", "f4", "1", "Signal Selection Source Fraction 1"),
    Variable("signal_selection_source_fraction_2", "f4", "1", "Signal Selection Source Fraction 2"),
    Variable("signal_selection_source_fraction_3", "f4", "1", "Signal Selection Source Fraction 3"),
)
"""Of every beam in ``quality_assessment``, one row per kilometre."""

GRANULE_QUALITY = (
    Variable(
        "qa_granule_fail_reason",
        "i4",
        "1",
        "Granule Failure Reason",
        flags="no_failure PROCESS_ERROR INSUFFICIENT_OUTPUT failure_3 failure_4 OTHER_FAILURE",
    ),
    Variable("qa_granule_pass_fail", "i4", "1", "Granule Pass Flag", flags="PASS FAIL"),
)
"""Of the granule in ``quality_assessment``, arrays of fixed length."""
