"""Whether an HDF5 file is whole: all objects, attributes and chunks are read."""

import itertools
import math
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import deflate
import h5py
from h5py import h5a, h5d, h5f, h5g, h5l, h5o, h5t, h5z

from captools.errors import InputError
from captools.io.columns import StoredColumn
from captools.io.hdf5 import DAMAGE, attribute_value, check_filters, open_file, unreadable
from captools.io.storage import INFLATION, Storage

PIECE_BYTES = 1 << 22  # in memory at a time, of what has no chunks
STRING_BYTES = 1 << 10  # assumed for a string, whose length is known only when it is read
DEFLATED = ([h5z.FILTER_DEFLATE], [h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE])

Stored: TypeAlias = h5g.GroupID | h5d.DatasetID | h5t.TypeID


# --- all that is in it ----------------------------------------------------------


@contextmanager
def naming_damage(path: str | Path, where: str) -> Iterator[None]:
    """Say where in a file it is that HDF5 cannot read."""
    try:
        yield
    except DAMAGE as error:
        raise InputError(f"{path}: {where}: {unreadable(error)}") from None


def check_content(path: str | Path, essential: Collection[str] = ()) -> int:
    """Read every object of a file, and return how many of them are datasets.

    Those at the essential paths must hold values.
    """
    datasets = 0
    with open_file(Path(path)) as file:
        size = file.id.get_filesize()
        for where, item in _objects(path, file.id):
            _check_attributes(path, where, item, size)
            if isinstance(item, h5d.DatasetID):
                datasets += 1
                with naming_damage(path, where):
                    _check_dataset(item, where in essential)
    return datasets


def _objects(path: str | Path, file: h5f.FileID) -> Iterator[tuple[str, Stored]]:
    """Yield the groups, datasets and named types of a file with their paths, each group once.

    Soft links lead to objects that a hard one leads to, or out of the file.
    """
    waiting: list[tuple[str, Stored, bytes]] = [("/", file, b"/")]
    seen = set()
    while waiting:
        where, parent, name = waiting.pop()
        with naming_damage(path, where):
            item = h5o.open(parent, name)
        yield where, item
        if not isinstance(item, h5g.GroupID):
            continue
        with naming_damage(path, where):
            address = h5o.get_info(item).addr
            if address in seen:  # a group may contain itself
                continue
            seen.add(address)
            names = [one for one in item if item.links.get_info(one).type == h5l.TYPE_HARD]
            below = "" if where == "/" else f"{where}/"
            waiting += [(f"{below}{one.decode()}", item, one) for one in reversed(names)]


def _check_attributes(path: str | Path, where: str, item: Stored, size: int) -> None:
    names: list[bytes] = []
    with naming_damage(path, where):
        h5a.iterate(item, names.append)
    for name in names:
        with naming_damage(path, f"{where} attribute {name.decode(errors='replace')}"):
            stored = h5a.open(item, name)
            claimed = stored.get_space().get_simple_extent_npoints() * stored.get_type().get_size()
            if claimed > size:
                raise OSError(f"it claims to have {claimed} bytes")
            attribute_value(stored)


def _check_dataset(dataset: h5d.DatasetID, is_essential: bool) -> None:
    """Read a dataset; one of `DAMAGE` if that fails.

    One that was never written stores nothing, which is no damage, but no essential
    column either, unless the file says that no value is meant.
    """
    storage = Storage(dataset)
    is_begun = is_whole = storage.is_stored()
    if storage.chunk:
        is_begun = dataset.get_num_chunks() > 0
    if not is_whole and (is_essential or is_begun):
        if dataset.dtype.kind in "iufb":
            StoredColumn(dataset).check_storage()
        else:
            storage.check_stored()
    if is_begun and storage.chunk:
        _check_chunks(dataset, storage, is_whole)
    if is_begun and (not storage.chunk or dataset.dtype.hasobject):
        _read_in_pieces(dataset)
    if is_essential:
        storage.check_claim()


def _read_in_pieces(dataset: h5d.DatasetID) -> None:
    """Read a dataset that is stored in full, strings with it."""
    whole = h5py.Dataset(dataset)
    if not whole.shape:
        whole[()]
        return
    item = STRING_BYTES if whole.dtype.hasobject else whole.dtype.itemsize
    rows = max(1, PIECE_BYTES // (item * math.prod(whole.shape[1:]) or 1))
    for start in range(0, whole.shape[0], rows):
        whole[start : start + rows]


# --- chunks ---------------------------------------------------------------------


def _check_chunks(dataset: h5d.DatasetID, storage: Storage, is_whole: bool) -> None:
    """Read all chunks of a dataset that are there."""
    check_filters(storage.plist)
    if dataset.dtype.hasobject:  # strings are read later
        return
    storage.check_chunk_bytes()
    length = math.prod(storage.chunk) * dataset.get_type().get_size()
    filters = [storage.plist.get_filter(at)[0] for at in range(storage.plist.get_nfilters())]
    steps = (range(0, rows, step) for rows, step in zip(dataset.shape, storage.chunk, strict=True))
    for offset in itertools.product(*steps):
        if is_whole or dataset.get_chunk_info_by_coord(offset).byte_offset is not None:
            _check_chunk(dataset, offset, length, filters)


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
