"""The bytes of flat files that are alike but for numbers: HDF5 lays them out once.

Most of the time of a small granule went into datasets and attributes, which are those of the
file before but for lengths, numbers and names. So HDF5 makes a file without values, in which
marks stand where these go, and each file is a copy of it with the marks replaced. The format
that HDF5 is asked for has no checksums in what describes a file.
"""

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from h5py import h5f

from captools.flat.table import Table

NO_PLACE = b"\xff" * 8  # of values that were not written
ALIGNED_BYTES = 8
FIRST_MARK = 0x00C5_9ED3_0000_0000  # no other number of a file is near it
STEP = 0x1_0000  # between the marks of two columns: each times its width stays below the next
END_OFFSET = 40  # in the superblock: where the file ends
SHORTEST_TEXT = 4  # whose mark is not found by chance
MOST_MARKS = 100  # of attributes, numbered with two digits

Writer = Callable[[Table], h5f.FileID]  # makes a file in memory; values of no bytes are not written


class Unwritten(NamedTuple):
    """What stands for the values of a column: its dtype, and a length that is a mark."""

    dtype: np.dtype
    shape: tuple[int]
    nbytes: int = 0  # no room is needed


class Skeleton(NamedTuple):
    """A file without values, and where in it the marks are."""

    content: bytes
    columns: dict[str, tuple[list[int], int]]  # where its length stands, and its place
    attributes: dict[str, int]  # where a value stands


def parts(table: Table, write: Writer) -> list[bytes | memoryview] | None:
    """Return the bytes of a flat file, in pieces; None if it is too special to be made like this.

    Parameters
    ----------
    table : Table
        Columns, stored in one piece each, and header.
    write : function
        Lays out a table in a file in memory.
    """
    if not table.rows or table.private or len(table.attrs) > MOST_MARKS:
        return None
    if not all(map(_is_plain, table.columns.values())):
        return None
    skeleton = _skeleton(_alike(table), write)
    return None if skeleton is None else list(_filled(skeleton, table))


def _is_plain(values: np.ndarray) -> bool:
    return values.ndim == 1 and values.dtype.kind in "biuf"


def _filled(skeleton: Skeleton, table: Table) -> Iterator[bytes | memoryview]:
    """Yield the skeleton with the marks replaced, then the values of the columns."""
    head = bytearray(skeleton.content)
    for name, at in skeleton.attributes.items():
        value = _bytes_of(table.attrs[name])
        head[at : at + len(value)] = value
    end = len(head) + -len(head) % ALIGNED_BYTES
    head.extend(bytes(end - len(head)))
    values = []
    for name, (lengths, place) in skeleton.columns.items():
        column = np.ascontiguousarray(table.columns[name])
        for at in lengths:
            head[at : at + 8] = _number(len(column))
        head[place : place + 8] = _number(end)
        head[place + 8 : place + 16] = _number(column.nbytes)
        gap = -column.nbytes % ALIGNED_BYTES
        values += [memoryview(column).cast("B"), bytes(gap)]
        end += column.nbytes + gap
    head[END_OFFSET : END_OFFSET + 8] = _number(end)
    yield bytes(head)
    yield from values


# --- what is alike ----------------------------------------------------------------


@dataclass(frozen=True)
class _Alike:
    """All tables whose files differ in marks only; their `key` is what may not differ."""

    key: Hashable
    columns: dict[str, Unwritten] = field(compare=False)
    column_attrs: dict[str, dict[str, object]] = field(compare=False)
    attrs: dict[str, object] = field(compare=False)  # of one of the tables
    forms: dict[str, Hashable] = field(compare=False)  # of these


def _alike(table: Table) -> _Alike:
    """Return what a table has in common with all whose files differ in marks only."""
    columns = {
        name: Unwritten(values.dtype, (FIRST_MARK + number * STEP,))
        for number, (name, values) in enumerate(table.columns.items())
    }
    forms = {name: _form(value) for name, value in table.attrs.items()}
    key = (
        tuple([(name, values.dtype.str) for name, values in columns.items()]),
        tuple([(name, _exact(about)) for name, about in table.column_attrs.items()]),
        tuple(forms.items()),
    )
    return _Alike(key, columns, table.column_attrs, table.attrs, forms)


def _exact(attributes: dict[str, object]) -> Hashable:
    """Return what attributes are, to the bit."""
    return tuple(
        [
            (name, value if isinstance(value, str) else _bits(np.asarray(value)))
            for name, value in attributes.items()
        ]
    )


def _bits(array: np.ndarray) -> Hashable:
    return array.dtype.str, array.shape, array.tobytes()


class _Form(NamedTuple):
    """What values have in common for which one mark stands: text of a length, or 8-byte numbers."""

    kind: str  # a dtype, "" of text
    shape: tuple[int, ...]  # the length of text, in bytes


def _form(value: object) -> Hashable:
    """Return the form of a value; itself, to the bit, if no mark can stand for it."""
    if isinstance(value, str):
        length = len(value.encode())
        return value if length < SHORTEST_TEXT or "\0" in value else _Form("", (length,))
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize != 8 or not array.size:
        return _bits(array)
    return _Form(array.dtype.str, array.shape)


def _mark(form: _Form, number: int) -> object:
    """Return a mark for the attribute of this number, as long as what has this form."""
    if not form.kind:
        return f"\x1a{number:02d}\x1b".ljust(*form.shape, "\x1a")[: form.shape[0]]
    size = math.prod(form.shape)
    marks = np.arange(size, dtype="i8") + (FIRST_MARK + (number + 1 << 40))
    return marks.view(form.kind).reshape(form.shape)


def _bytes_of(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else np.asarray(value).tobytes()


def _number(value: int) -> bytes:
    return value.to_bytes(8, "little")


# --- made once --------------------------------------------------------------------


@lru_cache(maxsize=16)
def _skeleton(alike: _Alike, write: Writer) -> Skeleton | None:
    """Return the file with the marks; None if one of them is not where it is to be, once."""
    marks = {
        name: _mark(form, number)
        for number, (name, form) in enumerate(alike.forms.items())
        if isinstance(form, _Form)
    }
    file = write(Table(alike.columns, alike.column_attrs, alike.attrs | marks))
    h5f.flush(file)
    content = file.get_file_image()
    columns, attributes = {}, {}
    for name, column in alike.columns.items():
        (length,) = column.shape
        size = _number(length * column.dtype.itemsize)
        place = _only(content, NO_PLACE + size)
        lengths = [at for at in _all(content, _number(length)) if at != place and at != place + 8]
        if place is None or not lengths:
            return None
        columns[name] = lengths, place
    for name, mark in marks.items():
        at = _only(content, _bytes_of(mark))
        if at is None:
            return None
        attributes[name] = at
    return Skeleton(content, columns, attributes)


def _only(content: bytes, mark: bytes) -> int | None:
    found = _all(content, mark)
    return found[0] if len(found) == 1 else None


def _all(content: bytes, mark: bytes) -> list[int]:
    found, at = [], content.find(mark)
    while at >= 0:
        found.append(at)
        at = content.find(mark, at + 1)
    return found
