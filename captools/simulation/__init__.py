"""Made-up ATL06 granules: real orbit geometry over a surface that is known in closed form."""

from captools.simulation.surface import height

__all__ = ["height"]
