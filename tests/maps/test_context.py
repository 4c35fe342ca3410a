"""What lies around the points of a map: overlays, relief, and the circle of the hemisphere."""

import json

import numpy as np
import pytest
import rasterio
from matplotlib.figure import Figure

from captools.geo import coords
from captools.maps import overlays, relief
from captools.maps.locator import draw_locator
from captools.maps.overlays import Overlay
from captools.maps.raster import Canvas, fit

WHOLE = (-1e7, 1e7, -1e7, 1e7)


def written(path, kind, coordinates):
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": kind}}
    feature["geometry"]["coordinates"] = coordinates
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def gridded(path, heights, crs="EPSG:3031", edge=1000.0):
    """Write a grid whose upper left corner is at (-edge, edge), with cells of 100."""
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "nodata": -1, "crs": crs}
    profile |= dict(zip(("height", "width"), heights.shape, strict=True))
    place = rasterio.Affine(100, 0, -edge, 0, -100, edge)
    with rasterio.open(path, "w", transform=place, **profile) as file:
        file.write(heights.astype("f4"), 1)
    return path


def test_a_parallel_of_two_points_is_bent_and_never_jumps(tmp_path):
    path = written(tmp_path / "a.geojson", "LineString", [[0, -70], [170, -70], [-100, -70]])
    lines = Overlay(overlays.read(path), "EPSG:3031").within(WHOLE, 1.0)
    x, y = np.concatenate(lines).T
    lon, lat = coords.transform(x, y, "EPSG:3031", "EPSG:4326")
    np.testing.assert_allclose(lat, -70, atol=1e-6)
    assert not ((lon > -99) & (lon < -1)).any()  # the short way round
    for line in lines:
        assert np.hypot(*np.diff(line, axis=0).T).max() < 3e4
    assert Overlay(overlays.read(path), "EPSG:3031").within((-9e6, -8e6, 0, 1e5), 1.0) == []
    for line in Overlay(overlays.read(path), "EPSG:4326").within((-180, 180, -90, 90), 0.1):
        assert np.ptp(line[:, 0]) < 180


def test_the_seam_of_an_area_around_the_pole_is_no_coast(tmp_path):
    ring = [[180, -70], [90, -70], [0, -70], [-90, -70], [-180, -70], [-180, -90], [180, -90]]
    path = written(tmp_path / "a.geojson", "Polygon", [[*ring, ring[0]]])
    x, y = np.concatenate(Overlay(overlays.read(path), "EPSG:3031").within(WHOLE, 1.0)).T
    assert np.hypot(x, y).min() > 2e6


def test_a_box_of_all_longitudes_is_two_parallels(tmp_path):
    ring = [[-180, -80], [180, -80], [180, -70], [-180, -70], [-180, -80]]
    path = written(tmp_path / "a.geojson", "Polygon", [ring])
    lines = Overlay(overlays.read(path), "EPSG:3031").within(WHOLE, 1.0)
    lon, lat = coords.transform(*np.concatenate(lines).T, "EPSG:3031", "EPSG:4326")
    for parallel in (-80, -70):
        along = np.sort(lon[np.abs(lat - parallel) < 1e-6])
        assert np.diff(along).max() < 2
    assert not ((lat > -79) & (lat < -71)).any()  # the seam
    line = [[178, -70], [180, -70], [-180, -71], [-178, -71]]
    path = written(tmp_path / "b.geojson", "LineString", line)
    lines = Overlay(overlays.read(path), "EPSG:3031").within(WHOLE, 1.0)
    lon, _ = coords.transform(*np.concatenate(lines).T, "EPSG:3031", "EPSG:4326")
    assert (np.abs(lon) > 177).all()


