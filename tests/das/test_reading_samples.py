"""Samples of records out of files, and windows that some of their samples are missing of."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from pieces import SECOND, need_dascore, placed, record, stretch, write

from captools.das.reading import Reader, fill
from captools.das.windows import Portion
from captools.errors import InputError


@pytest.fixture
def samples():
    """Samples of which each is unlike all others, (time, channel)."""
    return np.arange(600, dtype=np.int16).reshape(100, 6)


@pytest.mark.parametrize("time_axis", [0, 1])
def test_what_is_read_is_time_by_channel_in_the_order_of_c(tmp_path, samples, time_axis):
    (one,) = write(tmp_path, samples, [], time_axis=time_axis)
    with Reader(range(1, 6, 2)) as reader:
        found = reader.read(Portion(one, 10, 30))
        assert found.dtype == np.int16
        assert found.flags.c_contiguous
        assert np.array_equal(found, samples[10:30, 1:6:2])
        assert np.array_equal(reader.read(Portion(one, 0, 5), range(2, 4)), samples[:5, 2:4])
        turned = reader.read(Portion(one, 10, 30), order="F")
        assert turned.flags.f_contiguous
        assert np.array_equal(turned, found)


def test_a_record_may_begin_within_its_dataset(tmp_path, samples):
    (whole,) = write(tmp_path, samples, [])
    later = record(whole.path, samples=40, channels=6, offset=60, dtype="int16")
    with Reader(range(6)) as reader:
        assert np.array_equal(reader.read(Portion(later, 5, 15)), samples[65:75])


def test_a_window_across_files_is_that_of_the_whole(tmp_path, samples):
    one = stretch(*write(tmp_path, samples, [13, 14, 60]))
    with Reader(range(6)) as reader:
        found = fill(reader, one.cut(5, 80), 75)
    assert found.dtype == np.int16
    assert np.array_equal(found, samples[5:80])


def test_what_is_missing_is_nan(tmp_path, samples):
    first, _, last = write(tmp_path, samples, [40, 50])
    parts = placed([stretch(first), stretch(last)], round(30 * 0.005 * SECOND), 40)
    with Reader(range(6)) as reader:
        found = fill(reader, parts, 40)
    expected = samples[30:70].astype(np.float32)
    expected[10:20] = np.nan
    assert found.dtype == np.float32
    assert np.array_equal(found, expected, equal_nan=True)


def test_a_window_without_samples_is_all_nan():
    with Reader(range(3)) as reader:
        assert np.isnan(fill(reader, [], 5)).all()


def test_a_file_that_was_cut_short_is_named(tmp_path, samples):
    (one,) = write(tmp_path, samples, [])
    with h5py.File(one.path, "w") as file:
        file["raw"] = samples[:50]
    with Reader(range(6)) as reader, pytest.raises(InputError, match=r"\.h5: holds 10 of 20 "):
        reader.read(Portion(one, 40, 60))


def test_a_file_that_is_gone_or_damaged_is_named(tmp_path, samples):
    (one,) = write(tmp_path, samples, [])
    with h5py.File(one.path, "w"):
        pass
    with Reader(range(6)) as reader, pytest.raises(InputError, match="/raw"):
        reader.read(Portion(one, 40, 60))
    (tmp_path / "bad.h5").write_bytes(b"no HDF5")
    with Reader(range(6)) as reader, pytest.raises(InputError, match=r"bad\.h5"):
        reader.read(Portion(record(tmp_path / "bad.h5"), 0, 10))


def test_a_zarr_store_is_read_in_the_layout_of_the_ocean_observatories(tmp_path, samples):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "record.zarr", mode="w")
    group.create_array("RawData", data=np.ascontiguousarray(samples.T), chunks=(3, 20))
    where = {"format": "zarr", "dataset": "RawData", "time_axis": 1}
    one = record(tmp_path / "record.zarr", channels=6, **where)
    with Reader(range(0, 6, 5)) as reader:
        assert np.array_equal(reader.read(Portion(one, 15, 45)), samples[15:45, ::5])


def test_more_files_than_may_be_open(tmp_path, samples, monkeypatch):
    monkeypatch.setattr("captools.das.reading.MOST_OPEN", 2)
    one = stretch(*write(tmp_path, samples, [10, 20, 30, 40, 50]))
    with Reader(range(6)) as reader:
        for _ in range(2):
            assert np.array_equal(fill(reader, one.cut(0, 100), 100), samples)
            assert len(reader._files) <= 2


def test_a_file_that_only_dascore_reads_and_that_changes(real_data, tmp_path):
    """Of one record in two formats samples are the same."""
    need_dascore()
    from captools.das.examining import examine

    (one,) = examine(str(real_data / "das" / "iDAS005_tdms_example.626.tdms"))
    (other,) = examine(str(real_data / "das" / "iDAS005_hdf5_example.626.h5"))
    assert not one.dataset
    path = tmp_path / "a.tdms"
    path.write_bytes(Path(one.path).read_bytes())
    with Reader(range(3, 1000, 7)) as reader:
        found = reader.read(Portion(replace(one, path=str(path)), 100, 350))
        assert np.array_equal(found, reader.read(Portion(other, 100, 350)))
        path.write_bytes(b"junk")
        with pytest.raises(InputError, match=r"a\.tdms: cannot be read"):
            reader.read(Portion(replace(one, path=str(path)), 100, 350))
