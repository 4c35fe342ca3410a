"""The header of a flat file: reading it, and making that of a file that is made of others."""

import json
from pathlib import Path

from captools import __version__
from captools.flat.extent import Extent
from captools.flat.reader import FlatFile

_BOUNDS = ("bounds_lonlat", "bounds_xy", "t_span")


def read_header(path: str | Path) -> dict[str, object]:
    """Return the attributes of a flat file: text as str, numbers, and arrays of them.

    Parameters
    ----------
    path : path
        A file of captools, of any version, or an older one, of whose header its name says a part.

    Raises
    ------
    InputError
        If the file is not there, is damaged, or no flat file.
    """
    with FlatFile(path) as file:
        return dict(file.header)


def header(
    attrs: dict[str, object], step: str, options: dict, rows_in: int, extent: Extent
) -> dict[str, object]:
    """Return the header of what a step makes of rows with the header `attrs`.

    Parameters
    ----------
    attrs : dict
        What the inputs say.
    step : str
        The step that is done.
    options : dict
        Its options, those that change the result.
    rows_in : int
        The rows of the inputs.
    extent : Extent
        Of the rows that are written.
    """
    kept = {name: value for name, value in attrs.items() if name not in _BOUNDS}
    return kept | {
        "history": history(attrs),
        "step": step,
        "options": json.dumps(options, sort_keys=True),
        "captools_version": __version__,
        "rows_in": rows_in,
        **extent.attributes(),
    }


def history(attrs: dict[str, object]) -> str:
    """Return the steps done so far, as JSON: a list of [step, options], the first one first."""
    earlier = _decoded(attrs.get("history", "[]"))
    is_ours = isinstance(earlier, list) and all(
        isinstance(one, list) and len(one) == 2 for one in earlier
    )
    earlier = earlier if is_ours else [[str(earlier), {}]]
    if "step" in attrs:
        earlier.append([str(attrs["step"]), _decoded(attrs.get("options", "{}"))])
    return json.dumps(earlier)


def _decoded(text: object) -> object:
    """Return what JSON says; other tools write a history too, as plain text."""
    try:
        return json.loads(str(text))
    except (ValueError, RecursionError):  # which too many brackets are
        return str(text)
