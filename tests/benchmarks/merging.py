"""merge against a bare loop that appends columns to chunked datasets.

Run by hand: ``python tests/benchmarks/merging.py``. 100 files of 100,000 rows and
20 columns, uncompressed; each way in a process of its own, taking turns, with the
peak of its memory. The loop reads each column with h5py and appends it to a
dataset with chunks of the same size; it checks nothing.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from captools.flat.table import Table
from captools.flat.writer import CHUNK_ROWS, FlatWriter

LOOP = """
import glob, sys, h5py
---
with h5py.File(sys.argv[2], "w") as out:
    for path in sorted(glob.glob(sys.argv[1] + "/*.h5")):
        with h5py.File(path) as file:
            for name in file:
                values = file[name][:]
                if name not in out:
                    out.create_dataset(name, (0,), values.dtype, maxshape=(None,), chunks=(CHUNK,))
                column = out[name]
                column.resize((len(column) + len(values),))
                column[-len(values):] = values
""".replace("CHUNK", str(CHUNK_ROWS))
OURS = """
import glob, sys
import captools.points.merging
from captools.steps.merge import merge
---
merge(sorted(glob.glob(sys.argv[1] + "/*.h5")), sys.argv[2])
"""
TOLD = """
import resource, time
began = time.perf_counter()
{body}
took = time.perf_counter() - began
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
"""


def make_files(folder: Path, count: int, rows: int, columns: int) -> None:
    """Write flat files of random columns, half of them in single precision."""
    random = np.random.default_rng(0)
    names = ["lon", "lat", *(f"c{number:02d}" for number in range(columns - 2))]
    with FlatWriter(folder) as batch:
        for number in range(count):
            table = {
                name: random.normal(size=rows).astype("f4" if at % 2 else "f8")
                for at, name in enumerate(names)
            }
            attrs = {"rgt": number, "cycle": 1, "spot": 1, "captools_version": "0"}
            batch.write(f"ATL06_{number:04d}.h5", Table(table, attrs=attrs))


def run(body: str, folder: Path, out: Path) -> tuple[float, float]:
    """Return seconds and peak memory (MB) of a process, its imports left out."""
    out.unlink(missing_ok=True)
    imports, _, rest = body.partition("---")
    script = imports + TOLD.format(body=rest)
    command = [sys.executable, "-c", script, folder, out]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), float(told[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rows", type=int, default=100_000)
    told = parser.parse_args()
    figures = {"bare loop": [], "captools merge": []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "in"
        make_files(folder, told.files, told.rows, 20)
        for _ in range(told.rounds):
            figures["bare loop"].append(run(LOOP, folder, Path(place) / "loop.h5"))
            figures["captools merge"].append(run(OURS, folder, Path(place) / "ours.h5"))
    print(f"| {told.files} files x {told.rows:,} rows x 20 columns | seconds | peak MB |")
    print("|---|---|---|")
    medians = {}
    for name, runs in figures.items():
        medians[name] = statistics.median(took for took, _ in runs)
        print(f"| {name} | {medians[name]:.2f} | {max(peak for _, peak in runs):.0f} |")
    ratio = medians["captools merge"] / medians["bare loop"]
    print(f"\nratio {ratio:.2f} (wanted: 1.2, below 300 MB)")


if __name__ == "__main__":
    main()
