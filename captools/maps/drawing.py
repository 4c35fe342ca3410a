"""Maps as pictures: a finished figure, bare pixels with a world file, or a GeoTIFF."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.extras import require
from captools.flat.endings import check_ending
from captools.geo import coords
from captools.io.atomic import appearing
from captools.maps.graticule import draw_graticule
from captools.maps.mapping import Map
from captools.maps.raster import Canvas
from captools.maps.shading import Style
from captools.maps.shading import colormap as colormap  # as viewing knows it

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


DPI = 100
WORLD = {".png": ".pgw", ".jpg": ".jgw", ".jpeg": ".jgw"}
RASTERS = (".tif", ".tiff")
KINDS = (*WORLD, ".pdf", ".svg", *RASTERS)
ROUND = (1, 2, 5)  # lengths of a scale bar, times powers of ten


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


def draw(picture: Map, path: Path, style: Style, bare: bool, title: str | None) -> list[Path]:
    """Write a map, in the kind of file that its name says, and return what was written."""
    if path.suffix.lower() in RASTERS:
        _write_geotiff(picture, path)
        return [path]
    if bare:
        return _write_pixels(picture, path, style)
    _write_figure(picture, path, style, title)
    return [path]


# --- pixels ---------------------------------------------------------------------


def _write_pixels(picture: Map, path: Path, style: Style) -> list[Path]:
    """Write the pixels alone, and a world file that says where they lie."""
    from matplotlib.image import imsave

    colours = style.colours(style.norm(picture.values)(np.ma.masked_invalid(picture.values)))
    colours[np.isnan(picture.values), 3] = 0
    kind = path.suffix.lower().lstrip(".")
    if kind in ("jpg", "jpeg"):  # has no transparency: on white
        colours = colours[..., :3] * colours[..., 3:] + 1 - colours[..., 3:]
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


# --- figure ---------------------------------------------------------------------


def _write_figure(picture: Map, path: Path, style: Style, title: str | None) -> None:
    save(make_figure(picture, style, title), path)


def save(figure: "Figure", path: Path) -> None:
    """Write a figure, in the kind of file that its name says: the same bytes each time."""
    import matplotlib

    kind = path.suffix.lower().lstrip(".")
    clock = {"png": "Software", "pdf": "CreationDate", "svg": "Date"}.get(kind)
    salted = matplotlib.rc_context({"svg.hashsalt": "captools"})  # else names are random
    with salted, appearing(path) as file:
        figure.savefig(file, format=kind, dpi=DPI, metadata={clock: None} if clock else None)


def make_figure(picture: Map, style: Style, title: str | None = None) -> "Figure":
    """Return the finished figure: every pixel of the map is one of the picture.

    Title, axes in km, colour bar, scale bar, graticule, and how many points and files there are.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    canvas, unit = picture.canvas, _unit(picture)
    left, right, bottom, top, bar = 90, 150, 85, 55, 20  # pixels around the map
    width, height = left + canvas.width + right, bottom + canvas.height + top
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    axes = figure.add_axes(
        (left / width, bottom / height, canvas.width / width, canvas.height / height)
    )
    norm = style.norm(picture.values)
    scale = 1e3 if unit == "km" else 1.0
    edges = [edge / scale for edge in (canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax)]
    axes.imshow(
        np.ma.masked_invalid(picture.values),
        extent=edges,
        origin="upper",
        cmap=style.colours,
        norm=norm,
        interpolation="nearest",
        aspect="auto",
    )
    axes.set_autoscale_on(False)  # lines may run beyond the map
    axes.set_xlabel(f"x ({unit})" if unit == "km" else "x")
    axes.set_ylabel(f"y ({unit})" if unit == "km" else "y")
    axes.set_title(title or plain(picture.label), fontsize=13, pad=12, wrap=True)
    room = axes.inset_axes((1 + 25 / canvas.width, 0, bar / canvas.width, 1))
    colour_bar = figure.colorbar(ScalarMappable(norm, style.colours), cax=room, extend="both")
    label = f"{picture.label} ({picture.units})" if picture.units else picture.label
    colour_bar.set_label(plain(textwrap.fill(label, max(20, canvas.height // 8))))
    if unit == "km":
        _draw_scale_bar(axes, edges)
    if picture.crs != "unknown":
        draw_graticule(axes, canvas, picture.crs, scale)
    figure.text(left / width, 14 / height, picture.caption, fontsize=9, color="0.35")
    return figure


def plain(text: str) -> str:
    """Return what a file says as matplotlib shows it word for word, without formulas."""
    return text.replace("$", r"\$")


def _unit(picture: Map) -> str:
    """Return the unit of the axes: km where the CRS counts metres."""
    known = picture.crs != "unknown"
    return "km" if not known or coords.crs_unit(picture.crs) == "m" else "degrees"


def _draw_scale_bar(axes: "Axes", edges: list[float]) -> None:
    """Draw a bar of a round length, about a fifth of the map."""
    xmin, xmax, ymin, ymax = edges
    fifth = (xmax - xmin) / 5
    power = 10.0 ** np.floor(np.log10(fifth))
    length = max(step * power for step in ROUND if step * power <= fifth)
    x, y = xmin + 0.04 * (xmax - xmin), ymin + 0.04 * (ymax - ymin)
    axes.plot([x, x + length], [y, y], color="black", linewidth=3, solid_capstyle="butt")
    text = f"{length:g} km" if length >= 1 else f"{length * 1000:g} m"
    axes.annotate(
        text,
        (x + length / 2, y),
        (0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=9,
        bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "alpha": 0.6, "linewidth": 0},
    )
