"""Rows that are counted twice, and headers that should say the same."""

import re
import tracemalloc
import warnings

import h5py
import numpy as np
import pytest
from flatfiles import write_flat

from captools.errors import CaptoolsWarning
from captools.flat.collection import Collection
from captools.flat.origins import Origins
from captools.flat.reader import FlatFile
from captools.steps.export import export
from captools.steps.merge import merge
from captools.steps.readatl06 import readatl06
from captools.steps.reproject import reproject
from captools.steps.tile import tile

GRANULE = "ATL06_20190101001723_00540210_006_01"


@pytest.fixture(scope="module")
def beams(granule, tmp_path_factory):
    """All beams of a granule."""
    return readatl06(granule, tmp_path_factory.mktemp("beams"), crs=3031)


def said(paths):
    """What is said of files that are put together."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaptoolsWarning)
        Collection(paths)
    return [str(one.message) for one in caught]


def test_beams_legs_parts_and_tiles_are_not_twice(beams, granule, tmp_path):
    assert said(beams) == []
    assert said(readatl06(granule, tmp_path / "legs", split=True, crs=3031)) == []
    assert said(merge(beams, tmp_path / "parts.h5", parts=3)) == []
    tiles = tile(beams, tmp_path / "tiles", size=500, overlap=50)[:-1]
    assert [one for one in said(tiles) if "overlaps left out" not in one] == []
    again = [reproject(path, tmp_path / "again", crs=3412)[0] for path in tiles]
    assert [one for one in said(again) if "overlaps left out" not in one] == []


@pytest.mark.parametrize("which", ["merged", "tiles", "copies"])
def test_what_is_put_beside_its_parts_is_twice(beams, tmp_path, which):
    if which == "merged":
        more = merge(beams[:2], tmp_path / "all.h5")
    elif which == "tiles":
        more = tile(beams[:2], tmp_path / "tiles", size=500)[:-1]
    else:
        more = [tmp_path / f"processed_{beams[0].name}"]
        more[0].write_bytes(beams[0].read_bytes())
    for paths in ([*beams, *more], [*more, *beams]):
        (message,) = (
            [one for one in said(paths) if "differ" not in one]
            if which != "tiles"
            else (twice_in_tiles(paths))
        )
        assert message.startswith("rows are counted twice: 1 granule comes more than once")


def test_merged_tiles_are_whole_files_again(beams, tmp_path):
    tiles = tile(beams, tmp_path / "tiles", size=500)[:-1]
    both = [*merge(tiles, tmp_path / "a.h5"), *merge(tiles, tmp_path / "b.h5")]
    (message,) = said(both)
    assert message.startswith("rows are counted twice: 1 granule comes more than once")


def test_many_tiles_of_many_granules_are_remembered_once(tmp_path):
    names = np.array(
        [f"ATL06_20190101001723_{k:04d}0210_006_01.h5".encode() for k in range(1, 999)]
    )
    header = {"step": "tile", "options": "{}", "crs": "EPSG:3031"}
    origins = Origins()
    for tile_number in range(30):
        path = write_flat(tmp_path / f"{tile_number}.h5", {"x": np.zeros(1)}, **header)
        with h5py.File(path, "a") as file:
            file["_captools/source"] = names
        with FlatFile(path) as file:
            origins.add(file)
    tracemalloc.start()
    for tile_number in range(30):
        with FlatFile(tmp_path / f"{tile_number}.h5") as file:
            origins.add(file)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 30 * names.nbytes / 4  # of what the names of all of them take


def twice_in_tiles(paths):
    """What is said of the columns that tiles and beams share, made alike."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaptoolsWarning)
        Collection(paths, "common")
    return [str(one.message) for one in caught if "left out" not in str(one.message)]


def test_two_versions_are_named(tmp_path):
    columns = {"lat": np.zeros(2)}
    paths = [
        write_flat(tmp_path / f"{GRANULE[:-1]}{k}.h5", columns, source=f"{GRANULE[:-1]}{k}.h5")
        for k in (1, 2)
    ]
    (message,) = said(paths)
    assert re.fullmatch(
        f"rows are counted twice: 1 granule comes .* {GRANULE[:-7]} in 2 versions in .*", message
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("reference_frame", ("ITRF2014", "ITRF2020")),
        ("tide_system", ("tide-free", "mean-tide")),
        ("release", ("006", "007")),
        ("product", ("ATL06", "ATL08")),
    ],
)
def test_frames_that_differ_are_named_once_with_both_values(tmp_path, name, values):
    paths = [
        write_flat(tmp_path / f"{k}.h5", {"lat": np.zeros(1)}, **{name: value})
        for k, value in enumerate((values[0], *values, values[1]))
    ]
    assert said(paths) == [
        "inputs differ, and what they hold may not go together: "
        f"{name} is {values[0]} in 0.h5, {values[1]} in 2.h5"
    ]
    assert said(paths[:2]) == []


def test_core_rows_of_tiles_count_only_once(beams, tmp_path):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    rows = merge(beams, tmp_path / "all.h5").rows_out
    tiles = tile(beams, tmp_path / "tiles", size=300, overlap=100)
    assert tiles.rows_out > rows
    assert tiles.rows_in - sum(tiles.removed.values()) + sum(tiles.added.values()) == tiles.rows_out
    with pytest.warns(CaptoolsWarning, match=r"rows of overlaps left out.*--all-rows"):
        merged = merge(tiles[:-1], tmp_path / "core.h5")
    assert (merged.rows_in, merged.rows_out) == (tiles.rows_out, rows)
    assert merged.removed == {"overlap": tiles.rows_out - rows}
    assert merge(tiles[:-1], tmp_path / "twice.h5", all_rows=True).rows_out == tiles.rows_out
    with pytest.warns(CaptoolsWarning, match="rows of overlaps left out"):
        export(tiles[:-1], tmp_path / "a.csv", variables="h_li")
    assert len(pandas.read_csv(tmp_path / "a.csv", skip_blank_lines=False)) == rows
