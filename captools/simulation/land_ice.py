"""The values of ``land_ice_segments``: what a beam measures over the simulated surface.

Place, time, height and slope follow from the orbit and from `captools.simulation.height`; the
rest has plausible magnitudes and no more. Where a float column has no value stands NaN.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from captools.geo.time import decimal_year
from captools.simulation.orbit import BEAM_OFFSETS_METRES
from captools.simulation.overpass import SEGMENT_METRES, Overpass, Points
from captools.simulation.schema import FILL_I1, GPS_EPOCH_SECONDS, SPOTS
from captools.simulation.surface import height

Columns = dict[str, NDArray]

SLOPE_NOISE = 0.01
"""Standard deviation of the along-track slope per metre of height noise."""

LOST_SHARE = 0.5
"""Share of the bad segments that have no height; the others have that of a cloud."""

CLOUD_METRES = (50.0, 12_000.0)
"""Metres above the surface at which clouds are mistaken for it."""

INLAND_METRES = 100.0
"""Surface height (m) above which there is no ocean tide."""

DEM_YEAR = 2015.0

WITHOUT_HEIGHT = (
    "bias_correction/fpb_mean_corr",
    "bias_correction/fpb_mean_corr_sigma",
    "bias_correction/fpb_med_corr",
    "bias_correction/fpb_med_corr_sigma",
    "bias_correction/fpb_n_corr",
    "bias_correction/tx_mean_corr",
    "bias_correction/tx_med_corr",
    "fit_statistics/dh_fit_dx",
    "fit_statistics/dh_fit_dx_sigma",
    "fit_statistics/dh_fit_dy",
    "fit_statistics/h_expected_rms",
    "fit_statistics/h_mean",
    "fit_statistics/sigma_h_mean",
    "geophysical/e_bckgrd",
    "geophysical/r_eff",
    "ground_track/y_atc",
    "h_li",
    "h_li_sigma",
    "sigma_geo_h",
)
"""Columns that hold their fill where a segment has no height."""


def land_ice_segments(
    rng: Generator,
    overpass: Overpass,
    beam: str,
    segment_id: NDArray[np.int32],
    noise: float,
    bad: float,
) -> Columns:
    """Simulate every column of one beam.

    Parameters
    ----------
    rng : Generator
        Source of all randomness.
    overpass : Overpass
        Where and when.
    beam : str
        ``gt1l`` to ``gt3r``.
    segment_id : ndarray of int32, shape (n,)
        Segments, ascending.
    noise : float
        Standard deviation of a good height (m).
    bad : float
        Share of segments whose quality flag is 1.

    Returns
    -------
    dict of ndarray, each of shape (n,)
        By path below ``land_ice_segments``.
    """
    points = overpass.points(beam, segment_id)
    surface, slope = _truth(overpass, beam, segment_id, points)
    is_bad = rng.random(segment_id.size) < bad
    is_lost = is_bad & (rng.random(segment_id.size) < LOST_SHARE)
    is_cloud = is_bad & ~is_lost
    strong = SPOTS[overpass.orientation][beam] % 2 == 1
    columns = {
        "atl06_quality_summary": is_bad,
        "delta_time": points.delta_time,
        "latitude": points.lat,
        "longitude": points.lon,
        "segment_id": segment_id,
        **_heights(rng, surface, slope, noise, is_cloud),
        **_fit_statistics(rng, noise, strong, is_bad, is_lost),
        **_bias_correction(rng, strong, segment_id.size),
        **_geophysical(rng, points, surface, is_bad),
        **_ground_track(points, beam),
        **_dem(points),
    }
    for path in WITHOUT_HEIGHT:
        columns[path] = np.where(is_lost, np.nan, columns[path])
    return columns


def _truth(
    overpass: Overpass, beam: str, segment_id: NDArray, points: Points
) -> tuple[NDArray, NDArray]:
    """Surface height (m) and its slope along the track, by a central difference over 20 m."""
    year = decimal_year(points.delta_time + GPS_EPOCH_SECONDS)
    behind, ahead = (overpass.points(beam, segment_id + step) for step in (-0.5, 0.5))
    rise = height(ahead.lon, ahead.lat, year) - height(behind.lon, behind.lat, year)
    return height(points.lon, points.lat, year), rise / SEGMENT_METRES


def _heights(
    rng: Generator, surface: NDArray, slope: NDArray, noise: float, is_cloud: NDArray
) -> Columns:
    """Heights and slopes with their errors; those of clouds are wild."""
    n = surface.size
    cloud_height = np.where(is_cloud, rng.uniform(*CLOUD_METRES, n), 0.0)
    cloud_slope = np.where(is_cloud, rng.normal(0.0, 1.0, n), 0.0)
    h_li = surface + noise * rng.standard_normal(n) + cloud_height
    return {
        "h_li": h_li,
        "h_li_sigma": 0.01 + noise * rng.uniform(0.5, 1.5, n),
        "sigma_geo_h": np.hypot(0.17, 5.0 * slope),
        "fit_statistics/h_mean": h_li,
        "fit_statistics/dh_fit_dx": (
            slope + SLOPE_NOISE * noise * rng.standard_normal(n) + cloud_slope
        ),
    }


def _fit_statistics(
    rng: Generator, noise: float, strong: bool, is_bad: NDArray, is_lost: NDArray
) -> Columns:
    """How well a segment's photons fit a line; the quality flag follows from these."""
    n = is_bad.size
    spread = np.where(is_bad, rng.uniform(1.0, 5.0, n), 0.05 + noise * rng.random(n))
    significance = np.where(is_bad, rng.uniform(0.02, 0.9, n), 0.0)
    source = np.select([is_lost, is_bad], [3, 2], 0)
    photons = rng.poisson(300 if strong else 80, n)
    columns = {
        "dh_fit_dx_sigma": 0.001 + 0.002 * rng.random(n),
        "dh_fit_dy": 0.005 * rng.standard_normal(n),
        "h_expected_rms": np.full(n, 0.12),
        "h_rms_misfit": 1.2 * spread,
        "h_robust_sprd": spread,
        "n_fit_photons": np.where(is_lost, 0, photons),
        "n_seg_pulses": np.full(n, 56.35),
        "sigma_h_mean": spread / np.sqrt(photons + 1.0),
        "signal_selection_source": source,
        "signal_selection_source_status": source,
        "snr": np.where(is_bad, 1.0, photons / 20.0),
        "snr_significance": significance,
        "w_surface_window_final": np.maximum(3.0, 6.0 * spread),
    }
    return {f"fit_statistics/{name}": values for name, values in columns.items()}


