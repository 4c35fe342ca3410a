"""A table of one's own: what it may say, and what the files it describes may hold."""

import re
import shutil

import h5py
import numpy as np
import pytest
from astropy.time import Time, TimeDelta
from straightforward import said

from captools.errors import CaptoolsWarning, InputError
from captools.products import get
from captools.steps.read import read


def flat(path):
    with h5py.File(path) as file:
        return {name: one[()] for name, one in file.items()}, said(file)


OWN = """
name = "OWN"
file_name = 'own'
tracks = [""]
clock = "tai"
epoch = 2000-01-01T00:00:00
longitude = 360
[roles]
lat = "lat"
lon = "lon"
time = "t"
height = "h"
[columns]
lat = "lat"
lon = "lon"
t = "time"
range = "range"
bias = "bias"
flag = "flag"
[derived]
h = { formula = "range - bias", units = "m" }
[quality]
best = "abs(h) < 1e4 and flag & 6 == 0"
all = "abs(h) < 1e4"
"""


@pytest.fixture
def own(tmp_path):
    """A granule with packed numbers, and its table."""
    table = tmp_path / "own.toml"
    table.write_text(OWN)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["lat"] = np.array([-70.0, -70.1, -70.2, -70.3])
        file["lon"] = np.array([10.0, 190.0, 359.0, 180.0])
        file["time"] = np.arange(4.0) + 6e8
        file["range"] = np.array([1000, 2000, -32768, 3000], "i2")
        file["range"].attrs.update(scale_factor=0.1, add_offset=5.0, _FillValue=np.int16(-32768))
        file["bias"] = np.array([1.0, 2.0, 3.0, 4.0])
        file["flag"] = np.array([1, 0, 0, 4], "u1")
    return table, tmp_path / "own.h5"


