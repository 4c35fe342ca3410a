"""Whole processes: readatl06 on one granule, its start-up and memory included.

Run by hand: ``python tests/benchmarks/process.py``. The time is that of a small
granule (a simulated one of 2,000 segments a beam) against the straightforward
reader as a script; the memory is the peak of all processes of ours together, and
of the straightforward one, on a granule of 100,000 segments a beam.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from timing import medians

from captools.simulation.granule import write_granule

CAPTOOLS = Path(sys.executable).with_name("captools")
SCRIPT = Path(__file__).parents[1] / "straightforward.py"


def peak_memory(command: list) -> float:
    """Return the largest sum of resident memory (MB) of a process and its children.

    Pages that they share count for each, so that the figure is rather too high.
    """
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in family))
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.002)
    return peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        small = write_granule(folder / "small", 1, 1, 10, segments=2_000)
        full = write_granule(folder / "full", 1, 1, 10, segments=100_000)

        def ours(granule: Path) -> list:
            out = folder / "out"
            return [CAPTOOLS, "readatl06", granule, "-o", out, "-q", "--overwrite"]

        def slow(granule: Path) -> list:
            return [sys.executable, SCRIPT, granule, folder / "slow"]

        def run(command: list) -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        took = medians(
            {"straightforward": lambda: run(slow(small)), "captools": lambda: run(ours(small))},
            args.rounds,
        )
        memory = {"straightforward": peak_memory(slow(full)), "captools": peak_memory(ours(full))}
    print("| one granule, whole process | small: seconds | full: peak memory (MB) |\n|---|---|---|")
    for name, value in took.items():
        print(f"| {name} | {value:.2f} | {memory[name]:.0f} |")
    print(
        f"\ntime: {took['captools'] / took['straightforward']:.2f} of the script's (wanted: 0.75)"
    )
    print("memory wanted: at most 250 MB for one process")


if __name__ == "__main__":
    main()
