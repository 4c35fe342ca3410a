"""Records in a zarr store, laid out as that of the Ocean Observatories Initiative (OOI)."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from captools.das.evenness import even_distances, even_step, stretches, within_reason
from captools.das.records import SECOND, Record
from captools.errors import InputError
from captools.extras import require

SAMPLES, TIMES, DISTANCES = "RawData", "RawDataTime", "distance"
_BLOCK = 1 << 20  # times
_NANOSECONDS = {"nanoseconds": 1, "microseconds": 1_000, "milliseconds": 1_000_000}
_METADATA = ("zarr.json", ".zgroup", ".zmetadata", ".zattrs", ".zarray")


def stamp(path: str) -> tuple[int, int]:
    """Return bytes and time of change of what says what a store holds, which grows with it."""
    files = [
        found
        for folder in (Path(path), Path(path) / SAMPLES, Path(path) / TIMES)
        for name in _METADATA
        if (found := folder / name).is_file()
    ]
    seen = [os.stat(file) for file in files]
    return sum(one.st_size for one in seen), max((one.st_mtime_ns for one in seen), default=0)


def examine_store(path: str) -> list[Record]:
    """Return the records of a zarr store: one for each even stretch of its times.

    Parameters
    ----------
    path : str
        The folder.

    Raises
    ------
    InputError
        If it does not hold ``RawData`` and ``RawDataTime``, or they do not fit together.
    MissingExtra
        If zarr is not installed.
    """
    require("das", "zarr")
    import zarr

    try:
        group = zarr.open_group(path, mode="r")
        samples: Any = group[SAMPLES]
        times: Any = group[TIMES]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: is no zarr store with {SAMPLES} and {TIMES}") from error
    axis = _time_axis(path, samples, times)
    size, mtime_ns = stamp(path)
    first, spacing = _distances(group, samples.shape[1 - axis])
    step, found = _even_parts(path, times)
    return [
        Record(
            path=path,
            format="zarr",
            start=np.datetime64(start, "ns"),
            step=step / SECOND,
            samples=count,
            channels=samples.shape[1 - axis],
            first_distance=first,
            spacing=spacing,
            units=str(samples.attrs.get("units", "")),
            time_axis=axis,
            dataset=SAMPLES,
            dtype=str(samples.dtype),
            size=size,
            mtime_ns=mtime_ns,
            offset=offset,
        )
        for offset, start, count in found
    ]


def _even_parts(path: str, times: Any) -> tuple[float, list[tuple[int, int, int]]]:
    """Return the step of a store's times in nanoseconds, and their even stretches."""
    unit = _nanoseconds(path, times)

    def block(start: int) -> np.ndarray:
        found = np.asarray(times[start : start + _BLOCK])
        if found.dtype.kind == "M":
            return found.astype("datetime64[ns]").astype(np.int64)
        return found.astype(np.int64) * unit

    try:
        step = even_step(block(0))
        blocks = map(block, range(0, times.shape[0], _BLOCK))
        return step, within_reason(stretches(blocks, step), step)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _time_axis(path: str, samples: Any, times: Any) -> int:
    """Return which axis of the samples is time: by their names, else by their lengths."""
    if samples.ndim != 2 or times.ndim != 1 or times.shape[0] < 2:
        raise InputError(f"{path}: {SAMPLES} is no table of times by channels")
    said = samples.metadata.to_dict().get("dimension_names")  # of zarr 3; else what xarray adds
    names = [str(name).lower() for name in said or samples.attrs.get("_ARRAY_DIMENSIONS", ())]
    fitting = [axis for axis in (0, 1) if samples.shape[axis] == times.shape[0]]
    if "time" in names and names.index("time") in fitting:
        return names.index("time")
    if len(fitting) != 1 or "time" in names:
        raise InputError(f"{path}: which axis of {SAMPLES} is time? {TIMES} does not say")
    return fitting[0]


def _nanoseconds(path: str, times: Any) -> int:
    """Return what times are multiplied by; whole numbers without a unit are microseconds."""
    if times.dtype.kind == "M":
        return 1
    words = str(times.attrs.get("units", "microseconds since 1970-01-01"))
    unit, _, since = words.partition(" since ")
    if times.dtype.kind not in "iu" or unit not in _NANOSECONDS or since[:10] != "1970-01-01":
        raise InputError(f"{path}: {TIMES} are no whole {'/'.join(_NANOSECONDS)} since 1970")
    return _NANOSECONDS[unit]


def _distances(group: Any, channels: int) -> tuple[float, float]:
    """Return where the first channel is, and the spacing; NaN if the store does not say."""
    if DISTANCES not in group or group[DISTANCES].shape != (channels,):
        return np.nan, np.nan
    return even_distances(np.asarray(group[DISTANCES][:], dtype=float))
