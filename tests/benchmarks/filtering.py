"""filter against reading and writing the same file, and against DuckDB and polars on Parquet.

Run by hand: ``python tests/benchmarks/filtering.py``. One file of 5 million rows
and 21 columns; each way in one process, taking turns, files written over. What it
is measured against reads every column with h5py and writes it to a new file, in
pieces of as many rows; it looks at nothing. DuckDB and polars (``pip install
polars``) filter a Parquet file of the same rows into another, as they do by
default but with one thread: how many rows they keep is compared.
"""

import argparse
import os
import resource
import tempfile
from pathlib import Path

import duckdb
import h5py
import numpy as np
from timing import medians

from captools.flat.table import Table
from captools.flat.writer import CHUNK_ROWS, PIECE_ROWS, FlatWriter
from captools.steps.export import export
from captools.steps.filter import filter as filter_step

os.environ["POLARS_MAX_THREADS"] = "1"  # heeded when it is imported
LIMITS = "s_li < 0.9 and h_li > -9"


def make_file(folder: Path, rows: int) -> Path:
    """Write a flat file of points scattered over 500 km and four years."""
    random = np.random.default_rng(0)
    with FlatWriter(folder) as batch:
        stream = batch.stream("points.h5")
        for start in range(0, rows, PIECE_ROWS):
            count = min(PIECE_ROWS, rows - start)
            columns = {
                "x": random.uniform(0, 5e5, count),
                "y": random.uniform(0, 5e5, count),
                "t_year": random.uniform(2019, 2023, count),
                "h_li": random.standard_t(3, count).astype("f4"),
                "s_li": random.uniform(0, 1, count).astype("f4"),
            }
            more = {f"c{at:02d}": random.normal(size=count).astype("f4") for at in range(16)}
            stream.append(Table(columns | more))
        stream.finish({"crs": "EPSG:3031", "captools_version": "0"})
    return folder / "points.h5"


def copy(path: Path, out: Path) -> None:
    """Read and write a file, PIECE_ROWS rows of a column at a time."""
    with h5py.File(path) as old, h5py.File(out, "w") as new:
        rows = old["x"].shape[0]
        for name in old:
            options = {"maxshape": (None,), "chunks": (CHUNK_ROWS,)}
            new.create_dataset(name, (0,), old[name].dtype, **options)
        for start in range(0, rows, PIECE_ROWS):
            for name in old:
                values = old[name][start : start + PIECE_ROWS]
                new[name].resize((start + len(values),))
                new[name][start:] = values


def by_duckdb(path: Path, out: Path) -> None:
    """Filter a Parquet file into another."""
    with duckdb.connect(config={"threads": 1}) as duck:
        duck.execute(f"copy (from '{path}' where {LIMITS}) to '{out}' (format parquet)")


def by_polars(path: Path, out: Path) -> None:
    """Filter a Parquet file into another."""
    import polars

    limits = (polars.col("s_li") < 0.9) & (polars.col("h_li") > -9)
    polars.scan_parquet(path).filter(limits).sink_parquet(out)


def parquet_of(path: Path, folder: Path) -> Path:
    """Write the columns of a flat file as Parquet, without geometry."""
    export([path], folder / "geo.parquet")
    with duckdb.connect() as duck:
        points = f"select * exclude (geometry, bbox) from '{folder}/geo.parquet'"
        duck.execute(f"copy ({points}) to '{folder}/points.parquet' (format parquet)")
    return folder / "points.parquet"


def check(out: Path, *others: Path) -> None:
    """See that all have kept as many rows."""
    with h5py.File(out / "points.h5") as file:
        rows = file["x"].shape[0]
    with duckdb.connect() as duck:
        for other in others:
            assert duck.execute(f"select count(*) from '{other}'").fetchone() == (rows,)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=5_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = make_file(folder / "in", args.rows)
        out = folder / "out"
        table = parquet_of(path, folder)
        theirs = folder / "duckdb.parquet", folder / "polars.parquet"
        calls = {
            "read and write": lambda: copy(path, folder / "copy.h5"),
            "filter --where": lambda: filter_step(path, out, where=LIMITS),
            "DuckDB, the same": lambda: by_duckdb(table, theirs[0]),
            "polars, the same": lambda: by_polars(table, theirs[1]),
            "filter --outliers": lambda: filter_step(path, out, outliers="h_li", min_obs=5),
        }
        took = medians(calls, args.rounds)
        filter_step(path, out, where=LIMITS)
        check(out, *theirs)
    print(f"| {args.rows:,} rows, 21 columns | seconds | times reading and writing | wanted |")
    print("|---|---|---|---|")
    for (name, value), wanted in zip(took.items(), ("", "1.5", "", "", "2.5"), strict=True):
        print(f"| {name} | {value:.2f} | {value / took['read and write']:.2f} | {wanted} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"\npeak memory of this process: {peak:.0f} MB (wanted: below 300)")


if __name__ == "__main__":
    main()
