"""Inputs that are drawn by themselves, not as points: a cube, a grid, a table."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from captools.das.names import means_cube
from captools.io.address import is_remote

# Of `preview` and other programs, and of `snr`; cubes have a name of their own.
ENDINGS = {"grid": (".tif", ".tiff"), "table": (".csv", ".parquet")}
# Options of `preview` that they have, beside those of who does the work.
OPTIONS = {
    "cube": ("cmap", "percentiles", "title", "channel", "band"),
    "grid": (
        *("var", "crs", "extent", "size", "cmap", "how", "clip", "percentiles"),
        *("point", "threshold", "background", "overlay", "hillshade", "inset"),
        *("dpi", "width", "title", "label", "units", "bare"),
    ),
    "table": ("title", "dpi"),
}
ENGINE = ("jobs", "engine", "scheduler")
OF_FLAT_FILES = ("xy", "lonlat", "all_rows")  # which points of GeoParquet do not have


class Lone(NamedTuple):
    """An input, and its kind: one of `OPTIONS`."""

    path: str
    kind: str

    @property
    def is_parquet(self) -> bool:
        """Whether it may be points, too."""
        return self.path.lower().endswith(".parquet")


def lone_input(paths: Sequence[str]) -> Lone | None:
    """Return the input that is drawn by itself; None if there is none, by the names.

    Raises
    ------
    ValueError
        If there are others beside it, or it is on a server and cannot be read there.
    """
    lone = next((Lone(path, kind) for path in paths if (kind := _kind(path))), None)
    if lone is None:
        return None
    if len(paths) > 1:
        raise ValueError(f"{lone.path}: a {lone.kind} is looked at by itself: name no other input")
    if lone.kind != "cube" and is_remote(lone.path):
        raise ValueError(f"{lone.path}: a {lone.kind} is read here only: fetch it first")
    return lone


def _kind(path: str) -> str:
    """Return what a path names that is drawn by itself, "" if nothing."""
    if means_cube(path):
        return "cube"
    return next((kind for kind, ends in ENDINGS.items() if path.lower().endswith(ends)), "")


def check_options(function: Callable, given: Mapping[str, Any], kind: str) -> None:
    """Raise ValueError if an option is given that an input of this kind does not have.

    Parameters
    ----------
    function : callable
        Which takes the options by name, and has their defaults.
    given : mapping
        Its options.
    kind : str
        One of `OPTIONS`.
    """
    for name, option in inspect.signature(function).parameters.items():
        is_option = option.kind is option.KEYWORD_ONLY and name not in OPTIONS[kind] + ENGINE
        if is_option and given[name] != option.default:
            raise ValueError(f"{name} is for points, not for a {kind}")
