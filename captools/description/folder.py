"""The files of a folder as one summary."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from captools.description import text
from captools.description.description import Description, plain
from captools.geo import coords

SHOWN_COLUMNS = 40


class Summary:
    """What the descriptions of many files add up to, without keeping them.

    Parameters
    ----------
    path : str
        The folder.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.kinds: Counter[str] = Counter()
        self.files = self.rows = self.size = self.bad = 0
        self._columns: Counter[tuple[str, str, str]] = Counter()  # name, dtype, units
        self._said: dict[str, Counter[str]] = {}
        self._lonlat: list[tuple[float, ...]] = []
        self._xy: dict[str, np.ndarray] = {}  # by CRS
        self._time: tuple[str, str] | None = None

    def add(self, described: Description) -> None:
        """Take in the description of a file."""
        self.files += 1
        self.kinds[" ".join(filter(None, (described.product, described.kind)))] += 1
        self.rows += described.rows or 0
        self.size += described.size or 0
        if described.rows is not None:
            self._columns.update((one.name, one.dtype, one.units) for one in described.columns)
        self._count("crs", described.crs)
        self._count("direction", described.direction)
        self._count("steps", " > ".join(step for step, _ in described.history))
        for name in ("release", "reference_frame", "tide_system"):
            self._count(name, str(described.header.get(name, "")))
        self._widen(described)

    def _count(self, name: str, value: str) -> None:
        if value:
            self._said.setdefault(name, Counter())[value] += 1

    def _widen(self, described: Description) -> None:
        if described.bounds_lonlat:
            self._lonlat.append(described.bounds_lonlat)
            if len(self._lonlat) > 1000:
                self._lonlat = [_union(self._lonlat)]
        if described.bounds_xy:
            new = np.array(described.bounds_xy)
            old = self._xy.get(described.crs, new)
            low, high = np.minimum(old, new), np.maximum(old, new)
            self._xy[described.crs] = np.where([True, False, True, False], low, high)
        if described.time:
            first, last = self._time or described.time
            self._time = min(first, described.time[0]), max(last, described.time[1])

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        found: dict[str, Any] = {
            "path": self.path,
            "kind": "folder",
            "files": self.files,
            "bad": self.bad,
            "kinds": dict(self.kinds),
            "size": self.size,
            "rows": self.rows,
            "columns": [
                {"name": name, "dtype": dtype, "units": units, "files": count}
                for (name, dtype, units), count in self._columns.items()
            ],
            **{name: dict(counts) for name, counts in self._said.items()},
            "bounds_lonlat": _union(self._lonlat) if self._lonlat else None,
            "bounds_xy": {crs: bounds.tolist() for crs, bounds in self._xy.items()},
            "time": self._time,
        }
        return plain({name: value for name, value in found.items() if value is not None})

    def lines(self) -> Iterator[str]:
        """Yield the summary line by line."""
        yield self.path
        bad = f", {self.bad:,} bad" if self.bad else ""
        one = "file" if self.files == 1 else "files"
        rows = [("files", f"{self.files:,} {one}, {text.size(self.size)}{bad}")]
        rows += [("kinds", _counted(self.kinds))] if self.kinds else []
        rows += [("rows", f"{self.rows:,}")] if self.rows else []
        rows += [(name, _counted(counts)) for name, counts in self._said.items() if name != "crs"]
        yield from text.table(rows)
        for crs in [*self._said.get("crs", {}), *({"": 0} if "" in self._xy else {})]:
            bounds = tuple(self._xy[crs].tolist()) if crs in self._xy else None
            yield from text.where_and_when(Description("", "", crs=crs, bounds_xy=bounds))
        lonlat = _union(self._lonlat) if self._lonlat else None
        yield from text.where_and_when(Description("", "", bounds_lonlat=lonlat, time=self._time))
        yield from self._column_lines()

    def _column_lines(self) -> Iterator[str]:
        """Yield the columns, and of those that not all files have alike how many do."""
        with_rows = max(self._columns.values(), default=0)
        names = [
            f"{name} ({dtype}{', ' + units if units else ''}"
            f"{f', in {count:,}' if count < with_rows else ''})"
            for (name, dtype, units), count in list(self._columns.items())[:SHOWN_COLUMNS]
        ]
        if names:
            more = len(self._columns) - len(names)
            names += [f"and {more} more"] if more > 0 else []
            yield from text.table([("columns", ", ".join(names))])


def _union(bounds: list[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the smallest box in degrees that holds all: west is beyond east over 180°."""
    ends = np.array(bounds)
    turns = [_arc(west, east) for west, east in ends[:, :2]]
    west, east = _cover(turns)
    return (west, east, float(ends[:, 2].min()), float(ends[:, 3].max()))


def _arc(west: float, east: float) -> tuple[float, float]:
    """Return an arc as start from -180 and length, degrees."""
    start = float(coords.wrap(np.float64(west), -180.0))
    return start, float(east - west) % 360.0 if east != west else 0.0


def _cover(arcs: list[tuple[float, float]]) -> tuple[float, float]:
    """Return west and east of the smallest arc that covers arcs (start, length)."""
    arcs = sorted(arcs)
    merged = [list(arcs[0])]
    for start, length in arcs[1:]:
        last = merged[-1]
        if start <= last[0] + last[1]:
            last[1] = max(last[1], start + length - last[0])
        else:
            merged.append([start, length])
    ends = [start + length for start, length in merged]
    nexts = [start for start, _ in merged[1:]] + [merged[0][0] + 360.0]
    gaps = [after - max(ends[: at + 1]) for at, after in enumerate(nexts)]
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 0:
        return -180.0, 180.0
    west = nexts[widest] - 360.0 if widest == len(gaps) - 1 else nexts[widest]
    east = float(coords.wrap(np.float64(max(ends[: widest + 1])), -180.0))
    return float(west), east


def _counted(counts: Counter[str]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{count:,} {what}" for what, count in counts.most_common())
