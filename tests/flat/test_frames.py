"""Flat files as data frames, and through xarray."""

import sys

import h5py
import numpy as np
import pandas as pd
import pytest

from captools.errors import InputError, MissingExtra
from captools.flat.collection import Collection
from captools.flat.frames import partitions, to_dask, to_pandas
from captools.flat.reader import FlatFile
from captools.flat.table import Table
from captools.flat.writer import FlatWriter


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three files of 5, 6 and 7 rows."""
    place = tmp_path_factory.mktemp("flat")
    with FlatWriter(place) as batch:
        for number in range(3):
            rows = np.arange(5 + number)
            columns = {
                "h_li": (rows + number / 10).astype("f4"),
                "lat": np.where(rows == 2, np.nan, rows / 7),
                "q_flag": rows.astype("i1"),
                "is_asc": rows % 2 == 0,
            }
            header = {"captools_version": "1", "rgt": 10 + number, "cycle": 3, "spot": number}
            batch.write(f"{number}.h5", Table(columns, {}, header))
    return place


@pytest.fixture
def rows(folder):
    """The rows, as `Collection` reads them."""
    tables = list(Collection(sorted(folder.glob("*.h5"))).blocks())
    names = tables[0].columns
    return pd.DataFrame(
        {name: np.concatenate([table.columns[name] for table in tables]) for name in names}
    )


@pytest.mark.parametrize("of", [to_pandas, lambda *a: to_dask(*a).compute()])
@pytest.mark.parametrize("columns", [None, ["spot", "h_li"]])
def test_a_frame_has_the_rows_and_dtypes_of_the_files(folder, rows, of, columns):
    expected = rows if columns is None else rows[columns]
    for files in (folder, str(folder / "*.h5"), sorted(folder.glob("*.h5"))):
        pd.testing.assert_frame_equal(of(files, columns), expected, check_index_type=False)


def test_the_functions_of_flat_are_these(folder, rows):
    pd.testing.assert_frame_equal(to_pandas(folder), rows)
    pd.testing.assert_frame_equal(to_dask(folder).compute(), rows)


@pytest.mark.parametrize("of", [to_pandas, lambda *a: to_dask(*a).compute()])
def test_fills_of_whole_numbers_are_missing(tmp_path, of):
    large = 2**53 + 1  # which no double holds
    fills, expected = [-1, 999], {"count": [], "long": [], "plain": []}
    for number, fill in enumerate(fills):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file.attrs["captools_version"] = "1"
            for name, dtype in (("count", "i4"), ("long", ">i8"), ("plain", "i2")):
                values = [3, large if name == "long" else 5, 7 + number]
                has_fill = name != "plain"
                values[0] = fill
                file[name] = np.array(values, dtype)
                if has_fill:
                    file[name].attrs["_FillValue"] = np.array([fill], dtype)
                expected[name] += [None if has_fill and v == fill else v for v in values]
    frame = of(tmp_path, list(expected))
    assert dict(frame.dtypes.astype(str)) == {"count": "Int32", "long": "Int64", "plain": "int16"}
    for name, values in expected.items():
        found = [None if value is pd.NA else value for value in frame[name].tolist()]
        assert found == values, name
    assert frame["count"].mean() == np.mean([v for v in expected["count"] if v is not None])


@pytest.mark.parametrize("most", [1, 3, 5, 11, 100])
def test_partitions_do_not_change_the_rows(folder, rows, monkeypatch, most):
    monkeypatch.setattr(partitions, "__defaults__", (most,))
    frame = to_dask(folder)
    assert max(frame.map_partitions(len).compute()) <= most
    assert frame.known_divisions
    pd.testing.assert_frame_equal(frame.compute(), rows)
    pd.testing.assert_frame_equal(frame.loc[4:9].compute(), rows.loc[4:9])


def test_small_files_share_a_partition(folder):
    assert to_dask(folder).npartitions == 1


def test_only_what_is_asked_for_is_read_and_only_when_computed(folder, rows, monkeypatch):
    read, done = FlatFile.read, []
    monkeypatch.setattr(
        FlatFile, "read", lambda self, name, *rows: done.append(name) or read(self, name, *rows)
    )
    frame = to_dask(folder)
    assert dict(frame.dtypes) == dict(rows.dtypes)
    assert done == []
    mean = frame[frame.q_flag > 1].h_li.mean().compute(scheduler="sync")
    assert mean == pytest.approx(rows[rows.q_flag > 1].h_li.mean())
    assert set(done) == {"h_li", "q_flag"}


@pytest.mark.parametrize("of", [to_pandas, to_dask])
def test_what_is_not_there_is_named(folder, tmp_path, of):
    with pytest.raises(InputError, match=r"no column none: there are h_li, is_asc, lat"):
        of(folder, ["none"])
    with pytest.raises(ValueError, match="no flat files"):
        of(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        of(tmp_path / "none.h5")


@pytest.mark.parametrize("of", [to_pandas, to_dask])
def test_a_missing_library_is_named(folder, monkeypatch, of):
    for name in ("pandas", "dask.dataframe"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"pip install 'captools\[dask\]'"):
        of(folder)


def test_xarray_opens_a_flat_file(folder, rows):
    xarray = pytest.importorskip("xarray")
    path = folder / "0.h5"
    with xarray.open_dataset(path, engine="h5netcdf", phony_dims="sort") as data:
        assert set(data) == {"h_li", "lat", "q_flag", "is_asc"}
        assert data.attrs["rgt"] == 10
        for name in data:
            np.testing.assert_array_equal(data[name], rows[name][:5])
            assert data[name].dtype == rows[name].dtype
