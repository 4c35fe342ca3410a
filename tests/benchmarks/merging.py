"""merge against a bare loop that appends columns to chunked datasets.

Run by hand: ``python tests/benchmarks/merging.py``. 100 files of 100,000 rows and
20 columns, uncompressed; each way in a process of its own, taking turns, with the
processor time (workers included) and the peak of its memory. The loop reads each
column with h5py and appends it to a dataset with chunks; it checks nothing. The
floor reads and writes the bytes of the files and does nothing else.
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
merge(sorted(glob.glob(sys.argv[1] + "/*.h5")), sys.argv[2], jobs=JOBS)
"""
FLOOR = """
import glob, sys
---
with open(sys.argv[2], "wb") as out:
    for path in sorted(glob.glob(sys.argv[1] + "/*.h5")):
        with open(path, "rb") as file:
            out.write(file.read())
"""
WAYS = {
    "bare loop": LOOP,
    "captools merge, one worker": OURS.replace("JOBS", "1"),
    "captools merge, two workers": OURS.replace("JOBS", "2"),
    "the bytes alone": FLOOR,
}
MEASURE = """
import resource, time
began = time.perf_counter()
{body}
took = time.perf_counter() - began
own, workers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
used = sum(one.ru_utime + one.ru_stime for one in (own, workers))
print(took, used, max(own.ru_maxrss, workers.ru_maxrss) / 1e3)
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


def run(body: str, folder: Path, out: Path) -> list[float]:
    """Return seconds, processor time and peak memory (MB) of a way, its imports left out."""
    out.unlink(missing_ok=True)
    imports, _, rest = body.partition("---")
    script = imports + MEASURE.format(body=rest)
    command = [sys.executable, "-c", script, folder, out]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [float(word) for word in said]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    figures = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "in"
        make_files(folder, args.files, args.rows, 20)
        for _ in range(args.rounds):
            for name, body in WAYS.items():
                figures[name].append(run(body, folder, Path(place) / "out.h5"))
    print(
        f"| {args.files} files x {args.rows:,} rows x 20 columns | seconds | of the loop's |",
        end="",
    )
    print(" processor time | peak MB |\n|---|---|---|---|---|")
    loop = statistics.median(took for took, _, _ in figures["bare loop"])
    for name, runs in figures.items():
        took, used, peak = map(statistics.median, zip(*runs, strict=True))
        print(f"| {name} | {took:.2f} | {took / loop:.2f} | {used:.2f} | {peak:.0f} |")
    print("\nwanted: 0.8 of the loop's time with one worker, 0.5 with two")


if __name__ == "__main__":
    main()
