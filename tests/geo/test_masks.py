"""Masks against shapely and against plain look-ups in the array that was written."""

import json
import sys
import warnings

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import shapely

from captools.errors import InputError, MissingExtra
from captools.geo import masks

CRS = {3031: "EPSG:3031", 4326: "EPSG:4326"}


def track(count=3000):
    """Return points of a long walk through Antarctica, and of the rest of the Earth."""
    random = np.random.default_rng(7)
    lon = np.concatenate([np.linspace(-180, 180, count), random.uniform(-180, 180, count)])
    lat = np.concatenate(
        [-75 + 10 * np.sin(np.linspace(0, 40, count)), random.uniform(-89, 89, count)]
    )
    return lon, lat


def projected(lon, lat, epsg):
    return pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)


def write_polygons(path, polygons, crs):
    geometry_type = shapely.get_type_id(polygons[0])
    names = {1: "LineString", 3: "Polygon", 6: "MultiPolygon"}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        pyogrio.raw.write(
            path, shapely.to_wkb(polygons), [], [], geometry_type=names[geometry_type], crs=crs
        )
    return path


def write_raster(path, values, left, top, size, crs, nodata=None):
    height, width = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=rasterio.Affine(size, 0, left, 0, -size, top),
        nodata=nodata,
    ) as file:
        file.write(values, 1)
    return path


def cells(values, left, top, size, x, y):
    """Return for each point the value of its cell, 0 beside the raster: a plain loop."""
    found = []
    for px, py in zip(x, y, strict=True):
        hits = np.isfinite(px) and np.isfinite(py)
        column = int(np.floor((px - left) / size)) if hits else -1
        row = int(np.floor((top - py) / size)) if hits else -1
        beside = not (0 <= row < values.shape[0] and 0 <= column < values.shape[1])
        found.append(0 if beside else values[row, column])
    return np.array(found)


# --- polygons -------------------------------------------------------------------

# Two polygons that overlap, one with a hole, so that neither alone is the answer.
IN_METRES = [
    shapely.Point(0, 0).buffer(1.5e6).difference(shapely.Point(2e5, 2e5).buffer(4e5)),
    shapely.box(1.0e6, -2.2e6, 2.5e6, 0.4e6),
]
IN_DEGREES = [shapely.box(-60, -80, 30, -65), shapely.box(20, -85, 170, -70)]


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp"])
@pytest.mark.parametrize(("epsg", "polygons"), [(3031, IN_METRES), (4326, IN_DEGREES)])
def test_a_polygon_mask_is_what_shapely_says(tmp_path, suffix, epsg, polygons):
    path = write_polygons(tmp_path / f"mask{suffix}", polygons, CRS[epsg])
    lon, lat = track()
    points = shapely.points(*projected(lon, lat, epsg))
    expected = shapely.intersects(points, polygons[0]) | shapely.intersects(points, polygons[1])
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(masks.load(path).contains(lon, lat), expected)


def test_the_boundary_of_a_polygon_is_inside(tmp_path):
    path = write_polygons(tmp_path / "mask.gpkg", [shapely.box(10, -80, 20, -70)], CRS[4326])
    lon, lat = (
        np.array([10.0, 20, 15, 10, 9.999, 15]),
        np.array([-75.0, -80, -70, -70, -75, -69.999]),
    )
    assert masks.load(path).contains(lon, lat).tolist() == [True] * 4 + [False] * 2


@pytest.mark.parametrize(
    ("polygon", "west", "east"),
    [
        (shapely.box(170, -80, 200, -70), 170, 200),
        (shapely.box(-190, -80, -160, -70), 170, 200),
        (shapely.box(200, -80, 340, -70), 200, 340),
        (shapely.box(170, -80, 180, -70), 170, 180),
        (shapely.box(0, -80, 360, -70), 0, 360),
    ],
)
def test_a_polygon_in_degrees_may_run_past_180(tmp_path, polygon, west, east):
    path = write_polygons(tmp_path / "mask.gpkg", [polygon], CRS[4326])
    lon = np.arange(-180.0, 181.0, 5.0)
    expected = [(degree - west) % 360 <= east - west for degree in lon]
    assert masks.load(path).contains(lon, np.full(len(lon), -75.0)).tolist() == expected


