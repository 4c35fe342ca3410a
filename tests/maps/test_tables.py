"""Tables as pictures: statistics of signal strength, and points of GeoParquet."""

import json
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
import rasterio
import shapely
from pyarrow import parquet
from pyproj import CRS

from captools.gnss.series import make_series
from captools.gnss.table import read, write
from captools.maps.alone import lone_input
from captools.maps.geoparquet import geometry_of
from captools.steps.export import export
from captools.steps.preview import preview
from captools.steps.readatl06 import readatl06

# --- statistics ---------------------------------------------------------------------


def statistics(per):
    """Three periods of two systems, one without a value."""
    starts = {
        "day": [datetime(2024, 5, 6), datetime(2024, 5, 7), datetime(2024, 5, 9)],
        "hour": [datetime(2024, 5, 6, hour) for hour in (0, 1, 5)],
    }
    first = ["a,b.rnx", "b.rnx", "c.rnx"] if per == "file" else starts[per]
    table = {"input" if per == "file" else "start": [*first, *first]}
    table |= {"system": ["G"] * 3 + ["E"] * 3, "code": ["1C"] * 3 + ["5X"] * 3}
    return table | {"n": [9, 8, 7, 9, 0, 7], "mean": [40.125, 41.5, 42.0, 44.0, None, 45.1]}


@pytest.mark.parametrize("per", ["day", "hour", "file"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_is_read_as_it_was_written_and_drawn_as_snr_draws_it(tmp_path, run, per, kind):
    table = statistics(per)
    write(table, tmp_path / f"a.{kind}", per)
    found, said = read(tmp_path / f"a.{kind}")
    assert said == per
    assert found == table
    lines = make_series(found, said, "").axes[0].lines
    of_snr = make_series(table, per, "").axes[0].lines
    for one, two in zip(lines, of_snr, strict=True):
        np.testing.assert_array_equal(one.get_xdata(), two.get_xdata())
        np.testing.assert_array_equal(one.get_ydata(), two.get_ydata())
        assert one.get_label() == two.get_label()
    result = run("preview", tmp_path / f"a.{kind}", "-o", tmp_path / "a.svg", "--title", "A $ B")
    assert result.exit_code == 0, result.output
    assert "6 rows in, 5 rows out" in result.stderr
    content = (tmp_path / "a.svg").read_text()
    assert all(f">{word}<" in content for word in ("A $ B", "GPS 1C", f"a.{kind}: 6 rows"))


def test_hours_at_midnight_alone_are_no_days(tmp_path):
    table = statistics("day")
    for kind in ("csv", "parquet"):
        write(table, tmp_path / f"a.{kind}", "hour")
        assert read(tmp_path / f"a.{kind}")[1] == "hour"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", "lon,lat\n1,2\n", "is no table of snr: it has no column code, mean, n, start"),
        ("a.csv", "", "is no table of snr"),
        ("a.csv", "start,system,code,n,mean\n2024-05-06,G,1C\n", "is damaged, or no table of snr"),
        ("a.csv", "start,system,code,n,mean\n2024-05-06,G,1C,many,3\n", "is damaged"),
        ("a.csv", "start,system,code,n,mean\n2024-05-06,G,1C,0,\n", "there is no value to draw"),
        (
            "a.csv",
            "start,system,code,n,mean\n,G,1C,3,40\n",
            "column start has rows without a value",
        ),
        ("a.csv", "lon,lat\n1,2\n1\n", "is no table of snr: it has no column"),
        ("a.parquet", "none", "is no Parquet file, or damaged"),
        ("b.csv", None, "cannot be read (No such file"),
        ("b.parquet", None, "No such file"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, run, name, content, why):
    if content is not None:
        (tmp_path / name).write_text(content)
    result = run("preview", tmp_path / name, "-o", tmp_path / "a.png")
    assert result.exit_code == 1, result.output
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "a.png").exists()


def test_tables_of_spreadsheets_and_data_frames_are_read(tmp_path):
    table = statistics("day")
    write(table, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").write_text(text, encoding="utf-8-sig")
    assert read(tmp_path / "a.csv") == (table, "day")
    changed = {
        "n": [float(n) for n in table["n"]],
        "start": [f"{day:%F}" for day in table["start"]],
    }
    parquet.write_table(pa.table({**table, **changed, "lon": ["a"] * 6}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == (table, "day")


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("start", ["today"] * 6),
        ("start", [None] * 6),
        ("mean", ["high"] * 6),
        ("system", [None] * 6),
        ("n", [{"a": 1}] * 6),
        ("n", [0.5] * 6),
    ],
)
def test_columns_of_other_kinds_are_no_table(tmp_path, run, column, found):
    parquet.write_table(pa.table({**statistics("day"), column: found}), tmp_path / "a.parquet")
    result = run("preview", tmp_path / "a.parquet", "-o", tmp_path / "a.png")
    assert (result.exit_code, "no table of snr" in result.stderr) == (1, True), result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_drawn_alone_is_known_by_its_name():
    assert lone_input(["a.h5", "b.h5"]) is None
    for path, kind in (
        ("d/C.ZARR/", "cube"),
        ("s3://b/c.zarr", "cube"),
        ("d/C.TIF", "grid"),
        ("d/c.csv", "table"),
        ("d/c.parquet", "table"),
    ):
        assert lone_input([path]) == (path, kind)
    with pytest.raises(ValueError, match=r"c\.zarr: a cube is looked at by itself"):
        lone_input(["a.h5", "c.zarr"])
    with pytest.raises(ValueError, match=r"a grid is read here only: fetch it first"):
        lone_input(["s3://b/c.tif"])


def test_a_table_has_neither_colours_nor_a_raster(tmp_path, run):
    write(statistics("day"), tmp_path / "a.csv")
    for words, why in (
        (("-o", tmp_path / "b.png", "--cmap", "magma"), "cmap is for points, not for a table"),
        (("-o", tmp_path / "b.tif"), "a table is drawn as a figure"),
        (("-o", tmp_path / "b.png", "b.csv"), "a table is looked at by itself"),
    ):
        result = run("preview", tmp_path / "a.csv", *words)
        assert (result.exit_code, why in result.stderr) == (2, True), result.stderr


# --- points -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flat(granules, tmp_path_factory):
    """Flat files of a granule, and the same points as GeoParquet. Not to be changed."""
    folder = tmp_path_factory.mktemp("flat")
    beams = readatl06(min(granules.glob("*.h5")), folder, crs="3031")
    export(beams, folder / "all.parquet")
    return beams, folder / "all.parquet"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"var": "s_li", "agg": "std"},
        {"by": "spot"},
        {"by": "is_asc"},
        {"agg": "count", "bbox": (-180, 180, -90, -60)},
        {"crs": "4326"},
        {"by": "year"},
    ],
    ids=str,
)
def test_what_was_exported_is_drawn_as_the_files_it_is_of(flat, tmp_path, options):
    beams, table = flat
    options = {**options, "bare": True, "size": (40, 40)}
    for name, files in (("a.png", beams), ("b.png", [table])):
        preview(files, tmp_path / name, **options)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.pgw").read_bytes() == (tmp_path / "b.pgw").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pgw", "a.png", "b.pgw", "b.png"]


