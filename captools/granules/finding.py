"""Which product's granule a file is: by what it says of itself, else by its name."""

from pathlib import Path
from typing import NamedTuple

from h5py import h5d

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


class Recognized(NamedTuple):
    """What an HDF5 file is taken for: a granule, else a flat file, else neither."""

    product: Product | None  # of a granule
    is_flat: bool
    short_name: str  # what the file calls itself, "" if it does not

    @property
    def unread(self) -> str:
        """What to say of a file that is neither."""
        names = ", ".join(product.name for product in found_by_content())
        what = f"is {self.short_name}" if self.short_name else "is HDF5"
        hint = "" if self.short_name else " (captools dasinfo: whether it is a record of a fibre)"
        return f"{what}, neither a flat file nor a granule of {names}{hint}"


def recognize(path: str | Path | Url) -> Recognized:
    """Return what a file is taken for.

    Without a short name a granule is known by its beams and the group in them: one of
    another product may have beams of the same names.

    Raises
    ------
    InputError
        As `Lookup`.
    """
    products = found_by_content()
    with Lookup(path) as file:
        short_name = file._attribute("", "short_name")
        if short_name:
            product = next((one for one in products if one.short_name == short_name), None)
            return Recognized(product, False, short_name)
        similar = [product for product in products if _has_group(file, product)]
        named = [product for product in similar if product.parse_name(file.path.name).plain]
        if similar:
            return Recognized((named or similar)[0], False, "")
        return Recognized(None, any(map(_may_be_column, file.root_items())), "")


def _may_be_column(item: object) -> bool:
    """Return whether an object is a list of values; that of MATLAB has a second dimension of 1."""
    shape = item.shape if isinstance(item, h5d.DatasetID) else None
    return bool(shape) and (len(shape) == 1 or (len(shape) == 2 and 1 in shape))


def _has_group(file: Lookup, product: Product) -> bool:
    return any(file._item(product.where(track, "")) is not None for track in product.tracks)


def found_by_content() -> list[Product]:
    """Return the products that granules are recognized as."""
    return [product for product in known() if not product.on_request]
