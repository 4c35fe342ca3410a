"""Reducing a granule to flat files: the same for every along-track product."""

import json
import os
import warnings
from collections.abc import Iterable, Set
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from captools import __version__, coords, masks, select
from captools.address import Url, place
from captools.errors import CaptoolsWarning
from captools.flat import Batch, Table, Written, check_folder
from captools.granule import MISSING, Beam, Granule
from captools.hdf5 import REMEDY
from captools.options import COMPRESSIONS
from captools.products import (
    DERIVED,
    DIALECTS,
    IDENTITY,
    IDENTITY_DTYPES,
    Column,
    Product,
)

_CHOICES = {
    "quality": ("best", "all"),
    "dialect": tuple(DIALECTS),
    "compression": COMPRESSIONS,
    "layout": ("beam", "granule"),
}


@dataclass(frozen=True)
class Request:
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
            plain["span"] = tuple(map(coords.plain_time, self.span))
            coords.parse_span(plain["span"])
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


def reduce_granule(
    path: str | Path | Url, outdir: str | Path, product: Product, step: str, request: Request
) -> Written:
    """Write one flat file for each beam of a granule, or one for all (``layout``).

    With ``split`` it is two: ascending and descending.

    Returns
    -------
    Written
        The paths, none if no row is kept.

    Raises
    ------
    ValueError
        If the output would take the place of the granule.
    InputError
        If the granule cannot be used; then nothing is written.
    OutputError
        If the folder cannot be written to; then nothing is left there.
    """
    if request.layout == "granule":
        check_folder(Path(outdir), place(path))
    columns = product.choose(request.variables)
    with Granule(path, product) as granule, Batch(outdir, request.compression) as batch:
        common = _granule_attributes(granule) | _provenance(granule, step, request)
        missing: dict[str, list[str]] = {}
        together: dict[str, list[Table]] = {}
        for beam in granule.beams():
            batch.written.rows_in += beam.length
            rows = _select(beam, request)
            if not len(rows):
                continue
            table = _table(beam, rows, _present(beam, columns, request, missing))
            _derive(table, beam, rows, _crs(beam, request))
            table.attrs = _beam_attributes(beam, request)
            for leg, part in _legs(table) if request.split else [("", table)]:
                if request.layout == "granule":
                    together.setdefault(leg, []).append(part)
                else:
                    name = output_name(granule.path.name, beam.name, leg)
                    batch.write(name, _finished(part, common, product, request))
        for leg, parts in together.items():
            name = output_name(granule.path.name, "", leg)
            batch.write(
                name,
                _finished(_joined(granule, parts, batch.written.rows_in), common, product, request),
            )
        granule.check_unchanged()
        _warn_of_missing(granule, missing)
    return batch.written


def output_name(granule: str, beam: str, leg: str) -> str:
    """Return the file name of an output, of one beam or (``""``) of all."""
    return f"{granule.removesuffix('.h5')}{beam and '_'}{beam}{leg}.h5"


def _finished(table: Table, common: dict, product: Product, request: Request) -> Table:
    """Return a table with the rest of its header, in the dialect asked for."""
    table.attrs |= common | _extent(table.columns, product)
    return table.renamed(DIALECTS[request.dialect])


# --- rows ---------------------------------------------------------------------


def _select(beam: Beam, request: Request) -> np.ndarray:
    """Return the indices of the rows to keep.

    Place and time decide first, latitude before all: most granules of a large
    job miss the region, and for these nothing else is read.
    """
    product = beam.granule.product
    lat, lon, time = (product.column(role) for role in (product.lat, product.lon, product.time))
    rows = np.arange(beam.length)
    if request.bbox is not None:
        _, _, south, north = request.bbox
        lats = beam.whole(product.lat)
        rows = np.flatnonzero((lats >= south) & (lats <= north))
        if len(rows):
            rows = rows[select.in_box(beam.take(lon, rows), lats[rows], request.bbox)]
    if request.span is not None and len(rows):
        t_gps = beam.take(time, rows) + beam.granule.identity.epoch
        rows = rows[select.in_span(t_gps, coords.parse_span(request.span))]
    if request.mask is not None and len(rows):
        mask = masks.load(request.mask)
        rows = rows[mask.contains(beam.take(lon, rows), beam.take(lat, rows))]
    return rows[_good(beam, rows, request)] if len(rows) else rows