def test_polygons_of_both_longitude_kinds_may_share_a_file(tmp_path):
    polygons = [shapely.box(175, -80, 185, -70), shapely.box(-180, -60, -170, -50)]
    path = write_polygons(tmp_path / "mask.gpkg", polygons, CRS[4326])
    lon, lat = np.array([178, -178, -178, -172, 172.0]), np.array([-75, -75, -55, -55, -55.0])
    assert masks.load(path).contains(lon, lat).tolist() == [True, True, True, True, False]


def test_a_polygon_that_crosses_itself_is_mended(tmp_path):
    bow_tie = shapely.Polygon([(0, -80), (10, -70), (10, -80), (0, -70)])
    # Unmended, it could not be joined with the other polygon.
    path = write_polygons(tmp_path / "mask.gpkg", [bow_tie, shapely.box(2, -78, 8, -72)], CRS[4326])
    lon, lat = np.array([1.0, 9.0, 5.0, 5.0]), np.array([-75.0, -75.0, -79.0, -77.0])
    assert masks.load(path).contains(lon, lat).tolist() == [True, True, False, True]


def test_multipolygons_are_polygons(tmp_path):
    both = shapely.MultiPolygon([shapely.box(0, -80, 10, -70), shapely.box(20, -80, 30, -70)])
    path = write_polygons(tmp_path / "mask.shp", [both], CRS[4326])
    inside = masks.load(path).contains(np.array([5.0, 15.0, 25.0]), np.full(3, -75.0))
    assert inside.tolist() == [True, False, True]


def test_points_that_cannot_be_projected_are_outside(tmp_path):
    polygon = write_polygons(tmp_path / "mask.gpkg", IN_METRES[:1], CRS[3031])
    values = np.ones((10, 10), "u1")
    raster = write_raster(tmp_path / "mask.tif", values, -3e6, 3e6, 6e5, CRS[3031])
    lon, lat = np.array([np.nan, 0.0, 0.0, 0.0]), np.array([-80.0, np.nan, 95.0, -80.0])
    for path in (polygon, raster):
        assert masks.load(path).contains(lon, lat).tolist() == [False, False, False, True]


def test_no_points_give_no_answers(tmp_path):
    polygon = write_polygons(tmp_path / "mask.gpkg", IN_METRES, CRS[3031])
    raster = write_raster(tmp_path / "mask.tif", np.ones((2, 2), "u1"), 0, 0, 5, CRS[3031])
    for path in (polygon, raster):
        inside = masks.load(path).contains(np.array([]), np.array([]))
        assert (inside.shape, inside.dtype) == ((0,), bool)


# --- rasters --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
def test_a_raster_in_metres_counts_where_it_is_not_zero(tmp_path, dtype):
    # Smaller than Antarctica, so that many points lie beside it, on all sides.
    values = np.random.default_rng(1).integers(0, 3, (40, 30)).astype(dtype)
    grid = (-1.4e6, 1.7e6, 1e5)  # left, top, size of a cell
    path = write_raster(tmp_path / "mask.tif", values, *grid, CRS[3031])
    lon, lat = track()
    expected = cells(values, *grid, *projected(lon, lat, 3031)) != 0
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(masks.load(path).contains(lon, lat), expected)


@pytest.mark.parametrize("left", [-180, -60])
def test_a_raster_in_degrees_counts_where_it_is_not_zero(tmp_path, left):
    values = np.random.default_rng(2).integers(0, 2, (60, 120)).astype("u1")
    path = write_raster(tmp_path / "mask.tiff", values, left, -50, 0.5, CRS[4326])
    lon, lat = track()
    expected = cells(values, left, -50, 0.5, lon, lat) != 0
    assert expected.any()
    np.testing.assert_array_equal(masks.load(path).contains(lon, lat), expected)


