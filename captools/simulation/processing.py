"""Settings of the processing, the same in every granule, as data."""

from captools.simulation.schema import BEAMS

PROCESSING = {
    "land_ice/dt_hist": 2.5e-11,
    "land_ice/fit_maxiter": 25,
    "land_ice/fpb_maxiter": 20,
    "land_ice/max_res_ids": 10,
    "land_ice/min_dist": 20.0,
    "land_ice/min_gain_th": 0.0,
    "land_ice/min_n_pe": 10,
    "land_ice/min_n_sel": 10,
    "land_ice/min_signal_conf": 2,
    "land_ice/n_hist": 0,
    "land_ice/n_sigmas": 6.0,
    "land_ice/nhist_bins": 0,
    "land_ice/proc_interval": 10001,
    "land_ice/qs_lim_bsc": 3,
    "land_ice/qs_lim_hrs": 1.0,
    "land_ice/qs_lim_hsigma": 1.0,
    "land_ice/qs_lim_msw": 3,
    "land_ice/qs_lim_snr": 0.02,
    "land_ice/qs_lim_sss": 1,
    "land_ice/rbin_width": 0.0,
    "land_ice/sigma_beam": 4.25,
    "land_ice/sigma_tx": (6.7e-10,) * len(BEAMS),
    "land_ice/t_dead": (3.0e-9,) * len(BEAMS),
    "land_ice/txp_maxiter": 50,
    "qa_at_interval": 0.0,
}
"""Settings of the processing in ``ancillary_data`` that are the same in every granule."""
