"""Watched processes: an input that HDF5 never ends reading costs itself, no signal is lost."""

import os
import signal
import time
import warnings

import numpy as np
import pytest
from flatfiles import make_endless, random_columns, write_flat
from processes import start

from captools import process, progress
from captools.errors import BadInputs, CaptoolsError, CaptoolsWarning, InputError
from captools.io.columns import StoredColumn
from captools.io.hdf5 import open_file
from captools.run import watched


@pytest.fixture
def endless(tmp_path):
    """Three files, the second with zeros among its strings: HDF5 follows them for ever."""
    folder = tmp_path / "in"
    paths = [write_flat(folder / f"{k}.h5", random_columns(10, k)) for k in range(3)]
    make_endless(paths[1])
    return paths


REDUCE = {
    "merge": ["-o", "OUT/all.h5"],
    "tile": ["-o", "OUT/tiles", "-d", "100"],
    "export": ["-o", "OUT/all.csv"],
    "preview": ["-o", "OUT/map.png"],
}


@pytest.mark.parametrize("step", REDUCE)
def test_an_endless_input_is_named_in_one_line(run, endless, tmp_path, step):
    out = tmp_path / "out"
    options = [word.replace("OUT", str(out)) for word in REDUCE[step]]
    result = run(step, *endless, *options, "--timeout", "1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line for line in result.stderr.splitlines() if str(endless[1]) in line] == [
        f"failed: {endless[1]}: no progress for 1 s (--timeout); is it damaged? fetch it again"
    ]
    assert not out.exists() or os.listdir(out) == []


def test_skip_bad_leaves_an_endless_input_out(run, endless, tmp_path):
    run("merge", endless[0], endless[2], "-o", tmp_path / "good.h5")
    result = run("merge", *endless, "-o", tmp_path / "all.h5", "--skip-bad", "--timeout", "1")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'all.h5'}\n")
    assert (tmp_path / "all.h5").read_bytes() == (tmp_path / "good.h5").read_bytes()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_what_hdf5_never_ends(endless, tmp_path, number, code):
    with start("merge", *endless, "-o", tmp_path / "out" / "all.h5") as merging:
        time.sleep(1.5)  # by now it reads for ever
        assert merging.poll() is None
        began = time.monotonic()
        merging.send_signal(number)
        merging.communicate(timeout=30)
    assert merging.returncode == code
    assert time.monotonic() - began < 15
    assert not (tmp_path / "out").exists() or os.listdir(tmp_path / "out") == []


# --- the limit of a header --------------------------------------------------------


@pytest.mark.parametrize(
    ("timeout", "header"), [(None, None), (5, 5), (60, 60), (300, 60), (600, 60), (6000, 600)]
)
def test_a_header_has_a_tenth_of_the_time_but_a_minute_if_the_input_has_that(timeout, header):
    assert process.Reading("a.h5").limit(timeout) == timeout
    assert process.Reading("a.h5", is_header=True).limit(timeout) == header


def header_then_rows(paths, header, rows):
    """Take so many seconds for the header of the first input, and for its rows."""
    with open_file(paths[0]) as file:
        time.sleep(header)
        StoredColumn(file["h_li"].id).read(slice(0, 1))
        time.sleep(rows)
    return "done"


def test_an_endless_header_is_given_up_before_rows_would_be(endless, monkeypatch):
    monkeypatch.setattr(process, "HEADER_SECONDS", 1.0)
    assert watched.call(header_then_rows, endless[:1], 0, 2, timeout=10) == "done"
    with pytest.raises(BadInputs, match=r"0\.h5: no progress for 1 s \(--timeout\)"):
        watched.call(header_then_rows, endless[:1], 20, 0, timeout=10)


def test_a_worker_gives_an_endless_header_up_too(endless, tmp_path, monkeypatch, run):
    monkeypatch.setattr(process, "HEADER_SECONDS", 1.0)
    result = run("filter", *endless, "--where", "h_li > 0", "-o", tmp_path / "out", "--timeout", 10)
    assert result.exit_code == 1
    assert f"{endless[1]}: took longer than 1 s (--timeout)" in result.stderr


# --- what comes from the other process ----------------------------------------------


def reading(paths, then):
    """Open the first of the inputs, and go on in some way."""
    with open_file(paths[0]):
        return then()


def die(*inputs):
    os.kill(os.getpid(), signal.SIGKILL)


def slowly():
    for _ in range(30):
        time.sleep(0.05)
        process.check()
    return "done"


def test_progress_is_waited_for(endless, monkeypatch):
    monkeypatch.setattr(process, "PULSE_SECONDS", 0.1)
    assert watched.call(reading, endless[:1], slowly, timeout=1.0) == "done"


def test_no_input_is_blamed_for_what_is_not_reading(endless):
    def work(paths):
        reading(paths, int)
        time.sleep(1)
        return "drawn"

    assert watched.call(work, endless[:1], timeout=0.3) == "drawn"


def test_the_input_that_kills_a_process_is_named(endless):
    with pytest.raises(BadInputs) as bad:
        watched.call(reading, endless[:1], die, timeout=60)
    assert bad.value.errors.keys() == {str(endless[0])}
    assert "its process died (SIGKILL(-9): memory used up?)" in str(bad.value)


def test_a_process_that_dies_without_an_input_is_an_error():
    with pytest.raises(CaptoolsError, match=r"its process died \(SIGKILL\(-9\): memory used up\?"):
        watched.call(die, [], timeout=60)


class OddError(Exception):
    """One that goes to no other process."""

    def __reduce__(self):
        raise TypeError("not to be pickled")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InputError("a.h5: why"), InputError),
        (BadInputs({"a.h5": "a.h5: why"}), BadInputs),
        (ValueError("a.h5: why"), ValueError),
        (OddError("a.h5: why"), CaptoolsError),
    ],
)
def test_errors_are_those_of_the_function(error, kind):
    def fail(paths):
        raise error

    with pytest.raises(kind, match=r"a\.h5: why"):
        watched.call(fail, [], timeout=60)


def test_messages_warnings_and_progress_are_shown_here(log, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)

    def work(paths):
        watched.log.info("a message of %s", np.float64(1.5))
        warnings.warn("of a row", CaptoolsWarning, stacklevel=1)
        return list(progress.track(paths))

    with pytest.warns(CaptoolsWarning, match="of a row"):
        assert watched.call(work, ["a", "b"], timeout=60) == ["a", "b"]
    said = [record.getMessage().split(",")[0] for record in log.records]
    assert said == ["a message of 1.5", "1 of 2 inputs ended", "2 of 2 inputs ended"]
