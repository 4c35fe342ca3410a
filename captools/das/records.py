"""What is known of a record of a fibre before its samples are read."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

SECOND = 1e9  # nanoseconds
TOLERANCE_SAMPLES = 1.5  # a record this far from the end of the one before goes on from there


@dataclass(frozen=True)
class Record:
    """A block of samples in a file: evenly spaced times by evenly spaced channels.

    Attributes
    ----------
    path : str
        The file, or the folder of a zarr store.
    format : str
        As DASCore calls it, with the version: ``PRODML 2.1``; ``zarr`` for a store.
    start : numpy.datetime64
        Time of the first sample (UTC, nanoseconds).
    step : float
        Between samples (s); what the file has as whole nanoseconds is a whole number of them.
    samples, channels : int
        How many.
    first_distance : float
        Of the first channel along the fibre (m); NaN if the file does not say.
    spacing : float
        Between channels (m); NaN if the file does not say.
    units : str
        Of the samples; "" if the file does not say.
    time_axis : int
        Of the dataset, or the patch: 0 or 1.
    dataset : str
        The path within the file of the plain dataset that holds just these samples; "" where
        only DASCore can read them.
    dtype : str
        Of the samples, as numpy spells it: ``int16``.
    size : int
        Bytes of the file.
    mtime_ns : int
        When it was last changed, nanoseconds since 1970.
    offset : int
        Number of the first sample along time within the dataset or the patch: a store, and a file
        whose times make a jump, hold several records.
    """

    path: str
    format: str
    start: np.datetime64
    step: float
    samples: int
    channels: int
    first_distance: float
    spacing: float
    units: str
    time_axis: int
    dataset: str
    dtype: str
    size: int
    mtime_ns: int
    offset: int = 0

    @property
    def rate(self) -> float:
        """Samples per second."""
        return 1 / self.step

    @property
    def start_ns(self) -> int:
        """Time of the first sample, nanoseconds since 1970."""
        return int(self.start.astype("datetime64[ns]").astype(np.int64))

    @property
    def stop_ns(self) -> int:
        """Time of the sample that would come next, nanoseconds since 1970."""
        return self.start_ns + round(self.samples * self.step * SECOND)

    @property
    def stop(self) -> np.datetime64:
        """Time of the sample that would come next: a record is half-open."""
        return np.datetime64(self.stop_ns, "ns")

    def as_json(self) -> dict[str, Any]:
        """Return it in plain types; NaN becomes None."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        found["start"] = self.start_ns
        return {name: None if value != value else value for name, value in found.items()}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Record":
        """Return the record that `as_json` made plain."""
        start = np.datetime64(found["start"], "ns")
        distances = {
            name: float("nan") if found[name] is None else found[name]
            for name in ("first_distance", "spacing")
        }
        return cls(**(found | distances | {"start": start}))


@dataclass(frozen=True)
class NoRecord:
    """A file that holds no record.

    Attributes
    ----------
    path : str
        The file.
    why : str
        What is wrong with it, without its name.
    size, mtime_ns : int
        As of a `Record`; -1 if the file cannot even be looked at.
    """

    path: str
    why: str
    size: int
    mtime_ns: int
