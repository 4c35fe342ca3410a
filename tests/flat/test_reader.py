"""Reading flat files: ours and CAPToolkit's come out alike."""

import h5py
import numpy as np
import pytest
from astropy.time import Time
from straightforward import read_flat

from captools.errors import CaptoolsWarning, InputError
from captools.flat.reader import FlatFile
from captools.steps.readatl06 import readatl06


@pytest.fixture(scope="module")
def beams(granule, tmp_path_factory):
    """The first beam of a granule: ours, in CAPToolkit's names, and as older tools left it."""
    folder = tmp_path_factory.mktemp("beams")
    ours = readatl06(granule, folder / "ours")[0]
    renamed = readatl06(granule, folder / "renamed", dialect="captoolkit")[0]
    old = folder / ours.name
    with h5py.File(renamed) as source, h5py.File(old, "w") as file:
        for name in source:
            values = source[name][:]
            if values.dtype == np.float32:
                values[np.isnan(values)] = np.finfo("f4").max
            file[name] = values
        file["t_year"][:] += 37 / (365 * 86400)
        file["rgt"] = np.full(len(values), 700.0)
    return ours, renamed, old


@pytest.mark.parametrize("which", [1, 2])
def test_files_of_other_names_hold_what_ours_hold(beams, which):
    with FlatFile(beams[0]) as ours, FlatFile(beams[which]) as other:
        assert set(ours.columns) <= set(other.columns)
        for name in ours.columns:
            found, expected = other.read(name), ours.read(name)
            assert found.dtype == expected.dtype == other.columns[name].dtype
            np.testing.assert_array_equal(found, expected, err_msg=name)
        assert other.attributes("h_li") == ours.attributes("h_li")
        assert other.identity("rgt") == ours.identity("rgt") == 700
        assert other.identity("cycle") == 3
        assert (other.identity("spot") > 0) == (which == 1)  # an old file has none
        assert other.identity("region") == 11
        assert (other.is_ours, other.source) == (
            which == 1,
            ours.source if which == 1 else other.path.name,
        )


def test_an_old_file_is_warned_of_once(beams, recwarn):
    with FlatFile(beams[0]) as ours, FlatFile(beams[1]) as renamed:
        ours.warn_if_foreign()
        renamed.warn_if_foreign()
    assert list(recwarn) == []
    with FlatFile(beams[2]) as old, pytest.warns(CaptoolsWarning, match="t_year made anew"):
        old.warn_if_foreign()


def test_a_rgt_that_was_a_float_is_a_number_of_16_bits(beams):
    with FlatFile(beams[2]) as old:
        assert old.read("rgt").dtype == np.int16
        assert set(old.read("rgt", slice(3, 9))) == {700}


def test_real_files_of_the_tutorial_get_their_fills_and_years_right(real_data):
    for path in sorted((real_data / "reduced").glob("*.h5")):
        plain = read_flat(path)
        with FlatFile(path) as file:
            assert file.rows == len(plain["lat"])
            unset = plain["tide_ocean"] > 1e38
            np.testing.assert_array_equal(np.isnan(file.read("tide_ocean")), unset)
            truth = Time(plain["t_sec"], format="gps").utc.decimalyear
            np.testing.assert_allclose(file.read("t_year"), truth, rtol=0, atol=3e-12)
            np.testing.assert_array_equal(file.read("h_li"), plain["h_elv"])
            np.testing.assert_array_equal(file.read("is_asc"), plain["trk_type"])
            assert file.identity("cycle") == 2


@pytest.mark.parametrize(
    ("header", "units"),
    [
        ({}, "m"),  # an older file: all are of ATL06
        ({"captools_version": "0.1.0"}, "m"),  # ours, before headers named a product
        ({"captools_version": "1", "product": "ATL06"}, "m"),
        ({"captools_version": "1", "product": "ATL08"}, "1"),  # whose h_rb, if any, is another
    ],
)
def test_units_that_a_file_does_not_give_are_those_of_atl06_unless_it_is_of_another(
    tmp_path, header, units
):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["h_rb"], file["t_gps"], file["tide_pole"] = np.zeros((3, 2))
        file["tide_pole"].attrs["units"] = "mm"
        file.attrs.update(header)
    with FlatFile(tmp_path / "a.h5") as file:
        assert file.attributes("h_rb")["units"] == units
        assert file.attributes("t_gps")["units"] == "seconds since 1980-01-06"
        assert file.attributes("tide_pole")["units"] == "mm"


def test_ranges_cover_the_rows_once(beams, monkeypatch):
    monkeypatch.setattr("captools.flat.reader.BLOCK_ROWS", 7)
    with FlatFile(beams[0]) as file:
        whole = file.read("h_li")
        parts = [file.read("h_li", rows) for rows in file.ranges()]
        assert max(map(len, parts)) == 7
        np.testing.assert_array_equal(np.concatenate(parts), whole)
        table = file.table(["h_li"], slice(3, 5))
        np.testing.assert_array_equal(table.columns["h_li"], whole[3:5])


def test_a_missing_column_is_named_with_those_there_are(beams):
    with FlatFile(beams[0]) as file, pytest.raises(InputError) as error:
        file.read("nonsense")
    assert str(beams[0]) in str(error.value)
    assert "has no column nonsense: it has dac, dh_fit_dx" in str(error.value)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda file: file.create_group("gt1l"), "no columns at its root"),
        (lambda file: file.update(a=np.zeros((2, 2))), "a is not a column"),
        (lambda file: file.update(a=b"text"), "a is not a column"),
        (lambda file: file.update(a=np.zeros(2), b=np.zeros(3)), "b has 3 rows, a has 2"),
    ],
)
def test_what_is_no_flat_file_is_refused(tmp_path, make, why):
    with h5py.File(tmp_path / "no.h5", "w") as file:
        file.update = lambda **values: [file.__setitem__(*item) for item in values.items()]
        make(file)
    with pytest.raises(InputError, match=why):
        FlatFile(tmp_path / "no.h5")


def test_a_granule_is_no_flat_file(granule):
    with pytest.raises(InputError, match="no flat file"):
        FlatFile(granule)


def test_an_identity_that_is_no_number_is_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["h_li"] = np.zeros(3)
        file.attrs["rgt"] = "seven"
    with FlatFile(tmp_path / "a.h5") as file, pytest.raises(InputError, match=r"a\.h5: its rgt"):
        file.identity("rgt")


@pytest.mark.parametrize("step", [-1, 2])
def test_a_range_with_a_step_is_refused_not_read_without_it(beams, step):
    with FlatFile(beams[0]) as file:
        for rows in (slice(0, 9, step), slice(None, None, step)):
            with pytest.raises(ValueError, match="has no step"):
                file.read("h_li", rows)
            with pytest.raises(ValueError, match="has no step"):
                file.table(rows=rows)
        assert len(file.read("h_li", slice(0, 9, 1))) == 9
