"""Records of a fibre for benchmarks: noise with tones, in two files or one store."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from captools.simulation.das_files import Block, write_plain, write_zarr

BEGIN = int(np.datetime64("2021-11-01T23:00:00", "ns").astype(np.int64))
SECOND_NS = 1_000_000_000
FILES = 2  # of a record of any length: to find out what a file is takes as long for all


def write(folder: Path, seconds: int, channels: int, rate: int, layout: str = "plain") -> None:
    """Write a record of int16, of an even number of seconds."""
    folder.mkdir(parents=True)
    blocks = _blocks(seconds, channels, rate)
    if layout == "zarr":
        write_zarr(folder / "record.zarr", blocks, seconds * rate)
        return
    for number, block in enumerate(blocks):
        write_plain(folder / f"{number}.h5", block)


def _blocks(seconds: int, channels: int, rate: int) -> Iterator[Block]:
    """Yield what the files hold."""
    random = np.random.default_rng(0)
    turns = np.arange(rate)[:, np.newaxis] * random.integers(15, 30, channels) / rate
    tones = 300 * np.sin(2 * np.pi * turns).astype(np.float32)  # of a second, as of all others
    each = seconds // FILES
    for first in range(0, each * FILES, each):
        samples = np.empty((each, *tones.shape), np.int16)
        for second in samples:
            noise = random.standard_normal(tones.shape, np.float32)
            second[:] = np.rint(300 * noise + tones)
        times = BEGIN + SECOND_NS * first + np.arange(each * rate) * (SECOND_NS // rate)
        distances = 2.0 * np.arange(channels)
        yield Block(samples.reshape(-1, channels), times, distances, rate)
