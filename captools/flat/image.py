"""The bytes of a flat file, built in memory.

Through h5py's low-level interface: attributes are most of the work of a small granule, and its
high-level objects take three times as long.
"""

from functools import cache

import h5py
import numpy as np
from h5py import h5d, h5f, h5g, h5p, h5s

from captools.flat import lzf, skeleton
from captools.flat.attributes import set_attribute, write_private
from captools.flat.chunks import write_chunks
from captools.flat.table import Table
from captools.io.hdf5 import hdf5_type


def image(table: Table, compression: str | None) -> list[bytes | memoryview]:
    """Return the bytes of the flat file, in pieces.

    Built in memory, so that a full disk shows as a plain OSError of one write
    and never as a half-closed HDF5 file; a beam's columns are a few megabytes.
    """
    pieces = skeleton.parts(table, _laid_out) if compression is None else None
    if pieces is None:
        file = _laid_out(table, compression)
        h5f.flush(file)
        pieces = [file.get_file_image()]
    return pieces


def _laid_out(table: Table, compression: str | None = None) -> h5f.FileID:
    """Return a flat file in memory."""
    access = h5p.create(h5p.FILE_ACCESS)
    # Room for all at once, for HDF5 would copy what is there each time that it gets more.
    size = sum(values.nbytes for values in table.columns.values()) if compression is None else 0
    access.set_fapl_core(block_size=size + (1 << 20), backing_store=False)
    # Readers of any age know the earliest format, and later ones store the time of writing.
    access.set_libver_bounds(h5f.LIBVER_EARLIEST, h5f.LIBVER_LATEST)
    file = h5f.create(b"flat", h5f.ACC_TRUNC, fapl=access)
    for name, values in table.columns.items():
        dataset = _create_column(file, name, values, compression)
        for key, value in table.column_attrs.get(name, {}).items():
            set_attribute(dataset, key, value)
    write_private(file, table.private)
    root = h5g.open(file, b"/")
    for key, value in table.attrs.items():
        set_attribute(root, key, value)
    return file


def _create_column(
    group: h5g.GroupID | h5f.FileID,
    name: str,
    values: np.ndarray | skeleton.Unwritten,
    compression: str | None,
) -> h5d.DatasetID:
    """Write one column, in one piece or compressed chunk by chunk."""
    if compression == "lzf":
        dataset = h5py.Group(group).create_dataset(
            name, values.shape, values.dtype, compression="lzf"
        )
        write_chunks(dataset.id, 0, values, dataset.chunks[0], lzf.pack)
        return dataset.id
    if compression is not None:
        return h5py.Group(group).create_dataset(name, data=values, compression=compression).id
    space = h5s.create_simple(values.shape)
    kind = hdf5_type(values.dtype)
    dataset = h5d.create(group, name.encode(), kind, space, _layout())
    if not isinstance(values, skeleton.Unwritten):
        dataset.write(h5s.ALL, h5s.ALL, np.ascontiguousarray(values), kind)
    return dataset


@cache
def _layout() -> h5p.PropDCID:
    """Return how columns are stored: in one piece, and without the time of their writing."""
    layout = h5p.create(h5p.DATASET_CREATE)
    layout.set_obj_track_times(False)
    return layout
