"""One test for each of the sixteen defects of the predecessors that facts/atl06.md numbers.

Each would have caught its defect. Where a defect is of a tool that is not here yet, the test
holds on to the property of what is here that the tool will rest on, and says so.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import straightforward
from astropy.time import Time, TimeDelta
from h5py import h5i
from pyproj import Geod
from straightforward import BEAMS, read_flat, said

from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import coords
from captools.granules.granule import Granule
from captools.io.columns import StoredColumn
from captools.simulation.granule import write_granule
from captools.steps.readatl06 import readatl06


def header(path):
    with h5py.File(path) as file:
        return said(file)


@pytest.mark.parametrize(
    ("region", "directions"), [(3, [True]), (12, [True]), (10, [False]), (11, [False, True])]
)
def test_01_the_extreme_point_of_a_track_goes_with_its_own_leg(tmp_path, region, directions):
    """In an ascending northern granule the last point, its highest, was called descending."""
    granule = write_granule(tmp_path, 277, 3, region, segments=60, bad=0.0)
    for path in readatl06(granule, tmp_path / "out"):
        rows = read_flat(path)
        starts = np.flatnonzero(np.diff(rows["is_asc"])) + 1
        legs = np.split(rows["lat"], starts)
        assert rows["is_asc"][[0, *starts]].tolist() == directions
        for lat, ascends in zip(legs, directions, strict=True):
            assert len(lat) > 1
            assert ((np.diff(lat) > 0) == ascends).all()


def test_01_no_point_of_a_real_ascending_granule_is_descending(real_data, tmp_path):
    """The very granule: 1837 ascending and 1 descending of 1838, all of which ascend."""
    granule = real_data / "atl06" / "processed_ATL06_20190416093911_02770303_002_01.h5"
    for path in readatl06(granule, tmp_path):
        assert read_flat(path)["is_asc"].all()


def test_02_decimal_years_are_utc_and_gps_seconds_count_from_1980_01_06(granule, tmp_path):
    """Years were 37 s (TAI) ahead, from an epoch said to be 1980-01-05."""
    seconds_of_year = 365 * 86400.0
    for path in readatl06(granule, tmp_path):
        rows = read_flat(path)
        # No leap second has come since the epoch.
        utc = Time("2018-01-01", scale="utc") + TimeDelta(rows["t_dt"], format="sec")
        assert np.abs(rows["t_year"] - utc.decimalyear).max() * seconds_of_year < 1e-3
        assert np.abs(Time(rows["t_gps"], format="gps").unix - utc.unix).max() < 1e-4
        # The granule's own name has the day: 2019-05-14, the 134th of the year.
        assert np.floor((rows["t_year"] - 2019) * 365).tolist() == [133] * len(rows["t_year"])


def test_03_no_fill_value_passes_for_a_measurement(tmp_path):
    """3.4e38 stood for the ocean tide of 26,048 of 33,508 points."""
    granule = write_granule(tmp_path, 77, 3, 10, segments=200)
    for path in readatl06(granule, tmp_path / "out", quality="all"):
        rows = read_flat(path)
        with h5py.File(granule) as file:
            segments = file[header(path)["beam"]]["land_ice_segments"]
            tide = segments["geophysical/tide_ocean"][:][np.abs(segments["h_li"][:]) < 1e4]
        assert (tide > 1e38).any()
        assert np.isnan(rows["tide_ocean"]).sum() == (tide > 1e38).sum()
        assert all(not (values > 1e30).any() for values in rows.values())
        with h5py.File(path) as file:
            assert file["f_sn"].attrs["_FillValue"] == 127  # an integer has no NaN: it is named


@pytest.mark.parametrize(
    ("rgt", "box", "other_name"),
    [
        (900, (0, 30, -90, -60), (360, 30, -90, -60)),  # W = 0 meant no box at all
        (700, (160, -160, -90, -60), (160, 200, -90, -60)),  # nothing could lie in it
        (700, (-180, -150, -90, -60), (180, 210, -90, -60)),
    ],
)
def test_04_a_box_is_always_heeded(tmp_path, rgt, box, other_name):
    """Boxes with W = 0, across the antimeridian or in 0..360 were ignored or kept nothing."""
    granule = write_granule(tmp_path, rgt, 3, 11, segments=300)
    paths = readatl06(granule, tmp_path / "out", bbox=box)
    lon = np.concatenate([read_flat(path)["lon"] for path in paths])
    west, east = box[0], box[1] + 360 * (box[1] < box[0])
    everything = straightforward.read_granule(granule)
    all_lon = np.concatenate([rows["lon"] for rows in everything.values()])
    inside = [any(west <= value + turn <= east for turn in (0, 360)) for value in all_lon]
    assert 0 < sum(inside) < len(all_lon)
    assert np.array_equal(lon, all_lon[inside])
    rows_out = readatl06(granule, tmp_path / "out", bbox=other_name).rows_out
    assert rows_out == len(lon)


def test_05_a_missing_or_empty_beam_does_not_cost_the_beams_after_it(tmp_path):
    """Readers returned at the first beam that was missing, or had no point to keep."""
    granule = write_granule(tmp_path, 3, 3, 12, segments=40)
    with h5py.File(granule, "r+") as file:
        del file["gt1l"]
        file["gt2l/land_ice_segments/atl06_quality_summary"][:] = 1
    beams = [header(path)["beam"] for path in readatl06(granule, tmp_path / "out")]
    assert beams == ["gt1r", "gt2r", "gt3l", "gt3r"]


def test_05_a_damaged_beam_is_named_and_not_passed_over(run, tmp_path):
    """A bare ``except:`` took a damaged beam for an absent one."""
    granule = write_granule(tmp_path / "in", 3, 3, 12, segments=40)
    with h5py.File(granule) as file:
        chunk = file["gt2r/land_ice_segments/h_li"].id.get_chunk_info(0)
    with open(granule, "r+b") as file:
        file.seek(chunk.byte_offset + chunk.size // 2)
        file.write(b"damage")
    result = run("readatl06", granule, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "gt2r: h_li" in result.stderr


def test_06_track_cycle_and_beam_identify_an_orbit_in_any_number_of_processes(run, tmp_path):
    """A counter of each process gave every orbit the number 0."""
    for rgt in (1, 2, 3):
        for cycle in (4, 5):
            write_granule(tmp_path / "in", rgt, cycle, 12, segments=10, bad=0.0)
    assert run("readatl06", tmp_path / "in", "-o", tmp_path / "out", "-n", 2).exit_code == 0
    headers = [header(path) for path in (tmp_path / "out").glob("*.h5")]
    identities = {(header["rgt"], header["cycle"], header["beam"]) for header in headers}
    assert identities == {
        (rgt, cycle, beam) for rgt in (1, 2, 3) for cycle in (4, 5) for beam in BEAMS
    }
    assert len(headers) == len(identities)


@pytest.mark.parametrize("dialect", ["captools", "captoolkit"])
def test_07_ascending_and_descending_files_have_the_same_columns(granule, tmp_path, dialect):
    """One kind of file said ``s_elv`` and the other ``s_li``, and could not be merged."""
    paths = readatl06(granule, tmp_path, split=True, dialect=dialect)
    assert {path.stem[-1] for path in paths} == {"A", "D"}
    described = set()
    for path in paths:
        with h5py.File(path) as file:
            described.add(
                tuple((name, item.dtype.str, said(item)["units"]) for name, item in file.items())
            )
    assert len(described) == 1


def test_08_dtypes_units_and_equal_lengths_survive_the_writing(tmp_path):
    """merge, tile and filtmask cast all to float64, lost attributes and trusted one length.

    They are not here yet; what they will write with (`captools.flat.writer`) keeps all of this,
    and a column of another length is refused where a granule has one.
    """
    values = {
        "flag": np.array([1, -2, 3], np.int8),
        "up": np.array([True, False, True]),
        "h": np.array([1, np.nan, 3], np.float32),
        "t": np.array([1e9 + 1e-6, 2, 3]),
        "n": np.array([2**40, 0, -1]),
    }
    attrs = {name: {"units": "u" + name} for name in values}
    for compression in ("none", "lzf", "gzip"):
        with FlatWriter(tmp_path, compression) as batch:
            batch.write("flat.h5", Table(values, attrs))
        with h5py.File(tmp_path / "flat.h5") as file:
            for name, column in values.items():
                assert file[name].dtype == column.dtype
                np.testing.assert_array_equal(file[name][:], column)
                assert said(file[name])["units"] == "u" + name


def test_08_a_column_of_another_length_is_refused(run, tmp_path):
    granule = write_granule(tmp_path / "in", 3, 3, 12, segments=40)
    with h5py.File(granule, "r+") as file:
        segments = file["gt3l/land_ice_segments"]
        short = segments["geophysical/tide_pole"][:-1]
        del segments["geophysical/tide_pole"]
        segments["geophysical/tide_pole"] = short
    result = run("readatl06", granule, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"gt3l: geophysical/tide_pole: has {len(short)} rows" in result.stderr


def test_09_an_input_is_never_changed_and_twice_gives_the_same(granule, run, tmp_path):
    """Filters worked in place: a crash spoilt the input, a second run corrected twice.

    There is no filter yet; the reader may not touch its input either, not even its date, and
    an output folder that is the input's own is refused.
    """
    folder = tmp_path / "in"
    folder.mkdir()
    path = shutil.copy2(granule, folder)
    os.chmod(path, 0o444)
    before = Path(path).read_bytes(), os.stat(path).st_mtime_ns
    first = run("readatl06", path, "-o", tmp_path / "out")
    bytes_then = {file.name: file.read_bytes() for file in (tmp_path / "out").glob("*.h5")}
    second = run("readatl06", path, "-o", tmp_path / "out", "--overwrite")
    bytes_now = {file.name: file.read_bytes() for file in (tmp_path / "out").glob("*.h5")}
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert bytes_then == bytes_now
    assert (Path(path).read_bytes(), os.stat(path).st_mtime_ns) == before
    assert run("readatl06", path, "-o", folder).exit_code == 2
    assert os.listdir(folder) == [granule.name]


KILLED = """
import os, sys
from captools.flat import writer
image, count = writer.image, iter(range(9))
def die_at_the_third(*table):
    if next(count) == 2:
        os.kill(os.getpid(), 9)
    return image(*table)
