"""Statistics of signal strength from end to end: three ways, one answer."""

import csv
import io
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import plainrinex
import pyarrow.parquet
import pytest
from plainstatistics import DAY_MS, plainly

import captools
from captools.description.gnss import describe_array
from captools.gnss import parts, summing
from captools.gnss.checking import check_array
from captools.gnss.comparing import check_alike
from captools.gnss.doing import Doer
from captools.gnss.ingest import Wanted, ingest
from captools.gnss.querying import Query
from captools.gnss.request import Request
from captools.gnss.series import draw_speeds, make_series
from captools.gnss.statistics import Grouping
from captools.gnss.table import lines
from captools.io.address import Url

START = int(np.datetime64("2024-05-06", "ms").astype(int))
START_DAY = np.datetime64(START, "ms")
EPOCHS = 48  # of a day of these files
NUMBERS = ("n", "zeros", "epochs", "expected", "satellite")
ARRAY_WAYS = (("--how", "serial"), ("--how", "parallel"), ())


def day_of(number, seed, epochs=range(EPOCHS)):
    """Values of some half hours of a day; every twentieth is a zero."""
    draw = random.Random(seed)
    return {
        (START + number * DAY_MS + epoch * 1_800_000, system, satellite, code): (
            0 if draw.random() < 0.05 else draw.randrange(20_000, 55_000)
        )
        for epoch in epochs
        for system, codes in (("G", ("1C", "2W")), ("E", ("5Q",)))
        for satellite in range(1, 5)
        for code in codes
        if draw.random() < 0.9
    }


@pytest.fixture(scope="module")
def days():
    """Values by file: two days, a day without a file, and a day in two halves."""
    half = EPOCHS // 2
    return {
        "TEST00USA_R_20241270000_01D_30S_MO.rnx": day_of(0, 1),
        "TEST00USA_R_20241280000_01D_30S_MO.rnx": day_of(1, 2),
        "TEST00USA_R_20241300000_12H_30S_MO.rnx": day_of(3, 3, range(half)),
        "TEST00USA_R_20241301200_12H_30S_MO.rnx": day_of(3, 4, range(half, EPOCHS)),
    }


@pytest.fixture(scope="module")
def station(days, tmp_path_factory):
    """A folder with the files and an array of them. Not to be changed."""
    folder = tmp_path_factory.mktemp("station")
    (folder / "rinex").mkdir()
    for name, values in days.items():
        path = plainrinex.write(folder / "rinex" / name, values, interval=1800.0)
        ingest(path, folder / "station.tdb", Wanted(), "earthscope")
    return folder


