"""Whether what a dataset claims to hold is in its file.

HDF5 makes values of what was never written, of whatever other file a dataset names, and
of any length that a header claims. None of that was measured.
"""

import math
from typing import Any

import numpy as np
from h5py import h5d, h5g, h5i, h5l

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


class Storage:
    """How a dataset keeps its values: what HDF5 says of it, asked once.

    Attributes
    ----------
    plist : h5p.PropDCID
        The properties that the dataset was made with.
    chunk : tuple of int
        The shape of a chunk, () if it has none.
    """

    def __init__(self, dataset: h5d.DatasetID) -> None:
        self._dataset = dataset
        self._shape = dataset.shape
        self.plist = dataset.get_create_plist()
        self._layout = self.plist.get_layout()
        self.chunk = self.plist.get_chunk() if self._layout == h5d.CHUNKED else ()

    def check_claim(self) -> None:
        """Raise OSError if the dataset claims to hold more than a file of this size can."""
        if self._shape is None:  # of a null dataspace
            return
        values = max(math.prod(self._shape), math.prod(self.chunk))
        claimed = values * self._dataset.get_type().get_size()
        if claimed > ANY_BYTES and claimed > INFLATION * self._file_bytes():
            raise OSError(f"it claims to hold {claimed} bytes, for which the file is too small")

    def check_chunk_bytes(self) -> None:
        """Raise OSError if chunks without filters are not of their size.

        Then the list of filters is damaged, and HDF5 would take compressed bytes, and whatever
        lies behind them, for values.
        """
        if self.chunk and not self.plist.get_nfilters():
            length = math.prod(self.chunk) * self._dataset.get_type().get_size()
            found, stored = self._dataset.get_num_chunks(), self._dataset.get_storage_size()
            if stored != found * length:
                raise OSError(f"{stored} bytes are stored in {found} chunks of {length}")

    def check_stored(self) -> None:
        """Raise OSError if values are not in the file, as far as it claims to hold any."""
        if not self.is_stored():
            raise OSError(self.lacking())
        self.check_claim()

    def is_stored(self) -> bool:
        """Return whether all values are in the file; ElsewhereError if they are in another one."""
        if self._layout == h5d.VIRTUAL:
            raise ElsewhereError(_elsewhere("is a view of other datasets (virtual)"))
        if self.plist.get_external_count():
            raise ElsewhereError(_elsewhere("keeps its values in another file (external storage)"))
        if self._shape is None or not math.prod(self._shape) or self._layout == h5d.COMPACT:
            return True
        if self.chunk:
            return self._dataset.get_num_chunks() == self._chunks()
        return self._dataset.get_storage_size() > 0  # where it lies is wrong with a user block

    def lacking(self) -> str:
        """Return how many values are in the file, in words, if it is not all of them."""
        found = self._dataset.get_num_chunks() if self.chunk else 0
        if not found:
            return "none of its values are there"
        return f"{found} of {self._chunks()} chunks are there"

    def fill_meant(self) -> Any:
        """Return the value that whoever made the dataset chose for what is not written, if any."""
        if self.plist.fill_value_defined() != h5d.FILL_VALUE_USER_DEFINED:
            return None
        value = np.zeros((), self._dataset.dtype)
        self.plist.get_fill_value(value)
        return value[()]

    def _file_bytes(self) -> int:
        return h5i.get_file_id(self._dataset).get_filesize()

    def _chunks(self) -> int:
        """Return how many chunks there are when all values are written."""
        lengths = zip(self._shape, self.chunk, strict=True)
        return math.prod(-(-rows // step) for rows, step in lengths)


def _elsewhere(what: str) -> str:
    return f"{what}, which is never read: copy its values into this file"
