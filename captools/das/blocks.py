"""How many channels are read, and worked on, at once, by memory and by how chunks of inputs lie."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from captools.das.reading import Reader
from captools.das.records import Record

BLOCK_BYTES = 1 << 25  # of samples at a time;
CHUNK_BYTES = 3 << 26  # so much is read where less would decode each chunk several times


class Widths(NamedTuple):
    """How many channels there are at once."""

    worked_on: int  # of those that are asked for
    read: int  # of all in the file


def widths(reader: Reader, parts: Iterable[tuple[Record, int]]) -> Widths:
    """Return how many channels there are at once.

    Parameters
    ----------
    reader : Reader
        Reads them.
    parts : iterable of (Record, int)
        What is read, and how many samples of it.
    """
    bytes_each, chunk = 1, 1
    for record, samples in parts:
        bytes_each += samples * np.dtype(record.dtype).itemsize
        chunk = max(chunk, reader.together(record))
    few = max(1, BLOCK_BYTES // bytes_each)
    read = few * reader.channels.step
    if read >= chunk:
        return Widths(few, read // chunk * chunk)
    return Widths(few, chunk if chunk * bytes_each <= CHUNK_BYTES else read)


def cut(channels: range, width: int) -> list[slice]:
    """Return parts of channels, between multiples of a width: where chunks end, if it is theirs.

    Examples
    --------
    >>> cut(range(2, 9), 3)
    [slice(0, 1, None), slice(1, 4, None), slice(4, 7, None)]
    """
    edges = range(channels.start // width * width + width, channels.stop, width)
    inside = [-(-(edge - channels.start) // channels.step) for edge in edges]
    every = sorted({0, *inside, len(channels)})
    return [slice(*ends) for ends in pairwise(every)]
