"""Samples of records as patches of DASCore."""

import warnings
from typing import Any

import numpy as np

from captools.das.library import load
from captools.das.reading import ZARR
from captools.das.records import SECOND, Record
from captools.errors import InputError, one_line

_OF_FILE = ("path", "file_format", "file_version", "coords", "dims", "history")


def patch_of(samples: np.ndarray, start_ns: int, record: Record, channels: range, said: Any) -> Any:
    """Return samples as a patch, with the coordinates, units and attributes of their record.

    Parameters
    ----------
    samples : array, shape (time, channel)
        One after another. Floating-point numbers become float64, in which filters are right.
    start_ns : int
        Time of the first one, nanoseconds since 1970.
    record : Record
        That holds it.
    channels : range
        Of the record.
    said : dascore.PatchAttrs
        What its file says of them, as `attributes` returns it.
    """
    load()
    from dascore import Patch
    from dascore.core import get_coord

    start, step = np.datetime64(start_ns, "ns"), np.timedelta64(round(record.step * SECOND), "ns")
    time = get_coord(start=start, step=step, stop=start + len(samples) * step, units="s")
    dims = ("time", "distance") if record.time_axis == 0 else ("distance", "time")
    if samples.dtype.kind == "f":
        samples = samples.astype(np.float64, copy=False)
    return Patch(
        data=samples if record.time_axis == 0 else samples.T,
        coords={"time": time, "distance": _distances(record, channels)},
        dims=dims,
        attrs=said,
    )


def _distances(record: Record, channels: range) -> Any:
    """Return where channels are; of those that are not evenly spaced, their numbers."""
    from dascore.core import get_coord

    first, spacing = record.first_distance, record.spacing
    if record.channels == 1 and not np.isnan(first):
        return get_coord(data=np.array([first]), units="m")
    if np.isnan(first) or np.isnan(spacing):
        return get_coord(data=np.array(channels, float))
    where = first + spacing * np.array(channels)
    if len(where) == 1:
        return get_coord(data=where, units="m")
    step = spacing * channels.step
    return get_coord(start=where[0], step=step, stop=where[0] + len(where) * step, units="m")


def attributes(record: Record) -> Any:
    """Return what the file of a record says of its samples, but for where and when they are.

    Returns
    -------
    dascore.PatchAttrs
        As its format has them.

    Raises
    ------
    InputError
        If DASCore does not read it any more.
    """
    load()
    import dascore

    if record.format == ZARR:
        return dascore.PatchAttrs(data_units=record.units or None)
    name, _, version = record.format.rpartition(" ")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scanned = dascore.scan(
                record.path, file_format=name, file_version=version, progress=None
            )
            found = next(one for one in scanned if {*one.dim_tuple} == {"time", "distance"})
            said = found.model_dump(exclude_unset=True)
            return type(found)(**{key: said[key] for key in said if key not in _OF_FILE})
    except Exception as error:  # each of its formats raises what it likes
        raise InputError(f"{record.path}: cannot be read by DASCore ({one_line(error)})") from None
