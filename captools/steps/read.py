"""Reduce granules of any known product to flat HDF5 files, one per track.

Which product a granule is of, it says itself, or its name does. Keeps the good
rows inside box, time span and mask; adds projected x and y, GPS time, decimal
year and direction. --product takes the name of a product (ATL11_CROSSINGS is
found by name alone), or a table of your own.

\b
Examples:
  captools read granules/ -o reduced -b -120 -100 -80 -74
  captools read ATL08/ -o canopy --quality canopy -v canopy
  captools read ATL11/ -o crossings --product ATL11_CROSSINGS
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.flat.legacy import DIALECTS, choose_columns
from captools.granules.options import ReadOptions, takes_options
from captools.products import KNOWN, Product, get, known

if TYPE_CHECKING:
    from captools.io.atomic import Outputs
    from captools.run.inputs import Naming

KIND = "map"
VERSION = 2


def reading(
    products: Callable[[dict], tuple[Product, ...]],
    below: str,
    presets: str,
    quality: dict,
    layout: str,
) -> Callable:
    """Return a decorator that gives a step the options of reading granules.

    Parameters
    ----------
    products : callable
        Returns the products that the granules may be of, from the options said so far.
    below, presets : str
        For the help of -v: where a path begins, and the presets that there are.
    quality : dict
        What --quality takes, and its help.
    layout : str
        The help of --layout.
    """

    def possible(check: Callable[[Product, object], object]) -> Callable:
        """Return a click callback that refuses what none of the products takes."""

        def callback(context: click.Context, parameter: click.Parameter, value: object) -> object:
            errors = []
            for product in products(context.params) if value is not None else ():
                try:
                    check(product, value)
                    return value
                except ValueError as error:
                    errors.append(str(error))
            if errors:
                raise click.BadParameter(errors[0])
            return value

        return callback

    return options.stacked(
        options.box,
        options.extent,
        options.span,
        click.option(
            "-v",
            "--vars",
            "variables",
            multiple=True,
            metavar="COLUMNS",
            callback=options.added(",".join, then=possible(choose_columns)),
            help="Columns: plain names replace the default ones; name=path (below "
            f"{below}) and presets ({presets}) alone add to them.",
        ),
        options.crs,
        options.mask,
        click.option("--quality", default="best", callback=possible(Product.rule), **quality),
        click.option(
            "--segment-tolerance",
            type=float,
            metavar="M",
            callback=possible(_check_tolerance),
            help="Drop segments that differ by more than M metres from the height that a "
            "neighbouring segment predicts with its slope over 20 m.",
        ),
        click.option(
            "--split",
            is_flag=True,
            callback=possible(lambda product, split: split and product.check_direction()),
            help="Ascending and descending in separate files.",
        ),
        click.option("--strict", is_flag=True, help="A missing column fails the granule."),
        click.option(
            "--layout", type=click.Choice(["beam", "granule"]), default="beam", help=layout
        ),
        click.option(
            "--by",
            type=click.Choice(["cycle"]),
            callback=possible(lambda product, by: product.check_cycle()),
            help="Outputs in subfolders of OUT (cycle_01, ...), which the next steps read with it.",
        ),
        click.option(
            "--dialect",
            type=click.Choice(list(DIALECTS)),
            default="captools",
            help="Whose column names to write.",
        ),
        options.compression,
        options.regions,
        options.unwanted,
        takes_options,
    )


def _check_tolerance(product: Product, metres: float) -> None:
    from captools.geo.select import check_tolerance

    check_tolerance(metres)
    product.check_slopes()


class _ProductType(click.ParamType):
    """The name of a product, or the path of a table."""

    name = "NAME|FILE"

    def convert(self, value, param, ctx):
        """Return the name, or a Path: its content counts, too."""
        product = Path(value) if str(value).endswith(".toml") else str(value)
        try:
            get(product)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return product


def _candidates(product: str | Path | None) -> tuple[Product, ...]:
    return known() if product is None else (get(product),)


def naming(*, product: str | Path | None = None, **options: object) -> "Naming":
    """Return what file names of inputs say: those of the product, or of any known one."""
    return KNOWN if product is None else get(product)


def outputs(
    name: str, *, product: str | Path | None = None, by: str | None = None, **options: object
) -> list[str]:
    """Return the names that the outputs of a granule of this file name can have.

    With whatever other options: a run that was killed may have had others.
    """
    from captools.granules.reduction import output_names

    own = () if product is None else _candidates(product)
    names = [one for each in (*known(), *own) for one in output_names(name, each, by)]
    return list(dict.fromkeys(names))


def survey(paths: list[str], *, product: str | Path | None = None, **options: object) -> None:
    """Refuse flat files before any work, unless granules of the product may look like them."""
    from captools.granules.kinds import check_granules

    if product is None or "" not in get(product).tracks:
        check_granules(paths)


@click.option(
    "--product",
    type=_ProductType(),
    is_eager=True,
    help="The product, or a table of one (my.toml); by default granules say it themselves.",
)
@reading(
    lambda said: _candidates(said.get("product")),
    below="the product's group",
    presets="atc, dem, canopy, ...",
    quality={
        "metavar": "RULE",
        "help": "One of the product's rules: best; all (rows with a height); others it may have.",
    },
    layout="One file per track, or per granule with columns that tell tracks apart.",
)
def read(
    granule: str | Path,
    outdir: str | Path,
    *,
    product: str | Path | None = None,
    **options: object,
) -> "Outputs":
    """Write the flat files of one granule.

    Parameters
    ----------
    granule : str or Path
        A file of a known product.
    outdir : str or Path
        Folder of the flat files, made if needed; files there are written over.
    product : str or Path, optional
        Its product: a name, or the path of a table; by default the granule says it.
    **options
        The fields of `captools.granules.options.ReadOptions`.

    Returns
    -------
    Outputs
        The paths (a list), with the rows read and kept as attributes.

    Raises
    ------
    ValueError
        If an argument is wrong.
    InputError
        If the granule cannot be used, or its product has no such column or
        rule; nothing is written then.
    OutputError
        If the folder cannot be written to.
    """
    # Imported here: the command line reads this module for its options alone.
    from captools.errors import InputError
    from captools.granules.finding import find_product
    from captools.granules.reduction import check_request, reduce_granule

    request = ReadOptions(**options)
    if product is not None:
        return reduce_granule(granule, outdir, get(product), "read", request)
    found = find_product(granule)
    try:
        check_request(found, request)
    except ValueError as error:
        raise InputError(f"{granule}: {error}") from None
    return reduce_granule(granule, outdir, found, "read", request)