def _bias_correction(rng: Generator, strong: bool, n: int) -> Columns:
    """First-photon and transmit-pulse biases: millimetres, of no consequence."""
    bias = 0.001 * rng.standard_normal(n)
    columns = {
        "fpb_mean_corr": bias,
        "fpb_mean_corr_sigma": np.full(n, 0.02),
        "fpb_med_corr": 2.0 * bias,
        "fpb_med_corr_sigma": np.full(n, 0.03),
        "fpb_n_corr": np.full(n, 300.0 if strong else 80.0),
        "med_r_fit": 3.0 * bias,
        "tx_mean_corr": np.full(n, -0.0003),
        "tx_med_corr": np.full(n, -0.0015),
    }
    return {f"bias_correction/{name}": values for name, values in columns.items()}


def _geophysical(rng: Generator, points: Points, surface: NDArray, is_bad: NDArray) -> Columns:
    """Tides, atmosphere, Sun and clouds: smooth in space and time but for the flags."""
    n = surface.size
    elevation, azimuth = _sun(points)
    background = 1e5 + 4e6 * np.maximum(0.0, np.sin(np.radians(elevation)))
    blowing_snow = rng.choice(np.array([-2, -1, 0, 1, FILL_I1], dtype=np.int8), n, p=_SNOW_ODDS)
    blows = blowing_snow == 1
    is_inland = surface > INLAND_METRES
    cloudy = np.where(is_bad, 5, 1)
    columns = {
        "bckgrd": background,
        "bsnow_conf": blowing_snow,
        "bsnow_h": np.where(blows, 60.0, np.nan),
        "bsnow_od": np.where(blows, 0.1, np.nan),
        "cloud_flg_asr": cloudy,
        "cloud_flg_atm": is_bad,
        "dac": np.where(is_inland, np.nan, _wave(points, 0.15, 240.0)),
        "e_bckgrd": background,
        "layer_flag": is_bad,
        "msw_flag": is_bad,
        # pressure falls with height: 2.4 m at sea level, scale height 8 km
        "neutat_delay_total": 2.4 * np.exp(-surface / 8000.0),
        "r_eff": np.where(is_bad, 0.1, rng.uniform(0.6, 1.0, n)),
        "solar_azimuth": azimuth,
        "solar_elevation": elevation,
        "tide_earth": _wave(points, 0.10, 12.42),
        "tide_earth_free2mean": _permanent_tide(points.lat, 0.06029, -0.180873),
        "tide_equilibrium": _wave(points, 0.015, 327.9),
        "tide_load": _wave(points, 0.02, 12.42),
        "tide_ocean": np.where(is_inland, np.nan, _wave(points, 0.8, 12.42)),
        "tide_pole": _wave(points, 0.004, 10400.0),
    }
    return {f"geophysical/{name}": values for name, values in columns.items()}


