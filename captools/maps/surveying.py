"""The flat files of a map: what their headers say, and their points, block by block."""

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from captools.bounds import Bounds
from captools.errors import BadInputs, CaptoolsWarning, InputError, naming_bad
from captools.flat.alike import Alike
from captools.flat.origins import CORE, Origins, is_tile
from captools.flat.parts import Member, Span
from captools.flat.places import PlaceNames
from captools.flat.reader import FlatFile
from captools.geo import coords, domain, select
from captools.io.address import Url
from captools.maps.categories import check_category, read_category
from captools.process import check
from captools.progress import counted, track

BLOCK_ROWS = 1 << 20  # of a few columns, in memory at a time
LONLAT = "EPSG:4326"
Limits = tuple[float, float, float, float]


@dataclass(frozen=True)
class MapOptions:
    """What is to be mapped; the fields are the options of the same names."""

    var: str | None = None
    agg: str = "mean"
    xy: tuple[str, str] = ("x", "y")
    crs: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    extent: tuple[float, float, float, float] | None = None
    size: tuple[int, int] | None = None
    diff: tuple[str, str] | None = None
    all_rows: bool = False  # of tiles, those of overlaps too
    lonlat: str | Iterable[str] | None = None
    by: str | None = None  # what tells categories of points apart, which are counted

    @property
    def place_names(self) -> PlaceNames:
        """The columns that are lon and lat; those of `xy` are read by their names."""
        return PlaceNames.of(self.lonlat)

    @property
    def column(self) -> str | None:
        """The column that is mapped, by default heights; None if points are counted."""
        counted = self.by or (self.agg == "count" and not self.diff)
        return self.var or (None if counted else "h_li")


@dataclass
class Survey:
    """What the headers of the files say, all taken together."""

    good: list[Member] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)
    crs: str = ""  # of the map
    projected: bool = True  # whether the files have x and y in this CRS
    bounds: list[tuple | None] = field(default_factory=list)  # of each good file, if it names any
    rows: int = 0
    label: str = ""
    units: str = ""
    has_tiles: bool = False
    alike: Alike = field(default_factory=Alike)
    origins: Origins = field(default_factory=Origins)
    misplaced: int = 0  # points outside the area of use of the CRS that they are projected to
    all_bounds: Bounds = field(default_factory=Bounds)  # of all points, if a box is asked for

    def drop_bad(self) -> None:
        """Count files no longer as good that turned out to be bad."""
        self.good = [file for file in self.good if os.fspath(file.path) not in self.bad]

    def without_files(self) -> "Survey":
        """Return what it says of all files together, which workers are told."""
        return Survey(crs=self.crs, projected=self.projected)

    def nothing(self, what: str) -> InputError:
        """Return the error that there is no such point, in a box that is asked for if one is.

        It names the files that turned out to be damaged.
        """
        if not self.good:
            return BadInputs(self.bad)
        where = f" lies there: the points have {self.all_bounds}" if self.all_bounds else ""
        files = counted(len(self.good), "file")
        said = [f"nothing to draw: no {what} in {files}{where}", *self.bad.values()]
        return InputError("; ".join(said))


def with_unit(label: str, unit: str) -> str:
    """Return what values are called, with their unit if they have one.

    Examples
    --------
    >>> with_unit("height", "m"), with_unit("slope", "1")
    ('height (m)', 'slope')
    """
    return label if unit in ("", "1") else f"{label} ({unit})"


def survey_files(paths: list[Path | Url], request: MapOptions) -> Survey:
    """Read all headers: who can be used, where they lie, what the column means."""
    survey = Survey()
    for path in paths:
        with ExitStack() as opened:
            with naming_bad(survey.bad, path):
                file = opened.enter_context(FlatFile(path, request.place_names))
                attrs = file.attrs  # may be damaged where the columns are not
            if os.fspath(path) not in survey.bad:
                _take_in(survey, file, attrs, request)
    if not survey.good:
        raise BadInputs(survey.bad)
    if survey.crs == "auto":
        survey.crs = _polar_crs(survey, request)
    survey.alike.warn()
    survey.origins.check_sets()
    survey.origins.warn()
    if survey.has_tiles and not request.all_rows:
        message = "of tiles, core rows are drawn only (--all-rows draws those of overlaps, too)"
        warnings.warn(message, CaptoolsWarning, stacklevel=2)
    return survey


def _take_in(survey: Survey, file: FlatFile, attrs: dict, request: MapOptions) -> None:
    """Add what a file says to the survey; InputError if it does not go with the others."""
    if request.xy != ("x", "y"):
        file.check_columns(request.xy)  # the user named them: their absence is an error
    projected = request.crs is None and all(name in file.columns for name in request.xy)
    crs = LONLAT if request.xy == ("lon", "lat") else attrs.get("crs") or "unknown"
    if not survey.good:
        survey.projected = projected
        survey.crs = crs if projected else _chosen_crs(file, request)
    elif projected != survey.projected or (projected and crs != survey.crs):
        here = f"CRS {crs}" if projected else "no x and y"
        there = f"CRS {survey.crs}" if survey.projected else "no x and y"
        raise InputError(
            f"{survey.good[0].path} and {file.path} differ: {there} and {here}: "
            "name a CRS for all of them (-p)"
        )
    if request.column is not None:
        file.check_columns([request.column])
        if not survey.good:
            about = file.attributes(request.column)
            survey.label, survey.units = about["long_name"], about["units"]
    if request.by is not None:
        check_category(file, request.by)
    bounds = attrs.get("bounds_xy") if projected and request.xy == ("x", "y") else None
    known = bounds is not None and np.isfinite(bounds).all()
    survey.bounds.append(tuple(map(float, bounds)) if known else None)
    survey.rows += file.rows
    survey.good.append(Member.of(file))
    survey.alike.add(file)
    survey.origins.add(file)
    survey.has_tiles |= is_tile(file)


