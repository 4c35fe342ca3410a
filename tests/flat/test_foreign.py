"""Flat files of other tools: packed numbers, other names of places, what stands beside columns."""

import re

import h5py
import numpy as np
import pytest
from flatfiles import write_flat

from captools.errors import CaptoolsWarning, InputError
from captools.flat.reader import FlatFile
from captools.steps.filter import filter as filter_step
from captools.steps.merge import merge

PLACES = {"lon": np.linspace(-100, -90, 5), "lat": np.full(5, -75.0)}


def write(path, columns, units=None):
    """Write a file of another tool: no header."""
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file[name] = values
        for name, unit in (units or {}).items():
            file[name].attrs["units"] = unit
    return path


@pytest.mark.parametrize("dtype", ["i2", ">i2", "i8"])
def test_packed_numbers_are_unpacked_and_their_fills_are_missing(tmp_path, dtype):
    path = write(tmp_path / "a.h5", {"lat": np.array([-7500, -32768, 100], dtype)})
    with h5py.File(path, "r+") as file:
        file["lat"].attrs.update(scale_factor=0.01, add_offset=2.0)
        file["lat"].attrs["_FillValue"] = np.array(-32768, dtype)
    with FlatFile(path) as file:
        np.testing.assert_allclose(file.read("lat"), [-73.0, np.nan, 3.0], rtol=1e-15)
        np.testing.assert_allclose(file.read("lat", np.array([0, 2])), [-73.0, 3.0], rtol=1e-15)
        assert "_FillValue" not in file.attributes("lat")


def test_numbers_without_a_sign_are_what_netcdf_says(tmp_path):
    path = write(tmp_path / "a.h5", {"snow": np.array([-1, 5, -128], "i1")})
    with h5py.File(path, "r+") as file:
        file["snow"].attrs.update(_Unsigned="true", _FillValue=np.int8(-1))
    with FlatFile(path) as file:
        assert file.read("snow").tolist() == [255, 5, 128]
        np.testing.assert_array_equal(file.read_known("snow"), [np.nan, 5, 128])


@pytest.mark.parametrize(
    ("name", "unit", "wanted"),
    [
        ("lat", "microdegrees", "degrees"),
        ("lon", "radians", "degrees"),
        ("x", "km", "metres"),
        ("t_gps", "seconds since 2018-01-01", "GPS seconds since 1980-01-06"),
        ("t_gps", "days since 1980-01-06", "GPS seconds since 1980-01-06"),
    ],
)
def test_places_and_times_in_other_units_are_refused_with_the_attribute(
    tmp_path, name, unit, wanted
):
    path = write(tmp_path / "a.h5", {name: np.zeros(3)}, {name: unit})
    why = f"a.h5: {name} has the attribute units = '{unit}': captools takes {wanted}"
    with pytest.raises(InputError, match=re.escape(why)):
        FlatFile(path)


@pytest.mark.parametrize(
    "units",
    [
        {"lat": "degrees_north", "lon": "degrees_east", "x": "m", "h": "cm"},
        {"lat": "degree", "x": "metre", "t_gps": "seconds since 1980-01-06 00:00:00"},
        {"lat": "decimal degrees", "x": "", "t_gps": "s"},
    ],
)
def test_usual_units_are_taken(tmp_path, units):
    names = ("lat", "lon", "x", "y", "t_gps", "h")
    path = write(tmp_path / "a.h5", {name: np.zeros(3) for name in names}, units)
    with FlatFile(path) as file:
        assert set(file.columns) == set(names)


@pytest.mark.parametrize(
    ("lon", "lat", "standard"),
    [
        ("longitude", "latitude", False),
        ("Longitude", "Latitude", False),
        ("LON", "Lat", False),
        ("reference_lon", "reference_lat", True),
    ],
)
def test_places_are_known_by_their_usual_names(tmp_path, lon, lat, standard):
    path = write(tmp_path / "a.h5", {lon: PLACES["lon"], lat: PLACES["lat"], "h": np.ones(5)})
    if standard:
        with h5py.File(path, "r+") as file:
            file[lon].attrs["standard_name"] = "longitude"
            file[lat].attrs["standard_name"] = "latitude"
    with FlatFile(path) as file:
        np.testing.assert_array_equal(file.read("lon"), PLACES["lon"])
        np.testing.assert_array_equal(file.read("lat"), PLACES["lat"])
        assert set(file.columns) == {"lon", "lat", "h"}


def test_names_that_do_not_say_which_are_left_alone(tmp_path):
    both = PLACES | {"longitude": np.zeros(5), "latitude": np.zeros(5)}
    with FlatFile(write(tmp_path / "a.h5", both)) as file:
        assert set(file.columns) == set(both)
        np.testing.assert_array_equal(file.read("lon"), PLACES["lon"])
    only = {"longitude": np.zeros(5), "h": np.zeros(5)}
    with FlatFile(write(tmp_path / "b.h5", only)) as file:
        assert set(file.columns) == set(only)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1)])
