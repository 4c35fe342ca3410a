"""Many files checked: lines in order, exit codes, processes that die or hang, signals."""

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import toy
from flatfiles import make_endless, random_columns, truncate, write_flat
from processes import call, call_on_terminal, start

from captools import check
from captools.engine import each
from captools.engine.local import local
from captools.errors import InputError
from captools.granules.checking import check_file
from captools.io.remote import Access
from captools.run import inspection
from captools.simulation.granule import write_granule


@pytest.fixture
def folder(granules, tmp_path):
    """Give a folder: a truncated granule between two that are whole."""
    (tmp_path / "in").mkdir()
    for path in granules.glob("*.h5"):
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    truncate(sorted((tmp_path / "in").iterdir())[1])
    return tmp_path / "in"


@pytest.fixture
def toys(monkeypatch, run, tmp_path):
    """Give a function that checks files of which the text says what is found in them."""
    monkeypatch.setattr(inspection, "Check", toy.ToyCheck)

    def call(*options, **texts):
        paths = toy.write_inputs(tmp_path / "toys", **texts)
        result = run("check", *paths, *options)
        return result, [line.replace(f"{tmp_path}/toys/", "") for line in result.stdout.split("\n")]

    return call


@pytest.fixture
def endless(tmp_path):
    """Give a file that HDF5 reads without end, and heeds no signal."""
    return make_endless(write_flat(tmp_path / "hangs.h5", random_columns(10, 0)))


def test_each_file_has_a_line_in_the_order_of_the_inputs(run, folder):
    flat = write_flat(folder / "flat.h5", random_columns(1234, 1))
    result = run("check", folder, folder / "absent.h5")
    first, second, third = sorted(folder.glob("ATL06*"))
    lines = result.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        *map(str, [first, second, third, folder / "absent.h5", flat])
    ]
    assert lines[0].startswith(f"{first}: fine (ATL06 granule, 2 beams, ")
    size = second.stat().st_size
    assert lines[1].startswith(f"{second}: is truncated ({size} of ")
    assert lines[2].startswith(f"{third}: fine (ATL06 granule, 2 beams, ")
    assert lines[3] == f"{folder / 'absent.h5'}: does not exist"
    assert lines[4] == f"{flat}: fine (flat file, 1,234 rows)"
    # Again at the end, where they are seen.
    assert result.stderr.splitlines() == [
        "5 files: 3 fine, 2 bad",
        f"bad: {lines[1]}",
        f"bad: {lines[3]}",
    ]
    assert result.exit_code == 1


def test_all_fine_is_exit_code_0(run, granules):
    result = run("check", granules, "-n", 2)
    assert (result.exit_code, result.stderr) == (0, "3 files: 3 fine, 0 bad\n")
    assert [line.split(": ")[1][:5] for line in result.stdout.splitlines()] == 3 * ["fine "]


def test_failed_prints_the_bad_ones_to_be_fed_back(run, folder):
    bad = sorted(folder.iterdir())[1]
    result = run("check", folder, "--failed")
    assert (result.exit_code, result.stdout) == (1, f"{bad}\n")
    assert f"failed: {bad}: is truncated" in result.stderr
    again = run("check", "-", "--failed", "-q", input=result.stdout)
    assert (again.exit_code, again.stdout) == (1, f"{bad}\n")
    assert again.stderr.startswith(f"failed: {bad}: is truncated")
    assert "files:" not in again.stderr
    bad.unlink()
    none = run("check", folder, "--failed")
    assert (none.exit_code, none.stdout) == (0, "")


def test_quiet_says_nothing_beside_the_lines(run, folder):
    result = run("check", folder, "-q")
    assert (result.exit_code, result.stderr) == (1, "")
    assert len(result.stdout.splitlines()) == 3


def test_an_empty_list_is_no_error(run):
    result = run("check", "-", input="")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no inputs: nothing to do\n"


def test_no_input_is_wrong_usage(run, tmp_path):
    (tmp_path / "void").mkdir()
    result = run("check", tmp_path / "void")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no inputs" in result.stderr


def test_from_python_a_check_is_its_lines(folder):
    lines = check(folder, jobs=1)
    assert [": fine (" in line for line in lines].count(True) == 2
    assert len(lines) == 3
    assert list(check([str(folder)], failed=True)) == [str(sorted(folder.iterdir())[1])]


def test_a_path_need_not_be_utf8(tmp_path, granules):
    name = os.fsencode(tmp_path) + b"/caf\xe9.h5"
    with open(name, "wb") as file:
        file.write(next(granules.glob("*.h5")).read_bytes())
    ended = call("check", os.fsdecode(name), text=False, errors="surrogateescape")
    assert ended.code == 0
    assert ended.stdout.startswith(os.fsdecode(name) + ": fine (ATL06 granule, 2 beams, ")


# --- in processes ------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("batch", [2, 1000])
def test_lines_keep_their_order_whoever_is_slow_or_dies(toys, monkeypatch, jobs, batch):
    monkeypatch.setattr(each, "BATCH_ITEMS", batch)
    texts = {"a": "sleep 0.5", "b": "fine", "c": "die sigsegv", "d": "damaged", "e": "fine"}
    result, lines = toys("-n", jobs, **texts)
    assert lines == [
        "a.h5: fine (sleep)",
        "b.h5: fine (fine)",
        "c.h5: its process died (SIGSEGV(-11))",
        "d.h5: is damaged",
        "e.h5: fine (fine)",
        "",
    ]
    assert result.exit_code == 1
    assert "5 files: 3 fine, 2 bad" in result.stderr


