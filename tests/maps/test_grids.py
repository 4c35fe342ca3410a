"""Grids on the pixels of a map: the right value in each, for any order, scale and CRS."""

import sys

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning

from captools.errors import InputError
from captools.maps.grids import make_grid_map
from captools.maps.mapping import MapOptions

NONE = -32768
CELL = 20_000.0


def values(height=60, width=80):
    found = np.random.default_rng(4).integers(-3000, 3000, (height, width)).astype("i2")
    found[10:20, 5:50] = NONE
    return found


def gridded(path, cells, crs="EPSG:3031", place=None, **more):
    """Write a grid around the origin, by default with the first row in the north."""
    height, width = cells.shape[-2:]
    place = place or rasterio.Affine(CELL, 0, -CELL * width / 2, 0, -CELL, CELL * height / 2)
    profile = {"driver": "GTiff", "width": width, "height": height, "dtype": cells.dtype}
    profile |= {"crs": crs, "transform": place, "nodata": NONE, **more}
    bands = cells.reshape(-1, height, width)
    with rasterio.open(path, "w", count=len(bands), **profile) as file:
        file.write(bands)
    return path


def heights_of(cells):
    return np.where(cells == NONE, np.nan, cells.astype(float))


def test_pixels_of_the_grid_are_those_of_the_map_scaled_as_the_file_says(tmp_path):
    cells = values()
    path = gridded(tmp_path / "a.tif", cells)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets, file.units = (0.25,), (7.0,), ("m",)
    picture = make_grid_map(path, MapOptions(size=(80, 60)))
    np.testing.assert_allclose(picture.values, heights_of(cells) * 0.25 + 7)
    assert (picture.crs, picture.label, picture.units) == ("EPSG:3031", "a", "m")
    assert picture.caption == "grid of 80 by 60 pixels · EPSG:3031"
    fine = make_grid_map(path, MapOptions(size=(240, 180))).values
    np.testing.assert_allclose(fine, np.kron(picture.values, np.ones((3, 3))))


def test_a_coarse_map_has_means_of_the_known(tmp_path):
    cells = values()
    picture = make_grid_map(gridded(tmp_path / "a.tif", cells), MapOptions(size=(20, 15)))
    blocks = heights_of(cells).reshape(15, 4, 20, 4).swapaxes(1, 2).reshape(15, 20, 16)
    known = np.isfinite(blocks).sum(axis=2)
    mean = np.nansum(blocks, axis=2) / np.where(known, known, np.nan)
    np.testing.assert_allclose(picture.values, mean, atol=1e-3)  # pixels are 1e-9 larger


def test_rows_from_the_south_and_a_file_without_fill_lie_where_they_are(tmp_path):
    cells = np.arange(12, dtype="f4").reshape(3, 4)
    south = rasterio.Affine(10, 0, 100, 0, 10, 500)
    path = gridded(tmp_path / "a.tif", cells, place=south, nodata=None)
    picture = make_grid_map(path, MapOptions(extent=(90, 150, 490, 540), size=(6, 5)))
    expected = np.full((5, 6), np.nan)
    expected[1:4, 1:5] = cells[::-1]
    np.testing.assert_array_equal(picture.values, expected)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3413"])
def test_another_crs_has_the_values_of_where_its_pixels_are(tmp_path, crs):
    cells = values()
    own = {"EPSG:4326": "EPSG:3031", "EPSG:3413": "EPSG:3995"}[crs]
    path = gridded(tmp_path / "a.tif", cells, own)
    extent = (-10.0, 10.0, -88.0, -85.5) if crs == "EPSG:4326" else (-4e5, 4e5, -1e5, 0.0)
    picture = make_grid_map(path, MapOptions(crs=crs, extent=extent, size=(320, 40)))
    canvas = picture.canvas
    wide, high = canvas.pixel
    x, y = np.meshgrid(
        canvas.xmin + wide * (np.arange(canvas.width) + 0.5),
        canvas.ymax - high * (np.arange(canvas.height) + 0.5),
    )
    there = Transformer.from_crs(crs, own, always_xy=True).transform(x, y)
    column, row = there[0] / CELL + 40, 30 - there[1] / CELL
    inside = (column > 0) & (column < 80) & (row > 0) & (row < 60)
    expected = np.full(x.shape, np.nan)
    expected[inside] = heights_of(cells)[row[inside].astype(int), column[inside].astype(int)]
    same = (picture.values == expected) | (np.isnan(picture.values) & np.isnan(expected))
    assert same.mean() > 0.9999  # at the very edge of a cell, rounding decides
    assert inside.mean() > 0.1


