"""The tutorial, cell by cell: it runs, and its heights are those of the known surface."""

import json
import shlex
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = json.loads((ROOT / "docs/tutorial.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_it_is_a_notebook_without_outputs():
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    keys = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(keys)) == len(keys)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tutorial")


@pytest.fixture
def names(folder, run, monkeypatch):
    """The names that the notebook leaves, run in its folder; `!captools` runs in this process."""
    monkeypatch.chdir(folder)

    def shell(line):
        first, *words = shlex.split(line)
        assert first == "captools"
        result = run(*words)
        assert result.exit_code == 0, f"{line}\n{result.stderr}"
        assert "warning" not in result.stderr.lower(), f"{line}\n{result.stderr}"

    found = {"shell": shell}
    for cell in CODE:
        lines = "".join(cell["source"]).splitlines()
        script = [f"shell({line[1:]!r})" if line.startswith("!") else line for line in lines]
        exec(compile("\n".join(script), cell["id"], "exec"), found)
    yield found
    plt.close("all")


def test_it_runs_and_its_heights_are_those_of_the_surface(names, folder):
    assert len(names["paths"]) == len(list((folder / "good").iterdir())) - 1 > 0  # and the journal
    assert names["core_rows"] == names["merged_rows"] == len(names["frame"])
    rows = 0
    for path in (folder / "reduced").glob("*.h5"):
        with h5py.File(path) as file:
            assert file["lat"][:].max() <= -70
            rows += int(np.count_nonzero((file["s_li"][:] < 1) & np.isfinite(file["h_li"][:])))
    assert names["merged_rows"] == rows
    exported = pd.read_parquet(folder / "all.parquet")
    np.testing.assert_array_equal(np.sort(exported.h_li), np.sort(names["frame"].h_li))
    # The notebook asks for a noise of 10 cm: each mean of n heights is within 5 / sqrt(n) of it.
    residual = names["residual"].to_numpy()
    assert abs(residual.mean()) < 5 * 0.1 / np.sqrt(len(residual))
    assert residual.std() == pytest.approx(0.1, rel=0.1)
    for name in ("map.png", "profile.png"):
        assert (folder / name).stat().st_size > 5_000
