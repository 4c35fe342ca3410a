"""Granules per second against processes, and what that projects for all of Antarctica.

Run by hand: ``python tests/benchmarks/scaling.py``. Full granules (100,000
segments a beam) are simulated once and linked under many names; the runs of
each kind are interleaved, and medians are shown. The file cache is warm.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from captools.simulation.granule import write_granule

ANTARCTICA = 116_000  # granules of ATL06 over Antarctica so far
TERABYTES = 6.0
CORES = 128
BIN = Path(sys.executable).parent


def make_granules(folder: Path, count: int, segments: int) -> int:
    """Link `count` granules under names of their own; return the bytes of one."""
    originals = [
        write_granule(folder / "originals", rgt, 1, 10, segments=segments) for rgt in (1, 700)
    ]
    for number in range(count):
        original = originals[number % len(originals)]
        name = original.name[:21] + f"{number:04d}" + original.name[25:]
        os.link(original, folder / name)
    return originals[0].stat().st_size


def seconds(command: list, out: Path) -> float:
    """Return how long a run takes, from its start to its end."""
    shutil.rmtree(out, ignore_errors=True)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    began = time.perf_counter()
    subprocess.run([*map(str, command)], check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--granules", type=int, default=120)
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place) / "in", Path(place) / "out"
        size = make_granules(folder, args.granules, args.segments)
        captools = [BIN / "captools", "readatl06", folder, "-o", out, "-q"]
        kinds = {
            "serial (-n 1)": (1, [*captools, "-n", 1]),
            "2 processes (-n 2)": (2, [*captools, "-n", 2]),
            "3 MPI ranks (2 work)": (2, ["mpiexec", "-n", 3, *captools, "--engine", "mpi"]),
        }
        times = {kind: [] for kind in kinds}
        for _ in range(args.rounds):
            for kind, (_, command) in kinds.items():
                times[kind].append(seconds(command, out))
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    serial = medians["serial (-n 1)"]
    print(
        f"{args.granules} granules of {args.segments:,} segments a beam, {size / 1e6:.0f} MB each"
    )
    print("| run | seconds | granules/s | speed-up | efficiency |")
    print("|---|---|---|---|---|")
    for kind, (cores, _) in kinds.items():
        speedup = serial / medians[kind]
        print(
            f"| {kind} | {medians[kind]:.1f} | {args.granules / medians[kind]:.2f} "
            f"| {speedup:.2f} | {speedup / cores:.2f} |"
        )
    project(args.granules * size / medians["2 processes (-n 2)"] / 2)


def project(bytes_per_core: float) -> None:
    """Print how long all of Antarctica takes, at this many bytes of granules a core and second."""
    took = TERABYTES * 1e12 / (bytes_per_core * CORES)
    print(
        f"\nAll of Antarctica ({ANTARCTICA:,} granules, {TERABYTES:g} TB) on {CORES} cores: "
        f"{took / 60:.0f} minutes.\nAssumed: time goes with bytes, cores as fast as these "
        f"({bytes_per_core / 1e6:.0f} MB/s each with two at work), "
        f"and storage that delivers {TERABYTES * 1e3 / took:.1f} GB/s."
    )


if __name__ == "__main__":
    main()
