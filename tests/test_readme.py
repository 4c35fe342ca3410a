"""Every command of the README and of docs/ does what it says, in the order in which it stands.

The pages come in the order in which the README links them. Blocks without a language (batch jobs,
benchmarks) are not run here.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import h5py
import numpy as np
import pytest
import straightforward
from earthdata import LOGIN, Earthdata, Granule
from objectstore import KEYS, object_store
from processes import Process

from captools.io import remote
from captools.io.earthdata import earthdata_login
from captools.io.remote import Access

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = re.findall(r"\]\((docs/[\w-]+\.md)\)", README)
PAGES_IN_ORDER = ["README.md", *PAGES]
TEXT = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES_IN_ORDER)


def blocks(kind, text=TEXT):
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


SHELL, PYTHON = blocks("sh"), blocks("python")
# Run before all others, for the servers to have what it makes.
(SIMULATED,) = (block for block in SHELL if "captools simulate -o granules" in block)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    (folder / ".venv").symlink_to(sys.prefix)  # where bin/demo and bin/test leave it
    return folder


@pytest.fixture(scope="module")
def servers(folder, tmp_path_factory):
    """Servers of our own, which all commands find, with the granules that are simulated first."""
    assert shell(SIMULATED, folder).returncode == 0
    granules = sorted((folder / "granules").iterdir())
    tmp_path = tmp_path_factory.mktemp("servers")
    pool = shutil.copytree(folder / "granules", tmp_path / "pool")
    (single,) = re.findall(r"https://\S+/(ATL06_\w+\.h5)", TEXT)
    shutil.copy(granules[0], pool / single)
    with object_store() as store, Earthdata(pool, tmp_path / "servers") as earthdata:
        for path in granules:
            store.put(path, "granules/", bucket="my-bucket")
        earthdata.granules += [Granule(path.name) for path in granules]
        keys = KEYS | {"AWS_ENDPOINT_URL": store.endpoint}
        with earthdata.here(tmp_path / "home", login=LOGIN, **keys):
            yield
    # What this process remembers of these servers must not be taken for others.
    remote.use(Access())
    earthdata_login.cache_clear()
    for protocol in ("s3", "https"):
        fsspec.get_filesystem_class(protocol).clear_instance_cache()


def path_of_commands():
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def shell(command, folder, **more):
    """Run what a shell must run as a user would: in processes of its own."""
    environment = {**os.environ, "PATH": path_of_commands(), **more}
    command = ["bash", "-o", "pipefail", "-c", command]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_two_commands_come_first():
    assert [line.split()[0] for line in SHELL[0].splitlines()] == ["bin/demo", "bin/test"]


def test_every_page_of_the_documents_is_linked_once():
    assert sorted(PAGES) == sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))


def test_every_block_with_a_language_is_run():
    assert len(re.findall(r"^ *```\w", TEXT, re.MULTILINE)) == len(SHELL + PYTHON)


# The shell has nothing to do in it, nor workers, nor TileDB, which bears no copies of its process.
PLAIN = re.compile(r"captools (?!.*( -n |\.tdb))[^|<>$*]+")
# The commands of the gallery are run by tests/test_gallery.py, which looks at what they draw.
RUN = [page for page in PAGES_IN_ORDER if page != "docs/gallery.md"]


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("page", RUN)
def test_commands_run_one_after_another(page, folder, run, monkeypatch):
    monkeypatch.chdir(folder)
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in blocks("sh", text):
        for command in block.splitlines() if block not in (SHELL[0], SIMULATED) else ():
            if command.startswith("captools view"):
                serve_until_interrupted(command, folder)
            elif "--dry-run" in command:  # once with all that icepyx imports
                assert shell(command, folder, WITH_PLOTTING="1").returncode == 0, command
            elif PLAIN.fullmatch(command):  # here: most of a small command is its start
                done = run(*shlex.split(command, comments=True)[1:])
                assert done.exit_code == 0, f"{command}\n{done.stderr}"
            else:
                done = shell(command, folder)
                assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_the_commands_made_what_the_pages_say(folder):
    assert len(list((folder / "reduced").glob("*.h5"))) == 6 * 6
    fetched = {path.name for path in (folder / "archive").glob("*.h5")}
    assert fetched == {path.name for path in (folder / "granules").glob("*.h5")}
    again = {path.name for path in (folder / "again").glob("*.h5")}
    assert (
        again
        == {Path(line).name for line in (folder / "fetched.txt").read_text().split()}
        < fetched
    )
    # The shares of two tasks make the whole, and nothing failed.
    names = {path.name for path in (folder / "reduced").glob("*.h5")}
    assert {path.name for path in (folder / "shared").glob("*.h5")} == names
    assert (folder / "failed.txt").read_text() == ""


def serve_until_interrupted(command, folder):
    """Run a command that says where it serves, and then press Ctrl-C."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    words = [*shlex.split(command), "--no-browser"]
    environment = {**os.environ, "PATH": path_of_commands()}
    with Process(words, cwd=folder, env=environment, **pipes) as process:
        assert process.stdout.readline().startswith("http://127.0.0.1:"), process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr


