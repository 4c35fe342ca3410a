"""What is wrong with inputs, outputs and options is said in one clear line, and costs no more."""

import contextlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import straightforward
from straightforward import SOURCES, assert_same_rows, read_flat

from captools.engine.pool import Pool
from captools.flat import writer
from captools.flat.writer import FlatWriter
from captools.simulation.granule import write_granule

NOBODY = 65534
BEAMS = ("gt1l", "gt3r")  # of the small granule


@pytest.fixture(scope="module")
def small(granule, tmp_path_factory):
    """Give a small granule: two beams with the default columns, every byte of use."""
    path = tmp_path_factory.mktemp("small") / granule.name
    with h5py.File(granule) as whole, h5py.File(path, "w") as file:
        file.attrs.update(whole.attrs)
        whole.copy("orbit_info", file)
        epoch = file.create_group("ancillary_data")
        whole.copy("ancillary_data/atlas_sdp_gps_epoch", epoch)
        for beam in BEAMS:
            file.create_group(beam).attrs.update(whole[beam].attrs)
            for name in SOURCES.values():
                parent = file.require_group(os.path.dirname(f"{beam}/land_ice_segments/{name}"))
                whole.copy(f"{beam}/land_ice_segments/{name}", parent)
    return path


@pytest.fixture
def broken(small, tmp_path):
    """Give a copy of the small granule to break."""
    (tmp_path / "in").mkdir()
    return Path(shutil.copy(small, tmp_path / "in"))


@pytest.fixture
def reason(run, tmp_path):
    """Give a function that runs a bad input, checks how it fails, and returns the reason."""

    def call(path, *options):
        result = run("readatl06", path, "-o", tmp_path / "out", *options)
        assert result.exit_code == 1
        assert result.stdout == ""
        failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
        assert len(failed) == 1
        assert_clear(failed[0], path)
        assert os.listdir(tmp_path / "out") == ["_captools"]
        return failed[0]

    return call


@pytest.fixture
def in_process(monkeypatch):
    """Let inputs be done in this process, where a test can meddle with them."""
    monkeypatch.setattr("captools.engine.local.in_worker", lambda work, item, timeout: work(item))
    monkeypatch.setattr(Pool, "begin", lambda pool, count: None)


def assert_clear(error, path):
    """Check that an error is one line, names the file, and does not ask for a bug report."""
    assert str(path) in error
    assert "\n" not in error
    assert "unexpected" not in error
    assert "Traceback" not in error


def outcomes(out):
    """Return the journal of a run by the names of the inputs."""
    lines = (out / "_captools" / "readatl06.jsonl").read_text().splitlines()
    return {Path(outcome["input"]).name: outcome for outcome in map(json.loads, lines)}


def command(*words):
    """Return a command line for a process of its own, where a crash would show."""
    return [sys.executable, "-c", "from captools.cli import main; main()", *map(str, words)]


# --- not the file it should be ------------------------------------------------


# Its 512th byte is the first half of a letter.
TABLE = b"lon,lat,h1" + b"\n-100,-75,1" * 45 + "é".encode() * 99


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\n\n<!DOCTYPE html><html><title>Earthdata Login</title>", "is a web page saved as .h5"),
        (b"CDF\x01" + bytes(1000), "is netCDF-3, not HDF5: convert it (nccopy "),
        (TABLE, "is text, not HDF5: if it is CSV, it is no flat file; "),
        (b"\xef\xbb\xbflon\tlat\r\n", "is text, not HDF5: "),
        (b"lon\0lat\n", "is not HDF5; fetch it again"),
        (b"lon,lat\xff\n", "is not HDF5; fetch it again"),
        (b"\x89HDF\r\n\x1a\n", "cannot be opened"),
        (b"\x89HDF\r\n\x1a\n" + bytes(4000), "cannot be opened"),
    ],
    ids=[
        "empty",
        "web page",
        "netCDF 3",
        "CSV",
        "tabs",
        "NUL",
        "no UTF-8",
        "signature only",
        "signature and zeros",
    ],
)
def test_a_file_that_is_no_hdf5_is_called_what_it_is(reason, tmp_path, content, why):
    path = tmp_path / "processed_ATL06_20190416093911_02770303_002_01.h5"
    path.write_bytes(content)
    assert f"{path}: {why}" in reason(path)