@pytest.fixture
def here(station, tmp_path, monkeypatch):
    """A copy of it, as the current folder."""
    shutil.copytree(station, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def there(station, monkeypatch):
    """The folder itself as the current one, where nothing is to be changed."""
    monkeypatch.chdir(station)
    return station


def table(text):
    """The rows of CSV, as numbers where they are."""
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        for name, value in row.items():
            if name in NUMBERS:
                row[name] = int(value) if value else None
            elif name == "start":
                row[name] = np.datetime64(value, "ms")
            elif name not in ("input", "system", "code"):
                row[name] = float(value) if value else None
        rows.append(row)
    return rows


def truth(values, grouping):
    known = {place: value for place, value in values.items() if value}
    zeros = [place for place, value in values.items() if not value]
    rows = plainly(list(known), known.values(), grouping, zeros)
    return rows if grouping.per != "day" or grouping.by_satellite else with_empty_days(rows)


def with_empty_days(rows):
    """The rows with those of days between them that have none."""
    starts = {row["start"] for row in rows}
    day = np.timedelta64(1, "D")
    empty = dict.fromkeys(("mean", "std", "min", "max")) | {"n": 0, "zeros": 0, "epochs": 0}
    missing = [
        {"start": start, "system": system, "code": code} | empty
        for start in np.arange(min(starts), max(starts), day)
        if start not in starts
        for system, code in {(row["system"], row["code"]) for row in rows}
    ]
    return sorted([*rows, *missing], key=lambda row: (row["start"], row["system"], row["code"]))


def all_of(days):
    return {place: value for values in days.values() for place, value in values.items()}


def stated(*words):
    """The grouping that options state."""
    per = words[words.index("--per") + 1] if "--per" in words else "day"
    return Grouping(per, "--by" in words, "--linear" in words)


def rows_of(result):
    assert result.exit_code == 0, result.stderr
    return table(result.stdout)


def without(rows, *names):
    return [{name: row[name] for name in row if name not in names} for row in rows]


# --- what they are --------------------------------------------------------------

OPTIONS = [
    (),
    ("--per", "hour"),
    ("--by", "satellite", "--linear"),
    ("--per", "hour", "--by", "satellite"),
]


@pytest.mark.parametrize("words", OPTIONS)
def test_files_have_the_statistics_of_a_plain_loop(run, station, days, words):
    rows = rows_of(run("snr", station / "rinex", "--how", "rinex", *words))
    expected = truth(all_of(days), stated(*words))
    assert [row["linear"] for row in rows if "linear" in row] == pytest.approx(
        [row["linear"] for row in expected if "linear" in row], rel=1e-12
    )
    count = {"day": 48, "hour": 2}[stated(*words).per]
    assert {row["expected"] for row in rows} == {count}
    # The day without a file is a row, too.
    assert (words == ()) == any(row["n"] + row["zeros"] == 0 for row in rows)
    assert without(rows, "expected", "linear") == without(expected, "linear")


@pytest.mark.parametrize("words", OPTIONS)
def test_all_ways_print_the_same(run, station, words):
    files, array = station / "rinex", station / "station.tdb"
    printed = run("snr", files, "--how", "rinex", *words).stdout
    for way in (("--how", "serial"), ("--how", "parallel"), ()):
        assert run("snr", files, *way, *words).stdout == printed
    assert run("snr", array, files, "--how", "rinex", *words).stdout == printed
    printed = [*csv.DictReader(io.StringIO(printed))]
    # Of zeros alone, an array does not know.
    printed = [row for row in printed if row["n"] != "0" or row["zeros"] == "0"]
    for way in ARRAY_WAYS:
        rows = [*csv.DictReader(io.StringIO(run("snr", array, *way, *words).stdout))]
        assert rows == without(printed, "zeros") != []


def test_columns_are_those_that_apply(run, station):
    def columns(*words):
        return run("snr", *words).stdout.splitlines()[0].split(",")

    files, array = station / "rinex", station / "station.tdb"
    statistics = ["epochs", "expected", "mean", "std", "min", "max"]
    assert columns(files) == ["start", "system", "code", "n", "zeros", *statistics]
    assert columns(array) == ["start", "system", "code", "n", *statistics]
    assert columns(files, "--per", "file", "--by", "satellite", "--linear") == [
        *("input", "system", "satellite", "code", "n", "zeros"),
        *(*statistics, "linear"),
    ]


def test_file_by_file(run, station, days):
    rows = rows_of(run("snr", station / "rinex", "--per", "file"))
    assert [row.pop("expected") for row in rows] == [48] * 6 + [24] * 6
    expected = [
        {"input": str(station / "rinex" / name), **row}
        for name, values in days.items()
        for row in truth(values, Grouping("file"))
    ]
    assert rows == expected


def test_a_table_has_no_password_or_signature(here, days, monkeypatch):
    path = here / "rinex" / next(iter(days))
    address = Url(f"https://me:secret@host/{path.name}?Signature=secret")
    monkeypatch.setattr(summing, "of_file", lambda _, request: parts.of_file(str(path), request))
    (table,) = summing.of_rinex(Doer(), [address], Request(Grouping("file")))
    assert table["input"] == [f"https://host/{path.name}"] * 3
    assert "secret" not in "".join(lines(["input", "n"], [table], "file"))


@pytest.mark.parametrize("source", ["rinex", "station.tdb"])
def test_systems_codes_and_times_are_chosen(run, station, days, source):
    words = ("--system", "G", "--code", "2W", "-t", "2024-05-06T12:00", "2024-05-07T06:00")
    rows = rows_of(run("snr", station / source, "--how", "serial", *words))
    begin, end = START + DAY_MS // 2, START + DAY_MS * 5 // 4
    wanted = {
        place: value
        for place, value in all_of(days).items()
        if place[1] == "G" and place[3] == "2W" and begin <= place[0] < end
    }
    assert [row["expected"] for row in rows] == [24, 12]
    assert without(rows, "zeros", "expected") == without(truth(wanted, Grouping()), "zeros")


@pytest.mark.parametrize("source", ["rinex", "station.tdb"])
@pytest.mark.parametrize("names", [("test1270.24o", "test1280.24o"), ("a_MO.rnx", "b_MO.rnx")])
def test_the_interval_may_change_whatever_files_are_called(run, tmp_path, names, source):
    (tmp_path / "rinex").mkdir()
    for number, (name, interval) in enumerate(zip(names, (1800.0, 3600.0), strict=True)):
        path = tmp_path / "rinex" / name
        plainrinex.write(path, day_of(number, 1, [0, 2, 4]), interval=interval)
        ingest(path, tmp_path / "station.tdb", Wanted(), "earthscope")
    rows = rows_of(run("snr", tmp_path / source, "--code", "5Q", "--how", "serial"))
    assert [row["expected"] for row in rows] == [48, 24]


def test_of_a_file_of_several_days_each_has_its_interval(run, tmp_path):
    two_days = day_of(1, 1, [0, 2]) | day_of(2, 1, [0, 2])
    for name, values, interval in (("a", day_of(0, 1, [0]), 1800.0), ("b", two_days, 3600.0)):
        path = plainrinex.write(tmp_path / f"{name}_MO.rnx", values, interval=interval)
        ingest(path, tmp_path / "station.tdb", Wanted(), "earthscope")
    words = ("-t", "2024-05-08", "2024-05-09", "--code", "5Q")
    (row,) = rows_of(run("snr", tmp_path / "station.tdb", *words))
    assert row["expected"] == 24


@pytest.mark.parametrize("source", ["rinex", "station.tdb"])
def test_where_there_is_nothing_only_the_header_is_printed(run, station, source):
    result = run("snr", station / source, "-t", "2031-01-01", "2031-01-02")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 1)
    assert rows_of(run("snr", station / source, "--code", "9Z")) == []


