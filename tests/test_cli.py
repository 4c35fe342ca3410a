"""The command line as real processes: streams, terminals, signals, shims, the way from Python."""

import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT
from processes import COMMAND, call, call_on_terminal, lines_of, start

import captools
from captools.run.journal import lines

# --- standard output --------------------------------------------------------------


def test_standard_output_is_one_path_per_line_and_all_else_goes_to_standard_error(
    granules, tmp_path
):
    bad = tmp_path / "bad.h5"
    bad.write_text("<!DOCTYPE html><title>Earthdata Login</title>")
    ended = call("readatl06", granules, bad, "-o", tmp_path / "out", "-n", 2)
    assert ended.code == 1
    paths = ended.stdout.splitlines()
    assert sorted(paths) == sorted(map(str, (tmp_path / "out").glob("*.h5")))
    assert len(paths) == 6
    failed, summary = ended.stderr.splitlines()
    assert failed.startswith(f"failed: {bad}: ")
    assert summary.startswith("4 inputs: 3 done, 0 empty, 1 failed")


def test_on_a_terminal_standard_output_is_a_count(granules, tmp_path):
    for _ in range(2):  # what was done before counts too
        ended = call_on_terminal("stdout", "readatl06", granules, "-o", tmp_path / "out", "-n", 1)
        assert ended.code == 0
        assert ended.stdout == f"6 files in {tmp_path}/out\r\n"


def test_quiet_leaves_only_failed_inputs_on_standard_error(granules, tmp_path):
    bad = tmp_path / "bad.h5"
    bad.touch()
    ended = call("readatl06", granules, bad, "-o", tmp_path / "out", "-q")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"failed: {bad}: ")
    assert len(ended.stdout.splitlines()) == 6


def test_quiet_still_names_wrong_usage(tmp_path):
    ended = call("readatl06", tmp_path, "-o", tmp_path / "out", "-q")
    assert ended.code == 2
    assert "Error: no inputs" in ended.stderr


def test_verbose_names_every_input(granules, tmp_path):
    ended = call("readatl06", granules, "-o", tmp_path / "out", "--verbose", "-n", 1)
    for path in granules.iterdir():
        assert f"{path}: done, " in ended.stderr


def test_the_list_on_standard_input_may_be_a_pipe(granules, tmp_path):
    listed = "".join(f"{path}\n" for path in granules.iterdir())
    ended = call("readatl06", "-", "-o", tmp_path / "out", input=listed)
    assert ended.code == 0
    assert len(ended.stdout.splitlines()) == 6


def test_an_empty_list_on_standard_input_is_a_note_and_no_folder(tmp_path):
    ended = call("readatl06", "-", "-o", tmp_path / "out", input="")
    assert (ended.code, ended.stdout) == (0, "")
    assert ended.stderr.splitlines()[-1] == "no inputs: nothing to do"
    assert not (tmp_path / "out").exists()


def test_a_reader_that_stops_early_as_head_does_sees_no_traceback(granules, tmp_path):
    with start("readatl06", granules, "-o", tmp_path / "out", "-n", 1) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert stderr.splitlines()[0].startswith("3 inputs: 3 done")
    assert len(stderr.splitlines()) == 1


SHELL_WORDS = " ".join([*COMMAND[:2], f'"{COMMAND[2]}"'])


