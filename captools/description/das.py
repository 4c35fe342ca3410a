"""What cubes of spectra hold."""

from pathlib import Path

from captools.das.cubereading import Cube
from captools.das.describing import utc
from captools.das.layout import LEVELS
from captools.description.description import Described, Description
from captools.io.address import Url


def describe_cube(path: str) -> Description:
    """Describe a cube that `dascube` has made, by its metadata; InputError if it is none."""
    cube = Cube.open(path)
    layout, place = cube.layout, cube.store.location
    about = layout.about_levels()
    frequencies = layout.spectrum.frequencies
    channels = range(*layout.channels)
    shape = layout.rows, len(frequencies), layout.width
    times = (utc(layout.grid.time(layout.first + row)) for row in (0, layout.rows - 1))
    first, last = times
    return Description(
        path=path,
        kind="cube of spectra",
        size=None if isinstance(place, Url) else _size(place),
        rows=layout.rows,
        columns=(Described(LEVELS, "float32", about["units"], about["long_name"], shape),),
        time=(first, last),
        header={
            "segment": f"{layout.spectrum.samples * layout.spectrum.step:g} s",
            "frequencies": f"{frequencies[0]:g} to {frequencies[-1]:g} Hz",
            "channels": f"{channels[0]} to {channels[-1]}",
        },
    )


def _size(place: Path) -> int:
    return sum(one.stat().st_size for one in place.rglob("*") if one.is_file())