@pytest.mark.parametrize("kind", ["profile", "histogram", "time"])
def test_charts_of_what_was_exported(flat, tmp_path, run, kind):
    for name, files in (("a.svg", flat[0]), ("b.svg", [flat[1]])):
        result = run("preview", *files, "-o", tmp_path / name, "--kind", kind)
        assert result.exit_code == 0, result.output
    both = [(tmp_path / name).read_text().count("<path") for name in ("a.svg", "b.svg")]
    assert both[0] == both[1]


def written(path, x, y, crs, **columns):
    """Write points as other programs do: geometry by shapely, nulls where there is none."""
    points = shapely.to_wkb(shapely.points(x, y))
    known = np.isfinite(x)
    points = [point if here else None for point, here in zip(points, known, strict=True)]
    about = {"encoding": "WKB", "geometry_types": ["Point"]}
    about |= {} if crs == "default" else {"crs": crs and CRS(crs).to_json_dict()}
    geo = {"version": "1.1.0", "primary_column": "place", "columns": {"place": about}}
    fields = {name: pa.array(values) for name, values in columns.items()}
    table = pa.table(fields | {"place": pa.array(points, pa.binary())})
    parquet.write_table(
        table.replace_schema_metadata({"geo": json.dumps(geo)}), path, row_group_size=300
    )
    return path


@pytest.mark.parametrize("crs", ["EPSG:3413", None])
def test_points_of_other_programs_are_where_their_geometry_is(tmp_path, monkeypatch, crs):
    monkeypatch.setattr("captools.maps.geoparquet.BATCH_ROWS", 170)
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-1e6, 1e6, (2, 1000))
    x[::50] = np.nan
    heights = rng.integers(0, 3000, 1000)
    given = [None if number % 7 == 0 else int(one) for number, one in enumerate(heights)]
    path = written(tmp_path / "a.parquet", x, y, crs, h_mean=given, name=["a"] * 1000)
    assert geometry_of(str(path)).crs == (crs or "")
    preview([path], tmp_path / "a.tif", var="h_mean", agg="count", size=(10, 10))
    preview([path], tmp_path / "b.tif", var="h_mean", extent=(-1e6, 1e6, -1e6, 1e6), size=(10, 10))
    keep = np.isfinite(x) & (np.arange(1000) % 7 != 0)
    edges = np.linspace(-1e6, 1e6, 11)
    count = np.histogram2d(y[keep], x[keep], [edges, edges])[0][::-1]
    total = np.histogram2d(y[keep], x[keep], [edges, edges], weights=heights[keep])[0][::-1]
    with rasterio.open(tmp_path / "a.tif") as one, rasterio.open(tmp_path / "b.tif") as two:
        assert one.read(1).sum() == keep.sum()
        assert (one.crs.to_string() if one.crs else None) == crs
        np.testing.assert_allclose(two.read(1), total / np.where(count, count, np.nan), rtol=1e-6)