# --- files that share times, stations ---------------------------------------------


def test_what_two_files_have_counts_once_as_in_the_array(run, here, days):
    # The third file again, with other values in part, and with a day of its own.
    name = "TEST00USA_R_20241300000_01D_30S_MO.rnx"
    other = day_of(3, 5, range(12, EPOCHS)) | day_of(4, 6)
    path = plainrinex.write(here / "rinex" / name, other, interval=1800.0)
    ingest(path, here / "station.tdb", Wanted(), "earthscope")
    result = run("snr", "rinex", "--per", "hour", "--by", "satellite", "--linear")
    assert "1 day of files that overlap" in result.stderr
    in_files = [row for row in table(result.stdout) if row["n"]]
    words = ("--per", "hour", "--by", "satellite", "--linear")
    assert without(in_files, "zeros") == rows_of(run("snr", "station.tdb", *words))
    values = {
        place: value for of in (*days.values(), other) for place, value in of.items() if value
    }
    assert sum(row["n"] for row in in_files) == len(values)
    zeros = {place for of in (*days.values(), other) for place in of} - set(values)
    assert sum(row["zeros"] for row in table(result.stdout)) == len(zeros)


def test_a_file_that_names_no_station_is_of_the_one_of_the_others(run, tmp_path):
    for name, number, marker in (("a", 0, ""), ("b", 1, "TEST"), ("c", 2, "")):
        plainrinex.write(tmp_path / f"{name}_MO.rnx", day_of(number, 1, [0]), marker)
    rows = rows_of(run("snr", tmp_path, "--code", "5Q", "--how", "serial"))
    assert [row["epochs"] for row in rows] == [1, 1, 1]


@pytest.mark.parametrize("source", ["rinex", "station.tdb"])
@pytest.mark.parametrize("intervals", [(1800.0, 3600.0), (3600.0, 1800.0)])
def test_files_that_share_a_single_epoch_and_differ_in_interval(run, tmp_path, source, intervals):
    (tmp_path / "rinex").mkdir()
    early, late = day_of(0, 1, [0, 1, 2]), day_of(0, 2, [2, 4, 6])
    for name, values, interval in zip("ab", (early, late), intervals, strict=True):
        path = plainrinex.write(tmp_path / f"rinex/{name}_MO.rnx", values, interval=interval)
        ingest(path, tmp_path / "station.tdb", Wanted(), "earthscope")
    rows = rows_of(run("snr", tmp_path / source, "--how", "serial"))
    places = {place for of in (early, late) for place, value in of.items() if value}
    assert sum(row["n"] for row in rows) == len(places)
    assert {row["expected"] for row in rows} == {48}


