"""Whether a file is whole: every object opened, every attribute read, every chunk inflated.

A damaged file says so in many ways, most of which show only when the bytes are
read. Here all of them are, also those that no step asks for. Chunks are not
made into values: that they inflate to their length, with the checksum that zlib
puts behind them, is what there is to know. What is read is never more than what
is stored, whatever lengths a damaged file claims.
"""

import itertools
import math
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import deflate
import h5py
from h5py import h5a, h5d, h5f, h5g, h5l, h5o, h5t, h5z

from captools import remote
from captools.address import Url, place
from captools.errors import InputError, one_line
from captools.flat import temporary_name
from captools.flatfile import FlatFile
from captools.granule import MISSING, Beam, Granule
from captools.hdf5 import DAMAGE, REMEDY, attribute_value, open_file
from captools.products import CAPTOOLKIT_NAMES, Product
from captools.products.atl06 import ATL06

PIECE = 1 << 22  # bytes in memory at a time, of what has no chunks
STRING = 1 << 10  # bytes that a string is taken for, since only reading tells its length
DEFLATED = ([h5z.FILTER_DEFLATE], [h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE])
INFLATION = 1032  # deflated bytes become at most so many times as many

Stored = h5g.GroupID | h5d.DatasetID | h5t.TypeID


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
        process leaves there `captools.flat.sweep` removes.

    Returns
    -------
    str
        Such as ``6 beams, 12,345 segments`` or ``flat file, 12,345 rows``.

    Raises
    ------
    InputError
        If anything is wrong with the file; it names the object and the remedy.
    """
    path = place(path)
    if isinstance(path, Url):
        return _check_copy(path, product, folder or Path(tempfile.gettempdir()))
    product = product or _product(path)
    if product is None:
        return f"flat file, {_count(_check_flat_file(path), 'row')}"
    lengths = _check_granule(path, product)
    return f"{_count(len(lengths), 'beam')}, {_count(sum(lengths), 'segment')}"


def _check_copy(url: Url, product: Product | None, folder: Path) -> str:
    """Check a copy of a file on a server, since all of its bytes are read."""
    # In a folder of its own: it keeps its name, which tells what a granule itself may not.
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
    """Return the product of a granule, None if the file is to be taken for a flat one."""
    with open_file(path) as file, _damage_told(path, "/"):
        root = h5g.open(file.id, b"/")
        beams = (root.links.exists(beam.encode()) for beam in ATL06.beams)
        if h5a.exists(root, b"short_name") or any(beams):
            return ATL06
        items = (h5o.open(root, name) for name in root)
        if any(isinstance(item, h5d.DatasetID) and item.rank == 1 for item in items):
            return None
    raise InputError(f"{path}: is HDF5, but neither an {ATL06.name} granule nor a flat file")


def _check_granule(path: str | Path, product: Product) -> list[int]:
    """Return the lengths of the beams that have segments."""
    with Granule(path, product) as granule:
        lengths = [_check_beam(beam) for beam in granule.beams()]
    _check_content(path, _essential(product))
    return lengths


def _check_beam(beam: Beam) -> int:
    """Return the length of a beam; opening it has checked place, time and height."""
    product = beam.granule.product
    quality = product.column(product.quality)
    if not beam.has(quality):
        raise beam.error(quality, MISSING)
    for column in (*product.columns, *itertools.chain(*product.presets.values())):
        if beam.has(column):
            beam.attributes(column)  # which no column of another length has
    return beam.length


def _essential(product: Product) -> set[str]:
    """Return the paths of the datasets that a beam cannot do without."""
    roles = (product.lat, product.lon, product.time, product.height, product.quality)
    paths = [product.column(role).path for role in roles]
    return {f"{beam}/{product.segments}/{path}" for beam in product.beams for path in paths}


def _check_flat_file(path: str | Path) -> int:
    """Return the length of the columns."""
    with FlatFile(path) as file:
        rows, columns = file.rows, set(file.columns)
    _check_content(path, columns | set(CAPTOOLKIT_NAMES.values()))
    return rows


# --- all that is in it ----------------------------------------------------------


@contextmanager
def _damage_told(path: str | Path, where: str) -> Iterator[None]:
    """Say where in a file it is that HDF5 cannot read."""
    try:
        yield
    except DAMAGE as error:
        raise InputError(f"{path}: {where}: cannot be read ({one_line(error)}); {REMEDY}") from None


def _check_content(path: str | Path, essential: Collection[str] = ()) -> None:
    """Read every object of a file; the datasets at the essential paths must hold values."""
    with open_file(path) as file:
        size = file.id.get_filesize()
        for where, item in _objects(path, file.id):
            _check_attributes(path, where, item, size)
            if isinstance(item, h5d.DatasetID):
                with _damage_told(path, where):
                    _check_dataset(item, where in essential)


def _objects(path: str | Path, file: h5f.FileID) -> Iterator[tuple[str, Stored]]:
    """Yield the groups, datasets and named types of a file with their paths, each group once.

    Soft links lead to objects that a hard one leads to, or out of the file.
    """
    waiting: list[tuple[str, Stored, bytes]] = [("/", file, b"/")]
    seen = set()
    while waiting:
        where, parent, name = waiting.pop()
        with _damage_told(path, where):
            item = h5o.open(parent, name)
        yield where, item
        if not isinstance(item, h5g.GroupID):
            continue
        with _damage_told(path, where):
            address = h5o.get_info(item).addr
            if address in seen:  # a group may hold itself
                continue
            seen.add(address)
            names = [one for one in item if item.links.get_info(one).type == h5l.TYPE_HARD]
            below = "" if where == "/" else f"{where}/"
            waiting += [(f"{below}{one.decode()}", item, one) for one in reversed(names)]


def _check_attributes(path: str | Path, where: str, item: Stored, size: int) -> None:
    names: list[bytes] = []
    with _damage_told(path, where):
        h5a.iterate(item, names.append)
    for name in names:
        with _damage_told(path, f"{where} attribute {name.decode(errors='replace')}"):
            stored = h5a.open(item, name)
            claimed = stored.get_space().get_simple_extent_npoints() * stored.get_type().get_size()
            if claimed > size:
                raise OSError(f"it claims to have {claimed} bytes")
            attribute_value(stored)


def _check_dataset(dataset: h5d.DatasetID, is_essential: bool) -> None:
    """Read a dataset; one of `DAMAGE` if that fails.

    One that was never written stores nothing, which is no damage, but no essential
    column either.
    """
    layout = dataset.get_create_plist().get_layout()
    if layout == h5d.CHUNKED:
        is_stored = _check_chunks(dataset)
    else:  # opening it has shown that it is no longer than what is stored
        is_stored = layout == h5d.COMPACT or dataset.get_offset() is not None
    if is_essential and not is_stored and math.prod(dataset.shape):
        raise OSError("none of its values are there")
    if is_stored and (layout != h5d.CHUNKED or dataset.dtype.hasobject):
        _read_in_pieces(dataset)


def _read_in_pieces(dataset: h5d.DatasetID) -> None:
    """Read a dataset that is stored in full, strings with it."""
    whole = h5py.Dataset(dataset)
    if not whole.shape:
        whole[()]
        return
    item = STRING if whole.dtype.hasobject else whole.dtype.itemsize
    rows = max(1, PIECE // (item * math.prod(whole.shape[1:]) or 1))
    for start in range(0, whole.shape[0], rows):
        whole[start : start + rows]


# --- chunks ---------------------------------------------------------------------


def _check_chunks(dataset: h5d.DatasetID) -> bool:
    """Read all chunks of a dataset, and tell whether there are any; all or none must be."""
    plist = dataset.get_create_plist()
    shape = plist.get_chunk()
    expected = math.prod(-(-rows // step) for rows, step in zip(dataset.shape, shape, strict=True))
    found = dataset.get_num_chunks()
    if found not in (0, expected):
        raise OSError(f"{found} of {expected} chunks are there")
    if found and not dataset.dtype.hasobject:  # strings are read later, with their chunks
        length = math.prod(shape) * dataset.get_type().get_size()
        filters = [plist.get_filter(at)[0] for at in range(plist.get_nfilters())]
        # Else the list of filters is damaged; HDF5 would take packed bytes for values.
        if not filters and (stored := dataset.get_storage_size()) != found * length:
            raise OSError(f"{stored} bytes are stored in {found} chunks of {length}")
        steps = (range(0, rows, step) for rows, step in zip(dataset.shape, shape, strict=True))
        for offset in itertools.product(*steps):
            _check_chunk(dataset, offset, length, filters)
    return found > 0


def _check_chunk(
    dataset: h5d.DatasetID, offset: tuple[int, ...], length: int, filters: list[int]
) -> None:
    """Check that a chunk is there and becomes so many bytes."""
    skipped, stored = dataset.read_direct_chunk(offset)
    if not filters:
        return
    if skipped or filters not in DEFLATED:
        h5py.Dataset(dataset)[offset]  # one value, for which HDF5 undoes all filters of the chunk
    elif length > INFLATION * len(stored) or not _inflates(stored, length):
        raise OSError(f"the chunk at {offset} does not inflate to {length} bytes")


def _inflates(stored: bytes, length: int) -> bool:
    try:
        return len(deflate.zlib_decompress(stored, length)) == length
    except deflate.DeflateError:
        return False
