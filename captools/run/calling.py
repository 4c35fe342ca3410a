"""The steps as functions of Python: they take a path, a folder, a glob or a list of these."""

import functools
import inspect
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from captools.engine import pool_of
from captools.engine.crew import given
from captools.io.address import parse_location
from captools.io.atomic import Outputs
from captools.io.listing import named
from captools.run.finishing import finish, parted
from captools.run.planning import Purpose, planned


def callable_of(step: ModuleType) -> Callable[..., Any]:
    """Return the function of a step for a user's code; the command line calls the step's own."""
    function = getattr(step, step.__name__.rpartition(".")[2])
    kinds = {"map": _map_call, "reduce": _reduce_call, "query": _query_call}
    return _as_of_package(kinds[step.KIND](function, step), function)


def _as_of_package(call: Callable, function: Callable) -> Callable:
    """Return `call` with what describes a function; other processes find it by name."""
    call = functools.wraps(function)(call)
    call.__module__, call.__qualname__ = "captools", function.__name__
    return call


def _map_call(function: Callable[..., Outputs], step: ModuleType) -> Callable[..., Outputs]:
    """Return a function that does one input after another; the first that fails raises."""
    signature = inspect.signature(function)

    def call(given: object, outdir: str | Path, **options: Any) -> Outputs:
        _check(function, options)
        paths = _paths(given, getattr(step, "SUFFIXES", None))
        said = signature.bind(None, outdir, **options)
        said.apply_defaults()
        paths = planned(step, paths, said.kwargs, Purpose(parse_location(outdir)))
        options, last = parted(step, options)
        total = Outputs()
        for path in paths:
            written = function(path, outdir, **options)
            total += written
            total.rows_in += written.rows_in
            total.rows_out += written.rows_out
            for condition, rows in written.removed.items():
                total.removed[condition] = total.removed.get(condition, 0) + rows
        finish(step, parse_location(outdir), last)
        return total

    return _with_first_named(call, function)


def _reduce_call(function: Callable[..., Outputs], step: ModuleType) -> Callable[..., Outputs]:
    def call(files: object, output: str | Path, **options: Any) -> Outputs:
        _check(function, options)
        if options.get("engine") != "mpi":
            return function(_paths(files), output, **options)
        with pool_of("mpi", None, None) as pool:
            if pool is None:  # a rank that has worked for the first one
                return Outputs()
            with given(pool, None):
                return function(_paths(files), output, **options)

    return _with_first_named(call, function)


def _query_call(function: Callable, step: ModuleType) -> Callable[..., list]:
    """Return a function that looks at once, and returns all lines."""
    signature = inspect.signature(function)

    def call(*arguments: Any, **options: Any) -> list:
        said = signature.bind(*arguments, **options).arguments
        if "words" in said:
            said["words"] = [os.fspath(word) for word in _words(said["words"])]
        return list(function(**said))

    return call


def _check(function: Callable, given: dict[str, Any]) -> None:
    """Raise ValueError for a value that the command line would refuse, before any work.

    What may be a list here and one text there is left to the step.
    """
    for option in getattr(function, "__click_params__", ()):
        value, kind = given.get(option.name), option.type
        if value is None or option.multiple:
            continue
        if option.is_flag and value not in (True, False):
            raise ValueError(f"{option.name}: {value!r} is neither True nor False")
        if option.nargs > 1 and len(value) != option.nargs:
            raise ValueError(f"{option.name}: {value!r} has not {option.nargs} values")
        if isinstance(kind, click.IntRange | click.FloatRange | click.Choice):
            try:
                for one in value if option.nargs > 1 else [value]:
                    kind.convert(one, None, None)
            except click.BadParameter as error:
                raise ValueError(f"{option.name}: {error.message}") from None


def _with_first_named(call: Callable, function: Callable) -> Callable:
    """Return `call`, whose first two arguments may be given by the names of the step's own."""
    names = list(inspect.signature(function).parameters)[:2]

    def with_names(*arguments: Any, **options: Any) -> Outputs:
        given = [options.pop(name) for name in names[len(arguments) :] if name in options]
        return call(*arguments, *given, **options)

    return with_names


def _words(given: object) -> list:
    """Return what is given as a list: one path, or many."""
    return [given] if isinstance(given, str | os.PathLike) else list(_iterable(given))


def _iterable(given: object) -> Iterable:
    if not isinstance(given, Iterable):
        raise TypeError(f"a path or several paths, not {given!r}")
    return given


def _paths(given: object, suffixes: tuple[str, ...] | None = None) -> list[str]:
    """Return the files that are named, each once, in the order in which they are given.

    Raises
    ------
    ValueError
        If there is none.
    """
    words = [os.fspath(word) for word in _words(given)]
    paths = named(words, suffixes)
    if not paths:
        raise ValueError(f"no inputs: {' '.join(words)}")
    return paths
