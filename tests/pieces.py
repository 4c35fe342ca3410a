"""Records that are cut into files, with all that is known of them."""

import contextlib
from types import ModuleType

import h5py
import numpy as np
import pytest

from captools.das.library import load
from captools.das.records import Record
from captools.das.scanning import Scan
from captools.das.windows import Portion, Stretch
from captools.errors import MissingExtra
from captools.simulation.das_files import Block, write_dasdae

SECOND = 1_000_000_000


def record(path="a.h5", start_ns=0, step=0.005, samples=100, channels=4, **more):
    """A record as a scan would describe it."""
    usual = {
        "format": "plain",
        "first_distance": 10.0,
        "spacing": 2.0,
        "units": "nm/m/s",
        "time_axis": 0,
        "dataset": "/raw",
        "dtype": "float32",
        "size": 0,
        "mtime_ns": 0,
    }
    start = np.datetime64(start_ns, "ns")
    where = {"path": str(path), "start": start, "step": step}
    return Record(**(where | {"samples": samples, "channels": channels} | usual | more))


def stretch(*records):
    """A stretch of whole records."""
    return Stretch(tuple(Portion(one, 0, one.samples) for one in records))


def write(folder, samples, edges, start_ns=0, step=0.005, time_axis=0, dasdae=False):
    """Cut samples (time, channel) at edges into files, and return their records."""
    about = {"format": "DASDAE 1", "dataset": "/waveforms/DAS/data"} if dasdae else {}
    found = []
    for number, (first, stop) in enumerate(zip([0, *edges], [*edges, len(samples)], strict=True)):
        path = folder / f"{number * 7 % 10}{number}.h5"  # in no order of names
        part = samples[first:stop]
        if dasdae:
            times = start_ns + np.arange(first, stop) * round(step * SECOND)
            distances = 10.0 + 2.0 * np.arange(samples.shape[1])
            write_dasdae(path, Block(part, times, distances, round(1 / step)))
        else:
            with h5py.File(path, "w") as file:
                file["raw"] = part if time_axis == 0 else part.T
        found.append(
            record(
                path,
                start_ns + round(first * step * SECOND),
                step,
                *part.shape,
                time_axis=1 if dasdae else time_axis,
                dtype=str(samples.dtype),
                size=path.stat().st_size,
                mtime_ns=path.stat().st_mtime_ns,
                **about,
            )
        )
    return found


def placed(stretches, start_ns, samples):
    """The portions that a window of so many samples takes, each with its place in it."""
    found = []
    for one in stretches:
        start = int(one.nearest(np.array([start_ns]))[0])
        found += one.cut(start, start + samples)
    return found


def known_to_scan(monkeypatch, records, *more):
    """Let scans know records without DASCore; give a list of what they refuse, to be filled."""
    refused = []

    def scan(paths, *_, **__):
        return Scan(tuple(one for one in records if one.path in paths), tuple(refused))

    for module in ("captools.das.planning", *more):
        monkeypatch.setattr(f"{module}.scan", scan)
    return refused


def need_dascore() -> ModuleType:
    """DASCore, imported as captools does it, for pytest's processes begin together; or skip."""
    with contextlib.suppress(MissingExtra):
        load()
    return pytest.importorskip("dascore")
