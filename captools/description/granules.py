"""What a granule holds: its beams, columns, place and time."""

from contextlib import suppress

import numpy as np

from captools.description.description import Described, Description, Track, four, plain
from captools.description.statistics import Accumulator, Direction
from captools.flat.extent import Extent
from captools.geo import coords
from captools.geo.time import utc_text
from captools.granules.granule import Beam, Granule
from captools.granules.header import granule_attributes
from captools.io.address import Url
from captools.products import Product


def describe_granule(path: str | Url, product: Product, stats: bool) -> Description:
    """Describe a granule of a product; InputError if it is damaged."""
    with Granule(path, product) as granule:
        columns: dict[str, Described] = {}
        tallies: dict[str, Accumulator] = {}
        tracks, extent, direction = [], Extent(), Direction()
        for beam in granule.beams():
            tracks.append(Track(beam.name, beam.length, _type(beam), beam.spot))
            _add_columns(columns, beam)
            _add_place(extent, direction, beam)
            if stats:
                _add_values(tallies, beam)
        header = granule_attributes(granule)
    bounds = extent.attributes()
    described = Description(
        path=str(path),
        kind="granule",
        product=product.name,
        rows=sum(track.rows for track in tracks),
        columns=tuple(columns.values()),
        tracks=tuple(tracks),
        bounds_lonlat=four(bounds.get("bounds_lonlat", ())),
        time=utc_text(bounds["t_span"]) if "t_span" in bounds else None,
        direction=direction.name,
        header=plain({name: value for name, value in header.items() if name != "product"}),
    )
    return described.with_statistics({name: one.statistics() for name, one in tallies.items()})


def _type(beam: Beam) -> str:
    return beam.type if beam.granule.product.spots else ""


def _add_columns(columns: dict[str, Described], beam: Beam) -> None:
    for column in beam.granule.product.columns:
        if column.name not in columns and beam.has(column):
            said, dtype = beam.attributes(column), beam.dtype(column)
            columns[column.name] = Described(
                column.name, str(dtype), str(said["units"]), str(said["long_name"])
            )


def _add_place(extent: Extent, direction: Direction, beam: Beam) -> None:
    product = beam.granule.product
    lon, lat = beam.whole(product.lon), beam.whole(product.lat)
    t_gps = product.gps(beam.whole(product.time), beam.granule.identity.epoch)
    placed = (np.abs(lat) <= 90) & np.isfinite(lon)
    timed = placed & np.isfinite(t_gps)
    extent.add({"lon": lon[placed], "lat": lat[placed], "t_gps": t_gps[timed]})
    if product.order == product.time and np.count_nonzero(timed) > 1:
        with suppress(ValueError):  # times that do not increase have no direction
            direction.add(coords.is_ascending(lat[timed], t_gps[timed]))


def _add_values(tallies: dict[str, Accumulator], beam: Beam) -> None:
    for column in beam.granule.product.columns:
        if beam.has(column):
            fill = beam.attributes(column).get("_FillValue")
            tallies.setdefault(column.name, Accumulator(fill)).add(beam.whole(column.name))
