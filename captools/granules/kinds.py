"""Inputs of the wrong kind, found before any work: granules for flat files, or the reverse."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from captools.errors import CaptoolsError
from captools.granules.finding import Recognized, recognize
from captools.io.address import is_remote
from captools.products import ATL06

LOOKED_AT = 100  # files at most, spread over all inputs


def check_flat(paths: Sequence[str]) -> None:
    """Raise ValueError if granules are given, and no flat file is found among them."""
    granule = _all_of_kind(paths, lambda file: file.product is not None, lambda file: file.is_flat)
    if granule is not None:
        path, product = granule[0], granule[1].product
        step = "readatl06" if product.name == ATL06.name else "read"
        raise ValueError(
            f"inputs are granules, no flat files: {path} is of {product.name}: "
            f"captools {step} makes flat files of them"
        )


def check_granules(paths: Sequence[str]) -> None:
    """Raise ValueError if flat files are given, and no granule is found among them."""
    flat = _all_of_kind(paths, lambda file: file.is_flat, lambda file: file.product is not None)
    if flat is not None:
        raise ValueError(
            f"inputs are flat files, no granules: {flat[0]} is reduced already: "
            "captools filter selects its rows, captools merge, tile, export and others take it"
        )


def _all_of_kind(
    paths: Sequence[str],
    is_wrong: Callable[[Recognized], bool],
    is_right: Callable[[Recognized], bool],
) -> tuple[str, Recognized] | None:
    """Return the first file that is wrong if none is right; those on servers may be right.

    Usually the first file is right, and no other is opened. Files that cannot be read are
    neither: they will be named as inputs that failed.
    """
    wrong = None
    for path in paths[:: -(-len(paths) // LOOKED_AT)]:
        if is_remote(path):
            return None
        with suppress(CaptoolsError, OSError):
            file = recognize(path)
            if is_right(file):
                return None
            if wrong is None and is_wrong(file):
                wrong = path, file
    return wrong
