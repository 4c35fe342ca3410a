"""What is installed: all modules, one console script, a shim for each step."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from conftest import PORTABLE
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import captools

ROOT = Path(__file__).resolve().parent.parent
STEPS = sorted(path.stem for path in (ROOT / "captools/steps").glob("[a-z]*.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_every_module_is_in_the_wheel(wheel):
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "captools").rglob("*.py")}
    assert here <= set(wheel)


def test_types_and_tables_are_in_the_wheel(wheel):
    tables = {str(path.relative_to(ROOT)) for path in (ROOT / "captools").rglob("*.toml")}
    assert "captools/products/atl06.toml" in tables
    assert {"captools/py.typed", *tables} <= set(wheel)


def test_captools_is_the_only_command_on_the_path(wheel):
    points = next(text for name, text in wheel.items() if name.endswith("entry_points.txt"))
    assert points.split() == ["[console_scripts]", "captools", "=", "captools.__main__:main"]
    assert not any(".data/scripts" in name for name in wheel)


def test_all_extras_together_leave_out_the_mpich_wheel(wheel):
    about = next(text for name, text in wheel.items() if name.endswith("METADATA"))
    assert {"geo", "mpi", "dask", "preview", "download", "all", "dev"} <= {
        line.split()[1] for line in about.splitlines() if line.startswith("Provides-Extra")
    }
    needs = [line for line in about.splitlines() if line.startswith("Requires-Dist: mpich")]
    assert [line.partition("; ")[2] for line in needs] == ['extra == "dev"']


@pytest.mark.parametrize(("command", "extra"), [("demo", "preview"), ("test", "dev")])
def test_the_lock_has_a_version_with_hashes_for_all_that_is_needed(command, extra):
    pinned = {}
    for entry in (
        (ROOT / f"requirements/{command}.txt").read_text().replace("\\\n", " ").splitlines()
    ):
        named, *hashes = entry.split("--hash=")
        requirement = Requirement(named)
        assert hashes
        assert all(one.startswith("sha256:") for one in hashes)
        pinned.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = list(map(Requirement, about["dependencies"]))
    extras = about["optional-dependencies"]
    needed += map(Requirement, extras[extra])
    for requirement in needed:
        if requirement.name == "captools":
            needed += [Requirement(one) for name in requirement.extras for one in extras[name]]
            continue
        for python in ("3.11", "3.12", "3.13", "3.14"):
            place = {"python_version": python, "python_full_version": f"{python}.0"}
            (version,) = (
                next(iter(pin.specifier)).version
                for pin in pinned[canonicalize_name(requirement.name)]
                if pin.marker is None or pin.marker.evaluate(place)
            )
            assert requirement.specifier.contains(version), f"{requirement}: {version}"


@pytest.mark.parametrize("beginning", PORTABLE)
def test_what_is_called_portable_is_there(beginning):
    path, _, name = beginning.partition("::")
    assert (ROOT / path).is_dir() or f"\ndef {name}" in (ROOT / path).read_text()


def test_every_step_has_the_same_shim():
    shims = {path.stem: path.read_bytes() for path in (ROOT / "bin").glob("*.py")}
    assert sorted(shims) == STEPS
    assert len(set(shims.values())) == 1


@pytest.mark.parametrize("step", STEPS)
def test_a_shim_runs_its_step_from_a_bare_checkout(step, tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "bin" / f"{step}.py", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"Usage: captools {step}")


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_a_function_of_the_package(step):
    assert getattr(captools, step).__name__ == step


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = captools.nothing
