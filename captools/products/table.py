"""Products as tables: a TOML file is checked, word by word, and becomes a `Product`."""

import re
import tomllib
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from captools.geo.conditions import Condition, Formula
from captools.products.columns import AXES, DERIVED_NAMES, Column
from captools.products.product import Product, is_path

_KEYS = {
    "name": str,
    "short_name": str,
    "on_request": bool,
    "file_name": str,
    "tracks": list,
    "group": str,
    "clock": str,
    "epoch": datetime,
    "epoch_path": str,
    "longitude": int,
    "applied": list,
    "roles": dict,
    "columns": dict,
    "presets": dict,
    "derived": dict,
    "quality": dict,
    "identity": dict,
    "regions": dict,
    "spots": dict,
}
_REQUIRED = ("name", "file_name", "tracks", "clock", "epoch", "roles", "columns", "quality")
_ROLES = ("lat", "lon", "time", "height", "slope", "segment_id", "order")
_COLUMN = {"path": (str, list), "units": str, "long_name": str, "axis": str, "pick": int}
_COLUMN |= {"map": str, "fill": (int, float)}
_DERIVED = {"formula": str, "units": str, "long_name": str}
_REGIONS = ("ascending", "turning", "southern")
_ORIENTATIONS = {"backward": 0, "forward": 1}
_NUMBERS = {"rgt", "cycle", "region"}  # groups of a file name
_TYPES = {str: "text", bool: "true or false", list: "a list", int: "a whole number"}
_TYPES |= {float: "a fraction", dict: "a table", datetime: "a date with a time"}
_TAI_MINUS_GPS_SECONDS = 19  # as in geo.time, which would import numpy before any help
_NAME = re.compile(r"[A-Za-z]\w*")


