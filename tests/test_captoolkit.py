"""CAPToolkit's scripts: what their names answer, and what agrees on real files.

What its scripts do is done here anew, with h5py and numpy alone.
"""

import re
import shlex
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.time import Time
from straightforward import said

from captools import cli, readatl06
from captools.captoolkit import COMMANDS, answer

STEPS = cli.main.list_commands(None)
PAGE = (Path(__file__).resolve().parents[1] / "docs/captoolkit.md").read_text(encoding="utf-8")
GRANULE = "processed_ATL06_20190416093911_02770303_002_01.h5"
BEAMS = ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")


def measured(what):
    """The numbers of a row of the page's table of what agrees: of CAPToolkit, and of captools."""
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {what} |"))
    return tuple(cell.strip() for cell in row.split("|")[2:4])


# --- names ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["split", "join.py", "xover", "hdf2txt", "merge.py"])
def test_a_name_of_captoolkit_is_answered_in_one_line(run, name):
    result = run(name, "a.h5", "-k", "3")
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {name.removesuffix('.py')} is CAPToolkit's: ")


def test_the_answer_is_the_command_or_that_there_is_none(run):
    assert run("split").stderr.endswith("captools merge INPUT -o OUT.h5 -m N\n")
    assert run("xover").stderr.endswith("does this yet (docs/captoolkit.md)\n")
    assert "CAPToolkit" not in run("nonsense").stderr


def test_a_command_that_is_not_there_yet_is_not_promised():
    assert "captools calc" in answer("corrapply", ["calc"])
    assert "no command" in answer("corrapply", ["merge"])


@pytest.mark.parametrize("words", sorted(set(filter(None, COMMANDS.values()))))
def test_commands_that_are_answered_have_these_options(words):
    for command in words.split(", then captools "):
        step, *rest = shlex.split(command)
        if step not in STEPS:
            assert step == "calc"
            continue
        known = {one for option in cli.main.get_command(None, step).params for one in option.opts}
        assert {word for word in rest if re.fullmatch(r"--?[a-z-]+", word)} <= known


def test_no_script_has_the_name_of_a_step_that_would_hide_it():
    assert set(COMMANDS).isdisjoint(STEPS)


def test_the_page_names_every_script_and_every_command():
    shown = set(re.findall(r"`(\w+)(?:\.py)?`", PAGE))
    assert set(COMMANDS) <= shown
    assert {"readatl06", "merge", "tile"} <= shown


# --- what agrees -------------------------------------------------------------------


def test_every_row_of_the_table_is_measured_here():
    table = PAGE.partition("## What agrees")[2].partition("|---|---|---|\n")[2]
    rows = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    source = Path(__file__).read_text(encoding="utf-8")
    asked = re.findall(r'assert measured\("(.*?)"\)', source)
    assert sorted(rows) == sorted(asked)
    assert rows


@pytest.fixture(scope="module")
def theirs(real_data):
    """What CAPToolkit's rules make of a real granule, beam by beam.

    Columns of the points that are good, which of them ascend, and which agree with neighbours.
    """
    kept = {}
    with h5py.File(real_data / "atl06" / GRANULE) as file:
        for beam in BEAMS:
            segments = file[f"{beam}/land_ice_segments"]
            height = segments["h_li"][:].astype("f8")
            good = (segments["atl06_quality_summary"][:] == 0) & (np.abs(height) < 1e4)
            rise = 20.0 * segments["fit_statistics/dh_fit_dx"][:].astype("f8")
            lat = segments["latitude"][:][good]
            kept[beam] = {
                "lat": lat,
                "h_li": segments["h_li"][:][good],
                "t_gps": segments["delta_time"][:][good]
                + file["ancillary_data/atlas_sdp_gps_epoch"][0],
                "tide_ocean": segments["geophysical/tide_ocean"][:][good],
                "is_asc": _ascends(lat),
                "agrees": _agrees(height, rise)[good],
            }
    return kept


def _ascends(lat):
    """The points up to the extreme latitude are a track, and those from there on another."""
    first = np.arange(len(lat)) < np.argmax(np.abs(lat))
    ascends = np.zeros(len(lat), bool)
    for track in (first, ~first):
        at = np.flatnonzero(track)
        ascends[at] = len(at) > 1 and lat[at[-1]] > lat[at[0]]
    return ascends


def _agrees(height, rise):
    """A segment's own slope leads to the heights of both its neighbours, within 2 m."""
    worst = np.zeros(len(height))
    worst[:-1] = np.abs(height[:-1] + rise[:-1] - height[1:])
    worst[1:] = np.maximum(worst[1:], np.abs(height[1:] - rise[1:] - height[:-1]))
    return worst < 2


def read(granule, folder, **options):
    """What `readatl06` keeps of a granule, beam by beam."""
    kept = {}
    for path in readatl06(granule, folder, **options):
        with h5py.File(path) as file:
            kept[said(file)["beam"]] = {name: file[name][:] for name in file if name[0] != "_"}
    return kept


@pytest.fixture(scope="module")
def ours(real_data, tmp_path_factory):
    """What captools makes of the same granule."""
    return read(real_data / "atl06" / GRANULE, tmp_path_factory.mktemp("ours"))


def joined(beams, name):
    """A column of all beams."""
    return np.concatenate([columns[name] for columns in beams.values()])


def test_the_same_points_are_kept_to_the_last_bit(theirs, ours):
    assert list(ours) == list(theirs)
    for name in ("lat", "h_li", "t_gps"):
        assert np.array_equal(joined(theirs, name), joined(ours, name))
    assert measured("good points, six beams") == (f"{len(joined(ours, 'lat')):,}",) * 2


