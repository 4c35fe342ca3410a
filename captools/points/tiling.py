"""Tiling flat files: rows go from many files to one for each square of a grid."""

import json
import logging
import os
import re
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from captools import process
from captools.engine.crew import Crew
from captools.errors import CaptoolsError, CaptoolsWarning, InputError
from captools.flat.collection import Collection
from captools.flat.endings import check_ending
from captools.flat.extent import Extent
from captools.flat.header import header
from captools.flat.origins import CORE
from captools.flat.places import USUAL, PlaceNames
from captools.flat.shuffle import Shuffle, pieces
from captools.flat.table import Table
from captools.flat.writer import PIECE_ROWS, FlatWriter
from captools.geo import coords
from captools.geo.grid import Grid, place_of
from captools.geo.outline import geometry
from captools.io.atomic import (
    Outputs,
    appearing,
    appearing_folder,
    check_outputs,
    clear,
    hidden_folder,
    temporaries,
)
from captools.points.spreading import Held, spread
from captools.progress import counted

INDEX = "tiles.geojson"
CORE_ATTRS = {"units": "1", "long_name": "inside the square of the tile, not in its overlap"}
MANY_TILES = 10_000
GROUP_ROWS, GROUP_TILES = 1 << 19, 100  # that a worker writes at a time
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


def tile_files(
    files: Iterable[str | Path], output: Path, options: TileOptions, crew: Crew
) -> Outputs:
    """Tile; see the step `tile`."""
    files = list(files)
    grid = Grid.of(options.size, options.overlap, options.extent)
    check_ending(output, "tile")
    _check_output(output, files)
    with appearing_folder(output) as hidden:
        collection = Collection(files, options.mode, place_names=options.place_names)
        _check_place(collection)
        written = Outputs(rows_in=collection.total_in)
        with hidden_folder(hidden / "buckets") as buckets:
            dtypes = collection.dtypes | {CORE: np.dtype(bool)}
            shuffle = Shuffle(buckets, dtypes, output)
            held, lost = spread(crew, collection, grid, shuffle)
            _check_spread(held, lost)
            write = _Write(shuffle, grid, hidden, About.of(collection, options))
            for _, found in crew.each(write, _groups(held)):
                if isinstance(found, CaptoolsError):
                    raise found
        clear(hidden)
        tiles = [Tile(grid, one.key, one.rows, one.core) for one in held]
        written += [output / tile.file for tile in tiles]
        written.rows_out = sum(tile.rows for tile in tiles)
        core = sum(tile.core for tile in tiles)
        with appearing(hidden / INDEX) as file:
            file.write(index(tiles, collection.crs).encode())
        written.append(output / INDEX)
    placed = collection.total - lost
    outside = {"no x, y": lost, "outside the extent": placed - core}
    written.removed = collection.removed | {why: rows for why, rows in outside.items() if rows}
    if again := written.rows_out - core:
        written.added = {"in overlaps": again}
    return written


def is_name(name: str) -> bool:
    """Return whether this is what a tile is called."""
    return _NAME.fullmatch(name) is not None


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
    left = {entry.name for _, _, entry in temporaries(output)}  # by a worker that was cut off
    names = sorted(entry.name for entry in output.iterdir() if entry.name not in left)
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
    if collection.dtypes.get(CORE, np.dtype(bool)) != np.dtype(bool):
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


def _check_spread(held: list[Held], lost: int) -> None:
    """Say what has no place, and that many files will be made; InputError if there is no tile."""
    if lost:
        rows = counted(lost, "row")
        warnings.warn(f"{rows} without x, y left out", CaptoolsWarning, stacklevel=3)
    if not held:
        raise InputError("no point lies in any tile: nothing was written")
    _warn_of_many(len(held))


class Group(NamedTuple):
    """Tiles that one worker writes at a time."""

    tiles: list[Held]

    def __str__(self) -> str:
        return counted(len(self.tiles), "tile")


def _groups(held: list[Held]) -> list[Group]:
    """Return the tiles in groups."""
    groups = [Group([])]
    rows = 0
    for one in held:
        if rows >= GROUP_ROWS or len(groups[-1].tiles) >= GROUP_TILES:
            groups.append(Group([]))
            rows = 0
        groups[-1].tiles.append(one)
        rows += one.rows
    return groups


@dataclass(frozen=True)
class About:
    """What tiles say of themselves, all of them alike."""

    inherited: dict[str, object]
    column_attrs: dict[str, dict]
    sources: np.ndarray  # their names, once for all tiles
    rows_in: int
    options: TileOptions

    @classmethod
    def of(cls, collection: Collection, options: TileOptions) -> "About":
        """Return what tiles of these files say."""
        sources = np.array([name.encode() for name in collection.sources])
        attrs = collection.attrs | {"crs": collection.crs}
        columns = collection.column_attrs | {CORE: CORE_ATTRS}
        return cls(attrs, columns, sources, collection.total_in, options)


@dataclass(frozen=True)
class _Write:
    """Writes the files of tiles."""

    shuffle: Shuffle
    grid: Grid
    folder: Path
    about: About

    def __call__(self, group: Group) -> None:
        """Write those of a group."""
        compression = self.about.options.compression
        with FlatWriter(self.folder, compression, makes=False) as batch:
            for one in group.tiles:
                process.check()
                self._write(batch, one)

    def _write(self, batch: FlatWriter, held: Held) -> None:
        tile = Tile(self.grid, held.key, held.rows, held.core)
        stream, extent, about = batch.stream(tile.file), Extent(), self.about
        for piece in pieces(held.places, PIECE_ROWS):
            table = Table(self.shuffle.take(piece), about.column_attrs)
            extent.add(table.columns)
            stream.append(table)
        attrs = header(about.inherited, "tile", about.options.options(), about.rows_in, extent)
        attrs |= {"tile": np.array(tile.square), "overlap": self.grid.overlap}
        stream.finish(attrs, {"source": about.sources})


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
