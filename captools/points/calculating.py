"""Calculating new columns of a flat file, and taking them away again."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path

from captools.errors import InputError
from captools.flat import legacy
from captools.flat.extent import Extent
from captools.flat.header import header, history
from captools.flat.reader import FlatFile
from captools.flat.table import Table, column_names
from captools.flat.writer import FlatWriter
from captools.geo.conditions import Formula
from captools.io.address import Url
from captools.io.atomic import Outputs, check_outputs
from captools.points.values import masked

STEP = "calc"


@dataclass(frozen=True)
class Expression:
    """A new column and its formula."""

    name: str
    formula: Formula

    def __str__(self) -> str:
        return f"{self.name} = {self.formula.words}"


@dataclass(frozen=True)
class Calculation:
    """What is calculated, or taken away."""

    expressions: tuple[Expression, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)  # by new column
    height: str | None = None  # the new column that is the height from now on
    undo: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        expressions: str | Iterable[str],
        units: Mapping[str, str] | Iterable[str],
        height: str | None,
        undo: str | Iterable[str] | None,
    ) -> "Calculation":
        """Return what the options of the step ask for; ValueError if they are wrong."""
        request = cls(
            parse_expressions(expressions),
            parse_units(units),
            height,
            tuple(column_names(undo)) if undo is not None else (),
        )
        new = [one.name for one in request.expressions]
        if not new and not request.undo:
            raise ValueError("Missing -e NAME=FORMULA, or --undo NAME")
        if new and request.undo:
            raise ValueError("-e and --undo do not go together: do one after the other")
        for name in (*request.units, *([height] if height else [])):
            if name not in new:
                raise ValueError(f"{name} is no new column: these are {', '.join(new) or 'none'}")
        return request


def parse_expressions(words: str | Iterable[str]) -> tuple[Expression, ...]:
    """Return the new columns that words define, such as ``h_cor = h_li - dac``.

    Raises
    ------
    ValueError
        If the words are something else, or define a column twice.
    """
    words = [words] if isinstance(words, str) else words
    expressions = tuple(map(_expression, words))
    names = [one.name for one in expressions]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]} is calculated twice: choose different names")
    return expressions


def _expression(words: str) -> Expression:
    name, _, formula = (part.strip() for part in words.partition("="))
    if not name.isidentifier() or iskeyword(name) or not formula or formula.startswith("="):
        raise ValueError(f"{words!r}: write NAME = FORMULA, such as h_cor = h_li - dac")
    if name in legacy.OUR_NAMES or name.startswith("_"):
        raise ValueError(f"{words!r}: {name} is a name that captools changes: choose another")
    return Expression(name, Formula(" ".join(formula.split())))


def parse_units(units: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Return units by column, of words such as ``h_cor=m``; ValueError if they are others."""
    if isinstance(units, Mapping):
        return dict(units)
    parsed = {}
    for words in [units] if isinstance(units, str) else units:
        name, _, unit = (part.strip() for part in words.partition("="))
        if not name or not unit:
            raise ValueError(f"{words!r}: write NAME=UNITS, such as h_cor=m")
        parsed[name] = unit
    return parsed


def calculate_file(
    path: Path | Url, outdir: Path, request: Calculation, compression: str
) -> Outputs:
    """Write a flat file with new columns, or without some; see the step `calc`."""
    check_outputs([outdir], [path])
    with FlatFile(path) as file, FlatWriter(outdir, compression) as batch:
        file.warn_if_foreign()
        made = Made(file)
        made.check(request)
        attributes = _attributes(file, request)
        stays = [name for name in file.columns if name not in request.undo]
        stream, extent = batch.stream(path.name), Extent()
        for rows in file.ranges():
            table = file.table(stays, rows)
            _calculate(file, table, request.expressions)
            table.column_attrs |= attributes
            extent.add(table.columns)
            stream.append(table)
        attrs, options = made.header(request), made.options(request)
        stream.finish(header(attrs, STEP, options, file.rows, extent), file.private())
        batch.written.rows_in = file.rows
        file.check_unchanged()
    return batch.written


