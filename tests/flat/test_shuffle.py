"""Rows brought together by buckets come out as they went in, or not at all."""

import contextlib
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captools.errors import FolderError
from captools.flat.shuffle import Shuffle, gathered, pieces

DTYPES = {"flag": np.dtype("i1"), "x": np.dtype("f8"), "n": np.dtype("i4")}


def put(folder, keys):
    """Put rows of several parts, of these keys, and return the shuffle and what each part has."""
    shuffle = Shuffle(folder, DTYPES, folder / "out.h5")
    found, first = [], 0
    for part, of_part in enumerate(keys):
        n = np.arange(first, first + len(of_part))
        there, bucket = np.unique(np.array(of_part, int), return_inverse=True)
        columns = {"flag": n % 100, "x": n / 7, "n": n}
        found.append((there, shuffle.put(part, columns, bucket, len(there))))
        first += len(n)
    return shuffle, found


@given(st.lists(st.lists(st.integers(0, 5), max_size=20), max_size=5), st.integers(1, 9))
def test_each_bucket_has_its_rows_in_their_order(tmp_path_factory, keys, most):
    shuffle, found = put(tmp_path_factory.mktemp("parts"), keys)
    all_keys = np.concatenate([np.array(of_part, int) for of_part in keys] or [[]])
    seen = {}
    for key, places in gathered(found, shuffle.row_bytes):
        taken = [shuffle.take(piece) for piece in pieces(places, most)]
        assert all(len(rows["n"]) == most for rows in taken[:-1])
        seen[key] = np.concatenate([rows["n"] for rows in taken])
        for name, of in (("flag", lambda n: n % 100), ("x", lambda n: n / 7)):
            values = np.concatenate([rows[name] for rows in taken])
            np.testing.assert_array_equal(values, of(seen[key]).astype(DTYPES[name]))
    assert list(seen) == sorted({*all_keys.tolist()})
    for key, n in seen.items():
        np.testing.assert_array_equal(n, np.flatnonzero(all_keys == key))


@pytest.mark.parametrize("size", [0, 100])
def test_what_is_cut_off_is_no_row(tmp_path, size):
    shuffle, found = put(tmp_path, [[1] * 50])
    os.truncate(tmp_path / "0.rows", size)
    ((_, places),) = gathered(found, shuffle.row_bytes)
    with pytest.raises(FolderError, match=r"out\.h5: cannot be written \(what was kept for it"):
        shuffle.take(next(pieces(places, 99)))


@pytest.mark.parametrize("rows", [1, 10_000])
def test_a_full_disk_is_heard_of(tmp_path, rows, monkeypatch):
    monkeypatch.setattr("captools.flat.shuffle.attempt", contextlib.nullcontext)
    (tmp_path / "0.rows").symlink_to("/dev/full")
    with pytest.raises(FolderError, match="No space left"):
        put(tmp_path, [[1] * rows])
