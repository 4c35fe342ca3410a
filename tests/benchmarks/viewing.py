"""How long `view` takes to lay out points, and to answer a zoom.

Run by hand: ``python tests/benchmarks/viewing.py``. 100 million points along straight ground
tracks in one merged file, views of 800 x 600 pixels around a place with points, from all of them
to a few hundred metres: the median of several rounds on all cores, and the first round, which has
to map the pages. Memory is what the process holds itself; mapped pages of files, which the system
takes back when it likes, do not count. ``--shuffled`` has the points of each track in no order.
"""

import argparse
import resource
import statistics
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from timing import seconds

from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.maps import viewing
from captools.maps.raster import AGGREGATES, Canvas, fit
from captools.maps.surveying import MapOptions

SIZE_PIXELS = 800, 600  # of a map
TRACK_POINTS = 1 << 18  # 20 m apart
WIDE_METRES = 2.5e6  # from the middle to the ends of a track


def make_file(path: Path, points: int, shuffled: bool) -> None:
    """Write a merged file of tracks of both directions and four years."""
    random = np.random.default_rng(0)
    with FlatWriter(path.parent) as batch:
        stream = batch.stream(path.name)
        for start in range(0, points, TRACK_POINTS):
            rows = min(TRACK_POINTS, points - start)
            along = np.linspace(-WIDE_METRES, WIDE_METRES, TRACK_POINTS)[:rows]
            if shuffled:
                along = random.permutation(along)
            angle, apart = random.uniform(0, np.pi), random.uniform(-WIDE_METRES, WIDE_METRES)
            columns = {
                "x": along * np.cos(angle) - apart * np.sin(angle),
                "y": along * np.sin(angle) + apart * np.cos(angle),
                "h_li": random.normal(1000, 300, rows).astype("f4"),
                "t_year": np.full(rows, random.uniform(2019, 2023)),
                "is_asc": np.full(rows, angle < np.pi / 2),
            }
            stream.append(Table(columns))
        stream.finish({"crs": "EPSG:3031", "captools_version": "0"})


def anonymous() -> float:
    """Return the memory that this process holds for itself, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [one for one in lines if one.startswith("RssAnon")]
    return int(line.split()[1]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100, metavar="MILLIONS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shuffled", action="store_true")
    args = parser.parse_args()
    scenes = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "merged.h5"
        make_file(path, args.points * 1_000_000, args.shuffled)
        gather = seconds(
            lambda: scenes.append(viewing.gather([path], ["h_li"], MapOptions(var="h_li")))
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    (scene,) = scenes
    print(f"{scene.cloud.rows:,} points laid out in {gather:.1f} s, peak {peak:.0f} MB")
    compiling = seconds(lambda: scene.cloud.view(Canvas(0, 1, 0, 1, 8, 6), "h_li", "mean"))
    print(f"compiling: {compiling:.1f} s\n")
    print("| km across | points | first mean | " + " | ".join(AGGREGATES) + " | mean of a year |")
    print("|---" * (4 + len(AGGREGATES)) + "|")
    home = fit(scene.cloud.bounds, SIZE_PIXELS)
    x, y = (home.xmin + home.xmax) / 2, (home.ymin + home.ymax) / 2
    for zoom in (1, 4, 16, 64, 256, 4096):
        wide, high = (home.xmax - home.xmin) / zoom / 2, (home.ymax - home.ymin) / zoom / 2
        canvas = Canvas(x - wide, x + wide, y - high, y + high, *SIZE_PIXELS)
        ways = [(kind, None) for kind in AGGREGATES] + [("mean", scene.cloud.years[:1])]
        row = []
        first = seconds(partial(scene.cloud.view, canvas, "h_li", "mean"))
        points = scene.cloud.view(canvas, "h_li", "count").count.sum()
        for kind, years in ways:
            view = partial(scene.cloud.view, canvas, "h_li", kind, years=years)
            row.append(statistics.median(seconds(view) for _ in range(args.rounds)))
        figures = " | ".join(f"{one:.3f}" for one in (first, *row))
        print(f"| {2 * wide / 1e3:,.1f} | {points:,} | {figures} |")
    print(f"\nits own memory after all views: {anonymous():.0f} MB (wanted: views about 1 s)")


if __name__ == "__main__":
    main()
