"""The step export: what other tools read is what the flat files hold."""

import filecmp
import gzip
import json
import os
import resource
import signal
import subprocess
import sys

import duckdb
import geopandas
import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from flatfiles import write_flat
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import captools
from captools import export
from captools.errors import BadInputs, CaptoolsWarning, FolderError, InputError, MissingExtra
from captools.flat.collection import Collection
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.points import curve, geoparquet

DTYPES = {"h_li": "f4", "t_gps": "f8", "q_flag": "i1", "segment_id": "i2", "is_asc": "?"}
HEADER = {"captools_version": "1", "crs": "EPSG:3031", "rgt": 5, "cycle": 2, "spot": 1}


def make(folder, rows=1000, files=3, seed=0, **more):
    """Write flat files of random rows, some values and places missing, and return the paths."""
    rng = np.random.default_rng(seed)
    with FlatWriter(folder) as batch:
        for number in range(files):
            columns = {name: rng.normal(0, 30, rows).astype(of) for name, of in DTYPES.items()}
            columns["x"], columns["y"] = rng.uniform(-1e6, 1e6, (2, rows))
            columns["h_li"][::7] = np.nan
            columns["x"][5:8] = np.nan, np.inf, -np.inf
            attributes = {"h_li": {"units": "m", "long_name": "height"}}
            batch.write(f"{number}.h5", Table(columns | more, attributes, HEADER | {"rgt": number}))
    return list(batch.written)


def test_columns_without_places_may_come_from_several_crs(tmp_path):
    paths = [
        write_flat(tmp_path / "0.h5", {"h": np.array([0.0]), "x": np.zeros(1)}, crs="EPSG:3031"),
        write_flat(tmp_path / "1.h5", {"h": np.array([1.0])}, crs="EPSG:3413"),
        write_flat(tmp_path / "2.h5", {"h": np.array([2.0]), "y": np.zeros(1)}, crs="EPSG:3031"),
    ]
    export(paths, tmp_path / "h.csv", variables="h")
    assert (tmp_path / "h.csv").read_text() == "h\n0\n1\n2\n"
    captools.merge(paths, tmp_path / "all.h5", variables="h")
    with h5py.File(tmp_path / "all.h5") as file:
        assert (file["h"][()].tolist(), "crs" in file.attrs) == ([0.0, 1.0, 2.0], False)
    with pytest.raises(InputError, match="differ"):
        export(paths, tmp_path / "x.csv", variables="h,x")


def content(paths):
    """The rows of flat files."""
    tables = list(Collection(paths).blocks())
    names = tables[0].columns
    return pd.DataFrame({n: np.concatenate([table.columns[n] for table in tables]) for n in names})


def in_order(frame):
    """Rows sorted by all their values, which makes a set of them."""
    return frame.sort_values(list(frame), ignore_index=True)


def assert_same_set(found, expected):
    pd.testing.assert_frame_equal(in_order(found), in_order(expected), check_exact=True)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make(tmp_path_factory.mktemp("flat"))


@pytest.fixture
def small_buckets(monkeypatch):
    monkeypatch.setattr(geoparquet, "BUCKET_ROWS", 128)
    monkeypatch.setattr(geoparquet, "STRIDE_ROWS", 4)


