"""Which part of records is asked for: lengths of time, channels, distances."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np

from captools.das.records import Record

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LENGTH = re.compile(r"([0-9.]+(?:e-?[0-9]+)?)\s*([a-z]*)", re.IGNORECASE)


def parse_length(text: str | float) -> int:
    """Return a length of time in nanoseconds.

    Parameters
    ----------
    text : str or float
        Seconds, or with a unit: ns, us, ms, s, min, h.

    Raises
    ------
    ValueError
        If it is none, or not positive.

    Examples
    --------
    >>> parse_length("0.2s"), parse_length("15 min")
    (200000000, 900000000000)
    """
    match = _LENGTH.fullmatch(str(text).strip())
    try:
        scale = _UNITS_NS[match[2].lower() or "s"] if match else None
        length = round(Decimal(match[1]) * scale) if match and scale else 0
    except (InvalidOperation, KeyError, OverflowError):
        length = 0
    if length <= 0:
        raise ValueError(f"{text!r} is no length of time, such as 15s, 200ms or 1min")
    return length


def parse_channels(text: str) -> slice:
    """Return channels as a slice.

    Parameters
    ----------
    text : str
        ``A:B:C``: from A (0 is the first one) to before B, each C-th; what is left out is as of
        a slice of Python. A number alone is one channel.

    Raises
    ------
    ValueError
        If it is none.
    """
    words = str(text).split(":")
    if len(words) > 3 or not all(word.strip().isdecimal() or not word.strip() for word in words):
        raise ValueError(f"{text!r} are no channels, such as 100:2000 or 0:2000:4")
    numbers = [int(word) if word.strip() else None for word in words]
    if len(numbers) == 1:
        if numbers[0] is None:
            raise ValueError(f"{text!r} are no channels, such as 100:2000 or 0:2000:4")
        return slice(numbers[0], numbers[0] + 1, 1)
    start, stop, step = [*numbers, None][:3]
    if step == 0 or (stop is not None and stop <= (start or 0)):
        raise ValueError(f"{text!r} are no channels: A:B:C are those from A to before B, each C-th")
    return slice(start or 0, stop, step or 1)


def parse_times(texts: Sequence[str]) -> tuple[int, int]:
    """Return a half-open span of time in nanoseconds since 1970, UTC.

    Parameters
    ----------
    texts : sequence of str
        Two ISO dates with or without a time: ``2021-11-01T23:11:15``; a Z in the end is allowed.

    Raises
    ------
    ValueError
        If one is no date, or the end is not after the beginning.
    """
    begin, end = map(_parse_time, texts)
    if end <= begin:
        raise ValueError(f"{texts[1]} is not after {texts[0]}")
    return begin, end


def _parse_time(text: str) -> int:
    try:
        found = np.datetime64(str(text).strip().removesuffix("Z"), "ns")
        if not np.isnat(found):
            return int(found.astype(np.int64))
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{text!r} is no time in UTC, such as 2021-11-01T23:11:15")


def check_distances(limits: Sequence[float]) -> Sequence[float]:
    """Raise ValueError if the second of two distances is not beyond the first."""
    if not limits[0] < limits[1]:
        raise ValueError(f"{limits[1]:g} m is not beyond {limits[0]:g} m")
    return limits


@dataclass(frozen=True)
class Choice:
    """The part of records that is asked for, as the command line says it.

    Attributes
    ----------
    time : (str, str), optional
        Half-open span in UTC, as for `parse_times`.
    channels : str, optional
        As for `parse_channels`.
    distance : (float, float), optional
        Along the fibre (m), half-open.
    """

    time: Sequence[str] | None = None
    channels: str | None = None
    distance: Sequence[float] | None = None

    @classmethod
    def of(
        cls,
        time: Iterable[object] | None,
        channels: str | None,
        distance: Iterable[float] | None,
    ) -> "Choice":
        """Return what options of a step ask for."""
        span = None if time is None else [*map(str, time)]
        return cls(span, channels, None if distance is None else [*distance])

    @property
    def span_ns(self) -> tuple[int, int]:
        """Half-open, nanoseconds since 1970."""
        limits = np.iinfo(np.int64)
        return parse_times(self.time) if self.time else (limits.min // 4, limits.max // 4)

    def channels_of(self, record: Record) -> range:
        """Return the channels of a record that are asked for.

        Raises
        ------
        ValueError
            If there is none of them, or the file says no distances that are asked for.
        """
        which = parse_channels(self.channels) if self.channels is not None else slice(None)
        found = range(record.channels)[which]
        if self.distance is not None:
            low, high = check_distances(self.distance)
            if np.isnan(record.spacing) or np.isnan(record.first_distance):
                raise ValueError(f"{record.path} says no distances: choose by --channels")
            where = record.first_distance + np.arange(found.start, found.stop, found.step) * (
                record.spacing
            )
            inside = np.flatnonzero((where >= low) & (where < high))
            found = found[inside[0] : inside[-1] + 1] if len(inside) else range(0)
        if not found:
            raise ValueError(
                f"of the {record.channels} channels of {record.path} none is asked for"
            )
        return found
