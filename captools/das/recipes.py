"""How windows of a record become pictures: what is drawn, of which band, in how many pixels."""

from dataclasses import dataclass
from functools import cached_property

from captools.das import filters
from captools.das.filters import Band, envelope_step
from captools.das.records import Record
from captools.das.taps import Taps, analytic, zero_phase

WHAT = ("envelope", "waterfall", "rms", "fk")
ENVELOPE, WATERFALL, RMS, FK = WHAT
PER_PERIOD = 4  # filtered samples in a period of the highest frequency: their squares need so many


@dataclass(frozen=True)
class Recipe:
    """How windows become pictures.

    Attributes
    ----------
    what : str
        One of `WHAT`.
    low, high : float
        The band (Hz); 0 for all that is lower.
    order : int
        Of the filter.
    rate : float, optional
        Of what is filtered (Hz), at least; without it enough for the band.
    common_mode : bool
        Whether the median of all channels at each time is taken off.
    size : (int, int)
        Pixels along the fibre, and in time.
    """

    what: str
    low: float
    high: float
    order: int = 8
    rate: float | None = None
    common_mode: bool = False
    size: tuple[int, int] = (128, 128)

    def check(self) -> None:
        """Raise ValueError for what no record can give."""
        if self.what not in WHAT:
            raise ValueError(f"{self.what!r} is none of {', '.join(WHAT)}")
        if not 0 <= self.low < self.high < float("inf"):
            raise ValueError(f"{self.low:g} to {self.high:g} Hz is no band")
        if self.what == ENVELOPE and not self.low:
            raise ValueError("an envelope needs a band that begins above 0 Hz")
        if self.what == FK and self.rate is not None:
            raise ValueError("a rate does not go with fk, which takes all samples")
        if self.what == WATERFALL and self.rate is not None and self.rate < 2 * self.high:
            raise ValueError(
                f"a waterfall of frequencies up to {self.high:g} Hz needs a rate of "
                f"{2 * self.high:g} Hz"
            )

    @property
    def band(self) -> Band:
        """What the filter passes."""
        return Band(self.low or None, self.high, self.order)

    def prepared(self, record: Record) -> "Prepared":
        """Return the recipe for records of one rate.

        Raises
        ------
        ValueError
            If they have no such band, or fewer samples than are asked for.
        """
        rate = round(record.rate, 9)
        self.band.edges(rate)
        if self.rate is not None and self.rate > rate:
            raise ValueError(f"a rate of {self.rate:g} Hz is more than the {rate:g} Hz of records")
        return Prepared(self, rate)

    @property
    def is_level(self) -> bool:
        """Whether pixels are in decibels."""
        return self.what != WATERFALL

    def units(self, of_samples: str) -> str:
        """Return the units of pixels."""
        units = of_samples or "unit of the samples"
        if self.what == FK:
            return f"dB relative to 1 ({units})^2 / Hz / (1/m)"
        return f"dB relative to 1 {units}" if self.is_level else units


@dataclass(frozen=True)
class Prepared:
    """A recipe for records of one rate (samples per second)."""

    recipe: Recipe
    rate: float

    @property
    def step(self) -> int:
        """For each so many samples a filtered one is made."""
        recipe = self.recipe
        if recipe.rate is not None:
            return max(1, int(self.rate / recipe.rate * (1 + 1e-9)))
        if recipe.what == ENVELOPE:
            return envelope_step(recipe.band, self.rate)
        return max(1, int(self.rate / (PER_PERIOD * recipe.high)))

    @cached_property
    def taps(self) -> Taps | None:
        """What filters; nothing does for fk."""
        if self.recipe.what == FK:
            return None
        make = analytic if self.recipe.what == ENVELOPE else zero_phase
        return make(self.recipe.band, self.rate, self.step)

    @property
    def least_halo(self) -> int:
        """What the halo is at least, by the poles of the filter alone."""
        return 0 if self.recipe.what == FK else filters.halo(self.recipe.band, self.rate)

    @property
    def halo(self) -> int:
        """How many samples before and after one have a part in it."""
        return 0 if self.taps is None else self.taps.halo
