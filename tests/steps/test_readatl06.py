"""The main job: what readatl06 writes, against a straightforward reading of the same granules."""

import contextlib
import datetime
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
import straightforward
from affine import Affine
from astropy.time import Time
from processes import COMMAND
from pyproj import Proj
from straightforward import ATC, BEAMS, DEM, DERIVED, SOURCES, assert_same_rows, read_flat, said

import captools
from captools.errors import CaptoolsWarning, InputError
from captools.simulation.granule import write_granule
from captools.simulation.layout import Layout
from captools.steps.readatl06 import readatl06

LATE = ("s_fg", "snr", "h_rb", "dh_fit_dx")  # not ordered in two release-001 subsets
MOST = (*LATE, "dac", "f_sn", "tide_earth", "tide_load", "tide_ocean", "tide_pole")
RIGHT = ("gt1r", "gt3r")


@dataclass(frozen=True)
class Expected:
    """What a real granule must come to, from facts/atl06.md and data/README.md."""

    beams: tuple[str, ...] = BEAMS  # that keep a point
    missing: tuple[str, ...] = ()  # columns that were not ordered
    rows_in: int | None = None


REAL = {
    # Nearly all fill: points pass in two beams only.
    "ATL06_20181013235645_02340114_209_01": Expected(beams=RIGHT),
    "ATL06_20210513184226_07631103_005_01": Expected(),
    "ATL06_20210514072719_07711105_005_01": Expected(
        beams=("gt1l", "gt1r", "gt2l", "gt3l", "gt3r")  # gt2r has 314 segments, none of them good
    ),
    "processed_ATL06_20181015021234_02510110_001_01": Expected(missing=LATE),
    "processed_ATL06_20181015150017_02590112_001_01": Expected(missing=MOST),
    "processed_ATL06_20181023144337_03810112_001_01": Expected(missing=MOST),
    "processed_ATL06_20181031013919_04950110_001_01": Expected(missing=LATE),
    # Four beam groups without land_ice_segments.
    "processed_ATL06_20181218132320_12360103_001_01": Expected(
        beams=("gt3l", "gt3r"), rows_in=880 + 902
    ),
    # No point passes the quality filter.
    "processed_ATL06_20190222155404_08580211_001_01": Expected(
        beams=(), rows_in=120 + 120 + 146 + 146 + 122 + 120
    ),
    # Left and right of unequal length: none may be cut to the shorter one.
    "processed_ATL06_20190416093911_02770303_002_01": Expected(
        rows_in=1838 + 1838 + 1360 + 1355 + 1408 + 1372
    ),
    "processed_ATL06_20190613065109_11610303_002_01": Expected(rows_in=17_140),
    # No gt1l, no gt1r.
    "processed_ATL06_20190613193602_11690305_002_01": Expected(
        beams=("gt2l", "gt2r", "gt3l", "gt3r"), rows_in=185 + 222 + 1501 + 1539
    ),
    # 6 to 26 segments a beam, three of them good.
    "processed_ATL06_20190625191102_13520305_002_01": Expected(
        beams=("gt2r",), rows_in=26 + 26 + 24 + 23 + 6 + 6
    ),
    # Release 006 without orbit_info/rgt.
    "processed_ATL06_20191106230008_06270503_006_01": Expected(
        missing=("dac", "tide_earth", "tide_load", "tide_pole")
    ),
}


@dataclass(frozen=True)
class Run:
    """One call of the command line on all the real files."""

    result: object
    out: Path
    outcomes: dict[str, dict]

    def flat(self, name: str) -> dict[str, Path]:
        """Return the flat files of a granule by beam."""
        return {path.stem.split("_")[-1]: path for path in sorted(self.out.glob(f"{name}_*.h5"))}


@pytest.fixture(scope="module")
def reduced(real_data, run, tmp_path_factory):
    out = tmp_path_factory.mktemp("reduced")
    result = run("readatl06", real_data / "atl06", real_data / "wrong-product", "-o", out)
    return Run(result, out, journal(out))


def journal(out):
    lines = (out / "_captools" / "readatl06.jsonl").read_text().splitlines()
    outcomes = map(json.loads, lines)
    return {Path(outcome["input"]).name.removesuffix(".h5"): outcome for outcome in outcomes}


def attributes(path, name="/"):
    with h5py.File(path, "r") as file:
        return said(file[name])


# --- real granules ------------------------------------------------------------


def test_only_the_wrong_products_fail_and_the_run_exits_1(reduced):
    failed = {name for name, outcome in reduced.outcomes.items() if outcome["status"] == "failed"}
    assert failed == {"atl08_clip", "processed_ATL07-01_20190222003738_08490201_003_02"}
    assert reduced.result.exit_code == 1
    for name, product in (("atl08_clip", "ATL08"), ("processed_ATL07-01", "ATL07")):
        lines = [line for line in reduced.result.stderr.splitlines() if name in line]
        assert len(lines) == 1
        assert f"is {product}, not ATL06" in lines[0]


@pytest.mark.parametrize("name", REAL)
def test_a_real_granule_ends_as_its_special_feature_calls_for(reduced, name):
    expected, outcome = REAL[name], reduced.outcomes[name]
    assert outcome["status"] == ("done" if expected.beams else "empty")
    assert outcome["error"] is None
    assert tuple(reduced.flat(name)) == expected.beams
    assert [Path(path).name for path in outcome["outputs"]] == [
        f"{name}_{beam}.h5" for beam in expected.beams
    ]
    if expected.rows_in is not None:
        assert outcome["rows_in"] == expected.rows_in


@pytest.mark.parametrize("name", REAL)
def test_every_kept_row_of_a_real_granule_equals_the_straightforward_reading(
    reduced, real_data, name
):
    truth = straightforward.read_granule(real_data / "atl06" / f"{name}.h5")
    flat = reduced.flat(name)
    assert set(flat) == set(truth)
    for beam, path in flat.items():
        assert_same_rows(read_flat(path), truth[beam])
    assert reduced.outcomes[name]["rows_out"] == sum(len(rows["lat"]) for rows in truth.values())


@pytest.mark.parametrize("name", REAL)
def test_columns_that_were_not_ordered_are_left_out_with_one_warning(reduced, name):
    missing = REAL[name].missing
    for path in reduced.flat(name).values():
        assert set(read_flat(path)) == {*SOURCES, *DERIVED} - set(missing)
    warnings = reduced.outcomes[name]["warnings"]
    assert len(warnings) == bool(missing)
    for column in missing:
        assert column in warnings[0]
        assert f"{name}.h5" in warnings[0]


