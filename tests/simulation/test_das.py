"""Simulated records of a fibre: the same in pieces as whole, and as they are said to be."""

import h5py
import numpy as np
import pytest

from captools.simulation.fibre import EVENT, SPEED, TONE, TONE_HZ, Fibre
from captools.steps.simulate import simulate

START = 1_635_808_260  # 2021-11-01T23:11:00
RAW = "Acquisition/Raw[0]"


def plain(path):
    """Samples (time, channel) and times of a plain file."""
    with h5py.File(path) as file:
        return file[f"{RAW}/RawData"][:].T, file[f"{RAW}/RawDataTime"][:]


def das(folder, **other):
    """Write a record of few channels."""
    return simulate(folder, product="DAS", **{"channels": 8} | other)


def test_pieces_of_unequal_length_make_up_the_whole(tmp_path):
    paths = das(tmp_path / "pieces", unequal=True, seconds=7)
    samples, times = map(np.concatenate, zip(*map(plain, paths), strict=True))
    (whole,) = das(tmp_path / "whole", seconds=60)
    expected, expected_times = plain(whole)
    assert len({len(plain(path)[1]) for path in paths}) > 5
    assert np.array_equal(samples, expected)
    assert np.array_equal(times, expected_times)
    assert np.array_equal(times, START * 10**6 + 5000 * np.arange(60 * 200))


def test_any_part_is_the_same_however_it_is_asked_for():
    fibre = Fibre(channels=4)
    whole = fibre.samples(START * 200, 3000)
    assert np.allclose(fibre.samples(START * 200 + 777, 1500), whole[777:2277], rtol=0, atol=1e-9)


def test_the_tone_has_its_frequency_and_speed():
    fibre = Fibre(channels=8, spacing=5.0)
    spectrum = np.fft.rfft(fibre.tone(START * 200, 2000), axis=0)
    assert set(np.abs(spectrum).argmax(axis=0)) == {round(TONE_HZ * 10)}
    line = spectrum[round(TONE_HZ * 10)]
    assert np.abs(line) == pytest.approx(TONE * 1000)
    steps = np.angle(line[1:] / line[:-1])
    assert steps == pytest.approx(-2 * np.pi * TONE_HZ * 5.0 / SPEED)


def test_something_happens_every_ten_seconds_somewhere_and_travels():
    fibre = Fibre(channels=100, spacing=30.0)
    number = START // 10
    when, where = fibre.event(number)
    assert when == number * 10 + 5
    found = fibre.events(number * 2000, 2000)  # ten seconds
    envelope = np.abs(found).max(axis=0)
    assert envelope == pytest.approx(EVENT, rel=0.2)  # of a wave that is sampled now and then
    arrivals = np.abs(found).argmax(axis=0) / 200 + number * 10
    late = np.abs(fibre.distances - where) / SPEED
    assert arrivals == pytest.approx(when + late, abs=0.021)  # half a period of the wave


def test_noise_is_as_strong_as_it_should_be_and_new_in_each_channel():
    fibre = Fibre(channels=8, noise=20.0, dead=())
    first, count = START * 200, 8000
    noise = fibre.samples(first, count) - fibre.tone(first, count) - fibre.events(first, count)
    assert noise.std(axis=0) == pytest.approx(20.0, rel=0.05)
    assert np.abs(np.corrcoef(noise.T) - np.eye(8)).max() < 0.05
    assert np.abs(np.corrcoef(noise[:-1].T, noise[1:].T)[:8, 8:]).max() < 0.05
    other = Fibre(channels=8, dead=(), seed=1).samples(first, count)
    assert not np.isclose(other, fibre.samples(first, count)).all(axis=0).any()


def test_a_dead_channel_is_zero(tmp_path):
    samples, _ = plain(das(tmp_path)[0])
    assert [channel for channel in range(8) if not samples[:, channel].any()] == [5]


def test_defects_are_in_the_first_files(tmp_path):
    defects = ("gap", "overlap", "jitter", "copy", "fewer-channels", "truncated")
    paths = das(tmp_path, seconds=5, defects=defects)
    assert len(paths) == 13  # with the copy
    gap, overlap, jitter, one, copy, fewer, cut, *_ = paths
    ends = [(plain(path)[1][0], plain(path)[1][-1] + 5000) for path in (gap, overlap, jitter)]
    seconds = np.array(ends) / 1e6 - START
    assert seconds.tolist() == pytest.approx(np.array([[0, 2.5], [5, 11.25], [10.0015, 15.0015]]))
    assert copy.name == f"{one.stem}_copy.h5"
    assert copy.read_bytes() == one.read_bytes()
    assert plain(fewer)[0].shape == (1000, 4)
    with pytest.raises(OSError, match="truncated"):
        h5py.File(cut)


def test_equal_arguments_give_equal_bytes(tmp_path):
    for form in ("dasdae", "plain"):
        first, again, other = (
            das(tmp_path / f"{form}{name}", form=form, seconds=30, seed=name // 2)
            for name in range(3)
        )
        for one, two, three in zip(first, again, other, strict=True):
            assert one.read_bytes() == two.read_bytes() != three.read_bytes()


def test_a_store_has_all_pieces_with_times_that_jump(tmp_path):
    import zarr

    defects = ("gap", "overlap")
    files = das(tmp_path / "files", seconds=7, defects=defects)
    (path,) = das(tmp_path, seconds=7, defects=defects, form="zarr")
    samples, times = map(np.concatenate, zip(*map(plain, files), strict=True))
    store = zarr.open_group(path, mode="r")
    assert np.array_equal(store["RawData"][:].T, samples)
    assert np.array_equal(store["RawDataTime"][:], times)
    assert store["distance"][:].tolist() == [2.0 * channel for channel in range(8)]


def test_floats_are_not_rounded(tmp_path):
    (path,) = das(tmp_path, dtype="float32", seconds=60, rate=100)
    samples, _ = plain(path)
    assert samples.dtype == np.float32
    exact = Fibre(channels=8, rate=100).samples(START * 100, len(samples))
    assert np.array_equal(samples, exact.astype(np.float32))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--product DAS --granules 3", "--granules goes with --product ATL06"),
        ("--rate 100", "--rate goes with --product DAS"),
        ("--product DAS --seconds 0", "--seconds"),
        ("--product DAS --rate 50", "--rate"),
        ("--product DAS --channels 0", "--channels"),
        ("--product DAS --dtype int8", "--dtype"),
        ("--product DAS --format segy", "format must be one of dasdae, plain, zarr"),
        ("--product DAS --format zarr --defect copy", "zarr cannot have the defect"),
        ("--product DAS --defect no-segments", "unknown defect 'no-segments'"),
        ("--product DAS -t 2021.0 2021.5", "must be an ISO date"),
        ("--product DAS -t 2021-11-02 2021-11-01", "is empty"),
        ("--product DAS --seconds 60 --defect gap --defect gap", "more defects than files: 2, 1"),
    ],
)
def test_wrong_values_are_refused_before_any_work(run, tmp_path, words, said):
    result = run("simulate", "-o", tmp_path / "out", *words.split())
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "out").exists()
