"""What `captools info` says of files whose content the test itself has made."""

import json
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
from flatfiles import truncate, write_flat

from captools import __version__, info
from captools.description import folder
from captools.description.installation import EXTRAS
from captools.flat.header import history

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = {
    "lat": np.array([-70.0, -71.0, -72.0]),
    "lon": np.array([179.0, -179.0, np.nan]),
    "h_li": np.array([1.0, np.nan, 4.0], "f4"),
    "count": np.array([5, 127, 8], "i1"),
    "t_gps": np.array([1198800018.0, 1198800078.0, np.nan]),
    "is_asc": np.array([True, True, False]),
}


def objects(result):
    """The JSON objects that a run printed."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def flat(tmp_path):
    """A flat file with a missing height, a missing place, and an integer fill."""
    attrs = {"crs": "EPSG:3031", "product": "ATL06", "source": "granule.h5", "region": 12}
    path = write_flat(tmp_path / "flat.h5", COLUMNS, **attrs)
    with h5py.File(path, "r+") as file:
        file["count"].attrs["_FillValue"] = np.int8(127)
        file["h_li"].attrs["units"] = "m"
        file.attrs["bounds_lonlat"] = [179.0, -179.0, -72.0, -70.0]
        file.attrs["t_span"] = [1198800018.0, 1198800078.0]
        file.attrs["step"], file.attrs["options"] = "filter", '{"where": "h_li > 0"}'
        file.attrs["history"] = json.dumps([["readatl06", {"crs": "auto"}]])
    return path


def test_a_flat_file_is_described_by_its_header(run, flat):
    result = run("info", flat, "--json")
    (said,) = objects(result)
    assert (result.exit_code, result.stderr) == (0, "")
    assert said["path"] == str(flat)
    assert (said["kind"], said["product"], said["rows"]) == ("flat file", "ATL06", 3)
    assert said["size"] == flat.stat().st_size
    assert said["crs"] == "EPSG:3031"
    assert said["bounds_lonlat"] == [179.0, -179.0, -72.0, -70.0]
    assert said["time"] == ["2018-01-01T00:00:00Z", "2018-01-01T00:01:00Z"]
    assert said["direction"] == "ascending"  # region 12
    assert said["history"] == [
        ["readatl06", {"crs": "auto"}],
        ["filter", {"where": "h_li > 0"}],
    ]
    found = {one["name"]: (one["dtype"], one["units"]) for one in said["columns"]}
    assert set(found) == set(COLUMNS)
    assert found["h_li"] == ("float32", "m")
    assert all(one["statistics"] is None for one in said["columns"])


def test_headers_are_enough(run, flat, monkeypatch):
    monkeypatch.setattr("captools.flat.reader.FlatColumn.read", None)
    assert run("info", flat).exit_code == 0


def test_statistics_leave_out_what_is_missing(run, flat):
    (said,) = objects(run("info", flat, "--json", "--stats"))
    found = {one["name"]: one["statistics"] for one in said["columns"]}
    assert found["h_li"] == {"missing": 1, "low": 1.0, "mean": 2.5, "high": 4.0}
    assert found["count"] == {"missing": 1, "low": 5.0, "mean": 6.5, "high": 8.0}
    assert said["direction"] == "both"  # of the rows, whatever the region says
    assert said["bounds_lonlat"] == [179.0, -179.0, -72.0, -70.0]


def test_a_column_without_any_value_has_no_range(run, tmp_path):
    columns = COLUMNS | {"h_li": np.full(3, np.nan, "f4")}
    path = write_flat(tmp_path / "flat.h5", columns)
    (said,) = objects(run("info", path, "--json", "--stats"))
    (found,) = (one["statistics"] for one in said["columns"] if one["name"] == "h_li")
    assert found == {"missing": 3, "low": None, "mean": None, "high": None}
    assert run("info", path, "--stats").exit_code == 0


def test_one_screen_says_it_in_words(run, flat):
    lines = run("info", flat, "--stats").stdout.splitlines()
    assert lines[0] == str(flat)
    said = {}
    for line in lines[1:]:  # lon and lat are bounds first, and then columns
        said.setdefault(line.split()[0], " ".join(line.split()[1:]))
    assert said["rows"] == "3"
    assert said["lon"] == "179.0000 to -179.0000 (over 180)"
    assert said["lat"] == "-72.0000 to -70.0000"
    assert said["h_li"] == "float32 m 1 1 2.5 4"
    assert len(lines) < 24


def test_a_granule_is_described_by_its_places_and_times(run, granule):
    (said,) = objects(run("info", granule, "--json", "--stats"))
    lat, lengths, heights = [], {}, []
    with h5py.File(granule) as file:
        for beam in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"):
            segments = file[f"{beam}/land_ice_segments"]
            lat.append(segments["latitude"][:])
            heights.append(segments["h_li"][:])
            lengths[beam] = len(lat[-1])
    lat, heights = np.concatenate(lat), np.concatenate(heights)
    assert (said["kind"], said["product"]) == ("granule", "ATL06")
    assert {track["name"]: track["rows"] for track in said["tracks"]} == lengths
    assert said["rows"] == sum(lengths.values())
    assert said["bounds_lonlat"][2:] == [lat.min(), lat.max()]
    assert said["direction"] == "both"  # region 11 turns
    (found,) = (one for one in said["columns"] if one["name"] == "h_li")
    good = heights[heights < 1e38].astype("f8")
    assert found["statistics"]["missing"] == len(heights) - len(good) > 0
    assert found["statistics"]["high"] == good.max()
    assert found["statistics"]["mean"] == pytest.approx(good.mean())


def test_bounds_of_a_subset_are_its_own_not_those_that_the_granule_states(run, real_data):
    # The archive cuts granules and leaves what they say of their latitudes as it was.
    path = next((real_data / "atl06").glob("processed_ATL06_20181015021234*"))
    with h5py.File(path) as file:
        lat = np.concatenate(
            [file[f"{beam}/land_ice_segments/latitude"][:] for beam in file if beam[:2] == "gt"]
        )
        assert file.attrs["geospatial_lat_min"] < lat.min() - 5
    (said,) = objects(run("info", path, "--json"))
    assert said["bounds_lonlat"][2:] == [lat.min(), lat.max()]


def test_merged_files_and_tiles_are_called_so(run, flat, tmp_path):
    assert run("reproject", flat, "-o", tmp_path / "polar", "-p", "3031", "-q").exit_code == 0
    assert run("merge", tmp_path / "polar", "-o", tmp_path / "all.h5", "-q").exit_code == 0
    (merged,) = objects(run("info", tmp_path / "all.h5", "--json"))
    assert merged["kind"] == "merged file"
    assert [step for step, _ in merged["history"]][-2:] == ["reproject", "merge"]
    assert (
        run("tile", tmp_path / "polar", "-o", tmp_path / "tiles", "-d", "9999", "-q").exit_code == 0
    )
    tiles = list((tmp_path / "tiles").glob("*.h5"))
    assert {one["kind"] for one in objects(run("info", *tiles, "--json"))} == {"tile"}


def test_files_of_other_tools_and_instruments_are_shown(run, tmp_path):
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        for name in ("lat", "lon", "h_elv"):
            file[name] = np.arange(7.0)
    with h5py.File(tmp_path / "das.h5", "w") as file:
        file["Acquisition/RawData"] = np.zeros((3, 4), "i2")
    das, theirs = objects(run("info", tmp_path / "das.h5", tmp_path / "theirs.h5", "--json"))
    assert das["kind"] == (
        "HDF5 file of no known product (captools dasinfo: whether it is a record of a fibre)"
    )
    assert [(one["name"], one["dtype"], one["shape"]) for one in das["columns"]] == [
        ("Acquisition/RawData", "int16", [3, 4])
    ]
    assert (theirs["kind"], theirs["product"]) == ("flat file of other tools", "ATL06")
    assert [one["name"] for one in theirs["columns"]] == ["h_li", "lat", "lon"]


@pytest.mark.parametrize(
    ("name", "height", "attrs", "kind"),
    [
        ("a.h5", "h_li", {}, "flat file of other tools"),
        ("a.h5", "elevation", {}, "flat file of other tools"),
        ("a.h5", "h_li", {"product": "LVIS"}, "LVIS flat file of other tools"),
        ("a.h5", "h_elv", {}, "ATL06 flat file of other tools"),
        (
            "ATL06_20190101001723_00540210_209_01_gt1l.h5",
            "h_li",
            {},
            "ATL06 flat file of other tools",
        ),
    ],
)
def test_a_product_is_named_only_where_it_is_known(run, tmp_path, name, height, attrs, kind):
    with h5py.File(tmp_path / name, "w") as file:
        for column in ("lat", "lon", height):
            file[column] = np.arange(7.0)
        file.attrs.update(attrs)
    said = run("info", tmp_path / name).stdout.splitlines()[1].split()
    assert " ".join(said).startswith(f"kind {kind}, ")


def test_pictures_are_described(run, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    pixels = np.array([[1.0, np.nan], [3.0, 5.0]], "f4")
    place = rasterio.Affine(10.0, 0.0, 100.0, 0.0, -10.0, 220.0)
    shape = {"width": 2, "height": 2, "count": 1, "dtype": "float32"}
    with rasterio.open(
        tmp_path / "m.tif",
        "w",
        driver="GTiff",
        crs="EPSG:3031",
        transform=place,
        nodata=np.nan,
        **shape,
    ) as raster:
        raster.write(pixels, 1)
    (said,) = objects(run("info", tmp_path / "m.tif", "--json", "--stats"))
    assert (said["kind"], said["crs"]) == ("GeoTIFF", "EPSG:3031")
    assert said["bounds_xy"] == [100.0, 120.0, 200.0, 220.0]
    assert said["columns"][0]["statistics"] == {"missing": 1, "low": 1.0, "mean": 3.0, "high": 5.0}


def test_a_png_lies_where_its_world_file_says(run, tmp_path):
    path = tmp_path / "m.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\0\x04\0\0\0\x02" + bytes(9))
    (said,) = objects(run("info", path, "--json"))
    assert said["header"] == {"width": 4, "height": 2}
    path.with_suffix(".pgw").write_text("10\n0\n0\n-10\n105\n215\n")
    (said,) = objects(run("info", path, "--json"))
    assert said["bounds_xy"] == [100.0, 140.0, 200.0, 220.0]


def test_a_folder_is_one_summary(run, flat, tmp_path):
    other = COLUMNS | {"lon": np.array([170.0, 171.0, 172.0]), "more": np.arange(3.0)}
    path = write_flat(tmp_path / "other.h5", other, product="ATL06", source="b.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["bounds_lonlat"] = [170.0, 172.0, -80.0, -75.0]
        file.attrs["t_span"] = [1198800000.0, 1198800019.0]
    (said,) = objects(run("info", tmp_path, "--json"))
    assert (said["kind"], said["files"], said["rows"], said["bad"]) == ("folder", 2, 6, 0)
    assert said["kinds"] == {"ATL06 flat file": 2}
    assert said["bounds_lonlat"] == [170.0, -179.0, -80.0, -70.0]
    assert said["time"] == ["2017-12-31T23:59:42Z", "2018-01-01T00:01:00Z"]
    counts = {one["name"]: one["files"] for one in said["columns"]}
    assert (counts["lat"], counts["h_li"], counts["more"]) == (2, 2, 1)
    lines = run("info", tmp_path).stdout.splitlines()
    assert lines[0] == str(tmp_path)
    assert lines[1].split()[:3] == ["files", "2", "files,"]
    assert len(lines) < 24


@pytest.mark.parametrize(
    ("boxes", "west", "east"),
    [
        ([(10, 20), (30, 40)], 10, 40),
        ([(170, -170), (-175, -160)], 170, -160),
        ([(-10, 10), (170, -165)], 170, 10),
        ([(0, 200 - 360), (-170, 10)], -180, 180),
        ([(5, 5)], 5, 5),
    ],
)
def test_boxes_join_over_the_shorter_way(boxes, west, east):
    found = folder._union([(w, e, -1.0, 1.0) for w, e in boxes])
    assert found == (west, east, -1.0, 1.0)


def test_bad_files_are_named_and_the_rest_is_shown(run, flat, tmp_path):
    bad = truncate(write_flat(tmp_path / "bad.h5", COLUMNS))
    result = run("info", bad, flat, tmp_path / "absent.h5", "--json")
    assert result.exit_code == 1
    assert [one["path"] for one in objects(result)] == [str(flat)]
    failed = result.stderr.splitlines()
    assert [line.split(": ")[:2] for line in failed] == [
        ["failed", str(bad)],
        ["failed", str(tmp_path / "absent.h5")],
    ]
    (said,) = objects(run("info", tmp_path, "--json", "-q"))
    assert (said["files"], said["bad"]) == (1, 1)


def test_without_files_it_describes_the_installation(run):
    (said,) = objects(run("info", "--json"))
    assert said["captools"] == __version__
    assert said["hdf5"] == h5py.version.hdf5_version
    assert said["libraries"]["numpy"] == np.__version__
    assert said["cores"]["usable"] == 1  # as the fixture has it
    words = run("info").stdout
    assert f"captools    {__version__}\n" in words
    assert f"h5py {h5py.__version__}" in words


def test_the_extras_are_those_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = project["optional-dependencies"]
    for extra, names in EXTRAS.items():
        assert [one.split(">")[0].split("[")[0] for one in stated[extra]] == [*names]
    assert f"captools[{','.join(EXTRAS)}]" == stated["all"][0]


def test_no_input_is_wrong_usage_and_an_empty_list_is_none(run, tmp_path):
    assert run("info", tmp_path).exit_code == 2
    empty = run("info", "-", input="")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "nothing to do" in empty.stderr


def test_from_python_it_yields_lines(flat):
    assert next(iter(info([str(flat)]))) == str(flat)


def test_a_history_of_other_tools_is_no_error(flat):
    with h5py.File(flat, "r+") as file:
        file.attrs["history"] = "made by ncrename"
        assert history(dict(file.attrs))
    assert list(info([str(flat)]))
