"""Which values are asked for, and what the words that say so may be."""

import re
from dataclasses import dataclass, field

import numpy as np

from captools.gnss.statistics import Grouping

Span = tuple[np.datetime64, np.datetime64]  # half-open, GPS time
_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?)?)?)?")


@dataclass(frozen=True)
class Request:
    """Which values statistics are asked of, and how these are grouped.

    Attributes
    ----------
    grouping : Grouping
        Which values go together.
    systems : str, optional
        Letters of systems, all by default.
    codes : tuple of str, optional
        Codes such as 1C, all by default.
    span : (start, end), optional
        Half-open, datetime64[ms] in GPS time.
    """

    grouping: Grouping = field(default_factory=Grouping)
    systems: str | None = None
    codes: tuple[str, ...] | None = None
    span: Span | None = None

    @property
    def has_empty_days(self) -> bool:
        """Whether a day without a value is a row, too; of a satellite that sets it is not."""
        return self.grouping.per == "day" and not self.grouping.by_satellite

    @property
    def milliseconds(self) -> tuple[int, int] | None:
        """The span in milliseconds since 1970."""
        return self.span and tuple(int(end.astype("M8[ms]").astype(int)) for end in self.span)


def parse_span(span: tuple[str, str]) -> Span:
    """Return the ends of a half-open time span, GPS time, written as ISO dates.

    Raises
    ------
    ValueError
        If an end is no date, or the second is not after the first.

    Examples
    --------
    >>> parse_span(("2024-05-06", "2024-05-07T12:00"))[1]
    np.datetime64('2024-05-07T12:00:00.000')
    """
    start, end = (_moment(str(text).strip()) for text in span)
    if not start < end:
        raise ValueError(f"time span {span[0]} {span[1]} is empty: the second must be later")
    return start, end


def _moment(text: str) -> np.datetime64:
    try:
        if _ISO.fullmatch(text):
            return np.datetime64(text, "ms")
    except ValueError:  # such as a thirteenth month
        pass
    raise ValueError(f"time {text!r} is no ISO date (2024-05-06, 2024-05-06T12:00)")
