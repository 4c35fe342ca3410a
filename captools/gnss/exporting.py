"""An array as Parquet files, one of each day, which other tools read without TileDB."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools import process
from captools.extras import require
from captools.gnss.observations import Values
from captools.gnss.querying import Query
from captools.io.address import Url, has_suffix
from captools.io.atomic import Outputs, appearing_folder

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".parquet", ".csv", ".csv.gz")  # of outputs of flat files
_DAY = re.compile(r"\d{4}-\d\d-\d\d\.parquet")
SAID = ("station", "receiver", "antenna", "interval", "time_system")


def export_days(location: Path | Url, output: Path) -> Outputs:
    """Write the cells of an array as a folder of Parquet files, one of each day that has any.

    Rows are by system, code, time and satellite; the names of files are days, GPS time.

    Raises
    ------
    ValueError
        If the output is named as a file is, or has other files than days.
    MissingExtra
        If TileDB or pyarrow is missing.
    InputError
        If the array cannot be read.
    OutputError
        If the folder cannot be written.
    """
    _check_output(output)
    require("export", "pyarrow.parquet")
    import pyarrow.parquet as pq

    process.reading(str(location))
    written = Outputs()
    with Query(location) as query, appearing_folder(output) as folder:
        for day, values in query.days():
            process.check()
            name = f"{day}.parquet"
            with open(folder / name, "wb") as file:  # pyarrow takes no name that is not UTF-8
                pq.write_table(_table(values, query.notes), file, compression="zstd")
            written.append(output / name)
            written.rows_in += len(values.time)
    written.rows_out = written.rows_in
    return written


def _check_output(output: Path) -> None:
    """Raise ValueError if the output is no folder, or cannot be replaced without a loss."""
    is_file = output.exists() and not output.is_dir()
    if is_file or has_suffix(output.name, ENDINGS):
        raise ValueError(f"output {output}: name a folder, for an array has a file of each day")
    there = sorted(path.name for path in output.iterdir()) if output.exists() else []
    if others := [name for name in there if not _DAY.fullmatch(name)]:
        raise ValueError(f"output {output} holds {others[0]}: only a folder of days is replaced")


def _table(values: Values, notes: dict) -> "pa.Table":
    """Return the rows of a day as Arrow has them."""
    import pyarrow as pa

    order = np.lexsort((values.satellite, values.time, values.code, values.system))
    columns = {
        "time": _timestamps(values.time[order]),
        "system": _words(values.system[order]),
        "satellite": _numbers(values.satellite[order]),
        "code": _words(values.code[order]),
        "snr": _numbers(values.snr[order]),
    }
    said = {name: str(notes[name]) for name in SAID if name in notes}
    return pa.table(columns).replace_schema_metadata(said | {"snr_units": "dB-Hz"})


# Arrays are made of bytes, since `pyarrow.array` would import pandas.


def _numbers(values: np.ndarray) -> "pa.Array":
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _timestamps(times: np.ndarray) -> "pa.Array":
    import pyarrow as pa

    return _numbers(times.astype("M8[ms]").view(np.int64)).cast(pa.timestamp("ms"))


def _words(values: np.ndarray) -> "pa.Array":
    """Return bytes as text, each word stored once."""
    import pyarrow as pa

    known, places = np.unique(values, return_inverse=True)
    words = pa.array([word.decode() for word in known.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(_numbers(places.astype(np.int32)), words)
