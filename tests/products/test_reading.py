"""Reading products that are but a table: against a plain h5py loop, on real files and made ones."""

import re
import shutil
from pathlib import Path

import fsspec
import h5py
import numpy as np
import pytest
from straightforward import said

from captools.errors import CaptoolsWarning, InputError
from captools.flat.reader import FlatFile
from captools.io import ranges
from captools.products import Product, get, known
from captools.steps.filter import filter
from captools.steps.merge import merge
from captools.steps.read import read
from captools.steps.readatl06 import readatl06

POINTS, CYCLES = 60, 3


def flat(path):
    with h5py.File(path) as file:
        columns = {name: one[()] for name, one in file.items() if isinstance(one, h5py.Dataset)}
        return columns, said(file)


def column_values(product: Product, name: str, shape, rng):
    """Return values that the roles and rules of a product are at ease with."""
    along = np.arange(POINTS, dtype="f8")
    if name == product.lat:
        return -75 - along / 100
    if name == product.lon:
        return 10 + along / 100
    if name == product.order and name != product.time:
        return (along * 3).astype("i4")
    if name == product.time:
        return (1e7 + along.reshape((-1,) + (1,) * (len(shape) - 1)) + np.zeros(shape)) * 1.0
    if name == product.height:
        return rng.normal(1000, 10, shape).astype("f4")
    if name == "cycle" and len(shape) == 1 and shape[0] == CYCLES:
        return np.arange(3, 3 + CYCLES, dtype="i1")
    return rng.integers(0, 2, shape).astype("i2")


def make_granule(folder: Path, product: Product) -> tuple[Path, dict]:
    """Write a granule from nothing but a table; return it with the values of every track."""
    rng = np.random.default_rng(1)
    path, truth = folder / "made.h5", {}
    with h5py.File(path, "w") as file:
        file.attrs["short_name"] = product.short_name
        for track in product.tracks:
            truth[track] = {}
            for column in product.all_columns:
                where = product.where(track, column.path)
                shape = {"n": (POINTS,), "nk": (POINTS, CYCLES), "k": (CYCLES,)}[column.axis]
                if column.pick is not None:
                    shape = (POINTS, 18)
                if where not in file:
                    file[where] = column_values(product, column.name, shape, rng)
                    if column.name == product.height:
                        file[where][:7] = np.finfo("f4").max
                truth[track][column.name] = file[where][()]
        identify(file, product)
    return path, truth


def identify(file: h5py.File, product: Product) -> None:
    """Write the numbers that set the tracks of a product apart: 5 each."""
    for source in product.identity.values():
        if source.startswith("@"):
            for track in product.tracks:
                file[track].attrs[source[1:]] = b"5"
        elif source:
            file[source] = np.array([5], "i2")


def expected(product: Product, truth: dict, at: tuple[int, int]) -> dict:
    """Return one row: of a point, and, where there are several to a point, of a cycle."""
    row = {}
    for column in product.all_columns:
        values = truth[column.name]
        index = {"n": at[0], "nk": at, "k": at[1]}[column.axis]
        index = (at[0], column.pick) if column.pick is not None else index
        row[column.name] = values[index]
    return row


@pytest.mark.parametrize("name", [product.name for product in known()])
def test_a_granule_made_of_a_table_is_read_value_by_value(tmp_path, name):
    product = get(name)
    path, truth = make_granule(tmp_path, product)
    written = read(
        path, tmp_path / "out", product=name, variables=",".join(product.presets) or None
    )
    assert len(written) == len(product.tracks)
    for output, track in zip(written, product.tracks, strict=True):
        columns, attrs = flat(output)
        rows = []
        for point in range(POINTS):
            for cycle in range(CYCLES if product.is_exploded else 1):
                row = expected(product, truth[track], (point, cycle))
                if eval(product.quality["best"].words, {"abs": abs}, row):
                    rows.append(row)
        assert 0 < len(rows) < POINTS * CYCLES
        for column in product.all_columns:
            np.testing.assert_array_equal(columns[column.name], [row[column.name] for row in rows])
        assert attrs["product"] == name
        assert attrs["height"] == product.height
        assert attrs["identity"] == ",".join(product.identity)
        np.testing.assert_array_equal(
            columns["t_gps"], [row[product.time] + 1198800018.0 for row in rows]
        )
        assert ("is_asc" in columns) == bool(product.order)
        assert not columns.get("is_asc", np.array(False)).any()  # southwards


