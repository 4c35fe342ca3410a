"""One file to its records: real ones of seven formats, and what is none, with the reason."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from captools.das import patches
from captools.das.examining import examine
from captools.das.records import NoRecord, Record
from captools.simulation.das_files import Block, write_dasdae, write_plain, write_zarr

START = 1_635_808_260_000_000_000
# Samples, channels, rate, dtype, and the dataset that holds just these.
REAL = {
    "prodml_2.0.h5": (2500, 512, 200, "int16", "/Acquisition/Raw[0]/RawData"),
    "decimated_optodas.hdf5": (5000, 51, 500, "float32", "/data"),
    "gdr_1.h5": (10000, 10, 1000, "float32", "/DasRawData/RawData"),
    "silixa_h5_1.hdf5": (100, 3840, 500, "int16", "/Acoustic"),
    "iDAS005_hdf5_example.626.h5": (1000, 1152, 1000, "int16", "/Acquisition/Raw[0]/RawData"),
    "iDAS005_tdms_example.626.tdms": (1000, 1152, 1000, "int16", ""),
    "valencia_febus_example.h5": (1250, 100, 250, "float32", ""),
}
WRITERS = {"dasdae": write_dasdae, "plain": write_plain}


def block(samples=400, channels=6, step=5_000_000, dtype="int16"):
    """Samples that differ everywhere."""
    values = np.arange(samples * channels).reshape(samples, channels).astype(dtype)
    times = START + step * np.arange(samples)
    return Block(values, times, 10.0 + 2.0 * np.arange(channels), round(1e9 / step))


def only(found):
    """What a file is, if it is one thing."""
    (one,) = found
    return one


def why(path):
    """Why a file is no record."""
    one = only(examine(str(path)))
    assert isinstance(one, NoRecord)
    assert one.path == str(path)
    assert str(path) not in one.why
    return one.why


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("whole_bytes", [patches.WHOLE_BYTES, 0])
def test_real_records(real_data, monkeypatch, name, whole_bytes):
    monkeypatch.setattr(patches, "WHOLE_BYTES", whole_bytes)
    path = real_data / "das" / name
    record = only(examine(str(path)))
    samples, channels, rate, dtype, dataset = REAL[name]
    assert (record.samples, record.channels, record.dtype) == (samples, channels, dtype)
    assert record.rate == pytest.approx(rate)
    assert (record.dataset, record.time_axis, record.offset) == (dataset, 0, 0)
    assert (record.size, record.mtime_ns) == (path.stat().st_size, path.stat().st_mtime_ns)


def test_a_record_in_two_formats_has_the_same_times(real_data):
    one = only(examine(str(real_data / "das/iDAS005_hdf5_example.626.h5")))
    other = only(examine(str(real_data / "das/iDAS005_tdms_example.626.tdms")))
    assert one.start == other.start == np.datetime64("2019-05-31T08:38:50.626928")
    assert one.step == other.step == 0.001


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("whole_bytes", [patches.WHOLE_BYTES, 0])
def test_simulated_records(tmp_path, monkeypatch, form, dtype, whole_bytes):
    monkeypatch.setattr(patches, "WHOLE_BYTES", whole_bytes)
    written = block(dtype=dtype)
    WRITERS[form](tmp_path / "a.h5", written)
    record = only(examine(str(tmp_path / "a.h5")))
    assert record.start_ns == START
    assert (record.step, record.samples, record.channels) == (0.005, 400, 6)
    assert (record.spacing, record.dtype) == (2.0, dtype)
    assert record.first_distance == (10.0 if form == "dasdae" else 0.0)
    assert record.units == "nm / m / s"
    with h5py.File(tmp_path / "a.h5") as file:
        found = file[record.dataset][:]
    assert record.time_axis == 1
    assert np.array_equal(found.T, written.samples)


def test_samples_by_channels_are_told_from_channels_by_samples(tmp_path):
    write_plain(tmp_path / "a.h5", block(samples=64, channels=64))
    assert only(examine(str(tmp_path / "a.h5"))).time_axis == 1


def test_a_dataset_that_differs_somewhere_is_not_taken(tmp_path):
    write_plain(tmp_path / "a.h5", block())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        samples = file["Acquisition/Raw[0]/RawData"][:]
        samples[3, 200] += 1
        file["A/copy"] = samples  # comes first
        file["A/scaled"] = 2 * samples
        file["A/floats"] = samples.astype("f4")
    assert only(examine(str(tmp_path / "a.h5"))).dataset == "/Acquisition/Raw[0]/RawData"


def test_of_two_datasets_that_are_alike_where_they_are_compared_none_is_taken(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(patches, "WHOLE_BYTES", 0)
    write_plain(tmp_path / "a.h5", block())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        samples = file["Acquisition/Raw[0]/RawData"][:]
        samples[3, 200] += 1
        file["A/copy"] = samples
    record = only(examine(str(tmp_path / "a.h5")))
    assert (record.dataset, record.time_axis) == ("", 1)


def test_times_that_jump_within_a_file_make_several_records(tmp_path):
    written = block()
    written.times[150:] += 10_000_000_000
    write_dasdae(tmp_path / "a.h5", written)
    first, second = examine(str(tmp_path / "a.h5"))
    assert (first.offset, first.samples, first.start_ns) == (0, 150, START)
    assert (second.offset, second.samples) == (150, 250)
    assert second.start_ns == START + 150 * 5_000_000 + 10_000_000_000
    assert first.step == second.step == 0.005


@pytest.mark.parametrize("whole_bytes", [patches.WHOLE_BYTES, 0])
def test_times_a_little_off_those_that_the_header_gives(tmp_path, monkeypatch, whole_bytes):
    # So are those of real PRODML files; DASCore then takes all times as they are.
    monkeypatch.setattr(patches, "WHOLE_BYTES", whole_bytes)
    write_plain(tmp_path / "a.h5", block())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        times = file["Acquisition/Raw[0]/RawDataTime"]
        times.attrs["PartEndTime"] = "2021-11-01T23:11:02.002+00:00"
        times[200:] += 700  # microseconds
    record = only(examine(str(tmp_path / "a.h5")))
    assert (record.start_ns, record.step, record.samples) == (START, 0.005, 400)
    assert record.dataset == "/Acquisition/Raw[0]/RawData"


def test_a_rate_that_no_number_of_nanoseconds_makes(tmp_path):
    times = START + np.arange(4000) * 10**9 // 3000
    samples = np.arange(8000, dtype="i2").reshape(4000, 2)
    write_dasdae(tmp_path / "a.h5", Block(samples, times, np.arange(2.0), 3000))
    record = only(examine(str(tmp_path / "a.h5")))
    assert record.step == pytest.approx(1 / 3000, rel=1e-12)
    assert record.samples == 4000


@pytest.mark.parametrize(
    ("zarr_format", "axes"),
    [(2, "attributes"), (2, "lengths"), (3, "names"), (3, "attributes"), (3, "lengths")],
)
def test_a_zarr_store(tmp_path, zarr_format, axes):
    import zarr

    written = block(samples=300, channels=7, dtype="int32")
    times = written.times // 1000
    times[100:] += 60_000_000
    named = {"dimension_names": ("distance", "time")} if axes == "names" else {}
    path = tmp_path / "a.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    samples = group.create_array("RawData", data=written.samples.T, **named)
    if axes == "attributes":
        samples.attrs["_ARRAY_DIMENSIONS"] = ["distance", "time"]
    group.create_array("RawDataTime", data=times)
    group.create_array("distance", data=np.round(written.distances + 0.0101 * np.arange(7), 3))
    first, second = examine(str(path))
    assert (first.offset, first.samples, second.offset, second.samples) == (0, 100, 100, 200)
    assert (first.start_ns, second.start_ns - START) == (START, 60_500_000_000)
    assert (first.dataset, first.time_axis, first.dtype) == ("RawData", 1, "int32")
    assert (first.step, first.channels) == (0.005, 7)
    assert first.first_distance == 10.0
    assert first.spacing == pytest.approx(2.0101, abs=1e-3)


def test_a_store_that_has_grown_is_another_one(tmp_path):
    import zarr

    write_zarr(tmp_path / "a.zarr", [block()], 400)
    before = only(examine(str(tmp_path / "a.zarr")))
    group = zarr.open_group(tmp_path / "a.zarr")
    times = group["RawDataTime"][:]
    group["RawData"].append(group["RawData"][:], axis=1)
    group["RawDataTime"].append(times[-1] + 5000 * np.arange(1, 401))
    after = only(examine(str(tmp_path / "a.zarr")))
    assert (before.samples, after.samples) == (400, 800)
    assert (before.size, before.mtime_ns) != (after.size, after.mtime_ns)


# --- what is none -------------------------------------------------------------------


def test_a_store_of_something_else(tmp_path):
    import zarr

    (tmp_path / "empty.zarr").mkdir()
    zarr.open_group(tmp_path / "other.zarr", mode="w").create_array("T", data=np.zeros(3))
    for name in ("empty.zarr", "other.zarr"):
        assert "no zarr store with RawData and RawDataTime" in why(tmp_path / name)


def test_a_square_store_that_does_not_name_its_axes(tmp_path):
    import zarr

    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("RawData", data=np.zeros((5, 5)))
    group.create_array("RawDataTime", data=np.arange(5))
    assert "which axis of RawData is time?" in why(tmp_path / "a.zarr")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.h5", b"", "is empty (0 bytes)"),
        ("a.tdms", b"", "is empty (0 bytes)"),
        ("a.h5", b"<html>", "is a web page"),
        ("a.hdf5", b"\x00" * 99, "is not HDF5"),
        ("a.tdms", b"TDSm" + b"\x00" * 99, "DASCore"),
        ("a.segy", b"\x40" * 4000, "of no format that DASCore knows"),
    ],
)
def test_files_of_other_content(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert said in why(tmp_path / name)


def test_what_is_no_file(tmp_path):
    assert why(tmp_path / "none.h5") == "does not exist"
    (tmp_path / "folder.h5").mkdir()
    assert "cannot be read (Is a directory)" in why(tmp_path / "folder.h5")
    os.mkfifo(tmp_path / "pipe.h5")
    assert "is no file, but a pipe" in why(tmp_path / "pipe.h5")
    assert examine("s3://bucket/a.h5")[0].why == "is on a server: fetch it first"


def test_a_file_cut_short(tmp_path):
    write_plain(tmp_path / "a.h5", block())
    os.truncate(tmp_path / "a.h5", 4000)
    assert "is truncated (4000 of" in why(tmp_path / "a.h5")


def test_hdf5_of_something_else(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.zeros((10, 10))
    assert "of no format that DASCore knows" in why(tmp_path / "a.h5")


@pytest.mark.parametrize("seconds", [9.5, 1.5])
def test_seconds_between_samples(tmp_path, seconds):
    write_dasdae(tmp_path / "a.h5", block(step=round(seconds * 1e9)))
    assert why(tmp_path / "a.h5") == f"has a sample every {seconds} s: too slow for sound"


@pytest.mark.parametrize(
    ("name", "value"),
    [("data_category", "DTS"), ("data_units", "kelvin"), ("data_units", "degC")],
)
def test_temperatures(tmp_path, name, value):
    write_dasdae(tmp_path / "a.h5", block())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file["waveforms/DAS"].attrs[f"_attrs_{name}"] = value
    assert why(tmp_path / "a.h5") == "holds temperatures (DTS), no samples of sound"


def test_complex_samples(tmp_path):
    write_dasdae(tmp_path / "a.h5", block(dtype="complex64"))
    assert why(tmp_path / "a.h5") == "holds complex64, no real numbers"


def test_times_that_stand_still(tmp_path):
    written = block()
    written.times[:] = START
    write_dasdae(tmp_path / "a.h5", written)
    assert "do not grow" in why(tmp_path / "a.h5")


def test_several_blocks_of_one_time(tmp_path):
    write_dasdae(tmp_path / "a.h5", block())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.copy("waveforms/DAS", "waveforms/DAS_again")
        file["waveforms/DAS_again/data"][:] += 1
    assert "several blocks" in why(tmp_path / "a.h5")


def test_blocks_of_several_times_are_records_each(tmp_path):
    write_dasdae(tmp_path / "a.h5", block())
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.copy("waveforms/DAS", "waveforms/DAS_later")
        file["waveforms/DAS_later/data"][:] += 1
        file["waveforms/DAS_later/_coord_time"][:] += 60_000_000_000
    found = sorted(examine(str(tmp_path / "a.h5")), key=lambda one: one.start_ns)
    assert [one.dataset for one in found] == ["/waveforms/DAS/data", "/waveforms/DAS_later/data"]


def write_febus(path, dataset):
    """Write a file as Febus' A1 does: three blocks of a second, half of each twice."""
    with h5py.File(path, "w") as file:
        source = file.create_group("fa1/Source1")
        source.attrs.update(AmpliPower=1, Hostname="fa1", WholeExtent=[0, 5], SamplingRate=2e8)
        source["time"] = START / 1e9 + np.arange(3)
        zone = source.create_group("Zone1")
        zone.attrs.update(
            {
                "Extent": [0, 5, 0, 199],
                "Spacing": [2.0, 10.0],
                "Origin": [0.0, 0.0],
                "SamplingRate": 100.0,
                "GaugeLength": 10.0,
                "BlockOverlap": 100.0,
            }
        )
        zone[dataset] = np.arange(3 * 200 * 6, dtype="f4").reshape(3, 200, 6)


