"""Statistics as a table: lines of CSV, or a file."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from captools.errors import InputError
from captools.extras import require
from captools.gnss.names import as_text
from captools.gnss.statistics import Columns, Grouping
from captools.io.atomic import appearing, check_is_file

if TYPE_CHECKING:
    import pyarrow as pa

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
            _write_parquet(table, file, per)


def _write_parquet(table: Columns, file: BinaryIO, per: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    if "input" in table:
        table = {**table, "input": [as_text(path) for path in table["input"]]}
    arrays = [pa.array(table[name], _kind(name)) for name in table]
    parquet.write_table(pa.table(arrays, names=[*table], metadata={"per": per}), file)


def _kind(name: str) -> "pa.DataType":
    """Return what values of a column are."""
    import pyarrow as pa

    kinds = dict.fromkeys(("input", "system", "code", "how"), pa.string())
    kinds |= dict.fromkeys(("n", "zeros", "epochs", "expected", "days"), pa.int64())
    kinds |= {"satellite": pa.uint8(), "start": pa.timestamp("ms"), "processes": pa.int64()}
    return kinds.get(name, pa.float64())


def read(path: Path) -> tuple[Columns, str]:
    """Return a table of statistics that was written, and what its rows are of.

    Raises
    ------
    InputError
        If it is another table, or damaged.
    """
    is_csv = path.suffix.lower() == ".csv"
    try:
        table, per = _read_csv(path) if is_csv else _read_parquet(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    # pyarrow raises the first and the third of what it cannot read or cast; times overflow.
    except (ValueError, OverflowError, NotImplementedError, csv.Error) as error:
        raise InputError(f"{path}: is damaged, or no table of snr ({error})") from None
    if not all(isinstance(n, int) for n in table["n"]):
        raise InputError(f"{path}: is no table of snr: column n has what is no whole number")
    for name in {"input", "start", "system", "satellite", "code"}.intersection(table):
        if None in table[name]:
            raise InputError(f"{path}: is no table of snr: column {name} has rows without a value")
    return table, per


def _check_names(path: Path, names: list[str]) -> None:
    """Raise InputError if columns are missing, before a large file of others is read."""
    needed = {"system", "code", "n", "mean", "input" if "input" in names else "start"}
    if absent := sorted(needed.difference(names)):
        raise InputError(f"{path}: is no table of snr: it has no column {', '.join(absent)}")


def _read_csv(path: Path) -> tuple[Columns, str]:
    """Return a table; the length of times tells days from hours."""
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file, strict=True)
        names = next(rows, [])
        _check_names(path, names)
        values = [*zip(*rows, strict=True)] or [()] * len(names)
    table: Columns = {name: [*column] for name, column in zip(names, values, strict=True)}
    for name in {"n", "satellite", "mean"}.intersection(table):
        kind = float if name == "mean" else int
        table[name] = [kind(value) if value else None for value in table[name]]
    starts = table.get("start", [])
    table |= {"start": np.array(starts, "M8[ms]").tolist()} if starts else {}
    is_day = not starts or len(starts[0]) == len("2024-05-01")
    return table, "file" if "input" in table else "day" if is_day else "hour"


def _read_parquet(path: Path) -> tuple[Columns, str]:
    """Return a table; one of an older captools does not say what its rows are of."""
    require("export", "pyarrow")
    import pyarrow as pa
    from pyarrow import parquet

    names = parquet.read_schema(path).names
    _check_names(path, names)
    found = parquet.read_table(
        path, columns=[name for name in ORDER if name in names], memory_map=False
    )
    said = (found.schema.metadata or {}).get(b"per", b"").decode()
    kinds = [pa.field(name, _kind(name)) for name in found.column_names]
    table: Columns = found.cast(pa.schema(kinds)).to_pydict()
    if "input" in table or said in _SHOWN:
        return table, "file" if "input" in table else said
    whole = all(start is None or start.time() == time.min for start in table["start"])
    return table, "day" if whole else "hour"
