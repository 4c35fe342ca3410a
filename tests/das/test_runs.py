"""Records to runs: gaps, overlaps, duplicates and jitter, by times that the test has laid out."""

from dataclasses import replace

import numpy as np
import pytest

from captools.das.records import Record
from captools.das.runs import groups

START = np.datetime64("2021-11-01T00:00:00", "ns")
STEP = 0.005


def record(name, start, samples=1000, **other):
    """A record that begins a number of samples after `START`."""
    found = Record(
        path=name,
        format="PRODML 2.1",
        start=START + np.timedelta64(round(start * STEP * 1e9), "ns"),
        step=STEP,
        samples=samples,
        channels=8,
        first_distance=0.0,
        spacing=2.0,
        units="",
        time_axis=0,
        dataset="/data",
        dtype="int16",
        size=1,
        mtime_ns=1,
    )
    return replace(found, **other)


def pieces(run):
    """Names of a run's records, samples skipped, and numbers of their first samples."""
    return [(piece.record.path, piece.skip, piece.first) for piece in run.pieces]


def test_pieces_of_unequal_length_make_one_run():
    (group,) = groups([record("c", 1500, 10), record("a", 0), record("b", 1000, 500)])
    (run,) = group.runs
    assert pieces(run) == [("a", 0, 0), ("b", 0, 1000), ("c", 0, 1500)]
    assert (run.samples, run.jitter) == (1510, 0.0)
    assert (group.duplicates, group.overlaps, group.gaps) == ((), (), [])


@pytest.mark.parametrize("late", [-1.4, -0.3, 0.3, 1.4])
def test_a_record_a_little_early_or_late_is_jitter(late):
    (group,) = groups([record("a", 0), record("b", 1000 + late), record("c", 2000 + late)])
    (run,) = group.runs
    assert pieces(run) == [("a", 0, 0), ("b", 0, 1000), ("c", 0, 2000)]
    assert run.jitter == pytest.approx(abs(late) * STEP)


def test_jitter_does_not_add_up():
    late = [0, 1.2, 0, 1.2, 0, 1.2]
    (group,) = groups([record(str(n), 1000 * n + one) for n, one in enumerate(late)])
    assert len(group.runs) == 1
    (group,) = groups([record(str(n), 1001 * n) for n in range(6)])  # a clock that is slow
    assert len(group.runs) == 1


@pytest.mark.parametrize("late", [1.6, 500])
def test_a_gap_ends_a_run(late):
    (group,) = groups([record("a", 0), record("b", 1000 + late)])
    assert [pieces(run) for run in group.runs] == [[("a", 0, 0)], [("b", 0, 0)]]
    ((start, stop),) = group.gaps
    assert start == START + np.timedelta64(5, "s")
    assert (stop - start) / np.timedelta64(1, "ns") == pytest.approx(late * STEP * 1e9)


def test_an_overlap_is_trimmed():
    (group,) = groups([record("a", 0), record("b", 900), record("c", 1900)])
    (run,) = group.runs
    assert pieces(run) == [("a", 0, 0), ("b", 100, 1000), ("c", 0, 1900)]
    assert run.samples == 2900
    ((found),) = group.overlaps
    assert (found.record.path, found.seconds) == ("b", pytest.approx(0.5))


def test_what_is_there_twice_counts_once():
    records = [record("a", 0), record("copy", 0), record("part", 200, 300), record("b", 1000)]
    (group,) = groups(records)
    (run,) = group.runs
    assert pieces(run) == [("a", 0, 0), ("b", 0, 1000)]
    assert [one.path for one in group.duplicates] == ["copy", "part"]


def test_the_longest_of_those_that_begin_together_is_taken():
    (group,) = groups([record("a short one", 0, 100), record("whole", 0)])
    assert pieces(group.runs[0]) == [("whole", 0, 0)]


@pytest.mark.parametrize(
    "other",
    [
        {"step": 0.001},
        {"channels": 9},
        {"first_distance": 1.5},
        {"spacing": 2.1},
        {"units": "nm"},
        {"dtype": "float32"},
        {"spacing": float("nan")},
    ],
)
def test_another_rate_or_other_channels_are_another_group(other):
    found = groups([record("a", 0), record("b", 1000, **other), record("c", 2000)])
    assert [[run.pieces[0].record.path for run in one.runs] for one in found] == [["a", "c"], ["b"]]


def test_channels_that_no_file_places_are_the_same():
    nowhere = {"first_distance": float("nan"), "spacing": float("nan")}
    (group,) = groups([record("a", 0, **nowhere), record("b", 1000, **nowhere)])
    assert len(group.runs) == 1


def test_a_step_rounded_otherwise_is_the_same_rate():
    (group,) = groups([record("a", 0), record("b", 1000, step=STEP * (1 + 5e-6))])
    assert len(group.runs) == 1


def test_the_order_of_files_does_not_matter():
    records = [record("a", 0), record("b", 900), record("c", 2500), record("copy", 900)]
    assert groups(records) == groups(records[::-1])
