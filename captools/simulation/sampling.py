"""Which segments have a height: bursts between clouds, alike but not equal in all beams."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

BURST_SEGMENTS = 50
"""Segments (1 km) that a gap between clouds shows, on average, where segments are few."""

MIN_BURSTS = 8
"""Fewest gaps between clouds, so that even a small granule crosses all of its region."""

PAIR_LOSS = 0.02
"""Largest share of its segments that a beam pair lacks."""

BEAM_LOSS_SEGMENTS = 4
"""Most segments that one beam of a pair lacks and the other has."""


def pair_segments(rng: Generator, first: int, last: int, segments: int) -> NDArray[np.int32]:
    """Draw the segments of a beam pair, from `first` to `last`.

    Bursts of consecutive segments are separated by gaps of random length; the first burst starts
    at `first` and the last ends at `last`. At most `segments` (less up to 2 %) are drawn.
    """
    wanted = min(segments, last - first + 1)
    wanted -= int(rng.integers(0, int(wanted * PAIR_LOSS) + 1))
    bursts = max(min(wanted, MIN_BURSTS), wanted // BURST_SEGMENTS)
    lengths = np.diff(np.linspace(0, wanted, bursts + 1).astype(int))
    gaps = np.zeros(bursts, dtype=int)
    if bursts > 1:
        gaps[1:] = rng.multinomial(last - first + 1 - wanted, rng.dirichlet(np.ones(bursts - 1)))
    return (first + np.arange(wanted) + np.repeat(np.cumsum(gaps), lengths)).astype(np.int32)


def even_segments(first: int, last: int, segments: int) -> NDArray[np.int32]:
    """Return at most `segments` ones from `first` to `last` with the same gap between them."""
    return np.linspace(first, last, min(segments, last - first + 1)).astype(np.int32)


def beam_segments(rng: Generator, pair: NDArray[np.int32]) -> NDArray[np.int32]:
    """Draw the segments of one beam: those of the pair, less a few."""
    lost = rng.integers(0, min(BEAM_LOSS_SEGMENTS, pair.size - 1) + 1)
    return np.delete(pair, rng.choice(pair.size, lost, replace=False))
