"""The body of a plain RINEX file: lines of epochs, and rows of observations."""

from collections.abc import Iterator, Sequence

import numpy as np

from captools.simulation.decimals import BLANK, decimals
from captools.simulation.rinex_records import Records

FIELD = 16  # a number of three decimals, and two flags
NUMBER = 14
PER_LINE = 5  # observations on a line of RINEX 2
SATELLITES_PER_LINE = 12


def epoch_lines(
    version: int, day: np.datetime64, seconds: Sequence[int], satellites: Sequence[bytes]
) -> Iterator[bytes]:
    """Yield the line of each epoch, with all its satellites behind.

    Parameters
    ----------
    version : int
        Of RINEX: 2 or 3.
    day : datetime64
        The date.
    seconds : sequence of int
        Of the day, of each epoch.
    satellites : sequence of bytes
        Of each epoch, as ``G01G02``.
    """
    year, month, date = str(day.astype("M8[D]")).split("-")
    old = f" {year[2:]}{int(month):3}{int(date):3}"
    for of_day, seen in zip(seconds, satellites, strict=True):
        hour, minute, second = of_day // 3600, of_day // 60 % 60, of_day % 60
        end = f"{second:11.7f}  0{len(seen) // 3:3}"
        if version == 2:
            yield f"{old}{hour:3}{minute:3}{end}".encode() + seen
        else:
            start = f"> {year} {month} {date} {hour:02} {minute:02}"
            yield f"{start}{end}      ".encode() + seen


def folded(version: int, line: bytes) -> bytes:
    """Return the line of an epoch as it stands in a plain file.

    RINEX 2 has twelve satellites on a line; RINEX 3 has none there, but one before each row.
    """
    start = 32 if version == 2 else 35
    if version == 3:
        return line[:start] + b"\n"
    width = 3 * SATELLITES_PER_LINE
    parts = [line[at : at + width] for at in range(start, len(line), width)] or [b""]
    return line[:start] + (b"\n" + b" " * start).join(parts) + b"\n"


def record_rows(records: Records, version: int) -> np.ndarray:
    """Return rows of text for each record: one in RINEX 3, one for five observations in RINEX 2.

    Returns
    -------
    array of uint8, shape (records * rows, bytes)
        ASCII.
    """
    count, types = records.values.shape
    digits = decimals(records.values.ravel(), NUMBER - 1, least=4)
    fields = np.full((count * types, FIELD), BLANK, "u1")
    fields[:, : NUMBER - 4] = digits[:, :-3]
    fields[:, NUMBER - 4] = ord(".")
    fields[:, NUMBER - 3 : NUMBER] = digits[:, -3:]
    fields[fields == 0] = BLANK
    fields[~records.present.ravel()] = BLANK
    fields[:, NUMBER:] = records.flags.reshape(-1, 2)
    rows = fields.reshape(count, -1)
    if version == 3:
        return np.concatenate([names(records).view("u1").reshape(count, 3), rows], axis=1)
    per_record = -(-types // PER_LINE)
    padded = np.full((count, per_record * PER_LINE * FIELD), BLANK, "u1")
    padded[:, : rows.shape[1]] = rows
    return padded.reshape(count * per_record, -1)


def names(records: Records) -> np.ndarray:
    """Return the name of the satellite of each record, as ``G01``."""
    of_number = np.array([f"{records.system}{number:02}" for number in range(100)], "S3")
    return of_number[records.satellite]
