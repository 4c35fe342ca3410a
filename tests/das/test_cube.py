"""Cubes of spectra: what is in the store, against scipy in float64; pieces equal the whole."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import realrecords
import scipy.signal
from pieces import SECOND, record, stretch, write

from captools import process
from captools.das.choice import Choice
from captools.das.cube import fill_cube
from captools.das.cubestore import array_metadata, encoded
from captools.das.cubing import Asked, cube_regions
from captools.das.layout import Spectrum
from captools.errors import FatalError, InputError
from captools.io.address import Input

zarr = pytest.importorskip("zarr")
RATE, STEP = 200, 0.005
ASKED = Asked("0.2s", 0.5)  # 40 samples, each 20: a row every tenth of a second


@pytest.fixture(scope="module")
def samples():
    """Noise with a tone and an offset in each channel, 30 s of 300 channels."""
    chance = np.random.default_rng(5)
    time = np.arange(6000) * STEP
    tone = np.sin(2 * np.pi * np.linspace(5, 95, 300) * time[:, None])
    found = 40 * tone + chance.normal(0, 10, (6000, 300)) + np.linspace(-900, 900, 300)
    return np.round(found).astype(np.int16)


def truth(samples, length=40, hop=20, window=("tukey", 0.25), rate=RATE):
    """Levels of all segments, as scipy has them in float64: shape (time, frequency, channel)."""
    _, _, power = scipy.signal.spectrogram(
        samples.astype(float), rate, window, length, length - hop, detrend="constant", axis=0
    )
    with np.errstate(divide="ignore"):
        return 10 * np.log10(power).transpose(2, 0, 1)


def close(found, expected, tolerance=0.01):
    """Whether levels are alike within 80 dB of the maximum; those at frequency 0 are rounding."""
    found, expected = found[:, 1:], expected[:, 1:]
    loud = expected > np.nanmax(expected[np.isfinite(expected)]) - 80
    return bool(loud.mean() > 0.5 and np.abs(found - expected)[loud].max() < tolerance)


def make(outdir, *stretches, asked=ASKED):
    """Fill a cube with all of its regions, and return these."""
    found = cube_regions(stretches, asked, outdir)
    fill_cube(found, outdir)
    return found


def read(path):
    return zarr.open_group(path, mode="r", use_consolidated=True)


def tree(path):
    """The bytes of all files of a store."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in Path(path).rglob("*")
        if file.is_file() and "_captools" not in file.parts
    }


def test_levels_are_those_of_scipy(tmp_path, samples):
    make(tmp_path / "c", stretch(*write(tmp_path, samples, [])), asked=replace(ASKED, exact=True))
    found = read(tmp_path / "c")["psd"]
    assert found.shape == (299, 21, 300)
    assert found.dtype == np.float32
    assert close(found[:], truth(samples))


def test_levels_are_rounded_to_a_64th_of_a_decibel(tmp_path, samples):
    one = stretch(*write(tmp_path, samples[:, :20], []))
    make(tmp_path / "c", one)
    make(tmp_path / "exact", one, asked=replace(ASKED, exact=True))
    found, exact = read(tmp_path / "c")["psd"][:], read(tmp_path / "exact")["psd"][:]
    assert np.array_equal(found * 64, np.rint(found * 64))
    assert np.abs(found - exact).max() <= 1 / 128 + 1e-5
    assert not np.array_equal(found, exact)


def test_pieces_equal_the_whole_to_the_byte(tmp_path, samples):
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    whole = write(tmp_path / "one", samples, [])
    pieces = write(tmp_path / "many", samples, [1, 777, 2000, 2019, 4500, 5990])
    make(tmp_path / "a.zarr", stretch(*whole))
    make(tmp_path / "b.zarr", stretch(*pieces))
    assert tree(tmp_path / "a.zarr") == tree(tmp_path / "b.zarr")


