"""A process has work done by a pool that only its parent has, as under MPI; both are watched."""

import os
import signal
import time

import pytest
from flatfiles import make_endless, random_columns, write_flat

from captools.engine.crew import Crew, given
from captools.engine.local import local
from captools.errors import BadInputs, InputError
from captools.io.hdf5 import open_file
from captools.run import watched


@pytest.fixture(scope="module")
def pool():
    """A pool of one worker that crews in watched processes are given."""
    with local(1) as pool, given(pool, None):
        yield pool


def square(number):
    if number == 3:
        raise InputError("three")
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2, os.getpid()


def squares(numbers):
    with Crew("mpi") as crew:
        found = [value for _, value in crew.each(square, numbers)]
    return found, os.getpid()


@pytest.mark.usefixtures("pool")
def test_values_and_errors_come_from_the_workers_of_the_parent():
    found, own = watched.call(squares, [1, 2, 3, 4, 5], timeout=60)
    assert [value[0] for value in (found[0], found[1], found[4])] == [1, 4, 25]
    assert not {own, os.getpid()} & {value[1] for value in (found[0], found[1], found[4])}
    assert str(found[2]) == "three"
    assert "its process died (SIGKILL" in str(found[3])


def square_then_read(paths):
    squares([1])
    with open_file(paths[0]) as file:
        return dict(file.attrs)


@pytest.mark.usefixtures("pool")
def test_what_reads_for_ever_is_given_up(tmp_path):
    path = make_endless(write_flat(tmp_path / "a.h5", random_columns(5, 0)))
    with pytest.raises(BadInputs, match=r"a\.h5: no progress for 1 s \(--timeout\)"):
        watched.call(square_then_read, [str(path)], timeout=1)
    assert watched.call(squares, [2], timeout=60)[0][0][0] == 4  # for the others


def wait(seconds):
    time.sleep(seconds)
    return seconds


def give_up(seconds):
    with Crew("mpi") as crew:
        for _ in crew.each(wait, seconds):
            raise InputError("enough")


@pytest.mark.usefixtures("pool")
def test_a_process_that_ends_early_leaves_the_workers_to_others():
    with pytest.raises(InputError, match="enough"):
        watched.call(give_up, [0, 0.5], timeout=60)
    assert watched.call(squares, [2], timeout=60)[0][0][0] == 4