def test_points_in_degrees_are_projected_as_those_of_flat_files(tmp_path):
    lon, lat = np.array([0.0, 90.0, 10.0]), np.array([-80.0, -85.0, -81.0])
    for number, crs in enumerate(("default", "EPSG:4326", "OGC:CRS84")):
        path = written(tmp_path / f"{number}.parquet", lon, lat, crs, h_li=[1.0, 2.0, 3.0])
        preview([path], tmp_path / f"{number}.png", bare=True, size=(20, 20))
    first = (tmp_path / "0.png").read_bytes()
    assert all((tmp_path / f"{number}.png").read_bytes() == first for number in (1, 2))


def test_columns_that_are_not_needed_may_be_of_any_kind(tmp_path):
    xy = np.array([0.0, 1e5]), np.array([0.0, 1e5])
    others = {"t_gps": [datetime(2020, 1, 1)] * 2, "lon": ["east", "west"]}
    path = written(tmp_path / "a.parquet", *xy, "EPSG:3031", h_li=[1.0, 2.0], **others)
    assert preview([path], tmp_path / "a.png").rows_out == 2


def test_a_crs_that_is_neither_of_degrees_nor_projected_is_unknown(tmp_path):
    local = 'LOCAL_CS["a",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]'
    xy = np.array([0.0, 10.0]), np.array([-5.0, 50.0])
    path = written(tmp_path / "a.parquet", *xy, local, h_li=[1.0, 2.0])
    assert geometry_of(str(path)).crs == ""
    preview([path], tmp_path / "a.tif", size=(9, 9))
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.crs is None
        assert file.bounds.bottom < 0 < file.bounds.top


def test_odd_columns_of_geoparquet_are_named(tmp_path, run):
    path = written(tmp_path / "a.parquet", np.zeros(1), np.zeros(1), "EPSG:3031", h_li=[1.0])
    whole = parquet.read_table(path)
    twice = pa.Table.from_arrays([whole[0], whole[0], whole[1]], ["h_li", "h_li", "place"])
    numbers = whole.set_column(1, "place", pa.array([1]))
    for table, why in ((twice, "has several columns of one name"), (numbers, "is not in WKB")):
        parquet.write_table(table.replace_schema_metadata(whole.schema.metadata), path)
        result = run("preview", path, "-o", tmp_path / "a.png")
        assert (result.exit_code, why in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize(
    ("geometry", "columns", "words", "why"),
    [
        (None, {"h_li": [1.0]}, ("--var", "z"), "has no column z: it has h_li, place"),
        (None, {"h_li": ["high"]}, (), "column h_li is of string, not of numbers"),
        (None, {"h_li": [1.0]}, ("--kind", "time"), "has no column t_gps"),
        ([0, 0, 1, 1], {"h_li": [1.0]}, (), "its geometry is not of points in two dimensions"),
        ("geoarrow", {"h_li": [1.0]}, (), "its geometry is not in WKB"),
    ],
)
def test_what_is_not_drawn_of_geoparquet_is_said(tmp_path, run, geometry, columns, words, why):
    x, y = np.array([1.0]), np.array([2.0])
    path = written(tmp_path / "a.parquet", x, y, "EPSG:3031", **columns)
    if geometry is not None:
        table = parquet.read_table(path)
        geo = table.schema.metadata[b"geo"].replace(b"WKB", b"point" * (geometry == "geoarrow"))
        if geometry != "geoarrow":
            geo = table.schema.metadata[b"geo"]
            line = pa.array([shapely.to_wkb(shapely.box(*geometry))], pa.binary())
            table = table.set_column(table.schema.get_field_index("place"), "place", line)
        parquet.write_table(table.replace_schema_metadata({"geo": geo}), path)
    result = run("preview", path, "-o", tmp_path / "a.png", *words)
    assert result.exit_code == 1, result.output
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["a.parquet"]


def test_names_of_columns_are_for_flat_files(flat, tmp_path, run):
    result = run("preview", flat[1], "-o", tmp_path / "a.png", "--xy", "lon,lat")
    assert (result.exit_code, "xy is for flat files" in result.stderr) == (2, True)