def test_only_a_batch_of_findings_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "Check", toy.ToyCheck)
    monkeypatch.setattr(each, "BATCH_ITEMS", 3)
    texts = {f"{number:02d}": "fine" for number in range(9)} | {"00": "sleep 1"}
    paths = toy.write_inputs(tmp_path / "toys", **texts)
    asked = []

    class Watched(list):
        def __getitem__(self, which):
            asked.append(which)
            return super().__getitem__(which)

    with local(2) as pool:
        found = inspection.inspect(check_file, Watched(paths), pool)
        for number, path in enumerate(paths):
            assert next(found).input == path
            assert len(asked) == number // 3 + 1  # the next batch begins when this one is out
        assert list(found) == []


@pytest.mark.parametrize(("how", "meaning"), toy.DEATHS.items())
def test_a_lone_file_that_kills_its_process_is_bad(toys, how, meaning):
    result, lines = toys("-n", 1, a=f"die {how}")
    assert lines == [f"a.h5: its process died ({meaning})", ""]
    assert result.exit_code == 1


@pytest.mark.parametrize("others", [0, 2])
def test_a_file_that_hangs_is_bad_after_the_timeout(run, endless, tmp_path, others):
    for rgt in range(1, others + 1):
        write_granule(tmp_path, rgt, 1, 11, segments=20)
    result = run("check", tmp_path, "--timeout", 5)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line for line in lines if "fine" not in line] == [
        f"{endless}: took longer than 5 s (--timeout)"
    ]
    assert len(lines) == others + 1


def test_a_bug_of_ours_costs_one_file():
    broken = inspection.Check(lambda path, folder: 1 / 0, Access())
    (outcome, fatal, died) = broken("/a.h5")
    assert (fatal, died) == (False, False)
    assert outcome.message.startswith("/a.h5: unexpected ZeroDivisionError at test_check.py:")
    assert outcome.message.endswith("please report it")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_signal_ends_it_with_what_is_found_so_far(endless, granules, number, code):
    # Sorted behind the granules, whose lines are there before the signal.
    last = endless.rename(endless.with_name("zzz.h5"))
    paths = [str(path) for path in sorted(granules.glob("*.h5"))]
    with start("check", "-", "-n", 1) as process:
        process.stdin.write("\n".join([*paths, str(last)]))
        process.stdin.close()
        found = sorted(process.stdout.readline().split(":")[0] for _ in paths)
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(30) == code
        assert time.monotonic() - began < 15  # nothing to finish, nothing to wait for
        assert found == paths
        said = process.stderr.read()
    assert "4 files: 3 fine, 0 bad, 1 not checked" in said
    assert "Traceback" not in said


# --- on servers --------------------------------------------------------------------


@pytest.fixture
def stalling():
    """Give the address of a server that has files of any name and never sends the end of one."""
    ended = threading.Event()

    class Stalling(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(bytes(1000))
                ended.wait(60)

        do_HEAD = do_GET

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stalling)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield "http://{}:{}".format(*server.server_address)
    ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def temporary(tmp_path):
    """Give a folder for what is temporary, and the environment that names it."""
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp", os.environ | {"TMPDIR": str(tmp_path / "tmp")}


def test_copies_of_files_that_take_too_long_are_removed(stalling, temporary):
    folder, environment = temporary
    paths = [f"{stalling}/{name}.h5" for name in "abc"]
    with start("check", *paths, "-n", 1, "--timeout", 2, env=environment) as process:
        for path in paths:
            line = process.stdout.readline()
            assert line == f"{path}: took longer than 2 s (--timeout)\n"
            assert len(list(folder.rglob("*.h5"))) <= 1  # that of the file under way
        assert process.wait(30) == 1
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_copy(stalling, temporary, number):
    folder, environment = temporary
    with start("check", f"{stalling}/a.h5", f"{stalling}/b.h5", env=environment) as process:
        until = time.monotonic() + 30
        while not list(folder.rglob("*.h5")):
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert list(folder.iterdir()) == []


# --- on a terminal -----------------------------------------------------------------


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_lines_and_bar_share_a_terminal(folder, stream):
    ended = call_on_terminal(stream, "check", folder, "-n", 1)
    assert ended.code == 1
    if stream == "stdout":
        assert len(ended.stdout.splitlines()) == 3
        counts, again = ended.stderr.splitlines()
        assert counts == "3 files: 2 fine, 1 bad"
        assert again.startswith("bad: ")
    else:
        assert "3/3" in ended.stderr
        assert len(ended.stdout.splitlines()) == 3


def test_a_flipped_byte_is_found_wherever_it_is(run, granules, tmp_path):
    out = tmp_path / "out"
    assert run("readatl06", granules, "-o", out).exit_code == 0
    flat, *others = sorted(out.glob("*.h5"))
    assert run("check", out).exit_code == 0
    content, status = flat.read_bytes(), flat.stat()
    for place in range(1, len(content), len(content) // 40):
        flat.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        os.utime(flat, ns=(status.st_atime_ns, status.st_mtime_ns))
        (checked,) = inspection.with_digests([str(flat)])
        with pytest.raises(InputError, match="its bytes are not those that readatl06 wrote"):
            checked.check()
    result = run("check", out)
    assert (result.exit_code, result.stdout.count(": fine")) == (1, len(others))
    assert f"{flat}: its bytes are not those that readatl06 wrote: remove it" in result.stdout
