"""Whether a cube of spectra is whole: all that is there is read."""

from captools import process
from captools.das import evidence
from captools.das.cubereading import Cube
from captools.das.cubestore import ROOT
from captools.errors import InputError
from captools.progress import counted


def check_cube(path: str) -> str:
    """Read all of a cube, and return what it is.

    Where no level is, no chunk need be: of each region the cube says which ones it has.

    Raises
    ------
    InputError
        If it is no cube, or damaged; it names what is.
    """
    cube = Cube.open(path)
    for key, _ in cube.layout.content():
        if not key.endswith(ROOT) and cube.store.get(key) is None:
            raise InputError(f"{path}: {key}: is missing")
    for key in evidence.lost(cube.store):
        raise InputError(f"{path}: {key}: is missing: captools dascube makes it again")
    chunks = 0
    for row in cube.rows:
        for column in cube.columns:
            process.check()
            chunks += cube.levels(row, column) is not None
    segments, channels = counted(cube.layout.rows, "segment"), counted(cube.layout.width, "channel")
    return f"cube of spectra, {segments}, {channels}, {counted(chunks, 'chunk')}"
