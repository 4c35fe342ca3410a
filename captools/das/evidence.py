"""Which chunks a region of a cube has: a chunk that is not there may be one that was lost.

Where no level is, no chunk is. So of each region it is written down in the cube which ones it has,
when all are there; it is forgotten before any of them is written again. Programs that read zarr see
nothing of it.
"""

import json
from collections.abc import Iterator, Sequence

from captools.das.cubestore import CubeStore, as_bytes
from captools.das.layout import LEVELS, ROWS
from captools.das.regions import Region
from captools.errors import InputError
from captools.io.address import Url

FOLDER = "regions"


def say(store: CubeStore, region: Region, chunks: Sequence[tuple[int, int]]) -> None:
    """Write down which chunks a region has, by their row and column."""
    rows: dict[int, list[int]] = {}
    for row, column in sorted(chunks):
        rows.setdefault(row, []).append(column)
    if rows:
        store.put(_key(region), as_bytes({"chunks": rows}))


def forget(store: CubeStore, region: Region) -> None:
    """Remove what is written down of a region."""
    store.drop(_key(region))


def is_whole(store: CubeStore, region: Region) -> bool:
    """Return whether the chunks of a region are there; True of what is not written down.

    In an object store nobody looks: to list them all would take long.
    """
    if isinstance(store.location, Url):
        return True
    content = store.get(_key(region))
    try:
        return content is None or not any(_lost(store, content))
    except (ValueError, TypeError, AttributeError):  # it is damaged
        return False


def lost(store: CubeStore) -> Iterator[str]:
    """Yield the keys of chunks that regions had and that are not there.

    Raises
    ------
    InputError
        If what is written down is damaged.
    """
    for name in sorted(store.names(FOLDER)):
        key = f"{FOLDER}/{name}"
        try:
            yield from _lost(store, store.get(key) or b"{}")
        except (ValueError, TypeError, AttributeError):
            raise InputError(f"{store.location}: {key}: is damaged") from None


def _lost(store: CubeStore, content: bytes) -> Iterator[str]:
    for row, columns in json.loads(content).get("chunks", {}).items():
        folder = f"{LEVELS}/c/{int(row)}/0"
        there = store.names(folder)
        yield from (f"{folder}/{column}" for column in columns if str(column) not in there)


def _key(region: Region) -> str:
    return f"{FOLDER}/{region.row // ROWS}.json"
