"""export to GeoParquet against pyarrow's plain way: read all columns, write one table.

Run by hand: ``python tests/benchmarks/exporting.py``. 60 files of 200,000 points and 20
columns on tracks across Antarctica. The plain way reads all rows with h5py and writes them
in their order with ``pyarrow.parquet.write_table`` (zstd), without geometry and boxes; ways
take turns, each in a process of its own, its imports left out. The floor is reading the
columns and writing their bytes as they are.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tiling import HALF_METRES, track

from captools.flat.table import Table
from captools.flat.writer import FlatWriter

READ = """
paths = sorted(glob.glob(sys.argv[1] + "/*.h5"))
with h5py.File(paths[0]) as file:
    names = list(file)
columns = {name: [] for name in names}
for path in paths:
    with h5py.File(path) as file:
        for name in names:
            columns[name].append(file[name][:])
"""
FLOOR = f"""
import glob, sys, h5py
---{READ}
with open(sys.argv[2] + "/floor", "wb") as out:
    for parts in columns.values():
        for values in parts:
            out.write(values)
"""
PLAIN = f"""
import glob, sys, h5py, pyarrow as pa, pyarrow.parquet as pq
---{READ}
arrays = {{name: pa.chunked_array(parts) for name, parts in columns.items()}}
pq.write_table(pa.table(arrays), sys.argv[2] + "/plain.parquet", compression="zstd")
"""
OURS = """
import glob, sys
import pyarrow.parquet, pyproj, captools.points.exporting
from captools.steps.export import export
---
export(sorted(glob.glob(sys.argv[1] + "/*.h5")), sys.argv[2] + "/ours.parquet", jobs=JOBS)
"""
# Of the process and of those that it started, which have ended by then.
MEASURE = """
import os, resource, time
began = time.perf_counter(), sum(os.times()[:4])
{body}
took = time.perf_counter() - began[0], sum(os.times()[:4]) - began[1]
who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
peak = max(resource.getrusage(one).ru_maxrss for one in who)
print(*took, peak / 1e3)
"""


def make_files(folder: Path, count: int, rows: int) -> None:
    """Write flat files of what altimeters measure along tracks."""
    random = np.random.default_rng(0)
    with FlatWriter(folder) as batch:
        for number in range(count):
            x, y = track(random, rows)
            t = 1.2e9 + number * 1e5 + np.arange(rows) * 2.8e-3
            height = 3000 - (np.hypot(x, y) / HALF_METRES) ** 2 * 3000
            columns = {
                "lat": -90 + np.hypot(x, y) / 1.11e5,
                "lon": np.degrees(np.arctan2(x, y)),
                "h_li": (height + random.normal(0, 0.3, rows)).astype("f4"),
                "s_li": random.gamma(2, 0.01, rows).astype("f4"),
                "t_dt": t - 1.1988e9,
                "q_flag": np.zeros(rows, "i1"),
                "s_fg": random.choice(4, rows, p=[0.9, 0.05, 0.03, 0.02]).astype("i1"),
                "snr": random.gamma(3, 3, rows).astype("f4"),
                "h_rb": random.gamma(2, 0.1, rows).astype("f4"),
                "dac": np.repeat(random.normal(0, 0.1, -(-rows // 200)), 200)[:rows].astype("f4"),
                "f_sn": random.choice(7, rows).astype("i1"),
                "dh_fit_dx": random.normal(0, 0.01, rows).astype("f4"),
            }
            for name in ("tide_earth", "tide_load", "tide_ocean", "tide_pole"):
                columns[name] = (np.sin(t / 7e3) * random.uniform(0, 0.2)).astype("f4")
            columns |= {"x": x, "y": y, "t_gps": t, "t_year": 2018 + t / 3.156e7 - 38}
            attrs = {"captools_version": "0", "crs": "EPSG:3031", "identity": ""}
            batch.write(f"ATL06_{number:04d}.h5", Table(columns, attrs=attrs))


def run(body: str, folder: Path, out: Path) -> list[float]:
    """Return seconds, processor seconds and peak memory (MB) of a process, imports left out."""
    imports, _, rest = body.partition("---")
    command = [sys.executable, "-c", imports + MEASURE.format(body=rest), folder, out]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in said.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--rows", type=int, default=200_000)
    args = parser.parse_args()
    ways = {
        "floor: read and write the bytes": FLOOR,
        "h5py and write_table": PLAIN,
        "captools export -n 1": OURS.replace("JOBS", "1"),
        "captools export -n 2": OURS.replace("JOBS", "2"),
    }
    runs: dict[str, list] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place) / "in", Path(place) / "out"
        out.mkdir()
        make_files(folder, args.files, args.rows)
        for _ in range(args.rounds):
            for name, body in ways.items():
                runs[name].append(run(body, folder, out))
    rows = args.files * args.rows
    print(f"| {rows:,} rows, 20 columns | seconds | processor | peak MB of one | times plain |")
    print("|---|---|---|---|---|")
    plain = statistics.median(took for took, *_ in runs["h5py and write_table"])
    for name, figures in runs.items():
        seconds, processor = (statistics.median(one[at] for one in figures) for at in (0, 1))
        peak = max(peak for *_, peak in figures)
        print(f"| {name} | {seconds:.2f} | {processor:.2f} | {peak:.0f} | {seconds / plain:.2f} |")
    print("\nwanted: 1.0 times plain with two workers")


if __name__ == "__main__":
    main()
