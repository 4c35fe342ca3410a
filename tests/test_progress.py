"""Progress: a bar on a terminal, now and then a line in a log, nothing when quiet."""

import logging
import re
from pathlib import Path

import pytest
from processes import call, call_on_terminal

import captools
from captools import progress
from captools.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def wait(seconds):
        now[0] += seconds

    return wait


def test_a_log_gets_a_line_every_thirty_seconds(clock, log):
    counter = Progress(100)
    for _ in range(29):
        clock(1.0)
        counter.log_if_due()
        counter.update(False)
    assert log.messages == []
    clock(1.0)
    counter.update(True)
    counter.log_if_due()
    # 30 in 30 s, hence 70 more in 70 s.
    assert log.messages == ["30 of 100 inputs ended, 1 failed, 1.00 per second, 1.2 minutes left"]
    for _ in range(60):
        clock(1.0)
        counter.update(False)
        counter.log_if_due()
    counter.close()
    assert [line.split()[0] for line in log.messages] == ["30", "60", "90"]
    assert log.messages[2].endswith("1.00 per second, 0.2 minutes left")


def test_a_slow_input_is_followed_by_one_line_not_by_those_missed(clock, log):
    counter = Progress(10)
    clock(100.0)
    counter.update(False)
    counter.log_if_due()
    clock(1.0)
    counter.update(False)
    counter.log_if_due()
    assert len(log.messages) == 1


def test_a_log_says_that_nothing_has_ended_yet(clock, log):
    counter = Progress(10)
    clock(30.0)
    counter.log_if_due()
    assert log.messages == ["0 of 10 inputs ended, 0 failed, 0.00 per second, unknown minutes left"]


def test_a_quiet_log_gets_no_line(clock, log):
    log.set_level(logging.ERROR, logger="captools")
    counter = Progress(2)
    clock(31.0)
    counter.update(True)
    counter.log_if_due()
    counter.close()
    assert log.messages == []


def on_screen(sent):
    """What stays on a screen: of every line, what follows the last return to the margin."""
    lines = sent.replace("\r\n", "\n").rstrip("\n").split("\n")
    return [line.rsplit("\r", 1)[-1] for line in lines]


def test_a_terminal_gets_a_bar_that_goes_away(granules, tmp_path):
    ended = call_on_terminal("stderr", "readatl06", granules, "-o", tmp_path / "out", "-n", 1)
    assert ended.code == 0
    assert "| 0/3 [" in ended.stderr
    assert re.search(r"\| [1-3]/3 \[.*, 0 failed\]", ended.stderr)
    assert "\r" in ended.stderr
    (line,) = on_screen(ended.stderr)
    assert line.startswith("3 inputs: 3 done")
    assert "\r" not in ended.stdout


def test_messages_do_not_tear_the_bar(granules, tmp_path):
    (tmp_path / "bad.h5").touch()
    words = ("readatl06", granules, tmp_path / "bad.h5", "-o", tmp_path / "out", "-n", 1)
    ended = call_on_terminal("stderr", *words)
    failed, summary = on_screen(ended.stderr)
    assert failed == f"failed: {tmp_path}/bad.h5: is empty (0 bytes); fetch it again"
    assert summary.startswith("4 inputs: 3 done, 0 empty, 1 failed")


def test_a_log_file_has_no_bar(granules, tmp_path):
    ended = call("readatl06", granules, "-o", tmp_path / "out", "-n", 1)
    assert "\r" not in ended.stderr
    assert "\x1b" not in ended.stderr
    assert ended.stderr.splitlines() == [ended.stderr.strip()]
    assert ended.stderr.startswith("3 inputs: 3 done")


def test_quiet_means_no_bar_on_a_terminal_either(granules, tmp_path):
    ended = call_on_terminal("stderr", "readatl06", granules, "-o", tmp_path / "out", "-q")
    assert (ended.code, ended.stderr) == (0, "")


def test_numbers_of_things_are_said_by_counted():
    nouns = "input|file|row|point|granule|tile|segment|beam|output|shard|defect|column"
    plural = re.compile(rf"(\{{[^{{}}\"]*\}}|%[ds]) (bad )?({nouns})s\b")
    for path in Path(captools.__file__).parent.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            said = plural.search(line)
            known = "== 1" in line or "files will be made" in line or line.lstrip().startswith("#")
            assert not said or known, f"{path}:{number}: {line.strip()}"
