"""What a file was when it was whole, and that it is on the disk before it has its name."""

import os
import zlib

import numpy as np
import pytest

from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.io import durable
from captools.io.atomic import appearing
from captools.io.durable import seal


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(np.random.default_rng(1).bytes(3_000_001))
    return path


@pytest.fixture
def sums():
    """Let digests be asked for, as a run with a journal does."""
    durable.use(True, sums=True)
    yield
    durable.use(True)


@pytest.mark.usefixtures("sums")
def test_a_stamp_is_size_time_and_checksum(file):
    status = file.stat()
    assert seal(file) == (3_000_001, status.st_mtime_ns, zlib.crc32(file.read_bytes()))


def flip(path, keep_time=False):
    content, status = bytearray(path.read_bytes()), path.stat()
    content[1_500_000] ^= 1
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cut(path):
    os.truncate(path, 3_000_000)


def to_fifo(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("harm", [os.unlink, cut, flip, to_fifo])
def test_a_file_that_changed_does_not_fit_its_stamp(file, harm):
    stamp = seal(file)
    assert stamp.fits(file)
    harm(file)
    assert not stamp.fits(file)


@pytest.mark.usefixtures("sums")
def test_a_copy_with_a_time_of_its_own_fits(file):
    stamp = seal(file)
    os.utime(file, ns=(0, 0))
    assert stamp.fits(file)


@pytest.fixture
def calls(monkeypatch):
    """The calls of fsync and rename, with the names that files had at the time."""
    made, fsync, replace = [], os.fsync, os.replace

    def noted_fsync(number):
        made.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{number}"))[:6]))
        fsync(number)

    def noted_replace(old, new):
        made.append(("rename", os.path.basename(new)))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return made


def test_files_are_on_the_disk_before_they_have_their_names_and_the_folder_once(tmp_path, calls):
    with FlatWriter(tmp_path / "folder") as batch:
        for name in ("a.h5", "b.h5"):
            batch.write(name, Table({"x": np.arange(3.0)}))
    files = [("fsync", ".a.h5."), ("fsync", ".b.h5.")]
    assert calls == [*files, ("rename", "a.h5"), ("rename", "b.h5"), ("fsync", "folder")]


def test_a_lone_file_too(tmp_path, calls):
    (tmp_path / "folder").mkdir()
    with appearing(tmp_path / "folder/a.csv") as file:
        file.write(b"x")
    assert calls == [("fsync", ".a.csv"), ("rename", "a.csv"), ("fsync", "folder")]


def test_a_run_can_do_without(run, granules, tmp_path, calls):
    assert run("readatl06", granules, "-o", tmp_path / "out", "--no-fsync").exit_code == 0
    assert run("merge", tmp_path / "out", "-o", tmp_path / "all.h5", "--no-fsync").exit_code == 0
    assert "fsync" not in dict(calls)
    assert durable.used() is False
    words = ("readatl06", granules, "-o", tmp_path / "out", "--overwrite")
    assert run(*words).exit_code == 0
    assert "fsync" in dict(calls)


def test_what_no_journal_keeps_has_no_checksum(file):
    durable.use(True)
    assert seal(file).digest is None


def test_the_disk_may_begin_before_the_end(tmp_path):
    with open(tmp_path / "a", "wb") as file:
        file.write(bytes(1 << 20))
        durable.hurry(file.fileno())
        file.write(b"more")
    assert (tmp_path / "a").read_bytes() == bytes(1 << 20) + b"more"
