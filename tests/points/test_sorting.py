"""Rows sorted bucket by bucket are those of one stable sort."""

import os
import tempfile
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from flatfiles import assert_equal, random_columns
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.flat.table import Table, joined
from captools.points.sorting import find_cuts, in_order, sample


def blocks_of(columns, lengths):
    """Columns as tables of these lengths."""
    edges = np.cumsum([0, *lengths])
    for start, stop in pairwise(edges):
        yield Table({name: values[start:stop] for name, values in columns.items()})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=6).filter(any),
    st.lists(st.integers(-5, 70), max_size=9),
    st.integers(0, 2**32 - 1),
)
def test_whatever_the_cuts_the_order_is_that_of_a_stable_sort(lengths, cuts, seed):
    columns = random_columns(sum(lengths), seed)
    order = np.argsort(columns["t_gps"], kind="stable")  # NaN last
    with tempfile.TemporaryDirectory() as folder:
        tables = list(
            in_order(
                blocks_of(columns, lengths),
                itemgetter("t_gps"),
                np.sort(np.array(cuts, "f8")),
                Path(folder),
            )
        )
        assert os.listdir(folder) == []
    assert_equal(joined(tables).columns, {name: one[order] for name, one in columns.items()})


def test_buckets_are_sorted_apart(tmp_path):
    columns = {"key": np.array([9, 0, 5, 4, 7, 5])}
    tables = in_order([Table(columns)], itemgetter("key"), np.array([5, 8]), tmp_path)
    assert [table.columns["key"].tolist() for table in tables] == [[0, 4], [5, 5, 7], [9]]


def test_a_large_bucket_may_be_sorted_in_pieces(tmp_path):
    columns = {"key": np.array([3, 1, 2, 9, 0])}
    cuts = np.array([5])
    tables = in_order([Table(columns)], itemgetter("key"), cuts, tmp_path, most=3)
    assert [table.columns["key"].tolist() for table in tables] == [[1, 2, 3], [0], [9]]


def test_no_rows_are_no_tables(tmp_path):
    for blocks in ([], [Table({"key": np.zeros(0)})]):
        assert list(in_order(blocks, itemgetter("key"), np.zeros(0), tmp_path)) == []


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_a_sample_counts_on_from_block_to_block(stride):
    values = np.stack([np.arange(40), -np.arange(40)])
    found, seen = [], 0
    for block in np.split(values, [1, 1, 5, 17, 18], axis=1):
        found.append(sample(block, stride, seen))
        seen += block.shape[1]
    np.testing.assert_array_equal(np.concatenate(found, axis=1), values[:, ::stride])


def test_a_sample_does_not_hold_its_block():
    assert sample(np.arange(100), 10).base is None


def test_cuts_make_buckets_of_the_length_that_is_asked_for():
    keys = np.random.default_rng(0).permutation(10_000)
    cuts = find_cuts(sample(keys, 10), 10, 1000)
    counts = np.bincount(np.searchsorted(cuts, keys, side="right"))
    assert len(counts) == 10
    # A sample of 100 keys a bucket: its share is known to 1 part in 10, here taken fourfold.
    assert abs(counts - 1000).max() < 400
