"""What DASCore reads of a file, as records.

A patch is read once, whole or at both ends, and looked for among the datasets of an HDF5 file:
where one holds the same, nobody needs DASCore again.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from captools.das.evenness import (
    TOLERANCE,
    even_distances,
    even_step,
    stretches,
    unrounded,
    within_reason,
)
from captools.das.library import load
from captools.das.proving import datasets, plain_dataset
from captools.das.records import SECOND, Record
from captools.das.refusing import is_spectrum, refusal
from captools.errors import InputError, one_line
from captools.extras import without
from captools.io.hdf5 import DAMAGE, open_file, unreadable

WHOLE_BYTES = 1 << 24  # of a file that is compared whole; of a longer one, both ends
END_SAMPLES = 32
# What DASCore, pandas and pint import where it is there: a third of the memory, for methods alone.
OF_METHODS = ("numba", "pyarrow", "xarray", "dask", "matplotlib")

Answer = TypeVar("Answer")


def samples_of(record: Record) -> np.ndarray:
    """Return all samples of the patch that a record is of, (time, channel), not from its offset.

    A file is read whole: of some formats what DASCore reads in part is one sample off.

    Parameters
    ----------
    record : Record
        Of a file that only DASCore reads.

    Raises
    ------
    InputError
        If the file cannot be read, or does not hold the record any more.
    """
    fitting = [
        _table(patch)
        for patch in _patches(record.path, record.format, record.size, record.mtime_ns)
        if _is_of(record, patch)
    ]
    if len(fitting) != 1:
        raise InputError(f"{record.path}: does not hold the samples that it held: has it changed?")
    return fitting[0]


def _is_of(record: Record, patch: Any) -> bool:
    """Return whether a record is of a patch: its channels, and its time at its place."""
    times, distances = _times_of(patch), _distances_of(patch)
    if len(distances) != record.channels:
        return False
    first, _ = even_distances(distances)
    is_there = first == record.first_distance or np.isnan(record.first_distance)
    if not is_there or record.offset + record.samples > len(times):
        return False
    return abs(int(times[record.offset]) - record.start_ns) <= TOLERANCE * record.step * SECOND


@lru_cache(maxsize=1)
def _patches(path: str, form: str, size: int, mtime_ns: int) -> list[Any]:
    """Return the patches of a file, which is kept until another one is asked for."""
    load()
    name, _, version = form.rpartition(" ")
    found = Source(path, size, mtime_ns, False).read(file_format=name, file_version=version)
    return [patch for patch in found if {*patch.dims} == {"time", "distance"}]


@dataclass(frozen=True)
class Source:
    """A file that DASCore reads.

    Attributes
    ----------
    path : str
        Where it is.
    size, mtime_ns : int
        Bytes and time of change.
    is_hdf5 : bool
        Whether h5py opens it.
    """

    path: str
    size: int
    mtime_ns: int
    is_hdf5: bool

    def records(self) -> Iterator[Record | str]:
        """Yield the records of the file; instead of one, why a patch is none.

        Raises
        ------
        InputError
            If DASCore cannot read it.
        MissingExtra
            If DASCore is not installed.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with without(*OF_METHODS):
                load()
            import dascore

            unknown = "is of no format that DASCore knows"
            form = self._asked(lambda: dascore.get_format(self.path), unknown)
            options = {"file_format": form[0], "file_version": form[1]}
            found = self._asked(lambda: dascore.scan(self.path, progress=None, **options))
            if not found:
                self.read(**options)  # which says why
                raise InputError(f"{self.path}: holds no samples")
            if not all({*one.dim_tuple} <= {*one.coords} for one in found):
                found = [patch.attrs for patch in self.read(**options)]
            for attributes in found:
                why = refusal(attributes)
                yield from [why] if why else self._checked(options, attributes)

    def _asked(self, call: Callable[[], Answer], otherwise: str = "") -> Answer:
        """Return what DASCore answers; whatever it raises is the fault of the file."""
        try:
            return call()
        except Exception as error:  # each of its formats raises what it likes
            said = f"{type(error).__name__}: {one_line(error)}"
            why = otherwise or f"cannot be read by DASCore ({said})"
            raise InputError(f"{self.path}: {why}") from error

    def read(self, **part: Any) -> list[Any]:
        """Return the patches of the file, or of a part of it."""
        import dascore

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._asked(lambda: [*dascore.read(self.path, **part)])

    def _checked(self, options: dict[str, str], attributes: Any) -> Iterator[Record | str]:
        """Yield the records of a patch, or why it holds none."""
        step, parts = self._times(options, attributes)
        count = sum(samples for _, _, samples in parts)
        blocks, distances = self._blocks(options, attributes, step, count)
        dtype = blocks[0][1].dtype
        if dtype.kind not in "iuf":
            yield f"holds {dtype}, no real numbers"
            return
        dataset, axis, others = self._dataset((count, len(distances)), blocks)
        if is_spectrum(dataset) or (not dataset and any(map(is_spectrum, others))):
            spectra = dataset or next(filter(is_spectrum, others))
            yield f"holds spectra ({spectra}), no samples"
            return
        first, spacing = even_distances(distances)
        for offset, start, samples in parts:
            yield Record(
                path=self.path,
                format=" ".join(options.values()),
                start=np.datetime64(start, "ns"),
                step=step / SECOND,
                samples=samples,
                channels=len(distances),
                first_distance=first,
                spacing=spacing,
                units=str(attributes.model_dump().get("data_units") or ""),
                time_axis=axis if dataset else attributes.dim_tuple.index("time"),
                dataset=dataset,
                dtype=str(dtype),
                size=self.size,
                mtime_ns=self.mtime_ns,
                offset=offset,
            )

    def _times(
        self, options: dict[str, str], attributes: Any
    ) -> tuple[float, list[tuple[int, int, int]]]:
        """Return the step of a patch's times in nanoseconds, and their even stretches."""
        time, distance = (attributes.coords[name] for name in ("time", "distance"))
        if time.step is not None and not np.isnat(time.step):
            count = round((time.max - time.min) / time.step) + 1
            return unrounded(_nanoseconds(time.step)), [(0, _nanoseconds(time.min), count)]
        # DASCore has them all; one channel is enough.
        patch = self._patch(options, attributes, distance=(distance.min, distance.min))
        times = _times_of(patch)
        if len(times) < 2:
            raise InputError(f"{self.path}: holds one sample of each channel")
        try:
            step = even_step(times)
            return step, within_reason(stretches([times], step), step)
        except ValueError as error:
            raise InputError(f"{self.path}: {error}") from None

    def _blocks(
        self, options: dict[str, str], attributes: Any, step: float, count: int
    ) -> tuple[list[tuple[int, np.ndarray]], np.ndarray]:
        """Return samples to compare, all of a patch or both ends of a long one, and distances."""
        if not self.is_hdf5 or self.size <= WHOLE_BYTES:
            patch = self._patch(options, attributes)
            samples = _table(patch)
            if len(samples) != count:
                raise InputError(f"{self.path}: holds {len(samples)} samples, but {count} times")
            return [(0, samples)], _distances_of(patch)
        time = attributes.coords["time"]
        length = np.timedelta64(round((END_SAMPLES - 1) * step), "ns")
        head = self._patch(options, attributes, time=(time.min, time.min + length))
        tail = self._patch(options, attributes, time=(time.max - length, time.max))
        last = _table(tail)
        return [(0, _table(head)), (count - len(last), last)], _distances_of(head)

    def _patch(self, options: dict[str, str], attributes: Any, **part: Any) -> Any:
        """Return the patch that was scanned, or a part of it."""
        distance = attributes.coords["distance"]
        fitting = [
            patch
            for patch in self.read(**options, **part)
            if {*patch.dims} == {"time", "distance"}
            if patch.get_coord("distance").min() == distance.min
            if part or patch.get_coord("time").min() == attributes.coords["time"].min
        ]
        if len(fitting) != 1 or not fitting[0].data.size:
            count = "no block" if not fitting else "several blocks"
            raise InputError(f"{self.path}: holds {count} of samples of the time that it says")
        return fitting[0]

    def _dataset(
        self, shape: tuple[int, int], blocks: list[tuple[int, np.ndarray]]
    ) -> tuple[str, int, list[str]]:
        """Return the dataset that holds samples, its axis of time, and what others there are."""
        if not self.is_hdf5:
            return "", 0, []
        try:
            with open_file(Path(self.path)) as file:
                others = [one.name for one in datasets(file) if one.ndim > 1]
                dataset, axis = plain_dataset(file, shape, blocks) or ("", 0)
                return dataset, axis, others
        except DAMAGE as error:
            raise InputError(f"{self.path}: {unreadable(error)}") from None


def _nanoseconds(time: Any) -> int:
    """Return a time or a span of it in nanoseconds."""
    unit = "datetime64[ns]" if isinstance(time, np.datetime64) else "timedelta64[ns]"
    return int(time.astype(unit).astype(np.int64))


def _table(patch: Any) -> np.ndarray:
    """Return the samples of a patch as (time, channel)."""
    return np.asarray(patch.transpose("time", "distance").data)


def _times_of(patch: Any) -> np.ndarray:
    """Return the times of a patch, nanoseconds since 1970."""
    found = np.asarray(patch.get_coord("time").values)
    return found.astype("datetime64[ns]").astype(np.int64)


def _distances_of(patch: Any) -> np.ndarray:
    """Return where the channels of a patch are (m)."""
    return np.asarray(patch.get_coord("distance").values, dtype=float)
