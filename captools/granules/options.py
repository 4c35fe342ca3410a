"""What is wanted of every granule."""

import json
from collections.abc import Iterable, Set
from dataclasses import asdict, dataclass
from pathlib import Path

from captools.flat import COMPRESSIONS
from captools.flat.legacy import DIALECTS
from captools.geo import coords, select
from captools.geo.time import parse_span, plain_time

_CHOICES = {
    "dialect": tuple(DIALECTS),
    "compression": COMPRESSIONS,
    "layout": ("beam", "granule"),
}


@dataclass(frozen=True)
class ReadOptions:
    """What is wanted of every granule; the fields are the options of the same names."""

    bbox: tuple[float, float, float, float] | None = None
    span: tuple[str | float, str | float] | None = None
    variables: str | Iterable[str] | None = None
    crs: str | int = "auto"
    mask: str | Path | None = None
    quality: str = "best"
    segment_tolerance: float | None = None
    split: bool = False
    strict: bool = False
    dialect: str = "captools"
    compression: str = "none"
    layout: str = "beam"

    def __post_init__(self) -> None:
        """Check the values and bring them into plain types; ValueError if one is wrong."""
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} is not {' or '.join(allowed)}")
        plain = {"split": bool(self.split), "strict": bool(self.strict)}
        if self.bbox is not None:
            plain["bbox"] = select.check_box(self.bbox)
        if self.span is not None:
            plain["span"] = tuple(map(plain_time, self.span))
            parse_span(plain["span"])
        if self.segment_tolerance is not None:
            plain["segment_tolerance"] = select.check_tolerance(self.segment_tolerance)
        if self.variables is not None:
            plain["variables"] = _plain_words(self.variables)
        plain["crs"] = coords.check_crs(self.crs)
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    def options(self) -> str:
        """Return the options as JSON for the header of a flat file, without paths."""
        told = asdict(self) | {"mask": self.mask and Path(self.mask).name}
        return json.dumps(told, sort_keys=True)


def _plain_words(words: str | Iterable[str]) -> str | None:
    """Return the choice of variables as text, in one spelling; a set has no order to keep."""
    if not isinstance(words, str):
        words = ",".join(sorted(words) if isinstance(words, Set) else words)
    return ",".join(filter(None, (word.strip() for word in words.split(",")))) or None