writer.image = die_at_the_third
from captools.steps.readatl06 import readatl06
readatl06(sys.argv[1], sys.argv[2])
"""


def test_10_a_killed_process_leaves_nothing_that_looks_like_an_output(granule, run, tmp_path):
    """Files were written under their final name: one cut short passed for done."""
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", KILLED, granule, out], check=False)
    assert killed.returncode == -9
    left = os.listdir(out)
    assert left, "the process was killed too early for this test"
    assert not list(out.glob("*.h5"))
    assert all(name.startswith(".") and name.endswith(".part") for name in left)
    # The next run sweeps them, and does the input from its start.
    assert run("readatl06", granule, "-o", out).exit_code == 0
    assert sorted(os.listdir(out)) == sorted(
        ["_captools", *(f"{granule.stem}_{beam}.h5" for beam in BEAMS)]
    )


def test_11_projecting_uses_no_deprecated_call_and_one_transformer(granule, tmp_path):
    """``+init=EPSG:`` and `pyproj.transform` swap axes and warn; each call set up anew.

    Warnings are errors in these tests; that axes are not swapped shows against a geodesic.
    """
    coords._transformer.cache_clear()
    rows = read_flat(readatl06(granule, tmp_path)[0])
    assert coords._transformer.cache_info().misses == 1
    # A polar stereographic map keeps azimuths: at the pole x is the sine of the longitude.
    np.testing.assert_allclose(np.degrees(np.arctan2(rows["x"], rows["y"])), rows["lon"], atol=1e-9)
    # Lengths at 71 S are true; towards the pole they shrink by 1 to 3 percent.
    _, _, metres = Geod(ellps="WGS84").inv(
        rows["lon"][:-1], rows["lat"][:-1], rows["lon"][1:], rows["lat"][1:]
    )
    ratio = np.hypot(np.diff(rows["x"]), np.diff(rows["y"])) / metres
    assert ((ratio > 0.97) & (ratio < 0.99)).all()


WITHOUT = """
import sys
for name in ("osgeo", "gdal", "gdalconst", "rasterio", "pyogrio", "fiona", "shapely"):
    sys.modules[name] = None