def test_a_fill_of_whole_numbers_meets_no_rule(tmp_path):
    path, _ = make_granule(tmp_path, get("ATL08"))
    fill, few = np.iinfo("i4").max, np.arange(POINTS, dtype="i4") % 3  # 0, 1, 2, 0, ...
    few[few == 2] = fill
    with h5py.File(path, "r+") as file:
        for track in get("ATL08").tracks:
            group = file[f"{track}/land_segments"]
            for name in ("canopy/h_canopy_uncertainty", "msw_flag", "h_dif_ref"):
                group[name][...] = 0
            group["segment_snowcover"][...] = 1
            del group["n_seg_ph"]
            group["n_seg_ph"] = few
            group["n_seg_ph"].attrs["_FillValue"] = np.int32(fill)
    written = read(path, tmp_path / "out", product="ATL08", quality="canopy")
    at = [point for point in range(7, POINTS) if point % 3 == 1]  # the first seven have no height
    for output in written:
        columns, _ = flat(output)
        assert columns["n_ph"].tolist() == [1] * len(at)
        np.testing.assert_array_equal(columns["lat"], [-75 - point / 100 for point in at])


def test_numbers_that_a_granule_has_nowhere_are_left_out_and_not_zero(tmp_path):
    made, _ = make_granule(tmp_path, get("ATL08"))
    paths = [
        tmp_path / name for name in ("a.h5", "b.h5", "ATL08_20200101000000_07770310_006_01.h5")
    ]
    for path in paths:
        shutil.copy(made, path)
        with h5py.File(path, "r+") as file:
            del file["orbit_info/rgt"]
            if path.name == "b.h5":
                del file["orbit_info/cycle_number"]
    why = "left out, being neither in the file nor in its name: "
    with pytest.warns(CaptoolsWarning, match=f"^a.h5: {why}rgt$"):
        (first, *_) = read(paths[0], tmp_path / "out", product="ATL08")
    with pytest.warns(CaptoolsWarning, match=f"^b.h5: {why}rgt, cycle$"):
        (second, *_) = read(paths[1], tmp_path / "out", product="ATL08", layout="granule")
    (third, *_) = read(paths[2], tmp_path / "out", product="ATL08")
    headers = [flat(path)[1] for path in (first, third)]
    assert [header["identity"] for header in headers] == ["cycle,spot", "rgt,cycle,spot"]
    assert [header.get("rgt") for header in headers] == [None, 777]
    assert {"rgt", "cycle"}.isdisjoint(flat(second)[0])
    merge([first], tmp_path / "one.h5")
    assert "rgt" not in flat(tmp_path / "one.h5")[0]
    with pytest.raises(InputError, match=r"only the second has rgt \(--common"):
        merge([first, third], tmp_path / "two.h5")


def test_a_number_that_a_track_has_nowhere_is_an_error(tmp_path):
    path, _ = make_granule(tmp_path, get("ATL11"))
    with h5py.File(path, "r+") as file:
        del file["pt2"].attrs["beam_pair"]
    why = f"{path}: pt2: pair is neither in the file nor its name"
    with pytest.raises(InputError, match=f"^{re.escape(why)}$"):
        read(path, tmp_path / "out", product="ATL11")
    assert not list((tmp_path / "out").glob("*"))


