"""A folder of GeoParquet files, one of each cycle or tile, as DuckDB, polars and pandas read it.

Their places say what they hold: ``cycle=5/part-0.parquet``. Who asks for a cycle reads its file
alone.
"""

import os
from pathlib import Path

from captools.engine.crew import Crew
from captools.errors import InputError
from captools.flat.collection import Collection
from captools.flat.origins import is_tile
from captools.flat.reader import FlatFile
from captools.io.address import has_suffix
from captools.io.atomic import Outputs, appearing_folder
from captools.points import tiling
from captools.points.geoparquet import write_geoparquet
from captools.process import check

FILE = "part-0.parquet"


def key_of(file: FlatFile, by: str) -> int | str:
    """Return the cycle that all rows of a file are of, or the tile that it is.

    Raises
    ------
    InputError
        If it has several cycles or none, or is no tile.
    """
    if by == "tile":
        if not (is_tile(file) and tiling.is_name(file.path.name)):
            raise InputError(f"{file.path}: is no tile: --by tile is of what captools tile wrote")
        return file.path.name.removesuffix(".h5").removeprefix("tile_")
    if by not in file.identity_names and by not in file.columns:
        raise InputError(f"{file.path}: does not say of which cycle it is")
    if by not in file.columns:
        return file.identity(by)
    found = {int(value) for rows in file.ranges() for value in set(file.read(by, rows).tolist())}
    if len(found) > 1:
        raise InputError(
            f"{file.path}: has rows of {len(found)} cycles: --by cycle is of files of one cycle "
            "each, as they are before merge and tile"
        )
    return found.pop() if found else 0


def check_folder(output: Path, by: str) -> None:
    """Raise ValueError if the output is no folder, or cannot be replaced without a loss."""
    if has_suffix(output.name, (".parquet", ".csv", ".csv.gz")) or output.is_file():
        raise ValueError(f"output {output}: name a folder, for --by makes a file of each")
    for path in sorted(output.iterdir()) if output.exists() else ():
        is_part = path.name.startswith(f"{by}=") and path.is_dir()
        others = sorted(set(os.listdir(path)) - {FILE}) if is_part else [""]
        if others:
            other = Path(path.name, others[0])
            raise ValueError(
                f"output {output} holds {other}: only a folder of --by {by} is replaced"
            )


def write_partitions(
    collection: Collection, names: list[str], output: Path, by: str, crew: Crew
) -> Outputs:
    """Write a file of the files of each key, all of which appear together.

    The column that has the key is not in them: readers have it from the names of folders.

    Raises
    ------
    BadInputs, InputError, OutputError
        As for `write_geoparquet`.
    """
    if by == "tile" and by in names:
        raise InputError("column tile: the folders have this name: choose columns with -v")
    names = [name for name in names if name != by]
    written = Outputs()
    with appearing_folder(output) as hidden:
        for key, part in collection.parts():
            check()
            if part.total:
                place = Path(f"{by}={key}") / FILE
                (hidden / place).parent.mkdir()
                write_geoparquet(part, names, hidden / place, crew)
                written.append(output / place)
    return written