@pytest.fixture(scope="module")
def parquet(paths, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "all.parquet"
    written = export(paths, output)
    assert (written, written.rows_in, written.rows_out) == ([output], 3000, 3000)
    return output


# --- GeoParquet -------------------------------------------------------------------


def test_geopandas_reads_the_rows_the_points_and_the_crs(paths, parquet):
    found = geopandas.read_parquet(parquet)
    assert found.crs == "EPSG:3031"
    assert_same_set(pd.DataFrame(found.drop(columns="geometry")), content(paths))
    there = np.isfinite(found.x)
    assert found.geometry[~there].isna().all()
    np.testing.assert_array_equal(found.geometry[there].x, found.x[there])
    np.testing.assert_array_equal(found.geometry[there].y, found.y[there])


def test_geopandas_reads_a_box(paths, parquet):
    found = geopandas.read_parquet(parquet, bbox=(0, -5e5, 5e5, 1e5))
    rows = content(paths)
    inside = rows[rows.x.between(0, 5e5) & rows.y.between(-5e5, 1e5)]
    assert 0 < len(inside) < len(rows)
    assert_same_set(pd.DataFrame(found.drop(columns="geometry")), inside)


def test_duckdb_reads_the_rows(paths, parquet):
    names = list(content(paths))
    query = f"select {', '.join(names)} from read_parquet('{parquet}')"
    assert_same_set(duckdb.sql(query).df(), content(paths))
    mean = duckdb.sql(f"select avg(h_li) from '{parquet}' where bbox.xmin > 0").fetchall()[0][0]
    rows = content(paths)
    assert mean == pytest.approx(rows.h_li[(rows.x > 0) & np.isfinite(rows.x)].mean())


def test_the_metadata_are_those_of_geoparquet(paths, parquet):
    schema = pq.read_schema(parquet)
    geo = json.loads(schema.metadata[b"geo"])
    column = geo["columns"]["geometry"]
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 3031}
    assert column["covering"]["bbox"]["ymax"] == ["bbox", "ymax"]
    rows = content(paths)
    rows = rows[np.isfinite(rows.x)]
    assert column["bbox"] == [rows.x.min(), rows.y.min(), rows.x.max(), rows.y.max()]
    assert schema.field("h_li").metadata[b"units"] == b"m"
    assert schema.field("h_li").metadata[b"long_name"] == b"height"


@pytest.mark.usefixtures("small_buckets")
def test_row_groups_hold_neighbours(paths, tmp_path):
    export(paths, tmp_path / "all.parquet")
    found = pq.ParquetFile(tmp_path / "all.parquet")
    areas = []
    for number in range(found.num_row_groups):
        box = found.read_row_group(number, columns=["bbox"])["bbox"].combine_chunks().flatten()
        edges = [edge.drop_null().to_numpy() for edge in box]
        if len(edges[0]):
            areas.append(np.ptp(edges[0]) * np.ptp(edges[1]))
    assert len(areas) > 15
    assert sum(areas) < 3 * (2e6) ** 2  # in the order of the files it is 20 times
    assert_same_set(pd.read_parquet(tmp_path / "all.parquet")[list(content(paths))], content(paths))


@pytest.mark.usefixtures("small_buckets")
def test_of_more_rows_there_are_larger_buckets_not_more(paths, tmp_path, monkeypatch):
    export(paths, tmp_path / "many.parquet")
    gathered, counts = geoparquet.gathered, []

    def count(*arguments):
        found = list(gathered(*arguments))
        counts.append(len(found))
        return found

    monkeypatch.setattr(geoparquet, "gathered", count)
    monkeypatch.setattr(geoparquet, "MOST_BUCKETS", 4)
    export(paths, tmp_path / "few.parquet")
    assert counts[0] <= 6
    many, few = (pq.ParquetFile(tmp_path / f"{name}.parquet") for name in ("many", "few"))
    sizes = [few.metadata.row_group(n).num_rows for n in range(few.num_row_groups)]
    assert max(sizes) <= 2 * 128
    assert len(sizes) > 12
    names = list(content(paths))
    assert_same_set(*(one.read(names).to_pandas() for one in (many, few)))


# In a process of its own, without the threads of pytest: its workers are copies, with small parts.
IN_SMALL_PARTS = """
import sys
from captools import export
from captools.points import exporting, geoparquet
geoparquet.BUCKET_ROWS, geoparquet.STRIDE_ROWS, geoparquet.PART_BYTES = 512, 4, 1 << 19
exporting.PART_ROWS = 5000
name, *paths = sys.argv[1:]
for jobs in (1, 2):
    export(paths, f"{jobs}/{name}", jobs=jobs)
"""