def test_neighbours_are_asked_in_another_way(theirs, real_data, tmp_path):
    strict = read(real_data / "atl06" / GRANULE, tmp_path, segment_tolerance=2.0)
    their, our = joined(theirs, "lat")[joined(theirs, "agrees")], joined(strict, "lat")
    assert measured("of the good points that agree with their neighbours") == (
        f"{len(their):,}",
        f"{len(our):,}",
    )
    assert measured("of them in both") == (f"{len(np.intersect1d(their, our)):,}",) * 2


def test_no_point_loses_its_direction(theirs, ours):
    plain, ascending = np.sum(joined(theirs, "is_asc")), np.sum(joined(ours, "is_asc"))
    assert plain == len(joined(theirs, "lat")) - len(BEAMS)
    assert ascending == len(joined(ours, "lat"))
    assert measured("of the good points ascending") == (f"{plain:,}", f"{ascending:,}")


def test_years_differ_by_the_seconds_that_the_page_states(theirs, ours):
    tai = Time(joined(theirs, "t_gps"), format="gps").decimalyear  # as its readers have it
    assert np.allclose((tai - joined(ours, "t_year")) * 365 * 86400, 37, atol=1e-2)
    assert measured("`t_year` less that of captools") == ("37 s", "0 s")


def test_fills_are_no_tides(theirs, ours):
    fills = np.sum(joined(theirs, "tide_ocean") > 1e38)
    assert fills == np.sum(np.isnan(joined(ours, "tide_ocean"))) > 0
    assert measured("ocean tides of 3.4e38") == (f"{fills:,}", "0")


@pytest.fixture
def reduced(real_data, run, tmp_path):
    """Two real files of the tutorial's reader, and the numbers of their points."""
    paths = sorted((real_data / "reduced").glob("*_gt1l.h5"))
    columns = []
    for path in paths:
        with h5py.File(path) as file:
            columns.append({name: file[name][:] for name in file})
    return paths, {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}


def test_files_are_merged_and_sorted_as_by_merge_and_sort(reduced, run, tmp_path):
    paths, rows = reduced
    assert (
        run("merge", *paths, "-o", tmp_path / "all.h5", "--sort", "--common", "-q").exit_code == 0
    )
    with h5py.File(tmp_path / "all.h5") as file:
        order = np.argsort(rows["t_sec"], kind="stable")
        assert np.array_equal(file["h_li"][:], rows["h_elv"][order])
        assert measured("rows of two files of the tutorial, merged and sorted") == (
            f"{len(order):,}",
            f"{len(file['h_li']):,}",
        )


def test_a_file_is_split_as_by_split(reduced, run, tmp_path):
    paths, _ = reduced
    with h5py.File(paths[0]) as file:
        height = file["h_elv"][:]
    assert run("merge", paths[0], "-o", tmp_path / "part.h5", "-m", 3, "-q").exit_code == 0
    parts = []
    for path in sorted(tmp_path.glob("part_*.h5")):
        with h5py.File(path) as file:
            parts.append(file["h_li"][:])
    sizes = [len(part) for part in np.array_split(height, 3)]  # theirs: the remainder comes first
    assert np.array_equal(np.concatenate(parts), height)
    assert sorted(map(len, parts)) == sorted(sizes)


def test_a_box_keeps_the_points_that_filtmask_keeps(reduced, run, tmp_path):
    paths, rows = reduced
    south = float(np.median(rows["lat"]))
    inside = (rows["lat"] >= south) & (rows["lat"] <= -50) & (np.abs(rows["lon"]) <= 180)
    words = ("-o", tmp_path / "box", "-b", -180, 180, south, -50, "-q")
    assert run("filter", *paths, *words).exit_code == 0
    kept = 0
    for path in (tmp_path / "box").glob("*.h5"):
        with h5py.File(path) as file:
            kept += len(file["lat"])
    assert kept == np.count_nonzero(inside) > 0
    assert measured("points of these north of their median latitude") == (f"{kept:,}",) * 2


def test_tiles_are_joined_without_their_overlap_as_by_join(reduced, run, tmp_path):
    paths, rows = reduced
    folder = {name: tmp_path / name for name in ("polar", "tiles")}
    assert run("reproject", *paths, "-o", folder["polar"], "-p", 3031, "-q").exit_code == 0
    words = ("-o", folder["tiles"], "-d", 500, "-r", 50, "--common", "-q")
    assert run("tile", folder["polar"], *words).exit_code == 0
    assert run("merge", folder["tiles"], "-o", tmp_path / "all.h5", "-q").exit_code == 0
    with h5py.File(tmp_path / "all.h5") as file:
        assert np.array_equal(np.sort(file["t_gps"][:]), np.sort(rows["t_sec"]))


def test_tracks_are_separated_as_by_septrack(reduced, run, tmp_path):
    paths, rows = reduced
    counts = []
    for number, condition in enumerate(("is_asc", "not is_asc")):
        words = ("-o", tmp_path / str(number), "--where", condition, "-q")
        assert run("filter", *paths, *words).exit_code == 0
        kept = 0
        for path in (tmp_path / str(number)).glob("*.h5"):
            with h5py.File(path) as file:
                kept += len(file["lat"])
        counts.append(kept)
    ascending = np.count_nonzero(rows["trk_type"])
    assert counts == [ascending, len(rows["trk_type"]) - ascending]
    assert 0 not in counts
