"""What `packaging/` and docs/cluster.md offer for installing: built here as far as it can be."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from pathlib import Path

import h5py
import pytest
import yaml
from packaging.requirements import Requirement
from straightforward import said

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = ("captools", "pyproject.toml", "README.md", "LICENSE")  # what a build reads


def call(*words, cwd):
    """Run a command that sees neither this checkout nor a package index, and return its output."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["PIP_NO_INDEX"] = "1"
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A folder with nothing but the files that the images copy too."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def sdist(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    build = "import sys; from setuptools import build_meta as b; b.build_sdist(sys.argv[1])"
    call(sys.executable, "-c", build, folder, cwd=source)
    (archive,) = folder.glob("captools-*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheelhouse(sdist, tmp_path_factory):
    """A folder with a wheel, made of the source distribution alone."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    flags = ("--no-deps", "--no-build-isolation", "-w", folder)
    call(sys.executable, "-m", "pip", "wheel", *flags, sdist, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(wheelhouse, tmp_path_factory):
    """The folder of commands of a venv that has captools from the wheelhouse.

    What captools needs it finds where the tests do, for it cannot be fetched here.
    """
    folder = tmp_path_factory.mktemp("cluster") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    flags = ("--no-index", "--no-deps", "--find-links", wheelhouse, "--target", packages)
    call(sys.executable, "-m", "pip", "install", *flags, "captools", cwd=folder)
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def test_the_source_distribution_has_modules_tables_and_licence(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "captools").rglob("*.py")}
    tables = {str(path.relative_to(ROOT)) for path in (ROOT / "captools").rglob("*.toml")}
    assert {"LICENSE", "README.md", "pyproject.toml", *modules, *tables} <= names


def test_what_is_installed_from_a_wheelhouse_without_network_works(installed, tmp_path):
    script = "import captools; print(captools.__file__)"
    assert Path(call(installed / "python", "-c", script, cwd=tmp_path).strip()).is_relative_to(
        installed.parent
    )
    command = (installed / "python", "-c", "from captools.cli import main; main()")
    call(
        *command, "simulate", "-o", "granules", "--granules", "1", "--segments", "20", cwd=tmp_path
    )
    printed = call(*command, "readatl06", "granules", "-o", "reduced", "-n", "1", cwd=tmp_path)
    assert len(printed.splitlines()) == 6
    for line in printed.splitlines():
        with h5py.File(tmp_path / line) as file:
            assert said(file)["captools_version"] == PROJECT["version"]


def image(name):
    """The text of the definition of an image, without comments."""
    return re.sub(r"^#.*\n", "", (PACKAGING / name).read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["Dockerfile", "captools.def"])
def test_an_image_copies_what_is_there_and_all_that_a_build_reads(name):
    copied = (
        [
            word
            for line in re.findall(r"^COPY (.*) \S+$", image(name), re.MULTILINE)
            for word in line.split()
        ]
        if name == "Dockerfile"
        else re.findall(r"^    (\S+) /src/\1$", image(name), re.MULTILINE)
    )
    assert {*SOURCES, "requirements/demo.txt"} == set(copied)
    assert all((ROOT / path).exists() for path in copied)
    (python,) = re.findall(r"python:3\.(\d+)-slim", image(name))
    assert any(one.endswith(f"Python :: 3.{python}") for one in PROJECT["classifiers"])


def bounds(requirement):
    """The name and the bounds of a requirement, in whatever order and spacing they stand."""
    requirement = Requirement(requirement)
    return requirement.name, frozenset(map(str, requirement.specifier))


def test_conda_needs_what_the_project_needs():
    needed = set(map(bounds, PROJECT["dependencies"]))
    recipe = yaml.safe_load((PACKAGING / "conda/meta.yaml").read_text(encoding="utf-8"))
    assert recipe["package"]["version"] == PROJECT["version"]
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["build"]["entry_points"] == [
        f"{name} = {target}" for name, target in PROJECT["scripts"].items()
    ]
    python = ("python", frozenset([PROJECT["requires-python"]]))
    assert set(map(bounds, recipe["requirements"]["run"])) == {python, *needed}
    environment = yaml.safe_load((PACKAGING / "conda/environment.yaml").read_text(encoding="utf-8"))
    *of_conda, of_pip = environment["dependencies"]
    assert needed <= set(map(bounds, [*of_conda, *of_pip["pip"]]))
