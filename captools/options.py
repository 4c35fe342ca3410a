"""Options that several steps share, each defined once."""

from collections.abc import Callable
from pathlib import Path

import click

from captools.flat import COMPRESSIONS
from captools.parameters import (
    POSITIVE,
    Here,
    Numbers,
    Place,
    Positive,
    Shard,
    added,
    checked,
    checked_each,
    commas,
    function_of,
    numbers,
)

__all__ = ["POSITIVE", "Numbers", "Positive", "added", "checked", "checked_each", "commas"]


def stacked(*decorators: Callable) -> Callable:
    """Return one decorator that gives a command several options, in this order."""

    def decorate(command: Callable) -> Callable:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


box = click.option(
    "-b",
    "bbox",
    nargs=4,
    type=float,
    metavar="W E S N",
    callback=checked("geo.select.check_box"),
    help="Box in degrees; W > E crosses the antimeridian.",
)
extent = click.option(
    "--extent",
    nargs=4,
    type=float,
    metavar="XMIN XMAX YMIN YMAX",
    callback=checked("geo.select.check_extent"),
    help="Box in the units of x and y.",
)
span = click.option(
    "-t",
    "span",
    nargs=2,
    metavar="T0 T1",
    callback=checked("geo.time.parse_span"),
    help="Time span T0 <= t < T1: ISO dates or decimal years, UTC.",
)
crs = click.option(
    "-p",
    "--crs",
    default="auto",
    metavar="CRS",
    callback=checked("geo.coords.check_crs"),
    help="CRS of x and y: an EPSG number or anything pyproj takes; "
    "auto is 3031 in the south, 3413 in the north.",
)
places = stacked(
    click.option(
        "--xy",
        nargs=2,
        metavar="X Y",
        callback=checked("flat.table.two_columns"),
        help="The columns that are x and y, if they have other names.",
    ),
    click.option(
        "--lonlat",
        nargs=2,
        metavar="LON LAT",
        callback=checked("flat.table.two_columns"),
        help="The columns that are lon and lat, if they have other names.",
    ),
)
map_crs = click.option(
    "-p",
    "--crs",
    metavar="CRS",
    callback=checked("geo.coords.check_crs"),
    help="Project lon, lat to this CRS, whatever x and y there are; by default only files "
    "without x, y.",
)


def _check_mask(context: click.Context, parameter: click.Parameter, value: object) -> object:
    """Refuse a mask that cannot be used; the options that go with it came before (is_eager)."""
    said = [value, *(context.params[name] for name in ("mask_where", "buffer", "invert"))]
    if any(one is not None and one is not False for one in said):
        try:
            function_of("geo.masks.check")(*said)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return value


mask = stacked(
    click.option(
        "-f",
        "--mask",
        type=click.Path(path_type=Path),
        callback=_check_mask,
        metavar="FILE",
        help="Keep what lies inside the polygons, or on the nonzero cells, of a file; "
        "FILE:VARIABLE or FILE:LAYER if it has several.",
    ),
    click.option(
        "--mask-where",
        is_eager=True,
        metavar="CONDITION",
        help="Only these polygons of the mask, as \"NAME = 'G-H'\".",
    ),
    click.option(
        "--buffer",
        type=float,
        is_eager=True,
        metavar="KM",
        help="Let the polygons of the mask grow, or shrink if negative.",
    ),
    click.option("--invert", is_flag=True, is_eager=True, help="Keep what lies outside the mask."),
)
written_columns = click.option(
    "-v",
    "--vars",
    "variables",
    multiple=True,
    metavar="COLUMNS",
    callback=commas,
    help="Columns to write, all by default.",
)
common = stacked(
    click.option("--common", is_flag=True, help="Keep the columns that all inputs have."),
    click.option(
        "--union",
        is_flag=True,
        help="Keep all columns, with missing values where an input lacks one.",
    ),
)
overlay = click.option(
    "--overlay",
    multiple=True,
    metavar="FILE",
    callback=checked_each("maps.overlays.check"),
    help="Lines or polygons to lay over the map, in any CRS; may be repeated.",
)
all_rows = click.option(
    "--all-rows", is_flag=True, help="Of tiles, count the rows of their overlaps, too."
)
compression = click.option(
    "-z",
    "compression",
    type=click.Choice(COMPRESSIONS),
    default="none",
    help="Compression of the output.",
)

# --- satellites and their signals --------------------------------------------

