"""preview's fold over files against the tutorial's way: dask frames and datashader.

Run by hand: ``python tests/benchmarks/previewing.py``. 24 million points in 60
files to 600 x 600 pixels, mean; each way in a process of its own, taking turns,
without its imports, with the peak of memory of its largest process. ``--points N``
folds N million points by two workers only, to show that memory does not grow.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from captools.flat.table import Table
from captools.flat.writer import FlatWriter

THEIRS = """
import glob, sys
import dask.array, dask.dataframe as dd, datashader as ds, h5py
---
frames = []
for path in sorted(glob.glob(sys.argv[1] + "/*.h5")):
    with h5py.File(path) as file:
        columns = {name: file[name][:] for name in ("x", "y", "h_li")}
    arrays = [dd.from_array(values, columns=name) for name, values in columns.items()]
    frames.append(dd.concat(arrays, axis=1))
frame = dd.concat(frames)
points = ds.Canvas(600, 600).points(frame, "x", "y", ds.mean("h_li"))
print(float(points.sum()), file=sys.stderr)
"""
OURS = """
import glob, sys
from captools.engine.crew import Crew
from captools.maps.mapping import MapOptions, make_map
---
with Crew(jobs=JOBS, may_copy=True) as crew:
    paths = sorted(glob.glob(sys.argv[1] + "/*.h5"))
    picture = make_map(paths, MapOptions(size=(600, 600)), crew=crew)
print(float(picture.values[~(picture.values != picture.values)].sum()), file=sys.stderr)
"""
MEASURE = """
import resource, time
began = time.perf_counter()
{body}
took = time.perf_counter() - began
whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
print(took, max(resource.getrusage(one).ru_maxrss for one in whose) / 1e3)
"""
ONE, TWO = OURS.replace("JOBS", "1"), OURS.replace("JOBS", "2")


def make_files(folder: Path, count: int, rows: int) -> None:
    """Write flat files of points along lines across 4000 km."""
    random = np.random.default_rng(0)
    for number in range(count):
        with FlatWriter(folder) as batch:
            stream, bounds = batch.stream(f"points_{number:04d}.h5"), []
            for start in range(0, rows, 1 << 20):
                size = min(1 << 20, rows - start)
                along = np.linspace(-2e6, 2e6, size)
                slope = random.uniform(-1, 1)
                columns = {
                    "x": along,
                    "y": slope * along + random.normal(0, 2e4, size),
                    "h_li": random.normal(1000, 300, size).astype("f4"),
                }
                y = columns["y"]
                bounds.append([along.min(), along.max(), y.min(), y.max()])
                stream.append(Table(columns))
            low, high = np.min(bounds, axis=0), np.max(bounds, axis=0)
            limits = np.array([low[0], high[1], low[2], high[3]])
            attrs = {"crs": "EPSG:3031", "captools_version": "0", "bounds_xy": limits}
            stream.finish(attrs)


def run(body: str, folder: Path) -> tuple[float, float]:
    """Return seconds and peak memory (MB) of a process, its imports left out."""
    imports, _, rest = body.partition("---")
    command = [sys.executable, "-c", imports + MEASURE.format(body=rest), folder]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--points", type=int, metavar="MILLIONS")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if args.points:
            make_files(folder, 10, args.points * 100_000)
            took, peak = run(TWO, folder)
            print(f"{args.points} million points: {took:.1f} s, peak {peak:.0f} MB")
            return
        make_files(folder, 60, 400_000)
        ways = {"dask frames and datashader": THEIRS, "one worker": ONE, "two": TWO}
        runs: dict[str, list] = {name: [] for name in ways}
        for _ in range(args.rounds):
            for name, body in ways.items():
                runs[name].append(run(body, folder))
    print("| 24 million points, 60 files, mean | seconds | peak MB |\n|---|---|---|")
    medians = {}
    for name, figures in runs.items():
        medians[name] = statistics.median(took for took, _ in figures)
        print(f"| {name} | {medians[name]:.2f} | {max(peak for _, peak in figures):.0f} |")
    theirs, one, two = medians.values()
    print(f"\n{theirs / one:.1f} times faster by one, {theirs / two:.1f} by two (wanted: 15)")


if __name__ == "__main__":
    main()
