"""How far along time DASCore's methods look, and so how much halo a window needs.

A method is *local* if what it makes of a sample depends on samples nearby alone: it gets a halo.
It is *slow* if this fades slowly: it gets a halo, and a warning. It is *global* if it depends on
all samples, or if we do not know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from captools.das.chains import Call, Quantity
from captools.das.filters import MARGIN, Band, halo
from captools.errors import one_line

TIME = "time"
TOLERANCE = 1e-7  # of a sample beyond the halo; so windows are within 1e-6 of the rms

# What is done to each sample by itself, or to what is said of them.
_POINTWISE = frozenset(
    [
        "abs",
        "add",
        "angle",
        "conj",
        "convert_units",
        "divide",
        "drop_private_coords",
        "exp",
        "fillna",
        "imag",
        "is_finite",
        "isinf",
        "isnan",
        "log",
        "log10",
        "log2",
        "maximum",
        "minimum",
        "multiply",
        "radians_to_strain",
        "real",
        "set_units",
        "simplify_units",
        "subtract",
        "transpose",
        "update_attrs",
    ]
)
# Sums and multiples of samples: what is done to a line before them may be done after them.
_LINEAR = frozenset(
    [
        "convert_units",
        "decimate",
        "demean",
        "detrend",
        "differentiate",
        "divide",
        "gaussian_filter",
        "integrate",
        "mean",
        "multiply",
        "notch_filter",
        "pass_filter",
        "savgol_filter",
        "select",
        "set_units",
        "simplify_units",
        "sobel_filter",
        "sum",
        "taper",
        "transpose",
        "update_attrs",
        "velocity_to_strain_rate",
        "velocity_to_strain_rate_edgeless",
    ]
)
_TREND = frozenset(["detrend", "demean", "demedian"])
# Whose arguments name the dimensions, `time=...`, and those that are given them as a word.
_OF_KEYS = frozenset(
    [
        "correlate",
        "decimate",
        "gaussian_filter",
        "hampel_filter",
        "interpolate",
        "kurtosis",
        "line_mute",
        "median_filter",
        "notch_filter",
        "order",
        "pad",
        "pass_filter",
        "resample",
        "roll",
        "savgol_filter",
        "select",
        "stalta",
        "taper",
        "taper_range",
        "update_coords",
        "wiener_filter",
    ]
)
_OF_WORD: dict[str, Any] = {  # what they take without one; None is all
    "aggregate": None,
    "all": None,
    "any": None,
    "demean": TIME,
    "demedian": TIME,
    "detrend": None,
    "differentiate": None,
    "envelope": None,
    "first": None,
    "hilbert": None,
    "integrate": None,
    "last": None,
    "max": None,
    "mean": None,
    "median": None,
    "min": None,
    "normalize": None,
    "sobel_filter": None,
    "standardize": None,
    "std": None,
    "sum": None,
}
_OF_DISTANCE = frozenset(["velocity_to_strain_rate", "velocity_to_strain_rate_edgeless"])
_SLOW = frozenset(["envelope", "hilbert", "slope_filter"])


@dataclass(frozen=True)
class Reach:
    """How far a method looks along time.

    Attributes
    ----------
    samples : int, optional
        On each side; None for all of them.
    step : int
        One of so many samples is kept.
    is_slow : bool
        Whether what is farther away fades slowly.
    """

    samples: int | None = 0
    step: int = 1
    is_slow: bool = False


def reach(call: Call, rate: float, window: int) -> Reach:
    """Return how far a method looks.

    Parameters
    ----------
    call : Call
        The method and its arguments.
    rate : float
        Samples per second that it is given.
    window : int
        Samples of a window.

    Raises
    ------
    ValueError
        If arguments are wrong, as far as the halo depends on them.
    """
    name = call.name
    if name in _POINTWISE or not acts_on_time(call):
        return Reach()
    if name in _SLOW:
        return Reach(window, is_slow=True)
    if name not in _LOCAL:
        return Reach(None)
    try:
        return _LOCAL[name](call, rate)
    except KeyError as error:
        raise ValueError(f"{call.text!r} says no {error}") from None
    except Exception as error:  # units raise what they like
        raise ValueError(f"{call.text!r}: {one_line(error)}") from None


def acts_on_time(call: Call) -> bool:
    """Return whether samples of other times count; true where we do not know."""
    name = call.name
    if name in _OF_KEYS:
        # `update_coords` has time_min and the like, too.
        dimensions = {key.partition("_")[0] for key in call.named}
        return TIME in dimensions or "distance" not in dimensions
    if name in _OF_WORD:
        given = call.get("dim", 0, _OF_WORD[name])
        given = (given,) if isinstance(given, str) else given
        return not given or TIME in given
    if name == "flip":
        return not call.words or TIME in call.words
    return name not in _OF_DISTANCE and name not in _POINTWISE


def takes_trend(call: Call) -> bool:
    """Return whether a method takes a line or less from all samples of a channel."""
    return call.name in _TREND and acts_on_time(call)


def is_linear(call: Call) -> bool:
    """Return whether a method makes sums and multiples of samples."""
    return call.name in _LINEAR


def leaves_no_trend(call: Call, rate: float) -> bool:
    """Return whether a method leaves nothing of a line: a filter with a lower edge."""
    is_filter = call.name == "pass_filter" and acts_on_time(call)
    return is_filter and _band(call, rate).low is not None


def _seconds(value: Any) -> float:
    """Return a length of time in seconds."""
    if isinstance(value, Quantity):
        from dascore.units import get_quantity

        return float(get_quantity(str(value)).to("s").magnitude)
    return float(value)


def _frequencies(low: Any, high: Any) -> list[float | None]:
    """Return the edges of a band in hertz, for which lengths of time may stand."""
    if isinstance(low, Quantity) or isinstance(high, Quantity):
        from dascore.units import get_filter_units, get_quantity

        edges = [None if one is None else get_quantity(str(one)) for one in (low, high)]
        low, high = get_filter_units(*edges, "s")
    return [None if one is None else float(one) for one in (low, high)]


def _width(call: Call, rate: float) -> int:
    """Return how many samples a length of time has."""
    value = call.named[TIME]
    if call.named.get("samples"):
        return int(value)
    return int(np.ceil(_seconds(value) * rate))


def _band(call: Call, rate: float) -> Band:
    """Return the band of a filter."""
    edges = call.named[TIME]
    if not isinstance(edges, tuple) or len(edges) != 2:
        raise ValueError("a band has two edges, such as time=14,35 or time=1,")
    low, high = _frequencies(*edges)
    if low is not None and high is not None and low >= high:
        raise ValueError(f"{low:g} to {high:g} Hz is no band: the lower edge comes first")
    return Band(low, high, int(call.get("corners", 0, 4)))


def _of_poles(poles: np.ndarray) -> int:
    """Return the samples after which a filter has forgotten."""
    radius = float(np.abs(poles).max())
    return int(np.ceil(MARGIN * np.log(TOLERANCE) / np.log(radius))) if radius else 0


def _pass_filter(call: Call, rate: float) -> Reach:
    return Reach(halo(_band(call, rate), rate, TOLERANCE))


def _notch_filter(call: Call, rate: float) -> Reach:
    from scipy.signal import iirnotch

    low, high = _frequencies(call.named[TIME], None)  # a length of time is the upper edge
    frequency = high if low is None else low
    _, polynomial = iirnotch(frequency, float(call.get("q", 0)), rate)
    return Reach(_of_poles(np.roots(polynomial)))


def _decimate(call: Call, rate: float) -> Reach:
    from scipy.signal import cheby1

    factor = int(call.named[TIME])
    if factor < 1:
        raise ValueError(f"{factor} is no factor")
    kind = call.get("filter_type", 0, "iir")
    if kind == "iir":  # as `scipy.signal.decimate` has it
        return Reach(_of_poles(cheby1(8, 0.05, 0.8 / factor, output="zpk")[1]), factor)
    return Reach(10 * factor if kind else 0, factor)


def _gaussian_filter(call: Call, rate: float) -> Reach:
    return Reach(int(np.ceil(call.get("truncate", 3, 4.0) * _width(call, rate))) + 1)


def _whole_width(call: Call, rate: float) -> Reach:
    return Reach(_width(call, rate))


def _hampel_filter(call: Call, rate: float) -> Reach:
    return Reach(2 * _width(call, rate))  # a median of what is left of medians


def _wiener_filter(call: Call, rate: float) -> Reach:
    # Without a power of the noise it is that of all samples.
    return Reach(None if call.named.get("noise") is None else _width(call, rate))


def _differentiate(call: Call, rate: float) -> Reach:
    order, step = (int(call.get(*one)) for one in (("order", 1, 2), ("step", 2, 1)))
    return Reach(order * step)


def _sobel_filter(call: Call, rate: float) -> Reach:
    return Reach(1)


def _stalta(call: Call, rate: float) -> Reach:
    lengths = call.named[TIME]
    scale = 1.0 if call.named.get("samples") else rate
    return Reach(int(np.ceil(max(map(_seconds, lengths)) * scale)) + 1)


_LOCAL: dict[str, Callable[[Call, float], Reach]] = {
    "decimate": _decimate,
    "differentiate": _differentiate,
    "gaussian_filter": _gaussian_filter,
    "hampel_filter": _hampel_filter,
    "median_filter": _whole_width,
    "notch_filter": _notch_filter,
    "pass_filter": _pass_filter,
    "savgol_filter": _whole_width,
    "sobel_filter": _sobel_filter,
    "stalta": _stalta,
    "wiener_filter": _wiener_filter,
}
