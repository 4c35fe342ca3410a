"""The reader of the ICESat-2 tutorial as it was published, in today's astropy and pyproj.

What it does is kept, its defects included: a granule is opened once for each beam, all rows are
read, then selected, and only what is left is converted; columns are written without attributes.
Only the box, which it computed and never used, selects here.
"""

import sys
from pathlib import Path

import h5py
import numpy as np
from astropy.time import Time
from pyproj import Transformer

sys.path.append(str(Path(__file__).parents[1]))  # where the tests have theirs
from straightforward import BEAMS, SOURCES

GROUP = "land_ice_segments"


def reduce_granule(path: Path, folder: Path, bbox: tuple | None = None) -> None:
    """Write one file for each beam with rows that are good, in a box of degrees if given."""
    folder.mkdir(exist_ok=True)
    for beam in BEAMS:
        with h5py.File(path, "r") as file:
            if f"{beam}/{GROUP}" not in file:
                continue
            segments = file[beam][GROUP]
            rows = {name: segments[at][:] for name, at in SOURCES.items() if at in segments}
            epoch = file["ancillary_data/atlas_sdp_gps_epoch"][:]
        lon, lat = rows["lon"], rows["lat"]
        west, east, south, north = bbox or (-180, 180, -90, 90)
        keep = (rows["q_flag"] == 0) & (np.abs(rows["h_li"]) < 10e3)
        keep &= (lat >= south) & (lat <= north) & (lon >= west) & (lon <= east)
        if not keep.any():
            continue
        rows = {name: values[keep] for name, values in rows.items()}
        lon, lat = rows["lon"], rows["lat"]
        rows["is_asc"] = np.arange(len(lat)) < np.argmax(np.abs(lat))
        rows["t_gps"] = epoch + rows["t_dt"]
        rows["t_year"] = Time(rows["t_gps"], format="gps").decimalyear
        crs = 3031 if lat[0] < 0 else 3413
        rows["x"], rows["y"] = Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
        with h5py.File(folder / f"{path.stem}_{beam}.h5", "w") as file:
            for name, values in rows.items():
                file[name] = values
