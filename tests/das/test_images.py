"""Pictures of windows, against one transform of the whole in float64; gaps; dead channels."""

import logging
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pieces import SECOND, record, write
from PIL import Image
from realrecords import GDR, OPTODAS, PRODML, VALENCIA, read
from scipy.fft import next_fast_len

from captools.das import blocks, picturing
from captools.das.choice import Choice
from captools.das.filters import power_response
from captools.das.imaging import Asked, image_inputs, image_names, write_images
from captools.das.pixels import boxes
from captools.das.recipes import Recipe
from captools.das.scanning import Scan
from captools.das.shading import decided, parse_limits
from captools.errors import InputError

RATE, WINDOW = 200, 3.0
BAND = Recipe("envelope", 14, 35, size=(16, 32))
ASKED = Asked("3s", BAND, (-10, 60))
BEGIN = 5 * SECOND + 3 * SECOND // 10  # the first window begins 0.7 s later


@pytest.fixture(scope="module")
def samples():
    """A drift, a tone, noise and an offset in each of 40 channels; 30 s."""
    random = np.random.default_rng(8)
    time = np.arange(6000)[:, np.newaxis] / RATE
    tone = 100 * np.sin(2 * np.pi * np.linspace(5, 60, 40) * time) * (1 + np.sin(time))
    found = 300 * time + tone + random.normal(0, 20, (6000, 40)) + np.linspace(-999, 999, 40)
    return np.round(found).astype(np.int16)


def draw(folder, records, asked=ASKED, out="out"):
    """Write all pictures, and return their shades by name."""
    inputs = image_inputs(Scan(tuple(records), ()), asked)
    written = write_images(inputs, asked, folder / out)
    return {path.name: pixels_of(path) for path in written}


def pixels_of(path):
    with Image.open(path) as picture:
        assert picture.mode == "L"
        return np.asarray(picture)


def texts_of(path):
    with Image.open(path) as picture:
        return dict(picture.info)


@cache
def transformed(content, shape, recipe, rate):
    """Samples, mirrored at their ends, through one transform of all of them, in float64."""
    samples = np.frombuffer(content).reshape(shape)
    before = min(2000, len(samples) - 1)
    after = min(next_fast_len(len(samples) + 2 * before) - before, 2 * len(samples) - 1)
    widths = ((before, after - len(samples)), (0, 0))
    odd = np.pad(samples, widths, mode="reflect", reflect_type="odd")
    spectrum = np.fft.fft(odd, axis=0)
    frequencies = np.fft.fftfreq(len(odd), 1 / rate)
    spectrum *= power_response(frequencies, recipe.band, rate)[:, np.newaxis]
    if recipe.what == "envelope":
        spectrum *= 2.0 * (frequencies > 0)[:, np.newaxis]
    return np.fft.ifft(spectrum, axis=0)[before : before + len(samples)]


def filtered(samples, recipe, rate=RATE):
    """Samples filtered, with their Hilbert transform as imaginary part if it is an envelope."""
    plain = np.ascontiguousarray(samples, float)
    few = replace(recipe, size=(1, 1), rate=None, common_mode=False)
    found = transformed(plain.tobytes(), plain.shape, few, rate)
    return found if recipe.what == "envelope" else found.real


def boxed(values, rows, columns):
    """Means of boxes that are whole numbers of values; what is not finite does not count."""
    high, wide = values.shape[0] / rows, values.shape[1] / columns
    assert high == int(high)
    assert wide == int(wide)
    boxes = values.reshape(rows, int(high), columns, int(wide))
    return np.nanmean(np.where(np.isfinite(boxes), boxes, np.nan), axis=(1, 3))


def shades(values, low, high):
    return 1 + np.rint(254 * np.clip((values - low) / (high - low), 0, 1))


def truth(samples, recipe, start, limits=(-10, 60), step=1, length=600, rate=RATE):
    """The shades of a window by the plainest means."""
    columns, rows = recipe.size
    found = filtered(samples, recipe, rate)[start : start + length]
    with np.errstate(divide="ignore"):
        if recipe.what == "envelope":
            values = boxed(20 * np.log10(np.abs(found))[::step], rows, columns)
        elif recipe.what == "rms":
            values = 10 * np.log10(boxed(found**2, rows, columns))
        else:
            values = boxed(found, rows, columns)
    return shades(values, *limits)