def test_a_raster_from_0_to_360_serves_western_longitudes(tmp_path):
    values = np.random.default_rng(3).integers(0, 2, (30, 360)).astype("u1")
    path = write_raster(tmp_path / "mask.tif", values, 0, -60, 1, CRS[4326])
    lon, lat = np.arange(-179.5, 180, 1), np.full(360, -70.5)
    expected = [values[10, int(np.floor(degree % 360))] != 0 for degree in lon]
    assert masks.load(path).contains(lon, lat).tolist() == expected


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("nodata", [None, float("nan"), -9999.0])
def test_nan_and_nodata_are_outside(tmp_path, dtype, nodata):
    values = np.array([[1, np.nan, 0], [-9999, 0.5, np.inf]], dtype)
    path = write_raster(tmp_path / "mask.tif", values, 0, -70, 1, CRS[4326], nodata)
    lon, lat = np.array([0.5, 1.5, 2.5] * 2), np.array([-70.5] * 3 + [-71.5] * 3)
    without = nodata != -9999.0  # then -9999 is a value like any other
    expected = [True, False, False, without, True, False]
    assert masks.load(path).contains(lon, lat).tolist() == expected


def test_the_nodata_of_integers_is_outside(tmp_path):
    values = np.array([[0, 1, 255]], "u1")
    path = write_raster(tmp_path / "mask.tif", values, 0, -70, 1, CRS[4326], 255)
    inside = masks.load(path).contains(np.array([0.5, 1.5, 2.5]), np.full(3, -70.5))
    assert inside.tolist() == [False, True, False]


def test_a_raster_that_is_turned_is_followed(tmp_path):
    # South up: the rows run northwards, as in many a grid that began as netCDF.
    path = tmp_path / "mask.tif"
    profile = {"driver": "GTiff", "height": 3, "width": 2, "count": 1, "dtype": "uint8"}
    turned = rasterio.Affine(10, 0, 0, 0, 5, -80)
    with rasterio.open(path, "w", crs=CRS[4326], transform=turned, **profile) as file:
        file.write(np.array([[1, 0], [0, 0], [0, 1]], "u1"), 1)
    lon, lat = np.array([5.0, 15.0, 5.0, 15.0]), np.array([-77.5, -77.5, -67.5, -67.5])
    assert masks.load(path).contains(lon, lat).tolist() == [True, False, False, True]


def test_a_raster_elsewhere_holds_nothing(tmp_path):
    path = write_raster(tmp_path / "mask.tif", np.ones((3, 3), "u1"), 0, 80, 5, CRS[4326])
    lon, lat = np.linspace(-180, 180, 50), np.full(50, -75.0)
    assert not masks.load(path).contains(lon, lat).any()


def test_cells_hold_their_west_and_north_edges_only(tmp_path):
    path = write_raster(tmp_path / "mask.tif", np.ones((1, 1), "u1"), 10, -70, 5, CRS[4326])
    lon, lat = np.array([10.0, 15.0, 10.0, 12.0]), np.array([-70.0, -72.0, -75.0, -74.9])
    assert masks.load(path).contains(lon, lat).tolist() == [True, False, False, True]


def write_netcdf(path, **variables):
    """Write variables of shape (2, 2), in degrees, south up as netCDF files are."""
    import h5netcdf

    with h5netcdf.File(path, "w") as file:
        file.dimensions = {"lat": 2, "lon": 2}
        for name, units, values in (
            ("lat", "degrees_north", [-79.5, -78.5]),
            ("lon", "degrees_east", [200.5, 201.5]),
        ):
            axis = file.create_variable(name, (name,), "f8")
            axis[:] = values
            axis.attrs["units"] = units
        crs = file.create_variable("crs", (), "i4")
        crs.attrs["grid_mapping_name"] = "latitude_longitude"
        crs.attrs["crs_wkt"] = pyproj.CRS(4326).to_wkt()
        for name, values in variables.items():
            grid = file.create_variable(name, ("lat", "lon"), "i1")
            grid[:] = values
            grid.attrs["grid_mapping"] = "crs"
    return path


