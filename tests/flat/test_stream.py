"""A flat file written piece by piece: the same as one written at once, whole or not there."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from flatfiles import assert_equal, random_columns, small_pieces
from hypothesis import given, settings
from hypothesis import strategies as st
from straightforward import read_flat, said

from captools.errors import FolderError, OutputError
from captools.flat.table import Table
from captools.flat.writer import CHUNK_ROWS, FlatWriter

ABOUT = {"h_li": {"units": "m", "_FillValue": np.float32(3)}}


def pieces(columns, lengths):
    """Tables of so many rows each, and the rest in a last one."""
    edges = np.cumsum([0, *lengths])
    count = len(columns["lat"])
    for start, stop in zip(edges, [*edges[1:], count], strict=True):
        yield Table({name: values[start:stop] for name, values in columns.items()}, ABOUT)


def write(folder, tables, name="a.h5", chunked=False, compression="none", **attrs):
    with FlatWriter(folder, compression) as batch:
        stream = batch.stream(name, chunked)
        for table in tables:
            stream.append(table)
        stream.finish(attrs or {"crs": "EPSG:3031"}, {"source": np.array([b"x", b"yy"])})
    return batch.written


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 40), max_size=8),
    st.booleans(),
    st.sampled_from(["none", "lzf", "gzip"]),
    st.sampled_from([16, 100, 1 << 17]),
    st.integers(0, 2**32 - 1),
)
def test_pieces_of_any_length_make_the_whole(lengths, chunked, compression, piece, seed):
    columns = random_columns(sum(lengths) + 3, seed)
    with tempfile.TemporaryDirectory() as place, small_pieces(piece=piece):
        written = write(Path(place), pieces(columns, lengths), "a.h5", chunked, compression)
        assert written == [Path(place) / "a.h5"]
        assert written.rows_out == len(columns["lat"])
        assert os.listdir(place) == ["a.h5"]
        assert_equal(read_flat(*written), columns)
        with h5py.File(*written) as file:
            assert said(file)["crs"] == "EPSG:3031"
            assert file["_captools/source"][()].tolist() == [b"x", b"yy"]
            assert said(file["h_li"])["units"] == "m"
            assert file["h_li"].attrs["_FillValue"] == np.float32(3)
            assert file["lat"].compression == (None if compression == "none" else compression)


def test_few_rows_are_stored_like_those_of_any_file_and_many_in_chunks(tmp_path):
    columns = random_columns(40, 0)
    tables = list(pieces(columns, [10, 10]))
    with FlatWriter(tmp_path) as batch:
        batch.write("once.h5", Table(columns, ABOUT, {"a": 1}))
    (few,) = write(tmp_path, tables, "few.h5")
    (chunked,) = write(tmp_path, tables, "chunked.h5", chunked=True)
    with small_pieces():
        (many,) = write(tmp_path, tables, "many.h5")
    for path, expected in ((tmp_path / "once.h5", None), (few, None), (chunked, (CHUNK_ROWS,))):
        with h5py.File(path) as file:
            assert {item.chunks for item in file.values() if hasattr(item, "chunks")} == {expected}
    with h5py.File(many) as file:
        assert file["lat"].chunks == (5,)


def test_how_rows_are_cut_does_not_change_a_small_file(tmp_path):
    columns = random_columns(100, 0)
    first = write(tmp_path / "1", pieces(columns, []))
    second = write(tmp_path / "2", pieces(columns, [1, 0, 50]))
    assert first[0].read_bytes() == second[0].read_bytes()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("compression", ["none", "lzf", "gzip"])
def test_the_same_pieces_give_the_same_bytes_at_another_time_and_place(
    tmp_path, chunked, compression
):
    columns = random_columns(100, 0)
    with small_pieces():
        first = write(tmp_path / "1", pieces(columns, [9] * 5), "a.h5", chunked, compression)
        time.sleep(1.1)  # HDF5 can store times, in seconds
        second = write(tmp_path / "2", pieces(columns, [9] * 5), "b.h5", chunked, compression)
    assert first[0].read_bytes() == second[0].read_bytes()


def test_without_rows_there_is_no_file(tmp_path):
    assert write(tmp_path, []) == []
    assert write(tmp_path, [Table({"lat": np.zeros(0)})] * 2, chunked=True) == []
    assert os.listdir(tmp_path) == []


def test_several_streams_grow_side_by_side(tmp_path):
    tables = [list(pieces(random_columns(50, seed), [10] * 4)) for seed in range(3)]
    with small_pieces(), FlatWriter(tmp_path) as batch:
        streams = [batch.stream(f"{number}.h5") for number in range(3)]
        for number in range(5):
            for stream, each in zip(streams, tables, strict=True):
                stream.append(each[number])
        for stream in streams:
            stream.finish({})
        assert list(tmp_path.glob("*.h5")) == []
    assert sorted(batch.written) == [tmp_path / f"{number}.h5" for number in range(3)]
    for seed, path in enumerate(sorted(batch.written)):
        assert_equal(read_flat(path), random_columns(50, seed))


# --- all or nothing -----------------------------------------------------------------


@pytest.mark.parametrize("finished", [False, True])
def test_an_error_leaves_nothing_new_and_what_was_there_before(tmp_path, finished):
    (tmp_path / "a.h5").write_text("old")
    with small_pieces(), pytest.raises(ZeroDivisionError), FlatWriter(tmp_path) as batch:  # noqa: PT012
        stream = batch.stream("a.h5")
        stream.append(Table(random_columns(50, 0)))
        if finished:
            stream.finish({})
        assert len(os.listdir(tmp_path)) == 2
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["a.h5"]
    assert (tmp_path / "a.h5").read_text() == "old"


def test_an_output_that_cannot_get_its_name_takes_the_others_with_it(tmp_path):
    (tmp_path / "b.h5").mkdir()
    table = Table(random_columns(5, 0))
    with pytest.raises(OutputError, match=r"b\.h5: cannot be"), FlatWriter(tmp_path) as batch:  # noqa: PT012
        for name in ("a.h5", "b.h5"):
            stream = batch.stream(name, chunked=True)
            stream.append(table)
            stream.finish({})
    assert os.listdir(tmp_path) == ["b.h5"]


SCRIPT = """
import gc, sys
import numpy as np
from captools.errors import FolderError
from captools.flat.table import Table
from captools.flat.writer import FlatWriter

