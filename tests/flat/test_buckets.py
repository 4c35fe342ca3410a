"""Buckets of rows on disk: every row comes back, in its bucket, in its order."""

import os
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from flatfiles import assert_equal, random_columns
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.flat import buckets
from captools.flat.buckets import Buckets


def whole(blocks):
    """The columns of all blocks."""
    tables = list(blocks)
    return {
        name: np.concatenate([table.columns[name] for table in tables])
        for name in tables[0].columns
    }


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.integers(1, 9),
    st.integers(1, 70),
    st.sampled_from([1, 200, 1 << 26]),
    st.integers(0, 2**32 - 1),
)
def test_rows_come_back_by_bucket_in_the_order_they_came(lengths, count, size, held, seed):
    columns = random_columns(sum(lengths), seed)
    keys = np.random.default_rng(seed).integers(-count, count, sum(lengths))
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "HELD_BYTES", held)
        with Buckets(Path(place)) as filled:
            edges = np.cumsum([0, *lengths])
            for start, stop in pairwise(edges):
                part = {name: values[start:stop] for name, values in columns.items()}
                filled.add(keys[start:stop], part)
            assert sorted(filled.rows) == np.unique(keys).tolist()
            for key in filled.rows:
                expected = {name: values[keys == key] for name, values in columns.items()}
                assert filled.rows[key] == np.sum(keys == key)
                blocks = list(filled.blocks(key, size))
                assert all(block.rows == size for block in blocks[:-1])
                assert_equal(whole(blocks), expected)
        assert os.listdir(place) == []


def test_a_bucket_can_be_read_again_and_grows_on(tmp_path):
    with Buckets(tmp_path) as filled:
        filled.add(np.array([1, 0]), {"a": np.array([1.0, 2.0])})
        assert whole(filled.blocks(1, 10))["a"].tolist() == [1.0]
        filled.add(np.array([1]), {"a": np.array([3.0])})
        for _ in range(2):
            assert whole(filled.blocks(1, 1))["a"].tolist() == [1.0, 3.0]


def test_what_is_read_may_be_changed(tmp_path):
    with Buckets(tmp_path) as filled:
        filled.add(np.zeros(3, int), {"a": np.arange(3.0), "b": np.ones(3, bool)})
        (table,) = filled.blocks(0, 5)
        table.columns["a"] += 1
        assert table.columns["a"].flags.c_contiguous
        assert whole(filled.blocks(0, 5))["a"].tolist() == [0.0, 1.0, 2.0]


def test_no_rows_are_no_buckets(tmp_path):
    with Buckets(tmp_path) as filled:
        filled.add(np.zeros(0, int), {"a": np.zeros(0)})
        assert filled.rows == {}


def test_it_lies_in_the_folder_hidden_and_goes_with_an_error_too(tmp_path):
    with pytest.raises(ZeroDivisionError), Buckets(tmp_path / "new") as filled:  # noqa: PT012
        filled.add(np.zeros(3, int), {"a": np.arange(3.0)})
        list(filled.blocks(0, 1))
        (name,) = os.listdir(tmp_path / "new")
        assert name.startswith(".")
        assert name.endswith(".part")
        assert list((tmp_path / "new").glob("*.h5")) == []
        raise ZeroDivisionError
    assert os.listdir(tmp_path / "new") == []
