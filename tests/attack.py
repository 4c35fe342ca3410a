"""An attack: processes killed at random moments, and inputs spoilt in every way we know.

    python tests/attack.py --minutes 30

What comes is counted in two tables: what was lost or wrong after runs that were killed, by engine
and step, and after spoilt inputs, by their kind; what hung, and what was left behind. The exit
code is 1 if anything was. `killing.py` and `spoiling.py` do the work.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from killing import Victims
from spoiling import Spoilt

FAULTS = ("lost", "wrong", "hung", "left")


def main() -> int:
    """Attack for so many minutes, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kills", type=int, default=sys.maxsize, help="at most so many")
    parser.add_argument("--spoilt", type=int, default=sys.maxsize, help="at most so many")
    asked = parser.parse_args()
    end = time.monotonic() + 60 * asked.minutes
    dice = random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        spoilt = _attack(Spoilt(Path(folder) / "spoilt", dice).rounds(), asked.spoilt, _half(end))
        with Victims(Path(folder) / "killed", dice) as victims:
            killed = _attack(victims.rounds(), asked.kills, end)
    _print("killed", killed)
    print()
    _print("spoilt", spoilt)
    return int(
        any(
            counts[fault]
            for found in (killed, spoilt)
            for counts in found.values()
            for fault in FAULTS
        )
    )


def _half(end: float) -> float:
    """Return when half of the time is over that is left."""
    return (time.monotonic() + end) / 2


def _attack(rounds: Iterator[dict[str, Counter]], most: int, end: float) -> dict[str, Counter[str]]:
    """Go round after round, until it is enough, and return what was counted, by kind."""
    total: dict[str, Counter[str]] = {}
    times, said = 0, time.monotonic()
    while time.monotonic() < end and times < most:
        for kind, counts in next(rounds).items():
            total.setdefault(kind, Counter()).update(counts)
            times += counts["times"]
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"{times:,} times so far", file=sys.stderr, flush=True)
    return total


def _print(what: str, found: dict[str, Counter[str]]) -> None:
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
