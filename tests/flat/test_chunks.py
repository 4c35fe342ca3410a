"""Columns that grow chunk by chunk: h5py reads what was added, whatever the pieces."""

import itertools

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.flat.chunks import ChunkedColumn

DTYPES = ("?", "i1", "u2", "<i4", ">i4", "<i8", "<f4", ">f8")


def grown(dtype, chunk, pieces):
    file = h5py.File.in_memory()
    dataset = file.create_dataset("h", (0,), dtype, maxshape=(None,), chunks=(chunk,))
    column = ChunkedColumn(dataset)
    for piece in pieces:
        column.append(piece)
    column.finish()
    return file


@settings(max_examples=80, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 40), max_size=8),
    dtype=st.sampled_from(DTYPES),
    chunk=st.integers(1, 30),
    step=st.sampled_from([1, 2, -1]),
)
def test_h5py_reads_what_was_added(lengths, dtype, chunk, step):
    edges = np.cumsum([0, *lengths])
    values = (np.arange(edges[-1] * abs(step)) % 100).astype(dtype)[::step]
    pieces = [values[start:stop] for start, stop in itertools.pairwise(edges)]
    with grown(dtype, chunk, pieces) as file:
        assert file["h"].dtype == np.dtype(dtype)
        np.testing.assert_array_equal(file["h"][:], values)
        assert file["h"].id.get_num_chunks() == -(-len(values) // chunk)


@pytest.mark.parametrize("given", ["<f4", ">f8", "i2", "?"])
def test_values_of_another_dtype_are_converted(given):
    values = (np.arange(9) % 2).astype(given)
    with grown("<f8", 4, [values[:3], values[3:]]) as file:
        np.testing.assert_array_equal(file["h"][:], values.astype("f8"))