def _good(beam: Beam, rows: np.ndarray, request: Request) -> np.ndarray:
    """Tell which of the rows have a height to rely on."""
    product = beam.granule.product
    good = np.abs(beam.take(product.column(product.height), rows)) < product.max_height
    if request.quality == "best":
        quality = product.column(product.quality)
        if not beam.has(quality):
            raise beam.error(quality, f"{MISSING}, or use --quality all")
        good &= beam.take(quality, rows) == 0
    if request.segment_tolerance is not None:
        good &= _agree(beam, request.segment_tolerance)[rows]
    return good


def _agree(beam: Beam, tolerance: float) -> np.ndarray:
    """Tell for all segments of a beam whether their neighbours predict their heights.

    As in CAPToolkit, the quality flag of a neighbour does not count, but a fill is none.
    """
    product, height = beam.granule.product, beam.whole(beam.granule.product.height)
    height = np.where(np.abs(height) < product.max_height, height, np.nan)
    slope, segment_id = beam.whole(product.slope), beam.whole(product.segment_id)
    return select.segments_agree(height, slope, segment_id, tolerance)


# --- columns ------------------------------------------------------------------


def _present(
    beam: Beam, columns: Iterable[Column], request: Request, missing: dict[str, list[str]]
) -> list[Column]:
    """Return the columns to read; those the beam lacks go to `missing`, or raise when strict."""
    present = []
    for column in columns:
        if request.strict or beam.has(column):
            present.append(column)
        else:
            missing.setdefault(column.name, []).append(beam.name)
    return present


def _table(beam: Beam, rows: np.ndarray, columns: list[Column]) -> Table:
    """Return the rows of the columns, as the granule has them."""
    table = Table({})
    beam.fetch_ahead(columns, rows)
    for column in columns:
        table.columns[column.name] = beam.take(column, rows)
        table.column_attrs[column.name] = beam.attributes(column)
    return table


def _derive(table: Table, beam: Beam, rows: np.ndarray, crs: str) -> None:
    """Add the columns that the granule does not have."""
    product = beam.granule.product
    time = product.column(product.time)
    t_gps = beam.take(time, rows) + beam.granule.identity.epoch
    t_year = coords.decimal_year(t_gps)
    _check_place_and_time(beam, table.columns, t_year)
    _check_order(beam, t_gps)
    x, y = coords.project(table.columns[product.lon], table.columns[product.lat], crs)
    derived = {
        "x": x,
        "y": y,
        "t_gps": t_gps,
        "t_year": t_year,
        "is_asc": _ascending(beam)[rows],
    }
    if outside := np.count_nonzero(np.isnan(x)):
        _warn(
            f"{beam.granule.path.name}: {beam.name}: {outside} points outside the domain of {crs}"
        )
    table.columns |= derived
    for column in DERIVED:
        table.column_attrs[column.name] = column.attributes
    for name in ("x", "y"):
        table.column_attrs[name]["units"] = coords.crs_unit(crs)


def _check_place_and_time(beam: Beam, columns: dict[str, np.ndarray], t_year: np.ndarray) -> None:
    """Refuse what can only be damage: HDF5 guards values with checksums, but not their types."""
    product = beam.granule.product
    lat, lon = columns[product.lat], columns[product.lon]
    for name, possible in (
        (product.lat, np.abs(lat) <= 90),
        (product.lon, np.abs(lon) <= 360),
        (product.time, np.isfinite(t_year)),
    ):
        if not possible.all():
            raise beam.error(product.column(name), f"has impossible values; {REMEDY}")


def _check_order(beam: Beam, t_gps: np.ndarray) -> None:
    product = beam.granule.product
    if np.any(np.diff(t_gps) < 0):
        raise beam.error(product.column(product.time), "does not increase; the order is lost")


def _ascending(beam: Beam) -> np.ndarray:
    """Tell for all segments of a beam whether they ascend, before anything is left out.

    Times matter where the track turns alone: a beam that does not turn is spared reading them.
    """
    product, region = beam.granule.product, beam.granule.identity.region
    lat = beam.whole(product.lat)
    known = np.abs(lat) <= 90
    placed = lat if known.all() else lat[known]
    if len(placed) > 1 and coords.turning_point(placed) is None:
        return known & (placed[-1] > placed[0])
    time = beam.whole(product.time)
    known &= np.isfinite(time)
    _check_order(beam, time[known])
    if np.count_nonzero(known) > 1:
        ascending = np.zeros(beam.length, dtype=bool)
        ascending[known] = coords.is_ascending(lat[known], time[known])
        return ascending
    if region in (0, *product.turning_regions):
        _warn(
            f"{beam.granule.path.name}: {beam.name}: a single segment in region {region:02d} "
            "tells no direction: taken as descending"
        )
    return np.full(beam.length, region in product.ascending_regions)


