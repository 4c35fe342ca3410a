"""How a dataset lies in an HDF5 file: chunks and filters."""

from dataclasses import dataclass

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

    def shuffles(self, dtype: np.dtype) -> bool:
        """Return whether the bytes of values of this dtype are shuffled."""
        if self.shuffle is None:
            return dtype.kind in "iu" and self.compression is not None
        return self.shuffle


PRODUCT = Layout()
FIXED = Layout(contiguous=True)
ORBIT = Layout(chunk=16, compression=None)
COMPRESSED_ORBIT = Layout(chunk=16)


@dataclass(frozen=True)
class Blank:
    """Stands for values that are all fill: the dataset has this shape, and no chunk is written."""

    shape: tuple[int, ...]