@pytest.mark.parametrize("dtype", ["i2", "f4", "i4"])
def test_pictures_are_those_of_one_transform(tmp_path, samples, dtype):
    recipe = replace(BAND, size=(20, 50), rate=100)  # boxes of 2 channels and 6 samples
    records = write(tmp_path, samples.astype(dtype), [], BEGIN)
    found = draw(tmp_path, records, replace(ASKED, recipe=recipe))
    assert list(found) == [f"19700101T0000{second:02d}Z.png" for second in range(6, 33, 3)]
    for number, picture in enumerate(found.values()):
        expected = truth(samples, recipe, 140 + 600 * number, step=2)
        assert picture.shape == (50, 20)
        assert np.abs(picture - expected).max() <= 1


@pytest.mark.parametrize(("what", "limits"), [("rms", (-10, 60)), ("waterfall", (-90, 90))])
@pytest.mark.parametrize("low", [14, 0])
def test_other_pictures_are_those_of_one_transform(tmp_path, samples, what, limits, low):
    # All samples, for means of their squares are the same at any rate that is enough.
    recipe = replace(BAND, what=what, low=low, size=(20, 50), order=4, rate=200)
    limits = (limits[0] * 40, limits[1] * 40) if what == "waterfall" and not low else limits
    found = draw(tmp_path, write(tmp_path, samples, [], BEGIN), Asked("3s", recipe, limits))
    for number, picture in enumerate(found.values()):
        expected = truth(samples, recipe, 140 + 600 * number, limits)
        assert np.abs(picture - expected).max() <= 1


def test_pieces_equal_the_whole_to_the_byte(tmp_path, samples, monkeypatch):
    for name in ("one", "many"):
        (tmp_path / name).mkdir()
    whole = write(tmp_path / "one", samples, [], BEGIN)
    pieces = write(tmp_path / "many", samples, [1, 700, 741, 1340, 3000, 5990], BEGIN)
    whole = draw(tmp_path, whole, out="a")
    assert draw(tmp_path, pieces, out="b").keys() == whole.keys()
    for name in whole:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3 * 2 * 6000)  # of channels, a few at a time
    monkeypatch.setattr(picturing, "SUM_BYTES", 1)  # one window at a time
    parts = draw(tmp_path, pieces, out="c")
    for name, picture in parts.items():
        assert np.abs(picture.astype(int) - whole[name]).max() <= 1


