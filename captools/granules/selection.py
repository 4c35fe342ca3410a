"""Which rows of a beam are wanted: by place and time, and by quality."""

from collections.abc import Callable

import numpy as np

from captools.geo import coords, masks, select
from captools.geo.conditions import Condition
from captools.geo.time import parse_span
from captools.granules.granule import MISSING, Beam
from captools.granules.options import ReadOptions
from captools.io.packing import masked
from captools.limits import Limits
from captools.products import Column


def crs_of(beam: Beam, request: ReadOptions) -> str:
    """Return the CRS of x and y: as asked for, else the polar one of the hemisphere."""
    if request.crs != "auto":
        return request.crs
    product, region = beam.granule.product, beam.granule.identity.region
    if region and product.southern_regions:
        return coords.polar_crs(-90 if region in product.southern_regions else 90)
    lat = beam.whole(product.lat)
    return coords.polar_crs(lat[np.abs(lat) <= 90].mean())


def select_rows(beam: Beam, request: ReadOptions) -> np.ndarray:
    """Return the indices of the rows to keep.

    Place and time decide first, latitude before all: most granules of a large
    job miss the region, and for these nothing else is read.
    """
    product = beam.granule.product
    lat, lon, time = (product.column(role) for role in (product.lat, product.lon, product.time))
    rows, _ = _in_boxes(beam, request)
    if request.span is not None and len(rows):
        t_gps = product.gps(beam.take(time, rows), beam.granule.identity.epoch)
        rows = rows[select.in_span(t_gps, parse_span(request.span))]
    mask = masks.check(request.mask, request.mask_where, request.buffer, request.invert)
    if mask is not None and len(rows):
        rows = rows[mask.contains(beam.take(lon, rows), beam.take(lat, rows))]
    return rows[_good(beam, rows, request)] if len(rows) else rows


def elsewhere(beam: Beam, request: ReadOptions) -> Limits:
    """Return where the rows of a beam are if box or extent holds none of them, else nothing.

    After `select_rows`, nothing is read for it.
    """
    rows, lies = _in_boxes(beam, request)
    return Limits() if len(rows) else lies


def _in_boxes(beam: Beam, request: ReadOptions) -> tuple[np.ndarray, Limits]:
    """Return the indices of the rows in box and extent, and where the rows are, as far as read."""
    product, lies, rows = beam.granule.product, Limits(), np.arange(beam.length)
    lat, lon = product.column(product.lat), product.column(product.lon)
    if request.bbox is not None:
        _, _, south, north = request.bbox
        lats = beam.whole(product.lat)
        lies.add("lat", lats)
        rows = np.flatnonzero((lats >= south) & (lats <= north))
        if len(rows):
            lons = beam.take(lon, rows)
            lies.add("lon at latitudes of the box", lons)
            rows = rows[select.in_box(lons, lats[rows], request.bbox)]
    if request.extent is not None and len(rows):
        x, y = coords.project(beam.take(lon, rows), beam.take(lat, rows), crs_of(beam, request))
        lies.add("x", x)
        lies.add("y", y)
        rows = rows[select.in_extent(x, y, request.extent)]
    return rows, lies


def _good(beam: Beam, rows: np.ndarray, request: ReadOptions) -> np.ndarray:
    """Return which of the rows have a height to rely on."""
    rule = beam.granule.product.rule(request.quality)
    good = _meets(beam, rule, lambda column: beam.take(column, rows))
    if request.segment_tolerance is not None:
        good &= _agree(beam, request.segment_tolerance)[rows]
    return good


def _meets(beam: Beam, rule: Condition, read: Callable[[Column], np.ndarray]) -> np.ndarray:
    """Return which rows meet a rule of the product; a fill meets it no more than NaN does."""
    columns = {name: beam.granule.product.column(name) for name in rule.columns}
    for column in columns.values():
        if (missing := beam.lacking(column)) is not None:
            needed = column.name in beam.granule.product.rule("all").columns
            raise beam.error(missing, MISSING if needed else f"{MISSING}, or use --quality all")
    known = {
        name: masked(read(column), beam.fill_value(column)) for name, column in columns.items()
    }
    return rule.holds_for_few(known)


def _agree(beam: Beam, tolerance: float) -> np.ndarray:
    """Return for all segments of a beam whether their neighbours predict their heights.

    As in CAPToolkit, the quality flag of a neighbour does not count, but a fill is none.
    """
    product, height = beam.granule.product, beam.whole(beam.granule.product.height)
    is_height = _meets(beam, product.rule("all"), lambda column: beam.whole(column.name))
    height = np.where(is_height, height, np.nan)
    slope, segment_id = beam.whole(product.slope), beam.whole(product.segment_id)
    return select.segments_agree(height, slope, segment_id, tolerance)
