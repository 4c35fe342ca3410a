"""Cubes of real records: in pieces, among files that are none, and in two formats."""

import hashlib
import shutil

import numpy as np
import pytest
import scipy.signal
from test_pieces import NAMES, whole

from captools.simulation.das_files import Block, write_dasdae

zarr = pytest.importorskip("zarr")
pytestmark = pytest.mark.filterwarnings("ignore")  # of what reads these formats
FEW = ("--overlap", "0.5", "--exact", "--segment")
SHORT = {"silixa_h5_1.hdf5": 20}  # milliseconds of a segment, of a record of 0.2 s


def digests(folder):
    """What is in a folder, to the byte, and when it was changed."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }


def expected(samples, missing, starts, length, rate):
    """Levels of segments, as scipy has them in float64, NaN where there can be none."""
    levels = np.full((len(starts), length // 2 + 1, samples.shape[1]), np.nan)
    for row, start in enumerate(starts):
        segment = samples[start : start + length].astype(float)
        if missing[start : start + length].any():
            continue
        _, _, power = scipy.signal.spectrogram(
            segment, rate, ("tukey", 0.25), length, 0, detrend="constant", axis=0
        )
        with np.errstate(divide="ignore"):
            levels[row] = 10 * np.log10(power[..., 0])
        levels[row, :, (np.ptp(segment, 0) == 0) | ~np.isfinite(segment).all(0)] = np.nan
    return levels


@pytest.mark.parametrize("name", NAMES)
def test_a_record_in_pieces_among_files_that_are_none(run, real_data, tmp_path, name):
    samples, times, distances = whole(real_data / "das" / name)
    step = np.diff(times).mean()
    long = SHORT.get(name, 200)
    rate, length = 1e9 / step, round(long * 1e6 / step)
    count = len(samples)
    rng = np.random.default_rng(count)
    cuts = [count // 5, 3 * count // 10, count // 2, count // 2 + length // 3, 3 * count // 4]
    parts = np.split(np.arange(count), cuts)
    lost = parts.pop(3)  # a third of a segment
    parts[1] = np.concatenate([parts[0][-7:], parts[1]])  # an overlap
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [folder / f"{letter}.h5" for letter in rng.permutation([*"abcde"])]
    for path, part in zip(paths, parts, strict=True):
        write_dasdae(path, Block(samples[part], times[part], distances, 1))
    shutil.copy(paths[2], folder / "z.h5")
    (folder / "junk.h5").write_bytes(b"junk")
    (folder / "short.h5").write_bytes(paths[0].read_bytes()[:5000])
    write_dasdae(folder / "alien.h5", Block(samples[:50, :3], times[:50], distances[:3], 1))
    before = digests(folder)
    result = run("dascube", folder, "-o", tmp_path / "c.zarr", *FEW, f"{long}ms")
    assert digests(folder) == before
    failed = [line.partition(": ")[2] for line in result.stderr.splitlines() if "failed: " in line]
    assert result.exit_code == 1, result.stderr
    assert sorted(one.partition(": ")[0] for one in failed) == [
        str(folder / one) for one in ("alien.h5", "junk.h5", "short.h5")
    ]
    cube = zarr.open_group(tmp_path / "c.zarr", mode="r")
    found = cube["psd"][:]
    begins = cube["time"][:] - round(length * step / 2)
    assert not (begins % (long * 500_000)).any()  # the grid
    starts = np.rint((begins - times[0]) / step).astype(int)
    assert 0 <= starts[0] <= length
    assert starts[-1] > count - 2 * length
    missing = np.isin(np.arange(count), lost)
    truth = expected(samples, missing, starts, length, rate)
    there = np.isfinite(truth).any(1)
    assert np.array_equal(np.isfinite(found).any(1), there)
    assert not there[[missing[start : start + length].any() for start in starts]].any()
    found, truth = found[:, 1:], truth[:, 1:]
    loud = truth > np.nanmax(truth[np.isfinite(truth)]) - 80
    assert loud.sum() > 0.3 * np.isfinite(truth).sum()
    assert np.abs(found - truth)[loud].max() < 0.01


def test_two_formats_of_a_record_give_the_same_cube_by_channel(run, real_data, tmp_path):
    cubes = []
    for name in ("iDAS005_hdf5_example.626.h5", "iDAS005_tdms_example.626.tdms"):
        out = tmp_path / f"{name}.zarr"
        result = run("dascube", real_data / "das" / name, "-o", out, *FEW, "200ms")
        assert result.exit_code == 0, result.output
        cubes.append(zarr.open_group(out, mode="r"))
    one, other = cubes
    assert np.isfinite(one["psd"][:]).any()
    for array in ("psd", "time", "frequency", "channel"):
        assert np.array_equal(one[array][:], other[array][:], equal_nan=True)
    assert not np.array_equal(one["distance"][:], other["distance"][:])