def test_a_variable_is_named_behind_the_file(tmp_path):
    values = {"mask": [[0, 1], [0, 0]], "bed": [[1, 0], [1, 1]]}
    path = write_netcdf(tmp_path / "many.nc", **values)
    lon, lat = np.array([-159.5, -158.5, -159.5, -158.5]), np.array([-79.5, -79.5, -78.5, -78.5])
    for name, grid in values.items():
        found = masks.load(f"{path}:{name}").contains(lon, lat)
        assert found.tolist() == np.ravel(grid).astype(bool).tolist()
    refuse(path, "holds several variables: there are mask, bed; name one, many.nc:mask")
    with pytest.raises(ValueError, match="has no variable ice: there are mask, bed"):
        masks.load(f"{path}:ice")
    with pytest.raises(ValueError, match="does not exist"):
        masks.load(tmp_path / "other.nc:mask")


def test_the_only_variable_may_be_named_too(tmp_path):
    path = write_netcdf(tmp_path / "one.nc", mask=[[0, 1], [0, 0]])
    lon, lat = np.array([-159.5, -158.5]), np.full(2, -79.5)
    for name in (path, f"{path}:mask"):
        assert masks.load(name).contains(lon, lat).tolist() == [False, True]
    with pytest.raises(ValueError, match="has no variable ice: there are mask"):
        masks.load(f"{path}:ice")


# --- what is no mask --------------------------------------------------------------


def refuse(path, reason):
    with pytest.raises(ValueError, match=reason) as refused:
        masks.load(path)
    assert str(refused.value).startswith(f"mask {path}: ")


@pytest.mark.parametrize("name", ["mask.gpkg", "mask.tif"])
def test_a_mask_that_is_not_there(tmp_path, name):
    refuse(tmp_path / name, "does not exist")


@pytest.mark.parametrize("content", [b"", b"<html>log in</html>"])
@pytest.mark.parametrize(
    ("name", "kind"), [("m.gpkg", "polygon"), ("m.txt", "polygon"), ("m.tif", "raster")]
)
def test_a_file_of_another_kind(tmp_path, name, kind, content):
    path = tmp_path / name
    path.write_bytes(content)
    refuse(path, f"is no {kind} file")


