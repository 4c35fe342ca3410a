"""Older reduced files: those of CAPToolkit and of the first hackweek tutorial.

They have no header, other names for some columns, 3.4e38 for no value, numbers of
tracks as floats, and a t_year that is 37 s off. All of them are of ATL06. What
captools knows of this is here alone: on reading, such a file becomes one of ours.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from captools.products import ATL06, DERIVED, IDENTITY, IDENTITY_DTYPES, Column, Product

if TYPE_CHECKING:  # as in geo.conditions: help comes at once
    import numpy as np

PRODUCT = ATL06  # of a file that names none

# Our names on the left, those of CAPToolkit's readers and the first tutorial on the right.
THEIR_NAMES = {
    "h_li": "h_elv",
    "s_li": "s_elv",
    "q_flag": "q_flg",
    "t_gps": "t_sec",
    "is_asc": "trk_type",
}
OUR_NAMES = {theirs: ours for ours, theirs in THEIR_NAMES.items()}
DIALECTS: dict[str, dict[str, str]] = {"captools": {}, "captoolkit": THEIR_NAMES}

MENDED = "columns renamed to ours, fills are NaN, t_year made anew from the seconds"
_ALWAYS = {column.name: column for column in (*DERIVED, *IDENTITY)}
_OF_PRODUCT = {column.name: column for column in PRODUCT.columns}


# --- what they lack ---------------------------------------------------------------


def header(filename: str) -> dict[str, object]:
    """Return the header of a file that has none, as far as its name says it."""
    named = PRODUCT.parse_name(filename)
    if not named.granule:
        return {"source": filename}
    return {
        "source": filename,
        "rgt": named.rgt,
        "cycle": named.cycle,
        "region": named.region,
        "release": named.release,
        "spot": 0,
    }


def is_older(filename: str, columns: Iterable[str]) -> bool:
    """Return whether a file without a header is one of these: by its name, or its columns' names.

    Examples
    --------
    >>> is_older("a.h5", ["lat", "lon", "h_elv"]), is_older("a.h5", ["lat", "lon", "h_li"])
    (True, False)
    """
    return bool(PRODUCT.parse_name(filename).granule) or not OUR_NAMES.keys().isdisjoint(columns)


def described(name: str, product: str) -> Column:
    """Return a column with the units and long name that its file does not give.

    Parameters
    ----------
    name : str
        The column, by our name.
    product : str
        What the header says; "" of older files, whose columns are those of ATL06.

    Examples
    --------
    >>> described("h_rb", "").units, described("h_rb", "ATL08").units
    ('m', '1')
    """
    if product in ("", PRODUCT.name) and name in _OF_PRODUCT:
        return _OF_PRODUCT[name]
    return _ALWAYS.get(name, Column(name, "", "1", name))


# --- names ------------------------------------------------------------------------


def our_name(name: str) -> str:
    """Return our name of a column.

    Examples
    --------
    >>> our_name("h_elv"), our_name("lat")
    ('h_li', 'lat')
    """
    return OUR_NAMES.get(name, name)


def other_names(names: Iterable[str], columns: Iterable[str]) -> str:
    """Return what those of some names are called that a file has under our names.

    Examples
    --------
    >>> other_names(["h_elv", "nonsense"], ["h_li", "lat"])
    'h_elv is h_li here'
    """
    here = set(columns)
    known = [name for name in names if name in OUR_NAMES and OUR_NAMES[name] in here]
    return ", ".join(f"{name} is {OUR_NAMES[name]} here" for name in known)


def choose_columns(product: Product, variables: str | Iterable[str] | None) -> tuple[Column, ...]:
    """Return the columns of a product that a choice of variables asks for.

    A column of the user's own must not have a name that older files have for another: it
    would be renamed when it is read. Parameters are those of `Product.choose`.

    Raises
    ------
    ValueError
        If a name is unknown, or a new one is taken.
    """
    words = variables.split(",") if isinstance(variables, str) else list(variables or ())
    there = [column.name for column in (*product.all_columns, *DERIVED)]
    foreign = [word for word in map(str.strip, words) if word not in there]
    if known := other_names(foreign, there):
        raise ValueError(f"unknown column: {known}")
    return product.choose(",".join(words), reserved=OUR_NAMES)


# --- values -----------------------------------------------------------------------


class Mending(NamedTuple):
    """How a column of an older file becomes one of ours."""

    source: str  # the name in the file of the column that has the values
    dtype: str
    convert: "Callable[[np.ndarray], np.ndarray]"


def mending(name: str, dtypes: "Mapping[str, np.dtype]", is_ours: bool) -> Mending | None:
    """Return how a column becomes one of ours, None if it is as it should be.

    Parameters
    ----------
    name : str
        Its name in the file.
    dtypes : dict of str to dtype
        All columns of the file, by their names there.
    is_ours : bool
        Whether captools wrote the file: then fills and times are right.
    """
    ours, dtype = our_name(name), dtypes[name]
    if ours in IDENTITY_DTYPES and dtype.kind == "f":
        whole = IDENTITY_DTYPES[ours]
        return Mending(name, whole, partial(_whole_numbers, dtype=whole))
    if ours == "is_asc" and dtype.kind != "b":
        return Mending(name, "bool", lambda values: values > 0)
    if is_ours:
        return None
    seconds = next((one for one in (THEIR_NAMES["t_gps"], "t_gps") if one in dtypes), None)
    if ours == "t_year" and seconds is not None:
        return Mending(seconds, "f8", _decimal_year)
    return Mending(name, "f8", _without_fills) if dtype == "f8" else None


class WrongNumberError(Exception):
    """A column holds a number that our dtype of it does not."""


def _whole_numbers(values: "np.ndarray", dtype: str) -> "np.ndarray":
    """Return floats as whole numbers, with 0 for no value."""
    import numpy as np

    known = np.where(np.isnan(values) | (values == np.finfo("f4").max), 0, values)
    limits = np.iinfo(dtype)
    wrong = (known < limits.min) | (known > limits.max) | (known != np.round(known))
    if wrong.any():
        raise WrongNumberError(f"holds {known[wrong][0]:g}, which is no number of {limits.dtype}")
    return known.astype(dtype)


def _decimal_year(seconds: "np.ndarray") -> "np.ndarray":
    from captools.geo.time import decimal_year

    return decimal_year(seconds)


def _without_fills(values: "np.ndarray") -> "np.ndarray":
    """Return doubles with NaN for the largest single float: the product's fill, made wider."""
    import numpy as np

    return np.where(values == np.finfo("f4").max, np.nan, values)
