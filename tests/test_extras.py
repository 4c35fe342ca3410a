"""Libraries of extras: what a missing one says, and no more imported than is needed."""

import subprocess
import sys

import numpy as np
import pytest
import shapely
from flatfiles import write_flat
from processes import COMMAND

from captools import extras

UNNEEDED = ("geopandas", "pandas", "pyarrow")


@pytest.mark.parametrize("is_ours", [True, False])
def test_only_in_a_process_of_its_own_a_library_does_without_others(tmp_path, monkeypatch, is_ours):
    (tmp_path / "plain_library.py").write_text(
        "try:\n    import large_library\nexcept ImportError:\n    large_library = None\n"
    )
    (tmp_path / "large_library.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(extras._process, "ours", is_ours)
    with extras.without("large_library"):
        import plain_library
    assert (plain_library.large_library is None) == is_ours
    import large_library  # afterwards it is there for who needs it

    assert large_library.__name__ == "large_library"
    for name in ("plain_library", "large_library"):
        del sys.modules[name]


def test_a_polygon_mask_costs_no_process_the_import_of_data_frames(tmp_path, monkeypatch):
    for name in ("a.h5", "b.h5"):  # more than one: workers are started
        write_flat(tmp_path / name, {"lon": np.array([15.0]), "lat": np.array([-75.0])})
    square = shapely.to_geojson(shapely.box(10, -80, 20, -70))
    (tmp_path / "m.geojson").write_text(square)
    for name in UNNEEDED:
        (tmp_path / "first" / name).mkdir(parents=True)
        (tmp_path / "first" / name / "__init__.py").write_text(
            f"print('{name} imported', flush=True)\nraise ImportError\n"
        )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'first'}:{':'.join(filter(None, sys.path))}")

    def said(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)

    filtering = ("filter", "a.h5", "b.h5", "-o", "out", "-f", "m.geojson", "-n", "2")
    assert said(*COMMAND, *filtering).stdout == "out/a.h5\nout/b.h5\n"
    usual = said(sys.executable, "-c", "import pyogrio").stdout
    assert sorted(usual.split()[::2]) == sorted(UNNEEDED)  # they would have been seen


@pytest.mark.parametrize(
    ("library", "extra", "words"),
    [
        ("pyarrow", "export", "export {} -o all.csv"),
        ("pyarrow", "export", "export {} -o all.parquet"),
        ("matplotlib", "preview", "preview {} -o map.png"),
        ("colorcet", "preview", "preview {} -o map.png --cmap fire"),
        ("rasterio", "geo", "preview {} -o map.tif"),
        ("rasterio", "geo", "filter {} -o out -f mask.tif"),
        ("rasterio", "geo", "readatl06 {} -o out -f mask.tif"),
        ("numba", "preview", "view {} --no-browser"),
        ("icepyx", "download", "download -o out -b 0 1 0 1 --dry-run"),
        ("earthaccess", "remote", "filter {} -o out --finite lat --earthdata"),
        ("s3fs", "remote", "filter {} -o s3://bucket/out --finite lat --journal here"),
        ("s3fs", "remote", "merge {} -o s3://bucket/all.h5"),
        ("s3fs", "remote", "info s3://bucket/all.h5"),
        ("tiledb", "gnss", "readrinex {} -o all.tdb"),
        ("tiledb", "gnss", "export all.tdb -o days"),
        ("pyarrow", "export", "export all.tdb -o days"),
        ("dascore", "das", "dasinfo {}"),
        ("zarr", "das", "dasinfo record.zarr"),
        ("dascore", "das", "dascube {} -o cube.zarr"),
        ("dascore", "das", "dasprocess {} -o out --do abs"),
        ("obspy", "mseed", "dasprocess {} -o out --do abs --to mseed"),
        ("mpi4py", "mpi", "filter {} -o out --finite lat --engine mpi"),
        ("distributed", "dask", "filter {} -o out --finite lat --engine dask"),
    ],
)
def test_a_missing_library_is_no_wrong_usage(run, tmp_path, monkeypatch, library, extra, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mask.tif").write_bytes(b"II*\0")
    (tmp_path / "record.zarr").mkdir()
    path = write_flat(tmp_path / "in" / "a.h5", {"lat": np.zeros(1), "x": np.zeros(1)})
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    result = run(*words.format(path).split())
    assert result.exit_code == 1
    assert f"pip install 'captools[{extra}]'" in result.stderr
    assert "Usage" not in result.stderr
    assert "Traceback" not in result.stderr
