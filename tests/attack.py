"""An attack: processes killed at random moments, and inputs spoilt in every way we know.

    python tests/attack.py --minutes 30

What comes is counted in two tables: what was lost or wrong after runs that were killed, by engine
and step, and after spoilt inputs, by their kind; what hung, and what was left behind. The exit
code is 1 if anything was. `killing.py` and `spoiling.py` do the work, side by side: two of the
former, and a third for runs under SLURM, which wait for most of their time.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from killing import Victims, known_runs
from spoiling import Spoilt

FAULTS = ("lost", "wrong", "hung", "left")
SLOW_SHARE = 0.1  # of the kills, for SLURM

Counts = dict[str, Counter[str]]


def main() -> int:
    """Attack for so many minutes, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=sys.maxsize, help="at most so many")
    parser.add_argument("--spoilt", type=int, default=sys.maxsize, help="at most so many")
    asked = parser.parse_args()
    end = time.monotonic() + 60 * asked.minutes
    with tempfile.TemporaryDirectory(prefix="attack-") as folder, ExitStack() as opened:
        attacks = _attacks(Path(folder), asked, end, opened)
        with ThreadPoolExecutor(len(attacks)) as threads:
            spoilt, *killed = threads.map(lambda one: _attack(*one, end), attacks)
    _print("killed", {kind: counts for some in killed for kind, counts in some.items()})
    print()
    _print("spoilt", spoilt)
    found = [counts for some in (spoilt, *killed) for counts in some.values()]
    return int(any(counts[fault] for counts in found for fault in FAULTS))


def _attacks(
    folder: Path, asked: argparse.Namespace, end: float, opened: ExitStack
) -> list[tuple[Iterator[Counts], int]]:
    """Return the rounds of each attack, and how often each attacks at most; spoilt inputs first."""
    runs = known_runs()
    slow = [run for run in runs if run.engine == "SLURM"]
    quick = [run for run in runs if run.engine != "SLURM"]
    share = round(asked.kills * SLOW_SHARE) if slow else 0
    attacks = [(Spoilt(folder / "spoilt", random.Random(asked.seed)).rounds(), asked.spoilt)]
    half = (asked.kills - share) // 2
    for name, some, most in (
        ("killed", quick[::2], half),
        ("killed too", quick[1::2], asked.kills - share - half),
        ("slow", slow, share),
    ):
        if some:
            dice = random.Random(f"{name} {asked.seed}")
            victims = opened.enter_context(Victims(folder / name, dice, some, end))
            attacks.append((victims.rounds(), most))
    return attacks


def _attack(rounds: Iterator[Counts], most: int, end: float) -> Counts:
    """Go round after round, until it is enough, and return what was counted, by kind."""
    total: Counts = {}
    times, said = 0, time.monotonic()
    while time.monotonic() < end and times < most:
        for kind, counts in next(rounds).items():
            total.setdefault(kind, Counter()).update(counts)
            times += counts["times"]
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"{times:,} times so far, last: {kind}", file=sys.stderr, flush=True)
    return total


def _print(what: str, found: Counts) -> None:
    """Print a table in Markdown, with a line for each kind, and their sum."""
    names = [
        what,
        "times",
        *sorted({name for one in found.values() for name in one} - {"times", *FAULTS}),
        *FAULTS,
    ]
    rows = [
        [kind, *(f"{counts[name]:,}" for name in names[1:])]
        for kind, counts in sorted(found.items())
    ]
    total: Counter[str] = sum(found.values(), Counter())
    rows.append(["all", *(f"{total[name]:,}" for name in names[1:])])
    print(_line(names), _line(["---", *["---:"] * (len(names) - 1)]), sep="\n")
    print("\n".join(map(_line, rows)))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
