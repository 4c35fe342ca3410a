"""How records of a fibre lie in files: DASDAE, plain HDF5 as OOI's instruments write it, zarr."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from captools.extras import require
from captools.simulation.hdf5 import set_attributes

UNITS = "nm/m/s"
CHUNK_SAMPLES = 3000


@dataclass(frozen=True)
class Block:
    """Samples with their times and distances.

    Attributes
    ----------
    samples : numpy.ndarray
        (time, channel).
    times : numpy.ndarray of int64
        Nanoseconds since 1970.
    distances : numpy.ndarray
        Metres.
    rate : int
        Samples per second.
    """

    samples: np.ndarray
    times: np.ndarray
    distances: np.ndarray
    rate: int


def write_dasdae(path: Path, block: Block) -> None:
    """Write a file as DASCore does: samples are (distance, time).

    Its text is of variable length: of any other, DASCore makes ``b'DAS'``.
    """
    with h5py.File(path, "w") as file:
        file.attrs["__format__"] = "DASDAE"
        file.attrs["__DASDAE_version__"] = "1"
        group = file.create_group("waveforms/DAS")
        group.attrs["__attrs_coords_separate__"] = True  # no pickled Python among the attributes
        group.attrs["_dims"] = "distance,time"
        group.attrs["_attrs_data_units"] = UNITS
        group.attrs["_attrs_data_category"] = "DAS"
        group["data"] = np.ascontiguousarray(block.samples.T)
        coordinates = (("time", block.times, "s"), ("distance", block.distances, "m"))
        for name, values, units in coordinates:
            group.attrs[f"_cdims_{name}"] = name
            coordinate = group.create_dataset(f"_coord_{name}", data=values)
            coordinate.attrs["units"] = units
            coordinate.attrs["is_datetime64"] = name == "time"
            coordinate.attrs["is_timedelta64"] = False


def write_plain(path: Path, block: Block) -> None:
    """Write PRODML as it comes from the instruments of OOI: samples are (channel, time)."""
    count, channels = block.samples.shape
    with h5py.File(path, "w") as file:
        acquisition = file.create_group("Acquisition")
        spacing = float(block.distances[1] - block.distances[0]) if channels > 1 else 1.0
        set_attributes(
            acquisition,
            {
                "schemaVersion": "2.1",
                "uuid": "00000000-0000-0000-0000-000000000000",
                "NumberOfLoci": channels,
                "StartLocusIndex": 0,
                "SpatialSamplingInterval": spacing,
                "SpatialSamplingIntervalUnit": "m",
                "PulseRate": float(block.rate),
                "PulseRateUnit": "Hz",
                "PulseWidth": 50.0,
                "PulseWidthUnit": "ns",
                "GaugeLength": 10.0,
                "GaugeLengthUnit": "m",
            },
        )
        raw = acquisition.create_group("Raw[0]")
        about = {"NumberOfLoci": channels, "OutputDataRate": float(block.rate)}
        set_attributes(raw, about | {"RawDataUnit": UNITS})
        samples = raw.create_dataset(
            "RawData",
            data=np.ascontiguousarray(block.samples.T),
            chunks=(min(channels, 64), min(count, CHUNK_SAMPLES)),
        )
        set_attributes(samples, {"Dimensions": np.array([b"locus", b"time"])})
        times = raw.create_dataset("RawDataTime", data=block.times // 1000)  # microseconds
        edges = {"PartStartTime": _iso(block.times[0]), "PartEndTime": _iso(block.times[-1])}
        set_attributes(times, edges | {"Count": count})


def write_zarr(path: Path, blocks: Iterable[Block], count: int) -> None:
    """Write a store as that of OOI: samples are (distance, time), times are microseconds.

    Parameters
    ----------
    path : Path
        The folder, empty or not there.
    blocks : iterable of Block
        One after the other, alike in all but samples and times.
    count : int
        Samples in time of all of them.
    """
    require("das", "zarr")
    import zarr

    group = zarr.open_group(path, mode="w", zarr_format=3)
    at = 0
    for block in blocks:
        if not at:
            samples, times = _arrays(group, block, count)
        stop = at + len(block.times)
        samples[:, at:stop] = block.samples.T
        times[at:stop] = block.times // 1000
        at = stop


def _arrays(group: Any, block: Block, count: int) -> tuple[Any, Any]:
    """Make the arrays of a store: samples and times, still empty, and the distances."""
    channels = len(block.distances)
    samples = group.create_array(
        "RawData",
        shape=(channels, count),
        dtype=block.samples.dtype,
        chunks=(min(channels, CHUNK_SAMPLES), min(count, CHUNK_SAMPLES)),
        dimension_names=("distance", "time"),
        attributes={"units": UNITS},
    )
    times = group.create_array(
        "RawDataTime",
        shape=(count,),
        dtype="int64",
        chunks=(min(count, 100 * CHUNK_SAMPLES),),
        dimension_names=("time",),
    )
    group.create_array("distance", data=block.distances, dimension_names=("distance",))
    return samples, times


def _iso(time: int) -> str:
    """Return a time as PRODML has it, to the microsecond."""
    return f"{np.datetime64(int(time) // 1000, 'us')}+00:00"