def _crs(beam: Beam, request: Request) -> str:
    """Return the CRS of x and y: as asked for, else the polar one of the hemisphere."""
    if request.crs != "auto":
        return request.crs
    product, region = beam.granule.product, beam.granule.identity.region
    if region:
        return coords.polar_crs(-90 if region in product.southern_regions else 90)
    lat = beam.whole(product.lat)
    return coords.polar_crs(lat[np.abs(lat) <= 90].mean())


def _legs(table: Table) -> Iterable[tuple[str, Table]]:
    """Yield the ascending and the descending part of a beam, if there are any."""
    ascending = table.columns["is_asc"]
    for suffix, keep in (("_A", ascending), ("_D", ~ascending)):
        if keep.any():
            yield suffix, table.where(keep)


def _joined(granule: Granule, parts: list[Table], rows_in: int) -> Table:
    """Return the rows of all beams, one after another; what differs becomes columns or a table.

    Columns that a beam lacks are left out: the missing ones were warned of.
    """
    if len({part.attrs["crs"] for part in parts}) > 1:
        raise granule.error("beams", "lie in both hemispheres: choose one projection (-p)")
    shared = [name for name in parts[0].columns if all(name in p.columns for p in parts)]
    whole = Table(
        {name: np.concatenate([part.columns[name] for part in parts]) for name in shared},
        {name: parts[0].column_attrs[name] for name in shared},
        {"crs": parts[0].attrs["crs"], "rows_in": rows_in},
    )
    known = {"rgt": granule.identity.rgt, "cycle": granule.identity.cycle}
    for column in IDENTITY:
        values = [known.get(column.name, part.attrs.get(column.name)) for part in parts]
        whole.columns[column.name] = np.repeat(
            np.array(values, IDENTITY_DTYPES[column.name]), [part.rows for part in parts]
        )
        whole.column_attrs[column.name] = column.attributes
    for name in ("beam", "beam_type", "spot", "rows_in"):
        values = [part.attrs[name] for part in parts]
        text = isinstance(values[0], str)
        whole.private[f"beams/{name}"] = np.array(values, dtype="S" if text else "i8")
    whole.private["beams/rows"] = np.array([part.rows for part in parts], dtype="i8")
    return whole


# --- header -------------------------------------------------------------------


def _granule_attributes(granule: Granule) -> dict[str, object]:
    known = granule.identity
    return {
        "rgt": known.rgt,
        "cycle": known.cycle,
        "region": known.region,
        "release": known.release,
        "sc_orient": known.sc_orient,
        **granule.frame(),
    }


def _provenance(granule: Granule, step: str, request: Request) -> dict[str, object]:
    return {
        # A name need not be UTF-8, but the text of an attribute is.
        "source": os.fsencode(granule.path.name).decode("utf-8", "replace"),
        "step": step,
        "options": request.options(),
        "captools_version": __version__,
    }


def _beam_attributes(beam: Beam, request: Request) -> dict[str, object]:
    return {
        "beam": beam.name,
        "beam_type": beam.type,
        "spot": beam.spot,
        "crs": _crs(beam, request),
        "rows_in": beam.length,
    }


def _extent(columns: dict[str, np.ndarray], product: Product) -> dict[str, object]:
    """Return the bounds of the rows in place and time."""
    lon, lat = columns[product.lon], columns[product.lat]
    x, y, t_gps = columns["x"], columns["y"], columns["t_gps"]
    west, east = coords.lon_bounds(lon)
    return {
        "bounds_lonlat": np.array([west, east, lat.min(), lat.max()]),
        "bounds_xy": np.array([*_limits(x), *_limits(y)]),
        "t_span": np.array([t_gps.min(), t_gps.max()]),
    }


def _limits(values: np.ndarray) -> tuple[float, float]:
    """Return minimum and maximum, NaN aside; NaN if there is nothing else."""
    return float(np.fmin.reduce(values)), float(np.fmax.reduce(values))


def _warn_of_missing(granule: Granule, missing: dict[str, list[str]]) -> None:
    """Warn once for a granule, however many columns and beams it concerns."""
    if missing:
        by_beams: dict[str, list[str]] = {}
        for name, beams in missing.items():
            by_beams.setdefault(" ".join(beams), []).append(name)
        told = "; ".join(f"{', '.join(names)} in {beams}" for beams, names in by_beams.items())
        _warn(f"{granule.path.name}: columns missing and left out: {told}")


def _warn(message: str) -> None:
    warnings.warn(message, CaptoolsWarning, stacklevel=3)
