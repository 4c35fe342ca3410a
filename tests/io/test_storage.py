"""What is not in a file never becomes values: rows without bytes, other files, mere claims."""

import os
import socket

import h5py
import numpy as np
import pytest

from captools.errors import InputError
from captools.flat.reader import FlatFile
from captools.granules.checking import check_file
from captools.simulation.granule import write_granule
from captools.steps.readatl06 import readatl06

SEGMENTS = "gt1l/land_ice_segments"
QUALITY = f"{SEGMENTS}/atl06_quality_summary"
HEIGHT = f"{SEGMENTS}/h_li"


@pytest.fixture
def granule(tmp_path):
    return write_granule(tmp_path, 1, 1, 11, segments=400)


def remake(path, name, dtype=None, **options):
    """Put a dataset of the same length, without any value, in place of another."""
    with h5py.File(path, "r+") as file:
        rows, dtype = file[name].shape, dtype or file[name].dtype
        del file[name]
        return file.create_dataset(name, rows, dtype, **options) and None


def is_refused(path, tmp_path, *said):
    """Assert that the reader and `check` refuse a granule in the same words."""
    for call in (lambda: readatl06(path, tmp_path / "out"), lambda: check_file(path)):
        with pytest.raises(InputError) as refused:
            call()
        for words in (str(path), *said):
            assert words in str(refused.value)


@pytest.mark.parametrize("chunks", [None, (100,)])
@pytest.mark.parametrize("name", [QUALITY, HEIGHT])
def test_values_that_were_never_stored_are_not_zeros(granule, tmp_path, name, chunks):
    remake(granule, name, chunks=chunks)
    is_refused(granule, tmp_path, "gt1l", name.split("/")[-1], "none of its values")


def test_a_few_missing_chunks_are_not_zeros(granule, tmp_path):
    remake(granule, QUALITY, chunks=(100,))
    with h5py.File(granule, "r+") as file:
        file[QUALITY][:100] = 0
    is_refused(granule, tmp_path, "gt1l", "atl06_quality_summary", "1 of 4 chunks are there")


def test_fill_that_is_meant_is_no_value(tmp_path):
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["h_li"] = np.arange(20.0)
        file.create_dataset("dac", (20,), "f8", fillvalue=np.nan)
        file.create_dataset("f_sn", (20,), "i1", chunks=(10,), fillvalue=127)
        file["f_sn"].attrs["_FillValue"] = np.int8(127)
        file["f_sn"][:10] = 3
    assert check_file(tmp_path / "flat.h5") == "flat file, 20 rows"
    with FlatFile(tmp_path / "flat.h5") as flat:
        assert np.isnan(flat.read("dac")).all()
        np.testing.assert_array_equal(flat.read_known("f_sn"), [3] * 10 + [np.nan] * 10)


def test_a_fill_value_that_is_a_value_is_not_meant(tmp_path):
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["h_li"] = np.arange(20.0)
        file.create_dataset("q_flag", (20,), "i1", fillvalue=0)
    for call in (check_file, lambda path: FlatFile(path).read("q_flag")):
        with pytest.raises(InputError, match=r"flat\.h5: q_flag: .*none of its values are there"):
            call(tmp_path / "flat.h5")


def test_bytes_of_another_file_are_no_column(granule, tmp_path):
    np.zeros(400, "i1").tofile(tmp_path / "private")
    remake(granule, QUALITY, "i1", external=[(tmp_path / "private", 0, 400)])
    is_refused(granule, tmp_path, "atl06_quality_summary: keeps its values in another file")


@pytest.mark.parametrize("there", [True, False])
def test_virtual_datasets_are_no_columns(granule, tmp_path, there):
    with h5py.File(granule, "r+") as file:
        rows = file[QUALITY].shape
        layout = h5py.VirtualLayout(rows, "i1")
        layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "q", rows)
        del file[QUALITY]
        file.create_virtual_dataset(QUALITY, layout)
    if there:
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["q"] = np.zeros(rows, "i1")
    is_refused(granule, tmp_path, "atl06_quality_summary: is a view of other datasets")


def test_a_link_to_another_file_is_no_column(granule, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file, h5py.File(granule, "r+") as linking:
        file["q"] = np.zeros(400, "i1")
        del linking[QUALITY]
        linking[QUALITY] = h5py.ExternalLink(tmp_path / "other.h5", "q")
    is_refused(granule, tmp_path, "atl06_quality_summary: is a link to another file")


@pytest.mark.parametrize("fill", [None, np.nan])
def test_a_small_file_cannot_claim_gigabytes(tmp_path, fill):
    rows = 10**8
    path = tmp_path / "flat.h5"
    with h5py.File(path, "w") as file:
        for name in ("lon", "lat"):
            file.create_dataset(name, (rows,), "f8", chunks=(10_000,), fillvalue=fill)
    said = "none of its values are there" if fill is None else "claims to hold 800000000 bytes"
    with pytest.raises(InputError, match=said), FlatFile(path) as flat:
        flat.read("lat")
    with pytest.raises(InputError, match=said):
        check_file(path)


def test_numbers_of_a_granule_are_in_it(granule, tmp_path):
    remake(granule, "orbit_info/sc_orient")
    is_refused(granule, tmp_path, "orbit_info/sc_orient: ", "none of its values are there")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
@pytest.mark.parametrize(
    "step", [["merge", "-o", "OUT/all.h5"], ["filter", "-o", "OUT"], ["check"]]
)
def test_what_need_never_end_is_not_opened(tmp_path, run, step, kind):
    path = tmp_path / "odd.h5"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(os.path.relpath(path))
        listening.close()
    name, *options = (word.replace("OUT", str(tmp_path / "out")) for word in step)
    result = run(name, path, *options)
    assert result.exit_code == 1
    assert f"{path}: is no file, but a pipe, a socket or a device" in result.output
