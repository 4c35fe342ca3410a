"""The flat file: what it holds, how it appears, what becomes of leftovers."""

import errno
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from straightforward import said

from captools.errors import FolderError, OutputError
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.io.atomic import Outputs, leftovers, sweep, temporary_name

DAY = 86400


def table(rows=3):
    columns = {
        "h_li": np.arange(rows, dtype=np.float32),
        "q_flag": np.zeros(rows, dtype=np.int8),
        "is_asc": np.ones(rows, dtype=bool),
        "t_dt": np.linspace(0.0, 1.0, rows),
    }
    about = {"h_li": {"units": "m", "long_name": "height"}}
    return Table(columns, about, {"beam": "gt1l", "rgt": 277, "bounds_xy": np.arange(4.0)})


def write(folder, *names, compression="none"):
    with FlatWriter(folder, compression) as batch:
        for name in names:
            batch.write(name, table())
    return batch.written


# --- tables ---------------------------------------------------------------------


def test_rows_are_selected_in_all_columns_and_the_rest_stays():
    whole = table(4)
    part = whole.where(np.array([False, True, False, True]))
    assert (whole.rows, part.rows, Table({}).rows) == (4, 2, 0)
    assert part.columns["h_li"].tolist() == [1.0, 3.0]
    assert {name: values.dtype for name, values in part.columns.items()} == {
        name: values.dtype for name, values in whole.columns.items()
    }
    assert part.column_attrs == whole.column_attrs
    assert part.attrs.keys() == whole.attrs.keys()


def test_attributes_of_a_part_are_its_own():
    # The two parts of a split beam have bounds of their own.
    whole = table()
    whole.where(np.array([0])).attrs["beam"] = "gt3r"
    assert whole.attrs["beam"] == "gt1l"


def test_renamed_columns_keep_values_and_attributes():
    other = table().renamed({"h_li": "h_elv", "absent": "x"})
    assert list(other.columns) == ["h_elv", "q_flag", "is_asc", "t_dt"]
    assert other.columns["h_elv"].tolist() == [0.0, 1.0, 2.0]
    assert other.column_attrs == {"h_elv": {"units": "m", "long_name": "height"}}


# --- what is written ------------------------------------------------------------