folder, rows, compression = sys.argv[1:]
random = np.random.default_rng(0)
try:
    with FlatWriter(folder, compression) as batch:
        stream = batch.stream("a.h5", chunked=True)
        for _ in range(int(rows) // 1000):
            stream.append(Table({name: random.normal(size=1000) for name in "abcdefgh"}))
        stream.finish({"crs": "EPSG:3031"})
except FolderError as error:
    print(error)
gc.collect()
with FlatWriter(folder) as batch:
    batch.write("b.h5", Table({"a": np.zeros(3)}))
"""


def write_elsewhere(folder, rows, compression, **options):
    """Write so many rows of 64 bytes in a process of its own, where a crash would show.

    Then, when that has failed, a small file.
    """
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, str(rows), compression],
        **{"capture_output": True, "text": True, "check": False} | options,
    )


def assert_failed_in_order(ended, folder, why):
    """Check that the process named the disk, left nothing of the file, and could go on."""
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"{folder}/a.h5: cannot be written (")
    assert why in ended.stdout
    assert os.listdir(folder) == ["b.h5"]


@pytest.mark.parametrize("limit", [10_000, 600_000, 3_000_000])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_limit_on_file_size_leaves_nothing_and_dooms_the_folder(tmp_path, limit, compression):
    # What a quota does. Where HDF5 gives up depends on what it keeps in memory.
    ended = write_elsewhere(
        tmp_path,
        200_000,
        compression,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        # What measures the coverage of the tests would hit the limit too.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
    )
    assert_failed_in_order(ended, tmp_path, "File too large")


@pytest.fixture
def tiny_disk(tmp_path):
    """Give a file system of 512 kB, or skip."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("rows", [9_000, 50_000, 300_000])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_full_disk_leaves_nothing_and_takes_files_again(tiny_disk, rows, compression):
    ended = write_elsewhere(tiny_disk, rows, compression)
    assert_failed_in_order(ended, tiny_disk, "No space left on device")


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_folder_that_vanishes_dooms_the_folder(tmp_path, when):
    out = tmp_path / "out"
    with small_pieces(), pytest.raises(FolderError), FlatWriter(out) as batch:  # noqa: PT012
        stream = batch.stream("a.h5")
        if when == "meanwhile":
            stream.append(Table(random_columns(20, 0)))
        shutil.rmtree(out)
        stream.append(Table(random_columns(20, 0)))
        stream.finish({})
    assert not out.exists()