@pytest.mark.parametrize("name", ["all.parquet", "all.csv"])
def test_two_workers_write_what_one_writes(tmp_path, name):
    paths = make(tmp_path / "in", rows=9000)
    words = [sys.executable, "-c", IN_SMALL_PARTS, name, *paths]
    subprocess.run(words, cwd=tmp_path, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    written = [tmp_path / f"{jobs}/{name}" for jobs in (1, 2)]
    assert filecmp.cmp(*written, shallow=False)
    if name == "all.parquet":
        found = geopandas.read_parquet(written[1]).drop(columns="geometry")
        assert_same_set(pd.DataFrame(found), content(paths))
        assert pq.read_metadata(written[1]).num_row_groups > 40
    assert sorted(path.name for path in (tmp_path / "2").iterdir()) == [name]


def test_two_workers_name_all_damaged_files(tmp_path, monkeypatch):
    monkeypatch.setattr(geoparquet, "PART_BYTES", 1 << 19)
    paths = make(tmp_path / "in", rows=20_000, files=4)
    for path in paths[1::2]:
        with h5py.File(path, "r+") as file:
            file.attrs["identity"] = "spot"
            del file["h_li"]
            file["h_li"] = np.zeros(20_000, "f4")
            at = file["h_li"].id.get_offset()
        os.truncate(path, at + 100)
    with pytest.raises(BadInputs) as error:
        export(paths, tmp_path / "out/all.parquet", jobs=2)
    assert sorted(error.value.errors) == [str(path) for path in paths[1::2]]
    assert not list((tmp_path / "out").glob("*"))


def test_the_curve_goes_from_neighbour_to_neighbour():
    columns, rows = (cells.ravel() for cells in np.meshgrid(np.arange(32), np.arange(32)))
    along = curve.hilbert(columns, rows)
    order = np.argsort(along)
    assert sorted(along) == list(range(1024))
    steps = abs(np.diff(columns[order])) + abs(np.diff(rows[order]))
    assert set(steps) == {1}


def test_without_x_and_y_the_points_are_lon_and_lat(tmp_path):
    with FlatWriter(tmp_path) as batch:
        columns = {"lon": np.array([10.0, -20.0]), "lat": np.array([-70.0, -80.0])}
        batch.write("a.h5", Table(columns, {}, {"captools_version": "1", "rgt": 7}))
    export(batch.written, tmp_path / "a.parquet", variables="rgt")
    found = geopandas.read_parquet(tmp_path / "a.parquet")
    assert found.crs == "OGC:CRS84"
    assert sorted(found.geometry.x) == [-20, 10]
    assert list(found) == ["rgt", "geometry"]


def test_no_place_at_all_is_an_error_but_not_for_csv(tmp_path):
    with FlatWriter(tmp_path) as batch:
        batch.write("a.h5", Table({"h_li": np.arange(3.0)}, {}, {"captools_version": "1"}))
    with pytest.raises(InputError, match="neither x, y nor lon, lat"):
        export(batch.written, tmp_path / "a.parquet")
    assert export(batch.written, tmp_path / "a.csv", variables=["h_li"]).rows_out == 3
    assert (tmp_path / "a.csv").read_text() == "h_li\n0\n1\n2\n"


def test_a_column_called_geometry_must_be_left_out(tmp_path):
    paths = make(tmp_path, 10, 1, geometry=np.arange(10))
    with pytest.raises(InputError, match="column geometry"):
        export(paths, tmp_path / "a.parquet")


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_make_a_table_too(tmp_path, rows):
    with FlatWriter(tmp_path) as batch:
        place = np.full(rows, 7.0)
        batch.write("a.h5", Table({"x": place, "y": place}, {}, HEADER))
    for name in ("a.parquet", "a.csv"):
        export(batch.written, tmp_path / name)
    assert len(geopandas.read_parquet(tmp_path / "a.parquet")) == rows
    assert len(pd.read_csv(tmp_path / "a.csv")) == rows


# --- CSV --------------------------------------------------------------------------


def read_csv(path, rows):
    """What a CSV file holds, every digit of it, in the dtypes of certain rows."""
    texts = pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False)
    values = {"true": True, "false": False, "": np.nan}
    return pd.DataFrame(
        {
            name: np.array([values.get(text, text) for text in texts[name]], dtype=object)
            .astype(float)
            .astype(dtype)
            for name, dtype in rows.dtypes.items()
        }
    )[list(texts)]


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz"])
def test_csv_has_the_rows_in_order(paths, tmp_path, name):
    export(paths, tmp_path / name)
    rows = content(paths)
    found = read_csv(tmp_path / name, rows)
    pd.testing.assert_frame_equal(found, rows, check_exact=True)