def test_samples_in_blocks_are_read_by_dascore_alone(tmp_path):
    write_febus(tmp_path / "a.h5", "StrainRate")
    record = only(examine(str(tmp_path / "a.h5")))
    assert isinstance(record, Record)
    assert (record.dataset, record.samples, record.channels) == ("", 300, 6)
    assert record.format.startswith("febus")


def test_spectra_in_blocks(tmp_path):
    write_febus(tmp_path / "a.h5", "PSD [dB re 1 nStrain|sqrt(Hz)]")
    assert why(tmp_path / "a.h5").startswith("holds spectra (/fa1/Source1/Zone1/PSD")


def write_bands(path):
    """Write a ProdML file of powers of five bands, all under one name."""
    write_plain(path, block())
    with h5py.File(path, "r+") as file:
        raw = file["Acquisition/Raw[0]"]
        bands = file.create_group("Acquisition/Processed/Fbe[0]")
        file.copy(raw["RawDataTime"], bands, "FbeDataTime")
        bands.attrs.update(StartLocusIndex=0, NumberOfLoci=6, TransformType="FFT")
        bands.attrs["Dimensions"] = ["time", "locus"]
        for number in range(5):
            band = bands.create_dataset(f"FbeData[{number}]", data=np.ones((400, 6), "f4"))
            band.attrs.update(StartFrequency=10.0 * number, EndFrequency=10.0 * number + 10)
        del raw["RawData"]


