"""The TileDB array of a station: its schema, and all that is written to it and read from it.

A fragment is what one write leaves. The time stamp of a fragment says here whose it is, not when it
was written: an input's is made of its name (`slot`), so that its cells are found and removed by
that name, and cells that two inputs hold come from the same one in whatever order they are written.

Notes are the metadata of the array. Those on the whole array have the time of writing, later than
all slots. Those on an input have times of its own, later than all others: TileDB reads them without
opening any fragment, or the notes on ten thousand other inputs.
"""

import os
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from captools.errors import FolderError, InputError, one_line
from captools.gnss.context import context_of, ready, uri_of, write_in_order
from captools.gnss.observations import DAY_MS
from captools.io.address import Url

if TYPE_CHECKING:
    import tiledb

NOTES_FROM = 1 << 40  # ms since 1970, in 2004; slots lie before
INPUTS_FROM = 1 << 60  # notes on inputs, so many for each
TIMES_OF_INPUT = 1 << 20
FOREVER = 1 << 62
INPUT = "input"  # the name of what is noted of one
PAUSES = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0)  # seconds; a note is no file that appears whole
LEVEL = 3  # of zstd
DIMENSIONS, SNR = ("time", "constell", "sat", "obs_code"), "snr"
NUMBERING, STATION = "numbering", "station"  # notes on the whole array
ABOUT = {  # it, too
    "time_system": "GPS",
    "time_units": "milliseconds since 1970-01-01, GPS time",
    "snr_units": "dB-Hz",
    "obs_code_meaning": "two ASCII characters, the first times 256: 1C is 12611",
}


