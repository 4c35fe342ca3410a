"""Reprojecting a flat file: the same rows, with new x and y."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captools.errors import CaptoolsWarning, InputError
from captools.flat.extent import Extent
from captools.flat.header import header
from captools.flat.places import PlaceNames
from captools.flat.reader import FlatFile
from captools.flat.table import Table, two_columns
from captools.flat.writer import FlatWriter
from captools.geo import coords, domain
from captools.io.address import Url
from captools.io.atomic import Outputs, check_outputs
from captools.products import DERIVED
from captools.progress import counted

LONLAT = "EPSG:4326"
OF_TILES = ("tile", "overlap")  # of the header: numbers in the old CRS, so they do not stay


@dataclass(frozen=True)
class Reprojection:
    """What is to be done; the fields are the options of the same names."""

    crs: str | int = "auto"
    source: str | int | None = None
    xy: str | Iterable[str] | None = None
    lonlat: str | Iterable[str] | None = None
    compression: str = "none"

    @property
    def columns(self) -> list[str]:
        """The columns to start from, by our names."""
        default = "lon,lat" if self.source is None else "x,y"
        return two_columns(default if self.xy is None else self.xy)

    @property
    def place_names(self) -> PlaceNames:
        """The columns that are lon and lat. Those of `xy` are read, and keep their names."""
        return PlaceNames.of(self.lonlat)


def reproject_file(path: Path | Url, outdir: Path, request: Reprojection) -> Outputs:
    """Write a flat file with new x and y; see the step `reproject`."""
    names, source, compression = request.columns, request.source, request.compression
    place_names = request.place_names
    check_outputs([outdir], [path])
    with FlatFile(path, place_names) as file, FlatWriter(outdir, compression) as batch:
        file.warn_if_foreign()
        file.check_columns(names)
        target = coords.check_crs(request.crs)
        target = coords.polar_crs(_latitude(file)) if target == "auto" else target
        start = LONLAT if names == ["lon", "lat"] and source is None else _source(file, source)
        stream, extent, outside, misplaced = batch.stream(path.name), Extent(), 0, 0
        for rows in file.ranges():
            table = file.table(rows=rows)
            old = [table.columns[name] for name in names]
            if request.crs != "auto":  # that of their hemisphere, as the help says
                misplaced += domain.outside(*coords.transform(*old, start, LONLAT), target)
            outside += _project(table, names, start, target)
            extent.add(table.columns)
            stream.append(table)
        options = {"crs": target, "from": start, "xy": names, "compression": compression}
        options |= place_names.options()
        kept = {name: value for name, value in file.header.items() if name not in OF_TILES}
        attrs = header(kept | {"crs": target}, "reproject", options, file.rows, extent)
        stream.finish(attrs, file.private())
        batch.written.rows_in = file.rows
        file.check_unchanged()
    if misplaced:
        warnings.warn(
            f"{path.name}: {domain.warning(misplaced, target)}", CaptoolsWarning, stacklevel=3
        )
    if outside:
        warnings.warn(
            f"{path.name}: {counted(outside, 'point')} outside the domain of {target}",
            CaptoolsWarning,
            stacklevel=3,
        )
    return batch.written


def _source(file: FlatFile, source: str | int | None) -> str:
    """Return the CRS to start from."""
    crs = source or file.crs
    if not crs:
        raise InputError(f"{file.path}: does not state the CRS of its columns: name it with --from")
    return coords.crs_name(crs)


def _latitude(file: FlatFile) -> float:
    """Return a latitude of the hemisphere; InputError if the rows lie in both."""
    file.check_columns(["lat"])
    south, north = 0.0, 0.0
    for rows in file.ranges():
        lat = file.read("lat", rows)
        lat = lat[np.isfinite(lat)]
        south, north = min(south, lat.min(initial=0.0)), max(north, lat.max(initial=0.0))
    if south < 0 < north:
        raise InputError(
            f"{file.path}: lat: from {south:g} to {north:g}, in both hemispheres: choose one "
            "projection (-p)"
        )
    return float(north or -90.0)


def _project(table: Table, names: list[str], start: str, target: str) -> int:
    """Give a table new x and y, and return how many of its points lie outside their domain."""
    old = [table.columns[name] for name in names]
    known = np.isfinite(old[0]) & np.isfinite(old[1])
    x, y = coords.transform(*old, start, target)
    table.columns |= {"x": x, "y": y}
    for column in DERIVED:
        if column.name in ("x", "y"):
            unit = {"units": coords.crs_unit(target)}
            table.column_attrs[column.name] = column.attributes | unit
    return int(np.count_nonzero(known & np.isnan(x)))
