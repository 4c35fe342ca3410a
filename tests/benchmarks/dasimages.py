"""`dasimages` from files to pictures, against other ways to make some, each in its own process.

Run by hand: ``python tests/benchmarks/dasimages.py``. CPU time of all processes of a way, on one
core, taking turns. Of a short and a long record the difference counts: without what it takes to
start. That takes `dasimages` longer than all else, so its long record is four times as long: what
start-up varies by is then little of it. 200 Hz, windows of 15 s, 14 to 35 Hz, 128 by 128 pixels, in
microseconds per second of one channel.

- careful: windows with 2 s on both sides, decimated by 2 with a FIR filter, filtered forwards and
  backwards, Hilbert transform, a picture resized in float.
- DASCore: the same by the methods of its patches.
- notebook: as a published one goes about it, on a zarr store through xarray and dask: every second
  sample, median off, filter, Hilbert transform, 8 bits, and then resized. captools reads the same
  store.

That our pictures are those of the careful way is checked first.
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

RATE = 200
MORE = 4  # times as long is the long record of dasimages
READ = """
import glob, sys
import h5py, numpy as np
from PIL import Image
paths = sorted(glob.glob(sys.argv[1] + "/*.h5"))
each = h5py.File(paths[0])["Acquisition/Raw[0]/RawData"].shape[1]
def samples(first, stop):
    # (time, channel); files are of one length
    parts = []
    for number in range(first // each, (stop - 1) // each + 1):
        with h5py.File(paths[number]) as file:
            dataset = file["Acquisition/Raw[0]/RawData"]
            low, high = max(0, first - number * each), min(each, stop - number * each)
            parts.append(dataset[:, low:high].T)
    return np.concatenate(parts)
total = each * len(paths)
def write(levels, number):
    levels[~np.isfinite(levels)] = np.nanmin(levels[np.isfinite(levels)])
    few = Image.fromarray(levels.astype("f4")).resize((128, 128), Image.Resampling.BOX)
    few = np.asarray(few)
    np.save(f"{sys.argv[2]}/{number:05}.npy", few) if KEEP else None
    grey = np.clip(255 * (few - 30) / 30, 0, 255).astype("u1")
    Image.fromarray(grey).save(f"{sys.argv[2]}/{number:05}.png")
windows = [(number, max(0, number * 3000 - 400), min(total, number * 3000 + 3400))
           for number in range(total // 3000)]
"""
CAREFUL = """
from scipy import signal
sos = signal.butter(8, (14, 35), "bandpass", fs=100, output="sos")
for number, first, stop in windows:
    few = signal.decimate(samples(first, stop).astype(float), 2, ftype="fir", axis=0)
    envelope = np.abs(signal.hilbert(signal.sosfiltfilt(sos, few, axis=0), axis=0))
    begin = (number * 3000 - first) // 2
    with np.errstate(divide="ignore"):
        write(20 * np.log10(envelope[begin : begin + 1500]), number)
"""
DASCORE = """
import dascore
start = np.datetime64("2021-11-01T00:00:00", "ns")
for number, first, stop in windows:
    block = samples(first, stop).astype("f4")
    coords = {"time": start + np.arange(len(block)) * np.timedelta64(5, "ms"),
              "distance": 2.0 * np.arange(block.shape[1])}
    patch = dascore.Patch(block, coords=coords, dims=("time", "distance"))
    few = patch.decimate(time=2, filter_type="fir")
    passed = few.pass_filter(time=(14, 35), corners=8)
    begin = (number * 3000 - first) // 2
    with np.errstate(divide="ignore"):
        write(20 * np.log10(passed.envelope("time").data[begin : begin + 1500]), number)
"""
NOTEBOOK = """
import sys
import dask, dask.array, numpy as np, xarray as xr
from PIL import Image
from scipy import signal
dask.config.set(scheduler="synchronous")
(path,) = __import__("glob").glob(sys.argv[1] + "/*.zarr")
data = dask.array.from_zarr(path, component="RawData")
data = xr.DataArray(data, dims=("distance", "time"))[:, ::2]
b, a = signal.butter(8, [14 / 50, 35 / 50], "bandpass")
def median_off(x):
    return x - np.median(x, axis=1)[:, np.newaxis]
def passed(x):
    return signal.filtfilt(b, a, x, axis=1)
def envelope(x):
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.abs(signal.hilbert(x, axis=1)) / 1e-6)
for step in (median_off, passed, envelope):
    data = xr.apply_ufunc(step, data, dask="parallelized", output_dtypes=["f8"])
data = data.chunk({"distance": -1, "time": 1500})
for number in range(data.shape[1] // 1500):
    part = data[:, number * 1500 : number * 1500 + 1500].values.T
    part[~np.isfinite(part)] = part[np.isfinite(part)].min()
    grey = (255 * (part - part.min()) / (part.max() - part.min())).astype("u1")
    Image.fromarray(grey).resize((128, 128)).save(f"{sys.argv[2]}/{number:05}.png")
"""
WAYS = {"careful": READ + CAREFUL, "DASCore": READ + DASCORE, "notebook": NOTEBOOK}


def captools(*words: object) -> None:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "captools", *map(str, words), "-q"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def cpu_seconds() -> float:
    """Return what processes that have ended have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(way: str, folder: Path, out: Path, keep: bool = False) -> float:
    """Make pictures in one of the ways, and return the CPU time."""
    out.mkdir()
    began = cpu_seconds()
    if way in WAYS:
        code = WAYS[way].replace("KEEP", str(keep))
        subprocess.run([sys.executable, "-W", "ignore", "-c", code, folder, out], check=True)
    else:
        band = ("--window", "15s", "--band", 14, 35, "--limits", 30, 60)
        captools("dasimages", folder, "-o", out, *band, "-n", 1)
    return cpu_seconds() - began


def check(folder: Path, place: Path) -> None:
    """See that the careful way and captools give the same, within what decimation does."""
    from PIL import Image

    run("captools", folder, place / "ours")
    run("careful", folder, place / "careful", keep=True)
    ours = [np.asarray(Image.open(path)) for path in sorted((place / "ours").glob("*.png"))]
    others = [np.load(path) for path in sorted((place / "careful").glob("*.npy"))]
    assert len(ours) == len(others)
    for one, other in zip(ours, others, strict=True):
        there = one > 1
        shades = 1 + np.rint(254 * np.clip((other - 30) / 30, 0, 1))
        assert np.median(np.abs(one - shades)[there]) <= 4  # half a decibel


def main() -> None:
    """Print the times of all ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=512)
    parser.add_argument("--minutes", type=int, nargs=2, default=(1, 9), help="short and long")
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    on_one_core()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        short, long = words.minutes
        for layout in ("plain", "zarr"):
            for minutes in (short, long, MORE * long):
                folder = place / f"{layout}{minutes}"
                records.write(folder, 60 * minutes, words.channels, RATE, layout)
        check(place / f"plain{short}", place)
        ways = ("captools", "careful", "DASCore", "captools, zarr", "notebook")
        times: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(words.rounds):
            for way, found in times.items():
                layout = "zarr" if way in ("captools, zarr", "notebook") else "plain"
                lengths = short, MORE * long if way.startswith("captools") else long
                took = [
                    run(way, place / f"{layout}{minutes}", place / f"{way} {number} {minutes}")
                    for minutes in lengths
                ]
                print(f"{way:16} {took[0]:.2f} s, {took[1]:.2f} s", flush=True)
                found.append((took[1] - took[0]) / (words.channels * 60 * (lengths[1] - short)))
    print("us per second of one channel: median, least, times ours of the same")
    for way, found in times.items():
        ours = times["captools, zarr" if way in ("captools, zarr", "notebook") else "captools"]
        middle, least = statistics.median(found), min(found)
        ratios = middle / statistics.median(ours), least / min(ours)
        print(
            f"{way:16} {1e6 * middle:8.2f} {1e6 * least:8.2f}"
            f"   {ratios[0]:6.2f} x {ratios[1]:6.2f} x"
        )


if __name__ == "__main__":
    main()
