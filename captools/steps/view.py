"""An interactive map of flat files, of any number of points, or a cube of spectra, in the browser.

Pan and zoom go down to single points; column, aggregate, colours, limits,
direction and years are chosen on the page. It is served on this machine only
(127.0.0.1), to whoever has the address printed; Ctrl-C ends it. The points are
laid out in temporary files (TMPDIR says where): some 34 bytes each, and 4 or 8
more for each further column. A cube (*.zarr, by dascube) is shown by Lexcube in
JupyterLab, where both are installed; `captools preview` draws it without them.

\b
Examples:
  captools view reduced/
  captools view all.h5 -v h_li,s_li,dac -b -120 -100 -80 -74
  captools view all.h5 --port 5006 --no-browser
  captools view cube.zarr
"""

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from captools import options

KIND = "query"
log = logging.getLogger(__name__)


@options.words
@click.option(
    "-v",
    "--vars",
    "variables",
    multiple=True,
    metavar="COLUMNS",
    callback=options.added(",".join, then=options.checked("flat.table.column_names")),
    help="The columns to choose from.  [default: heights]",
)
@options.places
@options.map_crs
@options.box
@options.all_rows
@options.overlay
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Where to serve; 0 is any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
@options.timeout
@options.remote
def view(
    words: Iterable[str],
    *,
    variables: str | Iterable[str] | None = None,
    xy: str | Iterable[str] | None = None,
    lonlat: str | Iterable[str] | None = None,
    crs: str | int | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    all_rows: bool = False,
    overlay: Iterable[str | Path] = (),
    port: int = 0,
    no_browser: bool = False,
    timeout: float | None = None,
) -> Iterator[str]:
    """Yield the address of an interactive map, or of a cube, then serve it until a signal comes.

    Parameters
    ----------
    words : iterable of str
        Flat files, as for any step; or one cube, of which only the last three options hold.
    variables : str or iterable of str
        Columns to choose from.
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
    overlay : iterable of path
        Files of lines or polygons to lay over the map.
    port : int
        Where to serve; 0 is any that is free.
    no_browser : bool
        Open no browser; without a screen none is opened anyway.
    timeout : float, optional
        Seconds without progress in reading a file, after which it is left out; on the
        command line alone.

    Raises
    ------
    ValueError
        If an argument is wrong, or there is no input.
    MissingExtra
        If the extra ``preview`` is missing, or for a cube Lexcube.
    InputError
        If there is nothing to draw, or the files do not go together.
    KeyboardInterrupt, SystemExit
        When Ctrl-C or SIGTERM ends it.
    """
    from captools import process, progress
    from captools.das.names import check_none
    from captools.extras import require
    from captools.io import listing
    from captools.maps import lexcube
    from captools.maps.alone import lone_input
    from captools.run import watched

    words = list(words)
    paths = listing.given(words)
    if not paths:
        log.info("no inputs: nothing to do")
        return
    how = {"variables": variables, "xy": xy, "lonlat": lonlat, "crs": crs, "bbox": bbox}
    how |= {"all_rows": all_rows, "overlay": tuple(map(os.fspath, overlay)) or None}
    lone = lone_input(paths)
    if lone is not None:
        if lone.kind != "cube":
            raise ValueError(f"{lone.path}: a {lone.kind} is drawn by captools preview")
        check_none(how, "is for points, not for a cube")
        with process.interruptible():
            yield from lexcube.show(lone.path, port, not no_browser)
        return
    require("preview", "colorcet", "datashader", "numba", "panel")
    # What comes from standard input is not there for another command.
    how |= {"inputs": paths if "-" in words else words}
    how |= {"port": port, "browser": not no_browser}
    with process.interruptible():
        if progress.is_shown():
            watched.without_bad(_lines, paths, timeout=timeout, **how)
        else:
            yield from _lines(paths, **how)


def _lines(
    paths: list[str],
    variables: str | Iterable[str] | None,
    xy: str | Iterable[str] | None,
    port: int,
    browser: bool,
    **request: Any,
) -> Iterator[str]:
    """Yield the address of the map of these files, then serve it; `inputs` names them."""
    from captools.flat.collection import height_of
    from captools.flat.places import PlaceNames
    from captools.flat.table import column_names, two_columns
    from captools.granules.kinds import check_flat
    from captools.maps import page, serving, viewing
    from captools.maps.surveying import MapOptions
    from captools.points.surveying import check_columns

    check_flat(paths)
    check_columns(paths, two_columns(xy) if xy else (), PlaceNames.of(request["lonlat"]))
    names = column_names(height_of(paths) if variables is None else variables)
    crs, overlay, inputs = (request.pop(name) for name in ("crs", "overlay", "inputs"))
    asked = MapOptions(
        var=names[0],
        xy=tuple(two_columns(xy or "x,y")),
        crs=None if crs is None else str(crs),
        **request,
    )
    scene = viewing.gather(paths, names, asked)
    scene = replace(scene, files=tuple(inputs), overlays=overlay or ())
    yield from serving.serve(page.page_of(scene), port, browser)
