"""Columns that many files share: dtypes, fills, units, and what some lack."""

import h5py
import numpy as np
import pytest
from flatfiles import write_flat

from captools.errors import BadInputs, CaptoolsWarning, InputError
from captools.flat.collection import Collection

pytestmark = pytest.mark.filterwarnings("ignore:columns of several dtypes")


def files_of(tmp_path, *tables, fills=()):
    """Write a file for each table; `fills` are the fill values of column a."""
    paths = []
    for number, columns in enumerate(tables):
        length = len(next(iter(columns.values())))
        paths.append(write_flat(tmp_path / f"{number}.h5", {"lat": np.zeros(length)} | columns))
        if number < len(fills) and fills[number] is not None:
            with h5py.File(paths[-1], "r+") as file:
                file["a"].attrs["_FillValue"] = np.array(fills[number], columns["a"].dtype)
    return paths


def column(collection, name="a"):
    return np.concatenate([table.columns[name] for table in collection.blocks([name])])


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("<f4", "<f8", "f8"),
        ("<f4", ">f4", "f4"),
        ("i2", "i4", "i4"),
        ("u1", "i1", "i2"),
        ("i2", "f4", "f4"),
        ("i4", "f4", "f8"),
    ],
)
def test_columns_of_several_dtypes_become_one_that_holds_all(tmp_path, first, second, shared):
    values = np.array([1, 100])
    paths = files_of(tmp_path, {"a": values.astype(first)}, {"a": values.astype(second)})
    for turned in (paths, paths[::-1]):
        with pytest.warns(CaptoolsWarning, match="become one that holds all: a"):
            found = column(Collection(turned))
        assert (found.dtype, found.tolist()) == (np.dtype(shared), [1, 100, 1, 100])


def test_whole_numbers_that_no_double_holds_are_refused(tmp_path):
    paths = files_of(tmp_path, {"a": np.array([2**53 + 1])}, {"a": np.array([0.5])})
    with pytest.raises(BadInputs, match=r"0\.h5: a: has values that float64 does not hold"):
        column(Collection(paths))


def test_fills_of_whole_numbers_become_the_one_of_the_first_file(tmp_path):
    tables = ({"a": np.array([1, 127], "i1")}, {"a": np.array([-1, 5], "i1")})
    found = Collection(files_of(tmp_path, *tables, fills=(127, -1)))
    assert column(found).tolist() == [1, 127, 127, 5]
    assert found.column_attrs["a"]["_FillValue"] == 127


def test_a_value_that_is_the_fill_of_another_file_is_refused(tmp_path):
    tables = ({"a": np.array([1, 127], "i1")}, {"a": np.array([127, -1], "i1")})
    found = Collection(files_of(tmp_path, *tables, fills=(127, -1)))
    with pytest.raises(BadInputs, match=r"1\.h5: a: has the value 127, which stands for no value"):
        column(found)


def test_a_fill_that_one_file_does_not_name_is_said(tmp_path):
    tables = ({"a": np.array([1, 127], "i1")}, {"a": np.array([127, 2], "i1")})
    found = Collection(files_of(tmp_path, *tables, fills=(127,)))
    with pytest.warns(CaptoolsWarning, match="a: 127 stands for no value in some inputs"):
        assert column(found).tolist() == [1, 127, 127, 2]


def test_fills_become_nan_where_whole_numbers_meet_floats(tmp_path):
    tables = ({"a": np.array([1, 127], "i1")}, {"a": np.array([0.5], "f4")})
    found = Collection(files_of(tmp_path, *tables, fills=(127,)))
    np.testing.assert_array_equal(column(found), np.array([1, np.nan, 0.5], "f4"))
    assert "_FillValue" not in found.column_attrs["a"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_union_has_missing_values_where_a_file_lacks_a_column(tmp_path, turned):
    flag = np.array([True])
    more = {"a": np.array([7], "i1"), "b": np.array([8], "i2"), "c": np.ones(1, "f4"), "d": flag}
    paths = files_of(tmp_path, more, {"e": np.zeros(1)}, fills=(-1,))
    with pytest.warns(CaptoolsWarning) as warned:
        found = Collection(sorted(paths, reverse=turned), "union")
    assert {str(one.message).partition(": ")[0] for one in warned} == {
        "left out, since not all inputs have them alike",  # d, of which nothing can be missing
        "missing values stand where inputs lack a column",
    }
    order = slice(None, None, -1 if turned else 1)
    for name, expected in {
        "a": np.array([7, -1], "i1"),
        "b": np.array([8, np.nan]),
        "c": np.array([1, np.nan], "f4"),
        "e": np.array([np.nan, 0]),
    }.items():
        values = column(found, name)
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(values, expected[order], err_msg=name)
    assert "d" not in found.dtypes


def test_only_the_columns_that_matter_must_agree(tmp_path):
    paths = files_of(tmp_path, {"a": np.zeros(2), "b": np.zeros(2)}, {"a": np.ones(2)})
    with pytest.raises(InputError, match="only the first has b"):
        Collection(paths)
    found = Collection(paths, names=["a"])
    assert list(found.dtypes) == ["a"]
    assert column(found).tolist() == [0, 0, 1, 1]


def with_units(folder, *units):
    """Write a file for each unit of its column; of None it has another column."""
    paths = files_of(folder, *({"a" if unit is not None else "b": np.ones(2)} for unit in units))
    for path, unit in zip(paths, units, strict=True):
        with h5py.File(path, "r+") as file:
            if unit:
                file["a"].attrs["units"] = unit
    return paths


@pytest.mark.parametrize("units", [("m", "cm"), ("m", "", "cm"), (None, "m", "cm")])
def test_columns_in_other_units_are_refused(tmp_path, units):
    with pytest.raises(InputError, match="differ: a is in m and cm"):
        Collection(with_units(tmp_path, *units), "union")


@pytest.mark.parametrize("units", [("cm", ""), ("", "cm")])
def test_units_that_a_file_does_not_state_are_said(tmp_path, units):
    said = r"not all inputs state the units of columns, which are taken to be: a \(cm\)"
    with pytest.warns(CaptoolsWarning, match=said):
        found = Collection(with_units(tmp_path, *units))
    assert found.column_attrs["a"]["units"] == "cm"


def test_spellings_of_a_unit_are_one(tmp_path):
    assert Collection(with_units(tmp_path, "m", "meters")).column_attrs["a"]["units"] == "m"