def test_nan_is_an_empty_field_and_columns_come_as_asked_for(paths, tmp_path):
    export(paths, tmp_path / "a.csv", variables="rgt,h_li,rgt")
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == ["rgt,h_li", "0,"]


# --- both -------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(data=st.data(), rows=st.integers(1, 20))
def test_any_value_comes_back(tmp_path_factory, data, rows):
    folder = tmp_path_factory.mktemp("any")
    columns = {name: data.draw(arrays(of, rows)) for name, of in DTYPES.items()}
    columns |= {name: data.draw(arrays("f8", rows)) for name in ("x", "y")}
    with FlatWriter(folder) as batch:
        batch.write("a.h5", Table(columns, {}, HEADER))
    rows = content(batch.written)
    export(batch.written, folder / "a.parquet")
    found = pd.DataFrame(geopandas.read_parquet(folder / "a.parquet").drop(columns="geometry"))
    assert_same_set(found, rows)
    export(batch.written, folder / "a.csv")
    found = read_csv(folder / "a.csv", rows)
    pd.testing.assert_frame_equal(found, rows, check_exact=True)


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.csv.gz"])
def test_the_same_input_gives_the_same_bytes(paths, tmp_path, name):
    for folder in ("one", "two"):
        export(paths, tmp_path / folder / name)
    first = (tmp_path / "one" / name).read_bytes()
    assert first == (tmp_path / "two" / name).read_bytes()
    if name == "a.csv.gz":
        assert first[3:8] == bytes(5)  # no name, no time
        assert gzip.decompress(first).startswith(b"h_li,")


@pytest.mark.parametrize("name", ["a", "a.h5", "a.gz", "a.parquet.gz", "a.CSV"])
def test_another_ending_is_wrong_usage(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.parquet, \.csv\.gz, \.csv"):
        export(["none.h5"], tmp_path / "below" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'captools\[export\]'"):
        export(["none.h5"], tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_wrong_columns_are_named(paths, tmp_path, name):
    with pytest.raises(InputError, match="no column none: there are h_li, is_asc"):
        export(paths, tmp_path / name, variables="h_li,none")
    for nothing in ("", ",", []):
        with pytest.raises(ValueError, match="names with commas"):
            export(paths, tmp_path / name, variables=nothing)
    assert list(tmp_path.iterdir()) == []


def test_common_keeps_what_all_share(paths, tmp_path):
    more = make(tmp_path, 10, 1, dac=np.zeros(10, "f4"))
    with pytest.raises(InputError, match="--common"):
        export([*more, *paths], tmp_path / "a.csv")
    with pytest.warns(CaptoolsWarning, match="alike: dac"):
        export([*more, *paths], tmp_path / "a.csv", common=True)
    assert list(pd.read_csv(tmp_path / "a.csv")) == list(content(paths))


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.csv.gz"])
def test_a_full_disk_leaves_what_was_there(paths, tmp_path, name):
    (tmp_path / name).write_text("earlier")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(FolderError, match=f"{name}: cannot be written"):
            export(paths, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "earlier"


def test_pandas_is_not_loaded(paths, tmp_path):
    # It takes as much memory as all rows that are held at a time.
    script = (
        "import sys, captools; captools.export(sys.argv[2:], sys.argv[1]); "
        "sys.exit('pandas' in sys.modules)"
    )
    for name in ("a.parquet", "a.csv"):
        subprocess.run([sys.executable, "-c", script, tmp_path / name, *paths], check=True)
