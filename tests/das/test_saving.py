"""Patches as files: the same bytes, which others read."""

import io
import sys
import types

import numpy as np
import pytest
from pieces import need_dascore

from captools.das.saving import encoded, require_for
from captools.errors import InputError, MissingExtra

dascore = need_dascore()


@pytest.fixture
def patch():
    samples = np.random.default_rng(4).normal(size=(40, 3))
    time = np.datetime64("2021-11-01T23:11:15", "ns") + np.arange(40) * np.timedelta64(5, "ms")
    coords = {"time": time, "distance": np.array([10.0, 12.0, 14.0])}
    attrs = {"data_units": "nm/m/s", "gauge_length": 10.0, "strange": np.nan}
    made = dascore.Patch(samples, coords, ("time", "distance"), attrs).set_units("nm/m/s", time="s")
    return made.pass_filter(time=(14, 35))


@pytest.mark.parametrize("form", ["dasdae", "zarr", "png"])
def test_a_patch_is_the_same_bytes(patch, form, monkeypatch):
    first = encoded(patch, form)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert encoded(patch, form) == first


def test_dascore_reads_dasdae(patch, tmp_path):
    (tmp_path / "a.h5").write_bytes(encoded(patch, "dasdae"))
    (found,) = dascore.read(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.data, patch.data)
    assert found.attrs.history == patch.attrs.history
    assert found.coords == patch.coords


def test_xarray_opens_zarr(patch, tmp_path):
    zarr, xarray = pytest.importorskip("zarr"), pytest.importorskip("xarray")
    (tmp_path / "a.zarr.zip").write_bytes(encoded(patch, "zarr"))
    with xarray.open_zarr(zarr.storage.ZipStore(tmp_path / "a.zarr.zip", mode="r")) as found:
        np.testing.assert_array_equal(found.samples, patch.data)
        np.testing.assert_array_equal(found.time, patch.get_array("time"))
        assert found.distance.values.tolist() == [10.0, 12.0, 14.0]
        assert found.samples.units == "nm / m / s"
        assert found.samples.gauge_length == 10
        assert "strange" not in found.samples.attrs
        assert found.samples.history == list(patch.attrs.history)


def test_a_picture_is_one(patch):
    from PIL import Image

    with Image.open(io.BytesIO(encoded(patch, "png"))) as picture:
        assert picture.size == (1200, 720)
        assert len(picture.convert("RGB").getcolors(10**6)) > 100


def test_traces_of_miniseed_have_numbers(patch, monkeypatch):
    """ObsPy is not at hand: what DASCore asks of it is played."""
    written = []

    class Stream(list):
        def write(self, file, format):
            written.append((format, [trace.stats.station for trace in self]))
            file.write(b"miniseed")

    class Trace:
        def __init__(self, data, header):
            self.data, self.stats = data, types.SimpleNamespace(**header)

    played = types.SimpleNamespace(Stream=Stream, Trace=Trace, UTCDateTime=str)
    monkeypatch.setitem(sys.modules, "obspy", played)
    assert encoded(patch, "mseed") == b"miniseed"
    assert written == [("MSEED", ["00000", "00001", "00002"])]


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obspy", None)
    with pytest.raises(MissingExtra, match=r"captools\[mseed\]"):
        require_for("mseed")


def test_what_a_format_cannot_hold_is_said(patch):
    flat = patch.mean("distance").squeeze("distance")
    with pytest.raises(InputError, match="cannot be written as png"):
        encoded(flat, "png")