def shell(words, **options):
    """What a shell gives of ``captools WORDS`` with the redirections in them."""
    command = ["bash", "-o", "pipefail", "-c", f"{SHELL_WORDS} {words}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_streams_that_are_closed_or_full_do_not_cost_the_work(granules, tmp_path, closed):
    (tmp_path / "bad.h5").touch()
    words = f"readatl06 {granules} bad.h5 -o out -n 2 {closed}"
    for _ in range(2):
        ended = shell(words, cwd=tmp_path)
        assert ended.returncode == 1  # for the bad one
        assert "Traceback" not in ended.stderr
        assert len(ended.stdout.splitlines()) == (0 if ">&-" in closed.split() else 6)
        assert ended.stderr.count("failed: ") == (0 if "2>" in closed else 1)
        assert len(list((tmp_path / "out").glob("*.h5"))) == 6
    (tmp_path / "bad.h5").unlink()
    assert shell(f"readatl06 {granules} -o out {closed}", cwd=tmp_path).returncode == 0


def test_a_list_on_a_closed_standard_input_is_an_empty_one(tmp_path):
    ended = shell("readatl06 - -o out <&-", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.splitlines()[-1] == "no inputs: nothing to do"


def test_a_full_disk_behind_standard_output_is_reported(granules, tmp_path):
    ended = shell(f"readatl06 {granules} -o out >/dev/full", cwd=tmp_path)
    assert ended.returncode == 1
    summary, error = ended.stderr.splitlines()
    assert summary.startswith("3 inputs: 3 done")
    assert error == "error: [Errno 28] No space left on device"


@pytest.mark.parametrize("words", ["--help", "merge --help", "--version"])
def test_help_on_a_full_disk_is_one_line(words):
    ended = shell(f"{words} >/dev/full")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "error: [Errno 28] No space left on device\n"


@pytest.fixture(scope="module")
def reduced(granules, run, tmp_path_factory):
    """A folder whose out/ has what `readatl06` makes of the granules. Not to be changed."""
    folder = tmp_path_factory.mktemp("reduced")
    assert run("readatl06", granules, "-o", folder / "out").exit_code == 0
    return folder


@pytest.fixture
def place(reduced, tmp_path):
    """A folder of one's own with the same."""
    shutil.copytree(reduced / "out", tmp_path / "out")
    return tmp_path


@pytest.mark.parametrize(
    "step", ["readatl06 {} -o out", "report out", "check {0} {0} out", "info out", "info out/*.h5"]
)
def test_head_gets_its_line_and_nobody_a_traceback(granules, place, step):
    ended = shell(f"{step.format(granules)} 2>said | head -1", cwd=place)
    assert ended.returncode == 0
    assert len(ended.stdout.splitlines()) == 1
    assert (place / "said").read_text().count("\n") <= 1
    assert "Traceback" not in (place / "said").read_text()


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "--version",
        "filter --help",
        "slurm array",
        "check {}",
        "check none.h5 {}",
        "report out",
        "info out",
        "info {}",
        "readatl06 {} -o out",
        "merge out -o all.h5",
        "simulate -o more --granules 2 --segments 20",
    ],
)
def test_a_reader_that_is_gone_is_no_failure(granules, place, words):
    gone, ours = os.pipe()
    os.close(gone)
    with start(*words.format(granules).split(), cwd=place, stdout=ours) as process:
        os.close(ours)
        stderr = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in stderr
    assert "roken" not in stderr
    assert stderr.count("\n") <= 1


def test_a_failed_input_counts_though_nobody_reads(granules, tmp_path):
    ended = shell(f"readatl06 {granules} none.h5 -o out -q | true", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.4])
def test_ctrl_c_at_the_start_leaves_one_line(granules, tmp_path, seconds):
    words = ["check", *map(str, [granules] * 3)]
    begin = f"from captools.__main__ import main; print(flush=True); main({words})"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", begin], env=environment, **pipes) as process:
        process.stdout.readline()  # before that, it is Python's own time
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode in (0, 130)  # a fast machine is done
    assert "Traceback" not in stderr
    assert len(stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    "module",
    ["captools.cli", "click", "captools.run.printing", "captools.steps.merge", "numpy", "h5py"],
)
def test_ctrl_c_in_the_middle_of_an_import_leaves_one_line(granule, tmp_path, module):
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["captools"]
    script = tmp_path / "captools"  # as pip writes it, but for the finder
    script.write_text(f"""
import os, signal, sys
command = os.getpid()  # which may let another process do the work
class Finder:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            os.kill(command, signal.SIGINT)
sys.meta_path.insert(0, Finder)
from {stated.partition(":")[0]} import {stated.partition(":")[2]} as main
sys.exit(main())
""")
    words = ["merge", granule, "-o", tmp_path / "all.h5"]
    done = subprocess.run(
        [sys.executable, script, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr, done.stdout) == (130, "interrupted\n", "")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("readatl6 g -o out", "There is no step 'readatl6'. Did you mean readatl06?"),
        ("filter g --out x", "Did you mean -o?"),
        ("readatl06 g --bbox 1", "Did you mean -b?"),
        ("merge g --outputt x", ""),
    ],
)
def test_a_word_that_is_none_is_answered_with_what_is_meant(run, words, hint):
    result = run(*words.split())
    assert result.exit_code == 2
    assert hint in result.stderr.replace("'-", "-").replace("'?", "?")  # as click's version has it


