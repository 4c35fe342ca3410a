"""Where and when rows lie, found block by block."""

import numpy as np

from captools.geo import coords

_BINS = 3600  # of longitude; the widest gap between points need not be found finer


class Extent:
    """Bounds in place and time of rows that come in blocks.

    Examples
    --------
    >>> extent = Extent()
    >>> extent.add({"lon": np.array([179.0, -179.0]), "lat": np.array([-70.0, -71.0])})
    >>> extent.attributes()["bounds_lonlat"]
    array([ 179., -179.,  -71.,  -70.])
    """

    def __init__(self) -> None:
        self._limits: dict[str, tuple[float, float]] = {}
        self._west = np.full(_BINS, np.inf)  # the least longitude in each bin, and the largest
        self._east = np.full(_BINS, -np.inf)

    def add(self, columns: dict[str, np.ndarray]) -> None:
        """Take in the rows of some columns."""
        for name in ("lat", "x", "y", "t_gps"):
            if name in columns and len(columns[name]):
                self._widen(name, columns[name])
        if "lon" in columns:
            lon = coords.wrap(columns["lon"][np.isfinite(columns["lon"])], -180.0)
            # With numpy's own dtype, not h5py's equal one, `at` takes a fifteenth of the time.
            lon = lon.astype(np.float64, copy=False).view(np.float64)
            at = np.clip(((lon + 180) * (_BINS / 360)).astype(int), 0, _BINS - 1)
            np.minimum.at(self._west, at, lon)
            np.maximum.at(self._east, at, lon)

    def _widen(self, name: str, values: np.ndarray) -> None:
        low, high = self._limits.get(name, (np.nan, np.nan))
        self._limits[name] = (
            float(np.fmin(low, np.fmin.reduce(values))),
            float(np.fmax(high, np.fmax.reduce(values))),
        )

    def attributes(self) -> dict[str, np.ndarray]:
        """Return the bounds as the header of a flat file has them, as far as they are known."""
        told = {}
        held = np.flatnonzero(self._west <= 180)
        if len(held) and "lat" in self._limits:
            west, east = coords.lon_bounds(np.concatenate([self._west[held], self._east[held]]))
            told["bounds_lonlat"] = np.array([west, east, *self._limits["lat"]])
        if "x" in self._limits and "y" in self._limits:
            told["bounds_xy"] = np.array([*self._limits["x"], *self._limits["y"]])
        if "t_gps" in self._limits:
            told["t_span"] = np.array(self._limits["t_gps"])
        return told
