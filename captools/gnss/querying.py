"""The cells of an array, as the statistics take them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captools.errors import InputError
from captools.gnss.array import NUMBERING, Array
from captools.gnss.choice import NUMBERINGS
from captools.gnss.coding import code_letters, code_numbers, system_letters
from captools.gnss.observations import PER_DB, Values
from captools.gnss.reading import MOST
from captools.io.address import Url

DAY = np.timedelta64(1, "D")


class Query:
    """An array that is asked for cells; while it is open, this process cannot write to it.

    Parameters
    ----------
    location : Path or Url
        Where the array is.

    Attributes
    ----------
    notes : dict
        What is noted of it: `station`, `interval` and more.
    numbering : str
        How its systems are numbered.

    Raises
    ------
    InputError
        If it is no array, or does not say how its systems are numbered.
    """

    def __init__(self, location: Path | Url) -> None:
        self._array = Array(location)
        if not self._array.is_there():
            raise InputError(f"{location}: is no TileDB array")
        self.notes = self._array.notes()
        self.numbering = self.notes.get(NUMBERING, "")
        if self.numbering not in NUMBERINGS:
            raise InputError(f"{location}: does not say how its systems are numbered")

    def __enter__(self) -> "Query":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, until it is asked again."""
        self._array.close()

    def inputs(self) -> list[dict[str, Any]]:
        """Return what is noted of each input: `name`, first `day`, `interval` and more."""
        found = map(json.loads, self._array.input_notes())
        return [record for record in found if "name" in record]

    def span(self) -> tuple[np.datetime64, np.datetime64] | None:
        """Return the first and last time that cells may have; None if there are none."""
        found = self._array.span()
        return None if found is None else (_time(found[0]), _time(found[1]))

    def fragments(self) -> list[tuple[int, np.datetime64, np.datetime64]]:
        """Return of each fragment how many cells it has, and their first and last time."""
        return [(n, _time(first), _time(last)) for n, first, last in self._array.fragments()]

    def days(self) -> Iterator[tuple[np.datetime64, Values]]:
        """Yield each day that has cells, with all of them; one is read at a time."""
        span = self.span()
        if span is None:
            return
        first, last = (time.astype("M8[D]") for time in span)
        for day in np.arange(first, last + DAY):
            values = self.cells(day, day + DAY)
            if len(values.time):
                yield day, values

    def cells(
        self,
        start: np.datetime64,
        stop: np.datetime64,
        systems: str | None = None,
        codes: Sequence[str] | None = None,
    ) -> Values:
        """Return the cells of a period, in no particular order.

        Parameters
        ----------
        start, stop : datetime64
            GPS time; the second one is excluded.
        systems : str, optional
            Letters; all by default.
        codes : sequence of str, optional
            Such as 1C; all by default.

        Raises
        ------
        InputError
            If they cannot be read, or have values that no signal strength has.
        """
        table = NUMBERINGS[self.numbering]
        columns = self._array.read(
            *(_ms(start), _ms(stop)),
            None if systems is None else [table[system] for system in systems],
            None if codes is None else code_numbers(np.array(codes, "S2")).tolist(),
        )
        snr = columns["snr"]
        if len(snr) and not 0 < snr.min() <= snr.max() <= MOST / PER_DB:  # nor NaN
            day, most = start.astype("M8[D]"), MOST // PER_DB
            raise InputError(
                f"{self._array.location}: has values on {day} that are not above 0 to {most} dB-Hz"
            )
        return Values(
            columns["time"].view("M8[ms]"),
            system_letters(columns["constell"], self.numbering),
            columns["sat"],
            code_letters(columns["obs_code"]),
            np.rint(snr * np.float64(PER_DB)).astype(np.int32),
        )


def _ms(time: np.datetime64) -> int:
    return int(time.astype("M8[ms]").astype(np.int64))


def _time(ms: int) -> np.datetime64:
    return np.datetime64(ms, "ms")
