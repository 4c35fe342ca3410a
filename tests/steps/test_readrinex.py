"""readrinex from the command line: into an array by many at once, or into flat files."""

import os
import shutil
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
from arraycells import NUMBERS, cells, fragments, simulated
from processes import lines_of, start
from straightforward import read_flat, said

import captools
from captools.gnss.names import SUFFIXES

RECIPE = {"systems": "JS", "codes": ("1C", "5Q"), "interval": 60}
SIMULATE = ("simulate", "--product", "RINEX", "--station", "P057", "--interval", "60")
SIMULATE += ("--system", "JS", "--code", "1C,5Q")
DAYS = [f"2024-01-{day:02}" for day in range(1, 5)]


@pytest.fixture(scope="module")
def days(run, tmp_path_factory):
    """A folder of four days of a station. Not to be changed."""
    folder = tmp_path_factory.mktemp("days") / "days"
    assert run(*SIMULATE, "-t", "2024-01-01", "2024-01-05", "-o", folder).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def truth():
    """What an array of these days holds."""
    return simulated("P057", DAYS, **RECIPE)


@pytest.fixture(scope="module")
def filled(run, days, tmp_path_factory):
    """An array of these days. Not to be changed."""
    array = tmp_path_factory.mktemp("filled") / "p057.tdb"
    assert run("readrinex", days, "-o", array).exit_code == 0
    return array


@pytest.fixture
def array(filled, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(filled, tmp_path / "p057.tdb"))


def last_line(result):
    return result.stderr.splitlines()[-1]


# --- an array -----------------------------------------------------------------------


def test_days_are_in_the_array_as_they_were_simulated_and_stay_so(run, days, truth, tmp_path):
    array = tmp_path / "p057.tdb"
    result = run("readrinex", days, "-o", array)
    assert (result.exit_code, result.stdout) == (0, "")
    assert last_line(result) == (
        f"4 inputs: 4 done, 0 empty, 0 failed; {len(truth):,} of {len(truth):,} rows kept"
    )
    assert cells(array) == truth
    before = fragments(array)
    assert len(before) == 4
    assert "nothing to do" in run("readrinex", days, "-o", array).stderr
    assert run("readrinex", days, "-o", array, "--overwrite").exit_code == 0
    shutil.rmtree(array / "_captools")  # and so is what says that they are done
    again = run("readrinex", days, "-o", array)
    assert last_line(again) == last_line(result)
    assert (fragments(array), cells(array)) == (before, truth)


def test_the_array_of_a_real_day_is_what_the_list_of_it_says(run, real_data, tmp_path):
    folder = real_data / "rinex"
    name = "york0440.15d"
    assert run("readrinex", folder / name, "-o", tmp_path / "york.tdb").exit_code == 0
    found = cells(tmp_path / "york.tdb")
    lines = (folder / "expected.tsv").read_text().splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=False)) for line in lines]
    rows = [row for row in rows if row["file"] == name]
    assert len(rows) > 1
    for row in rows:
        number = int.from_bytes(row["code"].encode().ljust(2, b"\0"))
        of = NUMBERS[row["system"]]
        snr = np.array(
            [snr for key, snr in found.items() if (key[1], key[3]) == (of, number)], "f8"
        )
        assert len(snr) == int(row["n"])
        assert [f"{one:.4f}" for one in (snr.mean(), snr.std())] == [row["mean"], row["std"]]
        assert [f"{one:.3f}" for one in (snr.min(), snr.max())] == [row["min"], row["max"]]
    assert len(found) == sum(int(row["n"]) for row in rows)


def test_systems_and_codes_may_be_chosen(run, days, truth, tmp_path):
    array = tmp_path / "p057.tdb"
    words = ("--system", "J", "--code", "1C", "--code", "2W")
    assert run("readrinex", days, "-o", array, *words).exit_code == 0
    chosen = {
        key: value for key, value in truth.items() if key[1] == 6 and key[3] in (12611, 12887)
    }
    assert cells(array) == chosen != {}


