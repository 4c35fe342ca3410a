"""What the documents name is there: pages, modules, files, extras, versions."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from captools import __version__

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "tests/README.md"])

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchor(heading):
    """Return what a heading is linked by."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@every_page
def test_links_lead_somewhere(page):
    for path, _, part in re.findall(r"\]\((?!https?:)([^)#]*)(#([^)]*))?\)", page.read_text()):
        there = page.parent / path if path else page
        assert there.exists(), path
        if part:
            headings = re.findall(r"^#+ (.*)", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert part in map(anchor, headings), f"{path}#{part}"


@every_page
def test_files_that_are_named_exist(page):
    words = re.findall(r"`([\w./-]+)`", page.read_text(encoding="utf-8"))
    folders = ("captools", "tests", "bin", "docs", "slurm", "requirements", "packaging", ".ci")
    of_project = tuple(f"{folder}/" for folder in folders)
    for word in words:
        if word.startswith(of_project) and "NAME" not in word:
            assert (ROOT / word).exists(), word


def test_modules_of_the_architecture_exist():
    packages = {path.parent.name for path in (ROOT / "captools").glob("*/__init__.py")}
    table = ARCHITECTURE.partition("## The packages")[2].partition("\n## ")[0]
    named = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    modules = [module for cell in named for module in re.findall(r"`(.*?)`", cell)]
    for module in modules:
        assert (ROOT / "captools" / module).exists(), module
    files = {path.name for path in (ROOT / "captools").glob("[a-z]*.py")}
    assert {module.rstrip("/") for module in modules} == packages | files
    for module in re.findall(r"`(\w+/\w+\.py)`", ARCHITECTURE):
        assert (ROOT / "captools" / module).exists() or (ROOT / module).exists(), module


@every_page
def test_extras_that_are_named_exist(page):
    for extras in re.findall(r"pip install '[\w.]*\[([\w,]+)\]'", page.read_text()):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def test_pythons_of_the_readme_are_those_of_the_project():
    classifiers = PROJECT["classifiers"]
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(classifiers))
    (sentence,) = re.findall(r"They need Python (.*?) and pip", (ROOT / "README.md").read_text())
    assert re.findall(r"3\.\d+", sentence) == pythons


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)  # what CFF demands
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["version"] == __version__
    assert citation["license"] == PROJECT["license"]


def test_the_changes_begin_with_what_is_not_released():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changes, re.MULTILINE)[:2] == ["Unreleased", __version__]
