"""Names of RINEX observation files, long ones and short ones of RINEX 2, and of stations."""

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from captools.io.address import file_name

if TYPE_CHECKING:
    import numpy as np

COMPRESSIONS = ("", ".gz", ".z", ".bz2", ".zip")  # in lower case
_KINDS = "gresjcim"  # of observations: of one system, or mixed
_PLAIN = (
    # Navigation and meteorological files lie beside them: _MN.rnx, _MM.rnx.
    *(f"_{kind}o.rnx" for kind in _KINDS),
    ".crx",
    *(f".{year:02}{form}" for year in range(100) for form in "od"),
)
SUFFIXES = tuple(name + how for name in _PLAIN for how in COMPRESSIONS)  # of files in folders
_ANY = tuple(f".rnx{how}" for how in COMPRESSIONS)
_LONG = re.compile(r"([A-Z0-9]{4})\d\d[A-Z]{3}_[A-Z]_(\d{4})(\d{3})\d{4}_", re.I)
_SHORT = re.compile(r"([A-Z0-9]{4})(\d{3})[0-9A-X](?:\d\d)?\.(\d\d)[OD](?:\..*)?", re.I)
_FORM = re.compile(r"(?:\.rnx|\.crx|(\.\d\d)[od])?(?:\.gz|\.z|\.bz2|\.zip)?$", re.I)
_LONG_MARKER = re.compile(r"[A-Z0-9]{4}\d\d[A-Z]{3}")
_FIRST_YEAR = 1980  # two digits of a year count from it


class Name(NamedTuple):
    """What a file name says; of one that follows no rule, nothing."""

    station: str = ""  # four characters, upper case
    day: "np.datetime64 | None" = None  # on which the file begins


def is_rinex(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is one of RINEX observations, as far as its name says.

    Examples
    --------
    >>> is_rinex("NYA100NOR_S_20241270000_01D_30S_MO.crx.gz"), is_rinex("york0440.15d.Z")
    (True, True)
    >>> is_rinex("NYA100NOR_S_20241270000_01D_MN.rnx.gz"), is_rinex("all.h5")
    (False, False)
    """
    name = file_name(os.fspath(path)).lower()
    if _LONG.match(name):
        return name.endswith(SUFFIXES)
    return name.endswith(SUFFIXES) or name.endswith(_ANY)


def parse_name(path: str | os.PathLike[str]) -> Name:
    """Return station and day of a file, as its name says.

    Examples
    --------
    >>> parse_name("york0440.15d.Z")
    Name(station='YORK', day=np.datetime64('2015-02-13'))
    >>> parse_name("demo.10o")
    Name(station='', day=None)
    """
    name = file_name(os.fspath(path))
    if found := _LONG.match(name):
        return _name(found[1], int(found[2]), int(found[3]))
    if found := _SHORT.fullmatch(name):
        year = (int(found[3]) - _FIRST_YEAR) % 100 + _FIRST_YEAR
        return _name(found[1], year, int(found[2]))
    return Name()


def plain_name(path: str | os.PathLike[str]) -> str:
    """Return the name of a file without what says how it is written and compressed.

    Examples
    --------
    >>> plain_name("NYA100NOR_S_20241270000_01D_30S_MO.crx.gz")
    'NYA100NOR_S_20241270000_01D_30S_MO'
    >>> plain_name("york0440.15d.Z"), plain_name("york0440.15O")
    ('york0440.15', 'york0440.15')
    """
    return _FORM.sub(r"\1", file_name(os.fspath(path)))


def as_text(name: str) -> str:
    r"""Return the name of a file as text, for it need not be UTF-8.

    Examples
    --------
    >>> as_text("caf\udce9.24o") == "caf\N{REPLACEMENT CHARACTER}.24o"
    True
    """
    return os.fsencode(name).decode("utf-8", "replace")


def are_one(station: str, other: str) -> bool:
    """Return whether two markers are ways to write one.

    Examples
    --------
    >>> are_one("NYA1", "nya1"), are_one("NYA1", "NYA100NOR"), are_one("NYA100NOR", "NYA101NOR")
    (True, True, False)
    """
    markers = [station.strip().upper(), other.strip().upper()]
    long = [_LONG_MARKER.fullmatch(marker) is not None for marker in markers]
    if long[0] != long[1]:  # a short marker is the beginning of the long one
        markers = [
            marker[:4] if is_long else marker for marker, is_long in zip(markers, long, strict=True)
        ]
    return markers[0] == markers[1]


def _name(station: str, year: int, day: int) -> Name:
    import numpy as np  # the command line reads this module for the endings alone

    found = np.datetime64(f"{year:04}-01-01", "D") + np.timedelta64(day - 1, "D")
    is_there = found.astype("M8[Y]") == np.datetime64(f"{year:04}", "Y")
    return Name(station.upper(), found if is_there else None)
