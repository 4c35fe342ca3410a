"""Systems and codes as words of a command name them."""

import re
from collections.abc import Iterable

SYSTEMS = "GRSECJI"  # GPS, GLONASS, SBAS, Galileo, BeiDou, QZSS, NavIC
NUMBERINGS = {
    "earthscope": {system: number for number, system in enumerate(SYSTEMS, 1)},
    # Arrays of EarthScope's demonstration have 0 for GPS; what the others are, it does not say.
    "demo": {system: number for number, system in enumerate(SYSTEMS)},
}
CODE = re.compile(r"[1-9][A-Z]?")  # a band and, but in RINEX 2, an attribute
NAMES = ("GPS", "GLONASS", "SBAS", "Galileo", "BeiDou", "QZSS", "NavIC")


def parse_systems(words: str | None) -> str | None:
    """Return the letters of systems, each once; None for all.

    Raises
    ------
    ValueError
        If a letter is none of a system.

    Examples
    --------
    >>> parse_systems("G,R"), parse_systems("ERGE")
    ('GR', 'GRE')
    """
    if words is None:
        return None
    letters = words.replace(",", "").replace(" ", "")
    if not letters or not set(letters) <= set(SYSTEMS):
        raise ValueError(f"systems {words!r}: give letters of {SYSTEMS}, such as GRE")
    return "".join(system for system in SYSTEMS if system in letters)


def parse_codes(words: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return codes of signal strengths, sorted, each once; None for all.

    Raises
    ------
    ValueError
        If one is not a band and an attribute; those of RINEX 2 but for S1 have none.

    Examples
    --------
    >>> parse_codes("2W,1C"), parse_codes("2")
    (('1C', '2W'), ('2',))
    """
    if words is None:
        return None
    found = words.split(",") if isinstance(words, str) else words
    codes = {word.strip() for word in found}
    for code in codes:
        if not CODE.fullmatch(code):
            raise ValueError(
                f"code {code!r}: give band and attribute, such as 1C, with commas between them"
            )
    return tuple(sorted(codes))


def check_code(code: str, of: str = "code") -> None:
    """Raise ValueError if a word is not one code; `of` is what it was given for."""
    if not CODE.fullmatch(code):
        raise ValueError(f"{of}: {code!r} is no code, such as 1C")