def test_python_runs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    for block in PYTHON:
        exec(block, {})
        assert capsys.readouterr().out != ""


def test_the_point_tools_run_on_files_of_the_tutorial_as_shown(
    real_data, tmp_path, run, monkeypatch
):
    steps = {"filter", "calc", "reproject", "merge", "tile", "export"}
    shown = [block for block in SHELL if {"tile", "--outliers"} & set(block.split())]
    shutil.copytree(real_data / "reduced", tmp_path / "reduced")
    commands = [command for block in shown for command in block.splitlines()]
    assert {command.split()[1] for command in commands} == steps
    monkeypatch.chdir(tmp_path)
    for command in commands:
        done = run(*shlex.split(command)[1:])
        is_right = "no column" in done.stderr if "--outliers" in command else done.exit_code == 0
        assert is_right, f"{command}\n{done.stderr}"
    with h5py.File(tmp_path / "all.h5") as file:
        assert file["h_li"].shape == (190_610,)
        assert not np.any(file["tide_ocean"][:] > 1e38)


def test_granules_of_the_archive_go_through_a_pipeline(real_data, tmp_path):
    granules = real_data / "atl06/ATL06_2021*.h5"
    line = (
        f"captools readatl06 '{granules}' -o beams -q "
        "| captools filter - -o good --where 'h_li > 0' | captools merge - -o all.h5"
    )
    done = shell(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["all.h5"]
    heights = [
        straightforward.read_flat(path)["h_li"] for path in (tmp_path / "beams").glob("*.h5")
    ]
    with h5py.File(tmp_path / "all.h5") as file:
        assert len(file["h_li"]) == sum(np.count_nonzero(values > 0) for values in heights)


def test_every_step_has_its_example():
    steps = {path.stem for path in (ROOT / "captools/steps").glob("[a-z]*.py")}
    shown = set(re.findall(r"^captools (\w+)", "\n".join(blocks("sh", README)), re.MULTILINE))
    assert shown == steps, f"no example in README.md, or no step: {sorted(shown ^ steps)}"


def test_demo_makes_flat_files():
    done = subprocess.run([ROOT / "bin/demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "60 done, 0 empty, 0 failed" in done.stderr
    assert len(list((ROOT / "demo/reduced").glob("*.h5"))) == 60 * 6
    assert (ROOT / "demo/map.png").stat().st_size > 100_000


@pytest.fixture
def bare(tmp_path):
    """Give a copy of bin/demo beside stubs of all that it runs; `captools` fails on request."""
    stubs = {
        "bin/environment": 'echo environment >> log; [ "${FAIL:-}" != environment ] || exit 3',
        ".venv/bin/captools": 'echo "$1" >> log; [ "${FAIL:-}" != "$1" ] || exit 4',
    }
    for name, script in stubs.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    shutil.copy(ROOT / "bin/demo", tmp_path / "bin/demo")
    return tmp_path


COMMANDS = ["environment", "simulate", "readatl06", "report", "preview"]


@pytest.mark.parametrize("failing", [None, *COMMANDS])
def test_demo_fails_with_the_first_command_that_fails(bare, failing):
    # From another folder: the demo must find its own.
    environment = {"PATH": os.environ["PATH"], **({"FAIL": failing} if failing else {})}
    done = subprocess.run(
        [bare / "bin/demo"], cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == {None: 0, "environment": 3}.get(failing, 4), done.stderr
    ran = COMMANDS if failing is None else COMMANDS[: COMMANDS.index(failing) + 1]
    assert (bare / "log").read_text().split() == ran
    assert ("The flat files are in" in done.stdout) == (failing is None)
