"""How many channels are read, and worked on, at once, by memory and by how chunks of inputs lie."""

from collections.abc import Iterable

import numpy as np

from captools.das.reading import Reader
from captools.das.windows import Stretch

BLOCK_BYTES = 1 << 25  # of samples at a time;
CHUNK_BYTES = 3 << 26  # so much is read where less would decode each chunk several times


def channels_at_once(reader: Reader, parts: Iterable[tuple[Stretch, int]]) -> tuple[int, int]:
    """Return how many channels are worked on at once, and how many are read.

    Parameters
    ----------
    reader : Reader
        Reads them.
    parts : iterable of (Stretch, int)
        What is read, and how many samples of it.
    """
    bytes_each, together = 1, 1
    for stretch, samples in parts:
        record = stretch.portions[0].record
        bytes_each += samples * np.dtype(record.dtype).itemsize
        together = max(together, -(-reader.together(record) // reader.channels.step))
    few = max(1, BLOCK_BYTES // bytes_each)
    is_more = few < together and together * bytes_each <= CHUNK_BYTES
    return few, together if is_more else few


def cut(channels: int, at_once: int) -> list[slice]:
    """Return the parts of some channels, of so many each.

    Examples
    --------
    >>> cut(5, 3)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return [slice(first, min(first + at_once, channels)) for first in range(0, channels, at_once)]
