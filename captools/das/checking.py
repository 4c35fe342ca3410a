"""Whether a cube of spectra is whole: all that is there is read."""

from captools import process
from captools.das.cubereading import Cube
from captools.das.cubestore import ROOT
from captools.errors import InputError
from captools.progress import counted


def check_cube(path: str) -> str:
    """Read all of a cube, and return what it is.

    Chunks that are not there are no damage: their levels are missing.

    Raises
    ------
    InputError
        If it is no cube, or damaged; it names what is.
    """
    cube = Cube.open(path)
    for key, _ in cube.layout.content():
        if not key.endswith(ROOT) and cube.store.get(key) is None:
            raise InputError(f"{path}: {key}: is missing")
    chunks = 0
    for row in cube.rows:
        for column in cube.columns:
            process.check()
            chunks += cube.levels(row, column) is not None
    segments, channels = counted(cube.layout.rows, "segment"), counted(cube.layout.width, "channel")
    return f"cube of spectra, {segments}, {channels}, {counted(chunks, 'chunk')}"
