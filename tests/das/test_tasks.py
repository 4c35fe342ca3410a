"""Runs of windows, and the samples that each window takes."""

import pickle

import numpy as np
import pytest
from pieces import SECOND, record, stretch, write

from captools.das.reading import Reader, fill
from captools.das.tasks import FILL, SKIP, Halo, Tiling, window_names
from captools.das.windows import Grid

ALWAYS = (-(1 << 60), 1 << 60)
SAMPLES = 200  # of a window: one second


def tiling(halo=None, gaps=SKIP, span=ALWAYS):
    return Tiling(Grid(SECOND, SAMPLES), halo or Halo(), gaps, span)


def windows(*stretches, **more):
    found = tiling(**more).tasks(stretches, range(4))
    return [one for task in found for one in task.windows()]


def test_windows_are_on_the_grid_of_all_times():
    whole = windows(stretch(record(start_ns=SECOND // 2, samples=20_000)))
    assert [one.time_ns for one in whole] == [n * SECOND for n in range(1, 100)]
    later = windows(stretch(record(start_ns=7 * SECOND + SECOND // 10, samples=500)))
    assert [one.time_ns for one in later] == [8 * SECOND]


def test_tasks_are_named_by_the_minute():
    names = [str(one) for one in tiling().tasks([stretch(record(samples=20_000))], range(4))]
    assert names == ["19700101T000000Z-19700101T000100Z", "19700101T000100Z-19700101T000200Z"]
    assert len(window_names(names[1], SECOND)) == 60
    assert window_names(names[1], SECOND)[1] == "19700101T000101Z"
    assert window_names("junk.h5", SECOND) == []


def test_every_sample_is_where_it_belongs(tmp_path):
    samples = np.arange(4 * 2000, dtype=np.int32).reshape(2000, 4)
    files = write(tmp_path, samples, [130, 777, 1500])
    for task in tiling(Halo(30, 7)).tasks([stretch(*files)], range(4)):
        task = pickle.loads(pickle.dumps(task))
        for one in task.windows():
            assert one.is_whole
            part = one.parts[0]
            first = one.time_ns // SECOND * SAMPLES - part.before
            assert part.before == min(35, (first + part.before) // 7 * 7)
            assert part.after == min(35, 2000 - first - part.before - SAMPLES)
            with Reader(task.channels) as reader:
                found = fill(reader, part.portions, part.samples)
            np.testing.assert_array_equal(found, samples[first : first + part.samples])


def test_what_a_gap_leaves_of_windows():
    before, after = record(samples=500), record(start_ns=4 * SECOND - SECOND // 10, samples=500)
    stretches = stretch(before), stretch(after)
    assert [one.time_ns // SECOND for one in windows(*stretches)] == [0, 1, 4, 5]
    filled = windows(*stretches, gaps=FILL, halo=Halo(10, 3))
    assert [one.time_ns // SECOND for one in filled] == [0, 1, 2, 3, 4, 5, 6]
    assert [[(one.first, one.stop) for one in two.parts] for two in filled[2:4]] == [
        [(0, 100)],
        [(180, 200)],
    ]
    halos = [(one.before, one.after) for two in filled[2:4] for one in two.parts]
    assert halos == [(12, 0), (0, 12)]


def test_a_span_leaves_the_halo():
    whole = stretch(record(samples=2000))
    some = windows(whole, halo=Halo(50), span=(2 * SECOND - 1, 5 * SECOND))
    assert [one.time_ns // SECOND for one in some] == [2, 3, 4]
    assert some == [one for one in windows(whole, halo=Halo(50)) if one in some]


@pytest.mark.parametrize("gaps", [SKIP, FILL])
def test_many_stretches_are_no_burden(gaps):
    many = [stretch(record(start_ns=n * 2 * SECOND, samples=201)) for n in range(500)]
    assert len(windows(*many, gaps=gaps)) >= 500
