"""What a flat file holds: also a merged one, a tile, and one of other tools."""

import json
from dataclasses import replace

from captools.description.description import Described, Description, four, plain
from captools.description.statistics import Direction, Tally
from captools.flat import legacy
from captools.flat.extent import Extent
from captools.flat.header import history
from captools.flat.reader import FlatFile
from captools.geo.time import utc_text
from captools.granules.finding import found_by_content
from captools.io.address import Url

_SHOWN = ("product", "crs", "bounds_lonlat", "bounds_xy", "t_span", "history", "step", "options")


def describe_flat(path: str | Url, stats: bool) -> Description:
    """Describe a flat file; InputError if it is damaged or none."""
    with FlatFile(path) as file:
        described = Description(
            path=str(path),
            kind=_kind(file),
            product=_product(file),
            rows=file.rows,
            columns=tuple(_column(file, name) for name in file.columns),
            crs=file.crs,
            direction=_direction(file),
            history=_history(file),
            header=_header(file),
            **_extent(file.attrs),
        )
        return _measured(file, described) if stats else described


def _kind(file: FlatFile) -> str:
    """Return which kind of flat file it is."""
    if not file.is_ours:
        return "flat file of other tools"
    if "tile" in file.attrs:
        return "tile"
    return "flat file" if "source" in file.attrs else "merged file"


def _product(file: FlatFile) -> str:
    """Return the product that a file names; an older one, which names none, is of ATL06."""
    if "product" in file.attrs or file.is_ours:
        return str(file.attrs.get("product", ""))
    older = legacy.is_older(file.path.name, file.stored_names)
    return legacy.PRODUCT.name if older else ""


def _column(file: FlatFile, name: str) -> Described:
    said = file.attributes(name)
    dtype = str(file.columns[name].dtype)
    return Described(name, dtype, str(said.get("units", "")), str(said.get("long_name", "")))


def _direction(file: FlatFile) -> str:
    """Return the direction that the region of the granule has, "" if that is not known."""
    name, region = _product(file), file.identity("region")
    product = next((one for one in found_by_content() if one.name == name), None)
    if product is None or not region or not product.order:
        return ""
    if region in product.turning_regions:
        return "both"
    return "ascending" if region in product.ascending_regions else "descending"


def _history(file: FlatFile) -> tuple[tuple[str, object], ...]:
    return tuple((str(step), options) for step, options in json.loads(history(file.attrs)))


def _header(file: FlatFile) -> dict[str, object]:
    kept = {name: value for name, value in file.header.items() if name not in _SHOWN}
    if len(file.sources) > 1:
        kept["sources"] = len(file.sources)
    return plain(kept)


def _extent(attrs: dict[str, object]) -> dict[str, object]:
    """Return bounds and time span, as far as a header has them."""
    span = utc_text(attrs["t_span"]) if "t_span" in attrs else ()
    return {
        "bounds_lonlat": four(attrs.get("bounds_lonlat", ())),
        "bounds_xy": four(attrs.get("bounds_xy", ())),
        "time": span if len(span) == 2 and all(span) else None,
    }


def _measured(file: FlatFile, described: Description) -> Description:
    """Return a description with what reading all values shows."""
    fills = {name: file.attributes(name).get("_FillValue") for name in file.columns}
    tallies = {name: Tally(fill) for name, fill in fills.items()}
    extent, direction = Extent(), Direction()
    for rows in file.ranges():
        columns = file.table(rows=rows).columns
        for name, tally in tallies.items():
            tally.add(columns[name])
        if "is_asc" in columns:
            direction.add(columns["is_asc"])
        extent.add(columns)
    return replace(
        described.with_statistics({name: one.statistics() for name, one in tallies.items()}),
        direction=direction.name or described.direction,
        **_extent(extent.attributes()),
    )
