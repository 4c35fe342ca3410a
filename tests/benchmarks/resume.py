"""What it costs to go on where 100,000 inputs are listed and most are done.

Run by hand: ``python tests/benchmarks/resume.py``. The inputs are empty files
with a journal that calls them done, and the outputs are there; the last 100
are left to do (they fail at once, being empty), so that the run has work.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from captools.run.folders import LocalFolder
from captools.run.task import Task
from captools.steps import readatl06 as step

OPTIONS = {
    **dict.fromkeys(("bbox", "span", "variables", "mask", "segment_tolerance")),
    **dict.fromkeys(("split", "strict"), False),
    **{"crs": "auto", "quality": "best", "dialect": "captools"},
    **{"compression": "none", "layout": "granule"},
}


def prepare(place: Path, count: int, done: int) -> None:
    """Make the inputs, the list of them, and the journal and the outputs of those done."""
    out = place / "out"
    (place / "in").mkdir()
    (out / "_captools").mkdir(parents=True)
    task = Task(step.readatl06, step.outputs, LocalFolder(out), OPTIONS, step.VERSION)
    paths = [
        place / "in" / f"ATL06_20190101000000_{n % 1387 + 1:04d}{n // 1387:02d}10_006_01.h5"
        for n in range(count)
    ]
    (place / "list.txt").write_text("".join(f"{path}\n" for path in paths))
    with open(out / "_captools" / "readatl06.jsonl", "w") as journal:
        for number, path in enumerate(paths):
            path.touch()
            if number < done:
                output = out / path.name
                output.touch()
                line = {"input": str(path), "status": "done", "outputs": [str(output)]}
                line |= {"rows_in": 600_000, "rows_out": 300_000, "seconds": 1.0, "error": None}
                line |= {"ended": "2026-01-01T00:00:00.000000+00:00", "warnings": []}
                journal.write(json.dumps(line | {"key": task.key(str(path))}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, nargs="+", default=[1000, 10_000, 100_000])
    print("| inputs listed | done before | seconds | peak memory, main process |")
    print("|---|---|---|---|")
    for count in parser.parse_args().inputs:
        for done in (0, count - 100):
            if not done and count > 1000:
                continue  # to fail 100,000 inputs first says nothing of resuming
            with tempfile.TemporaryDirectory() as place:
                prepare(Path(place), count, done)
                words = ["captools", "readatl06", f"@{place}/list.txt", "-o", f"{place}/out"]
                words += ["--layout", "granule", "-q", "-n", "2"]
                figures = run([Path(sys.executable).parent / words[0], *words[1:]])
            print(f"| {count:,} | {done:,} | {figures[0]:.1f} | {figures[1]:.0f} MB |")


def run(words: list) -> tuple[float, float]:
    """Return the seconds of a run and the peak memory (MB) of its first process."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    usage: resource.struct_rusage = os.wait4(process.pid, 0)[2]
    return time.perf_counter() - began, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
