"""The whole chain on real files: every step says what it did in one line, and nothing else."""

from pathlib import Path

import h5py
import numpy as np
import pytest

GRANULES = (
    "processed_ATL06_20190416093911_02770303_002_01.h5",
    "processed_ATL06_20190625191102_13520305_002_01.h5",
)


@pytest.fixture
def step(run, tmp_path, monkeypatch):
    """A function that runs a step, and returns what it prints and the lines it says beside."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        result = run(*words)
        assert result.exit_code == 0, result.stderr
        return result.stdout.splitlines(), result.stderr.splitlines()

    return call


def segments(granule):
    """How many segments each beam of a granule has, and the errors of the good heights."""
    with h5py.File(granule) as file:
        groups = [file[f"{beam}/land_ice_segments"] for beam in file if beam[:2] == "gt"]
        kept = []
        for group in groups:
            good = group["atl06_quality_summary"][:] == 0
            good &= np.abs(group["h_li"][:].astype("f8")) < 1e4
            kept.append(group["h_li_sigma"][:][good])
        return [len(group["h_li"]) for group in groups], kept


def follow(step, folder, rows, crs):
    """Run all steps that come behind `filter`; each says one line with the sum, or none."""
    files = len(list(Path(folder).glob("*.h5")))
    done = f"{files} inputs: {files} done, 0 empty, 0 failed; {rows:,} of {rows:,} rows kept"
    same = f"{rows:,} rows in, {rows:,} rows out"
    formula = "h_cor = h_li - tide_ocean"
    assert step("calc", folder, "-o", "corrected", "-e", formula)[1] == [done]
    assert step("reproject", "corrected", "-o", "polar", "-p", crs)[1] == [done]
    assert step("merge", "polar", "-o", "all.h5") == (["all.h5"], [same])
    tiles, said = step("tile", "polar", "-o", "tiles", "-d", 200)
    assert said == [same]
    assert step("export", "all.h5", "-o", "all.parquet") == (["all.parquet"], [same])
    assert step("preview", "all.h5", "-o", "all.tif") == (["all.tif"], [same])
    described, said = step("info", "all.h5")
    assert f"rows {rows:,}" in [" ".join(line.split()) for line in described]
    assert said == []
    tiles = [name for name in tiles if name.endswith(".h5")]
    fine, said = step("check", "polar", "all.h5", "tiles")
    count = files + 1 + len(tiles)
    assert said == [f"{count} files: {count} fine, 0 bad"]
    assert len(fine) == count
    assert all(": fine (flat file, " in line for line in fine)
    (_, summary, *slowest), said = step("report", "polar")
    assert summary.split()[:6] == ["reproject", str(files), str(files), "0", "0", f"{rows:,}"]
    assert all(line.startswith("slowest: ") for line in slowest)
    assert said == []


def test_real_granules_go_through_all_steps_without_an_unneeded_line(step, real_data):
    granules = [real_data / "atl06" / name for name in GRANULES]
    lengths, errors = zip(*map(segments, granules), strict=True)
    errors = [one for beams in errors for one in beams if len(one)]
    kept, rows = sum(map(len, errors)), sum(int(np.sum(one < 0.05)) for one in errors)
    assert 0 < rows < kept
    written, said = step("readatl06", *granules, "-o", "flat")
    total = sum(map(sum, lengths))
    assert said == [f"2 inputs: 2 done, 0 empty, 0 failed; {kept:,} of {total:,} rows kept"]
    assert len(written) == len(errors)
    left = [one for one in errors if np.any(one < 0.05)]
    written, said = step("filter", "flat", "-o", "filtered", "--where", "s_li < 0.05")
    assert said == [
        f"{len(errors)} inputs: {len(left)} done, {len(errors) - len(left)} empty, 0 failed; "
        f"{rows:,} of {kept:,} rows kept; removed: where {kept - rows:,}"
    ]
    assert len(written) == len(left)
    follow(step, "filtered", rows, 3413)


def test_files_of_the_tutorial_go_through_all_steps_with_one_line_of_what_they_are(step, real_data):
    paths = sorted((real_data / "reduced").glob("*_00540210_*.h5"))[:2]
    heights = []
    for path in paths:
        with h5py.File(path) as file:
            heights.append(file["h_elv"][:])
    total = sum(map(len, heights))
    rows = sum(int(np.sum((one > 1000) & (one < 1e4))) for one in heights)
    assert 0 < rows < total
    _, said = step("filter", *paths, "-o", "filtered", "--where", "1000 < h_li < 1e4")
    assert said == [
        f"warning: {paths[0].name}: is not of captools: columns renamed to ours, fills are NaN, "
        "t_year made anew from the seconds (1 more like this)",
        f"2 inputs: 2 done, 0 empty, 0 failed; {rows:,} of {total:,} rows kept; "
        f"removed: where {total - rows:,}",
    ]
    follow(step, "filtered", rows, 3031)
