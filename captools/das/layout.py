"""What a cube of spectra looks like: dimensions, coordinates, attributes; nothing is opened."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from captools import __version__
from captools.das.cubestore import (
    ROOT,
    array_metadata,
    as_bytes,
    chunk_key,
    encoded,
    group_metadata,
    padded,
)
from captools.das.records import SECOND
from captools.das.spectra import STEPS_PER_DB, Spectra, densities, frequencies_to, like_cryocube
from captools.das.tapers import taper
from captools.das.windows import Grid

ROWS, CHANNELS = 100, 256  # of a chunk
TIMES = 1 << 16  # of a chunk of a coordinate
LEVELS = "psd"
DIMENSIONS = ("time", "frequency", "channel")
DENSITY, CRYOCUBE = "density", "cryocube"


@dataclass(frozen=True)
class Spectrum:
    """How spectra are made of segments.

    Attributes
    ----------
    samples : int
        Of a segment.
    step : float
        Between samples (s).
    fmax : float
        The highest frequency (Hz), as far as there are so high ones.
    taper : str
        As `captools.das.tapers` names it.
    like : {"density", "cryocube"}
        Decibels of the one-sided power density, with a periodic taper; or what CryoCube makes,
        with a symmetric one.
    exact : bool
        Whether levels are not rounded.
    """

    samples: int
    step: float
    fmax: float
    taper: str
    like: str = DENSITY
    exact: bool = False

    @property
    def is_symmetric(self) -> bool:
        """Whether the taper is symmetric, and not periodic."""
        return self.like == CRYOCUBE

    @property
    def frequencies(self) -> np.ndarray:
        """Of the levels (Hz)."""
        return frequencies_to(self.fmax, 1 / self.step, self.samples)

    def kernel(self) -> Spectra:
        """Return what makes levels."""
        make = like_cryocube if self.like == CRYOCUBE else densities
        window = taper(self.taper, self.samples, self.is_symmetric)
        return make(window, 1 / self.step, self.fmax)


@dataclass(frozen=True)
class Layout:
    """A cube of spectra.

    Attributes
    ----------
    spectrum : Spectrum
        What it holds.
    hop_ns, origin_ns : int
        The grid of the segments: nanoseconds between them; when number 0 begins.
    first : int
        Number of the first segment.
    rows : int
        Segments, from the first to the last.
    channels : (int, int, int)
        First one, the one after the last, step.
    first_distance, spacing : float or None
        Of the channels of the record (m); None if the files do not say.
    units : str
        Of the samples; "" if the files do not say.
    """

    spectrum: Spectrum
    hop_ns: int
    origin_ns: int
    first: int
    rows: int
    channels: tuple[int, int, int]
    first_distance: float | None = None
    spacing: float | None = None
    units: str = ""

    @property
    def width(self) -> int:
        """How many channels."""
        return len(range(*self.channels))

    @property
    def chunk(self) -> tuple[int, int, int]:
        """The shape of a chunk of the levels."""
        return ROWS, len(self.spectrum.frequencies), min(CHANNELS, self.width)

    def as_json(self) -> dict[str, Any]:
        """Return all that must be the same for two runs to fill one cube; rows may be added."""
        found = asdict(self) | {"channels": list(self.channels)}
        del found["rows"]
        return found

    @classmethod
    def from_json(cls, found: dict[str, Any], rows: int) -> "Layout":
        """Return the layout that `as_json` made plain."""
        first, stop, step = found["channels"]
        plain = found | {"spectrum": Spectrum(**found["spectrum"]), "channels": (first, stop, step)}
        return cls(rows=rows, **plain)

    @property
    def grid(self) -> Grid:
        """The grid of the segments."""
        return Grid(self.hop_ns, self.spectrum.samples, self.origin_ns)

    def content(self) -> Iterator[tuple[str, bytes]]:
        """Yield the keys of the store that are there before any level is, the root last."""
        arrays = {}
        coordinates = self._coordinates()
        for name, (dimension, values, attributes) in coordinates.items():
            chunk = [TIMES if dimension == "time" else len(values)]
            arrays[name] = array_metadata(
                values.shape, chunk, values.dtype, [dimension], attributes
            )
            for number, start in enumerate(range(0, len(values), chunk[0])):
                part = padded(values[start : start + chunk[0]], chunk)
                yield chunk_key(name, number), encoded(part)
        shape = (self.rows, self.chunk[1], self.width)
        more = {"coordinates": "distance"} if "distance" in coordinates else {}
        arrays[LEVELS] = array_metadata(
            shape, self.chunk, np.dtype(np.float32), DIMENSIONS, self.about_levels() | more
        )
        for name, metadata in arrays.items():
            yield f"{name}/{ROOT}", as_bytes(metadata)
        yield ROOT, as_bytes(group_metadata(self._attributes(), arrays))

    def _coordinates(self) -> dict[str, tuple[str, np.ndarray, dict[str, Any]]]:
        """Return by name the dimension of each coordinate, its values and its attributes."""
        spectrum = self.spectrum
        middle = round(spectrum.samples * spectrum.step * SECOND / 2)
        numbers = np.arange(self.first, self.first + self.rows, dtype=np.int64)
        channels = np.arange(*self.channels, dtype=np.int64)
        found: dict[str, tuple[str, np.ndarray, dict[str, Any]]] = {
            "time": (
                "time",
                self.origin_ns + numbers * self.hop_ns + middle,
                {
                    "standard_name": "time",
                    "long_name": "middle of the segment (UTC)",
                    "units": "nanoseconds since 1970-01-01",
                    "calendar": "proleptic_gregorian",
                    "axis": "T",
                },
            ),
            "frequency": (
                "frequency",
                spectrum.frequencies,
                {"long_name": "frequency", "units": "Hz"},
            ),
            "channel": (
                "channel",
                channels,
                {"long_name": "channel of the record, from 0", "units": "1"},
            ),
        }
        if self.first_distance is not None and self.spacing is not None:
            distance = self.first_distance + self.spacing * channels
            about = {"long_name": "distance along the fibre", "units": "m"}
            found["distance"] = ("channel", distance, about)
        return found

    def about_levels(self) -> dict[str, Any]:
        """Return the attributes of the levels."""
        units = self.units or "unit of the samples"
        if self.spectrum.like == CRYOCUBE:
            return {
                "long_name": "power, in CryoCube's scale",
                "units": "1",
                "comment": f"10 ln |X|^2 of the transform X of samples in {units}; "
                "0 at frequency 0",
            }
        return {
            "long_name": "one-sided power spectral density",
            "units": "dB",
            "reference": f"({units})^2 / Hz",
        }

    def _attributes(self) -> dict[str, Any]:
        """Return the attributes of the whole cube."""
        spectrum = self.spectrum
        kind = "symmetric" if spectrum.is_symmetric else "periodic"
        since = np.datetime_as_string(np.datetime64(self.origin_ns, "ns"))
        return {
            "Conventions": "CF-1.11",
            "title": "Spectra of distributed acoustic sensing",
            "step": "dascube",
            "captools_version": __version__,
            "samples_units": self.units,
            "sampling_rate_hz": round(1 / spectrum.step, 9),
            "segment_samples": spectrum.samples,
            "segment_seconds": spectrum.samples * spectrum.step,
            "hop_seconds": self.hop_ns / SECOND,
            "taper": f"{spectrum.taper}, {kind}",
            "detrend": "none" if self.spectrum.like == CRYOCUBE else "mean of each segment",
            "rounding": "none" if spectrum.exact else f"to 1/{STEPS_PER_DB}",
            "grid": f"a segment begins at the sample nearest to a whole multiple of the hop "
            f"since {since}",
            "missing": "NaN where samples are missing or not finite, "
            "and where all of a segment are the same",
            "layout": self.as_json(),
        }


def rows_of(root: dict) -> int:
    """Return how many segments a cube has, by its metadata."""
    return root["consolidated_metadata"]["metadata"][LEVELS]["shape"][0]