def test_a_file_of_another_station_is_bad_but_for_file_by_file(run, here):
    alone = run("snr", "rinex").stdout
    path = plainrinex.write(here / "rinex" / "ZZZZ1270.24o", day_of(0, 7), station="ELSE")
    result = run("snr", "rinex")
    assert (result.exit_code, result.stdout) == (1, alone)
    line, count = result.stderr.splitlines()
    assert line.startswith(f"failed: {path}: is of station ELSE, but ")
    assert count == "5 files: without 1 bad file"
    assert run("snr", "rinex", "--per", "file").exit_code == 0


# --- bad inputs -------------------------------------------------------------------


@pytest.mark.parametrize("how", ["rinex", "parallel"])
@pytest.mark.parametrize("output", [None, "all.csv"])
def test_bad_inputs_are_named_and_the_rest_is_done(run, here, how, output):
    good = run("snr", "rinex").stdout
    bad = here / "rinex" / "TEST00USA_R_20241310000_01D_30S_MO.rnx"
    bad.write_text("<html>please log in</html>\n")
    gone = here / "gone.rnx"
    words = () if output is None else ("-o", output)
    result = run("snr", "rinex", "gone.rnx", "--how", how, *words)
    assert result.exit_code == 1
    assert (result.stdout if output is None else (here / output).read_text()) == good
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert [str(path) in line for path, line in zip((gone, bad), failed, strict=True)] == [True] * 2
    assert result.stderr.endswith("\n6 files: without 2 bad files\n")


@pytest.mark.parametrize("how", [("--how", "rinex"), ()])
def test_a_file_of_which_something_cannot_be_read_is_named_and_counts(run, here, days, how):
    names = [*days]
    path = here / "rinex" / names[0]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    result = run("snr", "rinex", *how)
    assert result.exit_code == 0
    assert result.stderr.count("not all of it can be read") == 1
    assert f"warning: {path}: not all of it can be read: cut 2" in result.stderr
    last = max(when for when, *_ in days[names[0]])
    lost = [place for place in days[names[0]] if place[0] == last and days[names[0]][place]]
    counts = [row["n"] for row in table(result.stdout) if row["start"] == START_DAY]
    full = sum(value != 0 for value in days[names[0]].values())
    assert full - len(lost) <= sum(counts) < full


def test_all_inputs_bad(run, here):
    result = run("snr", "gone.rnx")
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)
    assert str(here / "gone.rnx") in result.stderr


@pytest.mark.parametrize("words", [("none.tdb",), ("rinex.tdb",)])
def test_what_is_no_array_is_named(run, here, words):
    (here / "rinex").rename("rinex.tdb")
    result = run("snr", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words[0] in result.stderr
    assert "no TileDB array" in result.stderr


def test_days_of_an_array_that_cannot_be_read_are_named(run, here):
    fragments = sorted((here / "station.tdb" / "__fragments").iterdir())
    for path in fragments[0].glob("a0*.tdb"):
        path.write_bytes(b"\0" * path.stat().st_size)
    result = run("snr", "station.tdb", "--how", "serial")
    assert result.exit_code == 1
    assert "station.tdb" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("station.tdb", "rinex"),  # which of them?
        ("station.tdb", "--how", "rinex"),
        ("station.tdb", "--per", "file"),
        ("station.tdb", "other.tdb"),
        ("station.tdb", "--compare"),
        ("rinex", "--compare"),
        ("station.tdb", "rinex", "--compare", "--how", "serial"),
        ("station.tdb", "rinex", "--compare", "--per", "file"),
        ("void",),
        ("rinex", "-t", "2024-05-07", "2024-05-06"),
        ("rinex", "-t", "2024-13-01", "2025-01-01"),
        ("rinex", "-t", "yesterday", "2025-01-01"),
        ("rinex", "--system", "X"),
        ("rinex", "--code", "S1C"),
        ("rinex", "-o", "all.txt"),
        ("rinex", "-o", "rinex"),
    ],
)
def test_wrong_usage(run, there, words):
    (there / "void").mkdir(exist_ok=True)
    result = run("snr", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.partition("Error: ")[2].splitlines()) == 1


