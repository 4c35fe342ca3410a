"""Outputs in subfolders by cycle: the same files, also when runs are killed, changed or moved."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from captools import merge, readatl06
from captools.errors import InputError
from captools.io.address import SUBFOLDER
from captools.io.atomic import PRIVATE
from captools.products import ATL06
from captools.run.journal import lines
from captools.simulation.granule import write_granule

CYCLES = (1, 2)


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    """A folder of a granule of each cycle. Not to be changed."""
    folder = tmp_path_factory.mktemp("granules")
    for cycle in CYCLES:
        write_granule(folder, 1, cycle, 11, segments=40)
    return folder


@pytest.fixture(scope="module")
def flat(run, granules, tmp_path_factory):
    """What comes of them without subfolders: names and bytes."""
    folder = tmp_path_factory.mktemp("flat")
    assert run("readatl06", granules, "-o", folder).exit_code == 0
    return {path.name: path.read_bytes() for path in folder.glob("*.h5")}


@pytest.fixture
def wanted(flat):
    """The same by cycle; characters 25 and 26 of a granule's name are its cycle."""
    return {f"cycle_{name[25:27]}/{name}": data for name, data in flat.items()}


@pytest.fixture
def by_cycle(run, granules, tmp_path):
    """A function that does the granules by cycle, in out/."""
    words = ("readatl06", granules, "-o", tmp_path / "out", "--by", "cycle")
    return lambda *more: run(*words, *more)