def test_columns_as_matlab_writes_them_are_columns(tmp_path, shape):
    values = np.arange(5.0)
    path = write(tmp_path / "a.h5", {"lat": values.reshape(shape), "h": values})
    with FlatFile(path) as file:
        assert file.rows == 5
        np.testing.assert_array_equal(file.read("lat"), values)
        np.testing.assert_array_equal(file.read("lat", slice(1, 3)), values[1:3])


def test_what_is_no_column_is_left_out_with_one_warning(tmp_path):
    beside = {"spatial_ref": np.int64(0), "epoch": [1.0], "name": np.array([b"a"] * 5)}
    path = write(tmp_path / "a.h5", PLACES | beside | {"grid": np.zeros((5, 2))})
    with pytest.warns(CaptoolsWarning) as warned:
        (out,) = filter_step(path, tmp_path / "out", finite="lat")
    left_out, _ = (str(one.message) for one in warned)
    assert left_out == (
        "a.h5: left out, since no columns: grid (has the shape (5, 2)), name (holds no numbers), "
        "spatial_ref (has no rows), epoch (has length 1)"
    )
    with h5py.File(out) as file:
        assert set(file) - {"_captools"} == {"lat", "lon"}


def test_a_dimension_of_netcdf_is_nothing_to_speak_of(tmp_path):
    path = write(tmp_path / "a.h5", PLACES | {"n": np.zeros(5, "f4")})
    with h5py.File(path, "r+") as file:
        file["n"].attrs["NAME"] = "This is a netCDF dimension but not a netCDF variable.         5"
    with FlatFile(path) as file:
        assert (set(file.columns), file.no_columns) == ({"lon", "lat"}, {})


@pytest.mark.parametrize("number", [40000.0, -40000.0, 1.5, np.inf])
def test_numbers_of_tracks_that_would_wrap_are_refused(tmp_path, number):
    path = write(tmp_path / "a.h5", {"rgt": np.array([7.0, number]), "spot": np.array([1.0, 6.0])})
    with FlatFile(path) as file:
        assert file.read("spot").tolist() == [1, 6]
        assert file.read("rgt", slice(0, 1)).tolist() == [7]
        with pytest.raises(InputError, match=r"a\.h5: rgt: holds .*, which is no number of int16"):
            file.read("rgt")


def test_a_header_whose_number_would_wrap_is_refused(tmp_path):
    path = write_flat(tmp_path / "a.h5", PLACES, spot=200)
    with FlatFile(path) as file, pytest.raises(InputError, match=r"a\.h5: its spot .*: 200"):
        file.take("spot", slice(0, 2))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("a.h5", {}),
        ("ATL06_20190101001723_00540210_209_01_gt1l.h5", {"rgt": 54, "cycle": 2, "spot": 0}),
    ],
)
def test_numbers_of_tracks_that_neither_file_nor_name_has_are_no_columns(tmp_path, name, numbers):
    path = write(tmp_path / name, PLACES)
    with pytest.warns(CaptoolsWarning, match="not of captools"):
        merge([path], tmp_path / "all.h5")
    with h5py.File(tmp_path / "all.h5") as file:
        found = {name: set(file[name][:]) for name in ("rgt", "cycle", "spot") if name in file}
    assert found == {name: {number} for name, number in numbers.items()}


def test_a_filter_that_is_not_installed_is_named_and_no_damage(tmp_path):
    path = write(tmp_path / "a.h5", PLACES)
    with h5py.File(path, "r+") as file:
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk((5,))
        how.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
        space = h5py.h5s.create_simple((5,))
        h5py.h5d.create(file.id, b"h", h5py.h5t.IEEE_F64LE, space, how).write_direct_chunk(
            (0,), b"\x28\xb5\x2f\xfd" + bytes(60)
        )
    if h5py.h5z.filter_avail(32015):
        pytest.skip("the filter is installed")
    with FlatFile(path) as file, pytest.raises(InputError) as error:
        file.read("h")
    assert str(error.value) == (
        f"{path}: h: is compressed with HDF5 filter 32015 (Zstandard), which is not installed: "
        "pip install hdf5plugin"
    )


def test_years_that_contradict_the_seconds_are_refused(tmp_path):
    since_1970 = np.array([1.2e9, 1.2e9 + 1])  # in January 2008; as GPS seconds in January 2018
    path = tmp_path / "a.h5"
    for years, fits in (([2018.04, 2018.04], True), ([2008.03, 2008.03], False)):
        with h5py.File(path, "w") as file:
            file["t_sec"], file["t_year"], file["lat"] = since_1970, years, [1.0, 2.0]
        if fits:
            FlatFile(path).close()
            continue
        with pytest.raises(InputError, match=r"t_year is 2008.03, but its seconds.* make 2018.04"):
            FlatFile(path)


def test_the_axes_of_a_square_grid_are_no_columns(tmp_path):
    path = write(tmp_path / "a.h5", {"x": np.arange(5.0), "y": np.arange(5.0), "z": np.eye(5)})
    with pytest.raises(InputError, match="z is a grid, and its axes are no columns"):
        FlatFile(path)