def test_a_long_line_of_another_projection_is_bent(tmp_path):
    x, y = coords.transform(np.array([-90.0, 0.0]), np.full(2, -72.0), "EPSG:4326", "EPSG:3857")
    path = written(tmp_path / "a.geojson", "LineString", [[*one] for one in zip(x, y, strict=True)])
    content = json.loads(path.read_text())
    content["crs"] = {"type": "name", "properties": {"name": "EPSG:3857"}}
    path.write_text(json.dumps(content))
    lines = Overlay(overlays.read(path), "EPSG:3031").within(WHOLE, 1.0)
    _, lat = coords.transform(*np.concatenate(lines).T, "EPSG:3031", "EPSG:4326")
    np.testing.assert_allclose(lat, -72, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist"),
        ("no file", "is no file of lines or polygons"),
        ("points", "holds neither lines nor polygons"),
        ([[0, 0], [1e6, 0]], "has places beyond 90 degrees: does it name its CRS"),
        ([[0, 0], [0, 91]], "has places beyond 90 degrees: does it name its CRS"),
        ("open ring", r"its shapes cannot be read \(IllegalArgumentException"),
    ],
)
@pytest.mark.filterwarnings("ignore:Non closed ring")
def test_what_is_no_line_is_refused(tmp_path, content, why):
    path = tmp_path / "a.geojson"
    if content == "points":
        written(path, "Point", [0, -70])
    elif isinstance(content, list):
        written(path, "LineString", content)
    elif content == "open ring":
        written(path, "Polygon", [[[0, -70], [9, -70], [9, -75], [0, -75]]])
    elif content:
        path.write_text(content)
    with pytest.raises(ValueError, match=rf"overlay .*a\.geojson: {why}"):
        overlays.check(path)


def test_slopes_are_bright_in_the_north_west_and_dark_in_the_south_east():
    down = np.linspace(0.0, 5.0, 6)
    hill = np.minimum.outer(np.minimum(down, down[::-1]), np.minimum(down, down[::-1]))
    bright = relief.illumination(hill)
    assert bright[1, 3] > 0.6 > 0.4 > bright[4, 3]  # looks north; looks south
    assert bright[3, 1] > 0.6 > 0.4 > bright[3, 4]
    holes = hill.copy()
    holes[0, 0] = np.nan
    assert relief.illumination(holes)[0, 0] == 0.5
    for nothing in (np.full((4, 4), np.nan), np.ones((1, 9)), np.ones((3, 3))):
        assert (relief.illumination(nothing) == 0.5).all()
    picture = np.full((6, 6, 4), 128, np.uint8)
    lit = relief.lit(picture, hill).astype(int)
    assert lit[1, 3, 0] > 140 > 116 > lit[4, 3, 0]
    assert (lit[..., 3] == 128).all()


def test_a_grid_lies_below_the_map_where_it_is(tmp_path):
    rows, _ = np.mgrid[:10, :10]
    path = gridded(tmp_path / "dem.tif", np.where(rows < 5, 5.0 * rows, -1))
    grey = relief.below(path, Canvas(-1000.0, 1000.0, -1000.0, 1000.0, 20, 20), "EPSG:3031")
    known = grey[..., 3] == 255
    assert known[1:4, 1:9].all()
    assert not known[6:].any()
    assert not known[:, 11:].any()
    assert grey[2, 5, 0] > 215  # it falls to the north
    with pytest.raises(ValueError, match=r"hillshade .*: does not exist \('map' is the relief"):
        relief.check(tmp_path / "none.tif")
    with pytest.raises(ValueError, match="does not name its CRS"):
        relief.check(gridded(tmp_path / "nowhere.tif", np.ones((3, 3)), None))
    (tmp_path / "text.tif").write_text("none")
    with pytest.raises(ValueError, match="is no grid"):
        relief.check(tmp_path / "text.tif")


@pytest.mark.parametrize(
    ("crs", "bounds", "at"),
    [
        ("EPSG:3031", (9e5, 1e6, -5e4, 5e4), (0.15, 0.0)),
        ("EPSG:3413", (-5e4, 5e4, -1e6, -9e5), (0.0, -0.15)),
        ("EPSG:4326", (40.0, 41.0, 10.0, 11.0), (0.0, 0.0)),
    ],
)
def test_the_circle_shows_the_map_where_it_is_as_the_map_is_turned(crs, bounds, at):
    axes = Figure().add_axes((0, 0, 1, 1))
    draw_locator(axes, fit(bounds, (50, 50)), crs, [])
    (mark,) = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(np.ravel(mark.get_xydata()), at, atol=0.01)
    for line in axes.lines:
        assert not np.any(np.hypot(*line.get_xydata().T) > 1.0001)
