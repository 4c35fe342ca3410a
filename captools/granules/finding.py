"""Which product's granule a file is: by what it says of itself, else by its name."""

from pathlib import Path

from captools.errors import InputError
from captools.granules.lookup import Lookup
from captools.io.address import Url
from captools.products import Product, known


def find_product(path: str | Path | Url) -> Product:
    """Return the product of a granule.

    Parameters
    ----------
    path : str, Path or Url
        The file.

    Raises
    ------
    InputError
        If the file is not there, is no HDF5, is damaged, or of no known product.
    """
    with Lookup(path) as file:
        told = file._attribute("", "short_name")
        products = [product for product in known() if not product.on_request]
        for product in products:
            if told == product.short_name:
                return product
            if not told and product.parse_name(file.path.name).plain:
                return product
    names = ", ".join(product.name for product in products)
    what = f"is {told}" if told else "tells no product (no short_name), nor does its name"
    raise InputError(f"{file.path}: {what}; known are {names}, others need --product my.toml")
