"""What a product is: data about its files, no code that opens them.

A product is described once, in a module of its own (`atl06`), and every reader
takes the description as an argument.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """One column of a flat file and where it comes from."""

    name: str
    path: str  # below the product's segments group; "" for a derived column
    units: str = ""
    long_name: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """What a flat file tells of the column."""
        return {"units": self.units, "long_name": self.long_name}


DERIVED = (
    Column("x", "", "m", "projected x"),
    Column("y", "", "m", "projected y"),
    Column("t_gps", "", "seconds since 1980-01-06", "GPS time, without leap seconds"),
    Column("t_year", "", "year", "decimal year, UTC"),
    Column("is_asc", "", "1", "true where the satellite moves north"),
)

# What tells the rows of several beams or granules in one file apart.
IDENTITY = (
    Column("rgt", "", "1", "reference ground track"),
    Column("cycle", "", "1", "repeat cycle"),
    Column("spot", "", "1", "ATLAS spot, odd ones strong; 0 unknown"),
)
IDENTITY_DTYPES = {"rgt": "i2", "cycle": "i2", "spot": "i1"}
_DERIVED_NAMES = tuple(column.name for column in DERIVED)

# Our names on the left, those of CAPToolkit's readers and the first tutorial on the right.
CAPTOOLKIT_NAMES = {
    "h_li": "h_elv",
    "s_li": "s_elv",
    "q_flag": "q_flg",
    "t_gps": "t_sec",
    "is_asc": "trk_type",
}
DIALECTS = {"captools": {}, "captoolkit": CAPTOOLKIT_NAMES}


@dataclass(frozen=True)
class GranuleName:
    """What a granule's file name tells; 0 and "" where it tells nothing."""

    granule: str = ""  # without prefix, release, version and suffix: one granule, one value
    rgt: int = 0
    cycle: int = 0
    region: int = 0
    release: str = ""
    plain: str = ""  # the product's own file name, without prefix, suffix and ".h5"


@dataclass(frozen=True)
class Product:
    """An along-track product in HDF5: a group per beam, columns of one length below it.

    The roles (`lat` to `segment_id`) name the columns that the reader itself
    needs; they are looked up among `columns` and `presets`.
    """

    name: str
    beams: tuple[str, ...]
    segments: str
    columns: tuple[Column, ...]
    presets: dict[str, tuple[Column, ...]]
    name_pattern: re.Pattern
    epoch_path: str
    epoch: float  # GPS seconds of the time column's zero, where the file does not tell
    max_height: float  # metres; larger ones are fills or clouds
    ascending_regions: tuple[int, ...]
    turning_regions: tuple[int, ...]
    southern_regions: tuple[int, ...]
    spots: dict[int, dict[str, int]]  # by orientation: beam -> spot
    lat: str = "lat"
    lon: str = "lon"
    time: str = "t_dt"
    height: str = "h_li"
    quality: str = "q_flag"
    slope: str = "dh_fit_dx"
    segment_id: str = "segment_id"
    _by_name: dict[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the columns by name."""
        extra = [column for preset in self.presets.values() for column in preset]
        by_name = {column.name: column for column in (*self.columns, *extra)}
        object.__setattr__(self, "_by_name", by_name)

    def column(self, name: str) -> Column:
        """Return the source column called `name`."""
        return self._by_name[name]

    def choose(self, variables: str | Iterable[str] | None) -> tuple[Column, ...]:
        """Return the source columns that a choice of variables asks for.

        Parameters
        ----------
        variables : str or iterable of str, optional
            Comma separated. Plain names replace the default columns (latitude,
            longitude and time always come), ``name=path`` and presets add to
            them. Derived columns may be named; they come anyway.

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        words = variables.split(",") if isinstance(variables, str) else list(variables or ())
        plain, added = [], []
        for word in filter(None, (word.strip() for word in words)):
            if "=" in word:
                added.append(self._custom(word))
            elif word in self.presets:
                added.extend(self.presets[word])
            elif word in self._by_name or word in _DERIVED_NAMES:
                plain.append(word)
            else:
                raise ValueError(
                    f"unknown column {word!r}: choose from {', '.join(self._by_name)}, "
                    f"a preset ({', '.join(self.presets)}), or name=path below {self.segments}"
                )
        default = [column.name for column in self.columns]
        if len({column.name for column in added}) < len(set(added)):
            raise ValueError(f"two columns of one name: {variables}")
        names = [self.lat, self.lon, self.time, *plain] if plain else default
        chosen = [self._by_name[name] for name in names if name not in _DERIVED_NAMES]
        return tuple({column.name: column for column in (*chosen, *added)}.values())

    def _custom(self, word: str) -> Column:
        """Return the column of a ``name=path`` word."""
        name, path = (part.strip() for part in word.split("=", 1))
        path = path.strip("/")
        taken = {*self._by_name, *_DERIVED_NAMES, *CAPTOOLKIT_NAMES.values()}
        taken |= {column.name for column in IDENTITY}
        no_path = not {"", "."}.isdisjoint(path.split("/"))
        if not re.fullmatch(r"[A-Za-z]\w*", name) or no_path or name in taken:
            raise ValueError(
                f"column {word!r} must read name=path, with a new name of letters, digits and _"
            )
        return Column(name, path)

    def parse_name(self, filename: str) -> GranuleName:
        """Return what the name of a file tells of its granule.

        Prefixes (``processed_``) and suffixes (``_subsetted``, ``_gt1l``) are
        allowed; a name of another form tells nothing.
        """
        match = self.name_pattern.search(filename)
        if match is None:
            return GranuleName()
        part = match.groupdict()
        return GranuleName(
            granule=f"{self.name}_{part['start']}_{part['rgt']}{part['cycle']}{part['region']}",
            rgt=int(part["rgt"]),
            cycle=int(part["cycle"]),
            region=int(part["region"]),
            release=part["release"],
            plain=match.group(),
        )
