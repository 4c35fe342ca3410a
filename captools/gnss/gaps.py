"""Days without a value, which are rows, too: a series that leaves them out looks whole."""

from collections.abc import Iterator

import numpy as np

from captools.gnss.statistics import Columns

_COUNTS = ("n", "zeros", "epochs")


def with_empty_days(columns: Columns) -> Columns:
    """Return a table with a row for each day from the first to the last, system and code.

    Parameters
    ----------
    columns : dict of str to list
        Of days, by `captools.gnss.statistics.statistics`, satellites together.

    Returns
    -------
    dict of str to list
        The same with days between them, whose counts are 0 and all else None.

    Examples
    --------
    >>> days = [np.datetime64("2024-05-06", "ms"), np.datetime64("2024-05-08", "ms")]
    >>> table = {"start": days, "system": ["G"] * 2, "code": ["1C"] * 2, "n": [9, 8]}
    >>> with_empty_days(table | {"mean": [40.0, 41.0]})["mean"]
    [40.0, None, 41.0]
    """
    if not columns["start"]:
        return columns
    rows = {(row["start"], row["system"], row["code"]): row for row in _rows(columns)}
    series = sorted({(system, code) for _, system, code in rows})
    first, last = min(columns["start"]), max(columns["start"])
    found: Columns = {name: [] for name in columns}
    for start in np.arange(first, last + np.timedelta64(1, "D"), np.timedelta64(1, "D")):
        for system, code in series:
            empty = {"start": start, "system": system, "code": code} | dict.fromkeys(_COUNTS, 0)
            row = rows.get((start, system, code), empty)
            for name in found:
                found[name].append(row.get(name))
    return found


def _rows(columns: Columns) -> Iterator[dict]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))
