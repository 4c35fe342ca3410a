"""Tapers: what a segment is multiplied with before its spectrum is taken.

A taper is periodic (its first sample has no twin at the end, as spectra of overlapping segments
want it) or symmetric (the last sample is as the first one, as CryoCube has it).
"""

from collections.abc import Callable
from functools import partial

import numpy as np


def tukey(length: int, share: float = 0.25, symmetric: bool = False) -> np.ndarray:
    """Return a taper that is flat but for a cosine at both ends.

    Parameters
    ----------
    length : int
        Samples, two at least.
    share : float
        Of the length, that both cosines together have: 0 is no taper, 1 is Hann's.
    symmetric : bool
        Whether the last sample is as the first; else the taper is periodic.

    Returns
    -------
    array of float64, shape (length,)

    Examples
    --------
    >>> tukey(8, 0.5)
    array([0. , 0.5, 1. , 1. , 1. , 1. , 1. , 0.5])
    """
    if length < 2:
        raise ValueError(f"a taper has two samples at least, not {length}")
    if not 0 <= share <= 1:
        raise ValueError(f"a Tukey taper has a share of 0 to 1, not {share:g}")
    last = length - 1 if symmetric else length
    from_end = np.minimum(np.arange(length), last - np.arange(length))
    rise = share * last / 2  # samples of the cosine at one end
    if not rise:
        return np.ones(length)
    return np.where(from_end < rise, 0.5 - 0.5 * np.cos(np.pi * from_end / rise), 1.0)


TAPERS: dict[str, Callable[..., np.ndarray]] = {
    "boxcar": partial(tukey, share=0.0),
    "hann": partial(tukey, share=1.0),
    "tukey": tukey,
}


def taper(words: str, length: int, symmetric: bool = False) -> np.ndarray:
    """Return the taper that words such as ``tukey:0.25``, ``hann`` or ``boxcar`` name.

    Examples
    --------
    >>> taper("hann", 4)
    array([0. , 0.5, 1. , 0.5])
    """
    name, _, number = words.partition(":")
    if name not in TAPERS:
        raise ValueError(f"taper {words!r} is none of {', '.join(TAPERS)}")
    if not number:
        return TAPERS[name](length, symmetric=symmetric)
    if name != "tukey":
        raise ValueError(f"taper {words!r}: {name} has no number")
    try:
        share = float(number)
    except ValueError:
        raise ValueError(f"taper {words!r}: {number!r} is no number") from None
    return tukey(length, share, symmetric)


def ends(taper: np.ndarray) -> tuple[int, int]:
    """Return of how many samples at its beginning and at its end a taper takes something off.

    Examples
    --------
    >>> ends(tukey(8, 0.5))
    (2, 1)
    """
    changed = np.flatnonzero(taper[: (len(taper) + 1) // 2] < 1)
    begin = int(changed[-1]) + 1 if changed.size else 0
    whole = np.flatnonzero(taper[begin:] == 1)
    return begin, len(taper) - begin - (int(whole[-1]) + 1 if whole.size else 0)
