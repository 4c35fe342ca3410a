"""readatl06 against a straightforward reader, in one process, on one core.

Run by hand: ``python tests/benchmarks/granules.py``. The straightforward reader
(``tests/straightforward.py``) reads and converts all rows as tutorials do, and
writes columns without attributes; ours come with theirs. A simulated granule of
100,000 segments a beam, and the small real ones where they are at hand. The
file cache is warm, output folders are new, as in a first run.
"""

import argparse
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from timing import medians, on_one_core

from captools.errors import CaptoolsWarning
from captools.simulation.granule import write_granule
from captools.steps.readatl06 import readatl06

sys.path.append(str(Path(__file__).parents[1]))  # where the tests have theirs
import straightforward

REAL = Path(__file__).parents[3] / "shared" / "data" / "atl06"


def box_of(granule: Path, part: float) -> tuple[float, float, float, float]:
    """Return a box that holds about this part of the rows of a granule that only descends."""
    beam = next(iter(straightforward.read_granule(granule).values()))
    south, north = np.quantile(beam["lat"], [0.5 - part / 2, 0.5 + part / 2])
    return -180, 180, float(south), float(north)


def good_within(bbox: tuple[float, float, float, float]) -> Callable:
    """Return the straightforward rule for rows in a box."""
    _, _, south, north = bbox
    return lambda rows: straightforward.good(rows) & (rows["lat"] >= south) & (rows["lat"] <= north)


def compare(granules: list[Path], bbox: tuple | None, rounds: int) -> dict[str, float]:
    """Return the seconds of both readers."""
    keep = straightforward.good if bbox is None else good_within(bbox)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)

        def slow() -> None:
            for granule in granules:
                straightforward.reduce_granule(granule, folder / "slow", keep)

        def fast() -> None:
            for granule in granules:
                readatl06(granule, folder / "fast", bbox=bbox)

        def clear() -> None:
            for name in ("slow", "fast"):
                shutil.rmtree(folder / name, ignore_errors=True)

        return medians({"straightforward": slow, "captools": fast}, rounds, clear)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--segments", type=int, default=100_000)
    args = parser.parse_args()
    warnings.simplefilter("ignore", CaptoolsWarning)
    on_one_core()
    with tempfile.TemporaryDirectory() as place:
        full = write_granule(place, 1, 1, 10, segments=args.segments)
        run = partial(compare, rounds=args.rounds)
        works = {
            "full granule": (2.0, run([full], None)),
            "a box that keeps 5 %": (8.0, run([full], box_of(full, 0.05))),
            "a box that it misses": (12.0, run([full], (-180, 180, 80, 81))),
        }
        if REAL.is_dir():
            works["small real granules"] = (1.6, run(sorted(REAL.glob("*.h5")), None))
    print("| work | straightforward (ms) | captools (ms) | times faster | wanted |")
    print("|---|---|---|---|---|")
    for work, (wanted, took) in works.items():
        slow, fast = took["straightforward"], took["captools"]
        print(
            f"| {work} | {slow * 1e3:.0f} | {fast * 1e3:.0f} | {slow / fast:.1f} | {wanted:.1f} |"
        )


if __name__ == "__main__":
    main()
