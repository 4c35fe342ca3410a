"""The least and the largest value of columns, and how they are written in a message."""

import numpy as np


class Bounds(dict[str, tuple[float, float]]):
    """The least and the largest value of some columns, found block by block.

    Examples
    --------
    >>> bounds = Bounds()
    >>> bounds.add("lat", np.array([-71.5, np.nan, -80.0]))
    >>> bounds.include(Bounds(lat=(-70.0, -60.0), x=(-1.6e6, 0.0)))
    >>> print(bounds)
    lat -80 to -60, x -1600000 to 0
    """

    def add(self, name: str, values: np.ndarray) -> None:
        """Take in values of a column; those that are not finite do not count."""
        known = np.isfinite(values)
        if known.any():
            values = values if known.all() else values[known]
            self._widen(name, float(values.min()), float(values.max()))

    def include(self, other: "Bounds") -> None:
        """Take in other bounds."""
        for name, (low, high) in other.items():
            self._widen(name, low, high)

    def _widen(self, name: str, low: float, high: float) -> None:
        least, most = self.get(name, (np.inf, -np.inf))
        self[name] = min(least, low), max(most, high)

    def __str__(self) -> str:
        """Return the bounds in words."""
        parts = (f"{name} {_text(low)} to {_text(high)}" for name, (low, high) in self.items())
        return ", ".join(parts)


def _text(value: float) -> str:
    """Return a number without an exponent: degrees have decimals, metres need none."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.6g}"
