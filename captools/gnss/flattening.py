"""One RINEX file to one flat file: a row for each signal strength, in the order of time."""

import json
from pathlib import Path

import numpy as np

from captools import __version__
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo.time import GPS_EPOCH
from captools.gnss.choice import NAMES, NUMBERINGS
from captools.gnss.coding import code_numbers, system_numbers
from captools.gnss.ingest import Wanted
from captools.gnss.names import as_text, plain_name
from captools.gnss.observations import Observations
from captools.io.address import Url
from captools.io.atomic import Outputs


def flatten(
    path: Path | Url, outdir: Path, wanted: Wanted, numbering: str, compression: str
) -> Outputs:
    """Write the signal strengths of a file into a flat file.

    Returns
    -------
    Outputs
        The path (a list), empty if there is no value.

    Raises
    ------
    InputError
        If the file cannot be used; nothing is written then.
    OutputError
        If the folder cannot be written to.
    """
    found = wanted.read(path)
    rows_in = len(found.time) + sum(found.left_out.values())
    with FlatWriter(outdir, compression) as batch:
        if len(found.time):
            table = _table(found, numbering)
            table.attrs |= _header(found, wanted, numbering)
            table.attrs |= {"source": as_text(path.name), "rows_in": rows_in}
            batch.write(f"{plain_name(path)}.h5", table)
    batch.written.rows_in = rows_in
    batch.written.removed = dict(found.left_out)
    return batch.written


def _table(found: Observations, numbering: str) -> Table:
    """Return the columns, by time, system, satellite and code."""
    system = system_numbers(found.system, numbering)
    code = code_numbers(found.code)
    order = np.lexsort((code, found.satellite, system, found.time))
    columns = {
        "t_gps": _gps_seconds(found.time[order]),
        "system": system[order],
        "satellite": found.satellite[order],
        "code": code[order],
        "snr": found.snr[order],
    }
    return Table(columns, _column_attributes(numbering))


def _gps_seconds(times: np.ndarray) -> np.ndarray:
    return (times.astype("M8[ms]") - GPS_EPOCH).astype(np.int64) / 1000


def _column_attributes(numbering: str) -> dict[str, dict]:
    numbers = NUMBERINGS[numbering].values()
    meanings = ", ".join(f"{number} {name}" for number, name in zip(numbers, NAMES, strict=True))
    said = {
        "t_gps": ("seconds since 1980-01-06", "GPS time, without leap seconds"),
        "system": ("1", f"satellite system: {meanings}"),
        "satellite": ("1", "number of the satellite in its system"),
        "code": ("1", "band and attribute, two ASCII characters: 12611 is 1C, 256 * 49 + 67"),
        "snr": ("dB-Hz", "signal strength"),
    }
    return {
        name: {"units": units, "long_name": long_name} for name, (units, long_name) in said.items()
    }


def _header(found: Observations, wanted: Wanted, numbering: str) -> dict[str, object]:
    header = found.header
    ends = np.array([found.time.min(), found.time.max()])
    return {
        "product": "RINEX",
        "rinex_version": header.version,
        "station": header.station,
        "receiver": header.receiver,
        "antenna": header.antenna,
        "interval": header.interval,
        "time_system": "GPS",
        "t_span": _gps_seconds(ends),
        "step": "readrinex",
        "options": json.dumps(_options(wanted, numbering), sort_keys=True),
        "captools_version": __version__,
    }


def _options(wanted: Wanted, numbering: str) -> dict[str, object]:
    """Return the options that change the result, as the command has them."""
    return {
        "system": wanted.systems,
        "code": wanted.codes and ",".join(wanted.codes),
        "s1_as": wanted.s1_as,
        "numbering": numbering,
    }