def test_packed_numbers_bits_longitudes_and_another_clock(own, tmp_path):
    table, path = own
    (written,) = read(path, tmp_path / "out", product=table)
    columns, attrs = flat(written)
    np.testing.assert_allclose(columns["h"], [104.0, 203.0], rtol=1e-14)
    assert columns["lon"].tolist() == [10.0, -170.0]
    began = Time("2000-01-01", scale="tai")
    truth = (began + TimeDelta(np.array([0.0, 1.0]) + 6e8, format="sec", scale="tai")).gps
    np.testing.assert_allclose(columns["t_gps"], truth, rtol=0, atol=1e-6)
    assert (attrs["product"], attrs["height"]) == ("OWN", "h")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[quality]", "[qualities]", "qualities: is unknown"),
        ('best = "abs(h)', 'best = "abs(z)', "quality.best: there is no column z"),
        ('all = "abs(h) < 1e4"', "", "quality.all: is missing"),
        ('all = "abs(h) < 1e4"', 'all = ""', "quality.all: is empty: it must at least drop fills"),
        ('clock = "tai"', 'clock = "sun"', "clock: must be gps, tai or utc"),
        ("epoch = 2000-01-01T00:00:00", "epoch = 2000-01-01T00:00:00Z", "epoch: is what"),
        ("epoch = 2000-01-01T00:00:00", 'epoch = "2000"', "epoch: must be a date"),
        ("longitude = 360", "longitude = 90", "longitude: must be 180 or 360"),
        ('height = "h"', 'height = "hh"', "roles.height: there is no column hh"),
        ('lat = "lat"\nlon = "lon"\nt =', 'lon = "lon"\nt =', "roles.lat: there is no column lat"),
        ('flag = "flag"', 'flag = { path = "flag", axis = "m" }', "columns.flag.axis: must be"),
        ('flag = "flag"', 'flag = { axis = "n" }', "columns.flag.path: must be a path"),
        ('flag = "flag"', 'x = "flag"', "columns.x: a column is named by"),
        ('"flag"', '{ path = "f", map = "a//b" }', "columns.flag.map: must be a path below"),
        ('"flag"', '{ path = "f", map = "i", pick = 1 }', "columns.flag.map: must be a path"),
        ('"flag"', '{ path = "f", map = "i", axis = "k" }', "columns.flag.map: must be a path"),
        ('"flag"', '{ path = "f", map = 1 }', "columns.flag.map: must be text"),
        ('"flag"', '{ path = "f", fill = "0" }', "columns.flag.fill: must be a whole number or"),
        ('"flag"', '{ path = "f", fill = nan }', "columns.flag.fill: must be a finite number"),
        ("range - bias", "range - bios", "derived.h.formula: there is no column bios"),
        ("'own'", "'(own'", "file_name: is no regular expression"),
        ('tracks = [""]', "tracks = []", "tracks: must name each track"),
        ("[roles]", "[roles", "line 8"),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_key(tmp_path, old, new, why):
    path = tmp_path / "wrong.toml"
    assert old in OWN
    path.write_text(OWN.replace(old, new, 1))
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        get(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


def test_bits_of_whole_numbers_with_a_fill_in_a_formula(own, tmp_path):
    table, path = own
    table.write_text(OWN.replace("range - bias", "range - bias + (flag & 4)"))
    with h5py.File(path, "r+") as file:
        file["flag"].attrs["_FillValue"] = np.uint8(1)
    (written,) = read(path, tmp_path / "out", product=table, quality="all")
    with h5py.File(written) as file:
        assert file["h"][()].tolist() == [203.0, 305.0]  # not the row without a flag


def test_another_shape_is_refused_with_it(own, tmp_path):
    table, path = own
    with h5py.File(path, "r+") as file:
        del file["bias"]
        file["bias"] = np.zeros((4, 2))
    with pytest.raises(InputError, match=r"bias: is not a column .* has the shape \(4, 2\)"):
        read(path, tmp_path / "out", product=table)


def test_a_rule_whose_column_is_absent_is_an_error(own, tmp_path):
    table, path = own
    with h5py.File(path, "r+") as file:
        del file["flag"]
    with pytest.raises(InputError, match=r"flag: is missing: .*, or use --quality all$"):
        read(path, tmp_path / "out", product=table)
    with pytest.warns(CaptoolsWarning, match="left out: flag$"):
        read(path, tmp_path / "out", product=table, quality="all")


@pytest.mark.parametrize("quality", ["all", "range"])
def test_all_is_not_offered_where_it_needs_the_column_too(own, tmp_path, quality):
    table, path = own
    table.write_text(
        OWN.replace('t = "time"', 't = "time"\nwide = "width"') + 'range = "wide > 1"\n'
    )
    table.write_text(table.read_text().replace('all = "abs(h)', 'all = "wide > 0 and abs(h)'))
    with pytest.raises(InputError) as refused:
        read(path, tmp_path / "out", product=table, quality=quality)
    assert str(refused.value) == f"{path}: width: is missing: order the granule with this variable"


def test_what_a_computed_column_lacks_is_named(own, tmp_path):
    table, path = own
    table.write_text(
        OWN.replace('height = "h"', 'height = "range"').replace("abs(h)", "abs(range)")
    )
    table.write_text(table.read_text() + 'narrow = "h < 1"\n')
    with h5py.File(path, "r+") as file:
        del file["bias"]
    with pytest.raises(InputError, match=r": bias: is missing: .*, or use --quality all$"):
        read(path, tmp_path / "out", product=table, quality="narrow")


def test_regions_and_unwanted_granules_go_by_the_names_of_the_table(own, tmp_path, run):
    table, path = own
    table.write_text(OWN.replace("'own'", r"'own_(?P<region>\d\d)_\d'"))
    (tmp_path / "granules").mkdir()
    for name in ("own_10_1", "own_11_2", "processed_own_11_3", "other"):
        shutil.copy(path, tmp_path / "granules" / f"{name}.h5")
    (tmp_path / "unwanted.txt").write_text("folder/processed_own_11_2.h5\n")
    choice = ("-g", "11", "-l", tmp_path / "unwanted.txt")
    words = (tmp_path / "granules", "-o", tmp_path / "out", "--product", table, *choice)
    assert run("read", *words).exit_code == 0
    written = sorted(path.name for path in (tmp_path / "out").glob("*.h5"))
    assert written == ["other.h5", "processed_own_11_3.h5"]


def test_a_file_of_no_product_says_so(own, tmp_path):
    _, path = own
    why = "has no short_name, nor a name of a product; known are ATL06, ATL08, ATL11, others need"
    with pytest.raises(InputError, match=re.escape(f"{path}: {why} --product my.toml")):
        read(path, tmp_path / "out")


# --- values of a lower rate, fills ---------------------------------------------------

MORE = """
tide = { path = "low/tide", map = "at" }
surface = { path = "low/surface", map = "at" }
power = { path = "power", fill = -999999 }
mode = { path = "mode", fill = 9 }
[derived]"""


@pytest.fixture
def low(own):
    """A granule with two values a second beside four, and its table; two rows are good."""
    table, path = own
    table.write_text(OWN.replace("[derived]", MORE.lstrip("\n")).replace(" and flag & 6 == 0", ""))
    with h5py.File(path, "r+") as file:
        file["at"] = np.array([1, 0, 0, 1], "i2")
        file["low/tide"] = np.array([250, -50], "i4")
        file["low/tide"].attrs["scale_factor"] = np.array([0.01])
        file["low/surface"] = np.array([3, 4], "i1")
        file["power"] = np.array([1.5, -999999, 2.5, 3.5], "f4")
        file["mode"] = np.array([9, 1, 2, 8], "u1")
    return table, path


def changed(path, name, values, **attrs):
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = values
        file[name].attrs.update(attrs)


def fills(path):
    with h5py.File(path) as file:
        return {
            name: one.attrs["_FillValue"] for name, one in file.items() if "_FillValue" in one.attrs
        }


def test_values_of_a_lower_rate_are_mapped_to_the_rows(low, tmp_path):
    table, path = low
    (written,) = read(path, tmp_path / "out", product=table)
    columns, attrs = flat(written)
    assert columns["lat"].tolist() == [-70.0, -70.1, -70.3]
    np.testing.assert_allclose(columns["tide"], [-0.5, 2.5, -0.5], rtol=1e-14)
    assert columns["surface"].tolist() == [4, 3, 4]
    assert columns["surface"].dtype == "i1"
    assert attrs.get("applied") is None  # the table states none


def test_a_fill_of_the_table_counts_where_the_granule_names_none(low, tmp_path):
    table, path = low
    (written,) = read(path, tmp_path / "out", product=table)
    columns, _ = flat(written)
    np.testing.assert_array_equal(columns["power"], np.array([1.5, np.nan, 3.5], "f4"))
    assert columns["power"].dtype == "f4"
    assert columns["mode"].tolist() == [9, 1, 8]
    assert fills(written) == {"mode": 9}
    changed(path, "mode", np.array([9, 1, 2, 8], "u1"), missing_value=np.uint8(1))
    changed(path, "power", np.array([1.5, -999999, 2.5, 3.5]), _FillValue=3.5)
    (written,) = read(path, tmp_path / "out", product=table)
    assert fills(written) == {"mode": 1}
    np.testing.assert_array_equal(flat(written)[0]["power"], [1.5, -999999, np.nan])


def test_rows_without_an_index_have_no_value(low, tmp_path):
    table, path = low
    changed(path, "at", np.array([-1, 0, 0, 1], "i2"), _FillValue=np.int16(-1))
    with pytest.raises(InputError, match=r"low/surface: cannot be read .*there is no fill value"):
        read(path, tmp_path / "out", product=table)
    changed(path, "low/surface", np.array([3, 4], "i1"), _FillValue=np.int8(-7))
    (written,) = read(path, tmp_path / "out", product=table)
    columns, _ = flat(written)
    np.testing.assert_allclose(columns["tide"], [np.nan, 2.5, -0.5], rtol=1e-14)
    assert columns["surface"].tolist() == [-7, 3, 4]
    assert fills(written) == {"surface": -7, "mode": 9}


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("at", np.array([2, 0, 0, 1], "i2"), "low/tide: cannot be read (the index names others"),
        ("at", np.array([1, 0, 0, -1], "i2"), "low/tide: cannot be read (the index names others"),
        ("at", np.array([1, 0, 0], "i2"), "at: has 3 rows where the beam has 4"),
        ("at", np.array([1.0, 0, 0, 1]), "low/tide: is mapped by what is no index (float64)"),
        (
            "at",
            np.zeros((4, 1), "i2"),
            "at: is not a column (a dataset with one dimension) but has",
        ),
        ("low/tide", np.zeros((2, 2)), "low/tide: is not a column (a dataset with one dimension)"),
        ("mode", np.zeros((4, 1), "u1"), "mode: is not a column (a dataset with one dimension)"),
    ],
)
def test_what_cannot_be_mapped_is_refused(low, tmp_path, name, values, why):
    table, path = low
    changed(path, name, values)
    with pytest.raises(InputError, match=re.escape(why)):
        read(path, tmp_path / "out", product=table)


