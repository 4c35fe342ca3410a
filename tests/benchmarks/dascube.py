"""`dascube` from files to the cube, against other ways to make one, each in a process of its own.

Run by hand: ``python tests/benchmarks/dascube.py``. CPU time of all processes of a way, on one
core, taking turns. Of a short and a long record in two files each, the difference counts: without
what it takes to start. 1000 Hz, segments of 1 s, 90 % overlap, up to 100 Hz, in microseconds per
second of one channel. The double loop is as that of CryoCube: one transform for each channel and
segment; the other calls scipy for each file. Both write their levels to a zarr store. That the
loop gives the same as ``--like cryocube`` is checked first.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from timing import on_one_core

RATE, BINS = 1000, 101
READ = """
import glob, sys
import h5py, numpy as np, zarr
from scipy import signal
paths = sorted(glob.glob(sys.argv[1] + "/*.h5"))
read = lambda path: h5py.File(path)["Acquisition/Raw[0]/RawData"][:]
ends = [read(path)[:, :900] for path in paths[1:]] + [np.zeros((WIDTH, 0), "i2")]
cube = zarr.create_array(sys.argv[2], shape=(TOTAL, WIDTH, 101), chunks=(60, WIDTH, 101),
                         dtype="f8", fill_value=np.nan)
row = 0
for path, end in zip(paths, ends):
    x = np.concatenate([read(path), end], axis=1)  # (channel, time), as in the files
    count = (x.shape[1] - 1000) // 100 + 1
"""
LOOP = """
    taper = signal.windows.tukey(1000, 0.25)
    part = np.zeros((count, len(x), 101))
    for channel in range(len(x)):
        for number in range(count):
            segment = x[channel, number * 100 : number * 100 + 1000] * taper
            part[number, channel] = 10 * np.log(np.abs(np.fft.rfft(segment)[:101]) ** 2)
    part[:, :, 0] = 0
"""
SCIPY = """
    _, _, power = signal.spectrogram(x, 1000, ("tukey", 0.25), 1000, 900)
    part = 10 * np.log10(power[:, :101]).transpose(2, 0, 1)
"""
WRITE = """
    cube[row : row + count] = part
    row += count
"""


def simulate(folder: Path, seconds: int, channels: int) -> None:
    """Write a record in two files."""
    span = ("2021-11-01T23:11:00", f"2021-11-01T23:{11 + seconds // 60}:{seconds % 60:02d}")
    words = ("--rate", RATE, "--channels", channels, "--seconds", seconds / 2, "-t", *span)
    captools("simulate", "--product", "DAS", *words, "-o", folder)


def captools(*words: object) -> None:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "captools", *map(str, words), "-q"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def other(body: str, folder: Path, out: Path, seconds: int, channels: int) -> None:
    """Run another way in a process of its own."""
    total = (seconds * RATE - 1000) // 100 + 1
    code = (READ + body + WRITE).replace("TOTAL", str(total)).replace("WIDTH", str(channels))
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, folder, out], check=True)


def cpu_seconds() -> float:
    """Return what processes that have ended have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(way: str, folder: Path, out: Path, seconds: int, channels: int) -> float:
    """Make a cube in one of the ways, and return the CPU time."""
    began = cpu_seconds()
    if way == "captools":
        captools("dascube", folder, "-o", out, "--fmax", 100, "-n", 1)
    elif way == "captools --like cryocube":
        captools("dascube", folder, "-o", out, "--fmax", 100, "-n", 1, "--like", "cryocube")
    else:
        other(LOOP if way == "double loop" else SCIPY, folder, out, seconds, channels)
    return cpu_seconds() - began


def check(folder: Path, place: Path, seconds: int, channels: int) -> None:
    """See that the double loop and `--like cryocube` give the same."""
    import zarr

    ways = {"captools --like cryocube": place / "ours", "double loop": place / "loop"}
    for way, out in ways.items():
        run(way, folder, out, seconds, channels)
    ours = zarr.open_group(place / "ours", mode="r")["psd"][:]
    loop = zarr.open_array(place / "loop", mode="r")[:].transpose(0, 2, 1)
    there = np.isfinite(ours)  # what is dead has no level
    assert there.mean() > 0.9
    assert np.median(np.abs(ours - loop)[there]) < 0.01


def main() -> None:
    """Print the times of all ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--seconds", type=int, nargs=2, default=(20, 140), help="short and long")
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    on_one_core()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folders = [place / f"records{seconds}" for seconds in words.seconds]
        for folder, seconds in zip(folders, words.seconds, strict=True):
            simulate(folder, seconds, words.channels)
        check(folders[0], place, words.seconds[0], words.channels)
        times: dict[str, list[float]] = {"captools": [], "double loop": [], "scipy.signal": []}
        for number in range(words.rounds):
            for way, found in times.items():
                short, long = (
                    run(way, folder, place / f"{way} {number} {seconds}", seconds, words.channels)
                    for folder, seconds in zip(folders, words.seconds, strict=True)
                )
                found.append(long - short)
    more = words.channels * (words.seconds[1] - words.seconds[0])
    ours = statistics.median(times["captools"])
    for way, found in times.items():
        took = statistics.median(found)
        print(f"{way:24} {1e6 * took / more:8.1f} {took / ours:8.2f} x")


if __name__ == "__main__":
    main()