def test_atl08_is_as_a_plain_loop_reads_it(real_data, tmp_path):
    path = real_data / "wrong-product" / "atl08_clip.h5"
    (written,) = read(path, tmp_path, variables="terrain,canopy,dem")
    columns, attrs = flat(written)
    assert (attrs["product"], attrs["height"], attrs["identity"]) == (
        *("ATL08", "h_te"),
        "rgt,cycle,spot",
    )
    assert (attrs["rgt"], attrs["cycle"], attrs["spot"]) == (150, 15, 2)
    with h5py.File(path) as file:
        segments = file["gt1r/land_segments"]
        height, away = segments["terrain/h_te_best_fit"][()], segments["h_dif_ref"][()]
        keep = (np.abs(height) < 1e4) & (np.abs(away) < 25)
        for column in get("ATL08").all_columns:
            values = segments[column.path][()]
            values = values if column.pick is None else values[:, column.pick]
            if values.dtype.kind == "f":
                values[values == np.finfo(values.dtype).max] = np.nan
            assert columns[column.name].dtype == values.dtype
            np.testing.assert_array_equal(columns[column.name], values[keep], column.name)


def test_atl11_has_a_row_for_each_point_and_cycle_with_a_height(real_data, tmp_path):
    (path,) = (real_data / "products").glob("ATL11*")
    with pytest.warns(CaptoolsWarning, match="columns missing and left out: dac in pt2"):
        (written,) = read(path, tmp_path)
    columns, attrs = flat(written)
    assert (attrs["rgt"], attrs["pair"], attrs["identity"]) == (788, 2, "rgt,cycle,pair")
    rows = []
    with h5py.File(path) as file:
        heights, surface = file["pt2/corrected_h"], file["pt2/ref_surf/quality_summary"][()]
        data = {name: heights[name][()] for name in heights}
    for point in range(1404):
        for number, cycle in enumerate(data["cycle_number"]):
            if np.isfinite(data["h_corr"][point, number]) and surface[point] == 0:
                rows.append(
                    (
                        data["ref_pt"][point],
                        cycle,
                        data["h_corr"][point, number],
                        data["latitude"][point],
                        data["delta_time"][point, number],
                    )
                )
    names = ("ref_pt", "cycle", "h_corr", "lat", "t_dt")
    for name, values in zip(names, zip(*rows, strict=True), strict=True):
        np.testing.assert_array_equal(columns[name], values, name)
    third, fourth = (
        dict(zip(columns["ref_pt"][at], columns["h_corr"][at], strict=True))
        for at in (columns["cycle"] == 3, columns["cycle"] == 4)
    )
    change = np.median([fourth[point] - third[point] for point in third.keys() & fourth.keys()])
    assert change == pytest.approx(-0.855, abs=0.002)