def test_a_column_whose_index_is_missing_is_missing(low, tmp_path):
    table, path = low
    with h5py.File(path, "r+") as file:
        del file["at"]
    with pytest.warns(CaptoolsWarning, match="left out: tide, surface$"):
        (written,) = read(path, tmp_path / "out", product=table)
    assert "tide" not in flat(written)[0]
    with pytest.raises(InputError, match=": at: is missing"):
        read(path, tmp_path / "out", product=table, strict=True)


@pytest.mark.parametrize(
    ("values", "fill"), [("i1", -999999), ("u1", -1), ("i4", 0.5), ("f4", 1e300), ("?", 2)]
)
def test_a_fill_that_does_not_fit_is_refused(low, tmp_path, values, fill):
    table, path = low
    table.write_text(table.read_text().replace("fill = 9", f"fill = {fill}"))
    changed(path, "mode", np.zeros(4, values))
    why = f"mode: is of {np.dtype(values)}, which the fill {fill} of its table does not fit"
    with pytest.raises(InputError, match=re.escape(why)):
        read(path, tmp_path / "out", product=table)


# --- shapes ------------------------------------------------------------------------

GRID = """
name = "GRID"
file_name = 'grid'
tracks = [""]
clock = "gps"
epoch = 2000-01-01T00:00:00
[roles]
lat = "lat"
lon = "lon"
time = "t"
height = "h"
[columns]
lat = "lat"
lon = "lon"
h = { path = "h", axis = "nk" }
t = { path = "t", axis = "nk" }
cycle = { path = "cycle", axis = "k" }
s = { path = "s", axis = "nk" }
p = { path = "p", pick = 3 }
[quality]
best = "abs(h) < 1e4"
all = "abs(h) < 1e4"
"""


