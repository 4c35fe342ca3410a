"""What a product is: data about its files, no code that opens them."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from captools.geo.conditions import Condition
from captools.products.columns import DERIVED_NAMES, IDENTITY, Column

if TYPE_CHECKING:  # as in geo.conditions: help comes at once
    import numpy as np


@dataclass(frozen=True)
class GranuleName:
    """What a granule's file name says; 0 and "" where it says nothing."""

    granule: str = ""  # without prefix, release, version and suffix: one granule, one value
    rgt: int = 0
    cycle: int = 0
    region: int = 0
    release: str = ""
    plain: str = ""  # the product's own file name, without prefix, suffix and ".h5"
    parts: Mapping[str, str] = field(default_factory=dict)  # all that the pattern names


@dataclass(frozen=True)
class Product:
    """An along-track product in HDF5: a group per track, columns of one length below it.

    The roles (`lat` to `order`) name the columns that the reader itself needs;
    they are looked up among `columns` and `presets`.
    """

    name: str
    short_name: str  # what a granule calls itself
    on_request: bool  # never recognized, only asked for by name
    tracks: tuple[str, ...]
    group: str
    columns: tuple[Column, ...]
    presets: dict[str, tuple[Column, ...]]
    quality: dict[str, Condition]  # `best`, `all` and others
    identity: dict[str, str]  # what distinguishes tracks: where a granule has it, "" if nowhere
    name_pattern: re.Pattern
    clock: str  # gps, tai or utc
    start: datetime  # what the clock shows when the time column is zero
    epoch: float  # GPS seconds of that moment
    epoch_path: str  # where a granule has it
    longitude: int  # 180 or 360: the largest there is
    applied: tuple[str, ...]  # the corrections that the height contains
    ascending_regions: tuple[int, ...]
    turning_regions: tuple[int, ...]
    southern_regions: tuple[int, ...]
    spots: dict[int, dict[str, int]]  # by orientation: track -> spot
    lat: str
    lon: str
    time: str
    height: str
    slope: str
    segment_id: str
    order: str  # what grows along the track; "" if rows have no direction
    _by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the columns by name."""
        extra = [column for preset in self.presets.values() for column in preset]
        by_name = {column.name: column for column in (*self.columns, *extra)}
        object.__setattr__(self, "_by_name", by_name)

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The columns, those of presets too."""
        return tuple(self._by_name.values())

    @property
    def granule_numbers(self) -> tuple[str, ...]:
        """The parts of the identity that are of the granule, and no column."""
        return tuple(
            name
            for name, source in self.identity.items()
            if name not in self._by_name and not source.startswith("@")
        )

    @property
    def track_numbers(self) -> tuple[str, ...]:
        """The parts of the identity that are of the track, and no column."""
        granule = {*self.granule_numbers, *self._by_name}
        return tuple(name for name in self.identity if name not in granule)

    @property
    def is_exploded(self) -> bool:
        """Whether a point has several rows, such as one for each cycle."""
        return any(column.axis != "n" for column in self.all_columns)

    @property
    def essential(self) -> tuple[Column, ...]:
        """The columns without which no row can be known to be good."""
        names = (self.lat, self.lon, self.time, self.height, *self.quality["best"].columns)
        return tuple(self._by_name[name] for name in dict.fromkeys(names))

    def column(self, name: str) -> Column:
        """Return the source column called `name`."""
        return self._by_name[name]

    def rule(self, name: str) -> Condition:
        """Return a quality rule; ValueError if there is none of this name."""
        if name not in self.quality:
            raise ValueError(
                f"quality {name!r} is no rule of {self.name}: choose {' or '.join(self.quality)}"
            )
        return self.quality[name]

    def check_direction(self) -> None:
        """Raise ValueError if rows neither ascend nor descend."""
        if not self.order:
            raise ValueError(f"split: rows of {self.name} have no direction")

    def check_cycle(self) -> None:
        """Raise ValueError if granules are not of one cycle each, as their names say."""
        if "cycle" not in self.name_pattern.groupindex:
            raise ValueError(f"by: names of {self.name} granules do not say a cycle")

    def check_slopes(self) -> None:
        """Raise ValueError if segments have no slopes to predict their neighbours with."""
        if not (self.slope and self.segment_id):
            raise ValueError(f"segment tolerance: {self.name} has no slopes of segments")

    def where(self, track: str, path: str) -> str:
        """Return the path, in a granule, of what is at `path` below the group of a track."""
        return "/".join(filter(None, (track, self.group, path)))

    def gps(self, time: "np.ndarray", epoch: float) -> "np.ndarray":
        """Return GPS seconds of times as the product has them, counted from GPS second `epoch`."""
        if self.clock != "utc":
            return time + epoch
        from captools.geo.time import gps_of_utc

        return gps_of_utc(time, self.start)

    def choose(
        self, variables: str | Iterable[str] | None, reserved: Collection[str] = ()
    ) -> tuple[Column, ...]:
        """Return the source columns that a choice of variables asks for.

        Parameters
        ----------
        variables : str or iterable of str, optional
            Comma separated. Plain names replace the default columns (latitude,
            longitude and time always come), ``name=path`` and presets add to
            them. Derived columns may be named; they come anyway.
        reserved : collection of str
            More names that a new column must not have.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        words = variables.split(",") if isinstance(variables, str) else list(variables or ())
        plain, added = [], []
        for word in filter(None, (word.strip() for word in words)):
            if "=" in word:
                added.append(self._custom(word, reserved))
            elif word in self.presets:
                added.extend(self.presets[word])
            elif word in self._by_name or word in DERIVED_NAMES:
                plain.append(word)
            else:
                raise ValueError(
                    f"unknown column {word!r}: choose from {', '.join(self._by_name)}, "
                    f"a preset ({', '.join(self.presets)}), "
                    f"or name=path below {self.group or self.tracks[0] or '/'}"
                )
        default = [column.name for column in self.columns]
        if len({column.name for column in added}) < len(set(added)):
            raise ValueError(f"two columns of one name: {variables}")
        names = [self.lat, self.lon, self.time, *plain] if plain else default
        chosen = [self._by_name[name] for name in names if name not in DERIVED_NAMES]
        return tuple({column.name: column for column in (*chosen, *added)}.values())

    def _custom(self, word: str, reserved: Collection[str]) -> Column:
        """Return the column of a ``name=path`` word."""
        name, path = (part.strip() for part in word.split("=", 1))
        path = path.strip("/")
        taken = {*self._by_name, *DERIVED_NAMES, *self.identity, *reserved}
        taken |= {column.name for column in IDENTITY}
        if not re.fullmatch(r"[A-Za-z]\w*", name) or not is_path(path) or name in taken:
            raise ValueError(
                f"column {word!r} must read name=path, with a new name of letters, digits and _"
            )
        return Column(name, path)

    def parse_name(self, filename: str) -> GranuleName:
        """Return what the name of a file says of its granule.

        Prefixes (``processed_``) and suffixes (``_subsetted``, ``_gt1l``) are
        allowed; a name of another form says nothing.
        """
        match = self.name_pattern.search(filename)
        if match is None:
            return GranuleName()
        parts = {name: text for name, text in match.groupdict().items() if text is not None}
        end = match.start("release") if "release" in parts else match.end()
        return GranuleName(
            granule=filename[match.start() : end].rstrip("_"),
            rgt=int(parts.get("rgt", 0)),
            cycle=int(parts.get("cycle", 0)),
            region=int(parts.get("region", 0)),
            release=parts.get("release", ""),
            plain=match.group(),
            parts=parts,
        )


def is_path(path: str) -> bool:
    """Return whether a path below a group has no empty part and no dot, which HDF5 refuses."""
    return {"", "."}.isdisjoint(path.split("/"))
