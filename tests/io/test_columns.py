"""Reading columns: whatever the layout, what h5py reads; damage is an error, as with h5py."""

import warnings

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.errors import CaptoolsWarning
from captools.io.columns import StoredColumn
from captools.io.hdf5 import descriptor
from captools.simulation.granule import write_granule
from captools.simulation.layout import Layout
from captools.steps.readatl06 import readatl06

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
    {"scaleoffset": 0},
    {"scaleoffset": 0, "compression": "gzip"},
)


@st.composite
def layouts(draw):
    """A dtype, a length, options of create_dataset and how much of it is ever written."""
    length = draw(st.integers(0, 300))
    chunk = draw(st.one_of(st.none(), st.integers(1, 400)))
    options = {} if chunk is None else {"chunks": (chunk,), "maxshape": (None,)}
    if chunk is not None:
        options |= draw(st.sampled_from(FILTERS))
    dtypes = DTYPES[:-1] if "scaleoffset" in options else DTYPES  # it knows no booleans
    return draw(st.sampled_from(dtypes)), length, options, draw(st.integers(0, length))


@settings(max_examples=100, deadline=None)
@given(layouts(), st.sampled_from([0, 512]), st.data())
def test_any_layout_is_read_as_h5py_reads_it(tmp_path_factory, layout, userblock, data):
    """But for rows that were never stored, for which h5py has a fill value: no value at all."""
    dtype, length, options, written = layout
    (chunk,) = options.get("chunks", (length,))
    stored = min(length, -(-written // chunk) * chunk) if chunk else 0
    values = np.random.default_rng(length).integers(-100, 100, length).astype(dtype)
    path = tmp_path_factory.getbasetemp() / "any.h5"
    with h5py.File(path, "w", userblock_size=userblock) as file:
        dataset = file.create_dataset("column", (length,), dtype, fillvalue=1, **options)
        dataset[:written] = values[:written]
    with h5py.File(path) as file:
        dataset = file["column"]
        chosen = data.draw(st.lists(st.integers(0, max(0, length - 1)), unique=True))
        rows = np.array(sorted(chosen) if length else [], dtype=np.intp)
        plain = dataset[()]
        stretch = slice(*sorted(data.draw(st.integers(0, length)) for _ in range(2)))
        for wanted in (None, stretch, rows):
            truth = plain if wanted is None else plain[wanted]
            for past_hdf5 in (None, descriptor(file)):
                try:
                    found = StoredColumn(dataset.id, past_hdf5).read(wanted)
                except OSError:
                    assert stored < length
                    continue
                assert not np.any(
                    np.arange(length)[slice(None) if wanted is None else wanted] >= stored
                )
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


def test_all_fills_of_whole_numbers_become_the_first(tmp_path):
    with h5py.File(tmp_path / "fills.h5", "w") as file:
        dataset = file.create_dataset("column", data=np.array([1, -9, 2, 99, -8], "i2"))
        assert StoredColumn(dataset.id).fill_value is None
        assert StoredColumn(dataset.id, fill=np.int16(99)).fill_value == 99
        dataset.attrs["missing_value"] = np.array([-8, 99], "i4")
        assert StoredColumn(dataset.id, fill=np.int16(1)).read().tolist() == [1, -9, 2, -8, -8]
        dataset.attrs["_FillValue"] = np.int16(-9)
        column = StoredColumn(dataset.id)
        assert (column.fill_value, column.read().tolist()) == (-9, [1, -9, 2, -9, -9])
        assert column.read(slice(2, 4)).tolist() == [2, -9]


def test_only_the_chunks_that_hold_a_row_are_inflated(tmp_path, monkeypatch):
    read = []
    chunk = StoredColumn._chunk
    monkeypatch.setattr(
        StoredColumn, "_chunk", lambda self, at, places: read.append(at) or chunk(self, at, places)
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
        for past_hdf5 in (None, descriptor(file)):
            column = StoredColumn(file["column"].id, past_hdf5)
            with pytest.raises(OSError, match="filter returned failure"):
                column.read()
            np.testing.assert_array_equal(column.read(np.arange(100)), values[:100])


@pytest.mark.parametrize("knows", [True, False])
def test_what_hdf5_says_of_places_is_checked_against_what_is_there(tmp_path, monkeypatch, knows):
    with h5py.File(tmp_path / "any.h5", "w") as file:
        values = np.random.default_rng(0).normal(size=1000)
        file.create_dataset("column", data=values, chunks=(100,), compression="gzip")
    with h5py.File(tmp_path / "any.h5") as file:
        column = StoredColumn(file["column"].id, descriptor(file))
        places = column._places
        assert sorted(places) == list(range(0, 1000, 100))
        wrong = {
            at: place._replace(byte_offset=place.byte_offset - 1) for at, place in places.items()
        }
        monkeypatch.setattr(column, "_places", wrong if knows else {})
        np.testing.assert_array_equal(column.read(), values)


LAYOUTS = st.builds(
    Layout,
    chunk=st.integers(1, 2_000),
    compression=st.sampled_from(["gzip", "gzip", "lzf", None]),
    level=st.integers(0, 9),
    shuffle=st.sampled_from([None, True, False]),
    fletcher32=st.booleans(),
    contiguous=st.sampled_from([False, False, False, True]),
)


def outputs_both_ways(granule, folder, **options):
    """Return the bytes of a granule's outputs, read as fast as may be and by HDF5 alone."""
    contents = []
    for way in ("fast", "slow"):
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore", CaptoolsWarning)
            if way == "slow":
                patch.setattr(StoredColumn, "_deflated", None)
            paths = readatl06(granule, folder / way, **options)
        contents.append({path.name: path.read_bytes() for path in paths})
    return contents


BOXES = st.one_of(
    st.none(),
    st.tuples(st.floats(-88, -60), st.floats(0.1, 20)).map(
        lambda edge: (-180, 180, edge[0], edge[0] + edge[1])
    ),
)


@settings(max_examples=12, deadline=None)
@given(LAYOUTS, BOXES)
def test_granules_of_any_layout_give_the_same_bytes_both_ways(tmp_path_factory, layout, bbox):
    folder = tmp_path_factory.mktemp("layout")
    granule = write_granule(folder, 12, 4, 11, segments=200, bad=0.3, layout=layout)
    fast, slow = outputs_both_ways(granule, folder, bbox=bbox)
    assert fast == slow


def test_real_granules_give_the_same_bytes_both_ways(real_data, tmp_path):
    count = 0
    for granule in sorted((real_data / "atl06").glob("*.h5")):
        fast, slow = outputs_both_ways(granule, tmp_path / granule.stem)
        assert fast == slow
        count += len(fast)
    assert count > 50
