"""A cube of spectra that is there: what it is, and its levels, chunk by chunk."""

from dataclasses import dataclass

import numpy as np

from captools.das.cubestore import CubeStore, array_metadata, chunk_key, decoded
from captools.das.layout import DIMENSIONS, LEVELS, Layout, rows_of
from captools.errors import InputError, one_line
from captools.io.address import file_name, parse_location


@dataclass(frozen=True)
class Cube:
    """A cube of spectra.

    Attributes
    ----------
    store : CubeStore
        Where its keys are.
    layout : Layout
        What it looks like.
    """

    store: CubeStore
    layout: Layout

    @classmethod
    def open(cls, path: str) -> "Cube":
        """Return a cube that `dascube` has made.

        Raises
        ------
        InputError
            If it is none, or was written anew by another program.
        """
        store = CubeStore(parse_location(path))
        root = store.root()
        if root is None:
            raise InputError(f"{path}: is no zarr store of version 3, as captools dascube makes")
        try:
            layout = Layout.from_json(root["attributes"]["layout"], rows_of(root))
            found = root["consolidated_metadata"]["metadata"][LEVELS]
            is_ours = all(found[name] == value for name, value in _as_written(layout).items())
        except (KeyError, TypeError, ValueError, AttributeError):
            is_ours = False
        if not is_ours:
            raise InputError(f"{path}: is a zarr store, but no cube that captools dascube has made")
        return cls(store, layout)

    @property
    def name(self) -> str:
        """The last part of where it is."""
        return file_name(str(self.store.location).rstrip("/"))

    @property
    def rows(self) -> range:
        """The first segment of each row of chunks, counted from the cube's first one."""
        return range(0, self.layout.rows, self.layout.chunk[0])

    @property
    def columns(self) -> range:
        """The first channel of each column of chunks, counted from the cube's first one."""
        return range(0, self.layout.width, self.layout.chunk[2])

    def levels(self, row: int, column: int) -> np.ndarray | None:
        """Return what a chunk holds.

        Parameters
        ----------
        row, column : int
            Of `rows` and `columns`.

        Returns
        -------
        array of float32, shape (segments, frequencies, channels), or None
            NaN where levels are missing; None if all are.

        Raises
        ------
        InputError
            If the chunk is damaged.
        """
        rows, _, columns = self.layout.chunk
        key = chunk_key(LEVELS, row // rows, 0, column // columns)
        try:
            content = self.store.get(key)
            if content is None:
                return None
            chunk = decoded(content, self.layout.chunk, np.dtype(np.float32))
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"{self.store.location}: {key}: {one_line(error)}") from None
        return chunk[: self.layout.rows - row, :, : self.layout.width - column]


def _as_written(layout: Layout) -> dict:
    """Return what of the metadata of levels says how they are stored."""
    shape = (layout.rows, layout.chunk[1], layout.width)
    found = array_metadata(shape, layout.chunk, np.dtype(np.float32), DIMENSIONS, {})
    return {name: found[name] for name in ("shape", "data_type", "chunk_grid", "codecs")}