@pytest.mark.parametrize("compression", ["none", "lzf", "gzip"])
def test_columns_and_attributes_are_read_back_as_they_were(tmp_path, compression):
    (path,) = write(tmp_path, "a.h5", compression=compression)
    with h5py.File(path) as file:
        assert set(file) == set(table().columns)
        for name, values in table().columns.items():
            assert file[name].dtype == values.dtype
            assert file[name].shape == (3,)
            assert file[name].compression == (None if compression == "none" else compression)
            np.testing.assert_array_equal(file[name][:], values)
        assert said(file["h_li"]) == {"units": "m", "long_name": "height"}
        assert said(file)["beam"] == "gt1l"
        assert file.attrs["rgt"] == 277
        assert file.attrs["bounds_xy"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_the_same_table_gives_the_same_bytes_at_another_time_and_place(tmp_path):
    (first,) = write(tmp_path / "one", "a.h5", compression="gzip")
    time.sleep(1.1)  # HDF5 can store times, in seconds
    (second,) = write(tmp_path / "two", "b.h5", compression="gzip")
    assert first.read_bytes() == second.read_bytes()


def test_what_was_written_is_listed_in_order_with_its_rows(tmp_path):
    written = write(tmp_path / "new" / "folder", "b.h5", "a.h5")
    assert written == [tmp_path / "new/folder/b.h5", tmp_path / "new/folder/a.h5"]
    assert (written.rows_in, written.rows_out) == (0, 6)
    assert not Outputs()


def test_a_file_is_written_over(tmp_path):
    (tmp_path / "a.h5").write_text("old")
    write(tmp_path, "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert len(file["h_li"]) == 3


# --- all or nothing -------------------------------------------------------------


def test_nothing_that_looks_like_a_result_is_there_before_the_end(tmp_path):
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", table())
        batch.write("b.h5", table())
        assert list(tmp_path.glob("*.h5")) == []
        assert list(tmp_path.glob("*")) == [tmp_path / name for name in os.listdir(tmp_path)]
        hidden = sorted(os.listdir(tmp_path))
        here = f"{HERE}-{os.getpid()}"
        assert [name.rsplit("-", 1)[0] for name in hidden] == [f".a.h5.{here}", f".b.h5.{here}"]
        assert all(name.endswith(".part") for name in hidden)
    assert sorted(os.listdir(tmp_path)) == ["a.h5", "b.h5"]


def test_an_error_leaves_nothing_new_and_what_was_there_before(tmp_path):
    (tmp_path / "a.h5").write_text("old")
    with pytest.raises(ZeroDivisionError), FlatWriter(tmp_path) as batch:  # noqa: PT012
        batch.write("a.h5", table())
        batch.write("b.h5", table())
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["a.h5"]
    assert (tmp_path / "a.h5").read_text() == "old"


def test_an_output_that_cannot_get_its_name_takes_the_others_with_it(tmp_path):
    (tmp_path / "b.h5").mkdir()
    with pytest.raises(OutputError, match=r"b\.h5: cannot be written") as error:
        write(tmp_path, "a.h5", "b.h5", "c.h5")
    assert os.listdir(tmp_path) == ["b.h5"]
    # Another input has other names and may well succeed.
    assert not isinstance(error.value, FolderError)


def test_a_name_too_long_is_the_fault_of_this_output_alone(tmp_path):
    with pytest.raises(OutputError) as error:
        write(tmp_path, "a.h5", "n" * 250 + ".h5")
    assert not isinstance(error.value, FolderError)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing_and_dooms_the_folder(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(FolderError, match=r"a\.h5: cannot be written \(.+\)"):
            write(tmp_path, "a.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_vanishes_meanwhile_dooms_the_folder(tmp_path):
    with pytest.raises(FolderError), FlatWriter(tmp_path / "out") as batch:  # noqa: PT012
        batch.write("a.h5", table())
        shutil.rmtree(tmp_path / "out")
        batch.write("b.h5", table())
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_dooms_the_folder(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(FolderError, match=r"file/out: cannot be made"),
        FlatWriter(tmp_path / "file/out"),
    ):
        pass


# --- leftovers ------------------------------------------------------------------

HERE = temporary_name("x").rpartition(f"-{os.getpid()}-")[0].removeprefix(".x.")


@pytest.fixture
def dead():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(folder, host, pid, age=0.0):
    path = folder / f".a_gt1l.h5.{host}-{pid}-0a1b2c3d.part"
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_leftovers_of_dead_processes_of_this_host_are_swept(tmp_path, dead):
    leave(tmp_path, HERE, dead)
    sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_leftovers_of_some_names_are_swept(tmp_path, dead):
    for name in ("a.h5", "b.h5"):
        (tmp_path / temporary_name(name).replace(f"-{os.getpid()}-", f"-{dead}-")).touch()
    sweep(tmp_path, ["a.h5", "c.h5"])
    assert [name for name, _ in leftovers(tmp_path)] == ["b.h5"]


def test_leftovers_of_a_dead_process_that_nobody_has_waited_for_are_swept(tmp_path):
    # As in containers whose first process does not.
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        process.stdout.read()
        time.sleep(0.5)
        leave(tmp_path, HERE, process.pid)
        sweep(tmp_path)
        assert os.listdir(tmp_path) == []


def test_what_a_live_process_is_writing_stays(tmp_path):
    kept = [leave(tmp_path, HERE, pid) for pid in (os.getpid(), 1)]
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


@pytest.mark.parametrize("host", ["node1", "node1.cluster-b.org", "org"])
@pytest.mark.parametrize("other", ["node2.cluster-b.org", "a.node1.cluster-b.org", "cluster-b.org"])
def test_host_names_may_have_dots_and_one_may_end_as_another(
    tmp_path, monkeypatch, dead, host, other
):
    # Of a process that is dead here, and may live there.
    for one in (host, other):
        monkeypatch.setattr(socket, "gethostname", lambda one=one: one)
        name = temporary_name("a.b_gt1l.h5").replace(f"-{os.getpid()}-", f"-{dead}-")
        (tmp_path / name).touch()
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    sweep(tmp_path)
    assert os.listdir(tmp_path) == [name]


def test_leftovers_of_other_hosts_stay_for_a_day(tmp_path, dead):
    # Nobody here knows whether a process of another host lives.
    young = leave(tmp_path, "node17.cluster-b.org", dead, age=DAY - 60)
    old = leave(tmp_path, "node18.cluster-b.org", dead, age=DAY + 60)
    sweep(tmp_path)
    assert young.exists()
    assert not old.exists()


SWEEP = "import sys; from captools.io.atomic import sweep; sweep(sys.argv[1])"


def test_a_container_of_the_same_host_name_does_not_sweep_what_is_being_written(tmp_path):
    # Its processes have numbers of their own, among which that of this one is not.
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"]).returncode:
        pytest.skip("no processes apart here")
    written = tmp_path / temporary_name("a.h5")
    written.touch()
    subprocess.run([*apart, sys.executable, "-c", SWEEP, tmp_path], check=True)
    assert written.exists()


def test_what_may_not_be_swept_is_left(tmp_path, dead, monkeypatch):
    link = tmp_path / f".b.h5.{HERE}-{dead}-0a1b2c3d.part"
    (tmp_path / "precious").mkdir()
    link.symlink_to(tmp_path / "precious")
    nowhere = tmp_path / f".c.h5.{HERE}-{dead}-0a1b2c3d.part"
    nowhere.symlink_to(tmp_path / "nowhere")
    theirs = leave(tmp_path, HERE, dead)

    def refuse(path):
        raise PermissionError(errno.EPERM, "of another user", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        sweep(tmp_path)
    assert theirs.exists()
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([link, nowhere, tmp_path / "precious"])


def test_a_folder_that_may_not_be_listed_is_not_swept(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "of another user", path)

    monkeypatch.setattr(os, "scandir", refuse)
    sweep(tmp_path)


REPLACE = """
import os, signal, sys
from pathlib import Path
from captools.io import atomic
folder, at, exchanges = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "True"
rename, exchange, calls = Path.rename, atomic._exchange, []
def noted(call):
    def done(*paths, **more):
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        calls.append(1)
        return call(*paths, **more)
    return done
Path.rename = noted(rename)
atomic._exchange = noted(exchange if exchanges else lambda *paths: False)
atomic.shutil.rmtree = noted(atomic.shutil.rmtree)
with atomic.appearing_folder(folder) as new:
    (new / "new").touch()
"""


@pytest.mark.parametrize(
    ("exchanges", "at", "left"),
    [
        (True, 0, "old"),
        (True, 1, "new"),
        (False, 1, "old"),
        (False, 2, "old"),  # between the two renames
        (False, 3, "new"),
    ],
)
def test_a_kill_while_a_folder_is_replaced_loses_nothing(tmp_path, exchanges, at, left):
    (tmp_path / "tiles").mkdir()
    (tmp_path / "tiles/old").touch()
    words = [sys.executable, "-c", REPLACE, tmp_path / "tiles", str(at), str(exchanges)]
    assert subprocess.run(words).returncode == -signal.SIGKILL
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["tiles"]
    assert os.listdir(tmp_path / "tiles") == [left]


def test_other_files_are_never_swept(tmp_path, dead):
    names = [
        "a.h5",
        ".a.h5.part",
        f".a.h5.{HERE}-{dead}.part",
        f"a.h5.{HERE}-{dead}-0a1b2c3d.part",
        f".a.h5.{HERE}-{dead}-0a1b2c3d.h5",
    ]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_a_sweep_knows_the_names_that_are_given(tmp_path):
    path = tmp_path / temporary_name("a_gt1l.h5")
    path.touch()
    os.utime(path, (0, 0))
    sweep(tmp_path)
    assert not path.exists()


def test_leftovers_are_listed_with_the_names_they_were_to_get(tmp_path, dead):
    left = leave(tmp_path, HERE, dead)
    (tmp_path / temporary_name("alive.h5")).touch()
    [(name, entry)] = leftovers(tmp_path)
    assert entry.path == str(left)
    assert left.name.startswith(f".{name}.")
    assert name.endswith(".h5")


def test_no_two_temporary_names_are_alike():
    assert len({temporary_name("a.h5") for _ in range(1000)}) == 1000
