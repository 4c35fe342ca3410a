"""Reading columns: whatever the layout, what h5py reads; damage is an error, as with h5py."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.columns import StoredColumn

DTYPES = ("<f4", "<f8", ">f4", ">i4", "i1", "<i4", "<u2", "?")
FILTERS = (
    {},
    {"compression": "gzip"},
    {"compression": "gzip", "compression_opts": 1},
    {"compression": "gzip", "shuffle": True},
    {"compression": "gzip", "fletcher32": True},
    {"compression": "lzf"},
    {"compression": "lzf", "shuffle": True},
    {"shuffle": True},
    {"fletcher32": True},
)


@st.composite
def layouts(draw):
    """A dtype, a length, options of create_dataset and how much of it is ever written."""
    length = draw(st.integers(0, 300))
    chunk = draw(st.one_of(st.none(), st.integers(1, 400)))
    options = {} if chunk is None else {"chunks": (chunk,), "maxshape": (None,)}
    if chunk is not None:
        options |= draw(st.sampled_from(FILTERS))
    return draw(st.sampled_from(DTYPES)), length, options, draw(st.integers(0, length))


@settings(max_examples=300, deadline=None)
@given(layouts(), st.data())
def test_any_layout_is_read_as_h5py_reads_it(layout, data):
    dtype, length, options, written = layout
    values = np.random.default_rng(length).integers(-100, 100, length).astype(dtype)
    with h5py.File("any", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("column", (length,), dtype, fillvalue=1, **options)
        dataset[:written] = values[:written]
        file.flush()
        chosen = data.draw(st.lists(st.integers(0, max(0, length - 1)), unique=True))
        rows = np.array(sorted(chosen) if length else [], dtype=np.intp)
        plain = dataset[()]
        stretch = slice(*sorted(data.draw(st.integers(0, length)) for _ in range(2)))
        for wanted in (None, stretch, rows):
            truth = plain if wanted is None else plain[wanted]
            found = StoredColumn(dataset.id).read(wanted)
            assert found.dtype == truth.dtype
            assert found.tobytes() == truth.tobytes()


@pytest.mark.parametrize("fill", [-9999.0, 3.4028234663852886e38])
@pytest.mark.parametrize("named", [True, False])
def test_fills_of_floats_become_nan(tmp_path, fill, named):
    with h5py.File(tmp_path / "fills.h5", "w") as file:
        values = np.array([1, fill, 2], dtype="f4")
        dataset = file.create_dataset("column", data=values, chunks=(2,), compression="gzip")
        if named:
            dataset.attrs["_FillValue"] = np.float32(fill)
        # The largest number is a fill by convention, any other one only if it is named.
        expected = np.isin([0, 1, 2], [1] if named or fill > 1e38 else [])
        np.testing.assert_array_equal(np.isnan(StoredColumn(dataset.id).read()), expected)


def test_only_the_chunks_that_hold_a_row_are_inflated(tmp_path, monkeypatch):
    read = []
    chunk = StoredColumn._chunk
    monkeypatch.setattr(
        StoredColumn, "_chunk", lambda self, at: read.append(at) or chunk(self, at)
    )
    with h5py.File(tmp_path / "chunks.h5", "w") as file:
        dataset = file.create_dataset(
            "column", data=np.arange(1000.0), chunks=(100,), compression="gzip"
        )
        rows = np.array([5, 99, 250, 999])
        np.testing.assert_array_equal(StoredColumn(dataset.id).read(rows), rows)
    assert read == [0, 200, 900]


def test_a_damaged_chunk_is_an_error_as_with_h5py(tmp_path):
    path = tmp_path / "damaged.h5"
    with h5py.File(path, "w") as file:
        values = np.random.default_rng(0).normal(size=1000)
        dataset = file.create_dataset("column", data=values, chunks=(100,), compression="gzip")
        chunk = dataset.id.get_chunk_info(4)
    with open(path, "r+b") as file:
        file.seek(chunk.byte_offset + chunk.size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 0xFF]))
    with h5py.File(path) as file:
        with pytest.raises(OSError, match="filter returned failure"):
            StoredColumn(file["column"].id).read()
        rows = np.arange(100)
        np.testing.assert_array_equal(StoredColumn(file["column"].id).read(rows), values[:100])