@pytest.mark.parametrize("bbox", [None, (-180, 180, -75.3, -75.1)])
def test_atl11_on_a_server_is_as_on_a_disk(tmp_path, monkeypatch, bbox):
    monkeypatch.setattr(ranges, "SMALL_BYTES", 0)  # no file is small enough to come as a whole
    path, _ = make_granule(tmp_path, get("ATL11"))
    with fsspec.open("memory://made.h5", "wb") as file:
        file.write(path.read_bytes())
    near = read(path, tmp_path / "near", bbox=bbox, variables="atc")
    far = read("memory://made.h5", tmp_path / "far", bbox=bbox, variables="atc")
    assert len(near) == len(far) == 3
    for one, other in zip(near, far, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_crossings_of_atl11_come_on_request(real_data, tmp_path):
    (path,) = (real_data / "products").glob("ATL11*")
    with pytest.warns(CaptoolsWarning, match="missing and left out"):
        (written,) = read(path, tmp_path, product="ATL11_CROSSINGS")
    columns, _ = flat(written)
    with h5py.File(path) as file:
        data = {name: one[()] for name, one in file["pt2/crossing_track_data"].items()}
    keep = np.isfinite(data["h_corr"]) & (data["atl06_quality_summary"] == 0)
    np.testing.assert_array_equal(columns["h_corr"], data["h_corr"][keep])
    np.testing.assert_array_equal(columns["rgt"], data["rgt"][keep])


def test_the_header_names_the_height_as_the_file_does(granule, tmp_path):
    written = readatl06(granule, tmp_path, dialect="captoolkit")[0]
    assert flat(written)[1]["height"] == "h_elv"
    with FlatFile(written) as file:
        assert file.height == file.attrs["height"] == "h_li"
    written = readatl06(granule, tmp_path, variables="dac")[0]
    assert "height" not in flat(written)[1]
    with FlatFile(written) as file:
        assert file.identity_names == ("rgt", "cycle", "spot")


def test_files_of_other_products_are_merged_and_filtered_by_their_own_heights(tmp_path):
    product = get("ATL11")
    path, _ = make_granule(tmp_path, product)
    written = read(path, tmp_path / "out", product="ATL11")
    filter(written[0], tmp_path / "good", outliers="height", min_obs=1)
    assert flat(tmp_path / "good" / written[0].name)[1]["height"] == "h_corr"
    list(merge(written, output=tmp_path / "all.h5"))
    columns, attrs = flat(tmp_path / "all.h5")
    assert {"rgt", "cycle", "pair"} < set(columns)
    assert "spot" not in columns
    assert (attrs["product"], attrs["height"], attrs["identity"]) == (
        *("ATL11", "h_corr"),
        "rgt,cycle,pair",
    )


def test_an_unknown_product_is_refused_by_name(real_data, tmp_path):
    (path,) = (real_data / "wrong-product").glob("*ATL07*")
    with pytest.raises(InputError, match=r"is ATL07; known are ATL06, ATL08, ATL11, others need"):
        read(path, tmp_path)


CRYOSAT = """
name = "CS2_L2I"
file_name = 'SIR_LRMI2__(?P<start>\\d{8})T'
tracks = [""]
clock = "tai"
epoch = 2000-01-01T00:00:00
applied = ["slope", "tide_earth"]
[roles]
lat = "lat"
lon = "lon"
time = "t"
height = "h"
[columns]
lat = "lat_poca_20_ku"
lon = "lon_poca_20_ku"
t = "time_20_ku"
h = "height_1_20_ku"
surface = "surf_type_20_ku"
dac = { path = "hf_fluct_total_cor_01", map = "ind_meas_1hz_20_ku" }
[quality]
best = "abs(h) < 1e4 and flag & 4096 == 0"
all = "abs(h) < 1e4"
[presets.flags]
flag = "flag_quality_20_ku"
[identity]
cycle = "@cycle_number"
orbit = "@abs_orbit_number"
"""


def test_cryosat_is_as_a_plain_loop_reads_it(real_data, tmp_path):
    (path,) = (real_data / "products").glob("CS_LTA*.nc")
    (tmp_path / "cryosat.toml").write_text(CRYOSAT)
    (written,) = read(path, tmp_path / "out", product=tmp_path / "cryosat.toml")
    columns, attrs = flat(written)
    rows = []
    with h5py.File(path) as file:
        lat, height = file["lat_poca_20_ku"], file["height_1_20_ku"]
        dac, at = file["hf_fluct_total_cor_01"], file["ind_meas_1hz_20_ku"][()]
        flag, fill = file["flag_quality_20_ku"][()], height.attrs["_FillValue"][0]
        for row, stored in enumerate(height[()]):
            if stored != fill and not flag[row] & 4096:
                # 20 measurements of a second have the same correction.
                packed = dac[at[row]] * dac.attrs["scale_factor"][0]
                rows.append((lat[row] * 1e-7, stored * 1e-3, packed, file["surf_type_20_ku"][row]))
        numbers = [int(file.attrs[name].item()) for name in ("cycle_number", "abs_orbit_number")]
    assert 2000 < len(rows) < 2315
    for name, values in zip(("lat", "h", "dac", "surface"), zip(*rows, strict=True), strict=True):
        np.testing.assert_allclose(columns[name], values, rtol=1e-14, err_msg=name)
    assert len(set(columns["dac"])) > 10
    assert [attrs["cycle"], attrs["orbit"]] == numbers
    assert attrs["applied"] == "slope,tide_earth"
    with h5py.File(written) as file:
        assert file["surface"].attrs["_FillValue"] == -128
        assert "_FillValue" not in file["dac"].attrs
