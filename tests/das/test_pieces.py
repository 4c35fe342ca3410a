"""Real records cut into pieces under shuffled names: every sample is in a run, in order, once."""

import shutil
from dataclasses import replace
from unittest import mock

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_runs import record

from captools.das.examining import examine
from captools.das.patches import samples_of as samples_of_patch
from captools.das.reading import Reader
from captools.das.runs import groups
from captools.das.scanning import scan
from captools.das.windows import Portion
from captools.errors import InputError
from captools.simulation.das_files import Block, write_dasdae, write_plain

NAMES = (
    *("prodml_2.0.h5", "decimated_optodas.hdf5", "gdr_1.h5", "silixa_h5_1.hdf5"),
    *("iDAS005_tdms_example.626.tdms", "valencia_febus_example.h5"),
)


def whole(path):
    """Samples (time, channel), times and distances of a real record, as DASCore has them."""
    import dascore

    (patch,) = dascore.read(path)
    patch = patch.transpose("time", "distance")
    times = np.asarray(patch.get_coord("time").values).astype("M8[ns]").astype(np.int64)
    return np.array(patch.data), times, np.asarray(patch.get_coord("distance").values)


def samples_of(run):
    """The samples of a run, read by its pieces."""
    parts = []
    for piece in run.pieces:
        with h5py.File(piece.record.path) as file:
            stored = file[piece.record.dataset][:]
        stored = stored if piece.record.time_axis == 0 else stored.T
        parts.append(stored[piece.record.offset :][: piece.record.samples][piece.skip :])
    return np.concatenate(parts)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_pieces_under_shuffled_names_among_junk(real_data, tmp_path, name):
    samples, times, distances = whole(real_data / "das" / name)
    rng = np.random.default_rng(len(name))
    cuts = np.sort(rng.choice(np.arange(20, len(samples) - 20, 9), 4, replace=False))
    parts = np.split(np.arange(len(samples)), cuts)
    parts[2] = np.concatenate([parts[1][-7:], parts[2]])  # an overlap
    paths = [tmp_path / f"{letter}.h5" for letter in rng.permutation(list("abcde"))]
    for path, part in zip(paths, parts, strict=True):
        write_dasdae(path, Block(samples[part], times[part], distances, 1))
    shutil.copy(paths[3], tmp_path / "z.h5")
    (tmp_path / "junk.h5").write_bytes(b"junk")
    (tmp_path / "short.h5").write_bytes(paths[0].read_bytes()[:5000])
    alien = Block(samples[:50, :3], times[:50], distances[:3], 1)
    write_dasdae(tmp_path / "alien.h5", alien)
    with mock.patch("captools.engine.local.in_worker", lambda work, item, timeout: work(item)):
        found = scan([str(path) for path in sorted(tmp_path.iterdir())])
    assert sorted(one.path for one in found.refused) == [
        str(tmp_path / "junk.h5"),
        str(tmp_path / "short.h5"),
    ]
    ours, other = sorted(groups(found.records), key=lambda one: -one.first.channels)
    assert other.first.path == str(tmp_path / "alien.h5")
    (run,) = ours.runs
    assert [piece.record.path for piece in run.pieces] == [str(path) for path in paths]
    assert (run.samples, len(ours.overlaps), len(ours.duplicates)) == (len(samples), 1, 1)
    assert np.array_equal(samples_of(run), samples, equal_nan=True)
    assert run.start_ns == times[0]


def test_times_that_are_rounded_stay_within_half_a_sample(tmp_path):
    # Of 1 / 3000 s no whole number of microseconds makes the times: they are rounded.
    times = np.round(np.arange(2000) * 1e6 / 3000).astype(np.int64) * 1000 + 1_600_000_000 * 10**9
    samples = np.arange(8000, dtype="i4").reshape(2000, 4)
    write_plain(tmp_path / "a.h5", Block(samples, times, 2.0 * np.arange(4), 3000))
    found = examine(str(tmp_path / "a.h5"))
    assert sum(one.samples for one in found) == 2000
    for one in found:
        made = one.start_ns + np.arange(one.samples) * one.step * 1e9
        there = times[one.offset : one.offset + one.samples]
        assert np.abs(made - there).max() < 1e9 / 3000 / 2


def test_two_records_of_a_file_are_not_taken_for_each_other(tmp_path):
    times = 1_600_000_000 * 10**9 + 5_000_000 * np.arange(300)
    samples = np.arange(1200, dtype="i4").reshape(300, 4)
    write_dasdae(tmp_path / "a.h5", Block(samples, times, 2.0 * np.arange(4), 200))
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.copy("waveforms/DAS", "waveforms/B")
        file["waveforms/B/data"][:] *= -1
        file["waveforms/B/_coord_time"][:] += 60 * 10**9
    first, second = sorted(examine(str(tmp_path / "a.h5")), key=lambda one: one.start_ns)
    for dataset in (True, False):
        with Reader(range(4)) as reader:
            for one, sign in ((first, 1), (second, -1)):
                portion = Portion(one if dataset else replace(one, dataset=""), 5, 9)
                assert np.array_equal(reader.read(portion), sign * samples[5:9])
    moved = replace(first, dataset="", start=first.start + np.timedelta64(1, "s"))
    with pytest.raises(InputError, match="has it changed"):
        samples_of_patch(moved)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(2, 20)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_every_sample_is_in_one_run_once(spans, random):
    # Spans begin at even numbers and have even lengths: no gap or overlap is of one sample.
    spans = [(2 * start, 2 * count) for start, count in spans]
    records = [record(str(n), start, count) for n, (start, count) in enumerate(spans)]
    random.shuffle(records)
    (group,) = groups(records)
    covered = []
    for run in group.runs:
        first = round((run.start_ns - record("", 0).start_ns) / 5e6)
        for piece in run.pieces:
            start, count = spans[int(piece.record.path)]
            assert start + piece.skip == first + piece.first
            covered += range(start + piece.skip, start + count)
    assert covered == sorted({n for start, count in spans for n in range(start, start + count)})
    used = {piece.record.path for run in group.runs for piece in run.pieces}
    assert used | {one.path for one in group.duplicates} == {one.path for one in records}
