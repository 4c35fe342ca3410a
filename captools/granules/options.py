"""What is wanted of every granule: the one place that names, describes and checks it.

What checks it is imported when there is something to check, so that help comes at once.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Set
from dataclasses import asdict, dataclass
from pathlib import Path

from captools.flat import COMPRESSIONS
from captools.flat.legacy import DIALECTS

_CHOICES = {
    "dialect": tuple(DIALECTS),
    "compression": COMPRESSIONS,
    "layout": ("beam", "granule"),
}
# In a header; the options that are older are named there, whatever they are.
_NAMED_IF_GIVEN = ("extent", "mask_where", "buffer", "invert")


@dataclass(frozen=True)
class ReadOptions:
    """What is wanted of every granule.

    Parameters
    ----------
    bbox : (w, e, s, n), optional
        Box in degrees; w > e crosses the antimeridian.
    extent : (xmin, xmax, ymin, ymax), optional
        Box in the units of x and y.
    span : (t0, t1), optional
        Half-open time span (UTC): ISO dates, decimal years, dates, datetimes or datetime64.
    variables : str or iterable of str, optional
        Columns: plain names replace the defaults, ``name=path`` and presets add.
    crs : str, int or pyproj.CRS
        CRS of x and y; ``auto`` is EPSG:3031 in the south, EPSG:3413 in the north.
    mask : str or Path, optional
        Polygon or raster file of the area to keep; ``FILE:VARIABLE`` or ``FILE:LAYER`` if it
        has several.
    mask_where : str, optional
        Only these polygons of the mask, such as ``NAME = 'G-H'``.
    buffer : float, optional
        Kilometres by which the polygons of the mask grow, or shrink if negative.
    invert : bool
        What lies outside the mask is kept.
    quality : str
        A quality rule of the product: ``best``, ``all`` (rows with a height), or another it has.
    segment_tolerance : float, optional
        Metres; see `captools.geo.select.segments_agree`.
    split : bool
        Ascending and descending rows in separate files.
    strict : bool
        A missing column is an error, not a warning.
    dialect : {"captools", "captoolkit"}
        Whose column names to write.
    compression : {"none", "lzf", "gzip"}
        Of the flat files.
    layout : {"beam", "granule"}
        One file per beam, or one per granule with the beams one after another.
    by : {"cycle"}, optional
        Files go to subfolders of the output folder: ``cycle_01``, ``cycle_02``, ...
    """

    bbox: tuple[float, float, float, float] | None = None
    extent: tuple[float, float, float, float] | None = None
    span: tuple[str | float, str | float] | None = None
    variables: str | Iterable[str] | None = None
    crs: str | int = "auto"
    mask: str | Path | None = None
    mask_where: str | None = None
    buffer: float | None = None
    invert: bool = False
    quality: str = "best"
    segment_tolerance: float | None = None
    split: bool = False
    strict: bool = False
    dialect: str = "captools"
    compression: str = "none"
    layout: str = "beam"
    by: str | None = None

    def __post_init__(self) -> None:
        """Check the values and bring them into plain types; ValueError if one is wrong."""
        from captools.geo import coords, select
        from captools.geo.time import parse_span, plain_time

        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} is not {' or '.join(allowed)}")
        if self.by not in (None, "cycle"):
            raise ValueError(f"by {self.by!r} is not cycle")
        plain = {"split": bool(self.split), "strict": bool(self.strict)}
        if self.bbox is not None:
            plain["bbox"] = select.check_box(self.bbox)
        if self.extent is not None:
            plain["extent"] = select.check_extent(self.extent)
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
        options = asdict(self) | {"mask": self.mask and Path(self.mask).name}
        del options["by"]  # which says only where the file is
        for name in _NAMED_IF_GIVEN:
            if options[name] is None or options[name] is False:
                del options[name]
        return json.dumps(options, sort_keys=True)


def _plain_words(words: str | Iterable[str]) -> str | None:
    """Return the choice of variables as text, in one spelling; a set has no order to keep."""
    if not isinstance(words, str):
        words = ",".join(sorted(words) if isinstance(words, Set) else words)
    return ",".join(filter(None, (word.strip() for word in words.split(",")))) or None


def takes_options(function: Callable) -> Callable:
    """Show a function that takes `ReadOptions` as keywords, ``**options``, with each of them.

    They stand in its signature, and in its docstring in place of the entry ``**options``.
    """
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.kind != one.VAR_KEYWORD]
    options = inspect.signature(ReadOptions).parameters.values()
    keywords = [one.replace(kind=one.KEYWORD_ONLY) for one in options]
    function.__signature__ = signature.replace(parameters=[*own, *keywords])
    _, _, described = (inspect.getdoc(ReadOptions) or "").partition("----------\n")
    function.__doc__ = (inspect.getdoc(function) or "").replace(
        "**options\n    The fields of `captools.granules.options.ReadOptions`.", described
    )
    return function
