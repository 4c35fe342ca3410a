"""Products: a TOML file each, which says what the files hold; no code that opens them.

May import geo. One loader checks the tables (`table`), every reader takes what
it makes of them (`product`) as an argument.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from captools.products.columns import (
    DERIVED,
    IDENTITY,
    IDENTITY_DTYPES,
    Column,
    identity_column,
    identity_dtype,
)
from captools.products.product import GranuleName, Product
from captools.products.table import load

__all__ = [
    "ATL06",
    "DERIVED",
    "IDENTITY",
    "IDENTITY_DTYPES",
    "KNOWN",
    "Column",
    "GranuleName",
    "Product",
    "get",
    "identity_column",
    "identity_dtype",
    "known",
    "load",
]
_TABLES = Path(__file__).parent


@cache
def get(product: str | Path) -> Product:
    """Return a known product by its name, or that of a table of one's own by its path.

    Raises
    ------
    ValueError
        If there is none of this name, or the table is wrong.

    Examples
    --------
    >>> get("ATL06").height
    'h_li'
    """
    if isinstance(product, Path) or product.endswith(".toml"):
        return load(Path(product))
    path = _TABLES / f"{product.lower()}.toml"
    if path not in _tables():
        names = ", ".join(path.stem.upper() for path in _tables())
        raise ValueError(f"product {product!r} is unknown: choose from {names}, or a table .toml")
    return load(path)


@cache
def _tables() -> tuple[Path, ...]:
    return tuple(sorted(_TABLES.glob("*.toml")))


def known() -> tuple[Product, ...]:
    """Return all products that have a table here."""
    return tuple(get(path.stem) for path in _tables())


class _Known:
    """What the file name of a granule of any known product says."""

    def parse_name(self, filename: str) -> GranuleName:
        """Return what it says, if it is one of those of a product."""
        return next(_named(known(), filename), GranuleName())


def _named(products: Iterable[Product], filename: str) -> Iterator[GranuleName]:
    names = (product.parse_name(filename) for product in products)
    return (name for name in names if name.plain)


KNOWN = _Known()
ATL06 = get("ATL06")  # by name, since older flat files are all of it
