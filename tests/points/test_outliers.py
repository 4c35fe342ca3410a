"""Outliers: those of a plain loop over cells, and those that were planted."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from straightforward import read_flat

from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.steps.filter import filter as filter_file


def write(folder, columns, attributes=None):
    """Write a flat file with a column `number` that counts the rows."""
    columns = columns | {"number": np.arange(len(columns["x"]))}
    with FlatWriter(folder) as batch:
        batch.write("points.h5", Table(columns, attributes or {}, {"captools_version": "0"}))
    return folder / "points.h5"


def terrain(count, seed):
    """Return points on a slope of 2 % with noise of 0.1 m, within 12 km and two years."""
    random = np.random.default_rng(seed)
    x, y = random.uniform(-6e3, 6e3, (2, count))
    h = 500 + 0.02 * x - 0.01 * y + random.normal(0, 0.1, count)
    return {"x": x, "y": y, "t_year": random.uniform(2019, 2021, count), "h_li": h}


def kept(path, folder, **options):
    """Return the numbers of the rows that `filter` keeps."""
    written = filter_file(path, folder / "out", outliers="h_li", **options)
    return read_flat(written[0])["number"].tolist() if written else []


# --- the truth: a plain loop --------------------------------------------------------


def plane(x, y, z):
    """Return the heights above a robust plane, by least squares with weights, row by row."""
    x, y = x - x.mean(), y - y.mean()
    size = np.hypot(x, y).max() or 1.0
    terms = np.column_stack([np.ones(len(x)), x / size, y / size])
    z = z - np.median(z)
    weights = np.ones(len(x))
    for turn in range(20):
        root = np.sqrt(weights)
        above = z - terms @ np.linalg.lstsq(terms * root[:, None], z * root, rcond=1e-5)[0]
        size_of = np.abs(above)
        if turn < 10:
            weights = 1 / np.maximum(size_of, 1e-3 * size_of.mean())
        else:
            share = size_of / (4.685 * 1.4826 * np.median(size_of))
            weights = np.where(share < 1, (1 - share**2) ** 2, 0)
    return above


def medians(x, y, z, width):
    """Return the heights above the median of the rows in nine squares, row by row."""
    column, row = x // (width / 9), y // (width / 9)
    return np.array(
        [
            z[at] - np.median(z[(abs(column - column[at]) <= 1) & (abs(row - row[at]) <= 1)])
            for at in range(len(z))
        ]
    )


def plain(rows, cell, radius, window, nmad, max_abs, detrend, min_obs, sparse):
    """Return the numbers of the rows that stay."""
    x, y, t, z = (rows[name].astype("f8") for name in ("x", "y", "t_year", "h_li"))
    width = cell * 1e3
    known = np.isfinite(x) & np.isfinite(y) & np.isfinite(t) & np.isfinite(z)
    gone = np.zeros(len(x), bool)
    places = {(x[at] // width, y[at] // width, t[at] // window) for at in np.flatnonzero(known)}
    for column, row, part in places:
        own = known & (x // width == column) & (y // width == row) & (t // window == part)
        there = own
        if radius:
            away = np.hypot(x - (column + 0.5) * width, y - (row + 0.5) * width)
            there = known & (t // window == part) & ((away <= radius * 1e3) | own)
        if there.sum() < min_obs:
            gone[own] = sparse == "drop"
            continue
        above = z[there]
        if detrend == "plane":
            above = plane(x[there], y[there], above)
        if detrend == "median":
            above = medians(x[there], y[there], above, width)
        distance = np.abs(above - np.median(above))
        far = (distance > nmad * 1.4826 * np.median(distance)) | (distance > max_abs)
        gone[np.flatnonzero(there)[far]] |= own[there][far]
    return np.flatnonzero(~gone).tolist()


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 250),
    st.integers(0, 99),
    st.sampled_from([(3.0, None), (3.0, 2.2), (2.0, 3.0), (1.0, 4.5)]),
    st.sampled_from([0.5, 5.0]),
    st.sampled_from([3.0, 6.0]),
    st.sampled_from([np.inf, 10.0]),
    st.sampled_from(["none", "plane", "median"]),
    st.sampled_from([8, 20]),
    st.sampled_from(["keep", "drop"]),
)
def test_outliers_are_those_of_a_plain_loop(
    tmp_path_factory, count, seed, size, window, nmad, max_abs, detrend, min_obs, sparse
):
    folder = tmp_path_factory.mktemp("outliers")
    columns = terrain(count, seed)
    random = np.random.default_rng(seed)
    columns["h_li"][random.random(count) < 0.1] += 40
    columns["h_li"][random.random(count) < 0.05] = np.nan
    options = {"window": window, "nmad": nmad, "detrend": detrend, "min_obs": min_obs}
    options |= {"cell": size[0], "radius": size[1], "sparse": sparse}
    limit = {} if max_abs == np.inf else {"max_abs": max_abs}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("captools.flat.reader.BLOCK_ROWS", 64)
        patch.setattr("captools.points.outliers.BUCKET_ROWS", 64)
        found = kept(write(folder, columns), folder, **options, **limit)
    assert found == plain(columns, max_abs=max_abs, **options)
    assert [one.name for one in folder.glob("out/.*")] == []


# --- planted outliers -----------------------------------------------------------------


@pytest.mark.parametrize("detrend", ["plane", "median"])
@pytest.mark.parametrize("radius", [None, 4.0])
def test_planted_outliers_are_found_on_a_slope_and_no_others(tmp_path, detrend, radius):
    columns = terrain(4000, 1)
    planted = np.random.default_rng(2).choice(4000, 120, replace=False)
    # Eight metres: less than the slope raises a cell, but eighty times the noise.
    columns["h_li"][planted] += np.where(planted % 2, 8, -8)
    width = 3.0 if detrend == "plane" else 1.0
    options = {"cell": width if radius is None else 3.0, "radius": radius, "window": 5.0}
    stay = kept(write(tmp_path, columns), tmp_path, detrend=detrend, **options)
    rest = set(range(4000)) - set(stay)
    if detrend == "plane":
        assert rest == set(planted.tolist())
        bare = kept(write(tmp_path / "b", columns), tmp_path / "b", **options)
        assert len(bare) > len(stay)  # without a surface the slope hides them
    else:
        assert not rest - set(planted.tolist())


def test_a_bowl_needs_the_median_surface(tmp_path):
    random = np.random.default_rng(3)
    x, y = random.uniform(0, 3e3, (2, 8000))
    h = 100 * np.sin(x / 700) * np.cos(y / 700) + random.normal(0, 0.1, 8000)
    planted = random.choice(8000, 40, replace=False)
    h[planted] += 300
    columns = {"x": x, "y": y, "t_year": np.full(8000, 2020.0), "h_li": h}
    path = write(tmp_path, columns)
    by_median = set(range(8000)) - set(kept(path, tmp_path, detrend="median"))
    by_plane = set(range(8000)) - set(kept(path, tmp_path, detrend="plane"))
    assert by_median == set(planted.tolist())
    assert not by_plane  # 300 m are less than ten times the spread of the bowl


def test_a_plane_without_noise_has_no_outliers_but_those_planted(tmp_path):
    columns = terrain(500, 4)
    columns["h_li"] = 3000 + 0.02 * columns["x"] - 0.01 * columns["y"]
    columns["h_li"][[7, 99]] += 0.5
    stay = kept(write(tmp_path, columns), tmp_path, detrend="plane", window=5.0, min_obs=5)
    assert set(range(500)) - set(stay) == {7, 99}


def test_a_single_track_has_a_plane_too(tmp_path):
    x = np.arange(0, 3000.0, 20)
    columns = {"x": x, "y": x / 2, "t_year": np.full(150, 2020.0)}
    columns["h_li"] = 100 + 0.05 * x + np.random.default_rng(5).normal(0, 0.05, 150)
    columns["h_li"][[0, 75, 149]] += [-4, 4, 4]
    stay = kept(write(tmp_path, columns), tmp_path, detrend="plane")
    assert set(range(150)) - set(stay) == {0, 75, 149}


def test_an_absolute_limit_counts_where_the_spread_is_wide(tmp_path):
    columns = terrain(400, 6)
    columns["h_li"] = np.random.default_rng(6).normal(0, 20, 400)
    columns["h_li"][3] = 90
    path = write(tmp_path, columns)
    options = {"cell": 50.0, "window": 5.0}
    far = np.flatnonzero(np.abs(columns["h_li"] - np.median(columns["h_li"])) > 60)
    assert kept(path, tmp_path, **options) == list(range(400))
    stay = kept(path, tmp_path, max_abs=60.0, **options)
    cells = {(x // 5e4, y // 5e4) for x, y in zip(columns["x"], columns["y"], strict=True)}
    assert len(cells) == 4
    assert 3 not in stay
    assert len(stay) <= 400 - len(far) // 2
    assert stay == plain(columns, 50.0, None, 5.0, 10.0, 60.0, "none", 25, "keep")


@pytest.mark.parametrize("detrend", ["none", "plane", "median"])
def test_what_is_missing_neither_spoils_a_median_nor_goes(tmp_path, detrend):
    columns = terrain(200, 7)
    columns |= {name: columns[name] / 10 + 1000 for name in ("x", "y")}  # one cell
    columns["t_year"][:] = 2020.1
    columns["h_li"] = np.random.default_rng(7).integers(-3, 4, 200).astype("i2")
    columns["h_li"][150:] = 32767
    columns["h_li"][5] = 900
    about = {"h_li": {"units": "m", "long_name": "h", "_FillValue": np.int16(32767)}}
    rest = [at for at in range(200) if at != 5]
    assert kept(write(tmp_path / "i", columns, about), tmp_path / "i", detrend=detrend) == rest
    columns["h_li"] = columns["h_li"].astype("f4")
    columns["h_li"][150:] = np.resize([np.nan, np.inf, -np.inf], 50)
    assert kept(write(tmp_path / "f", columns), tmp_path / "f", detrend=detrend) == rest
    columns["x"][:30] = np.nan
    columns["t_year"][30:40] = np.inf
    rest = list(range(200))  # row 5 has no place now
    assert kept(write(tmp_path / "p", columns), tmp_path / "p", detrend=detrend) == rest


# --- options --------------------------------------------------------------------------


def test_the_header_says_the_options_that_were_given(tmp_path):
    path = write(tmp_path, terrain(50, 8))
    expected = {"cell": 3.0, "column": "h_li", "min_obs": 25, "nmad": 10.0, "sparse": "keep"}
    expected["window"] = 0.5
    given = {"radius": 2.0, "detrend": "plane", "max_abs": 9.0}
    for options, more in (({}, {}), (given, given | {"cell": 2.0})):
        (out,) = filter_file(path, tmp_path / "out", outliers="h_li", **options)
        with h5py.File(out) as file:
            said = json.loads(file.attrs["options"])
        assert said == {"outliers": expected | more, "compression": "none"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": 2.0}, "--cell: say with --outliers of which column"),
        ({"max_abs": 2.0, "sparse": "drop"}, "--max-abs, --sparse: say with --outliers"),
        ({"outliers": "h_li", "radius": 2.0, "cell": 3.0}, "a radius of 2 km does not go with"),
        ({"outliers": "h_li", "radius": 31.0, "cell": 3.0}, "at most 10 cells"),
        ({"outliers": "h_li", "detrend": "cubic"}, "outliers cannot be found with"),
        ({"outliers": "h_li", "max_abs": -1.0}, "outliers cannot be found with"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, options, message):
    path = write(tmp_path, terrain(5, 9))
    with pytest.raises(ValueError, match=message):
        filter_file(path, tmp_path / "out", **options)
