"""Where and when rows lie, found block by block."""

import numpy as np

from captools.bounds import Bounds
from captools.geo import coords

_LENGTHS = {"bounds_lonlat": 4, "bounds_xy": 4, "t_span": 2}
_LON_BINS = 3600  # fine enough to find the widest gap between points


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
        self._bounds = Bounds()
        self._west = np.full(_LON_BINS, np.inf)  # the least longitude in each bin, and the largest
        self._east = np.full(_LON_BINS, -np.inf)

    def add(self, columns: dict[str, np.ndarray]) -> None:
        """Take in the rows of some columns."""
        for name in ("lat", "x", "y", "t_gps"):
            if name in columns:
                self._bounds.add(name, columns[name])
        if "lon" in columns:
            lon = coords.wrap(columns["lon"][np.isfinite(columns["lon"])], -180.0)
            # `at` is 15 times as fast with numpy's own dtype as with h5py's, which is equal to it.
            lon = lon.astype(np.float64, copy=False).view(np.float64)
            at = np.clip(((lon + 180) * (_LON_BINS / 360)).astype(int), 0, _LON_BINS - 1)
            np.minimum.at(self._west, at, lon)
            np.maximum.at(self._east, at, lon)

    def include(self, other: "Extent") -> None:
        """Take in where other rows lie."""
        self._bounds.include(other._bounds)
        np.minimum(self._west, other._west, out=self._west)
        np.maximum(self._east, other._east, out=self._east)

    def attributes(self) -> dict[str, np.ndarray]:
        """Return the bounds as the header of a flat file has them, as far as they are known."""
        bounds = {}
        held = np.flatnonzero(self._west <= 180)
        if len(held) and "lat" in self._bounds:
            west, east = coords.lon_bounds(np.concatenate([self._west[held], self._east[held]]))
            bounds["bounds_lonlat"] = np.array([west, east, *self._bounds["lat"]])
        if "x" in self._bounds and "y" in self._bounds:
            bounds["bounds_xy"] = np.array([*self._bounds["x"], *self._bounds["y"]])
        if "t_gps" in self._bounds:
            bounds["t_span"] = np.array(self._bounds["t_gps"])
        return bounds


def check_bounds(name: str, value: object) -> None:
    """Raise ValueError if an attribute of a header has the name of bounds, but is none."""
    length = _LENGTHS.get(name)
    if length is not None and not (
        isinstance(value, np.ndarray) and value.shape == (length,) and value.dtype.kind in "iuf"
    ):
        raise ValueError(f"{name} is not {length} numbers")
