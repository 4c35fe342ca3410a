"""The keys of a zarr store (version 3), each written whole or not at all.

A region is whole chunks, which no other one writes to. So chunks are encoded and put here one by
one: of zarr only its compression is needed, and a worker starts at once.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captools.errors import InputError, one_line
from captools.extras import require
from captools.io import remote
from captools.io.address import Url
from captools.io.atomic import appearing, output_error
from captools.io.troubles import Missing, attempt

ROOT = "zarr.json"
LEVEL = 5  # of lz4
_SHUFFLES = {"shuffle": 1, "bitshuffle": 2}  # as blosc numbers them
_FILLS = {"f": "NaN", "i": 0}


class CubeStore:
    """A zarr store on a disk or in an object store.

    Parameters
    ----------
    location : Path or Url
        Its folder.
    """

    def __init__(self, location: Path | Url) -> None:
        self.location = location

    def root(self) -> dict[str, Any] | None:
        """Return the metadata of the whole store; None if it is not there.

        Raises
        ------
        InputError
            If there is something else.
        """
        try:
            content = self.get(ROOT)
            return None if content is None else json.loads(content)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.location}: {ROOT}: {one_line(error)}") from None

    def put(self, key: str, content: bytes) -> None:
        """Write the content of a key in place of what is there.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        if isinstance(self.location, Url):
            with tempfile.NamedTemporaryFile() as file:
                file.write(content)
                file.flush()
                remote.put(Path(file.name), self._url(key))
            return
        path = Path(self.location, key)
        # In the store's folder, where the next run sweeps what this one may leave.
        with appearing(path, inside=Path(self.location)) as file:
            file.write(content)

    def drop(self, key: str) -> None:
        """Remove a key, which need not be there."""
        if isinstance(self.location, Url):
            remote.remove([self._url(key)])
            return
        path = Path(self.location, key)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            pass
        except OSError as error:
            raise output_error(path, error) from None

    def rows(self, name: str) -> set[int]:
        """Return the numbers of the rows of chunks in which an array has, or had, any."""
        return {int(one) for one in self.names(f"{name}/c")}

    def names(self, folder: str) -> set[str]:
        """Return the names of what is in a folder of the store, which need not be there."""
        if isinstance(self.location, Url):
            url = self._url(folder)
            system = remote.file_system(url)
            try:
                found = attempt(url, lambda: system.ls(url, False))
            except Missing:
                return set()
            return {os.path.basename(one.rstrip("/")) for one in found}
        place = Path(self.location, folder)
        return {*os.listdir(place)} if place.is_dir() else set()

    def get(self, key: str) -> bytes | None:
        """Return the content of a key, None if it is not there."""
        if not isinstance(self.location, Url):
            try:
                return Path(self.location, key).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, os.path.basename(key))
            try:
                remote.get(self._url(key), path)
            except Missing:
                return None
            return path.read_bytes()

    def _url(self, key: str) -> Url:
        return Url(f"{str(self.location).rstrip('/')}/{key}")


def array_metadata(
    shape: Sequence[int],
    chunk: Sequence[int],
    dtype: np.dtype,
    dimensions: Sequence[str],
    attributes: dict[str, Any],
) -> dict[str, Any]:
    """Return the metadata of an array of a store, as zarr writes them."""
    return {
        "shape": list(shape),
        "data_type": dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": _FILLS[dtype.kind],
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {
                "name": "blosc",
                "configuration": {
                    "typesize": dtype.itemsize,
                    "cname": "lz4",
                    "clevel": LEVEL,
                    "shuffle": _shuffle(dtype),
                    "blocksize": 0,
                },
            },
        ],
        "attributes": attributes,
        "dimension_names": list(dimensions),
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }


def group_metadata(attributes: dict[str, Any], arrays: dict[str, dict]) -> dict[str, Any]:
    """Return the metadata of a store, with those of its arrays consolidated."""
    return {
        "attributes": attributes,
        "zarr_format": 3,
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": arrays,
        },
        "node_type": "group",
    }


def as_bytes(metadata: dict[str, Any]) -> bytes:
    """Return metadata as they are written."""
    return json.dumps(metadata, indent=2, allow_nan=False).encode()


def chunk_key(name: str, *indices: int) -> str:
    """Return the key of a chunk of an array."""
    return "/".join([name, "c", *map(str, indices)])


def encoded(chunk: np.ndarray) -> bytes:
    """Return the bytes of a whole chunk, the same for the same values."""
    require("das", "numcodecs")
    from numcodecs import blosc

    blosc.use_threads = False  # several would cut it into other blocks
    chunk = np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<"))
    shuffle = _SHUFFLES[_shuffle(chunk.dtype)]
    return blosc.compress(chunk, b"lz4", LEVEL, shuffle, 0, chunk.dtype.itemsize)


def decoded(content: bytes, chunk: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """Return a whole chunk of its bytes.

    Raises
    ------
    ValueError, RuntimeError
        If they are damaged.
    """
    require("das", "numcodecs")
    from numcodecs import blosc

    return np.frombuffer(blosc.decompress(content), dtype.newbyteorder("<")).reshape(chunk)


def _shuffle(dtype: np.dtype) -> str:
    """Return how bytes are ordered before they are compressed: bits, where many are zero."""
    return "bitshuffle" if dtype.kind == "f" else "shuffle"


def padded(values: np.ndarray, chunk: Sequence[int]) -> np.ndarray:
    """Return values that fill a chunk in part as a whole one."""
    if values.shape == tuple(chunk):
        return values
    whole = np.full(chunk, np.nan if values.dtype.kind == "f" else 0, values.dtype)
    whole[tuple(map(slice, values.shape))] = values
    return whole
