"""The journal: every field of a line, torn lines, the newest line of all files."""

import json
import os
import resource
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime, timedelta

import h5py
import pytest

from captools.errors import FolderError
from captools.io.atomic import PRIVATE
from captools.run.journal import Journal, Outcome, files, lines, records

FIELDS = ["input", "status", "outputs", "sizes", "mtimes", "digests"]
FIELDS += ["rows_in", "rows_out", "seconds"]
FIELDS += ["ended", "warnings", "error", "key"]


def ended(seconds):
    return (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat(
        timespec="microseconds"
    )


def outcome(path, second=0, status="done", **more):
    return Outcome(path, status, ended=ended(second), **more)


def write_lines(outdir, name, *outcomes):
    folder = outdir / PRIVATE
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / name, "ab") as file:
        file.writelines(one.line() for one in outcomes)
    return folder / name


# --- a line -------------------------------------------------------------------


def segments_of(granule):
    with h5py.File(granule) as file:
        beams = [name for name in file if name.startswith("gt")]
        return sum(len(file[f"{beam}/land_ice_segments/latitude"]) for beam in beams)


def test_every_field_of_a_finished_input(run, granule, tmp_path):
    began = datetime.now(UTC)
    assert run("readatl06", granule, "-o", tmp_path / "out").exit_code == 0
    (text,) = (tmp_path / "out/_captools/readatl06.jsonl").read_text().splitlines()
    line = json.loads(text)
    assert list(line) == FIELDS
    assert line["input"] == str(granule)
    assert line["status"] == "done"
    stem = tmp_path / "out" / granule.stem
    beams = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
    assert line["outputs"] == [f"{stem}_{beam}.h5" for beam in beams]
    assert line["rows_in"] == segments_of(granule)
    kept = 0
    for output in line["outputs"]:
        with h5py.File(output) as file:
            kept += len(file["h_li"])
    assert line["rows_out"] == kept
    assert 0 < line["seconds"] < 60
    then = datetime.fromisoformat(line["ended"])
    assert then.utcoffset() == timedelta(0)
    assert began <= then <= datetime.now(UTC)
    assert line["warnings"] == []
    assert line["error"] is None
    assert isinstance(line["key"], str)
    assert line["key"]


def test_every_field_of_an_input_that_failed_or_gave_nothing(run, granule, tmp_path):
    bad = tmp_path / "bad.h5"
    bad.touch()
    far_away = ("-b", "0", "1", "0", "1")  # the granule is Antarctic
    assert run("readatl06", granule, bad, "-o", tmp_path / "out", *far_away).exit_code == 1
    (journal,) = (tmp_path / "out/_captools").iterdir()
    by_input = {path.input: path for _, path in lines(journal)}
    failed, empty = by_input[str(bad)], by_input[str(granule)]
    assert (failed.status, failed.outputs, failed.rows_in, failed.rows_out) == ("failed", [], 0, 0)
    assert str(bad) in failed.error
    assert "\n" not in failed.error
    assert (empty.status, empty.outputs, empty.rows_out, empty.error) == ("empty", [], 0, None)
    assert empty.rows_in == segments_of(granule)


def test_the_warnings_of_an_input_are_in_its_line(run, granule, tmp_path):
    lacking = tmp_path / "lacking.h5"
    lacking.write_bytes(granule.read_bytes())
    with h5py.File(lacking, "a") as file:
        del file["gt2r/land_ice_segments/geophysical/dac"]
    assert run("readatl06", lacking, "-o", tmp_path / "out").exit_code == 0
    ((_, line),) = lines(tmp_path / "out/_captools/readatl06.jsonl")
    (warning,) = line.warnings
    assert "lacking.h5" in warning
    assert "dac in gt2r" in warning


def test_a_shard_writes_a_journal_of_its_own(run, granules, tmp_path):
    for number in (0, 1):
        run("readatl06", granules, "-o", tmp_path / "out", "--shard", f"{number}/2")
    assert sorted(os.listdir(tmp_path / "out/_captools")) == [
        "readatl06-0-of-2.jsonl",
        "readatl06-1-of-2.jsonl",
    ]


# --- torn lines ---------------------------------------------------------------


def test_a_line_torn_anywhere_is_ignored_and_the_next_line_is_readable(tmp_path):
    first, torn, after = outcome("/d/a.h5"), outcome("/d/grün.h5", 1), outcome("/d/c.h5", 2)
    inputs = [first.input, torn.input, after.input]
    for cut in range(len(torn.line()) - 1):
        outdir = tmp_path / str(cut)
        path = write_lines(outdir, "toy.jsonl", first)
        with open(path, "ab") as file:
            file.write(torn.line()[:cut])
        journal = Journal(outdir, "toy", None, inputs)
        assert [journal.newest(name) for name in inputs] == [first, None, None]
        journal.append(after)
        journal.close()
        assert [found for _, found in lines(path)] == [first, after]
        reopened = Journal(outdir, "toy", None, inputs)
        assert [reopened.newest(name) for name in inputs] == [first, None, after]
        reopened.close()


