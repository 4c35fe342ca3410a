"""Samples of records: out of HDF5 and zarr by the dataset that holds them, else through DASCore."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal

import h5py
import numpy as np

from captools import process
from captools.das.patches import samples_of
from captools.das.records import Record
from captools.das.windows import Portion
from captools.errors import InputError, one_line
from captools.extras import is_own_process, require
from captools.io.address import parse_location
from captools.io.hdf5 import DAMAGE, open_file, unreadable

ZARR = "zarr"
MOST_OPEN = 64  # files at a time
Order = Literal["C", "F"]


class Reader:
    """Reads samples of records, and keeps their files open until it is closed.

    Parameters
    ----------
    channels : range
        Those to read.
    """

    def __init__(self, channels: range) -> None:
        self.channels = channels
        self._files: dict[tuple[str, str], Any] = {}
        self._open = ExitStack()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._files.clear()
        self._open.close()

    def read(
        self, portion: Portion, channels: range | None = None, order: Order = "C"
    ) -> np.ndarray:
        """Return samples as they are in the file.

        Parameters
        ----------
        portion : Portion
            Which.
        channels : range, optional
            Other channels than those of the reader.
        order : {"C", "F"}
            What lies side by side in memory: the channels of a time, or the times of a channel.

        Returns
        -------
        array, shape (time, channel)

        Raises
        ------
        InputError
            If they cannot be read, or the file holds fewer than it did.
        """
        return np.asarray(self._read(portion, channels), order=order)

    def read_into(self, out: np.ndarray, portion: Portion, channels: range | None = None) -> None:
        """Write samples, as `read` returns them, into an array of (time, channel)."""
        np.copyto(out, self._read(portion, channels), casting="unsafe")

    def _read(self, portion: Portion, channels: range | None) -> np.ndarray:
        """Return samples, in any order in memory."""
        channels = self.channels if channels is None else channels
        record = portion.record
        times = slice(record.offset + portion.first, record.offset + portion.stop)
        if record.dataset:
            found = self._slab(record, times, channels)
        else:
            found = _samples_now(record)[times, channels.start : channels.stop : channels.step]
        if found.shape != (portion.samples, len(channels)):
            held = f"holds {len(found)} of {portion.samples} samples"
            raise InputError(f"{record.path}: {held}: has it changed?")
        return found

    def _slab(self, record: Record, times: slice, channels: range) -> np.ndarray:
        """Return a part of a plain dataset, (time, channel)."""
        # A stride within HDF5 is far slower than all channels between.
        every = slice(channels.start, channels[-1] + 1)
        where = (times, every) if record.time_axis == 0 else (every, times)
        dataset = self._dataset(record)
        try:
            found = np.asarray(dataset[where])
        except DAMAGE as error:
            raise InputError(f"{record.path}: {record.dataset}: {unreadable(error)}") from None
        found = found if record.time_axis == 0 else found.T
        return found[:, :: channels.step]

    def together(self, record: Record) -> int:
        """Return how many channels lie in one chunk, and are decoded together; one without any."""
        chunks = getattr(self._dataset(record), "chunks", None) if record.dataset else None
        return int(chunks[1 - record.time_axis]) if chunks else 1

    def _dataset(self, record: Record) -> Any:
        """Return the dataset of a record, opened once."""
        place = (record.path, record.dataset)  # a file may hold several
        found = self._files.get(place)
        if found is None:
            if len(self._files) == MOST_OPEN:
                self._close()
            found = _open_zarr(record) if record.format == ZARR else self._open_hdf5(record)
            self._files[place] = found
        return found

    def _open_hdf5(self, record: Record) -> h5py.Dataset:
        file = self._open.enter_context(open_file(parse_location(record.path)))
        try:
            found = file[record.dataset]
            process.past_header()
            return found
        except DAMAGE as error:
            raise InputError(f"{record.path}: {record.dataset}: {unreadable(error)}") from None


def _open_zarr(record: Record) -> Any:
    require("das", "zarr")
    import zarr

    if is_own_process():  # workers are what goes side by side: chunks that do, too, fill the memory
        zarr.config.set({"async.concurrency": 1, "threading.max_workers": 1})
    try:
        return zarr.open_array(record.path, path=record.dataset, mode="r")
    except Exception as error:  # what zarr raises has no common class
        raise InputError(f"{record.path}: {record.dataset}: {one_line(error)}") from None


def _samples_now(record: Record) -> np.ndarray:
    """Return all samples of a file that only DASCore reads, kept for as long as it is the same."""
    try:
        status = os.stat(record.path)
    except OSError as error:
        raise InputError(f"{record.path}: cannot be read ({error.strerror})") from None
    return samples_of(replace(record, size=status.st_size, mtime_ns=status.st_mtime_ns))


def fill(
    reader: Reader,
    parts: Iterable[tuple[Portion, int]],
    samples: int,
    channels: range | None = None,
    order: Order = "C",
) -> np.ndarray:
    """Return the samples of a window, with NaN where files hold none.

    Parameters
    ----------
    reader : Reader
        Reads them.
    parts : iterable of (Portion, int)
        What the files hold of the window, and where in it.
    samples : int
        Of the window.
    channels : range, optional
        Other channels than those of the reader.
    order : {"C", "F"}
        As for `Reader.read`.

    Returns
    -------
    array, shape (samples, channel)
        As in the files if nothing is missing and they are alike; else floating-point numbers.
    """
    parts = list(parts)
    if len(parts) == 1 and parts[0][0].samples == samples:
        return reader.read(parts[0][0], channels, order)
    dtype = np.result_type(*[portion.record.dtype for portion, _ in parts] or ["f4"])
    if sum(portion.samples for portion, _ in parts) < samples and dtype.kind != "f":
        dtype = np.result_type(dtype, np.float32)
    count = len(reader.channels if channels is None else channels)
    window = np.empty((samples, count), dtype, order)
    if dtype.kind == "f":
        window.fill(np.nan)
    for portion, at in parts:
        reader.read_into(window[at : at + portion.samples], portion, channels)
    return window
