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

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from captools import options
from captools.flat.legacy import choose_columns
from captools.products import KNOWN, Product, get, known

if TYPE_CHECKING:
    from captools.io.atomic import Outputs

KIND = "map"
VERSION = 1
PRODUCT = KNOWN


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


def _possible(check: Callable[[Product, object], object]) -> Callable:
    """Return a click callback that refuses what no product takes that may be read."""

    def callback(context: click.Context, parameter: click.Parameter, value: object) -> object:
        errors = []
        for product in _candidates(context.params.get("product")) if value is not None else ():
            try:
                check(product, value)
                return value
            except ValueError as error:
                errors.append(str(error))
        if errors:
            raise click.BadParameter(errors[0])
        return value

    return callback


def outputs(name: str, *, product: str | Path | None = None, **options: object) -> list[str]:
    """Return the names that the outputs of a granule of this file name can have.

    With whatever options: a run that was killed may have had others.
    """
    from captools.granules.reduction import output_names

    names = [one for each in _candidates(product) for one in output_names(name, each)]
    return list(dict.fromkeys(names))


@click.option(
    "--product",
    type=_ProductType(),
    is_eager=True,
    help="The product, or a table of one (my.toml); by default granules say it themselves.",
)
@options.box
@options.span
@click.option(
    "-v",
    "--vars",
    "variables",
    metavar="A,B,C",
    callback=_possible(choose_columns),
    help="Columns: plain names replace the default ones; name=path (below the product's group) "
    "and presets (atc, dem, canopy, ...) alone add to them.",
)
@options.crs
@options.mask
@click.option(
    "--quality",
    default="best",
    metavar="RULE",
    callback=_possible(Product.rule),
    help="One of the product's rules: best; all (rows with a height); others it may have.",
)
@click.option("--split", is_flag=True, help="Ascending and descending in separate files.")
@click.option("--strict", is_flag=True, help="A missing column fails the granule.")
@click.option(
    "--layout",
    type=click.Choice(["beam", "granule"]),
    default="beam",
    help="One file per track, or per granule with columns that tell tracks apart.",
)
@options.compression
@options.regions
@options.unwanted
def read(
    granule: str | Path,
    outdir: str | Path,
    *,
    product: str | Path | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    span: tuple[str | float, str | float] | None = None,
    variables: str | Iterable[str] | None = None,
    crs: str | int = "auto",
    mask: str | Path | None = None,
    quality: str = "best",
    split: bool = False,
    strict: bool = False,
    compression: str = "none",
    layout: str = "beam",
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
    bbox, span, variables, crs, mask, split, strict, compression, layout
        As in `captools.readatl06`.
    quality : str
        A quality rule of the product.

    Returns
    -------
    Written
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
    from captools.granules.options import ReadOptions
    from captools.granules.reduction import check_request, reduce_granule

    request = ReadOptions(
        bbox=bbox,
        span=span,
        variables=variables,
        crs=crs,
        mask=mask,
        quality=quality,
        split=split,
        strict=strict,
        compression=compression,
        layout=layout,
    )
    if product is not None:
        return reduce_granule(granule, outdir, get(product), "read", request)
    found = find_product(granule)
    try:
        check_request(found, request)
    except ValueError as error:
        raise InputError(f"{granule}: {error}") from None
    return reduce_granule(granule, outdir, found, "read", request)
