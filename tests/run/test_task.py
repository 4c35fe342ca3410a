"""A task: what goes wrong with one input is its outcome; what its key stands for."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from toy import outputs, toy, write_inputs

from captools.io.address import Url
from captools.io.atomic import PRIVATE
from captools.run.folders import LocalFolder
from captools.run.task import Task


@pytest.fixture
def outdir(tmp_path):
    """An output folder as a run finds it."""
    (tmp_path / "out" / PRIVATE).mkdir(parents=True)
    return tmp_path / "out"


def do_one(tmp_path, outdir, text, **options):
    (path,) = write_inputs(tmp_path / "in", a=text)
    return Task(toy, outputs, LocalFolder(outdir), options, 1)(path)


# --- one input ------------------------------------------------------------------


def test_a_done_input_names_its_outputs_and_rows(tmp_path, outdir):
    began = datetime.now(UTC)
    outcome, fatal, died = do_one(tmp_path, outdir, "write 2")
    assert (fatal, died) == (False, False)
    assert (outcome.input, outcome.status) == (f"{tmp_path}/in/a.h5", "done")
    assert outcome.outputs == [f"{outdir}/a_0.h5", f"{outdir}/a_1.h5"]
    assert (outcome.rows_in, outcome.rows_out) == (20, 2)
    assert (outcome.warnings, outcome.error) == ([], None)
    assert began <= datetime.fromisoformat(outcome.ended) <= datetime.now(UTC)


def test_outputs_are_absolute(tmp_path, outdir, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome, *_ = do_one(tmp_path, Path("out"), "write 1")
    assert outcome.outputs == [f"{outdir}/a_0.h5"]


def test_the_time_an_input_took_is_measured(tmp_path, outdir):
    assert 0.2 <= do_one(tmp_path, outdir, "sleep 0.2")[0].seconds < 10


def test_an_input_without_output_is_empty(tmp_path, outdir):
    outcome, *_ = do_one(tmp_path, outdir, "nothing")
    assert (outcome.status, outcome.outputs) == ("empty", [])
    assert (outcome.rows_in, outcome.rows_out) == (10, 0)


def test_a_bad_input_fails_with_its_reason(tmp_path, outdir):
    outcome, fatal, died = do_one(tmp_path, outdir, "damaged")
    assert (fatal, died) == (False, False)
    assert (outcome.status, outcome.outputs) == ("failed", [])
    assert outcome.error == f"{tmp_path}/in/a.h5: is damaged"


def test_an_error_nobody_foresaw_fails_the_input_with_reason_and_place_on_one_line(
    tmp_path, outdir
):
    outcome, fatal, died = do_one(tmp_path, outdir, "bug")
    assert (fatal, died) == (False, False)
    assert outcome.status == "failed"
    for word in (f"{tmp_path}/in/a.h5", "ZeroDivisionError", "toy.py", "of several lines"):
        assert word in outcome.error
    assert "\n" not in outcome.error


def test_an_output_folder_that_takes_no_more_is_hopeless(tmp_path, outdir):
    outcome, fatal, died = do_one(tmp_path, outdir, "full")
    assert (fatal, died) == (True, False)
    assert outcome.status == "failed"


def test_a_vanished_output_folder_is_hopeless_and_not_made_anew(tmp_path):
    outcome, fatal, died = do_one(tmp_path, tmp_path / "out", "write 1")
    assert (fatal, died) == (True, False)
    assert "vanished" in outcome.error
    assert not (tmp_path / "out").exists()


def test_warnings_belong_to_the_outcome_each_on_one_line(tmp_path, outdir):
    outcome, *_ = do_one(tmp_path, outdir, "warn")
    assert outcome.status == "done"
    assert outcome.warnings == [f"{tmp_path}/in/a.h5: something is odd"]


def test_an_interrupt_is_no_outcome(tmp_path, outdir):
    with pytest.raises(KeyboardInterrupt):
        do_one(tmp_path, outdir, "interrupt")


# --- what an input leaves ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [("write 2", ["a_0.h5", "a_1.h5"]), ("nothing", []), ("damaged", []), ("bug", [])],
)
def test_only_the_outputs_named_are_left_of_an_input(tmp_path, outdir, text, left):
    # As a killed run leaves them: whole, and in no journal.
    for name in ("a_0.h5", "a_1.h5", "a_9.h5", "b_0.h5", "ab_0.h5"):
        (outdir / name).write_text("of a killed run")
    do_one(tmp_path, outdir, text)
    assert sorted(path.name for path in outdir.glob("*.h5")) == [*left, "ab_0.h5", "b_0.h5"]
    assert [path for path in left if "killed" in (outdir / path).read_text()] == []


@pytest.mark.parametrize("died", [False, True])
def test_an_input_lost_on_the_way_has_failed_and_leaves_nothing(tmp_path, outdir, died):
    (path,) = write_inputs(tmp_path / "in", a="write 1")
    (outdir / "a_0.h5").touch()
    task = Task(toy, outputs, LocalFolder(outdir), {}, 1)
    outcome, fatal, has_died = task.lost(path, "was lost", died)
    assert (outcome.status, outcome.error) == ("failed", f"{path}: was lost")
    assert outcome.key == ""  # to make one would touch what may hang
    assert datetime.fromisoformat(outcome.ended) <= datetime.now(UTC)
    assert (fatal, has_died) == (False, died)
    assert outcome.outputs == []


def test_what_is_lost_clears_its_outputs(tmp_path, outdir):
    (outdir / "a_0.h5").touch()
    Task(toy, outputs, LocalFolder(outdir), {}, 1).lost(f"{tmp_path}/in/a.h5", "was lost")
    assert list(outdir.glob("*.h5")) == []


# --- the key --------------------------------------------------------------------


def other(path, outdir):
    """A second step."""


@pytest.fixture
def key(tmp_path):
    """A function from what may differ to the key of one input."""
    path, mask = tmp_path / "a.h5", tmp_path / "mask"

    def call(size=3, mtime=1, step=toy, version=1, mask_size=None, **options):
        path.write_bytes(bytes(size))
        os.utime(path, ns=(0, mtime))
        if mask_size is not None:
            mask.write_bytes(bytes(mask_size))
            os.utime(mask, ns=(0, 1))
            options["mask"] = mask
        return Task(step, outputs, LocalFolder(tmp_path), options, version).key(str(path))

    return call


@pytest.mark.parametrize(
    "change",
    [
        {"size": 4},
        {"mtime": 2},
        {"step": other},
        {"version": 2},
        {"bbox": (0.0, 1.0, 2.0, 4.0)},
        {"crs": None},
        {"strict": True},
        {"mask_size": 5},
    ],
)
def test_the_key_changes_with_input_step_version_and_every_option(key, change):
    usual = {"bbox": (0.0, 1.0, 2.0, 3.0), "crs": "auto"}
    assert key(**usual) == key(**usual)
    assert key(**usual) != key(**usual | change)


@pytest.mark.parametrize("nothing", [None, False, ()])
def test_a_new_option_that_nobody_asks_for_leaves_the_key(key, nothing):
    assert key(bbox=(0.0, 1.0), new=nothing) == key(bbox=(0.0, 1.0))
    assert key(bbox=(0.0, 1.0), new=0) != key(bbox=(0.0, 1.0))


def test_the_key_changes_with_the_content_of_a_file_among_the_options(key):
    assert key(mask_size=5) == key(mask_size=5)
    assert key(mask_size=5) != key(mask_size=6)


def test_the_key_changes_with_the_part_of_a_file_and_with_the_content_of_this_file(tmp_path):
    path, mask = tmp_path / "a.h5", tmp_path / "mask.nc"
    path.write_bytes(b"a")

    def key(part, size):
        mask.write_bytes(bytes(size))
        os.utime(mask, ns=(0, 1))
        options = {"mask": tmp_path / f"mask.nc:{part}"}
        return Task(toy, outputs, LocalFolder(tmp_path), options, 1).key(str(path))

    assert key("ice", 5) == key("ice", 5)
    assert len({key("ice", 5), key("rock", 5), key("ice", 6)}) == 3


def test_an_input_that_is_not_there_has_no_key(tmp_path):
    assert Task(toy, outputs, LocalFolder(tmp_path), {}, 1).key(str(tmp_path / "gone.h5")) == ""


def test_the_key_of_what_a_catalogue_lists_stands_for_what_it_says(outdir):
    task = Task(toy, outputs, LocalFolder(outdir), {}, 1)
    keys = {task.key(Url("https://host/a.h5", identity)) for identity in ("1", "2", "2")}
    assert len(keys) == 2
    assert "" not in keys