def test_many_options_are_shown_in_groups(run):
    lines = run("filter", "--help").stdout.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Options:", "Output:", "Run:", "Servers:"]
    at = {line.split()[0]: number for number, line in enumerate(lines) if line.startswith("  -")}
    output, how, servers = map(lines.index, headings[1:])
    assert at["--where"] < output < at["-o"] < how < at["-n,"] < servers < at["--earthdata"]
    few = run("slurm", "--help").stdout.splitlines()
    assert [line for line in few if line.endswith(":") and line[0] != " "] == ["Options:"]


def test_a_run_killed_outright_leaves_nothing_to_one_that_keeps_nothing(many, tmp_path):
    # Its options do not matter: outputs that no journal names have any of the names.
    out = tmp_path / "out"
    with start("readatl06", many, "-o", out, "-n", 2, "--split") as process:
        interrupt(process, out / "_captools/readatl06.jsonl", signal.SIGKILL)
    assert list(out.glob("*.h5")) != []
    with open(out / "_captools/readatl06.jsonl", "r+b") as journal:
        journal.truncate(0)  # killed before it wrote a line
    ended = call("readatl06", many, "-o", out, "-b", 0, 1, 0, 1)
    assert (ended.code, ended.stdout) == (0, "")
    assert [path.name for path in out.iterdir()] == ["_captools"]


# --- interrupted ------------------------------------------------------------------