@pytest.mark.parametrize("name", [name for name in REAL if REAL[name].beams])
def test_the_header_of_a_real_flat_file_says_what_it_is(reduced, real_data, name):
    source = real_data / "atl06" / f"{name}.h5"
    _, _, _, identity, release, _ = ("_" + name.removeprefix("processed")).rsplit("_", 5)
    for beam, path in reduced.flat(name).items():
        header, flat = attributes(path), read_flat(path)
        with h5py.File(source) as file:
            group = file[beam].attrs
            assert header["beam_type"] == group["atlas_beam_type"].decode()
            assert header["spot"] == int(group["atlas_spot_number"])
            orient = file["orbit_info"].get("sc_orient")
            assert header["sc_orient"] == (-1 if orient is None else orient[0])
            assert header["rows_in"] == len(file[beam]["land_ice_segments/latitude"])
        assert header["beam"] == beam
        assert header["rgt"] == int(identity[:4])
        assert header["cycle"] == int(identity[4:6])
        assert header["region"] == int(identity[6:])
        assert header["release"] == release
        assert header["source"] == f"{name}.h5"
        assert header["step"] == "readatl06"
        assert header["captools_version"] == captools.__version__
        assert header["crs"] == ("EPSG:3413" if flat["lat"][0] > 0 else "EPSG:3031")
        assert_bounds(header, flat)


def assert_bounds(header, flat):
    lon, lat, x, y = (flat[name] for name in ("lon", "lat", "x", "y"))
    assert header["bounds_lonlat"].tolist() == [lon.min(), lon.max(), lat.min(), lat.max()]
    assert header["bounds_xy"].tolist() == [x.min(), x.max(), y.min(), y.max()]
    assert header["t_span"].tolist() == [flat["t_gps"][0], flat["t_gps"][-1]]


def test_reference_frame_and_tide_system_are_there_where_the_granule_has_them(reduced):
    release_5 = attributes(reduced.flat("ATL06_20210513184226_07631103_005_01")["gt1l"])
    assert release_5["reference_frame"] == "ITRF2014"
    assert release_5["tide_system"] == "tide-free"
    release_2 = attributes(reduced.flat("processed_ATL06_20190416093911_02770303_002_01")["gt1l"])
    assert release_2["reference_frame"] == "ITRF2014"
    assert "tide_system" not in release_2  # "Solid Earth Tides" names none
    release_1 = attributes(reduced.flat("processed_ATL06_20181218132320_12360103_001_01")["gt3l"])
    assert not {"reference_frame", "tide_system"} & set(release_1)


def test_the_outputs_of_all_real_granules_are_on_standard_output(reduced):
    lines = reduced.result.stdout.splitlines()
    names = [f"{name}_{beam}.h5" for name, truth in REAL.items() for beam in truth.beams]
    assert sorted(Path(line).name for line in lines) == sorted(names)
    assert all(Path(line).exists() for line in lines)


# --- simulated granules -------------------------------------------------------


@pytest.mark.parametrize(
    "layout",
    [
        Layout(),
        Layout(chunk=7, shuffle=True, fletcher32=True),
        Layout(chunk=64, compression="lzf"),
        Layout(chunk=100_000, level=1, shuffle=False),
        Layout(chunk=50, compression=None),
        Layout(contiguous=True),
    ],
    ids=["product", "tiny-checked", "lzf", "large", "plain-chunks", "contiguous"],
)
def test_storage_of_the_granule_does_not_matter(layout, tmp_path):
    path = write_granule(tmp_path / "in", 12, 4, 3, segments=150, bad=0.4, layout=layout)
    written = readatl06(path, tmp_path / "out")
    truth = straightforward.read_granule(path)
    assert list(truth) == list(BEAMS)
    assert [file.name for file in written] == [f"{path.stem}_{beam}.h5" for beam in BEAMS]
    for file, rows in zip(written, truth.values(), strict=True):
        assert_same_rows(read_flat(file), rows)
    assert written.rows_out == sum(len(rows["lat"]) for rows in truth.values())


@pytest.mark.parametrize("region", [1, 3, 4, 7, 8, 10, 11, 12, 14])
def test_every_region_has_its_directions_and_its_hemisphere(region, tmp_path):
    path = write_granule(tmp_path, 1001, 2, region, segments=80)
    truth = straightforward.read_granule(path, crs="EPSG:3413" if region <= 7 else "EPSG:3031")
    for file, rows in zip(readatl06(path, tmp_path / "out"), truth.values(), strict=True):
        flat = read_flat(file)
        assert_same_rows(flat, rows)
        # facts/atl06.md: 01 02 03 12 13 14 ascend, 05 to 10 descend, 04 and 11 turn.
        directions = {True: [1, 2, 3, 4, 11, 12, 13, 14], False: [4, 5, 6, 7, 8, 9, 10, 11]}
        assert set(flat["is_asc"]) == {way for way in directions if region in directions[way]}


def test_float_fills_become_nan_and_integer_fills_stay_and_are_named(tmp_path):
    # Region 10 goes from the ocean onto the ice: it has an ocean tide, and then none.
    granule = write_granule(tmp_path / "in", 77, 3, 10, segments=300)
    for path in readatl06(granule, tmp_path, quality="all"):
        flat = read_flat(path)
        beam = attributes(path)["beam"]
        with h5py.File(granule) as file:
            segments = file[beam]["land_ice_segments"]
            kept = np.abs(segments["h_li"][:]) < 1e4
            unset = segments["geophysical/tide_ocean"][:][kept] > 1e38
            snow = segments["geophysical/bsnow_conf"][:][kept]
        assert 0 < unset.sum() < len(unset)
        assert np.array_equal(np.isnan(flat["tide_ocean"]), unset)
        assert (snow == 127).any()
        assert np.array_equal(flat["f_sn"], snow)
        fill = attributes(path, "f_sn")["_FillValue"]
        assert (fill, fill.dtype) == (127, np.int8)
        for name, values in flat.items():
            if values.dtype.kind == "f":
                assert not (np.abs(values) > 1e30).any(), name
                assert "_FillValue" not in attributes(path, name)


def test_dtypes_are_those_of_the_product(granule, tmp_path):
    columns = read_flat(readatl06(granule, tmp_path, variables="atc,dem,photons=" + PHOTONS)[0])
    dtypes = {name: values.dtype.name for name, values in columns.items()}
    doubles = ("lat", "lon", "t_dt", "x", "y", "t_gps", "t_year", "x_atc")
    integers = {"q_flag": "int8", "s_fg": "int8", "f_sn": "int8", "segment_id": "int32"}
    assert dtypes == (
        dict.fromkeys({*SOURCES, *DEM, "y_atc"}, "float32")
        | dict.fromkeys(doubles, "float64")
        | integers
        | {"is_asc": "bool", "photons": "int32"}
    )


