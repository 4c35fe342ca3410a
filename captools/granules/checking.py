"""Whether a file is whole: every object opened, every attribute read, every chunk inflated.

Most damage shows only when bytes are read, so all of them are read, also those
that no step asks for. Chunks are inflated, but not made into values: their length
and zlib's checksum show the damage. No more is read than is stored, whatever
lengths a damaged file claims.
"""

import shutil
import tempfile
import warnings
from pathlib import Path

from captools.errors import CaptoolsWarning, InputError
from captools.flat.legacy import OUR_NAMES, choose_columns
from captools.flat.reader import FlatFile
from captools.granules.finding import Recognized, recognize
from captools.granules.granule import MISSING, Beam, Granule
from captools.granules.header import granule_attributes
from captools.granules.options import ReadOptions
from captools.granules.reduction import read_beam
from captools.io import remote
from captools.io.address import Url, parse_location
from captools.io.atomic import temporary_name
from captools.io.integrity import check_content
from captools.products import Product
from captools.progress import counted


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
        What it was taken for, and how much of it there is: ``ATL06 granule, 6 beams,
        12,345 segments`` or ``flat file, 12,345 rows``.

    Raises
    ------
    InputError
        If anything is wrong with the file; it names the object and the remedy.
    """
    path = parse_location(path)
    if isinstance(path, Url):
        return _check_copy(path, product, folder or Path(tempfile.gettempdir()))
    known = Recognized(product, False, "") if product else recognize(path)
    if known.product is not None:
        lengths = _check_granule(path, known.product)
        counts = f"{counted(len(lengths), 'beam')}, {counted(sum(lengths), 'segment')}"
        return f"{known.product.name} granule, {counts}"
    if known.is_flat:
        return f"flat file, {counted(_check_flat_file(path), 'row')}"
    datasets = check_content(path)
    raise InputError(f"{path}: {known.unread}; {counted(datasets, 'dataset')} read, none damaged")


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


# --- what it should be ----------------------------------------------------------


def _check_granule(path: str | Path, product: Product) -> list[int]:
    """Return the lengths of the beams that have segments."""
    with Granule(path, product) as granule:
        granule_attributes(granule)
        lengths = [_check_beam(beam) for beam in granule.beams()]
    check_content(path, _columns(product))
    _read(path, product)
    return lengths


def _read(path: str | Path, product: Product) -> None:
    """Read a granule as a step does that is given no options: it refuses more than damage."""
    request = ReadOptions()
    columns = choose_columns(product, request.variables)
    with warnings.catch_warnings(), Granule(path, product) as granule:
        warnings.simplefilter("ignore", CaptoolsWarning)  # what is left out or guessed is whole
        for beam in granule.beams():
            read_beam(beam, columns, request, {})


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


def _columns(product: Product) -> set[str]:
    """Return the paths of the datasets that steps read."""
    return {
        product.where(track, path)
        for track in product.tracks
        for column in product.all_columns
        for path in (column.path, *column.other_paths)
    }


def _check_flat_file(path: str | Path) -> int:
    """Return the length of the columns; all of them are read as a step reads them."""
    with FlatFile(path) as file:
        essential = {*file.columns, *OUR_NAMES}
        rows = file.rows
    check_content(path, essential)
    with FlatFile(path) as file:
        for name in file.identity_names:
            file.identity(name)
        for part in file.ranges():
            file.table(rows=part)
    return rows
