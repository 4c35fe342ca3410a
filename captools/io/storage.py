"""Whether what a dataset claims to hold is in its file.

HDF5 makes values of what was never written, of whatever other file a dataset names, and
of any length that a header claims. None of that was measured.
"""

import math
from typing import Any

import numpy as np
from h5py import h5d, h5g, h5i, h5l, h5p

INFLATION = 1032  # deflate shrinks bytes to a 1032nd at best
ANY_BYTES = 1 << 26  # which any file may claim to hold, however small it is


class ElsewhereError(OSError):
    """Values are not in the file, which names where else they are."""


def is_external(group: h5g.GroupID, name: bytes) -> bool:
    """Return whether what a group holds under a name is in another file."""
    return group.links.get_info(name).type == h5l.TYPE_EXTERNAL


def check_link(group: h5g.GroupID, name: bytes) -> None:
    """Raise ElsewhereError if what a group holds under a name is in another file."""
    if is_external(group, name):
        raise ElsewhereError(_elsewhere("is a link to another file"))


def check_claim(dataset: h5d.DatasetID) -> None:
    """Raise OSError if a dataset claims to hold more than a file of this size can."""
    if dataset.shape is None:  # of a null dataspace
        return
    plist = dataset.get_create_plist()
    chunk = plist.get_chunk() if plist.get_layout() == h5d.CHUNKED else ()
    claimed = max(math.prod(dataset.shape), math.prod(chunk)) * dataset.get_type().get_size()
    if claimed > max(ANY_BYTES, INFLATION * h5i.get_file_id(dataset).get_filesize()):
        raise OSError(f"it claims to hold {claimed} bytes, for which the file is too small")


def check_chunk_bytes(dataset: h5d.DatasetID) -> None:
    """Raise OSError if chunks without filters are not of their size.

    Then the list of filters is damaged, and HDF5 would take compressed bytes, and whatever
    lies behind them, for values.
    """
    plist = dataset.get_create_plist()
    if plist.get_layout() == h5d.CHUNKED and not plist.get_nfilters():
        length = math.prod(plist.get_chunk()) * dataset.get_type().get_size()
        found, stored = dataset.get_num_chunks(), dataset.get_storage_size()
        if stored != found * length:
            raise OSError(f"{stored} bytes are stored in {found} chunks of {length}")


def check_stored(dataset: h5d.DatasetID) -> None:
    """Raise OSError if values of a dataset are not in its file, as far as it claims to hold any."""
    if not is_stored(dataset):
        raise OSError(lacking(dataset))
    check_claim(dataset)


def is_stored(dataset: h5d.DatasetID) -> bool:
    """Return whether all values are in the file; ElsewhereError if they are in another one."""
    plist = dataset.get_create_plist()
    _check_place(plist)
    if dataset.shape is None or not math.prod(dataset.shape):
        return True
    if plist.get_layout() == h5d.COMPACT:
        return True
    if plist.get_layout() == h5d.CHUNKED:
        return dataset.get_num_chunks() == _chunks(dataset, plist)
    return dataset.get_storage_size() > 0  # where it lies is wrong in files with a user block


def lacking(dataset: h5d.DatasetID) -> str:
    """Return how many values of a dataset are in its file, in words, if it is not all of them."""
    plist = dataset.get_create_plist()
    found = dataset.get_num_chunks() if plist.get_layout() == h5d.CHUNKED else 0
    if not found:
        return "none of its values are there"
    return f"{found} of {_chunks(dataset, plist)} chunks are there"


def fill_meant(dataset: h5d.DatasetID) -> Any:
    """Return the value that whoever made a dataset chose for what is not written, if any."""
    plist = dataset.get_create_plist()
    if plist.fill_value_defined() != h5d.FILL_VALUE_USER_DEFINED:
        return None
    value = np.zeros((), dataset.dtype)
    plist.get_fill_value(value)
    return value[()]


def _check_place(plist: h5p.PropDCID) -> None:
    if plist.get_layout() == h5d.VIRTUAL:
        raise ElsewhereError(_elsewhere("is a view of other datasets (virtual)"))
    if plist.get_external_count():
        raise ElsewhereError(_elsewhere("keeps its values in another file (external storage)"))


def _elsewhere(what: str) -> str:
    return f"{what}, which is never read: copy its values into this file"


def _chunks(dataset: h5d.DatasetID, plist: h5p.PropDCID) -> int:
    """Return how many chunks a dataset has when all its values are written."""
    steps = plist.get_chunk()
    return math.prod(-(-rows // step) for rows, step in zip(dataset.shape, steps, strict=True))
