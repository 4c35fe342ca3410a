"""preview of a cube of spectra, from end to end."""

import shutil

import numpy as np
import pytest
from matplotlib.image import imread
from pieces import stretch, write

import captools
from captools.das.cube import fill_cube
from captools.das.cubing import Asked, cube_regions
from captools.steps.readatl06 import readatl06


@pytest.fixture(scope="module")
def cube(tmp_path_factory):
    """Twelve seconds of six channels, with a gap."""
    pytest.importorskip("numcodecs")
    folder = tmp_path_factory.mktemp("cube")
    samples = np.random.default_rng(2).normal(0, 9, (2400, 6)).astype("f4")
    parts = [stretch(one) for one in write(folder, samples, [1000, 1300])]
    fill_cube(cube_regions([parts[0], parts[2]], Asked("0.2s", 0.5)), folder / "c.zarr")
    return folder / "c.zarr"


def test_a_cube_is_drawn(run, cube, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in cube.rglob("*")}
    result = run("preview", cube, "-o", tmp_path / "a.png", "--band", 10, 40, "--channel", 4)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'a.png'}\n"
    assert "119 rows in, 103 rows out" in result.stderr
    assert imread(tmp_path / "a.png").shape[:2] == (1122, 1235)
    captools.preview(str(cube), tmp_path / "b.png", band=(10, 40), channel=4)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    captools.preview([cube], tmp_path / "c.png")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "c.png").read_bytes()
    assert before == {path: path.stat().st_mtime_ns for path in cube.rglob("*")}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--channel", 6), "--channel 6: the cube has those from 0 to 5"),
        (("--band", 200, 300), "the cube has 21 frequencies up to 100 Hz"),
        (("--band", 40, 10), "limits 40 10: the first must be below the second"),
        (("-b", 0, 1, 2, 3), "bbox is for points, not for a cube"),
        (("--how", "log"), "how is for points, not for a cube"),
        (("other.zarr",), "a cube is looked at by itself"),
    ],
)
def test_what_is_no_picture_of_a_cube_is_wrong_usage(run, cube, tmp_path, words, why):
    result = run("preview", cube, "-o", tmp_path / "a.png", *words)
    assert (result.exit_code, why in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "a.png").exists()


def test_no_raster_of_a_cube_and_no_channel_of_points(run, cube, granules, tmp_path):
    flat = readatl06(min(granules.iterdir()), tmp_path / "flat")[0]
    result = run("preview", cube, "-o", tmp_path / "a.tif")
    assert (result.exit_code, "drawn as a figure" in result.stderr) == (2, True)
    result = run("preview", flat, "-o", tmp_path / "a.png", "--channel", 1)
    assert (result.exit_code, "channel is for a cube" in result.stderr) == (2, True)


def test_info_and_check_know_it(run, cube, tmp_path):
    result = run("info", cube)
    assert result.exit_code == 0, result.output
    said = [line.strip() for line in result.stdout.splitlines()]
    assert said[1].startswith("kind             cube of spectra, ")
    assert "rows             119" in said
    assert "time             1970-01-01T00:00:00Z to 1970-01-01T00:00:11.8Z" in said
    assert "header           segment 0.2 s, frequencies 0 to 100 Hz, channels 0 to 5" in said
    result = run("check", cube)
    assert result.stdout == f"{cube}: fine (cube of spectra, 119 segments, 6 channels, 2 chunks)\n"
    (tmp_path / "x.zarr").mkdir()
    for step in ("info", "check"):
        result = run(step, tmp_path / "x.zarr")
        assert result.exit_code == 1
        assert "x.zarr: is no zarr store of version 3, as captools dascube" in result.output
    copy = tmp_path / "y.zarr"
    shutil.copytree(cube, copy)
    (copy / "psd/c/1/0/0").write_bytes(b"junk")
    result = run("check", copy)
    assert (result.exit_code, "psd/c/1/0/0: " in result.stdout) == (1, True)
    shutil.copyfile(cube / "psd/c/1/0/0", copy / "psd/c/1/0/0")
    (copy / "time/c/0").unlink()
    result = run("check", copy)
    assert (result.exit_code, "time/c/0: is missing" in result.stdout) == (1, True)


def test_another_store_is_refused_by_name(run, tmp_path):
    (tmp_path / "x.zarr").mkdir()
    result = run("preview", tmp_path / "x.zarr", "-o", tmp_path / "a.png")
    assert result.exit_code == 1
    assert f"{tmp_path / 'x.zarr'}: is no zarr store of version 3" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
