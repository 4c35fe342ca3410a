"""Statistics of signal strength by a loop over values, in fractions: the truth of tests."""

import math
from collections import defaultdict
from fractions import Fraction

import numpy as np

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


def plainly(rows, values, grouping, zeros=()):
    """The statistics by a loop over values, in fractions."""
    length = {"day": DAY_MS, "hour": HOUR_MS}.get(grouping.per)

    def place(row):
        time, system, satellite, code = row
        start = time // length * length if length else 0
        return start, system, satellite if grouping.by_satellite else 0, code

    groups, missing, epochs = defaultdict(list), defaultdict(int), defaultdict(set)
    for row, value in zip(rows, values, strict=True):
        groups[place(row)].append(Fraction(value, 1000))
        start, system, _, code = place(row)
        epochs[start, system, code].add(row[0])
    for row in zeros:
        missing[place(row)] += 1
    found = []
    for start, system, satellite, code in sorted({*groups, *missing}):
        group = groups.get((start, system, satellite, code), [])
        row = {"start": np.datetime64(start, "ms")} if length else {}
        row |= {"system": system}
        row |= {"satellite": satellite} if grouping.by_satellite else {}
        row |= {"code": code, "n": len(group), "zeros": missing[start, system, satellite, code]}
        row["epochs"] = len(epochs[start, system, code])
        row |= dict.fromkeys(("mean", "std", "min", "max"))
        if group:
            mean = sum(group) / len(group)
            variance = sum((value - mean) ** 2 for value in group) / len(group)
            row |= {"mean": float(mean), "std": math.sqrt(variance)}
            row |= {"min": float(min(group)), "max": float(max(group))}
        if grouping.linear:
            powers = math.fsum(10.0 ** float(value / 10) for value in group)
            row["linear"] = powers / len(group) if group else None
        found.append(row)
    return found
