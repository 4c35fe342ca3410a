"""What words of the command line may be, and what becomes of them before any work.

A value is checked here and passed on as the user gave it. What checks it is
imported when there is one, so that help comes at once.
"""

from collections.abc import Callable, Collection
from importlib import import_module
from math import isfinite
from pathlib import Path

import click

from captools.io.address import Url, parse_location


class Shard(click.ParamType):
    """I/N: share I (from 0) of N."""

    name = "I/N"

    def convert(self, value, param, ctx):
        """Return (I, N)."""
        number, _, count = str(value).partition("/")
        if not (number.isdecimal() and count.isdecimal() and int(number) < int(count)):
            self.fail(f"{value!r} is not I/N with 0 <= I < N", param, ctx)
        return int(number), int(count)


class Numbers(click.ParamType):
    """Whole numbers within limits, separated by commas."""

    name = "N,N"

    def __init__(self, what: str, allowed: range) -> None:
        self.what, self.allowed = what, allowed

    def convert(self, value, param, ctx):
        """Return a tuple of int."""
        words = [word.strip() for word in str(value).split(",")]
        if not all(word.isdecimal() and int(word) in self.allowed for word in words):
            limits = f"{self.allowed[0]} to {self.allowed[-1]}"
            self.fail(f"{value!r}: a {self.what} is a number from {limits}", param, ctx)
        return tuple(int(word) for word in words)


class Positive(click.FloatRange):
    """A positive number: neither infinite nor none at all."""

    def __init__(self, min: float = 0.0) -> None:
        super().__init__(min=min, min_open=not min)

    def convert(self, value, param, ctx):
        """Return a float."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number


POSITIVE = Positive()


class Place(click.ParamType):
    """A path, or the address of something in an object store."""

    name = "path"

    def convert(self, value, param, ctx):
        """Return a Path or a Url."""
        location = parse_location(value)
        return Url(location.rstrip("/")) if isinstance(location, Url) else location


class Here(click.Path):
    """A path of this machine."""

    def convert(self, value, param, ctx):
        """Return a Path."""
        location = parse_location(value)
        if isinstance(location, Url):
            self.fail(f"{location} is not on this machine", param, ctx)
        return Path(super().convert(location, param, ctx))


def checked(check: str | Callable[[object], object]) -> Callable:
    """Return a click callback that turns a ValueError of `check` into wrong usage.

    A function of captools is given by its name, such as ``select.check_box``.
    """

    def callback(context: click.Context, parameter: click.Parameter, value: object) -> object:
        if value is not None:
            try:
                (function_of(check) if isinstance(check, str) else check)(value)
            except ValueError as error:
                raise click.BadParameter(str(error)) from None
        return value

    return callback


def checked_each(check: str) -> Callable:
    """Return a click callback that checks each of several values by itself."""
    return checked(lambda values: [function_of(check)(value) for value in values])


def added(
    join: Callable[[tuple], object], each: str | None = None, then: Callable | None = None
) -> Callable:
    """Return a click callback of an option with ``multiple``: what is given again adds up.

    Parameters
    ----------
    join : callable
        Makes one value of all of them.
    each : str, optional
        Checks each of them, as for `checked`.
    then : callable, optional
        A click callback for what they add up to.
    """

    def callback(context: click.Context, parameter: click.Parameter, values: tuple) -> object:
        if each is not None:
            checked_each(each)(context, parameter, values)
        value = join(values) if values else None
        return then(context, parameter, value) if then else value

    return callback


def parted(words: list[str], options: Collection[str]) -> list[str]:
    """Return words in which an option takes two, where they were one with a comma between.

    Examples
    --------
    >>> parted(["a.h5", "--xy", "east,north", "--xy=e,n"], ["--xy"])
    ['a.h5', '--xy', 'east', 'north', '--xy', 'e', 'n']
    """
    found: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        option, _, value = word.partition("=")
        if before in options and word.count(",") == 1:
            found += word.split(",")
        elif option in options and value.count(",") == 1:
            found += [option, *value.split(",")]
        else:
            found.append(word)
    return found


def joined(words: list[str], options: Collection[str]) -> list[str]:
    """Return words in which two numbers after an option are one word, with a comma between.

    Such an option takes two numbers, or one word that is none.

    Examples
    --------
    >>> joined(["a.h5", "--limits", "-9", "1.5", "-q"], ["--limits"])
    ['a.h5', '--limits', '-9,1.5', '-q']
    """
    found: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        found.append(word)
        if word in options and len(rest) > 1 and all(map(_is_number, rest[:2])):
            found.append(f"{rest.pop(0)},{rest.pop(0)}")
    return found


def _is_number(word: str) -> bool:
    try:
        return isfinite(float(word))
    except ValueError:
        return False


def _chained(values: tuple[tuple, ...]) -> tuple:
    return sum(values, ())


commas = added(",".join)
numbers = added(_chained)


def function_of(name: str) -> Callable[[object], object]:
    """Return a function of captools, such as ``geo.select.check_box``."""
    module, _, function = name.rpartition(".")
    return getattr(import_module(f"captools.{module}"), function)
