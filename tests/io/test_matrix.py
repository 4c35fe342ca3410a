"""Reading matrices: whatever the layout, what h5py reads, and no more than is wanted."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_columns import DTYPES, FILTERS

from captools.io.matrix import StoredMatrix
from captools.io.rows import RowSelection


@st.composite
def matrices(draw):
    """Values, options of create_dataset, how many rows are ever written, and what is read."""
    shape = draw(st.integers(0, 60)), draw(st.integers(0, 7))
    options = {}
    if draw(st.booleans()):
        chunks = draw(st.integers(1, 70)), draw(st.integers(1, 9))
        options = {"chunks": chunks, "maxshape": (None, None), **draw(st.sampled_from(FILTERS))}
    dtypes = DTYPES[:-1] if "scaleoffset" in options else DTYPES  # it knows no booleans
    dtype = draw(st.sampled_from(dtypes))
    values = np.ones(shape, dtype)
    written = draw(st.integers(0, shape[0]))
    numbers = np.random.default_rng(shape[0]).integers(-100, 100, (written, shape[1]))
    values[:written] = numbers.astype(dtype)
    pick = draw(st.none() if not shape[1] else st.one_of(st.none(), st.integers(0, shape[1] - 1)))
    column = values.ravel() if pick is None else values[:, pick]
    first, last = sorted(draw(st.integers(0, len(column))) for _ in range(2))
    chosen = draw(st.sets(st.integers(0, len(column) - 1))) if len(column) else ()
    selected = np.array(sorted(chosen), dtype=np.intp)
    rows = draw(st.sampled_from([None, slice(first, last), selected, RowSelection(selected)]))
    truth = column[
        rows.rows if isinstance(rows, RowSelection) else slice(None) if rows is None else rows
    ]
    return values, options, written, pick, rows, truth


def write(file, values, options, written):
    """Write the first rows of a matrix, and no others."""
    dataset = file.create_dataset("matrix", values.shape, values.dtype, fillvalue=1, **options)
    dataset[:written] = values[:written]


@settings(max_examples=150)
@given(matrices())
def test_any_layout_is_read_as_h5py_reads_it(tmp_path_factory, matrix):
    values, options, written, pick, rows, truth = matrix
    path = tmp_path_factory.getbasetemp() / "matrix.h5"
    with h5py.File(path, "w") as file:
        write(file, values, options, written)
    with h5py.File(path) as file:
        stored = StoredMatrix(file["matrix"].id, pick)
        assert stored.shape == ((values.size,) if pick is None else (len(values),))
        (chunk, *_) = options.get("chunks", (len(values),))
        if values.size and (not written or -(-written // chunk) * chunk < len(values)):
            with pytest.raises(OSError, match="are there"):  # no fill value was measured
                stored.read(rows)
            return
        found = stored.read(rows)
        assert found.dtype == truth.dtype
        assert found.tobytes() == truth.tobytes()


@pytest.mark.parametrize("pick", [None, 3])
def test_only_chunks_that_hold_a_wanted_value_are_read(tmp_path, pick):
    path = tmp_path / "chunks.h5"
    values = np.arange(600.0).reshape(100, 6)
    with h5py.File(path, "w") as file:
        file.create_dataset("matrix", data=values, chunks=(10, 2), compression="gzip")
    truth = values.ravel() if pick is None else values[:, pick]
    # Of the first chunk of rows and the last.
    rows = np.array([7, 8, 599] if pick is None else [1, 99])
    with h5py.File(path) as file:
        stored = file["matrix"].id
        chunks = [stored.get_chunk_info(number) for number in range(stored.get_num_chunks())]
        needed = set(StoredMatrix(stored, pick).extents(RowSelection(rows)))
    columns = (0, 2, 4) if pick is None else (2,)
    wanted = [
        one for one in chunks if one.chunk_offset[0] in (0, 90) and one.chunk_offset[1] in columns
    ]
    assert needed == {(one.byte_offset, one.byte_offset + one.size) for one in wanted}
    content = bytearray(path.read_bytes())
    for chunk in chunks:
        if chunk not in wanted:
            content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    with h5py.File(path) as file:
        stored = StoredMatrix(file["matrix"].id, pick)
        assert stored.read(rows).tolist() == truth[rows].tolist()
        with pytest.raises(OSError, match="filter returned failure"):
            stored.read()
