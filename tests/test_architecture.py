"""Imports go downwards only and never in a circle; modules and functions are of one idea each."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "captools"
# From the ground up; rooms of one floor do not know each other.
FLOORS = (
    ("__init__", "errors"),
    ("extras", "process"),
    ("progress", "bounds"),
    ("geo", "io"),
    ("engine", "products"),
    ("run", "flat"),
    ("granules", "points", "gnss", "das", "simulation"),
    ("archive", "maps", "description"),
    ("parameters",),
    ("options", "captoolkit"),
    ("cli", "steps"),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# The second instrument stands on these: they know neither places nor flat files nor granules.
GENERAL = {"io": {"geo"}, "engine": {"geo", "products"}, "run": {"geo", "products", "flat"}}


def imports():
    """Yield file and line, and the modules from and to which an import goes."""
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("captools"):
                for name in node.names:
                    inner = f"{node.module}.{name.name}"
                    place = ROOT.parent / inner.replace(".", "/")
                    is_module = place.is_dir() or place.with_suffix(".py").is_file()
                    yield f"{path}:{node.lineno}", module, inner if is_module else node.module


def test_the_picture_shows_the_floors():
    page = (ROOT.parent / "docs/architecture.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"^```\n(\+--.*?)^```", page, re.DOTALL | re.MULTILINE)
    floors = [{*rooms} - {"__init__", "__main__"} for rooms in reversed(FLOORS)]
    shown = [set(cell.split(", ")) for cell in re.findall(r"^\| (.*?) +\|", picture, re.MULTILINE)]
    assert shown == [*filter(None, floors)]


def room(module):
    return [*module.split("."), "__init__"][1]


def test_imports_go_down_only():
    up = [
        f"{where}: {start} imports {end}"
        for where, start, end in imports()
        if room(start) != room(end) and FLOOR[room(end)] >= FLOOR[room(start)]
    ]
    assert up == []


def test_what_other_instruments_stand_on_knows_nothing_of_altimetry():
    reached = [
        f"{where}: {start} imports {end}"
        for where, start, end in imports()
        if room(end) in GENERAL.get(room(start), ())
    ]
    assert reached == []


def test_no_imports_go_in_a_circle():
    graph = {}
    for _, start, end in imports():
        if start != end:
            graph.setdefault(start, set()).add(end)

    def follow(module, path):
        if module in path:
            pytest.fail(" imports ".join([*path[path.index(module) :], module]))
        for end in graph.pop(module, ()) if not path else sorted(graph.get(module, ())):
            follow(end, [*path, module])

    for module in sorted(graph):
        follow(module, [])


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.stem)
def test_a_module_is_one_idea(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def functions(path):
    """Yield the functions of a module, methods and inner ones included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def parameters(function):
    """The names of a function's parameters, without the object that a method is of."""
    words = function.args
    all_of_them = [*words.posonlyargs, *words.args, *words.kwonlyargs, words.vararg, words.kwarg]
    return [one.arg for one in all_of_them if one and one.arg not in ("self", "cls")]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.stem)
def test_a_function_has_six_parameters_at_most(path):
    # A step's own function is named as its module; its parameters are the command's options.
    step = path.stem if path.parent.name == "steps" else None
    long = [
        f"{path}:{one.lineno}: {one.name} has {len(parameters(one))}"
        for one in functions(path)
        if len(parameters(one)) > 6 and one.name != step
    ]
    assert long == []