PHOTONS = "fit_statistics/n_fit_photons"


def test_every_column_has_units_and_a_long_name(granule, tmp_path):
    units = {
        "lat": "degrees_north",
        "lon": "degrees_east",
        "t_dt": "seconds since 2018-01-01",
        "t_gps": "seconds since 1980-01-06",
        "t_year": "year",
        **dict.fromkeys(
            ("q_flag", "s_fg", "snr", "f_sn", "dh_fit_dx", "is_asc", "segment_id"), "1"
        ),
        "photons": "1",  # as the granule says
    }
    path = readatl06(granule, tmp_path, variables="atc,dem,photons=" + PHOTONS)[0]
    with h5py.File(path) as file:
        assert set(file) == {*SOURCES, *DERIVED, *ATC, *DEM, "photons"}
        for name, column in file.items():
            assert column.ndim == 1
            assert len(column) == len(file["lat"])
            assert said(column)["units"] == units.get(name, "m"), name
            assert len(column.attrs["long_name"]) > 4, name
        assert said(file["photons"])["long_name"] == "Number of Photons in Fit"


def test_the_header_has_what_the_contract_lists_and_nothing_else(granule, tmp_path):
    paths = readatl06(granule, tmp_path, compression="gzip", variables=["h_li"])
    contract = """beam beam_type spot rgt cycle region release sc_orient crs bounds_lonlat
        bounds_xy t_span source step options captools_version rows_in product height identity
        applied"""
    with h5py.File(granule) as file:
        orient = file["orbit_info/sc_orient"][0]
        lengths = {beam: len(file[beam]["land_ice_segments/h_li"]) for beam in BEAMS}
    spots = {0: (1, 2, 3, 4, 5, 6), 1: (6, 5, 4, 3, 2, 1)}[orient]
    for path, beam, spot in zip(paths, BEAMS, spots, strict=True):
        header = attributes(path)
        assert set(header) == {*contract.split(), "reference_frame", "tide_system"}
        assert (header["product"], header["height"]) == ("ATL06", "h_li")
        assert header["identity"] == "rgt,cycle,spot"
        assert header["applied"] == "tide_earth,tide_load,tide_pole"
        assert header["beam"] == beam
        assert header["spot"] == spot
        assert header["beam_type"] == ("strong" if spot % 2 else "weak")
        assert (header["rgt"], header["cycle"], header["region"]) == (700, 3, 11)
        assert header["release"] == "006"
        assert header["sc_orient"] == orient
        assert header["crs"] == "EPSG:3031"
        assert header["source"] == granule.name
        assert header["rows_in"] == lengths[beam]
        options = json.loads(header["options"])
        assert options["variables"] == "h_li"
        assert options["compression"] == "gzip"
        # What does not change the result has no place in it.
        assert not {"outdir", "jobs", "shard", "overwrite", "fail_fast"} & set(options)


def test_bounds_across_the_antimeridian_go_the_short_way(granule, tmp_path):
    # The track goes from -157 degrees west to 42 E: from -180 to 180 would be of no use.
    for path in readatl06(granule, tmp_path):
        lon, lat = (read_flat(path)[name] for name in ("lon", "lat"))
        bounds = [lon[lon > 0].min(), lon[lon < 0].max(), lat.min(), lat.max()]
        assert attributes(path)["bounds_lonlat"].tolist() == bounds


def test_identity_comes_from_the_name_where_the_granule_lacks_it(granule, tmp_path):
    bare = tmp_path / f"processed_{granule.stem}_subsetted.h5"
    shutil.copy(granule, bare)
    with h5py.File(bare, "r+") as file:
        del file["orbit_info"], file["ancillary_data"]
        for beam in BEAMS:
            for name in ("atlas_spot_number", "atlas_beam_type"):
                del file[beam].attrs[name]
    paths = readatl06(bare, tmp_path / "out")
    assert [path.name for path in paths] == [
        f"processed_{granule.stem}_subsetted_{beam}.h5" for beam in BEAMS
    ]
    header = attributes(paths[0])
    assert (header["rgt"], header["cycle"], header["region"]) == (700, 3, 11)
    assert header["release"] == "006"
    assert (header["spot"], header["beam_type"], header["sc_orient"]) == (0, "unknown", -1)
    # Without ancillary_data the epoch is the product's.
    truth = straightforward.read_granule(granule)
    for path, rows in zip(paths, truth.values(), strict=True):
        assert_same_rows(read_flat(path), rows)


def test_another_epoch_in_the_granule_is_heeded(granule, tmp_path):
    shifted = tmp_path / granule.name
    shutil.copy(granule, shifted)
    with h5py.File(shifted, "r+") as file:
        file["ancillary_data/atlas_sdp_gps_epoch"][:] += 86400.0
    shifted_rows, rows = (
        read_flat(readatl06(path, tmp_path / out)[0])
        for path, out in ((shifted, "a"), (granule, "b"))
    )
    assert np.array_equal(shifted_rows["t_gps"], rows["t_gps"] + 86400.0)
    assert np.array_equal(shifted_rows["t_dt"], rows["t_dt"])


@pytest.mark.parametrize(
    ("defect", "absent_beams", "absent_columns"),
    [
        ("missing-beam", {"gt1r"}, set()),
        ("no-segments", {"gt2l"}, set()),
        ("missing-variables", set(), {"snr", "dac"}),
    ],
)
def test_what_a_granule_lacks_costs_nothing_else(
    run, tmp_path, defect, absent_beams, absent_columns
):
    path = write_granule(tmp_path / "in", 77, 5, 10, segments=120, defects=[defect])
    result = run("readatl06", path, "-o", tmp_path / "out")
    assert result.exit_code == 0
    truth = straightforward.read_granule(path)
    assert set(truth) == set(BEAMS) - absent_beams
    files = sorted((tmp_path / "out").glob("*.h5"))
    assert len(files) == len(truth)
    for file, rows in zip(files, truth.values(), strict=True):
        flat = read_flat(file)
        assert set(flat) == {*SOURCES, *DERIVED} - absent_columns
        assert_same_rows(flat, rows)
        assert attributes(file)["rgt"] == 77


def test_a_beam_without_any_segment_is_no_failure(granule, tmp_path):
    hollow = tmp_path / granule.name
    shutil.copy(granule, hollow)
    with h5py.File(hollow, "r+") as file:
        segments = file["gt1l/land_ice_segments"]
        for path in SOURCES.values():
            dtype = segments[path].dtype
            del segments[path]
            segments.create_dataset(path, shape=(0,), dtype=dtype, maxshape=(None,), chunks=(10,))
    paths = readatl06(hollow, tmp_path / "out")
    assert [attributes(path)["beam"] for path in paths] == list(BEAMS[1:])


