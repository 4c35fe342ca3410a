"""DASCore's methods, done to patches."""

import difflib
import inspect
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from captools.das.chains import Call, Quantity
from captools.das.library import load
from captools.errors import InputError, one_line

# Of the methods of a patch those that make no patch of it by words alone.
_OTHERS = frozenset(
    [
        "apply_ufunc",
        "check_attrs",
        "check_coords",
        "coords_from_df",
        "equals",
        "from_parts",
        "get_array",
        "get_axis",
        "get_coord",
        "get_patch_name",
        "get_patch_names",
        "get_registered_namespaces",
        "iresample",
        "iselect",
        "make_broadcastable_to",
        "new",
        "pipe",
        "rolling",
        "update",
        "where",
    ]
)
_CLOSE = 5  # names to choose from


def check_methods(calls: Iterable[Call]) -> None:
    """Raise ValueError for a method that a patch of DASCore does not have.

    Raises
    ------
    ValueError
        It names those that are spelled nearly so.
    MissingExtra
        If DASCore is not installed.
    """
    names = methods()
    for call in calls:
        if call.name not in names:
            near = difflib.get_close_matches(call.name, names, _CLOSE)
            hint = f": {' or '.join(near)}?" if near else ""
            raise ValueError(f"{call.name} is no method of DASCore's patches{hint}")


def methods() -> list[str]:
    """Return the names of the methods that make a patch of a patch."""
    load()
    from dascore import Patch

    names = (name for name in dir(Patch) if not name.startswith("_") and name not in _OTHERS)
    return [name for name in names if _is_method(inspect.getattr_static(Patch, name))]


def _is_method(found: Any) -> bool:
    return callable(found) and not isinstance(found, (property, type))


def apply(patch: Any, calls: Sequence[Call]) -> Any:
    """Return what a chain makes of a patch.

    Raises
    ------
    InputError
        If DASCore refuses it; it names the method.
    """
    from dascore import Patch

    for call in calls:
        words = [_as_dascore(one, call) for one in call.words]
        named = {name: _as_dascore(one, call) for name, one in call.named.items()}
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                patch = getattr(patch, call.name)(*words, **named)
        except Exception as error:  # DASCore and its libraries raise what they like
            said = one_line(error) or type(error).__name__
            raise InputError(f"{call.text!r}: {said}") from error
        if not isinstance(patch, Patch):
            raise InputError(f"{call.text!r} makes no patch")
    return patch


def _as_dascore(value: Any, call: Call) -> Any:
    """Return an argument as DASCore takes it."""
    if isinstance(value, tuple):
        return tuple(_as_dascore(one, call) for one in value)
    if not isinstance(value, Quantity):
        return value
    if call.name == "update_attrs":
        return str(value)
    from dascore.units import get_quantity

    try:
        return get_quantity(str(value))
    except Exception as error:  # of pint
        raise InputError(f"{call.text!r}: {value.unit} is no unit ({one_line(error)})") from None
