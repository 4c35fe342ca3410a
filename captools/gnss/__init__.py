"""GNSS signal strength: RINEX observations to an array, and their statistics.

May import flat, geo and io."""

from captools.gnss.observations import Observations
from captools.gnss.reading import read_observations

__all__ = ["Observations", "read_observations"]
