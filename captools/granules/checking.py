"""Whether a file is whole: every object opened, every attribute read, every chunk inflated.

Most damage shows only when bytes are read, so all of them are read, also those
that no step asks for. Chunks are inflated, but not made into values: their length
and zlib's checksum show the damage. No more is read than is stored, whatever
lengths a damaged file claims.
"""

import shutil
import tempfile
from pathlib import Path

from h5py import h5a, h5d, h5g, h5o

from captools.errors import InputError
from captools.flat.legacy import OUR_NAMES
from captools.flat.reader import FlatFile
from captools.granules.finding import found_by_content
from captools.granules.granule import MISSING, Beam, Granule
from captools.io import remote
from captools.io.address import Url, parse_location
from captools.io.atomic import temporary_name
from captools.io.hdf5 import attribute, open_file, text
from captools.io.integrity import check_content, naming_damage
from captools.products import ATL06, Product


def check_file(
    path: str | Path | Url, product: Product | None = None, folder: Path | None = None
) -> str:
    """Read all of a file, and return what it is.

    Parameters
    ----------
    path : str, Path or Url
        A granule or a flat file. From a server it is fetched whole.
    product : Product, optional
        What the file must be a granule of; else it may be any file that captools
        reads.
    folder : Path, optional
        Where what is fetched is kept meanwhile; by default TMPDIR. What a killed
        process leaves there `captools.io.atomic.sweep` removes.

    Returns
    -------
    str
        Such as ``6 beams, 12,345 segments`` or ``flat file, 12,345 rows``.

    Raises
    ------
    InputError
        If anything is wrong with the file; it names the object and the remedy.
    """
    path = parse_location(path)
    if isinstance(path, Url):
        return _check_copy(path, product, folder or Path(tempfile.gettempdir()))
    product = product or _product(path)
    if product is None:
        return f"flat file, {_count(_check_flat_file(path), 'row')}"
    lengths = _check_granule(path, product)
    return f"{_count(len(lengths), 'beam')}, {_count(sum(lengths), 'segment')}"


def _check_copy(url: Url, product: Product | None, folder: Path) -> str:
    """Check a copy of a file on a server, since all of its bytes are read."""
    # In a folder of its own it keeps its name, which may say what the granule itself does not.
    copy = folder / temporary_name("copy") / url.name
    copy.parent.mkdir(mode=0o700)
    try:
        remote.get(url, copy)
        return check_file(copy, product)
    except InputError as error:
        raise InputError(str(error).replace(str(copy), str(url))) from None
    finally:
        shutil.rmtree(copy.parent, ignore_errors=True)


def check_granule(path: str | Path, product: Product) -> int:
    """Read all of a granule, and return the number of its segments.

    Parameters
    ----------
    path : str or Path
        The file.
    product : Product
        What it must be.

    Raises
    ------
    InputError
        If it is no granule of the product, or anything is wrong with it.
    """
    return sum(_check_granule(path, product))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


# --- what it should be ----------------------------------------------------------


def _product(path: str | Path) -> Product | None:
    """Return the product of a granule, None of what may be a flat file."""
    with open_file(path) as file, naming_damage(path, "/"):
        root = h5g.open(file.id, b"/")
        short_name = text(attribute(root, "short_name"))
        if short_name or h5a.exists(root, b"short_name"):
            # Any product refuses an unknown one by name.
            return next((one for one in found_by_content() if one.short_name == short_name), ATL06)
        similar = [product for product in found_by_content() if _has_track(root, product)]
        if similar:
            named = (one for one in similar if one.parse_name(Path(path).name).plain)
            return next(named, similar[0])
        items = (h5o.open(root, name) for name in root)
        if any(isinstance(item, h5d.DatasetID) and item.rank == 1 for item in items):
            return None
    raise InputError(f"{path}: is HDF5, but neither an ATL06 granule nor a flat file")


def _has_track(root: h5g.GroupID, product: Product) -> bool:
    return any(track and root.links.exists(track.encode()) for track in product.tracks)


def _check_granule(path: str | Path, product: Product) -> list[int]:
    """Return the lengths of the beams that have segments."""
    with Granule(path, product) as granule:
        lengths = [_check_beam(beam) for beam in granule.beams()]
    check_content(path, _essential(product))
    return lengths


def _check_beam(beam: Beam) -> int:
    """Return the length of a beam; opening it has checked place, time and height."""
    product = beam.granule.product
    for column in product.essential:
        if (missing := beam.lacking(column)) is not None:
            raise beam.error(missing, MISSING)
    for column in product.all_columns:
        if beam.has(column):
            beam.attributes(column)  # raises if its length is not that of the beam
    return beam.length


def _essential(product: Product) -> set[str]:
    """Return the paths of the datasets that a beam cannot do without."""
    return {
        product.where(track, path)
        for track in product.tracks
        for column in product.essential
        for path in (column.path, *column.other_paths)
    }


def _check_flat_file(path: str | Path) -> int:
    """Return the length of the columns."""
    with FlatFile(path) as file:
        rows, columns = file.rows, set(file.columns)
    check_content(path, columns | set(OUR_NAMES))
    return rows