def test_a_grid_that_names_no_crs_is_drawn_as_it_lies(tmp_path, run):
    path = gridded(tmp_path / "a.tif", values(), None)
    assert make_grid_map(path, MapOptions(size=(80, 60))).crs == "unknown"
    assert run("preview", path, "-o", tmp_path / "a.png").exit_code == 0
    result = run("preview", path, "-o", tmp_path / "b.png", "-p", "3031")
    assert (result.exit_code, "does not name its CRS" in result.stderr) == (2, True)


def test_a_band_is_chosen_by_number_or_name(tmp_path):
    both = np.stack([np.full((4, 4), 1, "i2"), np.full((4, 4), 2, "i2")])
    path = gridded(tmp_path / "a.tif", both)
    with rasterio.open(path, "r+") as file:
        file.set_band_description(2, "error")
    found = [make_grid_map(path, MapOptions(var=var)) for var in (None, "1", "2", "error")]
    assert [np.nanmax(one.values) for one in found] == [1, 1, 2, 2]
    assert [one.label for one in found] == ["a", "a", "error", "error"]
    with pytest.raises(ValueError, match="no band 'x': it has 1, 2, error"):
        make_grid_map(path, MapOptions(var="x"))


def test_a_grid_of_preview_is_drawn_again_to_the_pixel(tmp_path, run):
    path = gridded(tmp_path / "a.tif", values())
    for name, source in (("b.tif", path), ("c.tif", tmp_path / "b.tif")):
        result = run("preview", source, "-o", tmp_path / name, "--size", 80, 60)
        assert result.exit_code == 0, result.output
    assert result.stderr.count("4,800 pixels in, 4,350 pixels out") == 1
    with rasterio.open(tmp_path / "b.tif") as one, rasterio.open(tmp_path / "c.tif") as two:
        np.testing.assert_array_equal(one.read(1), two.read(1))
        np.testing.assert_array_equal(one.read(1), heights_of(values()))
    for words in (("--hillshade", "map"), ("--inset", "--cmap", "diverging"), ("--bare",)):
        result = run("preview", path, "-o", tmp_path / "d.png", *words)
        assert result.exit_code == 0, result.output


def test_a_fill_value_in_one_of_several_bands_is_no_value(tmp_path):
    both = np.stack([values(), np.full((60, 80), 7, "i2")])
    path = gridded(tmp_path / "a.tif", both)
    picture = make_grid_map(path, MapOptions(size=(80, 60)))
    np.testing.assert_array_equal(picture.values, heights_of(both[0]))
    coarse = make_grid_map(path, MapOptions(size=(8, 6))).values
    assert np.nanmin(coarse) >= -3000


def test_what_is_infinite_is_not_known(tmp_path):
    cells = np.arange(16, dtype="f4").reshape(4, 4)
    cells[0, 0], cells[3, 3] = -np.inf, np.nan
    picture = make_grid_map(gridded(tmp_path / "a.tif", cells), MapOptions(size=(4, 4)))
    np.testing.assert_array_equal(picture.values, np.where(np.isfinite(cells), cells, np.nan))


def test_transparent_pixels_are_not_known(tmp_path):
    cells = np.arange(16, dtype="u1").reshape(4, 4)
    opacity = np.where(cells < 4, 0, 255).astype("u1")
    path = gridded(tmp_path / "a.tif", np.stack([cells, opacity]), nodata=None, alpha="YES")
    picture = make_grid_map(path, MapOptions(size=(4, 4)))
    np.testing.assert_array_equal(picture.values, np.where(cells < 4, np.nan, cells))


def test_classes_have_no_mean(tmp_path):
    cells = np.tile(np.array([[1, 9], [9, 9]], "u1"), (4, 4))
    path = gridded(tmp_path / "a.tif", cells, nodata=None, photometric="palette")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {1: (255, 0, 0, 255), 9: (0, 0, 255, 255)})
    assert (make_grid_map(path, MapOptions(size=(4, 4))).values == 9).all()


