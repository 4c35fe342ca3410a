"""Options that several steps share, each defined once.

A value is checked here, before any work, and passed on as the user gave it.
What checks it is imported when there is one, so that help comes at once.
"""

from collections.abc import Callable
from importlib import import_module
from math import isfinite
from pathlib import Path

import click

from captools.flat import COMPRESSIONS
from captools.io.address import Url, parse_location


class Shard(click.ParamType):
    """I/N: share I (from 0) of N."""

    name = "I/N"

    def convert(self, value, param, ctx):
        """Return (I, N)."""
        number, _, count = str(value).partition("/")
        if not (number.isdecimal() and count.isdecimal() and int(number) < int(count)):
            self.fail(f"{value!r} is not I/N with 0 <= I < N", param, ctx)
        return int(number), int(count)


class Numbers(click.ParamType):
    """Whole numbers within limits, separated by commas."""

    name = "N,N"

    def __init__(self, what: str, allowed: range) -> None:
        self.what, self.allowed = what, allowed

    def convert(self, value, param, ctx):
        """Return a tuple of int."""
        words = [word.strip() for word in str(value).split(",")]
        if not all(word.isdecimal() and int(word) in self.allowed for word in words):
            limits = f"{self.allowed[0]} to {self.allowed[-1]}"
            self.fail(f"{value!r}: a {self.what} is a number from {limits}", param, ctx)
        return tuple(int(word) for word in words)


class Positive(click.FloatRange):
    """A positive number: neither infinite nor none at all."""

    def __init__(self, min: float = 0.0) -> None:
        super().__init__(min=min, min_open=not min)

    def convert(self, value, param, ctx):
        """Return a float."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number


POSITIVE = Positive()


class Place(click.ParamType):
    """A path, or the address of something in an object store."""

    name = "path"

    def convert(self, value, param, ctx):
        """Return a Path or a Url."""
        location = parse_location(value)
        return Url(location.rstrip("/")) if isinstance(location, Url) else location


class Here(click.Path):
    """A path of this machine."""

    def convert(self, value, param, ctx):
        """Return a Path."""
        location = parse_location(value)
        if isinstance(location, Url):
            self.fail(f"{location} is not on this machine", param, ctx)
        return Path(super().convert(location, param, ctx))


def checked(check: str | Callable[[object], object]) -> Callable:
    """Return a click callback that turns a ValueError of `check` into wrong usage.

    A function of captools is given by its name, such as ``select.check_box``.
    """

    def callback(context: click.Context, parameter: click.Parameter, value: object) -> object:
        if value is not None:
            try:
                (_function(check) if isinstance(check, str) else check)(value)
            except ValueError as error:
                raise click.BadParameter(str(error)) from None
        return value

    return callback


def checked_each(check: str) -> Callable:
    """Return a click callback that checks each of several values by itself."""
    return checked(lambda values: [_function(check)(value) for value in values])


def _function(name: str) -> Callable[[object], object]:
    module, _, function = name.rpartition(".")
    return getattr(import_module(f"captools.{module}"), function)


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
    callback=checked("geo.coords.check_crs"),
    help="CRS of x and y: an EPSG number or anything pyproj takes; "
    "auto is 3031 in the south, 3413 in the north.",
)
places = click.option(
    "--xy",
    default="x,y",
    metavar="A,B",
    callback=checked("flat.table.two_columns"),
    help="The columns of the places; files without them are projected from lon, lat.",
)
map_crs = click.option(
    "-p",
    "--crs",
    callback=checked("geo.coords.check_crs"),
    help="Project lon, lat to this CRS, whatever x and y there are.",
)


def _check_mask(context: click.Context, parameter: click.Parameter, value: object) -> object:
    """Refuse a mask that cannot be used; the options that go with it came before (is_eager)."""
    said = [value, *(context.params[name] for name in ("mask_where", "buffer", "invert"))]
    if any(one is not None and one is not False for one in said):
        try:
            _function("geo.masks.check")(*said)
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
common = click.option("--common", is_flag=True, help="Keep the columns that all inputs share.")
compression = click.option(
    "-z",
    "compression",
    type=click.Choice(COMPRESSIONS),
    default="none",
    help="Compression of the output.",
)

# --- which inputs: these do not change the result of any of them --------------

regions = click.option(
    "-g",
    "regions",
    type=Numbers("region", range(1, 15)),
    metavar="10,11,12",
    help="Granule regions to keep.",
)
unwanted = click.option(
    "-l",
    "unwanted",
    type=click.Path(path_type=Path),
    metavar="FILE",
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
    help="Processes; by default the cores that this one may use.",
)
timeout = click.option(
    "--timeout",
    type=POSITIVE,
    metavar="SECONDS",
    help="An input that takes longer is a failed one.",
)
shard = click.option("--shard", type=Shard(), help="Do only share I (from 0) of N of the inputs.")
overwrite = click.option("--overwrite", is_flag=True, help="Do again what is done.")
fail_fast = click.option("--fail-fast", is_flag=True, help="Stop at the first failed input.")

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
    timeout,
    shard,
    overwrite,
    fail_fast,
    click.option(
        "--journal",
        type=Here(),
        metavar="DIR",
        help="Where the journal is kept if the output folder is an s3:// address.",
    ),
    *REMOTE,
)