def test_the_numbering_of_the_demonstration(run, days, truth, tmp_path):
    array = tmp_path / "p057.tdb"
    assert run("readrinex", days, "-o", array, "--numbering", "demo").exit_code == 0
    assert cells(array) == {(when, of - 1, *rest): snr for (when, of, *rest), snr in truth.items()}
    other = run("readrinex", days, "-o", array)
    assert other.exit_code == 2
    assert "has the numbering demo of systems, not earthscope" in other.stderr


def test_another_station_fails_alone(run, array, truth, tmp_path):
    words = ("--station", "P058", "-t", "2024-01-01", "2024-01-02", "-o", tmp_path / "other")
    assert run(*SIMULATE, *words).exit_code == 0
    result = run("readrinex", tmp_path / "other", "-o", array)
    assert result.exit_code == 1
    assert "is of station P058, but" in result.stderr
    assert cells(array) == truth


def test_a_shorter_delivery_leaves_no_stale_cell(run, days, array, truth, tmp_path):
    here = tmp_path / "days"
    shutil.copytree(days, here)
    first = sorted(here.iterdir())[0]
    first.unlink()
    words = ("-t", DAYS[0], DAYS[1], "-o", here, "--defect", "gap")
    assert run(*SIMULATE, *words).exit_code == 0
    assert run("readrinex", here, "-o", array).exit_code == 0
    alone = tmp_path / "alone.tdb"
    assert run("readrinex", first, "-o", alone).exit_code == 0
    rest = {key: value for key, value in truth.items() if key[0] >= 1_704_153_600_000}
    shorter = cells(alone)
    assert 0 < len(shorter) < len(truth) - len(rest)
    assert cells(array) == rest | shorter
    assert len(fragments(array)) == 4


def test_an_array_that_is_gone_is_filled_anew(run, days, array, truth):
    assert "nothing to do" in run("readrinex", days, "-o", array).stderr
    for name in os.listdir(array):
        if name.startswith("__"):
            shutil.rmtree(array / name)
    assert run("readrinex", days, "-o", array).exit_code == 0
    assert cells(array) == truth


def test_two_processes_of_two_shards_each_write_at_once(days, truth, tmp_path):
    array = tmp_path / "p057.tdb"
    words = ("readrinex", days, "-o", array)
    both = [start(*words, "--shard", f"{number}/2", "-n", 2 - number) for number in range(2)]
    for one in both:
        with one as process:
            _, stderr = process.communicate(timeout=120)
            assert process.returncode == 0, stderr
    assert cells(array) == truth
    assert len(fragments(array)) == 4


@pytest.mark.parametrize("lines", [1, 4])
def test_killed_and_resumed_the_cells_are_the_same(run, days, truth, tmp_path, lines):
    array = tmp_path / "p057.tdb"
    with start("readrinex", days, "-o", array, "-n", "1") as process:
        deadline = time.monotonic() + 60
        while len(lines_of(array / "_captools/readrinex.jsonl")) < lines:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        workers = psutil.Process(process.pid).children(recursive=True)
        for one in (*workers, process):
            one.send_signal(signal.SIGKILL)
        psutil.wait_procs(workers, timeout=10)
    ended = run("readrinex", days, "-o", array)
    assert ended.exit_code == 0, ended.stderr
    assert "done before" in ended.stderr or lines == 1
    assert cells(array) == truth
    assert len(fragments(array)) == 4


def test_the_function_makes_the_array_that_the_command_makes(days, truth, tmp_path):
    written = captools.readrinex(days, tmp_path / "p057.tdb")
    assert (list(written), written.rows_out) == ([], len(truth))
    assert cells(tmp_path / "p057.tdb") == truth


def test_s1_is_of_one_code(run, days, tmp_path):
    for wrong in ("1C,2W", ""):
        result = run("readrinex", days, "-o", tmp_path / "p057.tdb", "--s1-as", wrong)
        assert result.exit_code == 2
        assert "is no code, such as 1C" in result.stderr


def test_the_ending_of_an_array_may_be_upper_case(run, days, truth, tmp_path):
    assert run("readrinex", days, "-o", tmp_path / "P057.TDB").exit_code == 0
    assert cells(tmp_path / "P057.TDB") == truth