class _Wrong(ValueError):
    """A table is wrong: at which key, and why."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")


def load(path: Path) -> Product:
    """Return the product that a table describes.

    Parameters
    ----------
    path : Path
        A TOML file.

    Raises
    ------
    ValueError
        If it cannot be read, or is wrong; it names the file and the key.
    """
    try:
        with open(path, "rb") as file:
            return product_of(tomllib.load(file))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not TOML (no UTF-8 text)") from None
    except ValueError as error:  # those of tomllib too, which name the line
        raise ValueError(f"{path}: {error}") from None


def product_of(table: dict) -> Product:
    """Return the product that a table describes; ValueError, naming the key, if it is wrong."""
    _check_keys(table, _KEYS, "")
    if missing := [key for key in _REQUIRED if key not in table]:
        raise _Wrong(missing[0], "is missing")
    if not re.fullmatch(r"\w+", table["name"]):
        raise _Wrong("name", f"{table['name']!r} must be of letters, digits and _")
    columns, presets = _columns(table)
    known = {column.name: column for column in columns}
    for preset in presets.values():
        known |= {column.name: column for column in preset}
    tracks = _texts(table, "tracks")
    if not tracks or len(set(tracks)) < len(tracks):
        raise _Wrong("tracks", 'must name each track once; [""] if there is but one, at the root')
    start, epoch = _clock(table)
    if table.get("longitude", 180) not in (180, 360):
        raise _Wrong("longitude", "must be 180 or 360, the largest that there is")
    return Product(
        name=table["name"],
        short_name=table.get("short_name", table["name"]),
        on_request=table.get("on_request", False),
        tracks=tracks,
        group=table.get("group", ""),
        columns=columns,
        presets=presets,
        quality=_quality(table["quality"], known),
        identity=_identity(table),
        name_pattern=_pattern(table["file_name"]),
        clock=table["clock"],
        start=start,
        epoch=epoch,
        epoch_path=table.get("epoch_path", ""),
        longitude=table.get("longitude", 180),
        applied=_texts(table, "applied"),
        spots=_spots(table.get("spots", {}), tracks),
        **_keywords(table, known),
    )


def _check_keys(table: dict, types: dict, where: str) -> None:
    for key, value in table.items():
        if key not in types:
            raise _Wrong(f"{where}{key}", f"is unknown: choose from {', '.join(types)}")
        allowed = types[key] if isinstance(types[key], tuple) else (types[key],)
        if type(value) not in allowed:
            types_allowed = " or ".join(_TYPES[one] for one in allowed)
            raise _Wrong(f"{where}{key}", f"must be {types_allowed}, not {value!r}")


def _texts(table: dict, key: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not all(isinstance(value, str) for value in values):
        raise _Wrong(key, "must be a list of texts")
    return tuple(values)


def _columns(table: dict) -> tuple[tuple[Column, ...], dict[str, tuple[Column, ...]]]:
    """Return the default columns and the presets."""
    columns = [_column(name, entry, "columns") for name, entry in table["columns"].items()]
    presets: dict[str, tuple[Column, ...]] = {}
    for preset, entries in table.get("presets", {}).items():
        if not isinstance(entries, dict):
            raise _Wrong(f"presets.{preset}", "must be a table of columns")
        presets[preset] = tuple(
            _column(name, entry, f"presets.{preset}") for name, entry in entries.items()
        )
    everywhere = [*columns, *(column for preset in presets.values() for column in preset)]
    sources = {column.name: column for column in everywhere}
    for name, entry in table.get("derived", {}).items():
        columns.append(_derived(name, entry, sources))
    names = [column.name for column in (*columns, *everywhere[len(table["columns"]) :])]
    if twice := [name for name in names if names.count(name) > 1 or name in presets]:
        raise _Wrong(f"columns.{twice[0]}", "is there twice")
    return tuple(columns), presets


def _column(name: str, entry: Any, where: str) -> Column:
    key = f"{where}.{name}"
    entry = {"path": entry} if isinstance(entry, str) else entry
    _check_column(key, name, entry, _COLUMN)
    paths = entry.get("path", [])
    paths = [paths] if isinstance(paths, str) else paths
    if not paths or not all(isinstance(path, str) and is_path(path) for path in paths):
        raise _Wrong(f"{key}.path", "must be a path below the group, or a list of such")
    axis, pick = entry.get("axis", "n"), entry.get("pick")
    if axis not in AXES:
        raise _Wrong(f"{key}.axis", f"must be {', '.join(AXES[:-1])} or {AXES[-1]}")
    if pick is not None and (axis != "n" or pick < 0):
        raise _Wrong(f"{key}.pick", "must be 0 or more, of a column with a value for each point")
    index, fill = entry.get("map", ""), entry.get("fill")
    if index and (axis != "n" or pick is not None or not is_path(index)):
        raise _Wrong(
            f"{key}.map", "must be a path below the group, of a column without axis or pick"
        )
    if fill is not None and not isfinite(fill):
        raise _Wrong(f"{key}.fill", "must be a finite number")
    units, long_name = entry.get("units", ""), entry.get("long_name", "")
    return Column(
        *(name, paths[0], units, long_name, tuple(paths[1:])),
        axis=axis,
        pick=pick,
        map=index,
        fill=fill,
    )


def _check_column(key: str, name: str, entry: Any, types: dict) -> None:
    if not _NAME.fullmatch(name) or name in DERIVED_NAMES:
        raise _Wrong(
            key, f"a column is named by letters, digits and _, not {', '.join(DERIVED_NAMES)}"
        )
    if not isinstance(entry, dict):
        raise _Wrong(key, "must be a path, or a table with one")
    _check_keys(entry, types, f"{key}.")


def _derived(name: str, entry: Any, sources: dict[str, Column]) -> Column:
    key = f"derived.{name}"
    entry = {"formula": entry} if isinstance(entry, str) else entry
    _check_column(key, name, entry, _DERIVED)
    words = entry.get("formula", "")
    formula = _understood(Formula, words, f"{key}.formula", sources)
    axes = {sources[column].axis for column in formula.columns}
    units, long_name = entry.get("units", ""), entry.get("long_name", "")
    axis = axes.pop() if len(axes) == 1 else "nk"
    return Column(name, "", units, long_name, axis=axis, formula=words)


def _understood(kind: type, words: object, key: str, known: dict[str, Column]) -> Condition:
    if not isinstance(words, str):
        raise _Wrong(key, f"must be text, not {words!r}")
    try:
        condition = kind(words)
    except ValueError as error:
        raise _Wrong(key, str(error)) from None
    if unknown := [name for name in condition.columns if name not in known]:
        raise _Wrong(key, f"there is no column {unknown[0]}")
    return condition


def _quality(conditions: dict, known: dict[str, Column]) -> dict[str, Condition]:
    if empty := [name for name, words in conditions.items() if words == ""]:
        raise _Wrong(f"quality.{empty[0]}", "is empty: it must at least drop fills of the height")
    rules = {
        name: _understood(Condition, words, f"quality.{name}", known)
        for name, words in conditions.items()
    }
    for name in ("best", "all"):
        if name not in rules:
            raise _Wrong(f"quality.{name}", "is missing")
    return rules


def _keywords(table: dict, known: dict[str, Column]) -> dict[str, Any]:
    """Return regions and roles, by the names that a product has for them."""
    return {**_regions(table.get("regions", {})), **_roles(table["roles"], known)}


def _roles(roles: dict, known: dict[str, Column]) -> dict[str, str]:
    _check_keys(roles, dict.fromkeys(_ROLES, str), "roles.")
    for role in ("lat", "lon", "time", "height"):
        if role not in roles:
            raise _Wrong(f"roles.{role}", "is missing")
    for role, name in roles.items():
        if name not in known and (name or role != "order"):
            raise _Wrong(f"roles.{role}", f"there is no column {name}")
    for role in ("lat", "lon"):
        if known[roles[role]].axis != "n":
            raise _Wrong(f"roles.{role}", "must have one value for each point")
    if any(one.axis != "n" for one in known.values()) and known[roles["height"]].axis != "nk":
        raise _Wrong("roles.height", 'must have axis = "nk" where a column has one')
    return dict.fromkeys(_ROLES, "") | {"order": roles["time"]} | roles


def _clock(table: dict) -> tuple[datetime, float]:
    """Return what the clock shows when the time column is zero, and the GPS seconds of it."""
    if table["clock"] not in ("gps", "tai", "utc"):
        raise _Wrong("clock", "must be gps, tai or utc")
    if table["epoch"].tzinfo is not None:
        raise _Wrong("epoch", "is what the clock shows: without a time zone")
    if table.get("epoch_path") and table["clock"] == "utc":
        raise _Wrong("epoch_path", "holds GPS seconds, which a UTC clock does not count")
    since = (table["epoch"] - datetime(1980, 1, 6)).total_seconds()
    return table["epoch"], since - (_TAI_MINUS_GPS_SECONDS if table["clock"] == "tai" else 0)


def _pattern(words: str) -> re.Pattern:
    try:
        pattern = re.compile(words)
    except re.error as error:
        raise _Wrong("file_name", f"is no regular expression ({error})") from None
    for name in _NUMBERS & set(pattern.groupindex):
        if rf"(?P<{name}>\d" not in words:
            raise _Wrong("file_name", rf"group {name} must be of digits: (?P<{name}>\d…)")
    return pattern


def _identity(table: dict) -> dict[str, str]:
    identity = table.get("identity", {})
    _check_keys(identity, dict.fromkeys(identity, str), "identity.")
    for name in identity:
        if not _NAME.fullmatch(name) or name in DERIVED_NAMES:
            raise _Wrong(f"identity.{name}", "is no name of a column")
    return identity


def _regions(regions: dict) -> dict[str, tuple[int, ...]]:
    _check_keys(regions, dict.fromkeys(_REGIONS, list), "regions.")
    for name, values in regions.items():
        if not all(type(value) is int for value in values):
            raise _Wrong(f"regions.{name}", "must be a list of whole numbers")
    return {f"{name}_regions": tuple(regions.get(name, ())) for name in _REGIONS}


def _spots(orientations: dict, tracks: tuple[str, ...]) -> dict[int, dict[str, int]]:
    _check_keys(orientations, dict.fromkeys(_ORIENTATIONS, list), "spots.")
    for name, spots in orientations.items():
        if len(spots) != len(tracks) or not all(type(spot) is int for spot in spots):
            raise _Wrong(f"spots.{name}", "must be a number for each track")
    return {
        _ORIENTATIONS[name]: dict(zip(tracks, spots, strict=True))
        for name, spots in orientations.items()
    }