def found(folder):
    """All files by name, hidden ones and those of subfolders too, but not the journal."""
    paths = (path for path in folder.rglob("*") if path.is_file() and PRIVATE not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_files_are_those_of_one_folder(by_cycle, tmp_path, wanted):
    assert {os.path.dirname(name) for name in wanted} == {"cycle_01", "cycle_02"}
    result = by_cycle()
    assert (result.exit_code, found(tmp_path / "out")) == (0, wanted)
    assert result.stdout.splitlines() == sorted(str(tmp_path / "out" / name) for name in wanted)


def test_done_is_what_is_there_also_when_the_folder_was_moved(
    by_cycle, run, granules, tmp_path, wanted
):
    by_cycle()
    moved = tmp_path / "elsewhere" / "cycle_09"  # itself named like a subfolder
    moved.parent.mkdir()
    (tmp_path / "out").rename(moved)
    words = ("readatl06", granules, "-o", moved, "--by", "cycle")
    again = run(*words)
    assert "2 inputs, all done before" in again.stderr
    assert again.stdout.splitlines() == sorted(str(moved / name) for name in wanted)
    assert run("report", moved, granules).exit_code == 0
    (moved / max(wanted)).unlink()
    assert run("report", moved).exit_code == 1
    assert "1 done before, 1 done" in run(*words).stderr
    assert found(moved) == wanted


def test_shards_share_the_subfolders(by_cycle, run, tmp_path, wanted):
    for number in range(2):
        assert by_cycle("--shard", f"{number}/2").exit_code == 0
    assert found(tmp_path / "out") == wanted
    assert run("report", tmp_path / "out").exit_code == 0


def test_another_choice_replaces_what_the_earlier_one_wrote(
    by_cycle, run, granules, tmp_path, flat, wanted
):
    plain = ("readatl06", granules, "-o", tmp_path / "out")
    run(*plain)
    assert "2 inputs done before with other options" in by_cycle().stderr
    assert found(tmp_path / "out") == wanted
    by_cycle("--layout", "granule")
    assert len(found(tmp_path / "out")) == len(CYCLES)
    by_cycle("--overwrite")
    assert found(tmp_path / "out") == wanted
    run(*plain)
    assert found(tmp_path / "out") == flat


def test_a_run_without_it_leaves_subfolders_of_others_alone(run, granules, tmp_path, flat):
    # Of the granules themselves, or of runs for each cycle.
    theirs = [f"cycle_{cycle:02d}/{name}" for cycle in CYCLES for name in os.listdir(granules)]
    theirs += [f"cycle_{name[25:27]}/{name}" for name in flat]
    for name in theirs:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("theirs")
    result = run("readatl06", granules, "-o", tmp_path)
    assert f"holds {len(theirs)} files of another origin, such as cycle_01/ATL06" in result.stderr
    assert found(tmp_path) == flat | dict.fromkeys(theirs, b"theirs")


KILLED = """
import os, signal, sys
from captools.cli import main
from captools.engine import local

def rename_or_die(hidden, path, rename=os.replace, renamed=[]):
    if len(renamed) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    renamed.append(rename(hidden, path))

local.in_worker = lambda work, item, timeout: work(item)
os.replace = rename_or_die
main(sys.argv[1:])
"""


def test_killed_between_two_names_it_goes_on_to_the_same_files(
    by_cycle, granules, tmp_path, wanted
):
    words = ("readatl06", granules, "-o", tmp_path / "out", "--by", "cycle", "-n", "1")
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = set(found(tmp_path / "out"))
    assert len(left & set(wanted)) == 2
    assert all(name.endswith(".part") and "/" not in name for name in left - set(wanted))
    assert len(left) > 2
    # Its files are in no journal; with other options they would have other names.
    by_cycle("--layout", "granule")
    assert set(found(tmp_path / "out")).isdisjoint(wanted)
    assert len(found(tmp_path / "out")) == len(CYCLES)
    by_cycle()
    assert found(tmp_path / "out") == wanted


def test_a_file_in_the_way_is_named_and_nothing_is_left(by_cycle, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/cycle_01").write_text("no folder")
    result = by_cycle("--fail-fast")
    assert result.exit_code == 1
    assert "out/cycle_01/ATL06_" in result.stderr
    assert "cannot be written (File exists)" in result.stderr
    assert found(tmp_path / "out") == {"cycle_01": b"no folder"}


def test_a_name_that_does_not_say_its_cycle_fails_alone(run, granules, tmp_path, wanted):
    for path in granules.iterdir():
        shutil.copy(path, tmp_path)
    shutil.copy(path, tmp_path / "mine.h5")
    result = run("readatl06", tmp_path, "-o", tmp_path / "out", "--by", "cycle")
    assert result.exit_code == 1
    said = [line for line in result.stderr.splitlines() if "failed:" in line]
    assert said == [
        f"failed: {tmp_path / 'mine.h5'}: the name does not say the cycle that --by cycle needs"
    ]
    assert found(tmp_path / "out") == wanted


def test_a_product_without_a_cycle_is_wrong_usage(run, granules, tmp_path):
    words = ("read", granules, "-o", tmp_path / "out", "--product", "ATL11", "--by", "cycle")
    result = run(*words)
    assert result.exit_code == 2
    assert "names of granules of ATL11 do not say a cycle" in result.stderr
    assert not (tmp_path / "out").exists()


def test_from_python(granules, tmp_path, wanted):
    written = readatl06(granules, tmp_path, by="cycle")
    assert {str(path.relative_to(tmp_path)) for path in written} == set(wanted)
    with pytest.raises(ValueError, match="by: 'rgt' is not 'cycle'"):
        readatl06(granules, tmp_path, by="rgt")
    shutil.copy(next(granules.iterdir()), tmp_path / "mine.h5")
    with pytest.raises(InputError, match=r"mine\.h5: the name does not say the cycle"):
        readatl06(tmp_path / "mine.h5", tmp_path / "more", by="cycle")


def test_what_the_journal_says_of_other_runs_is_as_before(by_cycle, run, granules, tmp_path):
    by_cycle()
    (tmp_path / "out").rename(tmp_path / "first")
    run("readatl06", granules, "-o", tmp_path / "out")
    for folder, subfolders in (("first", ["cycle_01", "cycle_02"]), ("out", [None, None])):
        journal = tmp_path / folder / "_captools/readatl06.jsonl"
        content = [json.loads(line) for line in journal.read_text().splitlines()]
        assert [line.get("subfolder") for line in content] == subfolders
        assert len(list(lines(journal))) == len(CYCLES)


@pytest.mark.parametrize("cycle", [1, 9, 10, 99])
def test_the_folder_of_every_cycle_is_one_that_later_steps_read(cycle):
    from captools.steps.readatl06 import outputs

    name = f"ATL06_20181013235645_0234{cycle:02d}14_006_01.h5"
    below = {Path(one).parent.name for one in outputs(name, by="cycle")} - {""}
    assert below == {f"cycle_{cycle:02d}"}
    assert SUBFOLDER.fullmatch(*below)
    assert {Path(one).parent.name for one in outputs(name)} == {""}
    assert ATL06.parse_name(name).cycle == cycle


# --- the next steps -------------------------------------------------------------------


def rows(path):
    with h5py.File(path) as file:
        return {name: file[name][()].tobytes() for name in file if name != "_captools"}


def test_later_steps_read_the_folder_as_one(by_cycle, run, granules, tmp_path, flat):
    by_cycle()
    out = tmp_path / "out"
    one = tmp_path / "one"
    run("readatl06", granules, "-o", one)
    assert run("merge", out, "-o", tmp_path / "all.h5").exit_code == 0
    merge(one, tmp_path / "one.h5")
    assert rows(tmp_path / "all.h5") == rows(tmp_path / "one.h5")
    assert run("filter", out, "-o", tmp_path / "asc", "--where", "is_asc").exit_code == 0
    assert {path.name for path in (tmp_path / "asc").glob("*.h5")} <= set(flat)
    (about,) = map(json.loads, run("info", out, "--json").stdout.splitlines())
    assert about["files"] == len(flat)


@pytest.mark.parametrize("output", ["all.h5", "cycle_01/all.h5", "cycle_99/all.h5"])
def test_no_output_of_a_reduce_step_among_the_inputs(by_cycle, run, tmp_path, output, wanted):
    by_cycle()
    result = run("merge", tmp_path / "out", "-o", tmp_path / "out" / output)
    assert result.exit_code == 2
    assert "would lie among the inputs" in result.stderr
    assert found(tmp_path / "out") == wanted


@pytest.mark.parametrize("output", ["out", "out/cycle_02", "out/cycle_99"])
def test_no_output_folder_of_a_map_step_among_the_inputs(by_cycle, run, tmp_path, output, wanted):
    by_cycle()
    result = run("filter", tmp_path / "out", "-o", tmp_path / output)
    assert result.exit_code == 2
    assert "is the folder of an input" in result.stderr
    assert found(tmp_path / "out") == wanted


def test_a_flipped_bit_in_a_subfolder_is_found(by_cycle, run, tmp_path, wanted):
    by_cycle()
    path = tmp_path / "out" / max(wanted)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = run("check", tmp_path / "out", "--failed")
    assert (result.exit_code, result.stdout) == (1, f"{path}\n")
    assert "its bytes are not those that readatl06 wrote" in result.stderr
