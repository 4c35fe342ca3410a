"""export --by: a folder of files that other tools read as one table, each part by its place."""

import os

import duckdb
import geopandas
import numpy as np
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from flatfiles import write_flat

from captools import export, merge, tile
from captools.errors import BadInputs


def columns(rows, seed):
    random = np.random.default_rng(seed)
    x, y = random.uniform(-150e3, 150e3, (2, rows))
    lon, lat = random.uniform(-180, 180, rows), random.uniform(-90, -80, rows)
    number = np.arange(rows) + 1000 * seed
    return {
        "x": x,
        "y": y,
        "lon": lon,
        "lat": lat,
        "h_li": random.normal(size=rows),
        "number": number,
    }


@pytest.fixture
def files(tmp_path):
    """Six files of three cycles, one of them without rows."""
    return [
        write_flat(
            tmp_path / f"in/{seed}.h5",
            columns(0 if seed == 5 else 100 + seed, seed),
            crs="EPSG:3031",
            cycle=cycle,
            spot=1 + seed,
        )
        for seed, cycle in enumerate([12, 3, 12, 3, 12, 7])
    ]


def test_each_cycle_has_a_file_and_all_tools_know_it(files, tmp_path):
    written = export(files, tmp_path / "out", by="cycle")
    assert written == [tmp_path / f"out/cycle={n}/part-0.parquet" for n in (3, 12)]
    assert (written.rows_in, written.rows_out) == (510, 510)
    table = duckdb.sql(
        f"select * from read_parquet('{tmp_path}/out/*/*.parquet', hive_partitioning=true)"
    )
    rows = {(row["number"], row["cycle"], row["spot"]) for row in table.df().to_dict("records")}
    expected = {
        (1000 * seed + n, cycle, 1 + seed)
        for seed, cycle in enumerate([12, 3, 12, 3, 12])
        for n in range(100 + seed)
    }
    assert rows == expected
    found = pyarrow.dataset.dataset(tmp_path / "out", partitioning="hive").to_table()
    assert (
        set(zip(*(found[name].to_pylist() for name in ("number", "cycle", "spot")), strict=True))
        == expected
    )
    assert len(geopandas.read_parquet(written[0])) == 101 + 103


def test_a_file_of_a_part_is_that_of_its_inputs_alone(files, tmp_path):
    export(files, tmp_path / "out", by="cycle", variables="number,h_li", jobs=2)
    export(files[1:4:2], tmp_path / "alone.parquet", variables="number,h_li", jobs=1)
    part = tmp_path / "out/cycle=3/part-0.parquet"
    assert part.read_bytes() == (tmp_path / "alone.parquet").read_bytes()


def test_each_tile_has_a_file_with_its_core(files, tmp_path):
    tile(files, tmp_path / "tiles", size=100, overlap=10)
    with pytest.warns(UserWarning, match="of overlaps left out"):
        written = export(
            sorted((tmp_path / "tiles").glob("*.h5")),
            tmp_path / "out",
            by="tile",
        )
    names = {path.name[5:-3] for path in (tmp_path / "tiles").glob("*.h5")}
    assert {path.parent.name.removeprefix("tile=") for path in written} <= names
    assert written.rows_out == 510
    numbers = [value for path in written for value in pq.read_table(path)["number"].to_pylist()]
    assert sorted(numbers) == sorted(
        n + 1000 * seed for seed in range(5) for n in range(100 + seed)
    )


def test_files_of_several_cycles_and_those_that_are_no_tiles_are_named(files, tmp_path):
    (merged,) = merge(files, tmp_path / "all.h5")
    for by, why in (("cycle", "has rows of 2 cycles"), ("tile", "is no tile")):
        with pytest.raises(BadInputs, match=why):
            export([merged], tmp_path / "out", by=by)
        assert not (tmp_path / "out").exists()
    tile(files, tmp_path / "tiles", size=100)
    (whole,) = merge(sorted((tmp_path / "tiles").glob("*.h5")), tmp_path / "m.h5", all_rows=True)
    with pytest.raises(BadInputs, match="is no tile"):
        export([whole], tmp_path / "out", by="tile")
    (one,) = merge(files[1:4:2], tmp_path / "one.h5")
    (written,) = export([one], tmp_path / "out", by="cycle")
    assert written.parent.name == "cycle=3"


def test_only_a_folder_of_parts_is_replaced(files, tmp_path, run):
    out = tmp_path / "out"
    words = ("export", files[1], files[3], "-o", out, "--by", "cycle")
    assert run(*words).exit_code == 0
    before = (out / "cycle=3/part-0.parquet").read_bytes()
    result = run("export", files[3], "-o", out, "--by", "cycle")
    assert (result.exit_code, result.stdout) == (0, f"{out}/cycle=3/part-0.parquet\n")
    assert (out / "cycle=3/part-0.parquet").read_bytes() != before
    (out / "cycle=3/other.parquet").write_text("mine")
    result = run(*words)
    assert result.exit_code == 2
    assert "holds cycle=3/other.parquet: only a folder of --by cycle is replaced" in result.stderr
    (out / "cycle=3/other.parquet").unlink()
    (out / "notes.txt").write_text("mine")
    for output, why in (
        (out, "holds notes.txt: only a folder of --by cycle is replaced"),
        (tmp_path / "a.parquet", "name a folder, for --by makes a file of each"),
        (files[0], "is an input"),
    ):
        result = run("export", files[1], files[3], "-o", output, "--by", "cycle")
        assert result.exit_code == 2
        assert why in result.stderr or output == files[0], result.stderr
    assert sorted(os.listdir(out)) == ["cycle=3", "notes.txt"]
    assert run("export", files[0], "-o", tmp_path / "folder").exit_code == 2
    damaged = tmp_path / "in/1.h5"
    os.truncate(damaged, os.path.getsize(damaged) // 2)
    result = run("export", *files, "-o", tmp_path / "new", "--by", "cycle")
    assert result.exit_code == 1
    assert f"failed: {damaged}" in result.stderr
    assert not (tmp_path / "new").exists()
    result = run("export", *files, "-o", tmp_path / "new", "--by", "cycle", "--skip-bad")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
