"""The sheet of all pictures: each in its place, gaps too."""

import os

import numpy as np
import pytest
from PIL import Image

from captools.das import pngs, sheet
from captools.das.describing import utc
from captools.das.regions import stamp

SECOND = 10**9
BEGIN = 1_635_808_260 * SECOND  # a whole minute


def put(folder, second, shades, window=15, **more):
    """Write a picture of a window that begins some seconds after `BEGIN`."""
    start = BEGIN + round(second * SECOND)
    texts = {
        "start": utc(start),
        "stop": utc(start + round(window * SECOND)),
        "limits": "-10 60",
        "what": "envelope",
        "units": "dB relative to 1 nm",
        "band": "14 35 Hz",
        "channels": "0:8:1",
        "rows": "time, downwards",
        "columns": "channels",
    }
    pngs.write(folder / f"{stamp(start)}.png", shades, texts | more)


def shade(value, size=(16, 16)):
    return np.full(size, value, np.uint8)


def drawn(folder):
    """The colours of all pictures on the sheet, without axes."""
    pictures = sheet._read(folder, sheet._names(folder))
    return sheet._Sheet(pictures), sheet._Sheet(pictures).pixels()


def test_pictures_are_in_their_places_and_gaps_too(tmp_path):
    half = shade(90)
    half[:8] = 0
    for number, second in enumerate([15, 30, 60, 75, 90, 105, 120, 135]):
        put(tmp_path, second, half if second == 105 else shade(20 * number + 1))
    found, colours = drawn(tmp_path)
    assert (found.rows, found.columns) == (4, [BEGIN // (60 * SECOND) + one for one in range(3)])
    assert colours.shape == (4 * 16, 3 * 16 + 2 * sheet.APART, 3)
    wide = 16 + sheet.APART
    tiles = {
        15 * (4 * column + row): colours[row * 16 : row * 16 + 16, column * wide :][:, :16]
        for row in range(4)
        for column in range(3)
    }
    grey = {15: 1, 30: 21, 60: 41, 75: 61, 90: 81, 120: 121, 135: 141}
    for second, tile in tiles.items():
        if second == 105:
            assert (tile[:8] == sheet.NOTHING).all()
            assert (tile[8:] == 90).all()
        else:
            expected = grey.get(second, sheet.NOTHING)
            assert (tile == expected).all(), second
    assert (colours[:, 16:wide] == 255).all()


def test_many_are_drawn_smaller_and_days_without_any_are_one_column(tmp_path, monkeypatch):
    monkeypatch.setattr(sheet, "HIGH", 32)
    random = np.random.default_rng(0)
    shades = random.integers(1, 256, (16, 16)).astype(np.uint8)
    for second in [*range(0, 240, 15), 10 * 86400]:
        put(tmp_path, second, shades)
    found, colours = drawn(tmp_path)
    assert found.columns.count(None) == 1
    assert (found.rows, found.tile) == (4, (8, 16))
    expected = shades.reshape(8, 2, 16).mean(axis=1)
    assert np.abs(colours[:8, :16, 0] - expected).max() <= 0.5 + 1e-4


def test_a_sheet_is_drawn_again_where_pictures_are_other_ones(tmp_path):
    assert sheet.draw_sheet(tmp_path) is None
    put(tmp_path, 0, shade(3))
    path = sheet.draw_sheet(tmp_path)
    first, when = path.read_bytes(), path.stat().st_mtime_ns
    assert sheet.draw_sheet(tmp_path).stat().st_mtime_ns == when
    put(tmp_path, 45, shade(200))
    second = sheet.draw_sheet(tmp_path).read_bytes()
    assert second != first
    path.write_bytes(b"no picture")
    assert sheet.draw_sheet(tmp_path).read_bytes() == second
    with Image.open(path) as picture:
        assert picture.size[0] > 500
        assert set(picture.info) <= {"pictures", "dpi"}


def test_pictures_that_come_while_it_is_drawn_are_on_it(tmp_path, monkeypatch):
    put(tmp_path, 0, shade(3))
    read = sheet._read

    def meanwhile(folder, names):
        found = read(folder, names)
        if len(names) == 1:
            put(tmp_path, 15, shade(7))
        return found

    monkeypatch.setattr(sheet, "_read", meanwhile)
    path = sheet.draw_sheet(tmp_path)
    assert sheet._digest_in(path) == sheet._digest(tmp_path, sheet._names(tmp_path))
    assert len(sheet._names(tmp_path)) == 2


def test_pictures_of_another_kind_are_not_on_it(tmp_path, caplog):
    for second in (0, 15):
        put(tmp_path, second, shade(3))
    put(tmp_path, 30, shade(3), what="rms")
    put(tmp_path, 60, shade(3, (8, 8)))
    (tmp_path / "20211101T231500Z.png").write_bytes(b"x")
    found, _ = drawn(tmp_path)
    assert len(found.pictures) == 2
    assert "2 pictures of another kind" in caplog.text
    assert "20211101T231500Z.png: is no picture of ours" in caplog.text


@pytest.mark.parametrize("window", [7, 0.2])
def test_windows_of_any_length(tmp_path, window):
    for number in range(3):
        put(tmp_path, number * window, shade(9), window)
    with Image.open(sheet.draw_sheet(tmp_path)) as picture:
        assert max(picture.size) < 1000


def test_a_damaged_picture_costs_its_own_place(tmp_path, caplog):
    for second in (0, 15):
        put(tmp_path, second, shade(200, (64, 64)))
    second = sorted(tmp_path.glob("*.png"))[1]
    os.truncate(second, second.stat().st_size - 40)
    assert sheet.draw_sheet(tmp_path) is not None
    assert f"{second.name}: is damaged" in caplog.text


def test_of_others_there_is_no_sheet(tmp_path):
    (tmp_path / "20211101T231500Z.png").write_bytes(b"x")
    assert sheet.draw_sheet(tmp_path) is None
    assert not (tmp_path / sheet.NAME).exists()
