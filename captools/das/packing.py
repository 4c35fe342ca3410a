"""Stretches of samples as the part of an input: in plain types, to be found again in a worker."""

from collections.abc import Sequence
from typing import Any

from captools.das.records import Record
from captools.das.windows import Portion, Stretch

_OF_FILE = ("path", "size", "mtime_ns")  # which stand for its content in another way


def packed(stretches: Sequence[Stretch]) -> tuple[list[str], dict[str, Any]]:
    """Return the files of stretches, and how the samples are found in them."""
    records = [
        *dict.fromkeys(portion.record for stretch in stretches for portion in stretch.portions)
    ]
    paths = [*dict.fromkeys(record.path for record in records)]
    part = {
        "records": [[paths.index(one.path), _plain(one)] for one in records],
        "stretches": [
            [[records.index(one.record), one.first, one.stop] for one in stretch.portions]
            for stretch in stretches
        ],
    }
    return paths, part


def unpacked(paths: Sequence[str], part: dict[str, Any]) -> list[Stretch]:
    """Return the stretches that `packed` made plain."""
    records = [
        Record.from_json(plain | {"path": paths[path], "size": -1, "mtime_ns": -1})
        for path, plain in part["records"]
    ]
    return [
        Stretch(tuple(Portion(records[which], first, stop) for which, first, stop in portions))
        for portions in part["stretches"]
    ]


def _plain(record: Record) -> dict[str, Any]:
    """Return what of a record says how its samples are found."""
    return {name: value for name, value in record.as_json().items() if name not in _OF_FILE}