def test_a_raster_cut_short_is_refused_or_says_so_when_its_cells_are_missing(tmp_path):
    whole = write_raster(
        tmp_path / "whole.tif", np.ones((200, 200), "u1"), -3e6, 3e6, 3e4, CRS[3031]
    ).read_bytes()
    lon, lat = track()
    expected = masks.load(tmp_path / "whole.tif").contains(lon, lat)
    errors = []
    for cut in (0, 1, 7, 8, 50, 200, 400, *range(1000, len(whole), 7000), len(whole) - 1):
        path = tmp_path / f"cut_{cut}.tif"
        path.write_bytes(whole[:cut])
        with pytest.raises((ValueError, InputError)) as error:
            masks.load(path).contains(lon, lat)
        message = str(error.value)
        assert message.startswith(f"mask {path}: ")
        assert "\n" not in message
        errors.append(type(error.value))
    assert expected.any()
    assert errors[0] is ValueError
    assert errors[-1] is InputError


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp"])
def test_polygons_cut_short_are_refused(tmp_path, suffix):
    # Long enough for several pages of the formats.
    ring = [(k / 10, -80 + 5 * np.sin(k / 50)) for k in range(1000)]
    path = write_polygons(
        tmp_path / f"mask{suffix}", [shapely.Polygon([*ring, (50, -89)])] * 3, CRS[4326]
    )
    whole = path.read_bytes()
    for cut in (0, 1, 60, 99, 100, 101, *range(1000, len(whole), len(whole) // 20)):
        masks.load.cache_clear()
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=rf"^mask {path}: [^\n]*$"):
            masks.load(path)


def test_a_folder_is_no_mask(tmp_path):
    refuse(tmp_path, "is no polygon file")


def test_a_table_without_places_is_no_mask(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    refuse(path, "must hold polygons, and nothing else")


@pytest.mark.parametrize(
    "geometries",
    [
        [],
        [None],
        [{"type": "LineString", "coordinates": [[0, 0], [1, 1]]}],
        [{"type": "Polygon", "coordinates": []}],
        [
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
            {"type": "Point", "coordinates": [5, 5]},
        ],
    ],
    ids=["none", "null", "line", "empty", "point"],
)
def test_a_vector_file_with_other_than_polygons(tmp_path, geometries):
    features = [{"type": "Feature", "properties": {}, "geometry": one} for one in geometries]
    path = tmp_path / "mask.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    refuse(path, "must hold polygons, and nothing else")


def test_a_shapefile_without_its_prj(tmp_path):
    path = write_polygons(tmp_path / "mask.shp", IN_METRES, None)
    assert not path.with_suffix(".prj").exists()
    refuse(path, r"does not name its CRS \(a .prj file is missing\?\)")


def test_a_raster_without_crs(tmp_path):
    path = write_raster(tmp_path / "mask.tif", np.ones((2, 2), "u1"), 0, 0, 5, None)
    refuse(path, "does not name its CRS")


@pytest.mark.parametrize("crs", [None, "EPSG:3031"])
def test_a_picture_without_place(tmp_path, crs):
    path = tmp_path / "mask.tif"
    profile = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "uint8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", crs=crs, **profile) as file:
            file.write(np.ones((1, 2, 2), "u1"))
    refuse(path, "does not say where on Earth it lies")


@pytest.mark.parametrize(
    ("name", "module"), [("m.gpkg", "pyogrio"), ("m.gpkg", "shapely"), ("m.tif", "rasterio")]
)
def test_without_the_extra_the_error_says_how_to_get_it(tmp_path, monkeypatch, name, module):
    (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"needs {module}: pip install 'captools\[geo\]'"):
        masks.load(tmp_path / name)


def test_a_mask_is_read_once(tmp_path):
    path = write_polygons(tmp_path / "mask.gpkg", IN_METRES, CRS[3031])
    assert masks.load(path) is masks.load(path)


def test_a_file_of_several_layers_is_refused(tmp_path):
    path = tmp_path / "two.gpkg"
    square = shapely.to_wkb(np.array([shapely.box(0, 0, 1, 1)]))
    for layer in ("one", "two"):
        pyogrio.raw.write(
            path, square, [], [], layer=layer, crs="EPSG:4326", geometry_type="Polygon"
        )
    with pytest.raises(ValueError, match=r"several layers \(one, two\): name one, two.gpkg:one"):
        masks.load(path)


def test_a_layer_is_named_behind_the_file(tmp_path):
    path = tmp_path / "two.gpkg"
    for layer, box in (("one", shapely.box(0, 0, 1, 1)), ("two", shapely.box(5, 5, 6, 6))):
        square = shapely.to_wkb(np.array([box]))
        pyogrio.raw.write(
            path, square, [], [], layer=layer, crs="EPSG:4326", geometry_type="Polygon"
        )
    places = np.array([0.5, 5.5])
    assert masks.load(f"{path}:one").contains(places, places).tolist() == [True, False]
    assert masks.load(f"{path}:two").contains(places, places).tolist() == [False, True]
    with pytest.raises(ValueError, match="has no layer three: it has one, two"):
        masks.load(f"{path}:three")


@pytest.fixture
def basins(tmp_path):
    """Give a file of two squares with names."""
    squares = shapely.to_wkb(
        np.array([shapely.box(0, -80, 10, -70), shapely.box(20, -80, 30, -70)])
    )
    path, names = tmp_path / "basins.gpkg", np.array(["G-H", "A-B"], dtype=object)
    pyogrio.raw.write(path, squares, [names], ["NAME"], geometry_type="Polygon", crs=CRS[4326])
    return path


def test_one_basin_of_many_is_named(basins):
    lon, lat = np.array([5.0, 25.0]), np.full(2, -75.0)
    assert masks.load(basins, "NAME = 'G-H'").contains(lon, lat).tolist() == [True, False]
    assert masks.load(basins, "NAME like '%B'").contains(lon, lat).tolist() == [False, True]


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("NAME = 'X'", "holds no polygon with NAME = 'X'"),
        ("name of = ", "is not understood: its fields are NAME"),
        ("BASIN = 'G-H'", "is not understood: its fields are NAME"),
    ],
)
def test_a_basin_that_is_not_there(basins, where, reason):
    with pytest.raises(ValueError, match=reason) as error:
        masks.load(basins, where)
    assert "\n" not in str(error.value)


