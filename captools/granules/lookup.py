"""What stands where in an HDF5 file: groups, small datasets, attributes, each looked up once."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from h5py import h5d, h5g, h5o, h5s

from captools.errors import InputError
from captools.io.address import Url, parse_location
from captools.io.hdf5 import (
    DAMAGE,
    REMEDY,
    attribute,
    check_unchanged,
    descriptor,
    open_file,
    text,
    unreadable,
)
from captools.io.storage import Storage, check_link

SMALL_BYTES = 1 << 20  # what identifies a granule takes less: more is damage


class Lookup:
    """An open HDF5 file whose objects are looked up by path, and damage named by path.

    Parameters
    ----------
    path : str, Path or Url
        The file.

    Raises
    ------
    InputError
        If it is not there, is no HDF5, or is damaged.
    """

    def __init__(self, path: str | Path | Url) -> None:
        self.path = parse_location(path)
        self._file = open_file(self.path)
        self.descriptor = descriptor(self._file)
        self._items: dict[str, h5g.GroupID | h5d.DatasetID | None] = {}
        try:
            self._items[""] = h5g.open(self._file.id, b"/")
        except DAMAGE as error:
            self._file.close()
            raise self.damage("/", error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and all that was looked up in it."""
        self._items.clear()
        self._file.close()

    def check_unchanged(self) -> None:
        """Raise InputError if the file, on a server, is no longer what was opened."""
        check_unchanged(self._file)

    def error(self, where: str, why: object) -> InputError:
        """Return the error that something `where` in this file is wrong."""
        return InputError(f"{self.path}: {where}: {why}")

    def damage(self, where: str, error: BaseException) -> InputError:
        """Return the error that HDF5 could not read something `where` in this file."""
        return self.error(where, unreadable(error))

    def root_items(self) -> Iterator[h5g.GroupID | h5d.DatasetID | None]:
        """Yield what stands at the root; links that lead nowhere are None."""
        try:
            names = [name.decode() for name in self._items[""]]
        except DAMAGE as error:
            raise self.damage("/", error) from None
        yield from map(self._item, names)

    def _group(self, name: str) -> h5g.GroupID | None:
        """Return a group, None if it is missing; a damaged one is an error."""
        item = self._item(name)
        if item is not None and not isinstance(item, h5g.GroupID):
            raise self.error(name, f"is not a group; {REMEDY}")
        return item

    def _item(self, path: str) -> h5g.GroupID | h5d.DatasetID | None:
        """Return what stands at `path`, None if nothing does, looked up once.

        Step by step: h5py's own ``in`` takes a link to a damaged object for a missing one.
        """
        if path not in self._items:
            folder, _, name = path.rpartition("/")
            self._items[path] = self._child(self._item(folder), name, path)
        return self._items[path]

    def _child(
        self, parent: h5g.GroupID | h5d.DatasetID | None, name: str, path: str
    ) -> h5g.GroupID | h5d.DatasetID | None:
        if parent is None:
            return None
        if not isinstance(parent, h5g.GroupID):
            raise self.error(path, f"/{path.rpartition('/')[0]} is not a group; {REMEDY}")
        try:
            if not _has(parent, name.encode()):
                return None
            check_link(parent, name.encode())
            return h5o.open(parent, name.encode())
        except DAMAGE as error:
            raise self.damage(path, error) from None

    def _array(self, path: str) -> np.ndarray:
        """Return a small dataset as a flat array, an empty one if it is missing."""
        found = self._item(path)
        if not isinstance(found, h5d.DatasetID):
            return np.array([])
        try:
            if found.get_space().get_simple_extent_type() == h5s.NULL:
                return np.array([])
            size = math.prod(found.shape) * found.dtype.itemsize
            if size > SMALL_BYTES:
                raise self.error(path, f"claims to hold {size} bytes; {REMEDY}")
            Storage(found).check_stored()
            values = np.empty(found.shape, found.dtype)
            found.read(h5s.ALL, h5s.ALL, values)
            return values.ravel()
        except DAMAGE as error:
            raise self.damage(path, error) from None

    def _numbers(self, path: str) -> np.ndarray:
        values = self._array(path)
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise self.error(path, f"is not a number; {REMEDY}")
        return values

    def _number(self, path: str, default: float | None = None) -> float | None:
        values = self._numbers(path)
        return values[0] if len(values) else default

    def _attribute(self, path: str, name: str) -> str:
        item = self._item(path)
        try:
            return text(attribute(item, name)) if item is not None else ""
        except DAMAGE as error:
            raise self.damage(f"{path} attribute {name}", error) from None


def _has(group: h5g.GroupID, name: bytes) -> bool:
    """Return whether a group has a name; one of `DAMAGE` if its names cannot be read.

    This is asked before anything is opened: HDF5 says of damaged names that they cannot be read
    once, and from then on that they are not there.
    """
    if group.links.exists(name):
        return True
    names = list(group)
    if not all(map(_is_text, names)):
        raise OSError("names beside it are no text")
    return name in names


def _is_text(name: bytes) -> bool:
    try:
        return name.decode().isprintable()
    except UnicodeDecodeError:
        return False
