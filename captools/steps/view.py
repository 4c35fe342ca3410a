"""An interactive map of flat files in the browser, of any number of points.

Pan and zoom go down to single points; column, aggregate, colours, limits,
direction and years are chosen on the page. It is served on this machine only
(127.0.0.1), to whoever has the address printed; Ctrl-C ends it. The points are
laid out in temporary files (TMPDIR says where): some 22 bytes each, and 4 or 8
more for each further column.

\b
Examples:
  captools view reduced/
  captools view all.h5 -v h_li,s_li,dac -b -120 -100 -80 -74
  captools view all.h5 --port 5006 --no-browser
"""

from collections.abc import Iterable, Iterator

import click

from captools import options

KIND = "query"


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
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Where to serve; 0 is any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
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
    port: int = 0,
    no_browser: bool = False,
) -> Iterator[str]:
    """Yield the address of an interactive map, then serve it until a signal comes.

    Parameters
    ----------
    words : iterable of str
        Flat files, as for any step.
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
    port : int
        Where to serve; 0 is any that is free.
    no_browser : bool
        Open no browser; without a screen none is opened anyway.

    Raises
    ------
    ValueError
        If an argument is wrong, or there is no input.
    MissingExtra
        If the extra ``preview`` is missing.
    InputError
        If there is nothing to draw, or the files do not go together.
    KeyboardInterrupt, SystemExit
        When Ctrl-C or SIGTERM ends it.
    """
    from captools.extras import require

    require("preview", "colorcet", "holoviews", "numba", "panel")
    from captools import process, progress
    from captools.flat.collection import height_of
    from captools.flat.places import PlaceNames
    from captools.flat.table import column_names, two_columns
    from captools.granules.kinds import check_flat
    from captools.io import listing
    from captools.maps import serving, viewing
    from captools.maps.mapping import MapOptions
    from captools.points.surveying import check_columns

    paths = listing.given(words)
    if not paths:
        viewing.log.info("no inputs: nothing to do")
        return
    check_flat(paths)
    check_columns(paths, two_columns(xy) if xy else (), PlaceNames.of(lonlat))
    names = column_names(height_of(paths) if variables is None else variables)
    request = MapOptions(
        var=names[0],
        xy=tuple(two_columns(xy or "x,y")),
        lonlat=lonlat,
        crs=None if crs is None else str(crs),
        bbox=bbox,
        all_rows=all_rows,
    )
    with process.interruptible(), progress.shown():
        scene = viewing.gather(paths, names, request)
        yield from serving.serve(viewing.page_of(scene), port, browser=not no_browser)