def test_an_input_that_is_not_there_is_a_failed_input(reason, tmp_path):
    assert "does not exist" in reason(tmp_path / "absent.h5")


def test_a_folder_in_a_list_is_a_failed_input(run, tmp_path):
    # A folder among the words stands for its files; in a list, which names files, it is none.
    folder = tmp_path / "folder.h5"
    folder.mkdir()
    (tmp_path / "list.txt").write_text(f"{folder}\n")
    result = run("readatl06", f"@{tmp_path / 'list.txt'}", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"failed: {folder}: cannot be read (Is a directory)" in result.stderr


def test_another_product_is_refused_by_name(reason, broken):
    with h5py.File(broken, "r+") as file:
        file.attrs["short_name"] = np.bytes_(b"ATL08")
    assert "is ATL08, not ATL06" in reason(broken)


def test_any_other_hdf5_file_is_refused(reason, tmp_path):
    path = tmp_path / "das.h5"
    with h5py.File(path, "w") as file:
        file["Acquisition/RawData"] = np.zeros((3, 4))
    assert "no ATL06 granule" in reason(path)


@pytest.mark.parametrize(
    "name", ["atl08_clip", "processed_ATL07-01_20190222003738_08490201_003_02"]
)
def test_real_files_of_other_products_are_refused_by_name(reason, real_data, name):
    message = reason(real_data / "wrong-product" / f"{name}.h5")
    assert f"is {name.removeprefix('processed_')[:5].upper()}, not ATL06" in message


# --- damage -------------------------------------------------------------------


def test_a_file_cut_short_anywhere_fails_and_the_whole_one_among_them_is_done(small, run, tmp_path):
    whole, folder = small.read_bytes(), tmp_path / "in"
    folder.mkdir()
    cuts = {1, 7, 8, 9, 47, 48, 95, 96, 511, 512, 513, 2048, len(whole) - 1, len(whole) - 2}
    cuts |= set(range(4000, len(whole), len(whole) // 40))
    for cut in cuts:
        (folder / f"cut_{cut}.h5").write_bytes(whole[:cut])
    shutil.copy(small, folder / "whole.h5")
    result = run("readatl06", folder, "-o", tmp_path / "out")
    assert result.exit_code == 1
    found = outcomes(tmp_path / "out")
    assert len(found) == len(cuts) + 1
    assert found.pop("whole.h5")["status"] == "done"
    for name, outcome in found.items():
        assert (outcome["status"], outcome["outputs"]) == ("failed", [])
        assert_clear(outcome["error"], folder / name)
    for name in ("cut_4000.h5", f"cut_{len(whole) - 1}.h5"):
        size = name.removeprefix("cut_").removesuffix(".h5")
        assert f"is truncated ({size} of {len(whole)} bytes)" in found[name]["error"]
    names = {"_captools", *(f"whole_{beam}.h5" for beam in BEAMS)}
    assert set(os.listdir(tmp_path / "out")) == names


def test_a_damaged_chunk_fails_the_granule_and_names_beam_and_variable(small, run, tmp_path):
    whole, folder, damaged = small.read_bytes(), tmp_path / "in", {}
    folder.mkdir()
    with h5py.File(small) as file:
        for beam in BEAMS:
            for column, path in SOURCES.items():
                chunk = file[beam]["land_ice_segments"][path].id.get_chunk_info(0)
                name = f"{beam}_{column}.h5"
                damaged[name] = f"{beam}: {path}: cannot be read"
                content = bytearray(whole)
                content[chunk.byte_offset + chunk.size // 2] ^= 0x10
                (folder / name).write_bytes(content)
    assert run("readatl06", folder, "-o", tmp_path / "out").exit_code == 1
    found = outcomes(tmp_path / "out")
    assert set(found) == set(damaged)
    for name, outcome in found.items():
        assert outcome["status"] == "failed"
        assert_clear(outcome["error"], folder / name)
        assert damaged[name] in outcome["error"]
    # The first beam was whole in half of them; all or nothing is the rule.
    assert os.listdir(tmp_path / "out") == ["_captools"]


def test_damage_where_nothing_is_read_does_no_harm(granule, run, tmp_path):
    path = Path(shutil.copy(granule, tmp_path))
    with h5py.File(path) as file:
        chunk = file["gt1l/land_ice_segments/ground_track/x_atc"].id.get_chunk_info(0)
    with open(path, "r+b") as file:
        file.seek(chunk.byte_offset + chunk.size // 2)
        file.write(b"damage")
    assert run("readatl06", path, "-o", tmp_path / "out").exit_code == 0
    for beam, rows in straightforward.read_granule(path).items():
        assert_same_rows(read_flat(tmp_path / "out" / f"{path.stem}_{beam}.h5"), rows)
    result = run("readatl06", path, "-o", tmp_path / "out", "-v", "atc")
    assert result.exit_code == 1
    assert "gt1l: ground_track/x_atc: cannot be read" in result.stderr
    # The outputs of the run before do not outlive the failure.
    assert os.listdir(tmp_path / "out") == ["_captools"]


def metadata_bytes(path):
    """Return the offsets of nonzero bytes that belong to no dataset's values."""
    content = path.read_bytes()
    free = np.array([byte != 0 for byte in content])

    def take_away(name, item):
        if not isinstance(item, h5py.Dataset):
            return
        if item.chunks:
            stored = [item.id.get_chunk_info(k) for k in range(item.id.get_num_chunks())]
            for chunk in stored:
                free[chunk.byte_offset : chunk.byte_offset + chunk.size] = False
        elif item.id.get_offset() is not None:
            free[item.id.get_offset() : item.id.get_offset() + item.id.get_storage_size()] = False

    with h5py.File(path) as file:
        file.visititems(take_away)
    return np.flatnonzero(free).tolist()


def test_flipped_bytes_in_metadata_never_crash_nor_make_up_rows(small, tmp_path):
    # HDF5 has no checksum here: what h5py itself then reads is all that anyone can know.
    whole, folder, out = small.read_bytes(), tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    dice = random.Random(20190416)
    for k, offset in enumerate(dice.sample(metadata_bytes(small), 200)):
        content = bytearray(whole)
        content[offset] ^= dice.choice([0x01, 0x04, 0x10, 0x80, 0xFF])
        (folder / f"{small.stem}_{k}-{offset}-{content[offset]}.h5").write_bytes(content)
    done = subprocess.run(
        command("readatl06", folder, "-o", out, "-n", 1, "-q"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        # A wrong length may ask for any amount of memory; the machine shall not pay for it.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )
    assert done.returncode == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    found = outcomes(out)
    assert len(found) == 200
    statuses = [outcome["status"] for outcome in found.values()]
    assert statuses.count("failed") > 30
    assert statuses.count("done") > 30
    intact, files = straightforward.read_granule(small), {"_captools"}
    for name, outcome in found.items():
        if outcome["status"] == "failed":
            assert_clear(outcome["error"], folder / name)
            continue
        outputs = [os.path.basename(path) for path in outcome["outputs"]]
        files |= set(outputs)
        flats = {
            output[-len("gt1l.h5") : -len(".h5")]: read_flat(out / output) for output in outputs
        }
        if not is_same(flats, intact):
            with np.errstate(all="ignore"):  # what follows from garbage is not compared
                truth = straightforward.read_granule(folder / name)
            assert_same(*(without_derived(beams) for beams in (flats, truth)))
    assert set(os.listdir(out)) == files


def assert_same(flats, truth):
    assert set(flats) == set(truth)
    for beam, rows in truth.items():
        assert_same_rows(flats[beam], rows)


def without_derived(beams):
    return {
        beam: {name: values for name, values in rows.items() if name in SOURCES}
        for beam, rows in beams.items()
    }


def is_same(flats, truth):
    """Return whether the damage did no harm at all."""
    try:
        assert_same(flats, truth)
    except AssertionError:
        return False
    return True


# --- columns ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lat", "lon", "t_dt", "h_li", "q_flag"])
@pytest.mark.parametrize("beam", BEAMS)
def test_a_missing_essential_variable_fails_with_a_remedy(reason, broken, beam, name):
    with h5py.File(broken, "r+") as file:
        del file[beam]["land_ice_segments"][SOURCES[name]]
    message = reason(broken)
    assert f"{beam}: {SOURCES[name]}: is missing: order the granule with this variable" in message
    assert ("--quality all" in message) == (name == "q_flag")


@pytest.mark.parametrize("options", [("-b", 0, 90, -90, 0), ("-t", 2019, 2020), ("-v", "h_li")])
@pytest.mark.parametrize("name", ["lat", "lon", "t_dt", "h_li"])
def test_a_missing_essential_variable_is_named_the_same_with_any_options(
    reason, broken, name, options
):
    with h5py.File(broken, "r+") as file:
        del file["gt1l/land_ice_segments"][SOURCES[name]]
    assert f"gt1l: {SOURCES[name]}: is missing" in reason(broken, *options)


def test_quality_all_needs_no_quality_flag(broken, run, tmp_path):
    with h5py.File(broken, "r+") as file:
        for beam in BEAMS:
            del file[beam]["land_ice_segments/atl06_quality_summary"]
    result = run("readatl06", broken, "-o", tmp_path / "out", "--quality", "all")
    assert result.exit_code == 0
    assert "q_flag in gt1l gt3r" in result.stderr
    truth = straightforward.read_granule(broken, straightforward.has_height)
    for beam, rows in truth.items():
        assert_same_rows(read_flat(tmp_path / "out" / f"{broken.stem}_{beam}.h5"), rows)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda n: np.zeros((n, 2), "f4"), "is not a column (a dataset with one dimension)"),
        (lambda n: np.float32(7), "is not a column (a dataset with one dimension)"),
        (lambda n: np.full(n, b"1.5"), "is not a column of numbers (|S3)"),
        (lambda n: np.zeros(n, "c8"), "is not a column of numbers (complex64)"),
        (lambda n: np.zeros(n, [("a", "f4")]), "is not a column of numbers"),
        (lambda n: np.zeros(n - 1, "f4"), "rows where the beam has"),
        (lambda n: np.zeros(n + 1, "f4"), "rows where the beam has"),
        (lambda n: np.zeros(0, "f4"), "has 0 rows where the beam has"),
        (lambda n: None, "is not a column (a dataset with one dimension)"),  # a group
    ],
    ids=["2-D", "scalar", "text", "complex", "compound", "short", "long", "empty", "group"],
)
@pytest.mark.parametrize("name", ["tide_pole", "lon", "h_li"])
def test_what_is_no_column_of_numbers_fails_with_beam_and_variable(reason, broken, name, make, why):
    path = SOURCES[name]
    with h5py.File(broken, "r+") as file:
        segments = file["gt3r/land_ice_segments"]
        rows = len(segments[path])
        del segments[path]
        if make(rows) is None:
            segments.create_group(path)
        else:
            segments[path] = make(rows)
    message = reason(broken)
    assert f"gt3r: {path}: " in message
    assert why in message
    if "rows where" in why:
        assert f"where the beam has {rows}" in message


def test_a_custom_column_that_is_no_column_fails_too(reason, broken):
    with h5py.File(broken, "r+") as file:
        file["gt1l/land_ice_segments/note"] = "cloudy"
    assert "gt1l: note: is not a column" in reason(broken, "-v", "remark=note")


def test_a_broken_link_or_fill_value_is_damage(reason, broken):
    with h5py.File(broken, "r+") as file:
        file["gt1l/land_ice_segments/geophysical/bsnow_conf"].attrs["_FillValue"] = "none"
    assert "gt1l: geophysical/bsnow_conf: cannot be read" in reason(broken)
    with h5py.File(broken, "r+") as file:
        del file["gt1l/land_ice_segments/geophysical/bsnow_conf"]
        file["gt1l/land_ice_segments/geophysical/bsnow_conf"] = h5py.SoftLink("/nowhere")
    assert "gt1l/land_ice_segments/geophysical/bsnow_conf: cannot be read" in reason(broken)


@pytest.mark.parametrize("empty", [h5py.Empty("f4"), np.zeros(0, "f4"), h5py.Empty("i1")])
def test_an_empty_fill_value_names_none(small, broken, run, tmp_path, empty):
    with h5py.File(broken, "r+") as file:
        for beam in BEAMS:
            for name in SOURCES.values():
                attributes = file[beam]["land_ice_segments"][name].attrs
                attributes["_FillValue"] = empty
                attributes["units"] = h5py.Empty("S1")
    assert run("readatl06", broken, "-o", tmp_path / "out").exit_code == 0
    for beam, rows in straightforward.read_granule(small).items():
        path = tmp_path / "out" / f"{small.stem}_{beam}.h5"
        assert_same_rows(read_flat(path), rows)
        with h5py.File(path) as file:
            assert "_FillValue" not in file["f_sn"].attrs


@pytest.mark.parametrize("beam", BEAMS)
@pytest.mark.parametrize("group", ["", "/land_ice_segments"])
@pytest.mark.parametrize("options", [(), ("-b", 0, 1, 80, 81)])
def test_a_dataset_in_the_place_of_a_beam_is_damage_and_no_missing_beam(
    reason, broken, beam, group, options
):
    with h5py.File(broken, "r+") as file:
        del file[beam + group]
        file[beam + group] = np.zeros(3)
    assert f"{beam}{group} is not a group" in reason(broken, *options).replace(": is", " is")


@pytest.mark.parametrize(
    ("name", "value"),
    [("lat", -90.5), ("lat", np.nan), ("lon", 400.0), ("t_dt", np.inf), ("t_dt", -2e9)],
)
def test_an_impossible_place_or_time_is_damage(reason, broken, name, value):
    with h5py.File(broken, "r+") as file:
        segments = file["gt3r/land_ice_segments"]
        segments["atl06_quality_summary"][17] = 0
        segments["h_li"][17] = 1000.0
        segments[SOURCES[name]][17] = value
    assert f"gt3r: {SOURCES[name]}: has impossible values" in reason(broken)


def test_place_and_height_must_be_floats(reason, broken):
    with h5py.File(broken, "r+") as file:
        segments = file["gt3r/land_ice_segments"]
        lat = segments["latitude"][:]
        del segments["latitude"]
        segments["latitude"] = lat.astype(np.int64)
    assert "gt3r: latitude: is not a column of floats (int64)" in reason(broken)


def test_chunks_of_an_impossible_size_are_damage(reason, broken):
    # What comes of a damaged list of filters: compressed bytes would be taken for heights.
    with h5py.File(broken, "r+") as file:
        segments = file["gt3r/land_ice_segments"]
        heights = segments["h_li"][:]
        chunk = segments["h_li"].id.read_direct_chunk((0,))[1]
        del segments["h_li"]
        plain = segments.create_dataset("h_li", heights.shape, "f4", chunks=heights.shape)
        plain.id.write_direct_chunk((0,), chunk)
    assert "gt3r: h_li: cannot be read" in reason(broken)


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("orbit_info/rgt", np.zeros(3_000_000), "claims to hold 24000000 bytes"),
        ("orbit_info/cycle_number", np.array([b"three"]), "is not a number"),
        ("ancillary_data/atlas_sdp_gps_epoch", np.array([np.nan]), "is not a number"),
        ("orbit_info/sc_orient", np.array([b"forward"]), "is not a number"),
    ],
)
def test_an_identity_that_cannot_be_is_damage(reason, broken, path, value, why):
    with h5py.File(broken, "r+") as file:
        del file[path]
        file[path] = value
    assert f"{path}: {why}" in reason(broken)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_mask_whose_cells_are_cut_off_fails_the_inputs_by_its_name(small, run, tmp_path, jobs):
    mask, folder = tmp_path / "ice.tif", tmp_path / "in"
    transform = rasterio.Affine(10_000, 0, -3e6, 0, -10_000, 3e6)
    about = {"driver": "GTiff", "dtype": "uint8", "crs": "EPSG:3031", "transform": transform}
    with rasterio.open(mask, "w", width=600, height=600, count=1, **about) as raster:
        raster.write(np.ones((1, 600, 600), "u1"))
    os.truncate(mask, 5000)
    folder.mkdir()
    paths = [shutil.copy(small, folder / f"{k}.h5") for k in range(2)]
    result = run("readatl06", folder, "-o", tmp_path / "out", "-f", mask, "-n", jobs)
    assert result.exit_code == 1
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == len(paths)
    for line in failed:
        assert f"mask {mask}: cannot be read (" in line
        assert "unexpected" not in line
    assert "Traceback" not in result.stderr
    assert os.listdir(tmp_path / "out") == ["_captools"]


# --- who may read and write ---------------------------------------------------


@contextlib.contextmanager
def without_privileges():
    """Be nobody for a while: root passes every permission bit."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public(small, run, tmp_path):
    """Give a folder for everyone with the small granule in it (pytest's own are private)."""
    # Nobody may not even read an interpreter in root's home: import all that a run needs before.
    run("readatl06", small, "absent.h5", "-o", tmp_path / "warm")
    run("readatl06", small, "-o", small)
    with tempfile.TemporaryDirectory(prefix="captools-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        shutil.copy(small, folder)
        yield folder


def test_a_granule_that_may_not_be_read_fails_with_the_reason(small, public, run, in_process):
    path = public / small.name
    path.chmod(0)
    with without_privileges():
        result = run("readatl06", path, "-o", public / "out")
    assert result.exit_code == 1
    assert f"{path}: cannot be read (Permission denied)" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["locked", "locked/deeper"])
def test_an_output_folder_without_permission_is_wrong_usage(small, public, run, name):
    (public / "locked").mkdir(mode=0o555)
    with without_privileges():
        result = run("readatl06", public / small.name, "-o", public / name)
    assert result.exit_code == 2
    assert f"output folder {public / name}: cannot be used (Permission denied)" in result.stderr
    assert not os.listdir(public / "locked")


@pytest.mark.parametrize("name", ["file", "file/deeper"])
def test_an_output_folder_that_is_a_plain_file_is_wrong_usage(small, run, tmp_path, name):
    (tmp_path / "file").write_text("precious")
    result = run("readatl06", small, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert f"output folder {tmp_path / name}: cannot be used" in result.stderr
    assert (tmp_path / "file").read_text() == "precious"


def test_an_output_whose_name_is_taken_by_a_folder_fails_its_input_only(small, run, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b"):
        shutil.copy(small, folder / f"{name}.h5")
    (tmp_path / "out" / "a_gt3r.h5").mkdir(parents=True)
    result = run("readatl06", folder, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"{tmp_path / 'out' / 'a_gt3r.h5'}: cannot be written (Is a directory)" in result.stderr
    assert sorted(os.listdir(tmp_path / "out")) == [
        "_captools",
        "a_gt3r.h5",
        "b_gt1l.h5",
        "b_gt3r.h5",
    ]


# --- a disk that fills up, a folder that vanishes -----------------------------


@pytest.fixture
def many(granule, tmp_path):
    """Give a folder with five granules."""
    folder = tmp_path / "many"
    folder.mkdir()
    for k in range(5):
        shutil.copy(granule, folder / f"{k}.h5")
    return folder


@pytest.fixture
def tiny_disk(tmp_path):
    """Give a file system of 512 kB, or skip."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def assert_stopped_early(result, out):
    """Check that the disk ended the run: what is done is whole, nothing else is there."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    found = list(outcomes(out).values())
    done = [outcome for outcome in found if outcome["status"] == "done"]
    assert [outcome["status"] for outcome in found] == ["done"] * len(done) + ["failed"]
    assert "cannot be written" in found[-1]["error"]
    left = 5 - len(found)
    assert left > 0
    assert f"{left} inputs not attempted" in result.stderr
    names = {os.path.basename(path) for outcome in done for path in outcome["outputs"]}
    assert set(os.listdir(out)) == {"_captools", *names}
    for name in names:
        assert len(read_flat(out / name)["lat"]) > 0
    return len(done)


def test_a_full_disk_ends_the_run_and_says_how_much_was_not_attempted(many, tiny_disk):
    words = command("readatl06", many, "-o", tiny_disk / "out", "-n", 1)
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "No space left on device" in result.stderr
    assert assert_stopped_early(result, tiny_disk / "out") > 0


def test_a_limit_on_file_size_ends_the_run_like_a_full_disk(many, tmp_path):
    # What a quota does; needs no right to mount. Python ignores SIGXFSZ, so that it is an error.
    out = tmp_path / "out"
    words = command("readatl06", many, "-o", out, "-n", 1)
    result = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        # What measures the coverage of the tests would hit the limit too.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
    )
    assert assert_stopped_early(result, out) == 0
    # With room again the same command goes on.
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    assert len(list(out.glob("*.h5"))) == 5 * 6


@pytest.mark.parametrize("when", ["between inputs", "while an input is written"])
def test_an_output_folder_that_vanishes_ends_the_run(
    many, run, tmp_path, in_process, monkeypatch, when
):
    out, image, leave = tmp_path / "out", writer.image, FlatWriter.__exit__
    written = []

    def vanish_before_the_eighth(*table):
        written.append(table)
        if when.startswith("while") and len(written) == 8:
            shutil.rmtree(out)
        return image(*table)

    def vanish_after_the_second(self, *exception):
        leave(self, *exception)
        if when.startswith("between") and len(written) == 12:
            shutil.rmtree(out)

    monkeypatch.setattr(writer, "image", vanish_before_the_eighth)
    monkeypatch.setattr(FlatWriter, "__exit__", vanish_after_the_second)
    result = run("readatl06", many, "-o", out)
    assert result.exit_code == 1
    assert str(out) in result.stderr
    left = {"between inputs": 2, "while an input is written": 3}[when]
    assert f"{left} inputs not attempted" in result.stderr


# --- wrong usage --------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("-v", "h_lii"), "unknown column 'h_lii'"),
        (("-v", "h_li,=x"), "'=x'"),
        (("-v", "lat=h_li"), "'lat=h_li'"),
        (("-v", "x="), "'x='"),
        (("-v", "a=geophysical//dac"), "'a=geophysical//dac'"),
        (("-v", "a=./h_li"), "'a=./h_li'"),
        (("-v", "a=h_li,a=h_li_sigma"), "two columns of one name: a=h_li,a=h_li_sigma"),
        (("-b", -120, -100, -74, -80), "S must be below N"),
        (("-b", -120, -120, -80, -74), "is empty"),
        (("-b", -200, -100, -80, -74), "W and E must lie within -180 to 360"),
        (("-b", 0, 361, -80, -74), "W and E must lie within -180 to 360"),
        (("-b", -120, -100, -91, -74), "S and N must lie within -90 to 90"),
        (("-b", -80, -74, -120, -100), "S and N must lie within -90 to 90"),  # S N W E
        (("-b", "nan", 0, -80, -74), "W and E must lie within"),
        (("-b", "west", 0, -80, -74), "west"),
        (("-t", "2020-01-01", "2019-01-01"), "is empty"),
        (("-t", "2019-01-01", "2019-01-01"), "is empty"),
        (("-t", "2019-13-01", "2020-01-01"), "'2019-13-01'"),
        (("-t", "tuesday", "2020"), "'tuesday'"),
        (("-p", "999999"), "'999999'"),
        (("-p", "polar"), "'polar'"),
        (("-p", "EPSG:5703"), "no horizontal axes"),  # a height system
        (("-p", "IAU_2015:30100"), "cannot be reached from lon/lat"),  # of the Moon
        (("-g", "0"), "'0': a region is a number from 1 to 14"),
        (("-g", "10,15"), "'10,15': a region is a number from 1 to 14"),
        (("-g", "south"), "'south'"),
        (("-l", "/nowhere/list.txt"), "/nowhere/list.txt"),
        (("-f", "/nowhere/mask.gpkg"), "/nowhere/mask.gpkg"),
        (("-f", __file__), "test_bad_input.py"),
        (("-z", "zip"), "'zip'"),
        (("-n", 0), "0"),
        (("--shard", "2/2"), "'2/2'"),
        (("--quality", "good"), "'good'"),
        (("--segment-tolerance", -1), "-1"),
        (("--segment-tolerance", 0), "tolerance 0.0 must be a positive number"),
        (("--segment-tolerance", "nan"), "tolerance nan must be a positive number"),
        (("--segment-tolerance", "inf"), "tolerance inf must be a positive number"),
        (("--dialect", "klingon"), "'klingon'"),
        (("--no-such-option",), "--no-such-option"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_2_before_any_work(small, run, tmp_path, options, why):
    result = run("readatl06", small, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert why in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_no_input_at_all_is_wrong_usage(run, tmp_path):
    (tmp_path / "in").mkdir()
    result = run("readatl06", tmp_path / "in", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "no inputs" in result.stderr
    assert not (tmp_path / "out").exists()


def test_one_bad_input_among_good_ones_costs_only_itself(run, tmp_path):
    folder = tmp_path / "in"
    paths = [write_granule(folder, rgt, 3, 12, segments=20) for rgt in (1, 2, 3)]
    paths[1].write_bytes(b"<html>")
    result = run("readatl06", folder, tmp_path / "absent.h5", "-o", tmp_path / "out")
    assert result.exit_code == 1
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert [line.split(": ")[1] for line in failed] == [str(tmp_path / "absent.h5"), str(paths[1])]
    done = {path.name.rsplit("_", 1)[0] for path in (tmp_path / "out").glob("*.h5")}
    assert done == {paths[0].stem, paths[2].stem}