def test_nan_is_exactly_where_samples_are_missing(tmp_path, samples):
    first, _, last = write(tmp_path, samples[:, :30], [2010, 2090])
    make(tmp_path / "c", stretch(first), stretch(last))
    found = read(tmp_path / "c")["psd"][:]
    starts = np.arange(299) * 20
    lacking = (starts + 40 > 2010) & (starts < 2090)
    assert np.array_equal(np.isnan(found).any(axis=(1, 2)), lacking)
    assert np.array_equal(np.isnan(found).all(axis=(1, 2)), lacking)
    assert close(found[~lacking], truth(samples[:, :30])[~lacking])


def test_chunks_without_any_level_are_not_there(tmp_path, samples):
    first, _, last = write(tmp_path, samples[:, :5], [1000, 5500])
    make(tmp_path / "c", stretch(first), stretch(last))
    rows = sorted(int(path.name) for path in (tmp_path / "c/psd/c").iterdir())
    assert rows == [0, 2]
    assert np.isnan(read(tmp_path / "c")["psd"][100:200]).all()


def test_a_channel_in_which_nothing_changes_is_nan_and_no_other(tmp_path, samples):
    some = samples[:, :40].copy()
    some[:, 7] = 11
    some[2000:3000, 9] = 0  # dead for a while
    make(tmp_path / "c", stretch(*write(tmp_path, some, [])))
    found = read(tmp_path / "c")["psd"][:]
    assert np.isnan(found[:, :, 7]).all()
    lost = np.isnan(found[:, 1:, 9]).all(axis=1)
    assert np.array_equal(np.flatnonzero(lost), np.arange(100, 149))
    assert np.isfinite(np.delete(found, [7, 9], axis=2)).all()


def test_samples_that_are_nan_cost_their_channel_only(tmp_path, samples):
    some = samples[:, :6].astype(np.float32)
    some[1000, 2] = np.nan
    make(tmp_path / "c", stretch(*write(tmp_path, some, [])))
    found = read(tmp_path / "c")["psd"][:]
    lost = np.isnan(found).any(axis=1)
    assert np.array_equal(np.argwhere(lost), [[49, 2], [50, 2]])
    expected = truth(samples[:, :6])
    expected[lost[:, None, :].repeat(21, axis=1)] = -np.inf  # not to be compared
    assert close(found, expected)


REAL = {
    # Record, length of a segment; shape, mean and median of the levels, the one in the middle.
    "prodml": (realrecords.PRODML, "1s", (116, 101, 512), 29.7828, 28.1042, 41.8294),
    "optodas": (realrecords.OPTODAS, "1s", (91, 101, 51), -165.3047, -165.2785, -162.0583),
    "gdr": (realrecords.GDR, "1s", (91, 101, 10), 9.7803, 9.7291, 2.0718),
    "idas": (realrecords.IDAS, "0.2s", (41, 21, 1152), 1.5258, 2.5208, 8.5630),
    "valencia": (realrecords.VALENCIA, "1s", (41, 101, 100), 5.6082, 6.6360, 5.1650),
}