def is_array(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder of this machine is a TileDB array."""
    return os.path.isdir(os.path.join(path, "__schema"))


def slot(name: str) -> int:
    """Return the time stamp of the cells of an input of this name."""
    return 1 + int.from_bytes(sha256(os.fsencode(name)).digest()[:5]) % (NOTES_FROM - 1)


def _times_of_input(at: int) -> range:
    """Return the time stamps that notes on the input of a slot may have."""
    return range(INPUTS_FROM + at * TIMES_OF_INPUT, INPUTS_FROM + (at + 1) * TIMES_OF_INPUT)


class Array:
    """A TileDB array, on a disk or in an object store.

    Parameters
    ----------
    location : Path or Url
        Where it is.

    Raises
    ------
    MissingExtra
        If TileDB is missing.
    InputError
        If its name is not UTF-8.
    """

    def __init__(self, location: Path | Url) -> None:
        ready()
        self.location = location
        self.uri = uri_of(location)

    @cached_property
    def _context(self) -> "tiledb.Ctx":
        return context_of(self.location)

    # --- the array itself ---------------------------------------------------------

    def is_there(self) -> bool:
        """Return whether it was made."""
        import tiledb

        with self._reading():
            return tiledb.object_type(self.uri, ctx=self._context) == "array"

    def is_whole(self) -> bool:
        """Return whether it was made by us to the end."""
        return self.is_there() and NUMBERING in self.notes()

    def make(self, numbering: str) -> dict[str, Any]:
        """Make the array, or leave the one that is there; others may make it at the same time.

        Returns
        -------
        dict
            What is noted of it.

        Raises
        ------
        ValueError
            If it is there with another numbering of systems, or is not of ours.
        FolderError
            If it cannot be made.
        """
        import tiledb

        with self._writing():
            if not isinstance(self.location, Url):
                Path(self.uri).mkdir(parents=True, exist_ok=True)
            if not self.is_there():
                try:
                    tiledb.Array.create(self.uri, self._schema(), ctx=self._context)
                except tiledb.TileDBError:
                    if not self.is_there():
                        raise
        notes = self.notes()  # once, if it can be: it takes the longer the more inputs there are
        if NUMBERING not in notes:
            if self._has_dimensions() and not self.fragments():
                self.note(**ABOUT, **{NUMBERING: numbering})
            notes = self.notes()  # another process may have begun meanwhile
        if NUMBERING not in notes:
            raise ValueError(f"{self.location}: is an array of another origin: choose another")
        if notes[NUMBERING] != numbering:
            raise ValueError(
                f"{self.location}: has the numbering {notes[NUMBERING]} of systems, not {numbering}"
            )
        return notes

    def _has_dimensions(self) -> bool:
        import tiledb

        with self._reading():
            domain = tiledb.ArraySchema.load(self.uri, ctx=self._context).domain
            return tuple(domain.dim(at).name for at in range(domain.ndim)) == DIMENSIONS

    def _schema(self) -> "tiledb.ArraySchema":
        import tiledb

        ctx = self._context
        zstd = tiledb.FilterList([tiledb.ZstdFilter(level=LEVEL, ctx=ctx)], ctx=ctx)
        # A tile holds a day of one system and code, which is what is asked for.
        made = (
            ((0, FOREVER), DAY_MS, np.int64),
            ((0, 254), 1, np.uint8),
            ((0, 254), 255, np.uint8),
            ((0, 65534), 1, np.uint16),
        )
        dimensions = [
            tiledb.Dim(name, domain, tile, dtype=dtype, filters=zstd, ctx=ctx)
            for name, (domain, tile, dtype) in zip(DIMENSIONS, made, strict=True)
        ]
        return tiledb.ArraySchema(
            domain=tiledb.Domain(*dimensions, ctx=ctx),
            attrs=[tiledb.Attr(SNR, dtype=np.float32, filters=zstd, ctx=ctx)],
            sparse=True,
            allows_duplicates=False,
            ctx=ctx,
        )

    # --- notes --------------------------------------------------------------------

    def notes(self) -> dict[str, Any]:
        """Return what is noted of the whole array.

        What another process is just writing is waited for, as for notes on inputs.
        """
        return self._notes(NOTES_FROM, INPUTS_FROM - 1)

    def input_note(self, at: int) -> str | None:
        """Return what is noted of the input of a slot."""
        times = _times_of_input(at)
        return self._notes(times.start, times.stop - 1).get(f"{INPUT}:{at}")

    def forget_input(self, at: int) -> None:
        """Remove the notes on the input of a slot, also one that was cut when its writer died."""
        import tiledb

        with self._writing():
            files = tiledb.VFS(ctx=self._context)
            for note in files.ls(f"{self.uri}/__meta"):
                when = re.match(r"__(\d+)_", os.path.basename(note))
                if when and int(when[1]) in _times_of_input(at):
                    files.remove_file(note)

    def input_notes(self) -> list[str]:
        """Return what is noted of all inputs."""
        try:
            return list(self._notes(INPUTS_FROM, FOREVER).values())
        except InputError as error:  # of an input that is done again, nothing stays cut
            raise InputError(f"{error}: if readrinex was killed, run it again") from None

    def _notes(self, first: int, last: int) -> dict[str, Any]:
        for seconds in PAUSES:
            with suppress(InputError):
                return self._notes_now(first, last)
            time.sleep(seconds)
        return self._notes_now(first, last)

    def _notes_now(self, first: int, last: int) -> dict[str, Any]:
        import tiledb

        with (
            self._reading(),
            tiledb.open(self.uri, timestamp=(first, last), ctx=self._context) as array,
        ):
            return dict(array.meta.items())

    def note(self, **notes: str | float) -> None:
        """Note something of the whole array, in place of what was noted under the same names."""
        with self._open_to_write(time.time_ns() // 1_000_000) as array:
            array.meta.update(notes)

    def note_input(self, at: int, number: int, text: str) -> None:
        """Note something of the input of a slot, in place of notes of lower numbers."""
        with self._open_to_write(_times_of_input(at)[number]) as array:
            array.meta[f"{INPUT}:{at}"] = text

    # --- cells --------------------------------------------------------------------

    def write(self, coordinates: tuple[np.ndarray, ...], snr: np.ndarray, at: int) -> None:
        """Write cells as one fragment.

        Parameters
        ----------
        coordinates : tuple of array, each of shape (n,)
            Of the dimensions, each cell once, by day, system and code, then time and satellite.
        snr : array of float32, shape (n,)
            Signal strength in dB-Hz.
        at : int
            The time stamp.
        """
        with self._open_to_write(at) as array:
            columns = dict(zip((*DIMENSIONS, SNR), (*coordinates, snr), strict=True))
            if not write_in_order(array, self._context, columns):
                array[coordinates] = {SNR: snr}

    def remove(self, at: int) -> None:
        """Remove the fragments of a time stamp."""
        import tiledb

        with self._writing():
            tiledb.Array.delete_fragments(self.uri, at, at, ctx=self._context)

    def span(self) -> tuple[int, int] | None:
        """Return the first and last time (ms) that cells may have; None if there are none.

        They are those that the array had when it was asked first, as for `read`.
        """
        with self._reading():
            domain = self._opened.nonempty_domain()
            return None if domain is None else (int(domain[0][0]), int(domain[0][1]))

    def size(self) -> int:
        """Return how many bytes it has where it is."""
        import tiledb

        with self._reading():
            return tiledb.VFS(ctx=self._context).dir_size(self.uri)

    def fragments(self) -> list[tuple[int, int, int]]:
        """Return of each fragment how many cells it has, and their first and last time (ms)."""
        import tiledb

        with self._reading():
            found = tiledb.array_fragments(self.uri, ctx=self._context)
            ends = [domain[0] for domain in found.nonempty_domain]
            return [
                (int(cells), int(first), int(last))
                for cells, (first, last) in zip(found.cell_num, ends, strict=True)
            ]

    def read(
        self,
        start: int,
        stop: int,
        systems: list[int] | None = None,
        codes: list[int] | None = None,
    ) -> dict[str, np.ndarray]:
        """Return the columns of the cells of a period, in no particular order.

        They are those that the array had when it was asked first: to open it takes as long as
        to read a day.

        Parameters
        ----------
        start, stop : int
            Times in ms since 1970, the second one excluded.
        systems, codes : list of int, optional
            Their numbers; all by default.
        """
        # TileDB's ranges include their ends.
        wanted = (slice(start, stop - 1), systems or slice(None), slice(None), codes or slice(None))
        with self._reading():
            query = self._opened.query(attrs=[SNR], dims=list(DIMENSIONS))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy, for TileDB
                return dict(query.multi_index[wanted])

    @cached_property
    def _opened(self) -> "tiledb.Array":
        import tiledb

        return tiledb.open(self.uri, ctx=self._context)

    def close(self) -> None:
        """Close it, if `read` or `span` opened it: else this process could not write to it."""
        if "_opened" in vars(self):
            self._opened.close()
            del self._opened

    @contextmanager
    def _open_to_write(self, at: int) -> Iterator["tiledb.Array"]:
        """Open it for something that gets this time stamp."""
        import tiledb

        with self._writing(), tiledb.open(self.uri, "w", timestamp=at, ctx=self._context) as array:
            yield array

    # --- what goes wrong ------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[None]:
        import tiledb

        try:
            yield
        except tiledb.TileDBError as error:
            raise InputError(f"{self.location}: cannot be read ({one_line(error)})") from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        import tiledb

        try:
            yield
        except (tiledb.TileDBError, OSError) as error:
            raise FolderError(f"{self.location}: cannot be written ({one_line(error)})") from None