system = click.option(
    "--system",
    metavar="LETTERS",
    callback=checked("gnss.choice.parse_systems"),
    help="Systems: G GPS, R GLONASS, E Galileo, C BeiDou, S SBAS, J QZSS, I NavIC.  [default: all]",
)
code = click.option(
    "--code",
    multiple=True,
    metavar="CODES",
    callback=added(",".join, each="gnss.choice.parse_codes"),
    help="Bands with attributes, with commas: 1C,2W.  [default: all]",
)
s1_as = click.option(
    "--s1-as",
    default="1C",
    metavar="CODE",
    callback=checked("gnss.choice.check_code"),
    help="What S1 of RINEX 2 counts as, which does not say its attribute.",
)

# --- what part of the records of a fibre -------------------------------------

fibre = stacked(
    click.option(
        "-t",
        "--time",
        nargs=2,
        metavar="T0 T1",
        callback=checked("das.choice.parse_times"),
        help="Time span T0 <= t < T1: ISO dates, UTC.",
    ),
    click.option(
        "--channels",
        metavar="A:B:C",
        callback=checked("das.choice.parse_channels"),
        help="Channels from A (0 is the first one) to before B, each C-th.",
    ),
    click.option(
        "--distance",
        nargs=2,
        type=float,
        metavar="D0 D1",
        callback=checked("das.choice.check_distances"),
        help="Distances D0 <= d < D1 along the fibre, in metres.",
    ),
)

# --- which inputs: these do not change the result of any of them --------------

regions = click.option(
    "-g",
    "regions",
    type=Numbers("region", range(1, 15)),
    multiple=True,
    metavar="REGIONS",
    callback=numbers,
    help="Granule regions to keep, with commas: 10,11,12.",
)
unwanted = click.option(
    "-l",
    "unwanted",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    callback=added(tuple),
    help="A list of granules to leave out (paths and prefixes do not count).",
)

# --- how to run ---------------------------------------------------------------

quiet = click.option("-q", "--quiet", is_flag=True, help="Show only what failed.")
verbose = click.option("--verbose", is_flag=True, help="Show every input as it ends.")

words = click.argument("words", nargs=-1, required=True, metavar="INPUT...")

outdir = click.option(
    "-o", "outdir", type=Here(), required=True, metavar="OUT", help="Output folder."
)
jobs = click.option(
    "-n",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes; by default the cores that this one may use.",
)
ENGINE = (
    jobs,
    click.option(
        "--engine",
        type=click.Choice(["local", "mpi", "dask"]),
        default="local",
        help="Where the work is done: this machine, the ranks of mpiexec or srun, or dask.",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="A running dask scheduler, tcp://...; without it dask starts -n workers here.",
    ),
)
engine = stacked(*ENGINE)


def timeout_of(seconds: float) -> Callable:
    """Return the option of how long an input may take, with a default."""
    return click.option(
        "--timeout",
        type=POSITIVE,
        default=seconds,
        metavar="SECONDS",
        help="An input that gets no further for so long is a failed one.",
    )


timeout = timeout_of(600.0)
shard = click.option("--shard", type=Shard(), help="Do only share I (from 0) of N of the inputs.")
overwrite = click.option("--overwrite", is_flag=True, help="Do again what is done.")
fail_fast = click.option("--fail-fast", is_flag=True, help="Stop at the first failed input.")
no_fsync = click.option(
    "--no-fsync",
    is_flag=True,
    help="Do not wait until outputs are on the disk: quicker on scratch, but a machine that dies "
    "may leave them damaged.",
)

# --- how servers are reached ---------------------------------------------------

REMOTE = (
    click.option(
        "--endpoint-url", metavar="URL", help="The object store of s3:// if it is not Amazon's."
    ),
    click.option(
        "--earthdata", is_flag=True, help="Log in to NASA Earthdata, for s3:// and https://."
    ),
)


remote = stacked(*REMOTE)


REDUCE = (
    words,
    click.option(
        "-o",
        "output",
        type=Place(),
        required=True,
        metavar="OUT",
        help="The output; it may be an s3:// address.",
    ),
    click.option("--skip-bad", is_flag=True, help="Leave bad inputs out, and say so."),
    timeout,
    no_fsync,
    *REMOTE,
)

MAP = (
    words,
    click.option(
        "-o",
        "outdir",
        type=Place(),
        required=True,
        metavar="OUT",
        help="Output folder; it may be an s3:// address.",
    ),
    *ENGINE,
    timeout,
    shard,
    overwrite,
    fail_fast,
    no_fsync,
    click.option(
        "--journal",
        type=Here(),
        metavar="DIR",
        help="Where the journal is kept if the output folder is an s3:// address.",
    ),
    *REMOTE,
)
