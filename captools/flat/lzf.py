"""LZF, the fast compression that h5py adds to HDF5, with the same bytes for the same values.

LZF's own code starts from whatever its memory held before: it finds now this repetition, now
that. Here a byte is compared with that of the value before and with nothing else, which in
columns is nearly all that there is to find. All readers of LZF read it.
"""

import numpy as np

SHORTEST_BYTES, LONGEST_BYTES = 3, 264  # of a repetition
LONG_BYTES = 9  # from here on the length of a repetition takes a byte more
LITERAL_BYTES = 32  # the longest stretch without a repetition
SPARED = 1  # what HDF5 notes of a chunk that its first filter left as it was


def pack(values: np.ndarray) -> tuple[bytes, int]:
    """Return the bytes of a chunk of values, and what HDF5 notes of it: spared if LZF is longer."""
    packed = compress(values)
    return (values.tobytes(), SPARED) if packed is None else (packed, 0)


def compress(values: np.ndarray) -> bytes | None:
    """Return the bytes of values as LZF, None if these would be no fewer.

    Parameters
    ----------
    values : array, shape (n,)
        Of a dtype of at most 256 bytes.

    Examples
    --------
    >>> compress(np.full(100, 7, "<i2")).hex(" ")
    '01 07 00 e0 bd 01'
    """
    data = np.frombuffer(values.tobytes(), np.uint8)
    start, length = _repetitions(data, values.dtype.itemsize)
    ends = np.append(0, start + length), np.append(start, len(data))
    literal_start, literal_length = _cut(*ends, LITERAL_BYTES)
    is_long = length >= LONG_BYTES
    sizes = np.append(2 + is_long, 1 + literal_length)  # in the stream
    if sizes.sum() >= len(data):
        return None

    order = np.argsort(np.append(start, literal_start))
    place = np.empty_like(sizes)
    place[order] = np.cumsum(sizes[order]) - sizes[order]
    place, literal_place = np.split(place, [len(start)])
    packed = np.empty(sizes.sum(), np.uint8)
    is_literal = np.ones(len(packed), bool)
    for at, byte in (
        (literal_place, literal_length - 1),
        (place, np.minimum(length - 2, 7) << 5),
        (place[is_long] + 1, length[is_long] - LONG_BYTES),
        (place + 1 + is_long, values.dtype.itemsize - 1),
    ):
        packed[at] = byte
        is_literal[at] = False
    lengths = np.append(length, literal_length)
    packed[is_literal] = data[np.repeat(order >= len(start), lengths[order])]
    return packed.tobytes()


def _repetitions(data: np.ndarray, distance: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where bytes repeat those at a distance before, and how many do."""
    repeats = np.zeros(len(data) + 1, bool)  # of which the last ends every repetition
    repeats[distance:-1] = data[distance:] == data[:-distance]
    edges = np.flatnonzero(repeats[1:] != repeats[:-1]) + 1
    start, length = _cut(edges[::2], edges[1::2], LONGEST_BYTES)
    kept = length >= SHORTEST_BYTES
    return start[kept], length[kept]


def _cut(starts: np.ndarray, stops: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut stretches into pieces of at most so many bytes; return their starts and lengths."""
    counts = -((starts - stops) // most)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    start = np.repeat(starts, counts) + number * most
    return start, np.minimum(np.repeat(stops, counts) - start, most)
