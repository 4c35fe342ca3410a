"""Reading ATL06 granules the straightforward way: the truth that captools is measured against.

Every row of every column is read with plain h5py; nothing of captools is used. Years are
astropy's, places are pyproj's `Proj`, directions are the sign of d(lat)/d(time) at every point.
As a script it reduces one granule: ``python tests/straightforward.py GRANULE FOLDER``.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from astropy.time import Time
from pyproj import Proj

Columns = dict[str, np.ndarray]

BEAMS = ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")
SOURCES = {
    "lat": "latitude",
    "lon": "longitude",
    "h_li": "h_li",
    "s_li": "h_li_sigma",
    "t_dt": "delta_time",
    "q_flag": "atl06_quality_summary",
    "s_fg": "fit_statistics/signal_selection_source",
    "snr": "fit_statistics/snr_significance",
    "h_rb": "fit_statistics/h_robust_sprd",
    "dac": "geophysical/dac",
    "f_sn": "geophysical/bsnow_conf",
    "dh_fit_dx": "fit_statistics/dh_fit_dx",
    "tide_earth": "geophysical/tide_earth",
    "tide_load": "geophysical/tide_load",
    "tide_ocean": "geophysical/tide_ocean",
    "tide_pole": "geophysical/tide_pole",
}
ATC = {
    "x_atc": "ground_track/x_atc",
    "y_atc": "ground_track/y_atc",
    "segment_id": "segment_id",
}
DEM = {"dem_h": "dem/dem_h", "geoid_h": "dem/geoid_h"}
DERIVED = ("x", "y", "t_gps", "t_year", "is_asc")


def good(rows: Columns) -> np.ndarray:
    """Return which rows the default rule keeps: quality 0 and a height below 10 km."""
    return (rows["q_flag"] == 0) & has_height(rows)


def has_height(rows: Columns) -> np.ndarray:
    """Return which rows have a height below 10 km; fills (NaN) have none."""
    return np.abs(rows["h_li"]) < 10_000


def read_granule(
    path: Path,
    keep: Callable[[Columns], np.ndarray] = good,
    *,
    crs: str | None = None,
    sources: dict[str, str] = SOURCES,
) -> dict[str, Columns]:
    """Return the columns of every beam of which a row is kept.

    Parameters
    ----------
    path : Path
        A granule.
    keep : function
        From all rows of a beam (columns by name, derived ones included) to a boolean array.
    crs : str, optional
        Of x and y; by default polar stereographic of the beam's hemisphere.
    sources : dict
        Columns to read: name and path below ``land_ice_segments``. Those that are not there
        are left out.
    """
    kept = {}
    with h5py.File(path, "r") as file:
        for beam in present_beams(file):
            rows = read_beam(file, beam, sources)
            add_derived(rows, epoch(file), crs)
            wanted = keep(rows)
            if wanted.any():
                kept[beam] = {name: values[wanted] for name, values in rows.items()}
    return kept


def present_beams(file: h5py.File) -> Iterator[str]:
    """Yield the beams that have segments."""
    return (beam for beam in BEAMS if f"{beam}/land_ice_segments" in file)


def epoch(file: h5py.File) -> float:
    """Return the GPS seconds of 2018-01-01, as the granule or else the product has them."""
    path = "ancillary_data/atlas_sdp_gps_epoch"
    return float(file[path][0]) if path in file else 1198800018.0


def read_beam(file: h5py.File, beam: str, sources: dict[str, str]) -> Columns:
    """Return all rows of a beam, with NaN for the fills of floats."""
    segments = file[beam]["land_ice_segments"]
    rows = {}
    for name, path in sources.items():
        if path in segments:
            rows[name] = segments[path][:]
            if rows[name].dtype.kind == "f":
                # The largest float is a fill even where the attribute is lost.
                largest = np.finfo(rows[name].dtype).max
                for fill in (largest, segments[path].attrs.get("_FillValue", largest)):
                    rows[name][rows[name] == fill] = np.nan
    return rows


def add_derived(rows: Columns, epoch: float, crs: str | None = None) -> None:
    """Add x, y, t_gps, t_year and is_asc to all rows of a beam (two or more)."""
    lon, lat, t_gps = rows["lon"], rows["lat"], rows["t_dt"] + epoch
    crs = crs or ("EPSG:3031" if lat[0] < 0 else "EPSG:3413")
    rows["x"], rows["y"] = Proj(crs)(lon, lat)
    rows["t_gps"] = t_gps
    rows["t_year"] = Time(t_gps, format="gps").utc.decimalyear
    rows["is_asc"] = np.gradient(lat, t_gps) > 0


def read_flat(path: Path) -> Columns:
    """Return the columns of a flat file."""
    with h5py.File(path, "r") as file:
        return {name: item[:] for name, item in file.items() if isinstance(item, h5py.Dataset)}


def assert_same_rows(flat: Columns, truth: Columns) -> None:
    """Check that a flat file has the columns, the dtypes and the values of the truth.

    What is read must be equal to the bit; what is computed, to a micrometre and 0.1 ms
    (a decimal year has a resolution of 14 microseconds).
    """
    assert set(flat) == set(truth)
    for name, expected in truth.items():
        assert flat[name].dtype == expected.dtype, name
        if name in ("x", "y"):
            np.testing.assert_allclose(flat[name], expected, rtol=0, atol=1e-6, err_msg=name)
        elif name == "t_year":
            np.testing.assert_allclose(flat[name], expected, rtol=0, atol=3e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(flat[name], expected, err_msg=name)


def reduce_granule(
    path: Path, folder: Path, keep: Callable[[Columns], np.ndarray] = good
) -> list[Path]:
    """Write one file per beam, the way tutorials do: columns, and no attributes."""
    folder.mkdir(exist_ok=True)
    written = []
    for beam, rows in read_granule(path, keep).items():
        written.append(folder / f"{path.stem}_{beam}.h5")
        with h5py.File(written[-1], "w") as file:
            for name, values in rows.items():
                file[name] = values
    return written


if __name__ == "__main__":
    reduce_granule(Path(sys.argv[1]), Path(sys.argv[2]))


def said(item: h5py.Group | h5py.Dataset) -> dict[str, object]:
    """Return the attributes of a file or column, text as str: it is stored as bytes."""
    return {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in item.attrs.items()
    }
