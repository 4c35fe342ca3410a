"""LZF of our own: h5py reads it, and it depends on the values alone."""

import h5py
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from captools.flat import lzf
from captools.flat.chunks import ChunkedColumn
from captools.flat.table import Table
from captools.flat.writer import FlatWriter

DTYPES = ("?", "i1", "u2", "i4", "<i8", "f4", "f8", ">f8")


def stored(values, pieces=(), chunk=64):
    """The file of a column with LZF that grew by so many rows at a time."""
    file = h5py.File.in_memory()
    dataset = file.create_dataset(
        "h", (0,), values.dtype, maxshape=(None,), chunks=(chunk,), compression="lzf"
    )
    column = ChunkedColumn(dataset, lzf.pack)
    for part in np.split(values, np.cumsum(pieces)):
        column.append(part)
    column.finish()
    return file


@settings(max_examples=100, deadline=None)
@given(
    runs=st.lists(st.tuples(st.integers(-2, 2), st.integers(1, 700)), max_size=12),
    dtype=st.sampled_from(DTYPES),
    noise=st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    chunk=st.sampled_from([15, 64, 1000, 16384]),
    seed=st.integers(0, 99),
)
@example(runs=[], dtype="f8", noise=0.0, chunk=64, seed=0)
@example(runs=[(0, 9)], dtype="i1", noise=0.0, chunk=1, seed=0)
@example(runs=[(1, 265)], dtype="i1", noise=0.0, chunk=16384, seed=0)  # one more than a repetition
def test_h5py_reads_the_values(runs, dtype, noise, chunk, seed):
    random = np.random.default_rng(seed)
    values = np.concatenate([np.full(length, value) for value, length in [(0, 1), *runs]])
    noisy = random.random(len(values)) < noise
    values[noisy] = random.integers(0, 100, noisy.sum())
    values = values.astype(dtype)
    with stored(values, random.integers(0, len(values) + 1, 1), chunk) as file:
        assert file["h"].compression == "lzf"
        np.testing.assert_array_equal(file["h"][:], values)


@pytest.mark.parametrize("length", [*range(1, 12), *range(262, 276), 527, 528, 529])
def test_a_repetition_of_any_length(length):
    values = np.concatenate([[1, 2, 3, 4], np.full(length, 4), np.arange(200)]).astype("i1")
    with stored(values, chunk=len(values)) as file:
        assert file["h"].id.get_storage_size() <= len(values)
        np.testing.assert_array_equal(file["h"][:], values)


def test_constant_columns_nearly_vanish_and_others_do_not_grow():
    constant, random = np.full(16384, 0.1), np.random.default_rng(0).random(16384)
    assert len(lzf.compress(constant)) < constant.nbytes / 80
    assert lzf.compress(random) is None
    with stored(random, chunk=16384) as file:
        assert file["h"].id.get_storage_size() == random.nbytes
        assert file["h"].id.read_direct_chunk((0,)) == (lzf.SPARED, random.tobytes())
        np.testing.assert_array_equal(file["h"][:], random)


def test_times_and_flags_are_about_as_small_as_with_lzfs_own_code():
    random = np.random.default_rng(0)
    times = 3.7e7 + np.cumsum(random.uniform(0, 1e-3, 16384))
    flags = np.repeat(random.integers(0, 2, 256), 64).astype("i1")
    assert len(lzf.compress(flags)) < flags.nbytes / 20
    with h5py.File.in_memory() as file:
        theirs = file.create_dataset("h", data=times, chunks=(16384,), compression="lzf")
        file.flush()
        assert len(lzf.compress(times)) <= 1.02 * theirs.id.get_storage_size()


# --- the same bytes, whatever came before ----------------------------------------------


def treacherous(rows=6000):
    """Values in which LZF's own code finds more repetitions if it has just seen other ones.

    It looks for three bytes where it noted them last. Within a repetition it notes none, and so
    may find there what it noted of other values at this place of memory.
    """
    random = np.random.default_rng(1)
    values, others = [], []
    while len(values) < rows:
        first, (end,), gap = (random.integers(-128, 128, count) for count in (40, 1, 30))
        last = [*gap, *first[23:25], end]
        values += [*first, *first[5:25], end, *last]
        others += [*first, *random.integers(-128, 128, 18), *first[23:25], end, *last]
    return np.array(values[:rows], "i1"), np.array(others[:rows], "i1")


def test_what_was_compressed_before_does_not_change_a_byte(tmp_path):
    values, others = treacherous()
    files = []
    for number, before in enumerate([values, others] * 3):
        for name, column in (("before.h5", before), (f"{number}.h5", values)):
            with FlatWriter(tmp_path, "lzf") as batch:
                batch.write(name, Table({"h": column}))
        files.append((tmp_path / f"{number}.h5").read_bytes())
    assert len(set(files)) == 1
