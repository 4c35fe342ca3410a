"""Tiling flat files: rows go from many files to one for each square of a grid."""

import json
import logging
import os
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from captools import process
from captools.errors import CaptoolsWarning, InputError
from captools.flat.buckets import Buckets
from captools.flat.collection import Collection
from captools.flat.endings import check_ending
from captools.flat.extent import Extent
from captools.flat.header import header
from captools.flat.places import USUAL, PlaceNames
from captools.flat.writer import PIECE_ROWS, FlatWriter
from captools.geo import coords
from captools.geo.grid import Grid, assign, key_of, known, place_of
from captools.geo.outline import geometry
from captools.io.atomic import Outputs, appearing, appearing_folder, check_outputs
from captools.progress import counted

INDEX = "tiles.geojson"
CORE = {"units": "1", "long_name": "inside the square of the tile, not in its overlap"}
MANY_TILES = 10_000
SLICE_ROWS = 1 << 14  # placed at a time: each may go to nine tiles
log = logging.getLogger(__name__)
_NAME = re.compile(r"tile_[+-][\d.]+_[+-][\d.]+_[\d.]+km\.h5")


@dataclass(frozen=True)
class TileOptions:
    """How tiles are made; the fields are the options of the same names."""

    size: float  # km, as is the overlap
    overlap: float = 0.0
    extent: tuple[float, float, float, float] | None = None
    mode: str = "all"  # of the columns: all, common or union
    compression: str = "none"
    place_names: PlaceNames = USUAL

    def options(self) -> dict[str, object]:
        """Return the options for the header of a flat file."""
        options = asdict(self)
        mode, names = options.pop("mode"), options.pop("place_names")
        more = {"union": True} if mode == "union" else {}
        more |= {name: columns for name, columns in names.items() if columns}
        return options | {"common": mode == "common"} | more


def tile_files(files: Iterable[str | Path], output: Path, options: TileOptions) -> Outputs:
    """Tile; see the step `tile`."""
    files = list(files)
    grid = Grid.of(options.size, options.overlap, options.extent)
    check_ending(output, "tile")
    _check_output(output, files)
    with appearing_folder(output) as hidden:
        collection = Collection(files, options.mode, place_names=options.place_names)
        _check_place(collection)
        written = Outputs(rows_in=collection.total_in)
        with Buckets(hidden) as buckets:
            cores, lost = _spread(collection, grid, buckets)
            _warn_of_many(len(cores))
            tiles = [Tile(grid, key, buckets.rows[key], cores[key]) for key in sorted(cores)]
            for tile in tiles:
                process.check()
                with FlatWriter(hidden, options.compression) as batch:
                    _write_tile(batch, tile, buckets, collection, options)
                written.append(output / tile.file)
                written.rows_out += tile.rows
        with appearing(hidden / INDEX) as file:
            file.write(index(tiles, collection.crs).encode())
        written.append(output / INDEX)
    placed = collection.total - lost
    outside = {"no x, y": lost, "outside the extent": placed - cores.total()}
    written.removed = collection.removed | {why: rows for why, rows in outside.items() if rows}
    if again := written.rows_out - cores.total():
        written.added = {"in overlaps": again}
    return written


def _warn_of_many(count: int) -> None:
    """Warn before so many files are made that it was hardly meant; at once, not at the end."""
    if count > MANY_TILES:
        log.warning("warning: %s files will be made: -d says how large a tile is", f"{count:,}")


def _check_output(output: Path, files: list[str | Path]) -> None:
    """Raise ValueError if the folder cannot be replaced without a loss."""
    if not os.path.lexists(output):
        return
    if not output.is_dir():
        raise ValueError(f"output {output} is not a folder")
    names = sorted(entry.name for entry in output.iterdir())
    other = [name for name in names if name != INDEX and not _NAME.fullmatch(name)]
    if names and (other or INDEX not in names):
        listed = ", ".join((other or names)[:3]) + (", ..." if len(other or names) > 3 else "")
        raise ValueError(f"output {output} holds {listed}: only a folder of tiles is replaced")
    check_outputs([output], files)