@pytest.fixture
def many(granules, tmp_path):
    """A folder of more granules than are done before a signal comes."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(16):
        os.link(min(granules.iterdir()), folder / f"granule_{number:02}.h5")
    return folder


def interrupt(process, journal, number):
    """Send a signal when three inputs have ended, and wait for the end."""
    deadline = time.monotonic() + 30
    while len(lines_of(journal)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=20)
    return stdout.splitlines(), stderr


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_finished_work_is_kept_and_the_next_run_does_the_rest(many, tmp_path, number, code, jobs):
    out = tmp_path / "out"
    journal = out / "_captools/readatl06.jsonl"
    with start("readatl06", many, "-o", out, "-n", jobs) as process:
        stdout, stderr = interrupt(process, journal, number)
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert "interrupted" in stderr
    done = [outcome for _, outcome in lines(journal)]
    assert 3 <= len(done) < 16
    assert {outcome.status for outcome in done} == {"done"}
    kept = {path: os.stat(path).st_mtime_ns for one in done for path in one.outputs}
    assert sorted(kept) == stdout

    again = call("readatl06", many, "-o", out, "-n", 2)
    assert again.code == 0
    assert again.stderr.startswith(f"16 inputs: {len(done)} done before, {16 - len(done)} done")
    assert len(again.stdout.splitlines()) == 16 * 2
    assert {path: os.stat(path).st_mtime_ns for path in kept} == kept
    assert [path for path in out.iterdir() if path.name.endswith(".part")] == []
    assert len(list(out.glob("*.h5"))) == 16 * 2


def test_an_interrupt_before_the_first_input_shows_in_the_exit_code_too(tmp_path):
    with start("readatl06", "-", "-o", tmp_path / "out") as process:
        process.stdin.write("\n" * 200_000)  # more than a pipe holds: it reads its list by now
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def test_a_run_killed_outright_leaves_a_folder_that_the_next_run_completes(many, tmp_path):
    out = tmp_path / "out"
    with start("readatl06", many, "-o", out, "-n", 1) as process:
        interrupt(process, out / "_captools/readatl06.jsonl", signal.SIGKILL)
    assert call("readatl06", many, "-o", out, "-n", 2).code == 0
    assert len(list(out.glob("*.h5"))) == 16 * 2
    assert sorted(path.name for path in out.iterdir() if path.suffix != ".h5") == ["_captools"]


# --- commands and shims -----------------------------------------------------------


def test_the_command_is_on_the_path_of_its_environment():
    command = Path(sys.executable).with_name("captools")
    ran = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == f"captools, version {captools.__version__}\n"


def test_an_unknown_step_is_wrong_usage():
    ended = call("nonsense")
    assert ended.code == 2
    assert "nonsense" in ended.stderr


def test_the_options_of_the_contract_are_there(run):
    text = run("readatl06", "--help").stdout
    wanted = "-o -n --jobs --engine --scheduler --timeout --shard --overwrite"
    wanted += " --fail-fast -b -t -v --vars -p --crs -f --mask"
    wanted += " -g -l -z -q --verbose --quality --segment-tolerance --split --strict --dialect"
    assert [option for option in wanted.split() if f" {option}" not in text] == []


def test_a_shim_runs_the_step_of_its_own_checkout_from_anywhere(granules, tmp_path):
    # Not the captools that happens to be installed: the version shows it.
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "bin", checkout / "bin")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "captools", checkout / "captools", ignore=ignored)
    init = checkout / "captools/__init__.py"
    init.write_text(init.read_text().replace(captools.__version__, "9.9.9"))
    ended = subprocess.run(
        [sys.executable, checkout / "bin/readatl06.py", granules, "-o", "out"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr
    (first, *others) = ended.stdout.splitlines()
    assert len(others) == 5
    assert b"9.9.9" in (tmp_path / first).read_bytes()
    assert b"9.9.9" not in (tmp_path / first).read_bytes().replace(b"9.9.9", b"", 1)


def test_a_shim_takes_the_same_words_and_gives_the_same_exit_codes(tmp_path):
    shim = [sys.executable, ROOT / "bin/readatl06.py"]
    ran = subprocess.run([*shim, "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, call("readatl06", "--help").stdout)
    wrong = subprocess.run([*shim, "-o", "out"], capture_output=True, text=True, cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (2, call("readatl06", "-o", "out").stderr)


# --- from Python --------------------------------------------------------------------


def test_a_step_can_be_imported_from_the_package():
    from captools import readatl06

    assert readatl06.__name__ == "readatl06"


@pytest.mark.parametrize("name", ["nonsense", "__nonsense__", "_captools"])
def test_an_unknown_name_is_no_attribute_of_the_package(name):
    with pytest.raises(AttributeError, match=name):
        getattr(captools, name)
    with pytest.raises(ImportError, match=name):
        exec(f"from captools import {name}")


def test_by_hand_a_step_writes_over_keeps_no_journal_and_returns_the_paths(granules, tmp_path):
    granule = min(granules.iterdir())
    for _ in range(2):
        written = captools.readatl06(granule, tmp_path / "out")
        assert len(written) == 2
        assert sorted(written) == sorted((tmp_path / "out").iterdir())
        for path in written:
            assert path.stat().st_mtime_ns != 1
            os.utime(path, ns=(1, 1))


def test_by_hand_a_bad_input_raises_and_leaves_nothing(tmp_path):
    (tmp_path / "bad.h5").touch()
    with pytest.raises(captools.errors.CaptoolsError, match=r"bad\.h5"):
        captools.readatl06(tmp_path / "bad.h5", tmp_path / "out")
    assert list(tmp_path.glob("out/*")) == []


@pytest.mark.parametrize(("said", "expected"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "7"}, "7")])
def test_products_of_matrices_have_one_thread_in_each_process(said, expected):
    """Unless a user says otherwise; many would wait for each other longer than they work."""
    code = "import atexit, os, sys; from captools.__main__ import main\n"
    code += (
        "atexit.register(lambda: print(os.environ['OPENBLAS_NUM_THREADS'])); main(['--version'])"
    )
    others = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=others | said, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == expected
