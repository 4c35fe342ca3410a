"""Systems and codes: as words of a command name them, and as the numbers that arrays hold."""

import numpy as np

SYSTEMS = "GRSECJI"  # GPS, GLONASS, SBAS, Galileo, BeiDou, QZSS, NavIC
NUMBERINGS = {
    "earthscope": {system: number for number, system in enumerate(SYSTEMS, 1)},
    # Arrays of EarthScope's demonstration have 0 for GPS; what the others are, it does not say.
    "demo": {system: number for number, system in enumerate(SYSTEMS)},
}
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


def parse_codes(words: str | None) -> tuple[str, ...] | None:
    """Return codes of signal strengths, sorted, each once; None for all.

    Raises
    ------
    ValueError
        If one is not a band and an attribute.

    Examples
    --------
    >>> parse_codes("2W,1C")
    ('1C', '2W')
    """
    if words is None:
        return None
    codes = {word.strip() for word in words.split(",")}
    for code in codes:
        if not (len(code) == 2 and code[0] in "123456789" and "A" <= code[1] <= "Z"):
            raise ValueError(
                f"code {code!r}: give band and attribute, such as 1C, with commas between them"
            )
    return tuple(sorted(codes))


def system_numbers(systems: np.ndarray, numbering: str) -> np.ndarray:
    """Return the numbers (uint8) of systems given as letters (S1).

    Examples
    --------
    >>> system_numbers(np.array([b"G", b"E"]), "earthscope").tolist()
    [1, 4]
    """
    table = np.zeros(256, np.uint8)
    for system, number in NUMBERINGS[numbering].items():
        table[ord(system)] = number
    return table[np.ascontiguousarray(systems, "S1").view(np.uint8)]


def system_letters(numbers: np.ndarray, numbering: str) -> np.ndarray:
    """Return the letters (S1) of systems given as numbers; ? of a number that is none."""
    table = np.full(256, b"?", "S1")
    for system, number in NUMBERINGS[numbering].items():
        table[number] = system
    return table[numbers]


def code_numbers(codes: np.ndarray) -> np.ndarray:
    """Return the numbers (uint16) of codes (S2): their two characters, the first one counts more.

    Examples
    --------
    >>> code_numbers(np.array([b"1C"])).tolist()
    [12611]
    """
    return np.ascontiguousarray(codes, "S2").view(">u2").astype(np.uint16)


def code_letters(numbers: np.ndarray) -> np.ndarray:
    """Return the codes (S2) of numbers.

    Examples
    --------
    >>> code_letters(np.array([12611]))
    array([b'1C'], dtype='|S2')
    """
    return np.ascontiguousarray(numbers, ">u2").view("S2")
