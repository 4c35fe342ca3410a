"""A library of an extra that is not installed: one line with the remedy, and exit code 1."""

import sys

import numpy as np
import pytest
from flatfiles import write_flat


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
        ("mpi4py", "mpi", "filter {} -o out --finite lat --engine mpi"),
        ("distributed", "dask", "filter {} -o out --finite lat --engine dask"),
    ],
)
def test_a_missing_library_is_no_wrong_usage(run, tmp_path, monkeypatch, library, extra, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mask.tif").write_bytes(b"II*\0")
    path = write_flat(tmp_path / "in" / "a.h5", {"lat": np.zeros(1), "x": np.zeros(1)})
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    result = run(*words.format(path).split())
    assert result.exit_code == 1
    assert f"pip install 'captools[{extra}]'" in result.stderr
    assert "Usage" not in result.stderr
    assert "Traceback" not in result.stderr
