"""Statistics as a table: lines of CSV, or a file."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from captools.extras import require
from captools.gnss.names import as_text
from captools.gnss.statistics import Columns, Grouping
from captools.io.atomic import appearing, check_is_file

TABLES, PICTURES = (".csv", ".parquet"), (".png", ".pdf")
ORDER = (
    *("input", "start", "system", "satellite", "code", "n", "zeros", "epochs", "expected"),
    *("mean", "std", "min", "max", "linear"),
)
_SHOWN = {"day": "D", "hour": "m"}  # up to which unit the start of a period is written


def check_output(path: Path) -> None:
    """Raise ValueError if no file of such a name is written, MissingExtra if a library misses."""
    kind = path.suffix.lower()
    if kind not in TABLES + PICTURES:
        raise ValueError(f"output {path}: must end in {', '.join(TABLES + PICTURES)}")
    check_is_file(path)
    if kind == ".parquet":
        require("export", "pyarrow")
    if kind in PICTURES:
        require("preview", "matplotlib")


def names_of(grouping: Grouping, has_zeros: bool) -> list[str]:
    """Return the columns of a table; an array has no zeros."""
    is_file = grouping.per == "file"
    absent = {"input": not is_file, "start": is_file, "satellite": not grouping.by_satellite}
    absent |= {"zeros": not has_zeros, "linear": not grouping.linear}
    return [name for name in ORDER if not absent.get(name)]


def lines(names: list[str], chunks: Iterable[Columns], per: str = "day") -> Iterator[str]:
    """Yield the table as lines of CSV; numbers are exact, and what is not there is empty."""
    yield from _written([names])
    for chunk in chunks:
        yield from _written(zip(*(_text(chunk[name], name, per) for name in names), strict=True))


def _written(rows: Iterable[Iterable]) -> Iterator[str]:
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(row)
        yield line.getvalue()


def _text(values: list, name: str, per: str) -> list:
    if name != "start":
        return values
    return np.datetime_as_string(np.array(values, "M8[ms]"), unit=_SHOWN[per]).tolist()


def together(names: list[str], chunks: Iterable[Columns]) -> Columns:
    """Return one table of all rows."""
    whole: Columns = {name: [] for name in names}
    for chunk in chunks:
        for name in names:
            whole[name] += chunk[name]
    return whole


def write(table: Columns, path: Path, per: str = "day") -> None:
    """Write a table as the ending of a name says: ``.csv`` or ``.parquet``."""
    with appearing(path) as file:
        if path.suffix.lower() == ".csv":
            file.writelines(os.fsencode(f"{line}\n") for line in lines([*table], [table], per))
        else:
            _write_parquet(table, file)


def _write_parquet(table: Columns, file: BinaryIO) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = dict.fromkeys(("input", "system", "code", "how"), pa.string())
    kinds |= dict.fromkeys(("n", "zeros", "epochs", "expected", "days"), pa.int64())
    kinds |= {"satellite": pa.uint8(), "start": pa.timestamp("ms"), "processes": pa.int64()}
    if "input" in table:
        table = {**table, "input": [as_text(path) for path in table["input"]]}
    arrays = [pa.array(table[name], kinds.get(name, pa.float64())) for name in table]
    parquet.write_table(pa.table(arrays, names=[*table]), file)
