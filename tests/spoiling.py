"""Inputs spoilt in every way we know, given to steps: what is read must be what is there.

An input must fail by name, or its rows must be those that h5py reads in it: where HDF5 has no
checksum, nobody can know more.
"""

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import straightforward
from spoils import ANY, NOT_THERE, RARE
from straightforward import read_flat

from captools.simulation.granule import write_granule

BATCH = 40  # inputs of a run
MEMORY = 6 << 30  # bytes that a run may take, all of it
LONGEST = 300.0  # seconds that a run may take
CAPTOOLS = Path(sys.executable).parent / "captools"


class Spoilt:
    """Spoilt granules and flat files, and what steps make of them."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self._dice, self._said = dice, ""
        self._in, self._out, whole = folder / "in", folder / "out", folder / "whole"
        self._granule = write_granule(whole, 1, 1, 11, segments=60)
        words = ("readatl06", whole, "-o", whole / "flat", "-z", "gzip", "-p", "3031")
        self._run(*words)
        self._flat = sorted((whole / "flat").glob("*.h5"))[0]

    def rounds(self) -> Iterator[dict[str, Counter[str]]]:
        """Yield without end what came of a batch of spoilt inputs, by kind."""
        while True:
            yield self._of_map("readatl06", self._granule, _rows_of_granule, "-q")
            yield self._of_map("filter", self._flat, _rows_of_flat, "-q")
            yield self._of_merge()

    def _batch(self, whole: Path, count: int) -> dict[str, str]:
        """Make spoilt copies, and return the kind of each by its name."""
        shutil.rmtree(self._in, ignore_errors=True)
        shutil.rmtree(self._out, ignore_errors=True)
        self._in.mkdir(parents=True)
        self._out.mkdir()
        kinds = {}
        for number in range(count):
            rare = whole == self._flat and self._dice.random() < 0.005
            kind, spoil = self._dice.choice(sorted((RARE if rare else ANY).items()))
            path = self._in / f"{whole.stem}_{number:03d}.h5"
            shutil.copy(whole, path)
            spoil(path, self._dice)
            kinds[path.name] = kind
        return kinds

    def _of_map(
        self, step: str, whole: Path, rows: Callable[[Path], dict], *options: str
    ) -> dict[str, Counter[str]]:
        """Give a batch to a map step, and count what came of each input."""
        kinds = self._batch(whole, BATCH)
        found = {kind: Counter(times=count) for kind, count in Counter(kinds.values()).items()}
        is_over = self._run(step, self._in, "-o", self._out, "-n", "2", "--timeout", "5", *options)
        lines = (self._out / "_captools" / f"{step}.jsonl").read_text().splitlines()
        outcomes = {Path(one["input"]).name: one for one in map(json.loads, lines)}
        written = {self._out.name}
        for name, kind in kinds.items():
            outcome = outcomes.get(name)
            if outcome is None:
                found[kind]["lost" if is_over else "hung"] += 1
                continue
            written |= set(outcome["outputs"])
            error = outcome["error"] or ""
            if outcome["status"] == "failed":
                is_clear = str(self._in / name) in error and "unexpected" not in error
                found[kind]["refused" if is_clear else "wrong"] += 1
                if not is_clear:
                    print(f"{step}: {kind}: {error}", file=sys.stderr)
                continue
            flats = {_track(path): read_flat(path) for path in map(Path, outcome["outputs"])}
            truths = [rows(whole)]
            if kind not in NOT_THERE:
                truths.append(_quietly(rows, self._in / name))
            is_right = any(_is_same(flats, truth) for truth in truths)
            found[kind]["read" if is_right else "wrong"] += 1
            if not is_right:
                self._keep(self._in / name, step, kind)
        found[next(iter(found))]["wrong"] += "Traceback" in self._said
        found[next(iter(found))]["left"] += sum(
            str(path) not in written for path in self._out.iterdir() if path.is_file()
        )
        return found

    def _of_merge(self) -> dict[str, Counter[str]]:
        """Give a few to a reduce step, which leaves the bad ones out: the others must be whole."""
        kinds = self._batch(self._flat, 5)
        found = {kind: Counter(times=count) for kind, count in Counter(kinds.values()).items()}
        shutil.copy(self._flat, self._in / "whole.h5")
        out = self._out / "all.h5"
        options = ("--skip-bad", "--common", "--timeout", "5")
        first = next(iter(found.values()))
        if not self._run("merge", self._in, "-o", out, *options):
            first["hung"] += 1
            return found
        first["wrong"] += "Traceback" in self._said
        bad = [name for name in kinds if f"failed: {self._in / name}: " in self._said]
        for name, kind in kinds.items():
            found[kind]["refused" if name in bad else "read"] += 1
        if out.exists():
            kept = [path for path in sorted(self._in.glob("*.h5")) if path.name not in bad]
            rows = [_quietly(_values_of_flat, path) for path in kept]
            merged = _values_of_flat(out)
            for name in merged.keys() & rows[0].keys():
                expected = [one[name] for one in rows if name in one]
                if len(expected) == len(rows) and not np.array_equal(
                    merged[name], np.concatenate(expected), equal_nan=merged[name].dtype.kind == "f"
                ):
                    first["wrong"] += 1
                    print(f"merge: {name}: {kinds}, bad {bad}", file=sys.stderr)
        first["left"] += sum(path != out for path in self._out.iterdir())
        return found

    def _run(self, *words: object) -> bool:
        """Run a step to its end, and return whether it came to one; `_said` is what it said."""
        self._said = ""
        try:
            done = subprocess.run(
                [str(word) for word in ("prlimit", f"--as={MEMORY}", CAPTOOLS, *words)],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            return False
        self._said = done.stderr
        if "Traceback" in done.stderr:
            print(done.stderr, file=sys.stderr)
        return True

    def _keep(self, path: Path, step: str, kind: str) -> None:
        """Keep an input that was misread, to be looked at."""
        kept = Path(f"misread_{step}_{kind.replace(' ', '_')}_{path.name}")
        shutil.copy(path, kept)
        print(f"{step}: {kind}: misread, kept as {kept}", file=sys.stderr)


def _rows_of_granule(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return what a plain reader finds in a granule, by beam, less what is computed from it."""
    beams = straightforward.read_granule(path)
    wanted = straightforward.SOURCES
    return {
        beam: {name: values for name, values in rows.items() if name in wanted}
        for beam, rows in beams.items()
    }


