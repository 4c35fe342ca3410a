"""How other tools name the places of points, and the units in which captools takes them."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass

from captools.flat.opening import NotFlatError
from captools.flat.table import two_columns
from captools.geo import coords
from captools.geo.time import decimal_year
from captools.io.packing import Source

# Our names: what they are called elsewhere, in lower case, and CF's standard name.
_PAIRS = (
    {"lon": (("lon", "longitude"), "longitude"), "lat": (("lat", "latitude"), "latitude")},
    {"x": (("x",), "projection_x_coordinate"), "y": (("y",), "projection_y_coordinate")},
)

_ANGLES = re.compile(r"(micro|milli|nano)_?deg.*|1e-\d+ ?deg.*|u?rad|radians?|arc_?(sec|min).*")
_LENGTHS = re.compile(r"(km|cm|mm|dm|ft|(kilo|centi|milli|deci)met(er|re)s?|feet|foot)")
_SINCE = re.compile(r"(\w+) since (\S+).*")
_EPOCH = "1980-01-06"
CLOCK_ROWS = 1000  # from the start of a file, whose times are compared
CLOCK_YEARS = 0.01


@dataclass(frozen=True)
class PlaceNames:
    """The columns that are places where a file does not call them as usual; east first."""

    lonlat: tuple[str, ...] | None = None
    xy: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, lonlat: str | Iterable[str] | None = None, xy: str | Iterable[str] | None = None
    ) -> "PlaceNames":
        """Return the names of two columns each; ValueError if there are not two."""
        return cls(*(None if one is None else tuple(two_columns(one)) for one in (lonlat, xy)))

    def options(self) -> dict[str, object]:
        """Return those that are given, for the header of a flat file."""
        return {name: names for name, names in asdict(self).items() if names}

    def our_names(self, columns: Collection[str]) -> dict[str, str]:
        """Return our names of those that are given, by their names in the file.

        Raises
        ------
        NotFlatError
            If the file lacks one of these columns, or has others of our names.
        """
        found: dict[str, str] = {}
        for theirs, ours in ((self.lonlat, ("lon", "lat")), (self.xy, ("x", "y"))):
            if theirs is None:
                continue
            if missing := [name for name in theirs if name not in columns]:
                raise NotFlatError(f"has no column {_listed(missing)}: it has {_listed(columns)}")
            if taken := [name for name in ours if name in columns and name not in theirs]:
                raise NotFlatError(
                    f"has {_listed(taken)} already: {_listed(theirs)} cannot become {_listed(ours)}"
                )
            found |= dict(zip(theirs, ours, strict=True))
        return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


USUAL = PlaceNames()


def our_names(columns: dict[str, Source], given: PlaceNames = USUAL) -> dict[str, str]:
    """Return our names of columns that are places, by their names in the file.

    Those that are given count first. Of other pairs both columns are found, or none; a file
    that has ours keeps all others. NotFlatError as `PlaceNames.our_names`.
    """
    found = given.our_names(columns)
    for pair in _PAIRS:
        if set(pair) & {*columns, *found.values()}:
            continue
        theirs = {ours: _find(columns, *known) for ours, known in pair.items()}
        if all(theirs.values()):
            found |= {name: ours for ours, name in theirs.items()}
    return found


def _find(columns: dict[str, Source], names: Iterable[str], standard_name: str) -> str:
    """Return the one column of a name, else the one of a standard name, "" if not one."""
    named = [name for name in columns if name.lower() in names]
    if not named:
        named = [
            name
            for name, column in columns.items()
            if column.attribute("standard_name") == standard_name
        ]
    return named[0] if len(named) == 1 else ""


def check_units(units: Callable[[str], str], names: Iterable[str], crs: str) -> None:
    """Raise NotFlatError if places or times have other units.

    Parameters
    ----------
    units : callable
        Returns the units that the file states of a column, "" if none.
    names : iterable of str
        The columns, by our names.
    crs : str
        Of x and y, "" if it is unknown.
    """
    for name in {"lon", "lat", "x", "y", "t_gps"}.intersection(names):
        stated = units(name).strip().lower()
        if stated and (wanted := _wanted(name, stated, crs)):
            raise NotFlatError(
                f"{name} has the attribute units = {stated!r}: captools takes {wanted}"
            )


def _wanted(name: str, stated: str, crs: str) -> str:
    """Return the units that a column should have, "" if they are those stated, or may be."""
    if name in ("lon", "lat"):
        return "degrees" if _ANGLES.fullmatch(stated) else ""
    if name == "t_gps":
        since = _SINCE.fullmatch(stated)
        right = since and since[1] in ("s", "sec", "second", "seconds") and since[2][:10] == _EPOCH
        return "" if right or not since else f"GPS seconds since {_EPOCH}"
    if not _LENGTHS.fullmatch(stated) or (crs and coords.crs_unit(crs) != "m"):
        return ""
    return "metres"


def check_clock(years: Source, seconds: Source) -> None:
    """Raise NotFlatError if the decimal years of a file say that its seconds are not those of GPS.

    Those of older tools are off by leap seconds alone.
    """
    import numpy as np

    rows = slice(0, min(seconds.shape[0], CLOCK_ROWS))
    theirs, ours = years.read(rows), decimal_year(seconds.read(rows))
    apart = np.flatnonzero(np.abs(theirs - ours) > CLOCK_YEARS)
    if len(apart):
        raise NotFlatError(
            f"t_year is {theirs[apart[0]]:.2f}, but its seconds, as those of GPS, make "
            f"{ours[apart[0]]:.2f}: give them their units (seconds since 1980-01-06 is GPS)"
        )
