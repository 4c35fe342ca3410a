"""Flat files for tests, and what is wrong with some."""

import contextlib
import os
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from captools.flat import reader, writer
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.points import merging


def random_columns(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Return columns of several dtypes, with NaN, equal times, and times that are not known."""
    random = np.random.default_rng(seed)
    t_gps = random.integers(0, max(1, rows // 3), rows).astype("f8")
    t_gps[random.random(rows) < 0.1] = np.nan
    h_li = random.normal(size=rows).astype("f4")
    h_li[random.random(rows) < 0.1] = np.nan
    return {
        "lat": random.uniform(-90, 90, rows),
        "lon": random.uniform(-180, 180, rows),
        "h_li": h_li,
        "q_flag": random.integers(-128, 128, rows).astype("i1"),
        "segment_id": random.integers(0, 2**32, rows).astype("u4"),
        "t_gps": t_gps,
        "is_asc": random.random(rows) < 0.5,
        "number": np.arange(rows),
    }


def write_flat(path: Path, columns: dict[str, np.ndarray], compression="none", **attrs) -> Path:
    """Write a flat file of captools."""
    attrs = {"captools_version": "0", "rgt": 1, "cycle": 2, "spot": 3} | attrs
    with FlatWriter(path.parent, compression) as batch:
        batch.write(path.name, Table(columns, attrs=attrs))
    return path


def write_split(folder: Path, columns: dict[str, np.ndarray], cuts: list[int]) -> list[Path]:
    """Write a file for the rows between any two cuts, in their order."""
    rows = len(columns["lat"])
    edges = [0, *sorted(min(cut, rows) for cut in cuts), rows]
    return [
        write_flat(
            folder / f"{number:03d}.h5",
            {name: values[edges[number] : edges[number + 1]] for name, values in columns.items()},
            compression=["none", "lzf", "gzip"][number % 3],
            source=f"granule_{number:03d}.h5",
        )
        for number in range(len(edges) - 1)
    ]


@contextlib.contextmanager
def small_pieces(bucket=8, stride=2, block=7, piece=16, chunk=5):
    """Let everything that is done piece by piece be done in small ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "BUCKET_ROWS", bucket)
        patch.setattr(merging, "STRIDE_ROWS", stride)
        patch.setattr(reader, "BLOCK_ROWS", block)
        patch.setattr(writer, "PIECE_ROWS", piece)
        patch.setattr(writer, "CHUNK_ROWS", chunk)
        yield


def damage(path: Path, column: str = "h_li", chunk: int = 0) -> Path:
    """Flip a bit in a compressed chunk of a column, which only reading it shows."""
    with h5py.File(path) as file:
        info = file[column].id.get_chunk_info(chunk)
    content = bytearray(path.read_bytes())
    content[info.byte_offset + info.size // 2] ^= 0x10
    path.write_bytes(content)
    return path


def make_endless(path):
    """Put zeros among the strings of a flat file, which HDF5 follows for ever; return its path."""
    with h5py.File(path, "r+") as file:
        for name in ("source", "product"):
            file.attrs[name] = "text of any length " * 40
    content = bytearray(path.read_bytes())
    heap = content.rindex(b"GCOL") + 16  # behind its version and size
    content[heap : heap + 512] = bytes(512)
    path.write_bytes(content)
    return path


def truncate(path: Path) -> Path:
    """Cut a file in half."""
    os.truncate(path, path.stat().st_size // 2)
    return path


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Check columns, dtypes and values."""
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype, name
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def assert_no_heap(path: Path) -> None:
    """Check that nothing in an HDF5 file is of variable length, nor a heap for it there."""

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        dtypes = {one: item.attrs.get_id(one).dtype for one in item.attrs}
        dtypes |= {"": item.dtype} if isinstance(item, h5py.Dataset) else {}
        assert [one for one in dtypes if dtypes[one].hasobject] == [], f"{path}: {name}"

    with h5py.File(path) as file:
        look("/", file)
        file.visititems(look)
    heaps = re.finditer(b"GCOL", path.read_bytes())
    assert [heap.start() for heap in heaps if heap.start() % 8 == 0] == [], path


def sources_of(path: Path) -> list[str]:
    """Return the sources that a file names below `_captools`."""
    with h5py.File(path) as file:
        return [name.decode() for name in file["_captools/source"][()]]