def test_what_lies_outside_has_a_place(basins):
    lon = np.array([5.0, 15.0, np.nan, 15.0, 15.0, np.inf])
    lat = np.array([-75.0, -75.0, -75.0, np.nan, 95.0, -75.0])
    found = masks.load(basins, invert=True).contains(lon, lat)
    assert found.tolist() == [False, True, False, False, False, False]


@pytest.mark.parametrize("epsg", [3031, 4326])
@pytest.mark.parametrize("km", [120.0, -120.0])
def test_a_buffer_is_that_many_kilometres(tmp_path, epsg, km):
    """A cap about the pole grows by kilometres of the ground, true to the scale of the CRS."""
    lon = np.linspace(-180, 180, 721)
    cap = shapely.Polygon([*zip(lon[:-1], np.full(720, -80.0), strict=True)])
    cap = shapely.transform(cap, lambda xy: np.column_stack(projected(*xy.T, epsg)))
    mask = masks.load(write_polygons(tmp_path / "cap.gpkg", [cap], CRS[epsg]), buffer=km)
    edge = -80 + km / 111.7  # km in a degree of latitude there
    away = np.array([-0.06, 0.06]) * (1 if epsg == 4326 else 4)  # EPSG:3031 is 2 % off there
    lon, lat = np.meshgrid(np.arange(-175.0, 180, 10), edge + away)
    found = mask.contains(lon.ravel(), lat.ravel()).reshape(lon.shape)
    assert found[0].all()
    assert not found[1].any()


def test_a_mask_of_half_the_earth_has_no_buffer_in_degrees(tmp_path):
    path = write_polygons(tmp_path / "m.gpkg", [shapely.box(0, -80, 120, 60)], CRS[4326])
    with pytest.raises(ValueError, match="too large for a buffer in degrees"):
        masks.load(path, buffer=10.0)


def test_a_buffer_that_leaves_nothing(basins):
    with pytest.raises(ValueError, match="leaves nothing"):
        masks.load(basins, buffer=-2000.0)


def test_what_goes_with_polygons_only(tmp_path):
    path = write_raster(tmp_path / "m.tif", np.ones((2, 2), "u1"), 0, -70, 1, CRS[4326])
    with pytest.raises(ValueError, match="is a raster"):
        masks.load(path, buffer=1.0)
    with pytest.raises(ValueError, match="go with a mask"):
        masks.check(None, None, None, True)


def test_a_raster_in_a_crs_of_its_own_is_refused(tmp_path):
    path = tmp_path / "local.tif"
    local = 'LOCAL_CS["site",UNIT["metre",1]]'
    profile = {"width": 2, "height": 2, "count": 1, "dtype": "uint8", "crs": local}
    with rasterio.open(path, "w", transform=rasterio.Affine(2, 0, 5, 0, -2, 5), **profile) as out:
        out.write(np.ones((1, 2, 2), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"local\.tif: .*CRS"):
        masks.load(path)