_SNOW_ODDS = (0.6, 0.1, 0.15, 0.05, 0.1)


def _wave(points: Points, amplitude: float, hours: float) -> NDArray:
    """A tide-like wave that runs around the Earth and vanishes at the poles (m)."""
    phase = 2 * np.pi * points.delta_time / (3600.0 * hours) + np.radians(points.lon)
    return amplitude * np.cos(np.radians(points.lat)) * np.sin(phase)


def _permanent_tide(lat: NDArray, constant: float, factor: float) -> NDArray:
    """Difference (m) between tide-free and mean tide.

    It goes with the square of the sine of latitude: Petit & Luzum (2010), IERS Conventions,
    chapter 7.1.
    """
    return constant + factor * np.sin(np.radians(lat)) ** 2


def _sun(points: Points) -> tuple[NDArray, NDArray]:
    """Elevation and azimuth of the Sun (deg), to a degree or two.

    Spherical astronomy with a circular orbit of the Earth: the declination is a cosine of the
    year that is lowest ten days before new year, and noon is at 12 h mean solar time.
    """
    days = points.delta_time / 86400.0  # since a new year's midnight
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (days + 10.0) / 365.25)
    hour_angle = 2 * np.pi * (days + 0.5) + np.radians(points.lon)
    lat = np.radians(points.lat)
    up = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(hour_angle)
    north = np.cos(lat) * np.sin(declination) - np.sin(lat) * np.cos(declination) * np.cos(
        hour_angle
    )
    east = -np.cos(declination) * np.sin(hour_angle)
    return np.degrees(np.arcsin(up)), np.degrees(np.arctan2(east, north)) % 360.0


def _ground_track(points: Points, beam: str) -> Columns:
    """Place relative to the reference track, and its uncertainty."""
    n = points.x.size
    columns = {
        "ref_azimuth": np.radians(points.azimuth),
        "ref_coelv": np.full(n, np.pi / 2),
        "seg_azimuth": points.azimuth,
        "sigma_geo_at": np.full(n, 5.0),
        "sigma_geo_r": np.full(n, 0.17),
        "sigma_geo_xt": np.full(n, 5.0),
        "x_atc": points.x,
        "y_atc": np.full(n, BEAM_OFFSETS_METRES[beam]),
    }
    return {f"ground_track/{name}": values for name, values in columns.items()}


def _dem(points: Points) -> Columns:
    """Elevation model (the surface of some earlier year), its source, and the geoid."""
    source = np.select([points.lat < -60.0, points.lat > 60.0], [4, 1], 2)
    lon, lat = np.radians(points.lon), np.radians(points.lat)
    return {
        "dem/dem_flag": source,
        "dem/dem_h": height(points.lon, points.lat, DEM_YEAR),
        "dem/geoid_free2mean": _permanent_tide(points.lat, 0.1287, -0.3848),
        "dem/geoid_h": 30.0 * np.cos(lat) * np.sin(2 * lon) - 20.0 * np.sin(lat),
    }
