"""Maps as pictures: a finished figure, bare pixels with a world file, or a GeoTIFF."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.extras import require
from captools.flat.endings import check_ending
from captools.io.atomic import Outputs, appearing
from captools.maps import shading
from captools.maps.charts import Chart
from captools.maps.figure import Look, colour, make_figure
from captools.maps.mapping import Map
from captools.maps.raster import Canvas
from captools.maps.shading import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WORLD = {".png": ".pgw", ".jpg": ".jgw", ".jpeg": ".jgw"}
RASTERS = (".tif", ".tiff")
VECTORS = (".pdf", ".svg")
KINDS = (*WORLD, *VECTORS, *RASTERS)
# Text of PDF and SVG stays text; without salt the names in an SVG are random.
VECTOR = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "captools"}


def check_kind(path: Path, bare: bool) -> None:
    """Raise ValueError if a picture cannot be of the kind that its name says."""
    check_ending(path, "preview")
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"output {path}: must end in {', '.join(KINDS)}")
    if bare and kind not in WORLD:
        raise ValueError(f"output {path}: --bare writes {', '.join(WORLD)}")
    if kind in RASTERS:
        require("geo", "rasterio")


def is_figure(path: Path, bare: bool) -> bool:
    """Return whether more than the pixels are written."""
    return not bare and path.suffix.lower() not in RASTERS


def draw(picture: Map, path: Path, style: Style, look: Look, bare: bool) -> list[Path]:
    """Write a map, in the kind of file that its name says, and return what was written."""
    if path.suffix.lower() in RASTERS:
        _write_geotiff(picture, path)
        return [path]
    if bare:
        return _write_pixels(picture, path, style, look.background)
    save(make_figure(picture, style, look, path.suffix.lower() in VECTORS), path)
    return [path]


def outputs(paths: list[Path], picture: Map | Chart) -> Outputs:
    """Return what was written, how much there was to draw, and which files could not be read."""
    written = Outputs(paths)
    written.rows_in, written.rows_out = picture.rows, picture.points
    written.errors = picture.bad
    return written


# --- pixels ---------------------------------------------------------------------


def _write_pixels(picture: Map, path: Path, style: Style, background: str | None) -> list[Path]:
    """Write the pixels alone, and a world file that says where they lie."""
    from matplotlib.image import imsave

    colours = colour(picture, style)
    kind = path.suffix.lower().lstrip(".")
    has_transparency = kind == "png"
    if background or not has_transparency:
        colours = shading.stack(shading.solid(background or "white"), colours)
    colours = colours[..., : 4 if has_transparency else 3]
    world = path.with_suffix(WORLD[path.suffix.lower()])
    with appearing(path) as file, appearing(world) as beside:  # the second one appears first
        imsave(file, colours, format=kind, metadata={"Software": None} if kind == "png" else None)
        beside.write(_world(picture.canvas).encode())
        path.unlink(missing_ok=True)  # a kill shall not leave it with the world file of another
    return [path, world]


def _world(canvas: Canvas) -> str:
    """Return the lines of a world file: pixel size, no rotation, centre of the first pixel."""
    wide, high = canvas.pixel
    numbers = (wide, 0.0, 0.0, -high, canvas.xmin + wide / 2, canvas.ymax - high / 2)
    return "".join(f"{number:.17g}\n" for number in numbers)


def _write_geotiff(picture: Map, path: Path) -> None:
    import rasterio
    from rasterio.io import MemoryFile

    canvas = picture.canvas
    wide, high = canvas.pixel
    values, counts = picture.values, picture.counts
    band = np.nan_to_num(values).astype("u4") if counts else values.astype("f4")
    profile = {
        "driver": "GTiff",
        "width": canvas.width,
        "height": canvas.height,
        "count": 1,
        "dtype": band.dtype,
        "crs": None if picture.crs == "unknown" else picture.crs,
        "transform": rasterio.Affine(wide, 0.0, canvas.xmin, 0.0, -high, canvas.ymax),
        "nodata": 0 if counts else np.nan,
        "compress": "deflate",
    }
    with MemoryFile() as memory:
        with rasterio.Env(), memory.open(**profile) as raster:
            raster.write(band, 1)
            raster.set_band_description(1, picture.label)
            raster.update_tags(1, units=picture.units)
        with appearing(path) as file:
            file.write(memory.read())


# --- figures --------------------------------------------------------------------


def save(figure: "Figure", path: Path) -> None:
    """Write a figure, in the kind of file that its name says: the same bytes each time.

    Text stays text in PDF and SVG.
    """
    import matplotlib

    kind = path.suffix.lower().lstrip(".")
    clock = {"png": "Software", "pdf": "CreationDate", "svg": "Date"}.get(kind)
    with matplotlib.rc_context(VECTOR), appearing(path) as file:
        figure.savefig(file, format=kind, dpi=figure.dpi, metadata={clock: None} if clock else None)
