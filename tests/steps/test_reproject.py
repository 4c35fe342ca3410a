"""reproject: new x and y as pyproj has them, there and back, and what lies outside is counted."""

import h5py
import numpy as np
import pytest
from pyproj import Proj, Transformer
from straightforward import read_flat, said

from captools.errors import CaptoolsWarning, InputError
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.steps.readatl06 import readatl06
from captools.steps.reproject import reproject

HALF_A_GLOBE = "+proj=ortho +lat_0=-90 +ellps=WGS84 +type=crs"


@pytest.fixture(scope="module")
def beam(granule, tmp_path_factory):
    """A flat file of a beam. Not to be changed."""
    return readatl06(granule, tmp_path_factory.mktemp("in"))[0]


@pytest.mark.parametrize("crs", ["EPSG:3976", "EPSG:6932", "EPSG:4326"])
@pytest.mark.parametrize("block", [50, 1 << 17])
def test_x_and_y_are_those_of_pyproj_and_all_else_stays(beam, tmp_path, monkeypatch, crs, block):
    monkeypatch.setattr("captools.flat.reader.BLOCK_ROWS", block)
    written = reproject(beam, tmp_path, crs=crs)
    rows, source = read_flat(tmp_path / beam.name), read_flat(beam)
    there = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = there.transform(source["lon"], source["lat"])
    np.testing.assert_allclose(rows["x"], x, rtol=0, atol=1e-6)
    np.testing.assert_allclose(rows["y"], y, rtol=0, atol=1e-6)
    assert list(rows) == list(source)
    for name in set(source) - {"x", "y"}:
        np.testing.assert_array_equal(rows[name], source[name])
    assert (written.rows_in, written.rows_out) == (len(x), len(x))
    with h5py.File(tmp_path / beam.name) as file:
        assert said(file)["crs"] == crs
        assert said(file["x"])["units"] == ("degree" if crs == "EPSG:4326" else "m")
        np.testing.assert_array_equal(
            file.attrs["bounds_xy"],
            [rows["x"].min(), rows["x"].max(), rows["y"].min(), rows["y"].max()],
        )


def test_there_and_back_is_within_a_millimetre(beam, tmp_path):
    reproject(beam, tmp_path / "there", crs=3976)
    reproject(tmp_path / "there" / beam.name, tmp_path / "back", crs=3031, xy="x,y")
    rows, source = read_flat(tmp_path / "back" / beam.name), read_flat(beam)
    for name in ("x", "y"):
        assert np.abs(rows[name] - source[name]).max() < 1e-3


def test_columns_and_their_crs_may_be_named(tmp_path):
    with FlatWriter(tmp_path) as batch:
        columns = {"east": np.array([500_000.0]), "north": np.array([8_700_000.0])}
        batch.write("utm.h5", Table(columns, attrs={"captools_version": "0"}))
    reproject(tmp_path / "utm.h5", tmp_path / "out", crs=3413, source=32633, xy="east,north")
    rows = read_flat(tmp_path / "out/utm.h5")
    lon, lat = Proj("EPSG:32633")(500_000.0, 8_700_000.0, inverse=True)
    x, y = Proj("EPSG:3413")(lon, lat)
    assert rows["x"][0] == pytest.approx(x, abs=1e-3)
    assert rows["y"][0] == pytest.approx(y, abs=1e-3)


def write(folder, lon, lat):
    with FlatWriter(folder) as batch:
        columns = {"lon": np.array(lon, float), "lat": np.array(lat, float)}
        batch.write("a.h5", Table(columns, attrs={"captools_version": "0"}))
    return folder / "a.h5"


def test_rows_of_both_hemispheres_have_no_projection_of_their_own(tmp_path):
    path = write(tmp_path, [0, 0, 0], [80, 79, -79])
    with pytest.raises(InputError, match=r"lat: from -79 to 80, in both hemispheres.*\(-p\)"):
        reproject(path, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.h5"))


def test_points_outside_the_area_of_use_are_counted_once(tmp_path):
    path = write(tmp_path, [0, 10, 200, 0], [-75, -80, 40, 70])
    with pytest.warns(CaptoolsWarning) as caught:
        reproject(path, tmp_path / "out", crs=3413)
    (message,) = map(str, (warning.message for warning in caught))
    assert "a.h5: 3 points far outside the area of use of EPSG:3413" in message


@pytest.mark.parametrize(
    ("lat", "crs"), [(-60.5, 3031), (-89.99, 3031), (59.8, 3413), (83.7, 3413), (90.0, "auto")]
)
def test_ice_sheets_are_no_cause_of_a_warning(tmp_path, lat, crs, recwarn):
    reproject(write(tmp_path, [-44.0, 359.0, np.nan], [lat, lat, lat]), tmp_path / "out", crs=crs)
    assert list(recwarn) == []


def test_points_outside_the_domain_become_nan_and_are_counted(tmp_path):
    columns = {"lon": np.array([15.0, 15.0, np.nan]), "lat": np.array([-90.0, 78.0, 10.0])}
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", Table(columns, attrs={"captools_version": "0"}))
    with pytest.warns(CaptoolsWarning, match=r"a\.h5: 1 point outside the domain"):
        reproject(tmp_path / "a.h5", tmp_path / "out", crs=HALF_A_GLOBE)
    assert np.isnan(read_flat(tmp_path / "out/a.h5")["x"]).tolist() == [False, True, True]


def test_real_files_of_the_tutorial_get_places_by_their_hemisphere(run, real_data, tmp_path):
    result = run("reproject", real_data / "reduced", "-o", tmp_path)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 6
    for line in result.stdout.splitlines():
        rows = read_flat(line)
        x, y = Proj("EPSG:3031")(rows["lon"], rows["lat"])
        np.testing.assert_allclose(rows["x"], x, rtol=0, atol=1e-6)
        np.testing.assert_allclose(rows["y"], y, rtol=0, atol=1e-6)
        with h5py.File(line) as file:
            assert said(file)["crs"] == "EPSG:3031"


def test_the_north_is_3413(tmp_path):
    with FlatWriter(tmp_path) as batch:
        columns = {"lon": np.array([-45.0]), "lat": np.array([75.0])}
        batch.write("a.h5", Table(columns, attrs={"captools_version": "0"}))
    reproject(tmp_path / "a.h5", tmp_path / "out")
    with h5py.File(tmp_path / "out/a.h5") as file:
        assert said(file)["crs"] == "EPSG:3413"


@pytest.mark.parametrize(
    ("options", "error", "why"),
    [
        ({"xy": "x"}, ValueError, "two columns"),
        ({"xy": "x,nonsense"}, InputError, "no column nonsense"),
        ({"crs": "nonsense"}, ValueError, "not known"),
        ({"source": "nonsense"}, ValueError, "not known"),
    ],
)
def test_wrong_arguments_are_named(beam, tmp_path, options, error, why):
    with pytest.raises(error, match=why):
        reproject(beam, tmp_path, **options)
    assert list(tmp_path.glob("*")) == []


def test_a_crs_that_nobody_gives_is_asked_for(tmp_path):
    with FlatWriter(tmp_path) as batch:
        columns = {"x": np.zeros(1), "y": np.zeros(1)}
        batch.write("a.h5", Table(columns, attrs={"captools_version": "0"}))
    with pytest.raises(InputError, match="name it with --from"):
        reproject(tmp_path / "a.h5", tmp_path / "out", crs=3031, xy="x,y")