@pytest.mark.parametrize(("region", "ascends"), [(12, True), (10, False), (3, True), (5, False)])
def test_a_single_segment_takes_its_direction_from_the_region(region, ascends, tmp_path):
    path = write_granule(tmp_path, 500, 3, region, segments=1, bad=0.0)
    for file in readatl06(path, tmp_path / "out"):
        assert read_flat(file)["is_asc"].tolist() == [ascends]


FILL = np.finfo("f8").max


def spoil(path, row, name=None, value=None):
    """Flag a row of every beam as bad, and give one of its columns a value."""
    with h5py.File(path, "r+") as file:
        for beam in BEAMS:
            segments = file[beam]["land_ice_segments"]
            k = row % len(segments["latitude"])
            segments["atl06_quality_summary"][k] = 1
            if name is not None:
                segments[name][k] = value


@pytest.mark.parametrize(
    ("row", "value", "split"),
    [
        (0, np.nan, True),
        (1, FILL, True),
        (150, np.nan, True),
        (-1, np.nan, True),
        (-1, FILL, False),
        (150, 999.0, False),
        (0, -1e30, True),
    ],
)
def test_a_bad_row_without_a_place_does_not_turn_the_others_round(
    granule, tmp_path, row, value, split
):
    sound, spoilt = tmp_path / granule.name, tmp_path / "in" / granule.name
    spoilt.parent.mkdir()
    shutil.copy(granule, sound)
    spoil(sound, row)
    shutil.copy(sound, spoilt)
    spoil(spoilt, row, "latitude", value)
    readatl06(sound, tmp_path / "one", split=split)
    readatl06(spoilt, tmp_path / "two", split=split)
    assert len(contents(tmp_path / "one")) == (12 if split else 6)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("value", [np.nan, 1e30])
@pytest.mark.parametrize(("region", "crs"), [(10, "EPSG:3031"), (3, "EPSG:3413")])
def test_a_bad_row_without_a_place_does_not_choose_the_projection(tmp_path, region, crs, value):
    path = write_granule(tmp_path, 9, 2, region, segments=50)
    path = path.rename(tmp_path / "of_unknown_region.h5")
    with h5py.File(path, "r+") as file:
        del file["ancillary_data"]
    spoil(path, 7, "latitude", -value if region == 3 else value)
    headers = [attributes(file) for file in readatl06(path, tmp_path / "out")]
    assert {(header["region"], header["crs"]) for header in headers} == {(0, crs)}


def test_rows_out_of_the_order_of_time_are_damage(granule, tmp_path):
    path = Path(shutil.copy(granule, tmp_path))
    with h5py.File(path, "r+") as file:
        time = file["gt2l/land_ice_segments/delta_time"]
        time[100], time[101] = time[101], time[100]
    with pytest.raises(InputError, match=r"gt2l: delta_time: does not increase") as error:
        readatl06(path, tmp_path / "out")
    assert str(path) in str(error.value)
    assert not list((tmp_path / "out").iterdir())
    # A bad row without a time is in nobody's way.
    shutil.copy(granule, path)
    spoil(path, 100, "delta_time", np.nan)
    assert len(readatl06(path, tmp_path / "out")) == 6


def test_points_outside_the_domain_of_the_crs_are_nan_and_counted(granule, tmp_path):
    # The half of the globe around 0 N 42 E, as seen from afar: the track comes from behind.
    crs = "+proj=ortho +lat_0=0 +lon_0=42 +R=6371000 +type=crs"
    with pytest.warns(CaptoolsWarning) as caught:
        paths = readatl06(granule, tmp_path, crs=crs)
    warnings = [str(warning.message) for warning in caught]
    assert len(warnings) == len(paths) == 6
    for path, warning in zip(paths, warnings, strict=True):
        flat, header = read_flat(path), attributes(path)
        behind = np.cos(np.radians(flat["lon"] - 42)) < 0
        assert 0 < behind.sum() < len(behind)
        where = f"{granule.name}: {header['beam']}: {behind.sum()} points outside the domain of "
        assert warning == where + crs
        for name in ("x", "y"):
            assert np.array_equal(np.isnan(flat[name]), behind)
        assert np.isfinite(flat["lat"]).all()
        x, y = flat["x"][~behind], flat["y"][~behind]
        assert header["bounds_xy"].tolist() == [x.min(), x.max(), y.min(), y.max()]


def test_a_crs_of_the_other_hemisphere_costs_x_and_y_only(granule, tmp_path):
    with pytest.warns(CaptoolsWarning, match="points outside the domain"):
        path = readatl06(granule, tmp_path, crs="+proj=gnom +lat_0=90 +R=6371000 +type=crs")[0]
    flat = read_flat(path)
    assert np.isnan([flat["x"], flat["y"]]).all()
    assert np.isnan(attributes(path)["bounds_xy"]).all()
    assert np.array_equal(flat["lat"], straightforward.read_granule(granule)["gt1l"]["lat"])


