"""A toy step that reads windows across records and fills one array with all of them.

In a module of its own, which worker processes can import.
"""

import os
import time
from pathlib import Path

import numpy as np

from captools.errors import InputError
from captools.io.address import Input
from captools.io.atomic import Outputs

VERSION = 1
SUFFIXES = (".rec",)
RECORDS, SAMPLES = 14, 100  # how many, and how long each is
WINDOW_SAMPLES = 140
STORE = "sums.i8"


def plan(paths: list[str], halo: int = 3) -> list[Input]:
    """Return windows of the records, each with those that it and its halo touch."""
    paths = sorted(paths, key=_number)  # a name in upper case comes before all others
    windows = []
    for number, start in enumerate(range(0, RECORDS * SAMPLES, WINDOW_SAMPLES)):
        stop = start + WINDOW_SAMPLES
        near = range((start - halo) // SAMPLES, (stop + halo - 1) // SAMPLES + 1)
        files = [path for path in paths if _number(path) in near]
        windows.append(Input(f"w{number:02d}", files, [start, stop]))
    return windows


def prepare(outdir: Path, halo: int = 3) -> None:
    """Make the array, or leave it as it is."""
    with open(outdir / STORE, "ab") as store:
        store.truncate(RECORDS * SAMPLES * 8)


def has_store(outdir: Path, halo: int = 3) -> bool:
    """Return whether the array is there."""
    return (outdir / STORE).is_file()


def outputs(name: str, halo: int = 3) -> list[str]:
    """Return that a window has no output of its own."""
    return []


def windowed(window: Input, outdir: Path, halo: int = 3) -> Outputs:
    """Write the sums around each sample of a window to the array, the second half last."""
    start, stop = window.part
    first = _number(window.paths[0]) * SAMPLES
    samples = np.concatenate([_read(path) for path in window.paths])
    low, high = max(0, start - halo), min(RECORDS * SAMPLES, stop + halo)
    sums = moving_sums(samples[low - first : high - first], halo)[start - low : stop - low]
    store = os.open(outdir / STORE, os.O_WRONLY)
    try:
        half = WINDOW_SAMPLES // 2
        os.pwrite(store, sums[:half].tobytes(), start * 8)
        _wait(window, outdir)
        os.pwrite(store, sums[half:].tobytes(), (start + half) * 8)
    finally:
        os.close(store)
    return Outputs(rows_in=len(samples), rows_out=len(sums))


def moving_sums(samples: np.ndarray, halo: int) -> np.ndarray:
    """Return the sum of each sample and of those around it."""
    return np.convolve(samples, np.ones(2 * halo + 1, dtype=np.int64), "same")


def write_records(folder: Path) -> list[Path]:
    """Write the records, one of them with a name in upper case, and return their paths."""
    folder.mkdir()
    chance = np.random.default_rng(1)
    paths = []
    for number in range(RECORDS):
        paths.append(folder / (f"R{number:02d}.REC" if number == 7 else f"r{number:02d}.rec"))
        paths[-1].write_bytes(chance.integers(1, 10**6, SAMPLES).tobytes())
    return paths


def _number(path: str) -> int:
    return int(Path(path).stem[1:])


def _read(path: str) -> np.ndarray:
    data = Path(path).read_bytes()
    if len(data) != SAMPLES * 8:
        raise InputError(f"{path}: is truncated")
    return np.frombuffer(data, dtype=np.int64)


def _wait(window: Input, outdir: Path) -> None:
    """Stay in the middle of a region for as long as a test wants."""
    if (outdir / f"hold {window}").exists():
        (outdir / f"held {window}").touch()
        time.sleep(60)
