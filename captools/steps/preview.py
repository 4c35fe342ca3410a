"""Draw flat files as a map, any number of points; or GeoParquet, a grid, a cube, a table.

A map is a finished figure by default; --bare writes only the pixels, with a world
file, and a name that ends in .tif a GeoTIFF. Files that cannot be read are named and
counted in the figure. Drawn by themselves are points of GeoParquet (*.parquet, as of
export), grids (*.tif), tables of snr (*.csv, *.parquet), and cubes of dascube (*.zarr):
spectra of a channel in time, the power of a band along the fibre, and mean spectra;
what is missing is grey.

\b
Examples:
  captools preview reduced/ -o map.png
  captools preview reduced/ -o count.png --agg count --how eq_hist -b -120 -100 -80 -74
  captools preview all.h5 -o change.tif --diff 2020 2019
  captools preview change.tif -o change.png --cmap diverging --inset
  captools preview reduced/ATL06_*_gt1l.h5 -o pass.png --kind profile --by q_flag
  captools preview cube.zarr -o cube.png --channel 120 --band 14 35
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.io.address import local_path

if TYPE_CHECKING:
    from captools.io.atomic import Outputs

KIND = "reduce"


def survey(paths: list[str], *, lonlat: object, xy: object, **options: object) -> None:
    """Say before any work what holds for every input."""
    from captools.flat.places import PlaceNames
    from captools.flat.table import two_columns
    from captools.granules.kinds import check_flat
    from captools.maps.alone import lone_input
    from captools.points.surveying import check_columns

    if lone_input(paths) is not None:
        return
    check_flat(paths)
    check_columns(paths, two_columns(xy) if xy else (), PlaceNames.of(lonlat))


@click.option(
    "--kind",
    type=click.Choice(["map", "profile", "histogram", "time"]),
    default="map",
    help="A map; the profile of a pass; values, or months, and how many points have them.",
)
@click.option("--var", metavar="COLUMN", help="What to draw.  [default: heights]")
@click.option(
    "--agg",
    type=click.Choice(["mean", "count", "min", "max", "std"]),
    default="mean",
    help="What is drawn of the points of a pixel.",
)
@options.places
@options.map_crs
@options.box
@options.all_rows
@options.extent
@click.option("--size", nargs=2, type=click.IntRange(1, 20_000), metavar="W H", help="Pixels.")
@click.option(
    "--cmap",
    callback=options.checked("maps.shading.colormap"),
    help="Colours: a name of matplotlib or colorcet.  [default: viridis]",
)
@click.option(
    "--how",
    type=click.Choice(["linear", "log", "cbrt", "eq_hist"]),
    default="linear",
    help="How values become colours.",
)
@click.option(
    "--clip",
    nargs=2,
    type=float,
    metavar="LO HI",
    callback=options.checked("maps.shading.check_limits"),
    help="Values of the first and last colour.",
)
@click.option(
    "--percentiles",
    nargs=2,
    type=click.FloatRange(0, 100),
    default=(2.0, 98.0),
    metavar="LO HI",
    callback=options.checked("maps.shading.check_limits"),
    help="The same as percentiles of the pixels, without --clip.",
)
@click.option(
    "--diff",
    nargs=2,
    metavar="T1 T2",
    callback=options.checked_each("maps.folding.parse_period"),
    help="Mean of period T1 less that of T2, where both have points: years, or T0/T1.",
)
@click.option(
    "--channel",
    type=click.IntRange(min=0),
    metavar="N",
    help="Of a cube, whose spectra are drawn.  [default: one near the middle]",
)
@click.option(
    "--band",
    nargs=2,
    type=float,
    metavar="LO HI",
    callback=options.checked("maps.shading.check_limits"),
    help="Of a cube, Hz: whose power is drawn along the fibre.  [default: all but 0]",
)
@click.option(
    "--by",
    metavar="COLUMN",
    help="Count points by this, in mixed colours: a column, `year`, or what the header says.",
)
@click.option(
    "--point",
    type=click.IntRange(0, 50),
    metavar="PX",
    help="Pixels that sparse points grow by, at most; 0: none.  [default: by --dpi]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="How dense points may lie that grow; of 1 they always do.",
)
@click.option(
    "--background",
    metavar="COLOUR",
    callback=options.checked("maps.shading.check_colour"),
    help="Of the map.  [default: white]",
)
@options.overlay
@click.option(
    "--hillshade",
    metavar="GRID|map",
    callback=options.checked("maps.relief.check"),
    help="Relief below the points, of a raster file; `map`: of the map's own pixels.",
)
@click.option("--inset", is_flag=True, help="Show beside the map where on the Earth it lies.")
@click.option(
    "--dpi",
    type=click.IntRange(20, 2400),
    help="Pixels per inch.  [default: 100; with --width 300]",
)
@click.option("--width", type=click.FloatRange(60, 2000), metavar="MM", help="Of the figure.")
@click.option("--title", help="Of the figure.")
@click.option("--label", help="Of the colour bar.")
@click.option("--units", help="Of the colour bar.")
@click.option("--bare", is_flag=True, help="Only the pixels, with a world file beside them.")
@options.engine
def preview(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    kind: str = "map",
    var: str | None = None,
    agg: str = "mean",
    xy: str | Iterable[str] | None = None,
    lonlat: str | Iterable[str] | None = None,
    crs: str | int | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    all_rows: bool = False,
    extent: tuple[float, float, float, float] | None = None,
    size: tuple[int, int] | None = None,
    cmap: str | None = None,
    how: str = "linear",
    clip: tuple[float, float] | None = None,
    percentiles: tuple[float, float] = (2.0, 98.0),
    diff: tuple[str, str] | None = None,
    channel: int | None = None,
    band: tuple[float, float] | None = None,
    by: str | None = None,
    point: int | None = None,
    threshold: float = 0.5,
    background: str | None = None,
    overlay: Iterable[str | Path] = (),
    hillshade: str | Path | None = None,
    inset: bool = False,
    dpi: int | None = None,
    width: float | None = None,
    title: str | None = None,
    label: str | None = None,
    units: str | None = None,
    bare: bool = False,
    jobs: int | None = None,
    engine: str = "local",
    scheduler: str | None = None,
) -> "Outputs":
    """Draw flat files as a map; or a grid, a cube of spectra, a table of `snr`.

    Parameters
    ----------
    files : iterable of path
        Flat files, or one of the others.
    output : path
        The picture: .png, .jpg, .pdf, .svg, or .tif for a GeoTIFF.
    kind : {"map", "profile", "histogram", "time"}
        A map; a column along a pass; how many points have which values, or are of which month.
    var : str, optional
        Column, by default the height that the files name; of a grid its band, by default the
        first.
    agg : {"mean", "count", "min", "max", "std"}
        What is drawn of the points of a pixel.
    xy : str or two of str, optional
        The columns of the places, by default x and y.
    lonlat : str or two of str, optional
        The columns that are lon and lat.
    crs : str or int, optional
        CRS to project lon and lat to.
    bbox : (w, e, s, n), optional
        Box in degrees.
    all_rows : bool
        Of tiles, draw the rows of their overlaps too; by default core rows only.
    extent : (xmin, xmax, ymin, ymax), optional
        What the map shows, in projected units.
    size : (width, height), optional
        Pixels of the map.
    cmap, how, clip, percentiles
        How values become colours; see `captools.maps.shading.Style`.
    diff : (t1, t2), optional
        Two periods; the mean of the first less that of the second is drawn.
    channel : int, optional
        Of a cube, whose spectra are drawn.
    band : (float, float), optional
        Of a cube, the frequencies (Hz) whose power is drawn along the fibre.
    by : str, optional
        What tells categories of points apart, which are counted.
    point, threshold
        How far points grow where they are sparse; see `captools.maps.shading.dynspread`.
    background : str, optional
        Colour of the map where no points are.
    overlay : iterable of path
        Files of lines or polygons to lay over the map.
    hillshade : path, optional
        A grid whose relief is below the points; ``"map"`` is that of the map itself.
    inset : bool
        Show beside the map where on the Earth it lies.
    dpi : int, optional
        Pixels per inch.
    width : float, optional
        Of the figure, in mm.
    title : str, optional
        Of the figure.
    label, units : str, optional
        Of the colour bar.
    bare : bool
        Write the pixels alone, with a world file.
    jobs, engine, scheduler
        Who adds up the points of a map; see `captools.engine.crew.Crew`.

    Returns
    -------
    Outputs
        The paths (a list); `errors` names the files that could not be read.

    Raises
    ------
    ValueError
        If an argument is wrong.
    MissingExtra
        If the extra ``preview`` is missing.
    InputError
        If there is nothing to draw, or the files do not go together.
    OutputError
        If the picture cannot be written.
    """
    asked = locals()
    from captools.das.names import check_none
    from captools.engine.crew import Crew
    from captools.extras import require
    from captools.flat.table import two_columns
    from captools.io.atomic import check_is_file
    from captools.maps.alone import OF_FLAT_FILES, check_options, lone_input
    from captools.maps.drawing import check_kind, is_figure
    from captools.maps.figure import Look, check_look
    from captools.maps.mapping import MapOptions
    from captools.maps.previewing import Wanted, draw_alone, draw_geoparquet, draw_points
    from captools.maps.shading import Style

    files = [*map(os.fspath, files)]
    output = local_path(output)
    check_kind(output, bare)
    check_is_file(output)
    request = MapOptions(
        var=var,
        agg=agg,
        xy=tuple(two_columns(xy or "x,y")),
        lonlat=lonlat,
        by=by,
        crs=None if crs is None else str(crs),
        bbox=bbox,
        extent=extent,
        size=size,
        diff=diff,
        all_rows=all_rows,
    )
    look = Look(
        dpi, width, title, label, units, point, threshold, background,
        overlays=tuple(map(os.fspath, overlay)),
        hillshade=None if hillshade is None else os.fspath(hillshade),
        inset=inset,
    )  # fmt: skip
    check_look(look, request, is_figure(output, bare))
    style = Style(cmap, how, clip, percentiles, diverging=diff is not None)
    wanted = Wanted(kind, request, look, style, bare, channel, band)
    lone, geometry = lone_input(files), None
    if lone is not None and lone.is_parquet:
        from captools.maps.geoparquet import geometry_of

        geometry = geometry_of(lone.path)
    if lone is not None and geometry is None:
        check_options(preview, asked, lone.kind)
        return draw_alone(lone, output, wanted)
    require("preview", "colorcet", "matplotlib")
    check_none({"channel": channel, "band": band}, "is for a cube of spectra (*.zarr)")
    if kind != "map":
        of_maps = {"agg": agg != "mean", "size": size, "cmap": cmap, "clip": clip, "diff": diff}
        of_maps |= {"how": how != "linear", "overlay": overlay or None, "inset": inset}
        of_maps |= {"hillshade": hillshade, "by": by if kind != "profile" else None}
        of_maps |= {"bare": not is_figure(output, bare)}
        check_none(of_maps, "is for a map")
    with Crew(engine, jobs, scheduler, may_copy=True) as crew:
        if geometry is None:
            return draw_points(files, output, wanted, crew)
        check_none({name: asked[name] for name in OF_FLAT_FILES}, "is for flat files")
        return draw_geoparquet(lone.path, geometry, output, wanted, crew)
