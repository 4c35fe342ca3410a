"""Whether RINEX files and arrays are whole: every signal strength read."""

from pathlib import Path

from captools.errors import InputError
from captools.gnss.querying import Query
from captools.gnss.reading import read_observations
from captools.io.address import Url
from captools.progress import counted

WRONG = {  # what is counted as left out, and means that a file is not whole
    "damage": "values or lines that cannot be read",
    "cut": "values, records or epochs that its end lacks",
    "times": "values at impossible times",
    "counts": "epochs with more or fewer records than they say",
}


def check_rinex(path: Path | Url) -> str:
    """Read all of a RINEX file, and return what it is.

    Raises
    ------
    InputError
        If it is no file of observations, or anything in it cannot be read.
    """
    found = read_observations(path, None, None)
    wrong = [
        f"{words}: {found.left_out[name]:,}"
        for name, words in WRONG.items()
        if name in found.left_out
    ]
    if wrong:
        raise InputError(f"{path}: is not whole ({'; '.join(wrong)})")
    counts = f"{counted(len(found.epochs), 'epoch')}, {counted(len(found.time), 'value')}"
    return f"RINEX {found.header.version} file, {counts}"


def check_array(location: Path | Url) -> str:
    """Read all cells of an array, and return what it is.

    Raises
    ------
    InputError
        If it is none, cannot be read, has values that no signal strength has, or lacks those of
        a file that took the place of another and was not read to its end.
    """
    cells = 0
    with Query(location) as query:
        undone = [record["name"] for record in query.inputs() if "rows_out" not in record]
        if undone:
            raise InputError(
                f"{location}: is not whole ({counted(len(undone), 'input')} not read to the end, "
                f"{undone[0]} first): give readrinex the files again"
            )
        for _, found in query.days():
            cells += len(found.time)
    return f"array of {query.notes.get('station', 'no station')}, {counted(cells, 'value')}"