@pytest.mark.parametrize("which", REAL)
def test_real_records_in_pieces_equal_the_whole(real_data, tmp_path, monkeypatch, which):
    """And have the values that are known of them, which are of symmetric tapers."""
    what, segment, shape, *values = REAL[which]
    samples, rate = realrecords.read(real_data, what), what[2]
    start = 1_600_000_000 * SECOND  # on the grid
    for name in ("one", "many"):
        (tmp_path / name).mkdir()
    cuts = [3, len(samples) // 3, len(samples) // 3 + 1, len(samples) - 17]
    whole = write(tmp_path / "one", samples, [], start, 1 / rate)
    pieces = write(tmp_path / "many", samples, cuts, start, 1 / rate)
    monkeypatch.setattr(Spectrum, "is_symmetric", True)
    asked = Asked(segment, 0.9, fmax=100, exact=True)
    make(tmp_path / "a", stretch(*whole), asked=asked)
    make(tmp_path / "b", stretch(*pieces), asked=asked)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    found = read(tmp_path / "a")["psd"][:]
    assert found.shape == shape
    length = round(rate * float(segment[:-1]))
    taper = scipy.signal.windows.tukey(length, 0.25)
    expected = truth(samples, length, length // 10, taper, rate)[:, : shape[1]]
    assert close(found, expected)
    middle = found[shape[0] // 2, shape[1] // 3, shape[2] // 2]
    there = found.astype(float)
    assert [np.nanmean(there), np.nanmedian(there), middle] == pytest.approx(values, abs=1e-3)


def test_metadata_are_as_zarr_writes_them():
    from zarr.codecs import BloscCodec

    usual = {"shape": (116, 101, 512), "chunks": (100, 101, 256), "dtype": "float32"}
    store = zarr.storage.MemoryStore()
    array = zarr.create_group(store).create_array(
        "psd",
        **usual,
        fill_value=np.nan,
        compressors=BloscCodec(typesize=4, cname="lz4", clevel=5, shuffle="bitshuffle"),
        dimension_names=("a", "b", "c"),
        attributes={"units": "dB"},
    )
    found = array_metadata((116, 101, 512), (100, 101, 256), np.dtype("f4"), "abc", {"units": "dB"})
    expected = json.loads(json.dumps(array.metadata.to_dict(), default=str))
    assert {**expected, "fill_value": "NaN"} == found
    chunk = np.arange(100 * 101 * 256, dtype="f4").reshape(100, 101, 256)
    array[:100, :, :256] = chunk
    assert store._store_dict["psd/c/0/0/0"].to_bytes() == encoded(chunk)


def test_xarray_opens_it_with_coordinates_and_without_a_warning(tmp_path, samples):
    xarray = pytest.importorskip("xarray")
    begin = 1_600_000_000 * SECOND
    make(tmp_path / "c", stretch(*write(tmp_path, samples[:, :8], [3000], begin)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cube = xarray.open_zarr(tmp_path / "c")
    assert cube.psd.dims == ("time", "frequency", "channel")
    assert cube.time.values[0] == np.datetime64("2020-09-13T12:26:40.1")
    assert cube.time.values[-1] == np.datetime64("2020-09-13T12:27:09.9")
    assert np.allclose(cube.frequency, np.arange(21) * 5)
    assert cube.channel.values.tolist() == [*range(8)]
    assert np.allclose(cube.psd.distance, 10 + 2 * np.arange(8))
    assert cube.psd.units == "dB"
    assert cube.psd.reference == "(nm/m/s)^2 / Hz"
    assert cube.taper == "tukey:0.25, periodic"


def test_segments_lie_on_an_absolute_grid(tmp_path, samples):
    """A record that begins 33 ms after a time of the grid begins with the next one."""
    begin = 1_600_000_000 * SECOND + 33_000_000
    make(tmp_path / "c", stretch(*write(tmp_path, samples[:, :8], [], begin)))
    found = read(tmp_path / "c")
    assert found["time"][0] == 1_600_000_000 * SECOND + 200_000_000
    # 67 ms are 13.4 samples.
    assert close(found["psd"][:], truth(samples[13:, :8]))


def test_a_hop_that_is_no_whole_number_of_samples(tmp_path, samples):
    one = stretch(*write(tmp_path, samples[:, :8], []))
    make(tmp_path / "c", one, asked=Asked("0.2s", 0.617))
    found = read(tmp_path / "c")["psd"][:]
    starts = np.rint(np.arange(len(found)) * 0.0766 / STEP).astype(int)
    for row in (0, 1, 2, 77, len(found) - 1):
        assert close(found[row : row + 1], truth(samples[starts[row] : starts[row] + 40, :8]))


def test_channels_distances_and_times_that_are_asked_for(tmp_path, samples):
    one = stretch(*write(tmp_path, samples, [2500]))
    span = ("1970-01-01T00:00:10", "1970-01-01T00:00:12Z")
    asked = replace(ASKED, fmax=50, choice=Choice(span, "2:290:3", (30.0, 110.0)))
    make(tmp_path / "c", one, asked=asked)
    found = read(tmp_path / "c")
    # From 30 m (channel 10) to before 110 m (channel 50), of 2, 5, 8, ...
    assert found["channel"][:].tolist() == [*range(11, 50, 3)]
    assert found["distance"][:].tolist() == [10 + 2 * channel for channel in range(11, 50, 3)]
    assert found["frequency"][:].tolist() == [*range(0, 51, 5)]
    expected = truth(samples[2000:2400, 11:50:3])[:, :11]
    assert found["psd"].shape == expected.shape
    assert close(found["psd"][:], expected)


def test_like_cryocube(tmp_path, samples):
    """Its double loop: symmetric taper, natural logarithm, 0 at frequency 0, no mean removed."""
    begin = 7_000_001
    one = stretch(*write(tmp_path, samples[:, 140:160], [4321], begin))
    make(tmp_path / "c", one, asked=Asked("0.2s", 0.5, fmax=60, like="cryocube", exact=True))
    found = read(tmp_path / "c")
    taper = scipy.signal.windows.tukey(40, 0.25)
    starts = range(0, 5961, 20)
    expected = np.zeros((len(starts), 13, 20))
    for row, start in enumerate(starts):
        for channel in range(20):
            segment = samples[start : start + 40, 140 + channel] * taper
            expected[row, 1:, channel] = 10 * np.log(np.abs(np.fft.rfft(segment)[1:13]) ** 2)
    assert found["psd"].shape == expected.shape
    assert found["time"][0] == begin + SECOND // 10
    assert not found["psd"][:, 0].any()
    assert np.abs(found["psd"][:] - expected).max() < 0.05
    assert np.median(np.abs(found["psd"][:] - expected)) < 1e-4
    assert found.attrs["taper"] == "tukey:0.25, symmetric"


def test_records_that_come_later_make_the_cube_longer(tmp_path, samples):
    pieces = write(tmp_path, samples[:, :20], [3300])
    few = make(tmp_path / "c", stretch(pieces[0]))
    more = make(tmp_path / "c", stretch(*pieces))
    make(tmp_path / "at-once", stretch(*pieces))
    assert tree(tmp_path / "c") == tree(tmp_path / "at-once")
    assert few[0].part != more[0].part  # it has more segments now: another key
    # A process that does not know of the later ones would overwrite segments of theirs.
    with pytest.raises(InputError, match="longer meanwhile"):
        fill_cube(few, tmp_path / "c")
    with pytest.raises(ValueError, match="has 299 segments, of 164 that are asked for"):
        make(tmp_path / "c", stretch(pieces[0]))
    assert tree(tmp_path / "c") == tree(tmp_path / "at-once")


def test_a_region_that_has_not_changed_has_the_same_part_in_a_longer_cube(tmp_path, monkeypatch):
    monkeypatch.setattr("captools.das.regions.TASK_NS", 10 * SECOND)
    pieces = write(tmp_path, np.zeros((6000, 3), np.int16), [3300])
    few, more = (cube_regions([stretch(*some)], ASKED) for some in (pieces[:1], pieces))
    assert [one == other for one, other in zip(few, more, strict=False)] == [True, True]
    assert [one.part == other.part for one, other in zip(few, more, strict=False)] == [True, False]
    assert [len(few), len(more)] == [2, 3]


def test_regions_are_whole_rows_of_chunks_and_each_segment_is_in_one(tmp_path, monkeypatch):
    monkeypatch.setattr("captools.das.regions.TASK_NS", 20 * SECOND)
    long = record(samples=500 * 200)
    found = cube_regions([stretch(long)], ASKED)
    assert len(found) == 25
    assert all(one.row % 200 == 0 for one in found)
    numbers = [number for one in found for number in one.numbers]
    assert numbers == [*range(4999)]
    assert len({*found}) == len(found)
    assert found[1] == "19700101T000020Z"


def test_regions_in_any_order_and_twice_make_the_same_cube(tmp_path, samples, monkeypatch):
    monkeypatch.setattr("captools.das.regions.TASK_NS", 10 * SECOND)
    one = stretch(*write(tmp_path, samples[:, :20], [1999, 3333]))
    found = make(tmp_path / "a", one)
    assert len(found) == 3
    fill_cube([found[2], found[0], found[2], found[1]], tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_channels_are_read_in_blocks_that_fit_in_memory(tmp_path, samples, monkeypatch):
    wide = np.concatenate([samples, samples + np.int16(3)], axis=1)[:2400]
    one = stretch(*write(tmp_path, wide, [1000]))
    make(tmp_path / "a", one)
    monkeypatch.setattr("captools.das.cube.BLOCK_BYTES", 1)
    make(tmp_path / "b", one)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert close(read(tmp_path / "a")["psd"][:], truth(wide))


def test_what_is_missing_now_is_removed(tmp_path, samples, monkeypatch):
    monkeypatch.setattr("captools.das.regions.TASK_NS", 10 * SECOND)
    whole = write(tmp_path, samples[:, :4], [])
    make(tmp_path / "c", stretch(*whole))
    few = stretch(*whole).cut(0, 1000) + stretch(*whole).cut(5000, 6000)
    parts = [stretch(*whole).__class__((portion,)) for portion, _ in few]
    assert [len(one.paths) for one in make(tmp_path / "c", *parts)] == [1, 0, 1]
    assert np.isnan(read(tmp_path / "c")["psd"][100:200]).all()
    make(tmp_path / "new", *parts)
    assert tree(tmp_path / "c") == tree(tmp_path / "new")


def test_another_cube_is_left_alone(tmp_path, samples):
    (tmp_path / "later").mkdir()
    one = stretch(*write(tmp_path, samples[:2000, :4], []))
    make(tmp_path / "c", one)
    before = tree(tmp_path / "c")
    for other in (replace(ASKED, overlap=0.75), replace(ASKED, choice=Choice(channels="0:2"))):
        with pytest.raises(FatalError, match=r"holds a cube with \w+ .*, not .*: choose"):
            fill_cube(cube_regions([one], other), tmp_path / "c")
        with pytest.raises(ValueError, match=r"holds a cube with .*: choose another"):
            make(tmp_path / "c", one, asked=other)
    later = stretch(*write(tmp_path / "later", samples[:2000, :4], [], 5 * SECOND))
    with pytest.raises(ValueError, match=r"begins at 1970-01-01T00:00:00Z, not at 1.*:05Z: choose"):
        make(tmp_path / "c", later)
    zarr.create_group(tmp_path / "foreign")
    with pytest.raises(ValueError, match="another origin"):
        make(tmp_path / "foreign", one)
    assert tree(tmp_path / "c") == before


def test_an_input_that_is_of_no_use_fails_with_its_reason(tmp_path):
    bad = Input("a.h5", ["x/a.h5", "y/a.h5"], {"why": ["is junk", "is empty"]})
    with pytest.raises(InputError, match=r"x/a\.h5: is junk; y/a\.h5: is empty"):
        fill_cube([bad], tmp_path / "c")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Asked("5ms", 0.5), "has 1 samples at 200 Hz"),
        (Asked("40s", 0.5), "no 40s of samples without a gap"),
        (Asked("1s", 0.9999999999), "leaves nothing"),
        (Asked("1s", 0.9, taper="hat"), "taper 'hat'"),
        (replace(ASKED, choice=Choice(channels="7:9")), "of the 4 channels"),
        (replace(ASKED, choice=Choice(distance=(0, 5))), "of the 4 channels"),
        (replace(ASKED, choice=Choice(time=("1980-01-01", "1981-01-01"))), "no 0.2s of samples"),
    ],
)
def test_what_no_record_can_give_is_wrong_usage(asked, why):
    with pytest.raises(ValueError, match=why):
        cube_regions([stretch(record())], asked)


def test_a_gap_of_years_is_refused():
    early, late = record(samples=1000), record("b.h5", 10**18, samples=1000)
    with pytest.raises(ValueError, match="most of them missing"):
        cube_regions([stretch(early), stretch(late)], ASKED)


def test_a_region_that_takes_long_says_that_it_gets_on(tmp_path, samples, monkeypatch):
    """Else its worker would be given up after a minute, as one that cannot read a header."""
    heard = []
    monkeypatch.setattr(process, "PULSE_SECONDS", -1)
    monkeypatch.setattr(process, "_watchers", [process.Watcher(heard.append)])
    make(tmp_path / "c", stretch(*write(tmp_path, samples, [3000])))
    assert [one.is_header for one in heard[-7:]] == [False] * 7  # six chunks, and the end
    assert sum(one.is_header for one in heard) <= 4