def test_a_name_that_is_not_utf_8_is_a_name_like_any_other(granule, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9_" + os.fsencode(granule.name))
    shutil.copy(granule, path)
    done = subprocess.run(
        [*COMMAND, "readatl06", path, "-o", tmp_path / "out"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names = [b"caf\xe9_%s_%s.h5" % (granule.stem.encode(), beam.encode()) for beam in BEAMS]
    assert [os.path.basename(line) for line in done.stdout.splitlines()] == names
    assert sorted(os.listdir(os.fsencode(tmp_path / "out"))) == [b"_captools", *names]
    for file in (tmp_path / "out").glob("*.h5"):
        assert attributes(file)["source"] == f"caf\N{REPLACEMENT CHARACTER}_{granule.name}"
    # By hand, and resumed.
    assert [os.fsencode(file.name) for file in readatl06(path, tmp_path / "hand")] == names
    assert contents(tmp_path / "hand") == contents(tmp_path / "out")
    again = subprocess.run(
        [*COMMAND, "readatl06", path, "-o", tmp_path / "out"], capture_output=True, check=True
    )
    assert again.stdout == done.stdout
    assert len(journal(tmp_path / "out")) == 1


# --- options ------------------------------------------------------------------


def compare(out, truth):
    """Check that a folder holds the flat files of the truth, and no other."""
    files = {path.stem.split("_")[-1]: path for path in out.glob("*.h5")}
    assert set(files) == set(truth)
    assert truth, "the case must keep something"
    for beam, path in files.items():
        assert_same_rows(read_flat(path), truth[beam])


@pytest.fixture(scope="module")
def tracks(granule, tmp_path_factory):
    """Give two granules: one goes from 157 W westward to 42 E, the other from 159 E to 2 W."""
    folder = tmp_path_factory.mktemp("tracks")
    other = write_granule(folder, 900, 3, 11, segments=300, bad=0.3)
    return {"across 180": granule, "across 0": other}


@pytest.mark.parametrize(
    ("track", "box"),
    [
        ("across 180", (100, 150, -90, -80)),
        ("across 180", (165, -160, -90, -60)),
        ("across 180", (190, 350, -87, -79.5)),  # longitudes of 0..360
        ("across 180", (-180, 180, -87, -80)),
        ("across 180", (0, 360, -87, -80)),
        ("across 0", (350, 10, -90, -60)),
        ("across 0", (0, 45, -90, 90)),  # W = 0: a box like any other
        ("across 0", (-45, 0, -90, 90)),
    ],
)
def test_box_keeps_what_lies_between_its_meridians(tracks, run, tmp_path, track, box):
    granule, (w, e, s, n) = tracks[track], box

    def inside(rows):
        # A plain walk east from W; all of the circle if E is as far as that.
        width = 360 if e - w == 360 else (e - w) % 360
        east = np.array([(lon - w) % 360 <= width for lon in rows["lon"]])
        return straightforward.good(rows) & east & (rows["lat"] >= s) & (rows["lat"] <= n)

    assert run("readatl06", granule, "-o", tmp_path, "-b", *box).exit_code == 0
    truth = straightforward.read_granule(granule, inside)
    compare(tmp_path, truth)
    everything = straightforward.read_granule(granule)
    assert sum(len(rows["lat"]) for rows in truth.values()) < sum(
        len(rows["lat"]) for rows in everything.values()
    )


@pytest.mark.parametrize("words", ["-b 0 360 60 80", "--extent 0 1 0 1", "-b -180 180 -90 0"])
def test_a_box_that_holds_nothing_is_answered_with_where_the_rows_are(
    granules, run, tmp_path, words
):
    result = run("readatl06", granules, "-o", tmp_path, *words.split())
    lon, lat = [], []
    for path in granules.glob("*.h5"):
        with h5py.File(path) as file:
            for beam in set(BEAMS) & set(file):
                lon.append(file[f"{beam}/land_ice_segments/longitude"][()])
                lat.append(file[f"{beam}/land_ice_segments/latitude"][()])
    lon, lat = np.concatenate(lon), np.concatenate(lat)
    where = f"lat {lat.min():.6g} to {lat.max():.6g}"
    if "extent" in words:
        x, y = Proj(3031)(lon, lat)
        where = f"x {x.min():.0f} to {x.max():.0f}, y {y.min():.0f} to {y.max():.0f}"
    is_empty = words != "-b -180 180 -90 0"
    assert (result.exit_code, result.stdout == "") == (0, is_empty)
    assert (f"no row lies in the box: what was read has {where}\n" in result.stderr) == is_empty
    assert result.stderr.count("in the box") == is_empty


def test_direction_comes_from_the_whole_beam_before_any_mask(granule, tmp_path):
    # Each box holds one leg only: what is left of a beam could not show its direction.
    truth = straightforward.read_granule(granule)
    for row in (0, -1):
        lon, lat = (truth["gt2r"][name][row] for name in ("lon", "lat"))
        box = (lon - 1e-4, lon + 1e-4, lat - 1e-5, lat + 1e-5)
        flat = read_flat(readatl06(granule, tmp_path, bbox=box)[0])
        assert flat["is_asc"].tolist() == [truth["gt2r"]["is_asc"][row]]
        assert flat["is_asc"][0] == (row == -1)  # region 11: down, then up


@pytest.fixture
def clockwork(granule, tmp_path):
    """Give a granule whose segments come once a second, from 2018-01-01T00:00:00 UTC."""
    path = tmp_path / granule.name
    shutil.copy(granule, path)
    with h5py.File(path, "r+") as file:
        for beam in BEAMS:
            time = file[beam]["land_ice_segments/delta_time"]
            time[:] = np.arange(len(time))
    return path


@pytest.mark.parametrize(
    "span",
    [
        ("2018-01-01T00:00:10", "2018-01-01T00:00:20"),
        ("2018-01-01T00:00:10Z", "2018-01-01T00:00:19.5"),
        (repr(2018 + 9.5 / 365 / 86400), repr(2018 + 19.5 / 365 / 86400)),
    ],
)
def test_time_span_holds_its_start_and_not_its_end(clockwork, run, tmp_path, span):
    out = tmp_path / "out"
    options = ("-t", *span, "--quality", "all")
    assert run("readatl06", clockwork, "-o", out, *options).exit_code == 0

    def in_span(rows):
        return straightforward.has_height(rows) & (rows["t_dt"] >= 10) & (rows["t_dt"] < 20)

    compare(out, straightforward.read_granule(clockwork, in_span))


def test_time_span_of_dates_is_utc(granule, run, tmp_path):
    # 2019-05-14T03:18:00 UTC lies within the granule; 18 leap seconds are 18 x 350 segments.
    start, end = "2019-05-14T03:18:00", "2019-05-15"
    assert run("readatl06", granule, "-o", tmp_path, "-t", start, end).exit_code == 0
    first = Time(start, scale="utc").gps

    def late(rows):
        return straightforward.good(rows) & (rows["t_gps"] >= first)

    truth = straightforward.read_granule(granule, late)
    compare(tmp_path, truth)
    whole = straightforward.read_granule(granule)
    assert all(len(rows["lat"]) < len(whole[beam]["lat"]) for beam, rows in truth.items())


ALWAYS = {name: SOURCES[name] for name in ("lat", "lon", "t_dt")}


@pytest.mark.parametrize(
    ("words", "sources"),
    [
        ("h_li,tide_ocean", ALWAYS | {name: SOURCES[name] for name in ("h_li", "tide_ocean")}),
        ("lat", ALWAYS),  # the rows are chosen by height and quality all the same
        ("is_asc", ALWAYS),  # derived columns come anyway, and may be named
        ("atc", SOURCES | ATC),
        ("dem", SOURCES | DEM),
        ("atc,dem", SOURCES | ATC | DEM),
        ("h_li,atc", ALWAYS | {"h_li": "h_li"} | ATC),
        (
            f"photons={PHOTONS},slope=/fit_statistics/dh_fit_dy",
            SOURCES | {"photons": PHOTONS, "slope": "fit_statistics/dh_fit_dy"},
        ),
        (
            f"s_li , geoid_h,photons={PHOTONS}",
            ALWAYS | {"s_li": "h_li_sigma", "geoid_h": DEM["geoid_h"], "photons": PHOTONS},
        ),
    ],
)
def test_variables_replace_or_add(granule, run, tmp_path, words, sources):
    assert run("readatl06", granule, "-o", tmp_path, "-v", words).exit_code == 0
    truth = straightforward.read_granule(granule, sources=sources | SOURCES)
    chosen = {*sources, *DERIVED}
    compare(
        tmp_path,
        {
            beam: {name: values for name, values in rows.items() if name in chosen}
            for beam, rows in truth.items()
        },
    )


@pytest.mark.parametrize("crs", ["3976", "EPSG:3409", "+proj=laea +lat_0=-90 +lon_0=30 +type=crs"])
def test_x_and_y_are_in_the_crs_asked_for(granule, run, tmp_path, crs):
    assert run("readatl06", granule, "-o", tmp_path, "-p", crs).exit_code == 0
    proj = f"EPSG:{crs}" if crs.isdigit() else crs
    compare(tmp_path, straightforward.read_granule(granule, crs=proj))
    assert {attributes(path)["crs"] for path in tmp_path.glob("*.h5")} == {proj}
    assert attributes(next(tmp_path.glob("*.h5")), "x")["units"] == "m"


def test_x_and_y_of_a_geographic_crs_are_degrees(granule, run, tmp_path):
    assert run("readatl06", granule, "-o", tmp_path, "--crs", "EPSG:4326").exit_code == 0
    for path in tmp_path.glob("*.h5"):
        flat = read_flat(path)
        np.testing.assert_allclose(flat["x"], flat["lon"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(flat["y"], flat["lat"], rtol=0, atol=1e-12)
        assert attributes(path, "y")["units"] == "degree"


def test_a_polygon_keeps_what_lies_inside(granule, run, tmp_path):
    # A square in another projection than that of x and y: inside is a plain comparison.
    crs, half = "EPSG:3976", 600_000
    square = shapely.box(-half, -half, half / 2, half / 2)
    mask = tmp_path / "square.gpkg"
    geometry, fields = np.array([shapely.to_wkb(square)]), []
    pyogrio.raw.write(mask, geometry, fields, fields, geometry_type="Polygon", crs=crs)
    assert run("readatl06", granule, "-o", tmp_path / "out", "-f", mask).exit_code == 0

    def inside(rows):
        x, y = Proj(crs)(rows["lon"], rows["lat"])
        in_square = (x > -half) & (x < half / 2) & (y > -half) & (y < half / 2)
        return straightforward.good(rows) & in_square

    compare(tmp_path / "out", straightforward.read_granule(granule, inside))


def test_points_far_outside_the_area_of_use_are_counted_once_for_a_granule(granule, tmp_path):
    with pytest.warns(CaptoolsWarning) as caught:
        written = readatl06(granule, tmp_path, crs=3413)
    (message,) = [str(warning.message) for warning in caught]
    assert f"{written.rows_out:,} points far outside the area of use of EPSG:3413" in message


def test_an_extent_keeps_what_lies_inside(granule, run, tmp_path):
    box = ("-1e5", "2e5", "-5e5", "5e5")
    assert run("readatl06", granule, "-o", tmp_path / "out", "--extent", *box).exit_code == 0

    def inside(rows):
        x, y = np.array(rows["x"]), np.array(rows["y"])
        in_box = (x >= -1e5) & (x <= 2e5) & (y >= -5e5) & (y <= 5e5)
        return straightforward.good(rows) & in_box

    compare(tmp_path / "out", straightforward.read_granule(granule, inside))


def test_a_raster_keeps_what_falls_on_nonzero_cells(granule, run, tmp_path):
    size, n = 10_000.0, 60  # a checkerboard around the pole, cells of 10 km
    cells = (np.indices((n, n)).sum(axis=0) % 2).astype("uint8")
    corner = n / 2 * size
    transform = Affine(size, 0, -corner, 0, -size, corner)
    mask = tmp_path / "cells.tif"
    about = {"driver": "GTiff", "dtype": "uint8", "crs": "EPSG:3031", "transform": transform}
    with rasterio.open(mask, "w", width=n, height=n, count=1, **about) as raster:
        raster.write(cells, 1)
    assert run("readatl06", granule, "-o", tmp_path / "out", "--mask", mask).exit_code == 0

    def on_a_one(rows):
        keep = straightforward.good(rows)
        for k, (x, y) in enumerate(zip(rows["x"], rows["y"], strict=True)):
            column, row = int((x + corner) // size), int((corner - y) // size)
            keep[k] &= 0 <= column < n and 0 <= row < n and cells[row, column] == 1
        return keep

    compare(tmp_path / "out", straightforward.read_granule(granule, on_a_one))


def test_quality_all_keeps_bad_flags_but_no_height_beyond_10_km(granule, run, tmp_path):
    assert run("readatl06", granule, "-o", tmp_path, "--quality", "all").exit_code == 0
    compare(tmp_path, straightforward.read_granule(granule, straightforward.has_height))
    rows = [read_flat(path) for path in tmp_path.glob("*.h5")]
    assert any((flat["q_flag"] == 1).any() for flat in rows)
    with h5py.File(granule) as file:  # there are clouds beyond 10 km and fills to leave out
        heights = np.concatenate([file[beam]["land_ice_segments/h_li"][:] for beam in BEAMS])
    assert ((heights > 10_000) & (heights < 1e30)).any()
    assert (heights > 1e30).any()


@pytest.mark.parametrize("quality", ["best", "all"])
@pytest.mark.parametrize("tolerance", [0.1, 2.0])
def test_segment_tolerance_drops_what_no_neighbour_predicts(
    granule, run, tmp_path, tolerance, quality
):
    options = ("--segment-tolerance", tolerance, "--quality", quality)
    assert run("readatl06", granule, "-o", tmp_path, *options).exit_code == 0
    rule = {"best": straightforward.good, "all": straightforward.has_height}[quality]

    def agree(rows):
        keep = rule(rows)
        h, slope, number = (
            rows[name].astype(float) for name in ("h_li", "dh_fit_dx", "segment_id")
        )
        for k in np.flatnonzero(keep):
            for neighbour in (k - 1, k + 1):
                if not 0 <= neighbour < len(h) or abs(number[neighbour] - number[k]) != 1:
                    continue
                if abs(h[neighbour]) < 10_000:
                    metres = 20.0 * (k - neighbour)
                    predicted = h[neighbour] + metres * slope[neighbour]
                    keep[k] &= not abs(predicted - h[k]) > tolerance
        return keep

    truth = straightforward.read_granule(granule, agree, sources=SOURCES | ATC)
    for rows in truth.values():
        for name in ATC:
            del rows[name]
    compare(tmp_path, truth)
    without = straightforward.read_granule(granule, rule)
    assert all(len(rows["lat"]) < len(without[beam]["lat"]) for beam, rows in truth.items())


def test_split_puts_each_direction_in_a_file_of_its_own(granule, run, tmp_path):
    assert run("readatl06", granule, "-o", tmp_path, "--split").exit_code == 0
    truth = straightforward.read_granule(granule)
    names = {f"{granule.stem}_{beam}_{leg}.h5" for beam in BEAMS for leg in "AD"}
    assert {path.name for path in tmp_path.glob("*.h5")} == names
    for beam, rows in truth.items():
        for leg, ascending in (("A", True), ("D", False)):
            path = tmp_path / f"{granule.stem}_{beam}_{leg}.h5"
            of_leg = rows["is_asc"] == ascending
            flat = read_flat(path)
            assert_same_rows(flat, {name: values[of_leg] for name, values in rows.items()})
            header = attributes(path)
            assert header["beam"] == beam
            assert header["t_span"].tolist() == [flat["t_gps"][0], flat["t_gps"][-1]]
            assert header["bounds_xy"][0] == flat["x"].min()


def test_split_writes_no_file_for_a_direction_that_is_not_there(tmp_path):
    path = write_granule(tmp_path, 9, 2, 12, segments=50)
    written = readatl06(path, tmp_path / "out", split=True)
    assert [file.name for file in written] == [f"{path.stem}_{beam}_A.h5" for beam in BEAMS]


def test_strict_fails_a_granule_that_lacks_a_column(run, tmp_path):
    path = write_granule(tmp_path / "in", 5, 2, 10, segments=60, defects=["missing-variables"])
    result = run("readatl06", path, "-o", tmp_path / "out", "--strict")
    assert result.exit_code == 1
    assert not list((tmp_path / "out").glob("*.h5"))
    error = journal(tmp_path / "out")[path.stem]["error"]
    assert str(path) in error
    assert "gt1l: fit_statistics/snr_significance: is missing" in error


def test_strict_changes_nothing_for_a_whole_granule(granule, run, tmp_path):
    assert run("readatl06", granule, "-o", tmp_path, "--strict").exit_code == 0
    compare(tmp_path, straightforward.read_granule(granule))


def test_dialect_captoolkit_renames_columns_and_nothing_else(granule, run, tmp_path):
    names = {
        "h_li": "h_elv",
        "s_li": "s_elv",
        "q_flag": "q_flg",
        "t_gps": "t_sec",
        "is_asc": "trk_type",
    }
    assert run("readatl06", granule, "-o", tmp_path, "--dialect", "captoolkit").exit_code == 0
    truth = straightforward.read_granule(granule)
    for beam, rows in truth.items():
        path = tmp_path / f"{granule.stem}_{beam}.h5"
        flat = read_flat(path)
        assert {names.get(name, name) for name in rows} == set(flat)
        assert_same_rows({name: flat[names.get(name, name)] for name in rows}, rows)
        for name in flat:
            assert attributes(path, name)["units"]
        assert attributes(path)["t_span"][0] == flat["t_sec"][0]


@pytest.mark.parametrize("compression", ["none", "lzf", "gzip"])
def test_compression_is_as_asked_for_and_the_rows_are_the_same(granule, run, tmp_path, compression):
    assert run("readatl06", granule, "-o", tmp_path, "-z", compression).exit_code == 0
    compare(tmp_path, straightforward.read_granule(granule))
    for path in tmp_path.glob("*.h5"):
        with h5py.File(path) as file:
            used = {column.compression for column in file.values()}
        assert used == {None if compression == "none" else compression}


def test_region_and_list_leave_granules_out(run, tmp_path):
    wanted = write_granule(tmp_path / "in", 1, 2, 10, segments=20)
    elsewhere = write_granule(tmp_path / "in", 1, 2, 12, segments=20)
    unwanted = write_granule(tmp_path / "in", 2, 2, 10, segments=20)
    (tmp_path / "list").write_text(f"/archive/processed_{unwanted.name}\n")
    out = tmp_path / "out"
    result = run("readatl06", tmp_path / "in", "-o", out, "-g", "10,11", "-l", tmp_path / "list")
    assert result.exit_code == 0
    assert set(journal(out)) == {wanted.stem}
    assert len([line for line in result.stderr.splitlines() if "2 of 3" in line]) == 1
    assert elsewhere.stem not in result.stderr


# --- same bytes ---------------------------------------------------------------


def contents(out):
    return {path.name: path.read_bytes() for path in out.glob("*.h5")}


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_same_input_and_options_give_the_same_bytes(granule, run, tmp_path, compression):
    # Another folder, another date of the file, other processes: none of it may show.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(granule, elsewhere / granule.name)
    write_granule(elsewhere, 701, 3, 11, segments=10)  # so that two processes are used
    options = ("-z", compression, "--split", "-v", "h_li,atc")
    run("readatl06", granule, "-o", tmp_path / "one", *options, "-n", 1)
    run("readatl06", elsewhere, "-o", tmp_path / "two", *options, "-n", 2)
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert len(one) == 12
    assert one == {name: two[name] for name in one}


# --- by hand ------------------------------------------------------------------


def test_called_by_hand_it_writes_over_keeps_no_journal_and_returns_the_paths(granule, tmp_path):
    (tmp_path / f"{granule.stem}_gt1l.h5").write_text("from an earlier life")
    written = readatl06(str(granule), str(tmp_path), variables="h_li")
    assert sorted(tmp_path.iterdir()) == sorted(written)
    assert written == [tmp_path / f"{granule.stem}_{beam}.h5" for beam in BEAMS]
    assert set(read_flat(written[0])) == {*ALWAYS, "h_li", *DERIVED}


def test_called_by_hand_it_raises_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match=r"absent\.h5: does not exist"):
        readatl06(tmp_path / "absent.h5", tmp_path / "out")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="unknown column 'h_lii'"):
        readatl06(tmp_path / "absent.h5", tmp_path / "out", variables="h_lii")


def test_called_by_hand_it_warns_of_missing_columns(tmp_path):
    path = write_granule(tmp_path, 5, 2, 10, segments=30, defects=["missing-variables"])
    with pytest.warns(CaptoolsWarning, match="snr, dac in gt1l gt1r gt2l gt2r gt3l gt3r"):
        readatl06(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quality", "Best"),
        ("quality", None),
        ("dialect", "foo"),
        ("compression", "zip"),
        ("compression", None),
        *[("segment_tolerance", value) for value in (0, -1, float("nan"), float("inf"), "wide")],
        ("bbox", (0, 10, -70, -80)),
        ("bbox", (0, 10, -80)),
        ("span", ("2020", "2019")),
        ("span", ("2019",)),
        ("span", (None, "2019")),
        ("span", (datetime.time(3), "2019")),
        ("span", (np.datetime64("NaT", "s"), "2019")),
        ("crs", "polar"),
        ("crs", None),
        ("crs", "IAU_2015:30100"),  # of the Moon
        ("variables", "a=h_li,a=h_li_sigma"),
        ("variables", ["a=geophysical//dac"]),
    ],
)
def test_called_by_hand_a_wrong_argument_is_a_value_error(granule, tmp_path, name, value):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        readatl06(granule, tmp_path / "out", **{name: value})
    assert type(error.value) is ValueError
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


BOX, SPAN = (-180, -90, -88.5, -79.5), ("2019-05-14T03:16:30", "2019-05-14T03:18")
MOMENTS = [datetime.datetime(2019, 5, 14, 3, *late) for late in ((16, 30), (18,))]


@pytest.mark.parametrize(
    ("name", "plain", "others"),
    [
        (
            "bbox",
            BOX,
            [list(BOX), np.array(BOX), np.array(BOX, "f4"), tuple(map(np.float32, BOX))],
        ),
        (
            "span",
            SPAN,
            [
                MOMENTS,
                [moment.replace(tzinfo=datetime.UTC) for moment in MOMENTS],
                [
                    moment.replace(tzinfo=datetime.UTC).astimezone(
                        datetime.timezone(datetime.timedelta(hours=-9))
                    )
                    for moment in MOMENTS
                ],
                [np.datetime64(time) for time in SPAN],
                np.array(SPAN, "M8[ns]"),
                ("2019-05-14 03:16:30Z", "2019-05-14T03:18:00.000"),
            ],
        ),
        (
            "span",
            ("2019-05-14", "2019-05-15"),
            [
                (datetime.date(2019, 5, 14), datetime.date(2019, 5, 15)),
                (datetime.datetime(2019, 5, 14), np.datetime64("2019-05-15")),
                np.array(["2019-05-14", "2019-05-15"], "M8[s]"),
            ],
        ),
        ("span", ("2019", "2020.5"), [(2019, 2020.5), np.array([2019, 2020.5], "f4")]),
        (
            "crs",
            "EPSG:3976",
            ["3976", "epsg:3976", 3976, np.int64(3976), pyproj.CRS(3976), pyproj.Proj(3976).crs],
        ),
        (
            "variables",
            "h_li,atc",
            [["h_li", "atc"], ("h_li", "atc"), (word for word in ("h_li", "atc")), " h_li, atc,"],
        ),
        (
            "variables",
            "atc,h_li,q_flag",
            [{"q_flag", "h_li", "atc"}, frozenset(["atc,h_li,q_flag"])],
        ),
        ("variables", None, ["", [], (), set()]),
        ("segment_tolerance", 2.0, [2, np.float32(2), np.int8(2)]),
        ("split", True, [1, np.True_]),
        ("strict", False, [0, np.False_]),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_called_by_hand_values_of_any_kind_give_the_bytes_of_the_plain_ones(
    granule, tmp_path, name, plain, others
):
    readatl06(granule, tmp_path / "plain", **{name: plain})
    expected = contents(tmp_path / "plain")
    assert expected
    for k, value in enumerate(others):
        readatl06(granule, tmp_path / str(k), **{name: value})
        assert contents(tmp_path / str(k)) == expected, value
    options = json.loads(attributes(next((tmp_path / "plain").glob("*.h5")))["options"])
    assert name in options


def test_called_by_hand_a_mask_is_a_path_or_text_and_named_without_its_folder(granule, tmp_path):
    mask = tmp_path / "box.gpkg"
    geometry = np.array([shapely.to_wkb(shapely.box(-180, -90, 0, 0))])
    pyogrio.raw.write(mask, geometry, [], [], geometry_type="Polygon", crs="EPSG:4326")
    readatl06(granule, tmp_path / "path", mask=mask)
    readatl06(granule, tmp_path / "text", mask=str(mask))
    assert contents(tmp_path / "path") == contents(tmp_path / "text")
    path = next((tmp_path / "path").glob("*.h5"))
    assert json.loads(attributes(path)["options"])["mask"] == "box.gpkg"


def test_one_file_a_granule_never_takes_the_place_of_the_granule(granule, tmp_path):
    copy = tmp_path / granule.name
    copy.write_bytes(granule.read_bytes())
    with pytest.raises(ValueError, match="is the folder of an input"):
        readatl06(copy, tmp_path, layout="granule")
    assert copy.read_bytes() == granule.read_bytes()
    assert readatl06(copy, tmp_path)  # beside it there is room for one file a beam


@pytest.mark.parametrize("split", [False, True])
def test_one_file_a_granule_holds_what_the_files_of_the_beams_hold(granule, tmp_path, split):
    by_beam = readatl06(granule, tmp_path / "beam", split=split)
    whole = readatl06(granule, tmp_path / "granule", layout="granule", split=split)
    assert (whole.rows_in, whole.rows_out) == (by_beam.rows_in, by_beam.rows_out)
    legs = ("_A", "_D") if split else ("",)
    assert [path.name for path in whole] == [f"{granule.stem}{leg}.h5" for leg in legs]
    for path, leg in zip(whole, legs, strict=True):
        parts = [part for part in sorted(by_beam) if part.stem.endswith(leg)]
        with contextlib.ExitStack() as stack:
            joined, *beams = [stack.enter_context(h5py.File(name)) for name in (path, *parts)]
            columns = set(beams[0])
            assert set(joined) == columns | {"rgt", "cycle", "spot", "_captools"}
            for name in columns:
                truth = np.concatenate([beam[name][()] for beam in beams])
                assert joined[name].dtype == truth.dtype
                assert joined[name][()].tobytes() == truth.tobytes()
                assert dict(joined[name].attrs) == dict(beams[0][name].attrs)
            # Which beam a row is of, in columns, and what the beams are, in a small table.
            lengths = [len(beam["lat"]) for beam in beams]
            for name, dtype in (("rgt", "i2"), ("cycle", "i2"), ("spot", "i1")):
                assert joined[name].dtype == dtype
                values = [beam.attrs[name] for beam in beams]
                np.testing.assert_array_equal(joined[name], np.repeat(values, lengths))
            table = joined["_captools/beams"]
            assert table["rows"][()].tolist() == lengths
            for name in ("beam", "beam_type"):
                assert table[name][()].tolist() == [beam.attrs[name] for beam in beams]
            for name in ("spot", "rows_in"):
                assert table[name][()].tolist() == [beam.attrs[name] for beam in beams]
            assert joined.attrs["rows_in"] == whole.rows_in
            assert joined.attrs["crs"] == beams[0].attrs["crs"]
            spans = np.array([beam.attrs["t_span"] for beam in beams])
            assert joined.attrs["t_span"].tolist() == [spans[:, 0].min(), spans[:, 1].max()]