def test_longitudes_to_360_lie_all_around_the_pole(tmp_path):
    lon = np.arange(0.5, 360)
    cells = np.tile(np.where(lon > 180, lon - 360, lon), (30, 1)).astype("f4")
    path = gridded(tmp_path / "a.tif", cells, "EPSG:4326", rasterio.Affine(1, 0, 0, 0, -1, -60))
    picture = make_grid_map(path, MapOptions(crs="3031", extent=(-3e6, 3e6, -3e6, 3e6)))
    steps = np.linspace(-3e6, 3e6, 901)
    x, y = np.meshgrid((steps[1:] + steps[:-1]) / 2, -(steps[1:] + steps[:-1]) / 2)
    expected, lat = Transformer.from_crs(3031, 4326, always_xy=True).transform(x, y)
    inside = lat < -60.1
    np.testing.assert_allclose(picture.values[inside], expected[inside], atol=0.51)
    here = make_grid_map(path, MapOptions(extent=(-20, 20, -80, -70), size=(40, 10))).values
    np.testing.assert_allclose(here, np.tile(np.arange(-19.5, 20), (10, 1)))


def test_a_large_grid_is_read_in_pieces(tmp_path, monkeypatch):
    path = gridded(tmp_path / "a.tif", values())
    whole = [make_grid_map(path, MapOptions(size=size)) for size in ((80, 60), (17, 9))]
    monkeypatch.setattr("captools.maps.grids.PIECE_VALUES", 100)
    for one in whole:
        size = one.canvas.width, one.canvas.height
        pieces = make_grid_map(path, MapOptions(size=size)).values
        np.testing.assert_allclose(pieces, one.values, rtol=1e-6, atol=1e-3)


def test_what_cannot_be_drawn_of_a_grid_is_said(tmp_path, run):
    gridded(tmp_path / "a.tif", values())
    gridded(tmp_path / "c.tif", np.ones((4, 4), "c8"), nodata=None)
    corners = [(0, 0, 0, 40), (0, 4, 40, 40), (4, 0, 0, 0)]
    points = [rasterio.control.GroundControlPoint(*corner) for corner in corners]
    like = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "p.tif", "w", **like, gcps=points, crs="EPSG:3031") as file:
        file.write(np.ones((1, 4, 4), "u1"))
    for name, words, why in (
        ("a", ("-p", "3413"), "Computed dimensions are too big"),
        ("c", (), "band 1 is of complex numbers"),
        ("p", (), "is placed by control points"),
    ):
        result = run("preview", tmp_path / f"{name}.tif", "-o", tmp_path / "a.png", *words)
        assert (result.exit_code, why in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-b", 0, 1, -80, -70), "bbox is for points, not for a grid"),
        (("--kind", "histogram"), "kind is for points, not for a grid"),
        (("--agg", "count"), "agg is for points, not for a grid"),
        (("--var", "2"), "no band '2': it has 1"),
        (("other.tif",), "a grid is looked at by itself"),
    ],
)
def test_what_is_no_picture_of_a_grid_is_wrong_usage(run, tmp_path, words, why):
    path = gridded(tmp_path / "a.tif", values())
    result = run("preview", path, "-o", tmp_path / "a.png", *words)
    assert (result.exit_code, why in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "a.png").exists()


def test_bad_grids_are_named(run, tmp_path):
    whole = gridded(tmp_path / "a.tif", values(), compress="deflate").read_bytes()
    (tmp_path / "text.tif").write_text("none")
    (tmp_path / "flipped.tif").write_bytes(whole[:-1500] + bytes(300) + whole[-1200:])
    nowhere = tmp_path / "nowhere.tif"
    like = {"driver": "GTiff", "width": 2, "height": 2, "count": 1, "dtype": "uint8"}
    with (
        pytest.warns(NotGeoreferencedWarning),
        rasterio.open(nowhere, "w", **like) as file,
    ):
        file.write(np.ones((1, 2, 2), "u1"))
    for name, why in (
        ("text", "is no grid"),
        ("flipped", "flipped.tif: flipped.tif, band 1"),
        ("nowhere", "does not say where"),
        ("none", "cannot be read (No such file"),
    ):
        result = run("preview", tmp_path / f"{name}.tif", "-o", tmp_path / "b.png")
        assert result.exit_code == 1, result.output
        assert why in result.stderr
        assert len(result.stderr.splitlines()) == 1, result.stderr
    with pytest.raises(InputError, match=r"has no value there: it covers x -800000 to 800000"):
        make_grid_map(tmp_path / "a.tif", MapOptions(extent=(9e6, 9.1e6, 0, 1e5)))
    result = run("view", tmp_path / "a.tif")
    assert (result.exit_code, "a grid is drawn by captools preview" in result.stderr) == (2, True)


def test_a_missing_extra_is_named(run, tmp_path, monkeypatch):
    path = gridded(tmp_path / "a.tif", values())
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("preview", path, "-o", tmp_path / "a.png")
    assert result.exit_code != 0
    assert "needs matplotlib: pip install 'captools[preview]'" in result.stderr
