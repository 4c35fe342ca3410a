"""readatl06 against the tutorial's reader as published, in one process, on one core.

Run by hand: ``python tests/benchmarks/granules.py``. The tutorial's reader is in
``tutorial.py``; it writes columns without attributes, ours come with theirs. A
granule of 100,000 segments a beam, compressed as real ones are, and the small real
ones where they are at hand. The file cache is warm, output folders are new, as in a
first run. Beside them stand floors, what no reader can do without: libdeflate over
the chunks that hold the rows, writing the bytes that we write, and copying them once
in memory. Times are those of the processor, so that other work, and waiting for the
disk, do not count; ``--wall`` counts all.
"""

import argparse
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import deflate
import h5py
import numpy as np
import realistic
import tutorial
from timing import medians, on_one_core

from captools.errors import CaptoolsWarning
from captools.products import ATL06
from captools.steps.readatl06 import readatl06

REAL = Path(__file__).parents[3] / "shared" / "data" / "atl06"
Box = tuple[float, float, float, float]


def latitudes(granule: Path) -> dict[str, np.ndarray]:
    """Return the latitudes of the beams of a granule."""
    with h5py.File(granule) as file:
        return {beam: file[f"{beam}/{ATL06.group}/latitude"][:] for beam in ATL06.tracks}


def box_of(granule: Path, part: float) -> Box:
    """Return a box that holds about this part of the rows of a granule that only descends."""
    lat = latitudes(granule)["gt1l"]
    south, north = np.quantile(lat, [0.5 - part / 2, 0.5 + part / 2])
    return -180, 180, float(south), float(north)


def needed(granules: list[Path], bbox: Box | None) -> list:
    """Return the compressed chunks that hold rows in the box."""
    if bbox is None:
        return realistic.stored(granules)
    (granule,) = granules
    inside = {
        beam: np.flatnonzero((lat >= bbox[2]) & (lat <= bbox[3]))
        for beam, lat in latitudes(granule).items()
    }
    return realistic.stored(granules, inside)


def compare(
    granules: list[Path], bbox: Box | None, rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Return the seconds of both readers, and of what neither can do without."""
    chunks = needed(granules, bbox)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        written = [
            Path(path).read_bytes()
            for granule in granules
            for path in readatl06(granule, folder / "ours", bbox=bbox)
        ]

        def slow() -> None:
            for granule in granules:
                tutorial.reduce_granule(granule, folder / "slow", bbox)

        def fast() -> None:
            for granule in granules:
                readatl06(granule, folder / "fast", bbox=bbox)

        def inflate() -> None:
            for chunk, size in chunks:
                deflate.zlib_decompress(chunk, size)

        def write() -> None:
            (folder / "plain").mkdir()
            for number, content in enumerate(written):
                (folder / "plain" / str(number)).write_bytes(content)

        def copy() -> None:
            for content in written:
                bytearray(content)

        def clear() -> None:
            for name in ("slow", "fast", "plain"):
                shutil.rmtree(folder / name, ignore_errors=True)

        calls = {"tutorial": slow, "captools": fast, "inflate": inflate, "write": write}
        return medians(calls | {"copy": copy}, rounds, clear, clock)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--wall", action="store_true")
    args = parser.parse_args()
    clock = time.perf_counter if args.wall else time.process_time
    warnings.simplefilter("ignore", CaptoolsWarning)
    on_one_core()
    print("| work | tutorial (ms) | captools (ms) | times faster | wanted |", end="")
    print(" floors: inflating, writing, copying (ms) | times inflating |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        full = realistic.full_granule(place, args.segments)
        chunks = realistic.stored([full])
        ratio = sum(size for _, size in chunks) / sum(len(chunk) for chunk, _ in chunks)
        works = [
            ("full granule", 2.3, [full], None),
            ("a box that keeps 5 %", 8.0, [full], box_of(full, 0.05)),
            ("a box that it misses", 25.0, [full], (-180, 180, 80, 81)),
        ]
        if REAL.is_dir():
            works.append(("small real granules", 2.0, sorted(REAL.glob("*.h5")), None))
        for work, wanted, granules, bbox in works:
            took = compare(granules, bbox, args.rounds, clock)
            slow, fast, floor = took["tutorial"], took["captools"], took["inflate"]
            floors = ", ".join(f"{took[name] * 1e3:.1f}" for name in ("inflate", "write", "copy"))
            times = f"{fast / floor:.2f}" if floor > 1e-4 else "-"
            print(f"| {work} | {slow * 1e3:.0f} | {fast * 1e3:.1f} | {slow / fast:.1f} |", end="")
            print(f" {wanted:.1f} | {floors} | {times} |")
    print(f"\nThe columns of the full granule compress {ratio:.2f}:1.")


if __name__ == "__main__":
    main()
