"""What pictures hold that `preview` writes, and HDF5 files of no known product."""

import struct
from pathlib import Path

import h5py
import numpy as np

from captools.description.description import Described, Description, four
from captools.description.statistics import Accumulator, Statistics
from captools.errors import InputError, MissingExtra, one_line
from captools.extras import require
from captools.io.address import check_regular
from captools.io.hdf5 import open_file, text
from captools.io.integrity import naming_damage

RASTERS = (".tif", ".tiff")
PICTURES = (".png", *RASTERS)
_PNG = b"\x89PNG\r\n\x1a\n"


def describe_picture(path: Path, stats: bool) -> Description:
    """Describe a GeoTIFF or a PNG; InputError if it is damaged, or the extra is missing."""
    if path.exists():
        check_regular(path)
    return _geotiff(path, stats) if path.suffix.lower() in RASTERS else _png(path)


def _geotiff(path: Path, stats: bool) -> Description:
    try:
        require("geo", "rasterio")
    except MissingExtra as error:
        raise InputError(f"{path}: {one_line(error)}") from None
    import rasterio
    from rasterio.errors import RasterioError

    if not path.exists():
        raise InputError(f"{path}: does not exist")
    try:
        with rasterio.open(path) as raster:
            left, bottom, right, top = raster.bounds
            bands = [_band(raster, number, stats) for number in raster.indexes]
            return Description(
                path=str(path),
                kind="GeoTIFF",
                columns=tuple(bands),
                crs=raster.crs.to_string() if raster.crs else "",
                bounds_xy=four((left, right, bottom, top)),
                header={"width": raster.width, "height": raster.height, "pixel": [*raster.res]},
            )
    except RasterioError as error:
        raise InputError(f"{path}: cannot be read as a GeoTIFF ({one_line(error)})") from None


def _band(raster, number: int, stats: bool) -> Described:
    units = raster.tags(number).get("units", "")
    name = raster.descriptions[number - 1] or f"band {number}"
    found = _range(raster.read(number, masked=True)) if stats else None
    return Described(name, raster.dtypes[number - 1], units, statistics=found)


def _range(pixels: np.ma.MaskedArray) -> Statistics:
    tally = Accumulator()
    tally.add(pixels.astype("f8").filled(np.nan).ravel())
    return tally.statistics()


def _png(path: Path) -> Description:
    """Describe the pixels of a PNG; a world file beside it says where they lie."""
    try:
        with open(path, "rb") as file:
            head = file.read(24)
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not head.startswith(_PNG) or len(head) < 24:
        raise InputError(f"{path}: is no PNG")
    width, height = struct.unpack(">II", head[16:24])
    header: dict[str, object] = {"width": width, "height": height}
    world = path.with_suffix(".pgw")
    bounds = None
    if world.exists():
        bounds = _world_bounds(world, width, height)
        header["world_file"] = world.name
    return Description(str(path), "picture", bounds_xy=bounds, header=header)


def _world_bounds(world: Path, width: int, height: int) -> tuple[float, ...] | None:
    """Return xmin, xmax, ymin, ymax of pixels that are not rotated."""
    try:
        wide, turned, also, high, x, y = map(float, world.read_text(encoding="ascii").split())
    except ValueError:
        raise InputError(f"{world}: is no world file (six numbers)") from None
    if turned or also:
        return None
    edges = x - wide / 2, y - high / 2
    far = edges[0] + wide * width, edges[1] + high * height
    return four((*sorted((edges[0], far[0])), *sorted((edges[1], far[1]))))


def describe_hdf5(path: Path, short_name: str) -> Description:
    """Describe an HDF5 file of no known product: its datasets."""
    datasets: list[Described] = []

    def add(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            units = text(item.attrs.get("units", ""))
            datasets.append(Described(name, str(item.dtype), units, shape=item.shape))

    with open_file(path) as file, naming_damage(path, "/"):
        file.visititems(add)
    kind = "HDF5 file of no known product (captools dasinfo: whether it is a record of a fibre)"
    return Description(str(path), kind, product=short_name, columns=tuple(datasets))