def test_frequency_bands(tmp_path):
    write_bands(tmp_path / "a.h5")
    found = examine(str(tmp_path / "a.h5"))
    assert {one.why for one in found} == {"holds powers of frequency bands, no samples"}


@pytest.mark.parametrize(
    "command", [("dascube", "--fmax", 40), ("dasimages", "--window", "1s", "--band", 20, 60)]
)
def test_steps_refuse_by_name_what_is_hostile_and_do_the_rest(tmp_path, run, command):
    (folder := tmp_path / "in").mkdir()
    write_plain(folder / "good.h5", block(samples=2000))
    write_febus(folder / "febus_2.h5", "PSD [dB re 1 nStrain|sqrt(Hz)]")
    write_bands(folder / "prodml_fbe_1.h5")
    write_dasdae(folder / "DASDMSShot00.h5", block(step=9_500_000_000))
    write_dasdae(folder / "dts.h5", block())
    with h5py.File(folder / "dts.h5", "r+") as file:
        file["waveforms/DAS"].attrs["_attrs_data_category"] = "DTS"
    (folder / "junk.h5").write_bytes(b"junk")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    step, *words = command
    result = run(step, folder, "-o", tmp_path / "out", *words, "-n", 1)
    assert result.exit_code == 1, result.output
    for name, reason in {
        "febus_2": "holds spectra (/fa1/Source1/Zone1/PSD",
        "prodml_fbe_1": "holds powers of frequency bands, no samples",
        "DASDMSShot00": "has a sample every 9.5 s: too slow for sound",
        "dts": "holds temperatures (DTS), no samples of sound",
        "junk": "",
    }.items():
        assert f"failed: {folder}/{name}.h5: {reason}" in result.stderr
    assert "good.h5" not in result.stderr
    assert "5 failed" in result.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_scanning_leaves_dascore_no_word(tmp_path, capfd):
    write_plain(tmp_path / "a.h5", block())
    (tmp_path / "b.tdms").write_bytes(b"TDSm" + b"\x00" * 99)
    for path in Path(tmp_path).iterdir():
        examine(str(path))
    assert capfd.readouterr() == ("", "")
