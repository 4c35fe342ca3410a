"""view of a cube: JupyterLab is called with a notebook that calls Lexcube, where both are there."""

import json
import os
import signal
import sys

import numpy as np
import pytest
from pieces import stretch, write
from processes import start

from captools.das.cube import fill_cube
from captools.das.cubereading import Cube
from captools.das.cubing import Asked, cube_regions
from captools.maps.lexcube import notebook


@pytest.fixture
def cube(tmp_path):
    """Six seconds of four channels: 59 segments, 21 frequencies."""
    pytest.importorskip("numcodecs")
    samples = np.random.default_rng(2).normal(0, 9, (1200, 4)).astype("f4")
    parts = [stretch(*write(tmp_path, samples, []))]
    fill_cube(cube_regions(parts, Asked("0.2s", 0.5)), tmp_path / "c.zarr")
    return tmp_path / "c.zarr"


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """Write modules that stand for Lexcube and JupyterLab; the code of the second is given."""

    def make(code):
        for name in ("lexcube", "jupyterlab"):
            (tmp_path / "lib" / name).mkdir(parents=True)
            (tmp_path / "lib" / name / "__init__.py").touch()
        (tmp_path / "lib/jupyterlab/__main__.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path / "lib"), *filter(None, sys.path)]))
        monkeypatch.syspath_prepend(tmp_path / "lib")

    return make


def test_what_to_install_is_one_line(run, cube, monkeypatch):
    monkeypatch.setattr("captools.maps.lexcube.find_spec", lambda name: None)
    result = run("view", cube)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: needs lexcube and jupyterlab to show a cube: pip install lexcube jupyterlab; "
        "captools preview draws it without\n"
    )


def test_only_a_cube_is_shown_and_without_options_of_points(run, cube, tmp_path):
    (tmp_path / "x.zarr").mkdir()
    result = run("view", tmp_path / "x.zarr")
    assert (result.exit_code, "x.zarr: is no zarr store of" in result.stderr) == (1, True)
    result = run("view", cube, "-b", 0, 1, 2, 3)
    assert (result.exit_code, "bbox is for points" in result.stderr) == (2, True)
    result = run("view", cube, tmp_path / "x.zarr")
    assert (result.exit_code, "by itself" in result.stderr) == (2, True)


def test_jupyter_is_called_with_a_notebook_and_ended(cube, fakes, tmp_path):
    fakes(
        "import json, os, pathlib, sys, time\n"
        "root = next(one.partition('root_dir=')[2] for one in sys.argv if 'root_dir=' in one)\n"
        "book = json.loads(pathlib.Path(root, 'cube.ipynb').read_text())\n"
        "found = [sys.argv[1:], os.environ['JUPYTER_TOKEN'], os.getpid(), book, root]\n"
        f"place = pathlib.Path({str(tmp_path / 'found')!r})\n"
        "place.with_suffix('.part').write_text(json.dumps(found))\n"
        "place.with_suffix('.part').rename(place)\n"
        "time.sleep(60)\n"
    )
    with start("view", str(cube), "--no-browser") as process:
        address = process.stdout.readline().strip()
        while not (tmp_path / "found").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130, process.stderr.read()
    words, token, pid, book, root = json.loads((tmp_path / "found").read_text())
    port = next(one.partition("port=")[2] for one in words if "port=" in one)
    assert address == f"http://127.0.0.1:{port}/lab/tree/cube.ipynb?token={token}"
    assert "--ServerApp.ip=127.0.0.1" in words
    assert not any(token in word for word in words)  # which all users see
    assert book == notebook(Cube.open(str(cube)))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not os.path.exists(root)


def test_why_jupyter_has_ended_is_said(run, cube, fakes):
    fakes("import sys\nsys.exit('no, not today')\n")
    result = run("view", cube, "--no-browser")
    assert result.exit_code == 1
    assert result.stderr.endswith("JupyterLab has ended by itself: no, not today\n")


def test_the_cell_gives_lexcube_all_levels_and_more_times_if_they_are_few(cube, monkeypatch):
    xarray = pytest.importorskip("xarray")
    given = []
    fake = type(sys)("lexcube")
    fake.Cube3DWidget = lambda levels, cmap: given.append(levels)
    monkeypatch.setitem(sys.modules, "lexcube", fake)
    (cell,) = notebook(Cube.open(str(cube)))["cells"]
    exec(cell["source"], {})
    levels = xarray.open_zarr(cube).psd
    assert given[0].shape == (129, 21, 4)
    assert np.array_equal(given[0][:59], levels, equal_nan=True)
    assert np.isnan(given[0][59:]).all()
    assert np.array_equal(given[0].time[:59], levels.time)
