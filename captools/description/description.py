"""What is said of a file, whatever it is."""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Statistics:
    """Of the values of a column: how many are missing or infinite, and of the others the range."""

    missing: int
    low: float | None  # None if there are no others
    mean: float | None
    high: float | None


@dataclass(frozen=True)
class Described:
    """A column, a band or a dataset."""

    name: str
    dtype: str
    units: str = ""
    long_name: str = ""
    shape: tuple[int, ...] | None = None  # of what is not as long as the others
    statistics: Statistics | None = None


@dataclass(frozen=True)
class Track:
    """A beam of a granule."""

    name: str
    rows: int
    type: str = ""
    spot: int = 0


@dataclass(frozen=True)
class Description:
    """What is said of a file; what it does not say is empty."""

    path: str
    kind: str
    product: str = ""
    size: int | None = None  # bytes
    rows: int | None = None
    columns: tuple[Described, ...] = ()
    tracks: tuple[Track, ...] = ()
    crs: str = ""
    bounds_lonlat: tuple[float, ...] | None = None  # w e s n, degrees
    bounds_xy: tuple[float, ...] | None = None  # xmin xmax ymin ymax
    time: tuple[str, str] | None = None  # first and last, UTC; of RINEX GPS time
    direction: str = ""
    history: tuple[tuple[str, Any], ...] = ()  # steps and their options, the first one first
    header: dict[str, Any] = field(default_factory=dict)  # what else it says, in plain types

    def with_statistics(self, found: dict[str, Statistics]) -> "Description":
        """Return the same with the statistics of columns, by their names."""
        columns = (replace(one, statistics=found.get(one.name)) for one in self.columns)
        return replace(self, columns=tuple(columns))

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold: without what is empty; no number is infinite or NaN."""
        kept = {name: value for name, value in asdict(self).items() if value not in (None, "", ())}
        return plain(kept)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; of what is not finite, None.

    Examples
    --------
    >>> plain({"a": np.array([1.5, np.nan]), "b": np.bytes_(b"x")})
    {'a': [1.5, None], 'b': 'x'}
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def four(values: Any) -> tuple[float, ...] | None:
    """Return bounds, None if they are not four finite numbers."""
    numbers = np.ravel(values)
    if len(numbers) != 4 or numbers.dtype.kind not in "iuf" or not np.isfinite(numbers).all():
        return None
    return tuple(numbers.astype(float).tolist())