from captools.cli import main
main(["readatl06", *sys.argv[1:]])
"""


def test_12_without_a_mask_no_gdal_is_needed(granule, tmp_path):
    """The reader could not even be imported without GDAL."""
    command = [sys.executable, "-c", WITHOUT, granule, "-o", tmp_path, "-n", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 6), done.stderr


def test_12_a_mask_without_gdal_says_what_to_install(granule, tmp_path):
    (tmp_path / "mask.tif").touch()
    command = [
        sys.executable,
        "-c",
        WITHOUT,
        granule,
        "-o",
        tmp_path / "out",
        "-f",
        tmp_path / "mask.tif",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "captools[geo]" in done.stderr
    assert "Traceback" not in done.stderr


def columns_read(monkeypatch):
    """Return the list to which the paths of columns are added as they are read."""
    read, original = [], StoredColumn.read

    def noted(self, rows=None):
        read.append(h5i.get_name(self._dataset).decode())
        return original(self, rows)

    monkeypatch.setattr(StoredColumn, "read", noted)
    return read


def test_13_only_what_is_asked_for_is_read(granule, tmp_path, monkeypatch):
    """The tutorial's dask read every file before dask saw it: not "larger than memory".

    There is no dask reader yet; the reader of granules may not read columns nobody asked for,
    nor anything but the place where a box misses the beam.
    """
    read = columns_read(monkeypatch)
    readatl06(granule, tmp_path, bbox=(0, 1, 80, 81))
    assert {name.split("/", 3)[-1] for name in read} == {"latitude"}
    read.clear()
    readatl06(granule, tmp_path, variables="h_li")
    assert {name.split("/", 3)[-1] for name in read} == {
        "latitude",
        "longitude",
        "delta_time",
        "h_li",
        "atl06_quality_summary",
    }


def test_14_a_granule_is_opened_once_and_a_column_read_once(granule, tmp_path, monkeypatch):
    """The file was opened for every beam, and its epoch read six times."""
    opened, read, columns = [], [], columns_read(monkeypatch)
    open_file, get = h5py.File.__init__, Granule._array

    def counted_open(self, name, *args, **options):
        opened.append(name)
        open_file(self, name, *args, **options)

    def counted_get(self, path):
        read.append(path)
        return get(self, path)

    monkeypatch.setattr(h5py.File, "__init__", counted_open)
    monkeypatch.setattr(Granule, "_array", counted_get)
    readatl06(granule, tmp_path, bbox=(-180, 180, -90, 0), span=(2018, 2021))
    assert opened.count(granule) == 1
    assert read.count("ancillary_data/atlas_sdp_gps_epoch") == 1
    assert len(columns) == len(set(columns)) > 0


def test_15_left_and_right_beams_keep_their_own_lengths(tmp_path):
    """Pairs were cut to the shorter beam: 17,036 of 17,140 segments survived."""
    granule = write_granule(tmp_path, 40, 3, 3, segments=200, bad=0.0)
    with h5py.File(granule) as file:
        lengths = {beam: len(file[beam]["land_ice_segments/h_li"]) for beam in BEAMS}
    assert any(lengths[f"gt{pair}l"] != lengths[f"gt{pair}r"] for pair in (1, 2, 3))
    written = readatl06(granule, tmp_path / "out")
    assert {header(path)["beam"]: len(read_flat(path)["h_li"]) for path in written} == lengths


def test_15_all_segments_of_the_real_granule_arrive(real_data, tmp_path):
    granule = real_data / "atl06" / "processed_ATL06_20190613065109_11610303_002_01.h5"
    written = readatl06(granule, tmp_path, quality="all")
    assert written.rows_in == 17_140
    truth = straightforward.read_granule(granule, straightforward.has_height)
    assert written.rows_out == sum(len(rows["lat"]) for rows in truth.values()) > 17_036


def test_16_no_group_is_skipped_beside_one_that_is_missing(run, tmp_path):
    """A list was changed while it was walked, and the group after the removed one was lost.

    Here: beams and columns right behind missing ones, and inputs right behind failed ones.
    """
    folder = tmp_path / "in"
    granules = [write_granule(folder, rgt, 3, 12, segments=20, bad=0.0) for rgt in (1, 2, 3, 4)]
    with h5py.File(granules[0], "r+") as file:
        for beam in ("gt1l", "gt2l", "gt3l"):
            del file[beam]
        for path in ("h_li_sigma", "fit_statistics/signal_selection_source"):
            del file["gt1r/land_ice_segments"][path]
    for granule in granules[1:3]:
        granule.write_bytes(b"")
    assert run("readatl06", folder, "-o", tmp_path / "out").exit_code == 1
    lines = (tmp_path / "out/_captools/readatl06.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["done", "failed", "failed", "done"]
    files = sorted((tmp_path / "out").glob(f"{granules[0].stem}_*.h5"))
    assert [header(path)["beam"] for path in files] == ["gt1r", "gt2r", "gt3r"]
    assert set(read_flat(files[1])) - set(read_flat(files[0])) == {"s_li", "s_fg"}
