"""How a dataset lies in an HDF5 file: chunks and filters."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Chunks and filters of datasets that grow along their first axis.

    The defaults are the product's own, of all releases so far.

    Attributes
    ----------
    chunk : int
        Rows per chunk.
    compression : {"gzip", "lzf", None}
        Compression filter.
    level : int
        Level of gzip, 0 to 9.
    shuffle : bool or None
        Byte shuffle; None is the product's rule: compressed integers only.
    fletcher32 : bool
        Checksums.
    contiguous : bool
        One block of fixed length: no chunks, hence no filters.
    """

    chunk: int = 10_000
    compression: str | None = "gzip"
    level: int = 6
    shuffle: bool | None = None
    fletcher32: bool = False
    contiguous: bool = False

    def options(self, shape: tuple[int, ...], dtype: np.dtype) -> dict[str, Any]:
        """Give the arguments of ``h5py.Group.create_dataset`` for data of this shape and dtype."""
        if self.contiguous:
            return {}
        integers_compress = dtype.kind in "iu" and self.compression is not None
        return {
            "chunks": (self.chunk, *shape[1:]),
            "maxshape": (None, *shape[1:]),
            "compression": self.compression,
            "compression_opts": self.level if self.compression == "gzip" else None,
            "shuffle": integers_compress if self.shuffle is None else self.shuffle,
            "fletcher32": self.fletcher32,
        }


PRODUCT = Layout()
FIXED = Layout(contiguous=True)
ORBIT = Layout(chunk=16, compression=None)
COMPRESSED_ORBIT = Layout(chunk=16)


@dataclass(frozen=True)
class Blank:
    """Stands for values that are all fill: the dataset has this shape, and no chunk is written."""

    shape: tuple[int, ...]