def test_a_last_line_that_lacks_only_its_end_counts_and_the_next_starts_anew(tmp_path):
    first, after = outcome("/d/a.h5"), outcome("/d/b.h5", 1)
    path = write_lines(tmp_path, "toy.jsonl", first)
    os.truncate(path, path.stat().st_size - 1)
    journal = Journal(tmp_path, "toy", None, [first.input, after.input])
    assert journal.newest(first.input) == first
    journal.append(after)
    journal.close()
    assert [found for _, found in lines(path)] == [first, after]


NOISE = [b"\x00\x00\x00\n", b"5\n", b"[]\n", b'{"input": 1}\n', b"\n", b"\xff\xfe\n", b"null\n"]
NOISE += [100_000 * b"[" + b"\n", 100_000 * b'{"input":' + b"\n"]


@pytest.mark.parametrize("noise", NOISE)
def test_a_line_that_is_no_outcome_is_ignored(tmp_path, noise):
    first = outcome("/d/a.h5")
    path = write_lines(tmp_path, "toy.jsonl", first)
    with open(path, "ab") as file:
        file.write(noise)
    assert [found for _, found in lines(path)] == [first]


def test_a_line_without_end_is_not_read_into_memory(tmp_path):
    first, last = outcome("/d/a.h5"), outcome("/d/b.h5", 1)
    path = write_lines(tmp_path, "toy.jsonl", first)
    os.truncate(path, 1 << 28)  # zeros, as a disk may leave them
    with open(path, "ab") as file:
        file.write(b"\n" + last.line())
    tracemalloc.start()
    try:
        assert [found for _, found in lines(path)] == [first, last]
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("name", ["toy-0-of-2.jsonl", "toy.anew"])
def test_what_is_no_file_is_no_journal(tmp_path, name, make):
    first = outcome("/d/a.h5")
    write_lines(tmp_path, "toy.jsonl", first)
    make(tmp_path / PRIVATE / name)
    with closing(Journal(tmp_path, "toy", None, [first.input])) as journal:
        assert journal.newest(first.input) == first


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_journal_that_cannot_be_one_is_named(tmp_path, make):
    (tmp_path / PRIVATE).mkdir()
    make(tmp_path / PRIVATE / "toy.jsonl")
    with pytest.raises(OSError, match=r"toy\.jsonl is no file"):
        Journal(tmp_path, "toy", None, [])


def test_a_line_of_another_version_may_lack_fields_and_have_others(tmp_path):
    line = {"input": "/d/a.h5", "status": "done", "ended": ended(0), "mood": "good"}
    path = write_lines(tmp_path, "toy.jsonl")
    path.write_text(json.dumps(line) + "\n")
    assert [found for _, found in lines(path)] == [outcome("/d/a.h5")]


def test_a_full_disk_ends_the_run_and_leaves_a_journal_that_can_be_read(tmp_path):
    first, second = outcome("/d/a.h5"), outcome("/d/b.h5", 1)
    path = write_lines(tmp_path, "toy.jsonl", first)
    journal = Journal(tmp_path, "toy", None, [first.input, second.input])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
    try:
        for _ in range(2):  # first room for a part of the line, then for none
            with pytest.raises(FolderError, match=r"toy\.jsonl: cannot be written"):
                journal.append(second)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert journal.newest(second.input) is None
    assert [found for _, found in lines(path)] == [first]
    journal.append(second)
    assert journal.newest(second.input) == second
    journal.close()
    assert [found for _, found in lines(path)] == [first, second]


# --- the newest line of all files ---------------------------------------------

NAMES = ["toy.jsonl", "toy-0-of-2.jsonl", "toy-11-of-40.jsonl"]


@pytest.mark.parametrize("newest", NAMES)
def test_the_newest_line_of_an_input_wins_in_whatever_file_it_is(tmp_path, newest):
    for second, name in enumerate(NAMES):
        second = 9 if name == newest else second
        write_lines(tmp_path, name, outcome("/d/a.h5", second, key=name))
    journal = Journal(tmp_path, "toy", (3, 5), ["/d/a.h5"])
    assert journal.newest("/d/a.h5").key == newest
    journal.close()
    ((step, found),) = [(step, list(found)) for step, found in records(tmp_path)]
    assert (step, [one.key for one in found]) == ("toy", [newest])


def test_the_last_of_the_lines_of_one_file_wins(tmp_path):
    write_lines(tmp_path, "toy.jsonl", *(outcome("/d/a.h5", n, key=str(n)) for n in range(3)))
    journal = Journal(tmp_path, "toy", None, ["/d/a.h5"])
    assert journal.newest("/d/a.h5").key == "2"
    journal.close()


