"""Parquet files put together from others of the same schema, without a look at what they hold.

A Parquet file is the bytes of its row groups and a footer that says where these lie. The footer
is a struct of Thrift's compact protocol: that of the whole has the row groups of all parts, whose
places are counted anew. See https://github.com/apache/parquet-format (parquet.thrift) and
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from captools.errors import CaptoolsError
from captools.io.atomic import CUT_OFF

MAGIC = b"PAR1"
COPY_BYTES = 1 << 22
# Types of the compact protocol. A struct is a dict of its fields: by number, type and value.
STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
# Fields of a file, a row group, a chunk of a column and its metadata.
ROWS, ROW_GROUPS = 3, 4
CHUNKS, GROUP_AT, ORDINAL = 1, 5, 7
CHUNK_AT, META = 2, 3
PLACES = (9, 10, 11)  # of data, index and dictionary pages
Struct = dict[int, tuple[int, Any]]


class _Place(int):
    """A place in a file, as it is in the part."""


@dataclass(frozen=True)
class Fragment:
    """A Parquet file that becomes part of another, and what the footer of that needs of it.

    Attributes
    ----------
    path : Path
        The file.
    end : int
        Where its footer begins.
    footer : dict
        The footer but for the row groups.
    groups : list of list
        Of each row group the bytes in a footer, with the numbers between them that are places.
    """

    path: Path
    end: int
    footer: Struct
    groups: list[list[bytes | _Place]]

    @classmethod
    def of(cls, path: Path) -> "Fragment":
        """Return a file as a fragment: a matter of workers, for it takes a while."""
        with open(path, "rb") as file:
            file.seek(-8, os.SEEK_END)
            size = int.from_bytes(file.read(4), "little")
            end = file.seek(-8 - size, os.SEEK_END)
            footer = _Reader(file.read(size)).struct()
        groups = footer.pop(ROW_GROUPS)[1][1]
        for group in groups:
            _open_places(group)
        return cls(path, end, footer, [_joined(_struct(group)) for group in groups])


class Spliced:
    """A Parquet file that grows by fragments.

    Parameters
    ----------
    file : binary file
        It is written from its start.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = file.write(MAGIC)
        self._footer: Struct = {}
        self._groups: list[bytes] = []

    def append(self, part: Fragment) -> None:
        """Add the row groups of a file, whose schema and metadata are those of the first."""
        by, rows = self._at - len(MAGIC), part.footer[ROWS][1]
        with open(part.path, "rb") as file:
            file.seek(len(MAGIC))
            shutil.copyfileobj(file, self._file, COPY_BYTES)
        if self._file.tell() < by + part.end:
            raise OSError(CUT_OFF)
        self._at = self._file.seek(by + part.end)
        self._file.truncate()  # the part's own footer
        for group in part.groups:
            parts = (_number(one + by) if isinstance(one, _Place) else one for one in group)
            self._groups.append(b"".join(parts))
        rows += self._footer[ROWS][1] if self._footer else 0
        self._footer = {**part.footer, ROWS: (I64, rows)}

    def finish(self) -> None:
        """Write the footer."""
        self._footer[ROW_GROUPS] = LIST, (STRUCT, self._groups)
        footer = b"".join(part for part in _struct(self._footer) if isinstance(part, bytes))
        self._file.write(footer + len(footer).to_bytes(4, "little") + MAGIC)


def _open_places(group: Struct) -> None:
    """Mark what changes if a row group lies elsewhere; errors are of the library that wrote it."""
    group.pop(ORDINAL, None)  # that in its part; it may be left out
    _open(group, GROUP_AT)
    for chunk in group[CHUNKS][1][1]:
        if indices := [field for field in chunk if field > META]:
            raise CaptoolsError(f"a part of a Parquet file has indices or encryption: {indices}")
        _open(chunk, CHUNK_AT)
        for field in PLACES:
            _open(chunk[META][1], field)


def _open(struct: Struct, field: int) -> None:
    if field in struct and struct[field][1]:  # zero is none
        kind, value = struct[field]
        struct[field] = kind, _Place(value)


def _joined(parts: list[bytes | _Place]) -> list[bytes | _Place]:
    """Return the same, with bytes side by side as one."""
    joined: list[bytes | _Place] = [b""]
    for one in parts:
        if isinstance(one, _Place) or isinstance(joined[-1], _Place):
            joined.append(one)
        else:
            joined[-1] += one
    return joined


class _Reader:
    """Reads the compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        """Return the fields of a struct."""
        fields: Struct = {}
        last = 0
        while (head := self._byte()) != STOP:
            last = last + (head >> 4) if head >> 4 else self._number()
            kind = head & 15
            fields[last] = kind, kind == TRUE if kind in (TRUE, FALSE) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE, BYTE):  # of a list, in which a bool is a byte
            return self._byte()
        if kind in (I16, I32, I64):
            return self._number()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            head = self._byte()
            count = head >> 4 if head >> 4 < 15 else self._varint()
            return head & 15, [self._value(head & 15) for _ in range(count)]
        if kind == DOUBLE:
            return self._bytes(8)
        raise CaptoolsError(f"the footer of a Parquet file has a value of an unknown type: {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        number = self._byte()
        if number < 128:  # as most are
            return number
        number, shift = number & 127, 7
        while (byte := self._byte()) & 128:
            number |= (byte & 127) << shift
            shift += 7
        return number | byte << shift

    def _number(self) -> int:
        zigzag = self._varint()
        return zigzag >> 1 ^ -(zigzag & 1)


def _struct(fields: Struct) -> list[bytes | _Place]:
    """Return a struct in the compact protocol, in pieces."""
    parts: list[bytes | _Place] = []
    last = 0
    for field, (kind, value) in sorted(fields.items()):
        is_bool = kind in (TRUE, FALSE)
        type_ = (TRUE if value else FALSE) if is_bool else kind
        step = field - last
        parts.append(bytes([step << 4 | type_]) if step < 16 else bytes([type_]) + _number(field))
        if not is_bool:
            parts += _value(kind, value)
        last = field
    parts.append(b"\0")
    return parts


def _value(kind: int, value: Any) -> list[bytes | _Place]:
    if isinstance(value, (bytes, _Place)) and kind != BINARY:  # a place, or what is packed already
        return [value]
    if kind in (TRUE, FALSE, BYTE):
        return [bytes([value])]
    if kind in (I16, I32, I64):
        return [_number(value)]
    if kind == BINARY:
        return [_varint(len(value)), value]
    if kind == STRUCT:
        return _struct(value)
    inner, values = value
    count = len(values)
    head = bytes([count << 4 | inner]) if count < 15 else bytes([0xF0 | inner]) + _varint(count)
    return [head, *(part for one in values for part in _value(inner, one))]


def _number(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _varint(number: int) -> bytes:
    if number < 128:  # as most are
        return bytes((number,))
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)