def _calculate(file: FlatFile, table: Table, expressions: tuple[Expression, ...]) -> None:
    """Add the new columns to a table of rows of a file."""
    for one in expressions:
        needed = {
            name: masked(table.columns[name], table.column_attrs.get(name, {}))
            for name in one.formula.columns
        }
        try:
            table.columns[one.name] = one.formula.of(needed)
        except ValueError as error:
            raise InputError(f"{file.path}: {error}") from None


def _attributes(file: FlatFile, request: Calculation) -> dict[str, dict]:
    """Return units and long name of the new columns."""
    attributes: dict[str, dict] = {}
    for one in request.expressions:
        units = request.units.get(one.name)
        if units is None:
            of_columns = {
                str((attributes.get(name) or file.attributes(name))["units"])
                for name in one.formula.columns
            }
            if len(of_columns) > 1 or not one.formula.is_sum:
                raise InputError(
                    f"{file.path}: {one}: its units are not known: say --units {one.name}=..."
                )
            (units,) = of_columns
        attributes[one.name] = {"units": units, "long_name": one.formula.words}
    return attributes


class Made:
    """What this step made of a file before, as the file's history says.

    Attributes
    ----------
    expressions : dict of str to str
        How each column was calculated, by its name.
    before : dict of str to dict
        What the header said of the height before each column that became the height.
    """

    def __init__(self, file: FlatFile) -> None:
        self._file = file
        self.expressions: dict[str, str] = {}
        self.before: dict[str, dict[str, str]] = {}
        for entry in json.loads(history(file.header)):
            match entry:
                case [str(step), {"undo": list(names)}] if step == STEP:
                    for name in names:
                        self.expressions.pop(name, None)
                case [str(step), {"expressions": list(words), **more}] if step == STEP:
                    self.expressions |= {word.partition(" = ")[0]: word for word in words}
                    if "height" in more:
                        self.before[more["height"]] = more["before"]
        # A later merge may have left some out.
        self.expressions = {
            name: words for name, words in self.expressions.items() if name in file.columns
        }

    def check(self, request: Calculation) -> None:
        """Raise InputError if the columns of the file do not allow what is asked for."""
        file, new = self._file, set()
        for one in request.expressions:
            if self.expressions.get(one.name) == str(one):
                raise InputError(
                    f"{file.path}: {one}: was done before: --undo {one.name} takes it back"
                )
            if one.name in (*file.columns, *file.identity_names):
                raise InputError(f"{file.path}: has {one.name} already: choose another name")
            file.check_columns(name for name in one.formula.columns if name not in new)
            new.add(one.name)
        for name in request.undo:
            if name not in self.expressions:
                made = ", ".join(self.expressions) or "none"
                raise InputError(
                    f"{file.path}: {name} is no column that calc made: these are {made}"
                )
        for words in self.expressions.values():
            one = _expression(words)
            used = [name for name in request.undo if name in one.formula.columns]
            if used and one.name not in request.undo:
                raise InputError(
                    f"{file.path}: {one.name} is made of {used[0]}: --undo {one.name} too, or first"
                )

    def header(self, request: Calculation) -> dict[str, object]:
        """Return the header of the file, as it is to be of the height column.

        What corrections a new height contains only the history says.
        """
        header, stays = dict(self._file.header), self._file.columns.keys() - set(request.undo)
        if request.height:
            header["height"] = request.height
            header.pop("applied", None)
        while (height := header.get("height")) in self.before.keys() - stays - {request.height}:
            header |= self.before[height]
        return header

    def options(self, request: Calculation) -> dict[str, object]:
        """Return the options for the header: those that say how to take it back, too."""
        if request.undo:
            return {"undo": list(request.undo)}
        options: dict[str, object] = {"expressions": list(map(str, request.expressions))}
        if request.units:
            options["units"] = dict(request.units)
        if request.height:
            said = {"height": self._file.height} | self._file.header
            before = {name: said[name] for name in ("height", "applied") if name in said}
            options |= {"height": request.height, "before": before}
        return options
