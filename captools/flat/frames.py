"""Flat files as data frames of pandas and dask."""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import MissingExtra
from captools.flat.collection import Collection
from captools.flat.reader import FlatFile
from captools.flat.sharing import SharedColumns
from captools.io import listing

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pandas as pd


PARTITION_ROWS = 1 << 20  # 200 MB of all columns of a flat file

Files = str | Path | Iterable[str | Path]
Piece = tuple[str, int, int]  # a file, and its rows from the first up to the last


def to_pandas(files: Files, columns: Iterable[str] | None = None) -> "pd.DataFrame":
    """Return the rows of flat files as a pandas data frame.

    Parameters
    ----------
    files : path, or iterable of paths
        Files, folders, globs and lists, as for the command line.
    columns : iterable of str, optional
        All by default; those that identify a file (rgt, cycle, spot) are among them.

    Returns
    -------
    pandas.DataFrame
        The files in the order of their names. Whole numbers of which the files name a fill
        (``_FillValue``) are pandas' nullable integers, such as ``Int32``, with ``<NA>`` for
        fills; all others have the dtypes of the files.

    Raises
    ------
    ValueError
        If there are no files.
    MissingExtra
        If pandas (for `to_dask`, dask) is missing.
    InputError
        If files cannot be used or differ in their columns, or a column is missing.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra("to_pandas needs pandas: pip install 'captools[dask]'") from None
    collection, names = _open(files, columns)
    whole = _empty(names, collection.shared, collection.total)
    done = 0
    for table in collection.blocks(names):
        for name, values in whole.items():
            values[done : done + table.rows] = table.columns[name]
        done += table.rows
    return _frame(whole, collection.shared, pd.RangeIndex(collection.total))


def to_dask(files: Files, columns: Iterable[str] | None = None) -> "dd.DataFrame":
    """Return the rows of flat files as a dask data frame, which reads only what it needs.

    Opening it reads the headers of all files. Small files share a partition, large ones
    become several. Parameters, order of the rows and errors are those of `to_pandas`.
    """
    try:
        import dask.dataframe as dd
        import pandas as pd
    except ImportError as error:
        raise MissingExtra(f"to_dask needs {error.name}: pip install 'captools[dask]'") from None
    collection, names = _open(files, columns)
    parts = partitions([os.fspath(path) for path in collection.paths], collection.rows)
    starts = np.cumsum([0, *(sum(stop - start for _, start, stop in part) for part in parts)])
    return dd.from_map(
        partial(_partition, shared=collection.shared, names=names),
        parts,
        starts[:-1].tolist(),
        meta=_frame(_empty(names, collection.shared, 0), collection.shared, pd.RangeIndex(0)),
        divisions=(*starts[:-1].tolist(), max(0, collection.total - 1)),
        label="captools",
    )


def partitions(paths: list[str], rows: list[int], most: int = PARTITION_ROWS) -> list[list[Piece]]:
    """Return the files in parts of at most so many rows: small ones together, large ones cut.

    Parameters
    ----------
    paths : list of str
        The files, in the order of their rows.
    rows : list of int
        Of each file.
    most : int
        Rows of a part.

    Examples
    --------
    >>> partitions(["a", "b", "c"], [2, 2, 5], most=4)
    [[('a', 0, 2), ('b', 0, 2)], [('c', 0, 4)], [('c', 4, 5)]]
    """
    parts: list[list[Piece]] = [[]]
    held = 0
    for path, length in zip(paths, rows, strict=True):
        for start in range(0, length, most):
            stop = min(start + most, length)
            if parts[-1] and held + stop - start > most:
                parts.append([])
                held = 0
            parts[-1].append((path, start, stop))
            held += stop - start
    return parts


def _open(files: Files, columns: Iterable[str] | None) -> tuple[Collection, list[str]]:
    """Return the files, of which only the headers are read, and the names of the columns."""
    words = [files] if isinstance(files, str | Path) else list(files)
    paths = listing.expand(map(os.fspath, words))
    if not paths:
        raise ValueError(f"no flat files: {' '.join(map(str, words))}")
    collection = Collection(paths, all_rows=True)
    names = list(dict.fromkeys(collection.dtypes if columns is None else columns))
    collection.check_columns(names)
    return collection, names


def _partition(
    part: list[Piece],
    first: int,
    shared: SharedColumns,
    names: list[str],
    columns: Iterable[str] | None = None,
) -> "pd.DataFrame":
    """Return the rows of one part; dask names the columns if it does not need all."""
    import pandas as pd

    names = names if columns is None else list(columns)
    total = sum(stop - start for _, start, stop in part)
    whole = _empty(names, shared, total)
    done = 0
    for path, start, stop in part:
        at = slice(done, done + stop - start)
        with FlatFile(path) as file:
            table = shared.table(file, names, slice(start, stop))
        for name, values in whole.items():
            values[at] = table.columns[name]
        done = at.stop
    return _frame(whole, shared, pd.RangeIndex(first, first + total))


def _empty(names: list[str], shared: SharedColumns, rows: int) -> dict[str, np.ndarray]:
    """Return columns of so many rows, in the byte order of the machine, to be filled."""
    return {name: np.empty(rows, shared.dtypes[name].newbyteorder("=")) for name in names}


def _frame(
    columns: dict[str, np.ndarray], shared: SharedColumns, index: "pd.RangeIndex"
) -> "pd.DataFrame":
    """Return columns as a frame; the headers alone say which are nullable, not the values."""
    import pandas as pd

    series: dict[str, np.ndarray | pd.arrays.IntegerArray] = dict(columns)
    for name, values in columns.items():
        fill = shared.attributes[name].get("_FillValue")
        if fill is not None:
            series[name] = pd.arrays.IntegerArray(values, values == fill)
    return pd.DataFrame(series, index, copy=False)