def test_an_empty_list_is_no_error(run, there):
    result = run("snr", "-", input="")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to do" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        {"per": "week"},
        {"by": "code"},
        {"how": "odd"},
        {"output": "all.txt"},
        {"system": "X"},
        {"code": ["1C", "S2"]},
        {"span": ("2024-05-07", "2024-05-06")},
    ],
)
def test_wrong_arguments_from_python(there, options):
    with pytest.raises(ValueError, match=next(iter(options)).removeprefix("s")):
        captools.snr("rinex", **options)


def test_from_python_it_returns_lines(run, there):
    lines = captools.snr(there / "rinex", system="G", code=["1C", "2W"], how="rinex")
    assert lines == run("snr", "rinex", "--system", "G", "--code", "1C,2W").stdout.splitlines()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: captools.snr("station.tdb", how="serial"),
        lambda: captools.export("station.tdb", "days"),
        lambda: check_array(Path("station.tdb")),
        lambda: describe_array("station.tdb", Path("station.tdb"), stats=True),
    ],
    ids=["snr", "export", "check", "info"],
)
def test_a_process_that_asked_an_array_can_write_to_it(here, days, ask):
    ask()
    name, values = next(iter(days.items()))
    path = plainrinex.write(here / name, day_of(0, 9), interval=1800.0)
    ingest(path, here / "station.tdb", Wanted(), "earthscope")
    assert values != day_of(0, 9)
    with Query(here / "station.tdb") as array:
        start = np.datetime64(START, "ms")
        found = array.cells(start, start + np.timedelta64(1, "D"))
    assert len(found.time) == np.count_nonzero([*day_of(0, 9).values()])


def test_an_ignored_ctrl_c_is_ignored(station):
    # As in the background of a shell; TileDB's own handler of the signal would crash.
    script = """
import os, signal, sys
import numpy as np
from captools.gnss.querying import Query
signal.signal(signal.SIGINT, signal.SIG_IGN)
with Query(sys.argv[1]) as array:
    array.cells(*np.array(["2024-05-06", "2024-05-07"], "M8[ms]"))
    os.kill(os.getpid(), signal.SIGINT)
print("goes on")
"""
    words = [sys.executable, "-c", script, station / "station.tdb"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "goes on\n")


# --- workers ------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["rinex", "station.tdb"])
def test_workers_and_this_process_print_the_same(run, here, monkeypatch, source):
    monkeypatch.setattr("captools.gnss.summing.BLOCK", 2)  # days
    other = day_of(3, 5, range(12, EPOCHS))  # a day that files share
    plainrinex.write(here / "rinex" / "TEST00USA_R_20241300600_18H_30S_MO.rnx", other)
    bad = here / "rinex" / "TEST00USA_R_20241310000_01D_30S_MO.rnx"
    bad.write_text("<html>please log in</html>\n")
    here_done = run("snr", source, "--how", "serial", "--linear")
    with_workers = run("snr", source, "--linear", "-n", 2)
    assert with_workers.stdout == here_done.stdout
    assert with_workers.exit_code == here_done.exit_code == (1 if source == "rinex" else 0)
    assert with_workers.stderr == here_done.stderr


# --- tables and pictures ------------------------------------------------------------


def test_tables_in_files_are_what_is_printed(run, here):
    words = ("rinex", "--by", "satellite", "--linear")
    printed = run("snr", *words).stdout
    assert run("snr", *words, "-o", "all.csv").stdout == "all.csv\n"
    assert (here / "all.csv").read_text() == printed
    assert run("snr", *words, "-o", "all.parquet").stdout == "all.parquet\n"
    rows = pyarrow.parquet.read_table(here / "all.parquet").to_pylist()
    for row in rows:
        row["start"] = np.datetime64(row["start"], "ms")
    assert rows == table(printed)


@pytest.mark.parametrize(
    ("words", "kind"),
    [(("--per", "day"), "png"), (("--by", "satellite"), "pdf"), (("--per", "file"), "png")],
)
def test_pictures_are_drawn_the_same_each_time(run, here, words, kind):
    for name in ("one", "two"):
        assert run("snr", "rinex", *words, "-o", f"{name}.{kind}").exit_code == 0
    one = (here / f"one.{kind}").read_bytes()
    assert one == (here / f"two.{kind}").read_bytes()
    assert len(one) > 5000


