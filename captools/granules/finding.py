"""Which product's granule a file is: by what it says of itself, else by its name."""

from pathlib import Path

from captools.errors import InputError
from captools.granules.lookup import Lookup
from captools.io.address import Url
from captools.products import Product, known


def find_product(path: str | Path | Url) -> Product:
    """Return the product of a granule; InputError if it is of no known one, or as `Lookup`."""
    products = found_by_content()
    with Lookup(path) as file:
        short_name = file._attribute("", "short_name")
        for product in products:
            if short_name == product.short_name:
                return product
            if not short_name and product.parse_name(file.path.name).plain:
                return product
    names = ", ".join(product.name for product in products)
    what = f"is {short_name}" if short_name else "has no short_name, nor a name of a product"
    raise InputError(f"{file.path}: {what}; known are {names}, others need --product my.toml")


def found_by_content() -> list[Product]:
    """Return the products that granules are recognized as."""
    return [product for product in known() if not product.on_request]
