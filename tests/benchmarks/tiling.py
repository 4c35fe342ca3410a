"""tile: points a second and the peak of memory.

Run by hand: ``python tests/benchmarks/tiling.py``. 120 files of 100,000 points and 21
columns, uncompressed, on tracks across Antarctica or scattered over it; hundreds of
tiles of 200 km with an overlap of 2 km, by one worker and by two, taking turns. Each run
is a process of its own, its imports left out. Processor time is that of all its processes.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from captools.flat.table import Table
from captools.flat.writer import FlatWriter

HALF_METRES = 2.4e6  # of the width of the area
OURS = """
import glob, resource, sys, time
import captools.points.tiling
from captools.steps.tile import tile
files = sorted(glob.glob(sys.argv[1] + "/*.h5"))
began = time.perf_counter()
written = tile(files, sys.argv[2], size=200, overlap=2, jobs=JOBS)
took = time.perf_counter() - began
own, workers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
used = sum(one.ru_utime + one.ru_stime for one in (own, workers))
print(took, used, max(own.ru_maxrss, workers.ru_maxrss) / 1e3, len(written) - 1)
"""


def track(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a straight line across the area."""
    angle, off = random.uniform(0, np.pi), random.uniform(-HALF_METRES, HALF_METRES) / 2
    along = np.linspace(-HALF_METRES, HALF_METRES, rows)
    x = along * np.cos(angle) - off * np.sin(angle)
    y = along * np.sin(angle) + off * np.cos(angle)
    return np.clip(x, -HALF_METRES, HALF_METRES), np.clip(y, -HALF_METRES, HALF_METRES)


def scatter(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points anywhere in the area."""
    return tuple(random.uniform(-HALF_METRES, HALF_METRES, (2, rows)))


def make_files(folder: Path, place, count: int, rows: int) -> None:
    """Write flat files of random columns, half of them in single precision."""
    random = np.random.default_rng(0)
    with FlatWriter(folder) as batch:
        for number in range(count):
            x, y = place(random, rows)
            table = {"x": x, "y": y, "lon": y, "lat": x}
            for at in range(14):
                table[f"c{at:02d}"] = random.normal(size=rows).astype("f4" if at % 2 else "f8")
            attrs = {"rgt": number, "cycle": 1, "spot": 1, "captools_version": "0"}
            attrs["crs"] = "EPSG:3031"
            batch.write(f"ATL06_{number:04d}.h5", Table(table, attrs=attrs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=120)
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    points = args.files * args.rows
    print(f"| {args.files} files x {args.rows:,} points x 21 columns | tiles | seconds |", end="")
    print(" million points a second | processor time | peak MB |\n|---|---|---|---|---|---|")
    for place in (track, scatter):
        with tempfile.TemporaryDirectory() as name:
            folder, out = Path(name) / "in", Path(name) / "out"
            make_files(folder, place, args.files, args.rows)
            runs = {1: [], 2: []}
            for _ in range(args.rounds):
                for jobs, of_jobs in runs.items():
                    shutil.rmtree(out, ignore_errors=True)
                    script = OURS.replace("JOBS", str(jobs))
                    command = [sys.executable, "-c", script, folder, out]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    of_jobs.append([float(word) for word in done.stdout.split()])
        for jobs, of_jobs in runs.items():
            seconds, used, peak, tiles = map(statistics.median, zip(*of_jobs, strict=True))
            print(f"| {place.__name__}, workers: {jobs} | {tiles:.0f} | {seconds:.2f} |", end="")
            print(f" {points / seconds / 1e6:.2f} | {used:.1f} | {peak:.0f} |")
    print("\nwanted: 3 million points a second with one worker, 5 with two")


if __name__ == "__main__":
    main()