def test_compression_is_of_flat_files(run, days, tmp_path):
    result = run("readrinex", days, "-o", tmp_path / "p057.tdb", "-z", "gzip")
    assert result.exit_code == 2
    assert "-z goes with flat files" in result.stderr


def test_two_forms_of_one_file_are_wrong_usage(run, days, tmp_path):
    shutil.copytree(days, tmp_path / "days")
    first = min((tmp_path / "days").iterdir())
    shutil.copy(first, first.with_name(first.name.replace(".crx.gz", ".rnx.Z")))
    for out in ("out", "p057.tdb"):
        result = run("readrinex", tmp_path / "days", "-o", tmp_path / out)
        assert result.exit_code == 2
        assert "are of one name: give one of them" in result.stderr


def test_what_is_damaged_is_named_and_refused_if_asked(run, days, truth, tmp_path):
    shutil.copytree(days, tmp_path / "days")
    words = ("-t", "2024-01-05", "2024-01-06", "-o", tmp_path / "days", "--format", "rnx")
    assert run(*SIMULATE, *words).exit_code == 0
    (path,) = (tmp_path / "days").glob("*.rnx")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-5]))
    array = tmp_path / "p057.tdb"
    result = run("readrinex", tmp_path / "days", "-o", array)
    assert result.exit_code == 0
    assert f"warning: {path.name}: not all of it can be read: cut 5" in result.stderr
    whole = truth | simulated("P057", ["2024-01-05"], **RECIPE)
    found = cells(array)
    assert len(truth) < len(found) < len(whole)
    assert found.items() <= whole.items()
    strict = run("readrinex", tmp_path / "days", "-o", array, "--strict")
    assert strict.exit_code == 1
    assert f"failed: {path}: not all of it can be read" in strict.stderr
    assert cells(array) == truth


# --- flat files -----------------------------------------------------------------------


def test_a_flat_file_of_each_input_has_a_row_for_each_value(run, days, truth, tmp_path):
    result = run("readrinex", days, "-o", tmp_path / "out")
    assert result.exit_code == 0
    names = [f"P05700SIM_R_2024{day:03}0000_01D_01M_MO.h5" for day in range(1, 5)]
    assert [Path(line).name for line in result.stdout.splitlines()] == names
    found = {}
    for name in names:
        rows = read_flat(tmp_path / "out" / name)
        assert np.all(np.diff(rows["t_gps"]) >= 0)
        when = np.rint((rows["t_gps"] + 315_964_800) * 1000).astype(int).tolist()
        keys = zip(
            when, *(rows[key].tolist() for key in ("system", "satellite", "code")), strict=True
        )
        found |= dict(zip(keys, rows["snr"].tolist(), strict=True))
    assert found == truth
    with h5py.File(tmp_path / "out" / names[0]) as file:
        assert said(file)["station"] == "P057"
        assert said(file["snr"])["units"] == "dB-Hz"
        assert (file["snr"].dtype, file["t_gps"].dtype) == ("f4", "f8")
        assert said(file["system"])["long_name"].startswith("satellite system: 1 GPS, 2 GLONASS,")
        assert file.attrs["t_span"].tolist() == [1_388_102_400.0, 1_388_188_740.0]


def test_flat_files_go_through_the_other_steps(run, days, truth, tmp_path):
    run("readrinex", days, "-o", tmp_path / "out")
    words = ("--where", "system == 6 and code == 12611 and snr > 40")
    assert run("filter", tmp_path / "out", "-o", tmp_path / "gps", *words).exit_code == 0
    assert run("merge", tmp_path / "gps", "-o", tmp_path / "all.h5").exit_code == 0
    kept = [snr for key, snr in truth.items() if (key[1], key[3]) == (6, 12611) and snr > 40]
    assert sorted(read_flat(tmp_path / "all.h5")["snr"].tolist()) == sorted(kept) != []


def test_endings_of_a_folder_are_those_of_rinex(run, days, tmp_path):
    assert ".crx.gz" in SUFFIXES
    shutil.copytree(days, tmp_path / "days")
    (tmp_path / "days/readme.txt").write_text("no observations")
    assert run("readrinex", tmp_path / "days", "-o", tmp_path / "out").exit_code == 0
