"""RINEX days: reading against hatanaka and georinex, a station's year into an array, a day of it.

Run by hand: ``python tests/benchmarks/rinex.py``. One day of Hatanaka's compression, a real one
where it is at hand. hatanaka only makes it plain text, which others then read; it takes turns with
ours. georinex takes minutes, so it has one turn of each kind (``--without-georinex`` leaves it
out). The year is simulated, three systems and seven codes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import hatanaka
import numpy as np
import psutil
from timing import medians, seconds

from captools.gnss import read_observations
from captools.gnss.querying import Query
from captools.process import workers
from captools.progress import counted
from captools.simulation.rinex import Recipe, write_rinex

CAPTOOLS = Path(sys.executable).with_name("captools")
REAL = Path(__file__).parents[3] / "shared/data/rinex/NYA100NOR_S_20241270000_01D_30S_MO.crx.gz"
FIRST = np.datetime64("2024-01-01")
SCRIPT = """
import sys, georinex
print(float(georinex.load(sys.argv[1], use="G", meas=["S1C"])["S1C"].mean()))
"""


def command(*words: object) -> list[str]:
    """Return the command line of captools from this checkout."""
    code = "from captools.__main__ import main; main()"
    start = [str(CAPTOOLS)] if CAPTOOLS.exists() else [sys.executable, "-c", code]
    return [*start, *map(str, words)]


def run(words: list[str]) -> None:
    """Run a command to its end."""
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def peak_memory(words: list[str]) -> tuple[float, float]:
    """Return the peak of the resident memory (MB) of all processes together, and of the largest.

    Pages that they share count for each.
    """
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = psutil.Popen(words, **quiet)
    together = largest = 0
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            sizes = [member.memory_info().rss for member in family]
        except psutil.NoSuchProcess:
            continue
        together, largest = max(together, sum(sizes)), max(largest, *sizes)
        time.sleep(0.002)
    return together / 1e6, largest / 1e6


def reading(day: Path, rounds: int, with_georinex: bool) -> Iterator[tuple[str, str, str]]:
    """Yield what is measured on one day: what, how much, how much is wanted."""
    everything = read_observations(day, None, None).header.codes
    names = sorted({f"S{code}" for codes in everything.values() for code in codes})
    process = command("snr", day, "--system", "G", "--code", "1C", "--per", "file")
    took = medians(
        {
            "hatanaka": lambda: hatanaka.decompress(day),
            "one": lambda: read_observations(day),
            "all": lambda: read_observations(day, None, None),
            "process": lambda: run(process),
        },
        rounds,
    )
    yield "hatanaka.decompress alone", f"{took['hatanaka']:.3f} s", ""
    share = took["one"] / took["hatanaka"]
    yield "one code of GPS", f"{took['one']:.3f} s", ""
    yield "one code, times hatanaka.decompress", f"{share:.2f}", "at most 0.25"
    yield f"all {len(names)} codes of all systems", f"{took['all']:.3f} s", ""
    yield "one code, whole process", f"{took['process']:.2f} s", ""
    if with_georinex:
        yield from against_georinex(day, names, took)
    together, largest = peak_memory(process)
    yield "memory, one code", f"{together:.0f} MB, {largest:.0f} of a process", "below 150"


def against_georinex(
    day: Path, names: list[str], took: dict[str, float]
) -> Iterator[tuple[str, str, str]]:
    """Yield how many times faster ours is than georinex."""
    warnings.simplefilter("ignore", FutureWarning)  # of xarray, thousands of them
    import georinex

    calls: dict[str, tuple[str, str, Callable[[], object]]] = {
        "one": ("one code", "at least 100", lambda: georinex.load(day, use="G", meas=["S1C"])),
        "process": (
            "one code, whole processes",
            "at least 15",
            lambda: run([sys.executable, "-c", SCRIPT, str(day)]),
        ),
        "all": ("all codes", "at least 500", lambda: georinex.load(day, meas=names)),
    }
    for name, (what, wanted, call) in calls.items():
        slow = seconds(call)
        yield f"{what}: georinex", f"{slow:.1f} s", ""
        yield f"{what}: times faster", f"{slow / took[name]:.0f}", wanted


def station_year(folder: Path, days: int, rounds: int) -> Iterator[tuple[str, str, str]]:
    """Yield what is measured of an array of many days."""
    for number in range(days):
        write_rinex(folder / "days", "P057", FIRST + np.timedelta64(number, "D"), Recipe())
    for jobs in (1, 2):
        words = command("readrinex", folder / "days", "-o", folder / f"{jobs}.tdb", "-n", jobs)
        took = seconds(lambda words=words: run(words))
        yield (
            f"{days} days into an array, {counted(jobs, 'worker')}",
            f"{days / took:.1f} days/s",
            "",
        )
    few = [str(path) for path in sorted((folder / "days").iterdir())[:20]]
    words = command("readrinex", *few, "-o", folder / "few.tdb", "-n", 2)
    together, largest = peak_memory(words)
    what = f"memory, {len(few)} days into an array, 2 workers"
    yield what, f"{largest:.0f} MB of a process, {together:.0f} of all", "below 150 of a process"

    place, chosen = folder / "2.tdb", FIRST + np.timedelta64(days // 2, "D")
    next_day = chosen + np.timedelta64(1, "D")
    query = Query(place)
    took = medians(
        {
            "opened": lambda: query.cells(chosen, next_day, "G", ("1C",)),
            "anew": lambda: Query(place).cells(chosen, next_day, "G", ("1C",)),
        },
        5 * rounds,
    )
    what = f"a day of one code from {days} days, warm"
    yield what, f"{took['opened'] * 1e3:.1f} ms", "at most 25"
    yield "the same, the array opened anew", f"{took['anew'] * 1e3:.1f} ms", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--without-georinex", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        day = REAL if REAL.exists() else write_rinex(folder, "P057", FIRST, Recipe())
        print(f"{day.name}, {workers()} cores\n")
        print("| what | measured | wanted |")
        print("|---|---|---|")
        for row in reading(day, args.rounds, not args.without_georinex):
            print(f"| {' | '.join(row)} |", flush=True)
        for row in station_year(folder, args.days, args.rounds):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
