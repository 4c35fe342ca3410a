"""Columns of one length in memory, with their attributes and a header."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np


def two_columns(xy: str | Iterable[str]) -> list[str]:
    """Return the names of two columns; ValueError if there are not two."""
    names = column_names(xy)
    if len(names) != 2:
        raise ValueError(f"{xy}: two columns are needed, such as x,y")
    return names


@dataclass
class Table:
    """The columns of one flat file, with the attributes of each, and the header."""

    columns: dict[str, np.ndarray]
    column_attrs: dict[str, dict] = field(default_factory=dict)
    attrs: dict[str, object] = field(default_factory=dict)
    private: dict[str, np.ndarray] = field(default_factory=dict)  # in the group `_captools`

    @property
    def rows(self) -> int:
        """The common length of the columns."""
        return len(next(iter(self.columns.values()), ()))

    def where(self, keep: np.ndarray) -> "Table":
        """Return the rows that `keep` (bool or indices) selects."""
        columns = {name: values[keep] for name, values in self.columns.items()}
        return Table(columns, self.column_attrs, dict(self.attrs))

    def renamed(self, names: dict[str, str]) -> "Table":
        """Return the same table with other column names."""
        columns = {names.get(name, name): values for name, values in self.columns.items()}
        attributes = {names.get(name, name): attrs for name, attrs in self.column_attrs.items()}
        return Table(columns, attributes, self.attrs, self.private)


def joined(tables: list[Table]) -> Table:
    """Return the rows of tables, one after another."""
    if len(tables) == 1:
        return tables[0]
    columns = {
        name: np.concatenate([table.columns[name] for table in tables])
        for name in tables[0].columns
    }
    return Table(columns, tables[0].column_attrs, tables[0].attrs, tables[0].private)


def column_names(words: str | Iterable[str]) -> list[str]:
    """Return the columns that words with commas between them name, each once.

    Raises
    ------
    ValueError
        If there is none, or nothing between two commas.
    """
    words = words.split(",") if isinstance(words, str) else list(words)
    names = list(dict.fromkeys(word.strip() for word in words))
    if not names or not all(names):
        raise ValueError(f"columns {','.join(words)!r}: give names with commas between them")
    return names