def _rows_of_flat(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return the columns of a flat file; what is none, steps leave out with a warning."""
    with h5py.File(path) as file:
        items = [item for item in file.values() if isinstance(item, h5py.Dataset)]
        return {
            "": {
                item.name[1:]: item[()]
                for item in items
                if item.dtype.kind in "iufb" and item.shape and len(item.shape) == 1
            }
        }


def _values_of_flat(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a flat file, with NaN for what it says is no value.

    Files may use several numbers for that, of which `merge` makes one.
    """
    rows = _rows_of_flat(path)[""]
    with h5py.File(path) as file:
        for name in [name for name in rows if "_FillValue" in file[name].attrs]:
            is_fill = rows[name] == file[name].attrs["_FillValue"]
            rows[name] = np.where(is_fill, np.nan, rows[name])
    return rows


def _quietly(rows: Callable[[Path], dict], path: Path) -> dict:
    """Return rows of a spoilt file, none if a plain reader cannot have them."""
    try:
        with np.errstate(all="ignore"):
            return rows(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, IndexError):
        return {}


def _track(path: Path) -> str:
    """Return the beam that a file is of, "" if its name does not say."""
    return path.stem[-4:] if path.stem[-4:-1] in ("gt1", "gt2", "gt3") else ""


def _is_same(found: dict, expected: dict) -> bool:
    """Return whether all rows of the truth are there, to the bit, and no others."""
    if found.keys() != expected.keys():
        return False
    for track, rows in expected.items():
        for name, values in rows.items():
            there = found[track].get(name)
            if there is None or not np.array_equal(there, values, values.dtype.kind == "f"):
                return False
    return True