def test_what_was_asked_for_does_not_change_a_picture(tmp_path, samples):
    records = write(tmp_path, samples, [2500], BEGIN)
    whole = draw(tmp_path, records)
    asked = replace(ASKED, choice=Choice(("1970-01-01T00:00:11", "1970-01-01T00:00:18.5")))
    few = draw(tmp_path, records, asked, "few")
    assert list(few) == ["19700101T000012Z.png", "19700101T000015Z.png"]
    for name in few:
        assert (tmp_path / "few" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    asked = replace(ASKED, choice=Choice(channels="8:40:2"), recipe=replace(BAND, size=(16, 32)))
    expected = draw(
        tmp_path,
        write(tmp_path, samples[:, 8::2], [], BEGIN),
        replace(asked, choice=Choice()),
        "every",
    )
    found = draw(tmp_path, write(tmp_path, samples, [2500], BEGIN), asked, "second")
    for name in whole:
        assert np.array_equal(found[name], expected[name])


def test_windows_with_a_gap_are_left_out_and_counted(tmp_path, samples, caplog):
    caplog.set_level(logging.INFO, "captools")
    first, _, last = write(tmp_path, samples, [2010, 2090], BEGIN)
    # 140 + 3 * 600 = 1940 is where the window begins that lacks samples.
    asked = replace(ASKED, recipe=replace(BAND, size=(20, 50)))
    inputs = image_inputs(Scan((first, last), ()), asked)
    assert "3 windows with missing samples left out" in caplog.text  # and those at both ends
    assert len(inputs) == 1
    written = write_images(inputs, asked, tmp_path / "out")
    assert written.rows_out == 8
    names = [path.name for path in written]
    assert names == [f"19700101T0000{s:02d}Z.png" for s in (6, 9, 12, 18, 21, 24, 27, 30)]
    # Next to the gap samples are mirrored, as at the ends of a record.
    recipe = asked.recipe
    before, after = samples[:2010], samples[2090:]
    for name, part, start in (("12", before, 1340), ("18", after, 2540 - 2090)):
        found = pixels_of(tmp_path / f"out/19700101T0000{name}Z.png")
        expected = truth(part, recipe, start, step=4)
        assert np.abs(found - expected).max() <= 1


def test_what_is_missing_is_transparent_and_nothing_else(tmp_path, samples):
    first, _, last = write(tmp_path, samples, [2010, 2090], BEGIN)
    asked = replace(ASKED, recipe=replace(BAND, size=(20, 150)))  # 4 samples, a row
    found = draw(tmp_path, (first, last), replace(asked, gaps="fill"))
    assert list(found) == [f"19700101T0000{s:02d}Z.png" for s in range(3, 34, 3)]
    skipped = draw(tmp_path, (first, last), asked, "skipped")
    assert len(skipped) == 8
    for name in skipped:
        assert np.array_equal(found[name], skipped[name])
        assert found[name].all()
    lacking = found["19700101T000015Z.png"]
    times = 1940 + 4 * np.arange(150)  # of the filtered sample in each row
    missing = (times >= 2010) & (times < 2090)
    assert np.array_equal(lacking == 0, np.repeat(missing[:, np.newaxis], 20, axis=1))
    # Before and after the gap are the values of the record there: nothing from beyond the gap.
    parts = (
        filtered(samples[:2010], asked.recipe),
        filtered(samples[2090:], asked.recipe),
    )
    values = np.concatenate([parts[0], np.ones((80, 40)), parts[1]])[times]
    expected = shades(boxed(20 * np.log10(np.abs(values)), 150, 20), -10, 60)
    assert np.abs(lacking - expected)[~missing].max() <= 1
    texts = texts_of(tmp_path / "out/19700101T000015Z.png")
    assert texts["transparency"] == 0
    assert texts["samples"] == "520 of 600"
    assert "transparency" not in texts_of(tmp_path / "out/19700101T000018Z.png")


def test_what_is_dead_does_not_depend_on_other_windows(tmp_path, samples):
    some = samples.copy()
    some[: 7 * RATE, 3] = 5
    records = write(tmp_path, some, [])
    asked = replace(ASKED, recipe=replace(BAND, what="rms", size=(40, 8), common_mode=True))
    every = draw(tmp_path, records, asked)
    first = Choice(("1970-01-01", "1970-01-01T00:00:03"))
    ((name, alone),) = draw(tmp_path, records, replace(asked, choice=first), "alone").items()
    assert [column for column in range(40) if not alone[:, column].any()] == [3]
    np.testing.assert_array_equal(every[name], alone)


@pytest.mark.parametrize("what", ["envelope", "rms", "waterfall"])
@pytest.mark.parametrize(("window", "count"), [("500ms", 60), ("3s", 10), ("505ms", 59)])
def test_windows_that_are_filtered_as_one_are_as_each_alone(
    tmp_path, samples, monkeypatch, what, window, count
):
    limits = (-99, 99) if what == "waterfall" else (-10, 60)
    asked = Asked(window, replace(BAND, what=what, size=(40, 20)), limits)
    some = samples.astype(np.float32)
    some[2000:2999, 7] = 4  # is dead in some windows
    some[4500:4510, 9] = np.nan
    records = write(tmp_path, some, [1700, 3333])
    together = draw(tmp_path, records, asked)
    monkeypatch.setattr("captools.das.picturing.FILTERED_AT_ONCE", 1)
    alone = draw(tmp_path, records, asked, "alone")
    assert len(together) == len(alone) == count
    for name, picture in together.items():
        np.testing.assert_array_equal(picture == 0, alone[name] == 0)
        assert np.abs(picture.astype(int) - alone[name]).max() <= 1


@pytest.mark.parametrize("what", ["envelope", "rms", "waterfall"])
def test_what_is_missing_of_a_dead_channel_does_not_wake_it(tmp_path, samples, what):
    limits = (-99, 99) if what == "waterfall" else (-10, 60)
    asked = Asked("3s", replace(BAND, what=what, size=(10, 20)), limits)
    some = samples.astype(np.float32)
    some[:2600, 9] = 5  # dead in the first windows, and shares a pixel with others
    some[1000:1100] = np.nan
    found = draw(tmp_path, write(tmp_path, some, []), asked)
    some[:2600, 9] = np.nan
    expected = draw(tmp_path, write(tmp_path, some, []), asked, "without")
    for name in list(found)[:3]:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("loud", [1e10, 1e20, 9.97e36])
def test_what_is_far_too_loud_is_not_felt_in_other_windows(tmp_path, samples, loud):
    some = np.random.default_rng(1).normal(size=samples.shape).astype(np.float32)
    asked = replace(ASKED, limits=(-40, 30))
    expected = draw(tmp_path, write(tmp_path, some, []), asked, "without")
    some[3000, 2] = loud
    found = draw(tmp_path, write(tmp_path, some, []), asked)
    for number, (name, picture) in enumerate(found.items()):
        if not 3 <= number <= 6:  # the halo reaches 2.3 s
            np.testing.assert_array_equal(picture, expected[name])
        others = picture[:, 2:].astype(int) - expected[name][:, 2:]  # it lies in two pixels
        assert np.abs(others).max() <= 1


@pytest.mark.parametrize("what", ["envelope", "rms", "waterfall"])
@pytest.mark.parametrize("common_mode", [False, True])
def test_dead_channels_blank_no_picture(tmp_path, samples, what, common_mode):
    limits = (-99, 99) if what == "waterfall" else (-10, 60)
    recipe = replace(BAND, what=what, size=(20, 50), rate=200, common_mode=common_mode)
    spoilt = samples.astype(np.float32)
    spoilt[:, 3] = np.nan
    spoilt[:, 10:12] = -5.5  # all that one pixel has
    found = draw(tmp_path, write(tmp_path, spoilt, [], BEGIN), Asked("3s", recipe, limits))
    clean = spoilt - np.nanmedian(spoilt, axis=1, keepdims=True) if common_mode else spoilt
    clean[:, 3] = clean[:, 2]  # so that the mean of both is that of one
    for number, picture in enumerate(found.values()):
        assert (picture[:, 5] == 0).all()
        off = picture - truth(clean, recipe, 140 + 600 * number, limits)
        assert np.abs(np.delete(off, 5, axis=1)).max() <= 1


def test_a_channel_that_feels_next_to_nothing_is_not_what_limits_are_of(tmp_path, samples):
    spoilt = samples.copy()
    spoilt[:, :2] = 4
    spoilt[3000, 0] = 5
    for limits in ("percentile", "window"):
        asked = replace(ASKED, limits=limits, recipe=replace(BAND, size=(20, 30)))
        draw(tmp_path, write(tmp_path, spoilt, [], BEGIN), asked)
        for path in (tmp_path / "out").iterdir():
            low, high = map(float, texts_of(path)["limits"].split())
            assert -10 < low < high < 60


def test_a_dead_channel_shares_no_pixel_with_others(tmp_path, samples):
    samples = samples.copy()
    samples[:, 20] = 7
    found = draw(tmp_path, write(tmp_path, samples, [], BEGIN))
    without = draw(
        tmp_path,
        write(tmp_path, np.where(np.arange(40) == 20, np.nan, samples).astype("f4"), [], BEGIN),
        out="b",
    )
    for name, picture in found.items():
        assert picture.all()
        assert np.abs(picture.astype(int) - without[name]).max() <= 1


def test_waves_that_travel_are_where_they_should_be(tmp_path):
    time, channel = np.arange(2000)[:, np.newaxis] / RATE, np.arange(64)
    wave = np.sin(2 * np.pi * (20 * time - 0.1 * 2.0 * channel))  # 2 m apart: 0.1 per metre
    recipe = Recipe("fk", 1, 40, size=(65, 40))
    found = draw(tmp_path, write(tmp_path, wave.astype("f4"), []), Asked("5s", recipe, "window"))
    row, column = np.unravel_index(found["19700101T000000Z.png"].argmax(), (40, 65))
    assert 40 - (row + 0.5) / 40 * 39 == pytest.approx(20, abs=1)
    assert -0.25 + (column + 0.5) / 65 * 0.5 == pytest.approx(0.1, abs=0.01)


# --- limits and texts --------------------------------------------------------------


def test_limits_of_all_are_those_of_windows_spread_over_all(tmp_path, samples):
    records = write(tmp_path, samples, [3333], BEGIN)
    asked = replace(ASKED, limits="percentile")
    inputs = image_inputs(Scan(tuple(records), ()), asked)
    low, high = inputs[0].part["limits"]
    recipe = BAND
    part = filtered(samples, recipe)
    values = []
    for number in (0, 1, 2, 3, 5, 6, 7, 8):  # eight of nine
        levels = 20 * np.log10(np.abs(part[140 + 600 * number :][:600:4]))
        rows, columns = boxes(150, 32), boxes(40, 16)
        area = np.outer(rows.sum(axis=1), columns.sum(axis=1))
        values.append((rows @ levels @ columns.T) / area)
    expected = np.percentile(np.concatenate(values), [1, 99])
    assert (low, high) == (np.floor(expected[0]), np.ceil(expected[1]))
    again = image_inputs(Scan(tuple(records), ()), replace(ASKED, limits=(low, high)))
    assert again[0].part == inputs[0].part


def test_limits_of_each_window_are_its_least_and_most(tmp_path, samples):
    found = draw(tmp_path, write(tmp_path, samples, [], BEGIN), replace(ASKED, limits="window"))
    texts = set()
    for name, picture in found.items():
        assert (picture.min(), picture.max()) == (1, 255)
        texts.add(texts_of(tmp_path / "out" / name)["limits"])
    assert len(texts) == len(found)


def test_a_record_in_which_nothing_happens_is_transparent(tmp_path):
    flat = np.full((2000, 8), 3, np.int16)
    for limits in ("percentile", "window", (0, 1)):
        found = draw(tmp_path, write(tmp_path, flat, []), replace(ASKED, limits=limits))
        assert len(found) == 3
        assert not any(picture.any() for picture in found.values())


def test_limits_are_of_windows_that_can_be_read(tmp_path, samples):
    records = write(tmp_path, samples, [3000], BEGIN)
    runs = image_inputs(Scan(tuple(records), ()), ASKED)
    open(records[1].path, "w").close()
    low, high = decided(runs, BAND)
    assert -10 < low < high < 80
    open(records[0].path, "w").close()
    with pytest.raises(ValueError, match=r"limits cannot be found, give two: .*\.h5"):
        decided(runs, BAND)
    with pytest.raises(InputError):
        write_images(runs, ASKED, tmp_path / "out")


def test_a_picture_says_what_it_shows(tmp_path, samples):
    asked = replace(ASKED, choice=Choice(channels="4:36:2"), window="2.5s")
    draw(tmp_path, write(tmp_path, samples, [1000], BEGIN), asked)
    texts = texts_of(tmp_path / "out/19700101T000007.5Z.png")
    assert texts == {
        "start": "1970-01-01T00:00:07.5Z",
        "stop": "1970-01-01T00:00:10Z",
        "limits": "-10 60",
        "samples": "500 of 500",
        "what": "envelope",
        "units": "dB relative to 1 nm/m/s",
        "shades": "1 is the first limit and below, 255 the second and above, 0 is missing",
        "band": "14 35 Hz",
        "rate": "200 Hz",
        "channels": "4:36:2",
        "distance": "18 78 m",
        "rows": "time, downwards",
        "columns": "channels",
        "filter": "Butterworth of order 8, forwards and backwards",
        "filtered rate": "50 Hz",
    }


# --- what is asked for --------------------------------------------------------------


def test_names_of_pictures_follow_from_that_of_the_run():
    assert image_names("20211101T231100Z-20211101T231200Z", "15s") == [
        f"20211101T2311{second}Z.png" for second in ("00", "15", "30", "45")
    ]
    assert (
        image_names("20211101T231100Z-20211101T231200Z", "200ms")[299] == "20211101T231159.8Z.png"
    )
    assert image_names("20211101T231100Z.h5", "15s") == []


def test_every_picture_is_one_that_its_input_can_have(tmp_path, samples):
    for window in ("0.7s", "3s", "2min"):
        asked = replace(ASKED, window=window, gaps="fill")
        for run in image_inputs(Scan(tuple(write(tmp_path, samples, [1500], BEGIN)), ()), asked):
            written = write_images([run], asked, tmp_path / "out")
            assert {path.name for path in written} <= {*image_names(run, window)}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"recipe": replace(BAND, low=0)}, "begins above 0"),
        ({"recipe": replace(BAND, low=36)}, "is no band"),
        ({"recipe": replace(BAND, high=100)}, "none of 200 Hz"),
        ({"recipe": replace(BAND, rate=201)}, "more than the 200 Hz"),
        ({"recipe": replace(BAND, what="waterfall", rate=60)}, "needs a rate of 70 Hz"),
        ({"recipe": replace(BAND, what="fk", rate=60)}, "does not go with fk"),
        ({"recipe": replace(BAND, what="fk"), "gaps": "fill"}, "does not go with it"),
        ({"recipe": replace(BAND, low=0.0001)}, "records have 30 s without a gap at most"),
        ({"window": "1ms"}, "has 0 samples"),
        ({"window": "1h"}, "no 1h of samples without a gap"),
        ({"choice": Choice(("1980-01-01", "1980-01-02"))}, "no 3s of samples"),
        ({"choice": Choice(channels="40:")}, "none is asked for"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, samples, change, why):
    records = [record(samples=6000, channels=40, dtype="int16")]
    with pytest.raises(ValueError, match=why):
        image_inputs(Scan(tuple(records), ()), replace(ASKED, **change))