@pytest.mark.parametrize("other", ["toy-0-of-2.jsonl", "toy.jsonl"])
@pytest.mark.parametrize(("second", "newest"), [(1, "2"), (3, "other")])
def test_the_last_line_of_a_file_wins_though_the_clock_was_set_back(
    tmp_path, other, second, newest
):
    # Between files the clock decides, and of each its last line.
    own = "toy-1-of-2.jsonl" if other == "toy-0-of-2.jsonl" else "toy-0-of-2.jsonl"
    outcomes = [outcome("/d/a.h5", when, key=str(n)) for n, when in enumerate((5, 9, 2))]
    write_lines(tmp_path, own, *outcomes)
    assert keys(tmp_path) == ["2"]
    write_lines(tmp_path, other, outcome("/d/a.h5", second, key="other"))
    assert keys(tmp_path) == [newest]


@pytest.mark.parametrize("wrong", ["toy-0-of-1.jsonl", "toy.jsonl"])
def test_a_line_from_the_future_wins_over_none(tmp_path, wrong):
    (right,) = {"toy-0-of-1.jsonl", "toy.jsonl"} - {wrong}
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    future = Outcome("/d/a.h5", "done", ended=ahead, key="future")
    write_lines(tmp_path, wrong, future)
    assert [one for _, found in records(tmp_path) for one in found] == [future]
    present = outcome("/d/a.h5", key="present")
    write_lines(tmp_path, right, present)
    assert [one for _, found in records(tmp_path) for one in found] == [present]


def test_the_newest_line_that_names_a_file_is_that_of_its_name_in_any_folder(tmp_path):
    write_lines(tmp_path, "toy.jsonl", outcome("/d/a.h5", 1, key="d"), outcome("/e/a.h5", key="e"))
    assert keys(tmp_path) == ["e"]
    write_lines(tmp_path, "toy-0-of-2.jsonl", outcome("/f/a.h5", 1, key="f"))
    assert keys(tmp_path) == ["f"]
    ((_, found),) = [(step, list(found)) for step, found in records(tmp_path)]
    assert [one.input for one in found] == ["/f/a.h5"]


def keys(outdir):
    """The keys of the newest lines, as a run of each shard finds them."""
    found = set()
    for shard in (None, (0, 2), (1, 2), (3, 5)):
        with closing(Journal(outdir, "toy", shard, ["/d/a.h5"])) as journal:
            found.add(journal.newest("/d/a.h5").key)
    return sorted(found)


def test_a_name_that_is_no_utf_8_comes_back_as_it_was(tmp_path):
    path = os.fsdecode(b"/d/caf\xe9.h5")
    write_lines(tmp_path, "toy.jsonl", outcome(path, error=f"{path}: is odd"))
    with closing(Journal(tmp_path, "toy", None, [path])) as journal:
        assert journal.newest(path).input == path
        journal.append(outcome(path, 1, outputs=[path]))
        assert journal.newest(path).outputs == [path]


def test_a_journal_does_not_read_those_of_other_steps(tmp_path):
    for name in ("toys.jsonl", "to.jsonl", "toy-0-of-2.jsonl.bak", "my-toy.jsonl"):
        write_lines(tmp_path, name, outcome("/d/a.h5"))
    journal = Journal(tmp_path, "toy", None, ["/d/a.h5"])
    assert journal.newest("/d/a.h5") is None
    journal.close()


def test_the_journals_of_a_folder_are_listed_by_step(tmp_path):
    for name in (*NAMES, "readatl06-0-of-2.jsonl", "notes.txt"):
        write_lines(tmp_path, name)
    folder = tmp_path / PRIVATE
    both = {folder / name: "toy" for name in NAMES}
    assert files(tmp_path, "toy") == both
    assert files(tmp_path) == both | {folder / "readatl06-0-of-2.jsonl": "readatl06"}


def test_what_is_appended_is_the_newest_even_beside_another_writer(tmp_path):
    # Two runs of one command at a time write to one file.
    inputs = ["/d/a.h5", "/d/b.h5"]
    one, other = (Journal(tmp_path, "toy", None, inputs) for _ in range(2))
    for second in range(3):
        one.append(outcome("/d/a.h5", second, key=f"one {second}"))
        other.append(outcome("/d/b.h5", second, key=f"other {second}"))
        assert one.newest("/d/a.h5").key == f"one {second}"
        assert other.newest("/d/b.h5").key == f"other {second}"
    assert one.newest("/d/b.h5") is None
    one.close()
    other.close()
    reopened = Journal(tmp_path, "toy", None, inputs)
    assert [reopened.newest(path).key for path in inputs] == ["one 2", "other 2"]
    reopened.close()


def test_a_journal_that_has_vanished_is_remembered_by_who_writes_it(tmp_path):
    journal = Journal(tmp_path, "toy", None, ["/d/a.h5"])
    journal.append(outcome("/d/a.h5"))
    journal.path.unlink()
    assert journal.newest("/d/a.h5") == outcome("/d/a.h5")
    journal.close()
