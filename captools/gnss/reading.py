"""Reading the signal strengths of a RINEX file."""

from collections.abc import Sequence
from pathlib import Path

from captools.gnss.observations import Observations
from captools.io.address import Url


def read_observations(
    path: str | Path | Url,
    systems: str | None = "G",
    codes: Sequence[str] | None = ("1C",),
    s1_as: str = "1C",
    strict: bool = False,
) -> Observations:
    """Return the signal strengths of a file; of all systems or codes if these are None."""
    raise NotImplementedError
