"""A cube in as many numbers as a picture has pixels, against numpy over all of its levels."""

import json

import numpy as np
import pytest
from pieces import SECOND, stretch, write

from captools.das import overview as module
from captools.das.choice import Choice
from captools.das.cube import fill_cube
from captools.das.cubereading import Cube
from captools.das.cubing import Asked, cube_regions
from captools.das.overview import overview
from captools.errors import InputError

zarr = pytest.importorskip("zarr")
BEGIN = 1_600_000_000 * SECOND
CHANNELS = (3, 300, 1)


def make(folder, **asked):
    """A cube of 30 s with a gap of ten, and a dead channel: 299 segments of 297 channels."""
    samples = np.random.default_rng(8).normal(0, 30, (6000, 300)).astype("f4")
    samples[:, 200] = 7
    early = write(folder, samples[:2000], [], BEGIN)[0]
    (folder / "b").mkdir()
    late = write(folder / "b", samples[4000:], [], BEGIN + 20 * SECOND)[0]
    more = {"choice": Choice(channels="3:300")} | asked
    regions = cube_regions([stretch(early), stretch(late)], Asked("0.2s", 0.5, **more))
    fill_cube(regions, folder / "c.zarr")
    return folder / "c.zarr"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make(tmp_path_factory.mktemp("cube"))


@pytest.fixture(scope="module")
def powers(path):
    """All powers of the cube, without frequency 0."""
    return 10 ** (zarr.open_group(path, mode="r")["psd"][:, 1:].astype(float) / 10)


def binned(table, rows, columns):
    """Means of parts of a table that are as alike as can be."""
    row, column = (
        np.arange(size) * most // size
        for size, most in zip(table.shape, (rows, columns), strict=True)
    )
    with np.errstate(invalid="ignore"):
        return np.array(
            [
                [
                    np.nanmean([*table[row == r][:, column == c].flat, np.nan])
                    for c in range(columns)
                ]
                for r in range(rows)
            ]
        )


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_means_are_those_of_all_powers(path, powers, monkeypatch):
    monkeypatch.setattr(module, "MOST_TIMES", 40)
    monkeypatch.setattr(module, "MOST_FREQUENCIES", 7)
    monkeypatch.setattr(module, "MOST_CHANNELS", 11)
    monkeypatch.setattr(module, "CELLS", 20 * 256 * 13)  # 13 segments of a chunk at a time
    found = overview(Cube.open(str(path)), channel=290, band=(19, 41))
    assert found.channel == 287
    assert (found.band.start, found.band.stop) == (4, 9)  # 20, 25, 30, 35, 40 Hz
    at = powers[:, :, 287]
    np.testing.assert_allclose(found.spectrogram, 10 * np.log10(binned(at, 40, 7)), atol=1e-9)
    np.testing.assert_allclose(found.of_channel, 10 * np.log10(np.nanmean(at, 0)), atol=1e-9)
    power = powers[:, 3:8].sum(1) * 5
    np.testing.assert_allclose(found.along, 10 * np.log10(binned(power, 40, 11)), atol=1e-9)
    mean = 10 * np.log10(np.nanmean(powers, axis=(0, 2)))
    np.testing.assert_allclose(found.spectrum, mean, atol=1e-9)
    there = np.isfinite(powers).any(1)
    assert found.segments == there.any(1).sum() == 198
    assert found.missing == pytest.approx(1 - there.mean())


def test_what_is_missing_is_missing_in_place(path):
    found = overview(Cube.open(str(path)))
    assert found.channel == 148  # in the middle
    missing = np.isnan(found.spectrogram).all(1)
    assert missing.tolist() == [not (row < 99 or row > 199) for row in range(299)]
    assert np.isnan(found.along).all(1).tolist() == missing.tolist()
    assert np.flatnonzero(np.isnan(found.along).all(0)).tolist() == [197]


def test_by_default_the_channel_has_levels(path):
    found = overview(Cube.open(str(path)))
    assert np.isfinite(found.spectrogram).any()
    with pytest.raises(InputError, match="channel 200 is missing: choose another"):
        overview(Cube.open(str(path)), 200)


def test_like_cryocube(tmp_path):
    path = make(tmp_path, like="cryocube")
    levels = zarr.open_group(path, mode="r")["psd"][:].astype(float)
    found = overview(Cube.open(str(path)), band=(10, 30))
    powers = np.exp(levels / 10)
    mean = 10 * np.log(np.nanmean(powers[:, 1:], (0, 2)))
    np.testing.assert_allclose(found.spectrum, mean, atol=1e-9)
    along = 10 * np.log(powers[:, 2:7, 140].sum(1))
    np.testing.assert_allclose(found.along[:, 140], along, atol=1e-9)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"channel": 2}, "--channel 2: the cube has those from 3 to 299"),
        ({"channel": 300}, "from 3 to 299"),
        ({"band": (101, 200)}, "band 101 to 200 Hz: the cube has 21 frequencies up to 100 Hz"),
        ({"band": (0, 4)}, "band 0 to 4 Hz"),
    ],
)
def test_what_the_cube_has_not(path, asked, why):
    with pytest.raises(ValueError, match=why):
        overview(Cube.open(str(path)), **asked)


def test_a_damaged_chunk_is_named(tmp_path):
    path = make(tmp_path)
    chunk = path / "psd/c/0/0/1"
    for bad in (b"", b"junk", chunk.read_bytes()[:-100], (path / "time/c/0").read_bytes()):
        chunk.write_bytes(bad)
        with pytest.raises(InputError, match=r"c\.zarr: psd/c/0/0/1: "):
            overview(Cube.open(str(path)))


def test_what_is_no_cube_of_ours_is_refused(tmp_path):
    path = make(tmp_path)
    root = json.loads((path / "zarr.json").read_text())
    zarr.create_group(tmp_path / "other.zarr").create_array("psd", shape=(3, 4, 5), dtype="f4")
    (tmp_path / "old.zarr").mkdir()
    (tmp_path / "old.zarr/.zgroup").write_text('{"zarr_format": 2}')
    cases = [
        ("other.zarr", "no cube that"),
        ("old.zarr", "no zarr store"),
        ("none.zarr", "no zarr"),
    ]
    for name, why in cases:
        with pytest.raises(InputError, match=rf"{name}: is .*{why}"):
            Cube.open(str(tmp_path / name))
    # Rewritten with other chunks: its attributes still say whose it was.
    root["consolidated_metadata"]["metadata"]["psd"]["chunk_grid"]["configuration"] = {
        "chunk_shape": [50, 21, 256]
    }
    (path / "zarr.json").write_text(json.dumps(root))
    with pytest.raises(InputError, match="no cube that captools dascube has made"):
        Cube.open(str(path))
    (path / "zarr.json").write_text("{")
    with pytest.raises(InputError, match=r"zarr\.json: "):
        Cube.open(str(path))


def test_a_cube_without_levels(tmp_path):
    path = make(tmp_path)
    for chunk in path.glob("psd/c/*/*/*"):
        chunk.unlink()
    with pytest.raises(InputError, match="holds no level by now"):
        overview(Cube.open(str(path)))
