"""Windows in a row are what DASCore makes of the whole record."""

import warnings

import numpy as np
import pytest
from pieces import need_dascore

from captools.das.chaining import Asked, chain_inputs, write_windows
from captools.das.choice import Choice
from captools.das.examining import examine
from captools.das.scanning import Scan
from captools.errors import InputError
from captools.simulation.das_files import Block, write_dasdae, write_plain

dascore = need_dascore()
RATE, START = 200, 1_635_808_260_000_000_000  # 2021-11-01T23:11


def made(samples, dtype="f4", channels=6, seed=2):
    """Noise that drifts and has an offset, shape (time, channel)."""
    noise = np.random.default_rng(seed).normal(size=(samples, channels)) * 100
    return (noise + 300 * np.sin(np.arange(samples)[:, np.newaxis] / 900) + 50).astype(dtype)


def cut(folder, samples, edges, write=write_dasdae, missing=()):
    """Write samples in pieces, and return what they are; pieces that are missing have no file."""
    distances = 10.0 + 2.0 * np.arange(samples.shape[1])
    found = []
    for number, (first, stop) in enumerate(zip([0, *edges], [*edges, len(samples)], strict=True)):
        if number in missing:
            continue
        times = START + np.arange(first, stop) * (10**9 // RATE)
        path = folder / f"{number * 7 % 10}{number}.h5"
        write(path, Block(samples[first:stop], times, distances, RATE))
        found += examine(str(path))
    return Scan(tuple(sorted(found, key=lambda one: one.start_ns)), ())


def processed(found, outdir, *do, **asked):
    """Return the patches of windows by their times, in seconds since the first sample."""
    what = Asked(do, **({"window": "4s"} | asked))
    paths = write_windows(chain_inputs(found, what), what, outdir)
    patches = [dascore.read(path)[0].transpose("time", "distance") for path in paths]
    begin = [patch.get_coord("time").min().astype(np.int64) - START for patch in patches]
    return dict(zip((np.array(begin) / 1e9).tolist(), patches, strict=True))


def whole(samples):
    """Return all samples as DASCore has them, in float64."""
    start = np.datetime64(START, "ns")
    time = start + np.arange(len(samples)) * np.timedelta64(10**9 // RATE, "ns")
    distance = 10.0 + 2.0 * np.arange(samples.shape[1])
    coords = {"time": time, "distance": distance}
    patch = dascore.Patch(samples.astype("f8"), coords, ("time", "distance"))
    return patch.set_units(time="s", distance="m")


def joined(patches):
    return np.concatenate([patch.data for patch in patches.values()])


CHAINS = [
    (["pass_filter time=14,35"], lambda patch: patch.pass_filter(time=(14, 35))),
    (
        ["pass_filter time=(20 Hz, 60 Hz) corners=2 zerophase=false"],
        lambda patch: patch.pass_filter(time=(20, 60), corners=2, zerophase=False),
    ),
    (["pass_filter time=0.05s,0.1s"], lambda patch: patch.pass_filter(time=(10, 20))),
    (["decimate time=4"], lambda patch: patch.decimate(time=4)),
    (
        ["decimate time=2 filter_type=fir", "notch_filter time=30 q=5", "differentiate time"],
        lambda patch: (
            patch.decimate(time=2, filter_type="fir")
            .notch_filter(time=30, q=5)
            .differentiate("time")
        ),
    ),
    (
        ["median_filter time=5 distance=3 samples=true", "savgol_filter time=0.05 polyorder=2"],
        lambda patch: patch.median_filter(time=5, distance=3, samples=True).savgol_filter(
            time=0.05, polyorder=2
        ),
    ),
    (
        ["gaussian_filter time=20ms", "sobel_filter time", "stalta time=0.1,0.5"],
        lambda patch: patch.gaussian_filter(time=0.02).sobel_filter("time").stalta(time=(0.1, 0.5)),
    ),
    (["hampel_filter time=0.04 threshold=2"], lambda p: p.hampel_filter(time=0.04, threshold=2.0)),
    (["standardize distance", "abs"], lambda patch: patch.standardize("distance").abs()),
]


@pytest.mark.parametrize(("do", "truth"), CHAINS)
def test_windows_are_those_of_the_whole(tmp_path, do, truth):
    samples = made(4000, "f8")
    found = cut(tmp_path, samples, [130, 777, 2500, 2510])
    with warnings.catch_warnings():  # of engines that are not installed, of large windows
        warnings.simplefilter("ignore")
        expected = truth(whole(samples)).data
    given = joined(processed(found, tmp_path / "out", *do))
    assert given.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(given), np.isnan(expected))
    assert np.nanmax(np.abs(given - expected)) < 1e-6 * np.sqrt(np.nanmean(expected**2))


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("write", [write_dasdae, write_plain])
def test_what_files_hold_is_reckoned_in_float64(tmp_path, dtype, write):
    samples = made(2400, dtype)
    found = cut(tmp_path, samples, [1000], write)
    expected = whole(samples).pass_filter(time=(1, 50)).data
    given = processed(found, tmp_path / "out", "pass_filter time=1,50")
    assert given[0.0].data.dtype == ("float32" if dtype == "float32" else "float64")
    error = np.abs(joined(given) - expected).max()
    assert error < 1e-6 * np.sqrt(np.mean(expected**2))


def test_of_a_trend_that_a_filter_takes_nothing_is_left_inside(tmp_path):
    samples = made(4000, "f8")
    found = cut(tmp_path, samples, [1000])
    expected = whole(samples).detrend("time").pass_filter(time=(14, 35)).data
    given = joined(processed(found, tmp_path / "out", "detrend time", "pass_filter time=14,35"))
    error = np.abs(given - expected)[400:-400].max()
    assert error < 1e-6 * np.sqrt(np.mean(expected**2))


def test_a_patch_has_what_its_record_says(tmp_path):
    found = cut(tmp_path, made(1700, "i2"), [900], write_plain)
    patch = processed(found, tmp_path / "out", "update_attrs tag=x station='3d'")[4.0]
    (record,) = dascore.read(found.records[1].path)
    for name in ("data_units", "gauge_length", "gauge_length_units", "data_category"):
        given, expected = (str(one.attrs.get(name)) for one in (patch, record))
        assert given == expected.removeprefix("1 ")
    assert (patch.attrs.tag, patch.attrs.station) == ("x", "3d")
    assert patch.get_coord("distance").units == record.get_coord("distance").units
    step = record.get_coord("distance").step
    np.testing.assert_allclose(patch.get_array("distance"), np.arange(6) * step, atol=1e-9)
    assert patch.get_coord("time").step == np.timedelta64(5, "ms")
    assert patch.data.dtype == np.int16
    assert patch.data.shape == (800, 6)


def test_channels_and_times_that_are_asked_for(tmp_path):
    samples = made(4000, "f8")
    found = cut(tmp_path, samples, [1000])
    choice = Choice(["2021-11-01T23:11:04", "2021-11-01T23:11:12"], "1:6:2")
    given = processed(found, tmp_path / "out", "pass_filter time=14,35", choice=choice)
    assert [*given] == [4.0, 8.0]
    assert given[4.0].get_array("distance").tolist() == [12.0, 16.0, 20.0]
    expected = whole(samples).pass_filter(time=(14, 35)).data[800:2400, 1:6:2]
    assert np.abs(joined(given) - expected).max() < 1e-6 * np.sqrt(np.mean(expected**2))


@pytest.mark.parametrize("write", [write_dasdae, write_plain])
def test_nan_is_just_where_samples_miss(tmp_path, write):
    samples = made(4000, "i2")
    found = cut(tmp_path, samples, [1001, 1302], write, missing=[1])
    do = ("pass_filter time=14,35", "decimate time=2")
    assert [*processed(found, tmp_path / "skipped", *do)] == [0.0, 8.0, 12.0, 16.0]
    given = processed(found, tmp_path / "filled", *do, gaps="fill")
    assert [*given] == [0.0, 4.0, 8.0, 12.0, 16.0]
    data = joined(given)
    assert np.isnan(data[501:651]).all()
    assert np.isfinite(np.delete(data, np.s_[501:651], axis=0)).all()
    for first, stop in ((0, 1001), (1302, 4000)):
        part = whole(samples[first:stop]).pass_filter(time=(14, 35)).decimate(time=2).data
        there = data[first // 2 : (stop + 1) // 2]
        assert np.abs(there - part).max() < 1e-6 * np.sqrt(np.mean(part**2))


def test_by_itself_a_window_knows_no_other(tmp_path):
    samples = made(2400, "f8")
    found = cut(tmp_path, samples, [1000])
    do = ("pass_filter time=14,35", "standardize time")
    given = processed(found, tmp_path / "out", *do, per_window=True)
    filtered = whole(samples).pass_filter(time=(14, 35)).data.reshape(3, 800, 6)
    expected = (filtered - filtered.mean(1, keepdims=True)) / filtered.std(1, keepdims=True)
    np.testing.assert_allclose(joined(given), expected.reshape(-1, 6), atol=1e-5)


def test_a_window_may_become_something_else(tmp_path):
    samples = made(800, "f8")
    asked = Asked(("dft time real=time",), window="4s", per_window=True)
    inputs = chain_inputs(cut(tmp_path, samples, []), asked)
    (path,) = write_windows(inputs, asked, tmp_path / "out")
    (patch,) = dascore.read(path)
    expected = whole(samples).dft("time", real="time")
    np.testing.assert_allclose(patch.transpose(*expected.dims).data, expected.data, atol=1e-9)


@pytest.mark.parametrize(
    ("do", "more", "why"),
    [
        ("standardize time", {"per_window": True, "gaps": "fill"}, "--gaps fill"),
        ("pass_filter time=14,150", {}, "none of 200 Hz"),
        ("pass_filter distance=1,2", {}, "pass_filter distance=1,2"),
        ("detrend distance kind=x", {}, "detrend distance kind=x"),
        ("abs", {"window": "1ms"}, "has 0 samples"),
        ("abs", {"window": "1h"}, "without a gap"),
        ("aggregate distance method=nonsense", {}, "nonsense"),
    ],
)
def test_what_dascore_refuses_is_refused_before_any_work(tmp_path, do, more, why):
    found = cut(tmp_path, made(1600), [])
    with pytest.raises(ValueError, match=why):
        chain_inputs(found, Asked((do,), **({"window": "4s"} | more)))


def test_a_file_that_has_changed_is_named(tmp_path):
    found = cut(tmp_path, made(1600), [])
    asked = Asked(("abs",), window="4s")
    (task,) = chain_inputs(found, asked)
    cut(tmp_path, made(700), [])
    with pytest.raises(InputError, match=r"00\.h5: holds 700 of 800 samples"):
        write_windows([task], asked, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "band", "window"),
    [("prodml_2.0.h5", (14, 35), "2s"), ("decimated_optodas.hdf5", (20, 100), "2s")],
)
def test_windows_of_real_records_are_those_of_the_whole(real_data, tmp_path, name, band, window):
    path = str(real_data / "das" / name)
    (record,) = dascore.read(path)
    expected = record.new(data=record.data.astype("f8")).pass_filter(time=band)
    found = Scan(tuple(examine(path)), ())
    chain = "pass_filter time={},{}".format(*band)
    given = processed(found, tmp_path / "out", chain, window=window)
    data, times = joined(given), np.concatenate([one.get_array("time") for one in given.values()])
    same = np.isin(expected.get_array("time"), times)
    truth = expected.transpose("time", "distance").data
    assert same.sum() == len(times) > len(truth) / 2
    assert np.abs(data - truth[same]).max() < 1e-6 * np.sqrt(np.mean(truth**2))
