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

from captools.das.evenness import TOLERANCE, even_distances, even_step, stretches, within_reason
from captools.das.proving import datasets, plain_dataset
from captools.das.records import SECOND, Record
from captools.das.refusing import is_spectrum, refusal
from captools.errors import InputError, one_line
from captools.extras import require
from captools.io.hdf5 import open_file

WHOLE_BYTES = 1 << 25  # of a file that is compared whole; of a longer one, both ends
END_SAMPLES = 32

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
    if patch.get_coord("distance").values.shape != (record.channels,):
        return False
    times = np.asarray(patch.get_coord("time").values).astype("datetime64[ns]").astype(np.int64)
    first, _ = even_distances(np.asarray(patch.get_coord("distance").values, float))
    is_there = first == record.first_distance or np.isnan(record.first_distance)
    if not is_there or record.offset + record.samples > len(times):
        return False
    return abs(int(times[record.offset]) - record.start_ns) <= TOLERANCE * record.step * SECOND


@lru_cache(maxsize=1)
def _patches(path: str, form: str, size: int, mtime_ns: int) -> list[Any]:
    """Return the patches of a file, which is kept until another one is asked for."""
    require("das", "dascore")
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
            require("das", "dascore")
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
        blocks, shape, patch = self._samples(options, attributes)
        dtype = blocks[0][1].dtype
        if dtype.kind not in "iuf":
            yield f"holds {dtype}, no real numbers"
            return
        dataset, axis, others = self._dataset(shape, blocks)
        if is_spectrum(dataset) or (not dataset and any(map(is_spectrum, others))):
            spectra = dataset or next(filter(is_spectrum, others))
            yield f"holds spectra ({spectra}), no samples"
            return
        step, parts = self._times(attributes.coords["time"], shape[0], patch)
        first, spacing = even_distances(np.asarray(patch.get_coord("distance").values, float))
        for offset, start, count in parts:
            yield Record(
                path=self.path,
                format=" ".join(options.values()),
                start=np.datetime64(start, "ns"),
                step=step / SECOND,
                samples=count,
                channels=shape[1],
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

    def _samples(
        self, options: dict[str, str], attributes: Any
    ) -> tuple[list[tuple[int, np.ndarray]], tuple[int, int], Any]:
        """Return what of a patch is compared, the shape of all of it, and a patch of it."""
        time = attributes.coords["time"]
        if self.is_hdf5 and self.size > WHOLE_BYTES and _has_step(time):
            count = round((time.max - time.min) / time.step) + 1
            length = (END_SAMPLES - 1) * time.step
            head = self._patch(options, attributes, time=(time.min, time.min + length))
            tail = self._patch(options, attributes, time=(time.max - length, time.max))
            first, last = _table(head), _table(tail)
            return [(0, first), (count - len(last), last)], (count, first.shape[1]), head
        patch = self._patch(options, attributes)
        whole = _table(patch)
        return [(0, whole)], whole.shape, patch

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
        with open_file(Path(self.path)) as file:
            others = [one.name for one in datasets(file) if one.ndim > 1]
            dataset, axis = plain_dataset(file, shape, blocks) or ("", 0)
            return dataset, axis, others

    def _times(
        self, time: Any, samples: int, patch: Any
    ) -> tuple[float, list[tuple[int, int, int]]]:
        """Return the step of a patch's times in nanoseconds, and their even stretches."""
        if _has_step(time):
            return float(_nanoseconds(time.step)), [(0, _nanoseconds(time.min), samples)]
        times = np.asarray(patch.get_coord("time").values)
        if len(times) < 2:
            raise InputError(f"{self.path}: holds one sample of each channel")
        times = times.astype("datetime64[ns]").astype(np.int64)
        try:
            step = even_step(times)
            return step, within_reason(stretches([times], step))
        except ValueError as error:
            raise InputError(f"{self.path}: {error}") from None


def _has_step(coordinate: Any) -> bool:
    return coordinate.step is not None and not np.isnat(coordinate.step)


def _nanoseconds(time: Any) -> int:
    """Return a time or a span of it in nanoseconds."""
    unit = "datetime64[ns]" if isinstance(time, np.datetime64) else "timedelta64[ns]"
    return int(time.astype(unit).astype(np.int64))


def _table(patch: Any) -> np.ndarray:
    """Return the samples of a patch as (time, channel)."""
    return np.asarray(patch.transpose("time", "distance").data)
