"""Every command of the README does what it says, in the order in which it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL, PYTHON = (
    re.findall(rf"```{kind}\n(.*?)```", README, re.DOTALL) for kind in ("sh", "python")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def run(command, folder, **more):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, **more
    )


def test_the_two_commands_come_first():
    assert [line.split()[0] for line in SHELL[0].splitlines()] == ["bin/demo", "bin/test"]


def test_commands_run_one_after_another(folder):
    for block in SHELL[1:]:
        for command in block.splitlines():
            done = run(["bash", "-c", command], folder)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert len(list((folder / "reduced").glob("*.h5"))) == 12 * 6
    # The shares of two tasks make the whole, and nothing failed.
    names = {path.name for path in (folder / "reduced").glob("*.h5")}
    assert {path.name for path in (folder / "shared").glob("*.h5")} == names
    assert (folder / "failed.txt").read_text() == ""


def test_python_runs(folder):
    for block in PYTHON:
        done = run([sys.executable, "-c", block], folder)
        assert done.returncode == 0, done.stderr
        assert "gt1l" in done.stdout


def test_every_step_has_its_example():
    steps = {path.stem for path in (ROOT / "captools/steps").glob("[a-z]*.py")}
    shown = set(re.findall(r"^captools (\w+)", "\n".join(SHELL), re.MULTILINE))
    assert shown == steps


def test_modules_named_in_the_readme_exist():
    for name in re.findall(
        r"^\| (`.*?) \|", README.partition("## How it is built")[2], re.MULTILINE
    ):
        for module in re.findall(r"`(.*?)`", name):
            assert (ROOT / "captools" / module).exists(), module


def test_demo_makes_flat_files():
    done = run(["bin/demo"], ROOT, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "12 done, 0 empty, 0 failed" in done.stderr
    assert len(list((ROOT / "demo/reduced").glob("*.h5"))) == 72
