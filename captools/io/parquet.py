"""Parquet files put together from others of the same schema, without a look at what they hold.

A Parquet file is the bytes of its row groups and a footer that says where these lie. The footer
is a struct of Thrift's compact protocol: that of the whole has the row groups of all parts, whose
places are counted anew. See https://github.com/apache/parquet-format (parquet.thrift) and
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO

from captools.errors import CaptoolsError

MAGIC = b"PAR1"
COPY_BYTES = 1 << 22
# Types of the compact protocol. A struct is a dict of its fields: by number, type and value.
STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
# Fields of a file, a row group, a chunk of a column and its metadata.
ROWS, ROW_GROUPS = 3, 4
CHUNKS, GROUP_AT, ORDINAL = 1, 5, 7
CHUNK_AT, META = 2, 3
PLACES = (9, 10, 11)  # of data, index and dictionary pages


class Spliced:
    """A Parquet file that grows by the row groups of others.

    Parameters
    ----------
    file : binary file
        It is written from its start.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = file.write(MAGIC)
        self._footer: dict[int, tuple[int, Any]] = {}
        self._groups: list[Any] = []
        self._rows = 0

    def append(self, path: Path) -> None:
        """Add the row groups of a file, whose schema and metadata are those of the first."""
        with open(path, "rb") as part:
            part.seek(-8, os.SEEK_END)
            size = int.from_bytes(part.read(4), "little")
            end = part.seek(-8 - size, os.SEEK_END)
            footer = _Reader(part.read(size)).struct()
            part.seek(len(MAGIC))
            shutil.copyfileobj(part, self._file, COPY_BYTES)
        self._file.seek(self._at + end - len(MAGIC))
        self._file.truncate()  # the part's own footer
        for group in footer[ROW_GROUPS][1][1]:
            _move(group, self._at - len(MAGIC))
            self._groups.append(group)
        self._rows += footer[ROWS][1]
        self._footer = self._footer or footer
        self._at += end - len(MAGIC)

    def finish(self) -> None:
        """Write the footer."""
        self._footer[ROWS] = I64, self._rows
        self._footer[ROW_GROUPS] = LIST, (STRUCT, self._groups)
        footer = _struct(self._footer)
        self._file.write(footer + len(footer).to_bytes(4, "little") + MAGIC)


def _move(group: dict[int, tuple[int, Any]], by: int) -> None:
    """Say that the bytes of a row group lie so much further behind."""
    group.pop(ORDINAL, None)  # that in its part; it may be left out
    _add(group, GROUP_AT, by)
    for chunk in group[CHUNKS][1][1]:
        _add(chunk, CHUNK_AT, by)
        if indices := [field for field in chunk if field > META]:
            raise CaptoolsError(f"a part of a Parquet file has indices or encryption: {indices}")
        for field in PLACES:
            _add(chunk[META][1], field, by)


def _add(struct: dict[int, tuple[int, Any]], field: int, number: int) -> None:
    if field in struct and struct[field][1]:  # zero is none
        kind, value = struct[field]
        struct[field] = kind, value + number


class _Reader:
    """Reads the compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> dict[int, tuple[int, Any]]:
        """Return the fields of a struct."""
        fields: dict[int, tuple[int, Any]] = {}
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
        number = shift = 0
        while (byte := self._byte()) & 128:
            number |= (byte & 127) << shift
            shift += 7
        return number | byte << shift

    def _number(self) -> int:
        zigzag = self._varint()
        return zigzag >> 1 ^ -(zigzag & 1)


def _struct(fields: dict[int, tuple[int, Any]]) -> bytes:
    """Return a struct in the compact protocol."""
    parts, last = [], 0
    for field, (kind, value) in sorted(fields.items()):
        is_bool = kind in (TRUE, FALSE)
        type_ = (TRUE if value else FALSE) if is_bool else kind
        step = field - last
        parts.append(bytes([step << 4 | type_]) if step < 16 else bytes([type_]) + _number(field))
        if not is_bool:
            parts.append(_value(kind, value))
        last = field
    return b"".join([*parts, b"\0"])


def _value(kind: int, value: Any) -> bytes:
    if kind in (TRUE, FALSE, BYTE):
        return bytes([value])
    if kind in (I16, I32, I64):
        return _number(value)
    if kind == BINARY:
        return _varint(len(value)) + value
    if kind == STRUCT:
        return _struct(value)
    if kind == DOUBLE:
        return value
    inner, values = value
    count = len(values)
    head = bytes([count << 4 | inner]) if count < 15 else bytes([0xF0 | inner]) + _varint(count)
    return head + b"".join(_value(inner, one) for one in values)


def _number(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)
