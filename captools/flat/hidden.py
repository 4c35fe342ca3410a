"""A flat file under its temporary name, while it is made."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from h5py import h5g

from captools.flat.attributes import set_attribute, write_private
from captools.flat.batch import Batch
from captools.io.atomic import output_error, temporary_name
from captools.io.durable import hurry

AHEAD_BYTES = 1 << 25  # written before the disk is asked to begin


class Sink(io.FileIO):
    """A file that remembers an error of writing rather than raise it: HDF5 would crash."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self.error: OSError | None = None
        self._waiting = 0  # bytes that the disk was not yet asked to write

    def write(self, data: memoryview) -> int:
        """Write all of the data; keep the error if that fails."""
        done = 0
        try:
            while self.error is None and done < len(data):
                done += super().write(data[done:])
        except OSError as error:
            self.error = error
        self._waiting += done
        if self._waiting > AHEAD_BYTES:
            hurry(self.fileno())
            self._waiting = 0
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file; keep the error if that fails."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size


class HiddenFile:
    """One file of a batch, to be seen with the others when it is whole.

    Parameters
    ----------
    batch : Batch
        The batch.
    name : str
        What it will be called.

    Attributes
    ----------
    rows : int
        Its rows.
    """

    def __init__(self, batch: Batch, name: str) -> None:
        self.rows = 0
        self.batch = batch
        self.path = batch.place / name
        self.hidden = batch.folder / temporary_name(name)
        self._sink: Sink | None = None
        self.file: h5py.File | None = None

    def open(self) -> h5py.File:
        """Make the file."""
        self.batch.hidden.append(self.hidden)
        self._sink = Sink(self.hidden, "x+")
        self.file = h5py.File(self._sink, "w", libver="earliest")
        return self.file

    def leave(self) -> None:
        """Close the file, which others are to write into: it has its whole length, on any disk."""
        self.file.close()
        self._sink.close()
        self.file = None

    def open_again(self) -> h5py.File:
        """Open the file that was left."""
        self._sink = Sink(self.hidden, "r+")
        self.file = h5py.File(self._sink, "r+", libver="earliest")
        return self.file

    def close(self, attrs: dict[str, object], private: dict[str, np.ndarray] | None = None) -> None:
        """Write the header, and close the file."""
        write_private(self.file.id, private or {})
        for key, value in attrs.items():
            set_attribute(h5g.open(self.file.id, b"/"), key, value)
        self.file.close()
        self._sink.close()
        self.batch.written.append(self.path)
        self.batch.written.rows_out += self.rows

    def abandon(self) -> None:
        """Close the file, whatever state it is in."""
        if self.file is not None:
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                self.file.close()
        if self._sink is not None:
            self._sink.close()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Raise what goes wrong with writing in the block as an OutputError; the batch goes."""
        try:
            yield
            if self._sink is not None and self._sink.error is not None:
                raise self._sink.error
        except (OSError, RuntimeError) as error:
            self.batch.remove_hidden()
            raise output_error(self.path, OSError(*error.args)) from None