@pytest.mark.parametrize(
    ("name", "shape", "why"),
    [
        ("h", (5,), "h: has the shape (5,), not (n, k)"),
        ("h", (4, 2), "h: has the shape (4, 2), not (5, 2)"),
        ("t", (5, 3), "t: has the shape (5, 3), not (5, 2)"),
        ("s", (4, 2), "s: has the shape (4, 2), not (5, 2)"),
        ("s", (5, 3), "s: has the shape (5, 3), not (5, 2)"),
        ("s", (5, 2, 1), "s: has the shape (5, 2, 1), not (n, k)"),
        ("s", (10,), "s: has the shape (10,), not (n, k)"),
        ("p", (4, 4), "p: has the shape (4, 4), not (5, 4)"),
        ("p", (5, 3), "p: has the shape (5, 3): there is no column 3"),
        ("p", (5,), "p: has the shape (5,), not (n, k)"),
        ("cycle", (3,), "cycle: has the shape (3,), not (2,)"),
        ("lat", (5, 2), "lat: is not a column (a dataset with one dimension) but has the shape"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused_with_it(tmp_path, name, shape, why):
    (tmp_path / "grid.toml").write_text(GRID)
    shapes = {"lat": (5,), "lon": (5,), "h": (5, 2), "t": (5, 2), "s": (5, 2), "p": (5, 4)}
    shapes |= {"cycle": (2,), name: shape}
    with h5py.File(tmp_path / "grid.h5", "w") as file:
        for one, what in shapes.items():
            file[one] = np.ones(what)
    with pytest.raises(InputError, match=re.escape(why)):
        read(tmp_path / "grid.h5", tmp_path / "out", product=tmp_path / "grid.toml")