@pytest.mark.parametrize("given", ["", "x", "1", "2 1", "1,1", "nan,1", "1 2 3", (3, 2), "inf 1"])
def test_what_are_no_limits(given):
    with pytest.raises(ValueError, match="no limits"):
        parse_limits(given)


def test_a_stretch_that_is_shorter_than_the_filter_is_missing(tmp_path, samples):
    first, short, last = write(tmp_path, samples, [2010, 2200], BEGIN)
    short = replace(short, start=short.start + np.timedelta64(20, "ms"))
    last = replace(last, start=last.start + np.timedelta64(40, "ms"))
    found = draw(tmp_path, (first, short, last), replace(ASKED, gaps="fill"))
    assert texts_of(tmp_path / "out/19700101T000015Z.png")["samples"] == "402 of 600"
    assert not found["19700101T000015Z.png"][4:13].any()


def test_a_filter_that_reaches_far_is_warned_of(tmp_path, samples, caplog):
    asked = replace(ASKED, recipe=replace(BAND, low=4, high=8, order=4), window="1s")
    image_inputs(Scan(tuple(write(tmp_path, samples, [])), ()), asked)
    assert "reaches" in caplog.text


# --- real records --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "recipe", "window"),
    [
        (PRODML, Recipe("envelope", 14, 35, rate=100, size=(128, 50)), 2.5),
        (OPTODAS, Recipe("envelope", 20, 100, 4, rate=250, size=(51, 25)), 1.0),
        (GDR, Recipe("envelope", 20, 200, 4, rate=500, size=(10, 20)), 0.2),
        (VALENCIA, Recipe("envelope", 20, 100, 4, rate=125, size=(50, 25)), 1.0),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_real_records_in_pieces_are_one_transform(real_data, tmp_path, real, recipe, window):
    samples, rate = read(real_data, real), real[2]
    cuts = sorted({17, len(samples) // 3, len(samples) // 2 + 5})
    records = write(tmp_path, samples, cuts, step=1 / rate)
    asked = Asked(f"{window}s", recipe, "percentile")
    found = draw(tmp_path, records, asked)
    length, step = round(window * rate), round(rate / recipe.rate)
    assert len(found) == len(samples) // length
    which = np.arange(samples.shape[1]).reshape(recipe.size[0], -1)[::7]
    low, high = map(float, texts_of(next((tmp_path / "out").iterdir()))["limits"].split())
    whole = filtered(np.nan_to_num(samples[:, which.ravel()]), recipe, rate)
    with np.errstate(divide="ignore"):
        levels = 20 * np.log10(np.abs(whole))
    levels[~np.isfinite(levels)] = np.nan
    for number, picture in enumerate(found.values()):
        part = levels[number * length : (number + 1) * length : step]
        expected = shades(boxed(part, recipe.size[1], len(which)), low, high)
        alive = np.isfinite(expected)
        assert alive.mean() > 0.9
        assert np.abs(picture[:, ::7] - expected)[alive].max() <= 1
