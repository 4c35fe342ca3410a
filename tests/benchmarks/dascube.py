"""`dascube` from files to the cube, against other ways to make one, each in a process of its own.

Run by hand: ``python tests/benchmarks/dascube.py``. CPU time of all processes of a way, on one
core, taking turns, so that what else the machine does hits all alike. Of a short and a long record
the difference counts: without what it takes to start. That takes `dascube` longer than all else, so
its long record is four times as long: what start-up varies by is then little of it. 1000 Hz,
segments of 1 s, 90 % overlap, up to 100 Hz, in microseconds per second of one channel. The double
loop is as that of CryoCube: one transform for each channel and segment; the other calls scipy for
each file. Both write their levels to a zarr store as zarr does by itself. That the loop gives the
same as ``--like cryocube`` is checked first.

Then the same of records at 200 Hz, and what that makes for one of the size of that of the Ocean
Observatories Initiative. Then the memory of the largest process of `dascube`, for the long record
and one ten times as long, and what it takes to import all that makes regions of a cube.
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
import records
from timing import on_one_core

RATE = 1000
MORE = 4  # times as long is the long record of dascube
OOI_RATE, OOI, CORES = 200, 37_500 * 54 * 3600, 128  # channels times seconds
WORKER = "import captools.steps.dascube, captools.das.cube, numcodecs.blosc"
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
    elif way == "  --like cryocube":
        captools("dascube", folder, "-o", out, "--fmax", 100, "-n", 1, "--like", "cryocube")
    else:
        other(LOOP if way == "double loop" else SCIPY, folder, out, seconds, channels)
    return cpu_seconds() - began


def check(folder: Path, place: Path, seconds: int, channels: int) -> None:
    """See that the double loop and `--like cryocube` give the same."""
    import zarr

    ways = {"  --like cryocube": place / "ours", "double loop": place / "loop"}
    for way, out in ways.items():
        run(way, folder, out, seconds, channels)
    ours = zarr.open_group(place / "ours", mode="r")["psd"][:]
    loop = zarr.open_array(place / "loop", mode="r")[:].transpose(0, 2, 1)
    there = np.isfinite(ours)  # what is dead has no level
    assert there.mean() > 0.9
    assert np.median(np.abs(ours - loop)[there]) < 0.01


def peak_memory(folder: Path, out: Path) -> float:
    """Return the most memory (MB) that one of the processes of `dascube` has."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3)"
    )
    words = (sys.executable, "-m", "captools", "dascube", folder, "-o", out, "--fmax", "100")
    command = [sys.executable, "-c", code, *map(str, words), "-n", "1", "-q"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(found.stdout.split()[-1])


def start_of_a_worker() -> float:
    """Return the CPU seconds of a process that imports what makes regions of a cube."""
    began = cpu_seconds()
    subprocess.run([sys.executable, "-c", WORKER], check=True)
    return cpu_seconds() - began


def show(times: dict[str, list[float]]) -> None:
    """Print the times of all ways, and how they compare."""
    print("us per second of one channel: median, least, times ours of the same")
    ours = times["captools"]
    for way, found in times.items():
        middle, least = statistics.median(found), min(found)
        ratios = middle / statistics.median(ours), least / min(ours)
        print(
            f"{way:20} {1e6 * middle:8.1f} {1e6 * least:8.1f}"
            f"   {ratios[0]:6.2f} x {ratios[1]:6.2f} x"
        )


def slope(way: str, place: Path, name: str, lengths: list[int], channels: int) -> float:
    """Return the CPU seconds of a second of one channel: of a long record less a short one."""
    folders = [place / f"{name}{seconds}" for seconds in lengths]
    outs = [Path(tempfile.mkdtemp(dir=place)) / "cube" for _ in lengths]
    short, long = (
        run(way, folder, out, seconds, channels)
        for folder, out, seconds in zip(folders, outs, lengths, strict=True)
    )
    return (long - short) / (channels * (lengths[1] - lengths[0]))


def project(place: Path, channels: int, lengths: list[int], rounds: int) -> None:
    """Print what a record of the size of that of the OOI takes, on many cores as this one."""
    for seconds in lengths:
        records.write(place / f"slower{seconds}", seconds, channels, OOI_RATE)
    found = [slope("captools", place, "slower", lengths, channels) for _ in range(rounds)]
    each = statistics.median(found)
    print(
        f"at {OOI_RATE} Hz {1e6 * each:.1f} us, least {1e6 * min(found):.1f}: "
        f"37,500 channels of 54 hours on {CORES} cores {each * OOI / CORES / 60:.0f} minutes"
    )


def main() -> None:
    """Print the times of all ways, the memory, and the start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=256)
    parser.add_argument("--seconds", type=int, nargs=2, default=(20, 120), help="short and long")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["times", "memory"], help="instead of both")
    words = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    on_one_core()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        short, long = words.seconds
        for seconds in (short, long, MORE * long):
            records.write(place / f"records{seconds}", seconds, words.channels, RATE)
        if words.only != "memory":
            check(place / f"records{short}", place, short, words.channels)
            ways = "captools", "  --like cryocube", "double loop", "scipy.signal"
            times: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(words.rounds):
                for way, found in times.items():
                    lengths = [short, MORE * long if way in ways[:2] else long]
                    found.append(slope(way, place, "records", lengths, words.channels))
            show(times)
            project(place, words.channels, [short, MORE * long], words.rounds)
        if words.only != "times":
            longer = 10 * long
            records.write(place / f"records{longer}", longer, words.channels, RATE)
            folders = [place / f"records{seconds}" for seconds in (long, longer)]
            peaks = [peak_memory(folder, place / f"{folder.name}.zarr") for folder in folders]
            print(f"memory: {peaks[0]:.0f} MB of {long} s, {peaks[1]:.0f} of {longer} s")
            starts = [start_of_a_worker() for _ in range(2 * words.rounds + 1)]
            print(f"start of a worker: {statistics.median(starts):.2f} s, least {min(starts):.2f}")


if __name__ == "__main__":
    main()