def _chosen_crs(file: FlatFile, request: MapOptions) -> str:
    """Return the CRS to project lon and lat to; ``auto`` if none is asked for."""
    file.check_columns(["lon", "lat"])
    return "auto" if request.crs in (None, "auto") else coords.crs_name(request.crs)


def _polar_crs(survey: Survey, request: MapOptions) -> str:
    """Return the CRS of the hemisphere of the points to draw; InputError if they lie in both."""
    survey.crs = LONLAT  # as long as they are looked at
    found = Bounds()
    for block in blocks_of(survey, request, ()):
        found.add("lat", block["y"])
    survey.all_bounds = Bounds()
    south, north = found.get("lat", (0.0, 0.0))
    if south < 0 < north:
        raise InputError(
            f"the points of {counted(len(survey.good), 'file')} lie in both hemispheres "
            f"({found}): choose one projection (-p)"
        )
    return coords.polar_crs(south)


def bounds_of(survey: Survey, request: MapOptions) -> tuple[float, float, float, float]:
    """Return what the map must show: from the headers if these name it, else from the points."""
    if request.extent is not None:
        return request.extent
    if request.bbox is None and None not in survey.bounds:
        bounds = np.array(survey.bounds)
    else:
        bounds = np.array(
            [
                [x.min(), x.max(), y.min(), y.max()]
                for x, y in (_placed(block) for block in blocks_of(survey, request, ()))
                if len(x)
            ]
        ).reshape(-1, 4)
    if not len(bounds):
        raise survey.nothing("point")
    low, high = bounds.min(axis=0), bounds.max(axis=0)
    return float(low[0]), float(high[1]), float(low[2]), float(high[3])


def _placed(block: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the points that have both."""
    known = np.isfinite(block["x"]) & np.isfinite(block["y"])
    return block["x"][known], block["y"][known]


def blocks_of(
    survey: Survey, request: MapOptions, more: Iterable[str]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield x, y and `more` columns of the points of all files, as many as fit in memory.

    A file that turns out to be damaged is dropped, and named in `Survey.bad`.
    """
    return (block for _, block in blocks_of_files(survey, request, more))


def blocks_of_files(
    survey: Survey, request: MapOptions, more: Iterable[str]
) -> Iterator[tuple[FlatFile, dict[str, np.ndarray]]]:
    """Yield the blocks of `blocks_of`, each with the file that it is of."""
    survey.misplaced = 0
    for path in track([one.path for one in survey.good]):
        with naming_bad(survey.bad, path), FlatFile(path, request.place_names) as file:
            for rows in file.ranges(BLOCK_ROWS):
                check()
                yield file, _block(file, rows, survey, request, more)
            file.check_unchanged()
        if os.fspath(path) in survey.bad:
            survey.drop_bad()


def blocks_of_spans(
    survey: Survey, request: MapOptions, spans: Iterable[Span], more: Iterable[str]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the blocks of `blocks_of`, of some rows of files."""
    for span in spans:
        path = span.file.path
        with naming_bad(survey.bad, path), span.file.opened(request.place_names) as file:
            for rows in file.ranges(BLOCK_ROWS, of=slice(span.start, span.stop)):
                check()
                yield _block(file, rows, survey, request, more)


def _block(
    file: FlatFile, rows: slice, survey: Survey, request: MapOptions, more: Iterable[str]
) -> dict[str, np.ndarray]:
    columns = {name: read_category(file, name, rows) for name in more}
    lonlat = not survey.projected or request.bbox is not None
    lon, lat = (file.read(name, rows) if lonlat else None for name in ("lon", "lat"))
    if survey.projected:
        columns["x"], columns["y"] = (file.read(name, rows) for name in request.xy)
    else:
        columns["x"], columns["y"] = coords.project(lon, lat, survey.crs)
    if request.bbox is not None and survey.crs == LONLAT and request.bbox[0] > request.bbox[1]:
        columns["x"] = coords.wrap(columns["x"], request.bbox[0])  # a box across the antimeridian
    keep = np.ones(rows.stop - rows.start, bool)
    if request.bbox is not None:
        keep &= select.in_box(lon, lat, request.bbox)
        survey.all_bounds.add("lon", lon)
        survey.all_bounds.add("lat", lat)
    elif request.extent is not None:
        survey.all_bounds.add("x", columns["x"])
        survey.all_bounds.add("y", columns["y"])
    if is_tile(file) and not request.all_rows:
        keep &= file.read(CORE, rows)
    if not survey.projected and request.crs not in (None, "auto"):
        survey.misplaced += domain.outside(lon[keep], lat[keep], survey.crs)
    return columns if keep.all() else {name: values[keep] for name, values in columns.items()}