def test_a_line_has_a_gap_where_a_day_is_missing():
    starts = np.array(["2024-05-06", "2024-05-07", "2024-05-09"], "M8[ms]")
    columns = {"start": [*starts], "system": ["G"] * 3, "code": ["1C"] * 3, "n": [9, 9, 9]}
    columns |= {"mean": [40.0, 41.0, 42.0]}
    (line,) = make_series(columns, "day", "").axes[0].lines
    days = [str(day) for day in line.get_xdata().astype("M8[D]")]
    assert days == ["2024-05-06", "2024-05-07", "2024-05-08", "2024-05-09"]
    assert np.array_equal(line.get_ydata(), [40.0, 41.0, np.nan, 42.0], equal_nan=True)


def test_nothing_to_draw_is_said_and_no_picture_is_made(run, here):
    result = run("snr", "rinex", "--code", "9Z", "-o", "none.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no value to draw" in result.stderr
    assert not (here / "none.png").exists()


# --- comparing ------------------------------------------------------------------------


def test_three_ways_are_measured(run, there):
    result = run("snr", "station.tdb", "rinex", "--compare")
    assert result.exit_code == 0, result.stderr
    rows = [*csv.DictReader(io.StringIO(result.stdout))]
    assert [row["how"] for row in rows] == ["rinex", "serial", "parallel"]
    for row in rows:
        assert (row["days"], row["processes"]) == ("3", "1")
        seconds = float(row["seconds"])
        assert float(row["days_in_30_s"]) == pytest.approx(3 / seconds * 30, rel=0.1)


def test_bars_of_one_name_stand_apart(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("captools.gnss.series._write", lambda figure, path: figures.append(figure))
    draw_speeds(["array", "array"], [3.0, 9.0], tmp_path / "x.png", "")
    bars = figures[0].axes[0].patches
    assert [bar.get_height() for bar in bars] == [3.0, 9.0]
    assert bars[0].get_x() + bars[0].get_width() < bars[1].get_x()


def test_the_bars_are_those_that_were_measured(run, here, monkeypatch):
    drawn = []
    monkeypatch.setattr("captools.gnss.comparing.draw_speeds", lambda *said: drawn.append(said))
    assert run("snr", "rinex", "station.tdb", "--compare", "-o", "speed.png").exit_code == 0
    ((names, speeds, path, caption),) = drawn
    assert names == ["RINEX files\n1 process", "array\n1 process", "array, in parallel\n1 process"]
    assert len(set(speeds)) > 1
    assert min(speeds) > 0
    assert path.name == "speed.png"
    for said in ("TEST: 3 days", "4 RINEX files (", " MB)", "1 core,", "engine local"):
        assert said in caption


def test_the_bars_are_drawn(run, here):
    assert run("snr", "rinex", "station.tdb", "--compare", "-o", "speed.png").exit_code == 0
    assert (here / "speed.png").read_bytes().startswith(b"\x89PNG")


def test_an_array_that_differs_in_one_value_is_found_out(run, here, days):
    name = "TEST00USA_R_20241280000_01D_30S_MO.rnx"
    values = dict(days[name])
    place = next(place for place, value in values.items() if value and place[1] == "E")
    values[place] += 1
    path = plainrinex.write(here / name, values, interval=1800.0)
    ingest(path, here / "station.tdb", Wanted(), "earthscope")
    result = run("snr", "station.tdb", "rinex", "--compare", "-o", "speed.png")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "rinex and serial differ: 2024-05-07" in result.stderr
    assert "E 5Q: mean is " in result.stderr
    assert not (here / "speed.png").exists()


def test_a_day_that_one_way_lacks_is_found_out(run, here):
    next((here / "rinex").glob("*128*")).unlink()
    result = run("snr", "station.tdb", "rinex", "--compare")
    assert result.exit_code == 1
    assert "is not in rinex" in result.stderr


def test_the_last_bit_counts():
    columns = {"start": [1], "system": ["G"], "code": ["1C"], "n": [1], "mean": [40.0]}
    other = columns | {"mean": [math.nextafter(40.0, 41.0)]}
    check_alike(("one", columns), ("other", dict(columns)))
    with pytest.raises(Exception, match=r"one and other differ: 1 G 1C: mean is 40\.0 and 40\.0"):
        check_alike(("one", columns), ("other", other))


# --- real files -----------------------------------------------------------------------


def test_real_files_have_the_statistics_that_are_known(run, real_data):
    folder = real_data / "rinex"
    with open(folder / "expected.tsv", encoding="utf-8") as file:
        known = [row for row in csv.DictReader(file, delimiter="\t")]
    paths = [folder / name for name in dict.fromkeys(row["file"] for row in known)]
    result = run("snr", *paths, "--per", "file")
    refused = {row["file"] for row in known if row["n"] == "refused"}
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert {Path(line.removeprefix("failed: ").split(": ")[0]).name for line in failed} == refused
    assert result.exit_code == (1 if refused else 0)
    found = {
        (Path(row["input"]).name, row["system"], row["code"]): row for row in table(result.stdout)
    }
    expected = [row for row in known if row["n"] not in ("refused", "0")]
    for row in expected:
        one = found.pop((row["file"], row["system"], row["code"]))
        said = (str(one["n"]), f"{one['mean']:.4f}", f"{one['std']:.4f}")
        assert said == (row["n"], row["mean"], row["std"]), row
        assert (f"{one['min']:.3f}", f"{one['max']:.3f}") == (row["min"], row["max"])
        assert str(one["zeros"]) == row["zeros_left_out"]
    assert [row for row in found.values() if row["n"]] == []
    assert len(expected) > 50


@pytest.mark.parametrize(
    "words",
    [
        ("snr", "odd.24o", "--how", "rinex"),
        ("check", "odd.24o"),
        ("readrinex", "odd.24o", "-o", "odd.tdb", "-n", "1"),
        ("readrinex", "odd.24o", "-o", "flat", "-n", "1"),
    ],
)
def test_what_need_never_end_is_not_opened(tmp_path, monkeypatch, run, words):
    monkeypatch.chdir(tmp_path)
    Path("odd.24o").symlink_to("/dev/full")  # whose zeros have no end
    result = run(*words)
    assert result.exit_code == 1
    assert "odd.24o: is no file, but a pipe, a socket or a device" in result.output


def test_names_that_are_no_text_are_names_of_files_as_others_are(here):
    odd = os.fsdecode(b"caf\xe9")
    path = Path("rinex/TEST00USA_R_20241270000_01D_30S_MO.rnx").rename(f"{odd} $x$.24o")
    for output in ("odd.png", f"{odd}.parquet"):
        assert list(captools.snr(path, per="file", how="rinex", output=output)) == [output]
    with open(f"{odd}.parquet", "rb") as file:
        inputs = pyarrow.parquet.read_table(file)["input"].to_pylist()
    assert set(inputs) == {str(here / "caf\N{REPLACEMENT CHARACTER} $x$.24o")}
    captools.readrinex(path, "odd.tdb")
    first = {"how": "serial", "code": "1C", "span": ("2024-05-06", "2024-05-07")}
    assert list(captools.snr("odd.tdb", **first)) == list(captools.snr("station.tdb", **first))
    assert len(captools.readrinex(path, "flat")) == 1
    captools.export("odd.tdb", odd)
    assert os.listdir(odd) == ["2024-05-06.parquet"]


@pytest.mark.parametrize(
    "words", [("snr", "ODD"), ("check", "ODD"), ("readrinex", "rinex", "-n", "1", "-o", "ODD")]
)
def test_arrays_have_names_of_text(here, run, words):
    odd = os.fsdecode(b"caf\xe9.tdb")
    shutil.copytree("station.tdb", odd)
    result = run(*(word.replace("ODD", odd) for word in words))
    assert result.exit_code == 1
    assert "TileDB takes only names in UTF-8: rename it" in result.output


def test_nothing_is_not_compared(here, run):
    result = run("snr", "station.tdb", "rinex", "--compare", "--code", "9X", "-o", "speed.png")
    assert (result.exit_code, "there is no value to compare" in result.stderr) == (1, True)
    assert not Path("speed.png").exists()


def test_a_long_legend_leaves_room_for_the_lines():
    day = np.datetime64("2024-05-06", "ms")
    lines_of = {"start": [day] * 100, "system": ["G"] * 100, "satellite": [*range(100)]}
    table_of = lines_of | {"code": ["1C"] * 100, "n": [1] * 100, "mean": [44.0] * 100}
    figure = make_series(table_of, "day", "")
    figure.draw_without_rendering()
    assert figure.axes[0].get_window_extent().width > 0.5 * 10 * figure.dpi
