"""Aggregates to colours, by datashader's transfer functions: shade, spread, mix, stack.

Pure functions of arrays; only pictures are changed by them, never the values of pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import InputError
from captools.extras import require

if TYPE_CHECKING:
    from datashader.transfer_functions import Image
    from matplotlib.colors import Colormap, Normalize
    from xarray import DataArray

HOWS = ("linear", "log", "cbrt", "eq_hist")
# Chosen for colour-blind readers; of the first two, lightness alone tells low from high.
NAMED = {"sequential": "viridis", "diverging": "CET_D7", "cyclic": "CET_CBC1"}
# Source: Okabe and Ito (2008), colours that colour-blind readers tell apart.
CATEGORIES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7a5195",
    "#000000",
)
FAINTEST = 110  # opacity of the pixel of fewest points, where categories are mixed
THRESHOLD = 0.5


@dataclass(frozen=True)
class Style:
    """How a map is coloured; the fields are the options of the same names."""

    cmap: str | None = None
    how: str = "linear"
    clip: tuple[float, float] | None = None
    percentiles: tuple[float, float] = (2.0, 98.0)
    diverging: bool = False

    @property
    def colours(self) -> "Colormap":
        """The colour map; ValueError if neither matplotlib nor colorcet knows its name."""
        return colormap(self.cmap or ("RdBu" if self.diverging else "viridis"))

    def limits(self, values: np.ndarray) -> tuple[float, float]:
        """Return the values of the first and the last colour.

        By default the percentiles of the pixels, that one spike does not grey the map.
        """
        if self.clip is not None:
            return self.clip
        low, high = np.nanpercentile(values, self.percentiles)
        if self.diverging or self.cmap == "diverging":
            high = max(abs(low), abs(high))
            low = -high
        if low == high:  # a single value: it gets the colour in the middle
            margin = abs(low) * 1e-3 or 1.0
            low, high = low - margin, high + margin
        return float(low), float(high)

    def norm(self, values: np.ndarray) -> "Normalize":
        """Return what maps the values to 0..1: for the pixels, and for the colour bar."""
        from matplotlib.colors import FuncNorm, LogNorm, Normalize

        low, high = self.limits(values)
        if self.how == "eq_hist":
            from datashader.mpl_ext import EqHistNormalize

            norm = EqHistNormalize(low, high)
            norm.autoscale(np.ma.masked_invalid(np.clip(values, low, high)))
            return norm
        if self.how == "log":
            positive = values[values > 0]
            if not positive.size or high <= 0:
                raise InputError("--how log needs values above 0: draw with --how linear")
            low = max(low, positive.min())
            return LogNorm(low, max(high, low * 1.001), clip=True)
        if self.how == "cbrt":
            return FuncNorm((np.cbrt, _cube), low, high, clip=True)
        return Normalize(low, high, clip=True)


def _cube(values: np.ndarray) -> np.ndarray:
    return values**3


def colormap(name: str) -> "Colormap":
    """Return a colour map: one of `NAMED`, or of matplotlib or colorcet.

    Raises
    ------
    ValueError
        If nobody knows the name.
    """
    require("preview", "matplotlib")
    import matplotlib

    name = NAMED.get(name, name)
    if name in matplotlib.colormaps:
        return matplotlib.colormaps[name]
    require("preview", "colorcet")
    from colorcet import cm

    if name in cm:
        return cm[name]
    raise ValueError(f"colours {name!r} are known neither to matplotlib nor to colorcet")


def check_limits(limits: tuple[float, float]) -> None:
    """Raise ValueError if two values are no limits: finite, the lower one first."""
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"limits {low:g} {high:g}: the first must be below the second")


def check_colour(name: str) -> None:
    """Raise ValueError if matplotlib knows no such colour."""
    require("preview", "matplotlib")
    from matplotlib.colors import is_color_like

    if not is_color_like(name):
        raise ValueError(f"colour {name!r} is not known")


def shade(values: np.ndarray, style: Style, norm: "Normalize | None" = None) -> "Image":
    """Return the picture of an aggregate.

    Parameters
    ----------
    values : array of float, shape (height, width)
        NaN where nothing is: transparent.
    style : Style
        Its colours and its scale.
    norm : Normalize, optional
        What `style.norm` gave for the colour bar, by default that of these values.

    Returns
    -------
    datashader.transfer_functions.Image
        Shape (height, width), its rows in the order of the values'.
    """
    from datashader import transfer_functions

    norm = norm or style.norm(values)
    # The scale is the colour bar's: datashader's log counts from the lowest value on.
    scaled = np.ma.filled(norm(np.ma.masked_invalid(values)).astype("f8"), np.nan)
    return transfer_functions.shade(
        _array(scaled), cmap=style.colours, how="linear", span=(0.0, 1.0)
    )


def mix(counts: np.ndarray, colours: Sequence[str], how: str = "log") -> "Image":
    """Return the picture of points of several categories, their colours mixed by their counts.

    Parameters
    ----------
    counts : array of int, shape (height, width, categories)
        Points of each pixel, as `datashader.count_cat` has them.
    colours : sequence of str
        Of each category; see `palette`.
    how : str
        One of `HOWS`: how the number of all points of a pixel becomes its opacity.
    """
    from datashader import transfer_functions

    array = _array(counts.astype("u4"), category=[str(one) for one in range(counts.shape[2])])
    key = dict(zip(array.indexes["category"], colours, strict=True))
    return transfer_functions.shade(array, color_key=key, how=how, min_alpha=FAINTEST)


def palette(count: int) -> list[str]:
    """Return colours of so many categories: well apart if they are few, else in order."""
    from matplotlib.colors import to_hex

    if count <= len(CATEGORIES):
        return list(CATEGORIES[:count])
    return [to_hex(colour) for colour in colormap("turbo")(np.linspace(0.03, 0.97, count))]


def dynspread(image: "Image", point: int, threshold: float = THRESHOLD) -> "Image":
    """Return a picture whose marks have grown, as far as there is room between them.

    Parameters
    ----------
    image : Image
        Of `shade` or `mix`.
    point : int
        Pixels to grow by at most, on all sides; 0 leaves the picture as it is.
    threshold : float
        How dense its surroundings may be, from 0 to 1. Of 1, marks always grow.
    """
    from datashader import transfer_functions

    seen = pixels(image)[..., 3] > 0
    room = (one for one in range(point, 0, -1) if density(seen, one) <= threshold)
    grown = next(room, 0)
    return transfer_functions.spread(image, grown) if grown else image


def density(seen: np.ndarray, reach: int) -> float:
    """Return how full the surroundings of pixels with points are, from 0 to 1.

    datashader's own `dynspread` asks whether a pixel has any neighbour: along a track each one
    has, so that tracks would never grow.

    Parameters
    ----------
    seen : array of bool, shape (height, width)
        Which pixels have points.
    reach : int
        How many pixels around one count, on all sides.

    Examples
    --------
    >>> density(np.ones((5, 5), bool), 1)
    1.0
    >>> track = np.eye(9, dtype=bool)
    >>> round(density(track, 1), 2)  # two of eight neighbours, at the ends one of three
    0.27
    """
    from scipy.ndimage import uniform_filter

    if not seen.any():
        return 1.0
    size = 2 * reach + 1
    found, whole = (
        np.rint(uniform_filter(one.astype("f8"), size, mode="constant")[seen] * size**2) - 1
        for one in (seen, np.ones_like(seen))
    )
    return float(np.mean(found / np.maximum(whole, 1)))


def stack(*images: "Image", background: str | None = None) -> "Image":
    """Return pictures one over another, the first one lowest, on a colour if one is named."""
    from datashader import transfer_functions
    from matplotlib.colors import to_hex

    whole = images[0] if len(images) == 1 else transfer_functions.stack(*images)
    if background is None:
        return whole
    return transfer_functions.set_background(whole, to_hex(background))


def picture(rgba: np.ndarray) -> "Image":
    """Return red, green, blue, opacity (bytes, shape (height, width, 4)) as a picture."""
    from datashader.transfer_functions import Image

    packed = np.ascontiguousarray(rgba, np.uint8).view(np.uint32)[..., 0]
    return Image(packed, dims=("y", "x"))


def pixels(image: "Image") -> np.ndarray:
    """Return red, green, blue and opacity, bytes of shape (height, width, 4)."""
    packed = np.ascontiguousarray(image.data)
    return packed.view(np.uint8).reshape(*packed.shape, 4)


def _array(values: np.ndarray, **coords: list[str]) -> "DataArray":
    import xarray

    return xarray.DataArray(values, dims=("y", "x", *coords), coords=coords)