def _check_place(collection: Collection) -> None:
    """Raise InputError if the files have no x and y in metres of a known CRS."""
    crs, remedy = collection.crs, "run captools reproject first"
    if missing := [name for name in ("x", "y") if name not in collection.dtypes]:
        raise InputError(f"no column {', '.join(missing)} in the inputs: {remedy}")
    if not crs:
        raise InputError(f"the inputs do not state the CRS of x and y: {remedy}")
    if (unit := coords.crs_unit(crs)) != "m":
        raise InputError(f"x and y ({crs}) are in units of {unit}, not metres: {remedy}")
    if collection.dtypes.get("core", np.dtype(bool)) != np.dtype(bool):
        raise InputError("the inputs have a column core that is not that of tiles: rename it")


@dataclass(frozen=True)
class Tile:
    """A square of a grid with points: `rows` in its file, `core` of them in the square."""

    grid: Grid
    key: int  # of its bucket
    rows: int
    core: int

    @property
    def square(self) -> tuple[float, float, float, float]:
        """Its xmin, xmax, ymin, ymax."""
        return self.grid.square(*place_of(self.key))

    @property
    def file(self) -> str:
        """The name of its file."""
        return self.grid.name(*place_of(self.key))


def _spread(collection: Collection, grid: Grid, buckets: Buckets) -> tuple[Counter[int], int]:
    """Put all points into the buckets of their tiles.

    Return how many core ones each has, and how many points have no place.
    """
    cores, lost = Counter(), 0
    for table in collection.blocks():
        process.check()
        for start in range(0, table.rows, SLICE_ROWS):
            part = table.where(slice(start, start + SLICE_ROWS))
            point, column, row, core = assign(part.columns["x"], part.columns["y"], grid)
            keys = key_of(column, row)
            buckets.add(keys, part.where(point).columns | {"core": core})
            of, counts = np.unique(keys[core], return_counts=True)
            cores.update(dict(zip(of.tolist(), counts.tolist(), strict=True)))
            lost += part.rows - int(known(part.columns["x"], part.columns["y"]).sum())
    if lost:
        rows = counted(lost, "row")
        warnings.warn(f"{rows} without x, y left out", CaptoolsWarning, stacklevel=3)
    if not cores:
        raise InputError("no point lies in any tile: nothing was written")
    return cores, lost


def _write_tile(
    batch: FlatWriter, tile: Tile, buckets: Buckets, collection: Collection, options: TileOptions
) -> None:
    """Write the file of one tile."""
    stream, extent = batch.stream(tile.file), Extent()
    for table in buckets.blocks(tile.key, PIECE_ROWS):
        table.column_attrs = collection.column_attrs | {"core": CORE}
        extent.add(table.columns)
        stream.append(table)
    inherited = collection.attrs | {"crs": collection.crs}
    attrs = header(inherited, "tile", options.options(), collection.total_in, extent)
    attrs |= {"tile": np.array(tile.square), "overlap": tile.grid.overlap}
    sources = np.array([name.encode() for name in collection.sources])
    stream.finish(attrs, {"source": sources})


# --- the index --------------------------------------------------------------------


def index(tiles: Iterable[Tile], crs: str) -> str:
    """Return the index of tiles: GeoJSON (RFC 7946), a polygon for each, one on each line."""
    features = []
    for tile in tiles:
        properties = {"file": tile.file, "rows": tile.rows, "core": tile.core}
        properties |= dict(zip(("xmin", "xmax", "ymin", "ymax"), tile.square, strict=True))
        feature = {
            "type": "Feature",
            "properties": properties | {"crs": crs},
            "geometry": geometry(tile.square, crs),
        }
        features.append(json.dumps(feature))
    lines = ",\n".join(features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'
