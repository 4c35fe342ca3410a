"""Aggregates to colours, as datashader's transfer functions have them: shade, spread, stack, mix.

Pure functions of arrays. A picture is an array of bytes: red, green, blue and opacity, shape
(height, width, 4). Importing datashader takes a second, and compiling its spread several. So all is
done here by numpy, bit by bit as datashader does it, which tests show; but equal histograms are
datashader's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import InputError
from captools.extras import require, without

if TYPE_CHECKING:
    from matplotlib.colors import Colormap, Normalize

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
UNUSED = ("dask", "dask.array", "dask.dataframe")  # by what datashader does here


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
            with without(*UNUSED):
                from datashader.mpl_ext import EqHistNormalize
            norm = EqHistNormalize(low, high)
            norm.autoscale(np.ma.masked_invalid(np.clip(values, low, high)))
            return norm
        if self.how == "log":
            if self.clip is not None and low <= 0:
                raise InputError("--how log needs limits above 0 (--clip)")
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


def shade(values: np.ndarray, style: Style, norm: "Normalize | None" = None) -> np.ndarray:
    """Return the picture of an aggregate.

    Parameters
    ----------
    values : array of float, shape (height, width)
        NaN where nothing is: transparent.
    style : Style
        Its colours and its scale.
    norm : Normalize, optional
        What `style.norm` gave for the colour bar, by default that of these values.
    """
    norm = norm or style.norm(values)
    picture = style.colours(norm(np.ma.masked_invalid(values)), bytes=True)
    picture[np.isnan(values)] = 0
    return picture


def mix(counts: np.ndarray, colours: Sequence[str], how: str = "log") -> np.ndarray:
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
    weights = (counts - counts.min()).astype(np.float32)
    weight = weights.sum(axis=2, keepdims=True)
    rgb = np.stack([solid(colour)[:3] for colour in colours]).astype(np.float32)
    mixed = np.where(weight > 0, weights @ rgb / np.maximum(weight, 1), rgb.mean(axis=0))
    return np.dstack([mixed, _opacity(counts.sum(axis=2), how)]).astype(np.uint8)


def _opacity(total: np.ndarray, how: str) -> np.ndarray:
    """Return the opacity of pixels by their number of points: from `FAINTEST` to 255, 0 of none."""
    seen = total > 0
    opacity = np.zeros(total.shape)
    if seen.any():
        above = total[seen] - total[seen].min()
        if not seen.all():  # datashader has NaN then, and equalizes whole numbers otherwise
            above = above.astype(float)
        scaled = _equalized(above) if how == "eq_hist" else _SCALES[how](above)
        opacity[seen] = np.interp(scaled, [scaled.min(), scaled.max()], [FAINTEST, 255])
    return opacity


def _equalized(values: np.ndarray) -> np.ndarray:
    with without(*UNUSED):
        from datashader.transfer_functions import eq_hist
    return eq_hist(values, np.zeros(values.shape, bool))[0]


_SCALES = {"linear": np.asarray, "log": np.log1p, "cbrt": np.cbrt}


def palette(count: int) -> list[str]:
    """Return colours of so many categories: well apart if they are few, else in order."""
    from matplotlib.colors import to_hex

    if count <= len(CATEGORIES):
        return list(CATEGORIES[:count])
    return [to_hex(colour) for colour in colormap("turbo")(np.linspace(0.03, 0.97, count))]


def dynspread(picture: np.ndarray, point: int, threshold: float = THRESHOLD) -> np.ndarray:
    """Return a picture whose marks have grown, as far as there is room between them.

    Parameters
    ----------
    picture : array of uint8, shape (height, width, 4)
        Of `shade` or `mix`.
    point : int
        Pixels to grow by at most, on all sides; 0 leaves the picture as it is.
    threshold : float
        How dense its surroundings may be, from 0 to 1. Of 1, marks always grow.
    """
    seen = picture[..., 3] > 0
    room = (one for one in range(point, 0, -1) if density(seen, one) <= threshold)
    return spread(picture, next(room, 0))


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
    row, column = np.nonzero(seen)
    if not len(row):
        return 1.0
    height, width = seen.shape
    total = np.zeros((height + 1, width + 1), np.int32)
    seen.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, out=total[1:, 1:])
    top, bottom = np.maximum(row - reach, 0), np.minimum(row + reach + 1, height)
    left, right = np.maximum(column - reach, 0), np.minimum(column + reach + 1, width)
    found = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left] - 1
    room = (bottom - top) * (right - left) - 1
    return float(np.mean(found / np.maximum(room, 1)))


def spread(picture: np.ndarray, reach: int) -> np.ndarray:
    """Return a picture whose marks have grown to circles, as datashader's `spread` has them.

    Parameters
    ----------
    picture : array of uint8, shape (height, width, 4)
        Marks that let light through are mixed where they come to lie over each other.
    reach : int
        Pixels on all sides.
    """
    if not reach:
        return picture
    if not np.isin(picture[..., 3], (0, 255)).all():
        return _spread_mixed(picture, reach)
    # Of opaque marks the last one is seen, in the order of rows, and of columns in each.
    height, width = picture.shape[:2]
    column = np.arange(width)
    last = np.maximum.accumulate(np.where(picture[..., 3] > 0, column, -1), axis=1)
    grown, free = np.zeros_like(picture), np.ones((height, width), bool)
    for down in range(min(reach, height - 1), -min(reach, height - 1) - 1, -1):
        half = int(np.sqrt((reach + 0.5) ** 2 - down**2))
        to = slice(max(0, -down), height - max(0, down))  # rows, and those that grow onto them
        rows = np.arange(to.start + down, to.stop + down)
        mark = last[rows][:, np.minimum(column + half, width - 1)]
        here = free[to] & (mark >= np.maximum(column - half, 0))
        row, _ = np.nonzero(here)
        grown[to][here] = picture[rows[row], mark[here]]
        free[to] &= ~here
    return grown


def _spread_mixed(picture: np.ndarray, reach: int) -> np.ndarray:
    """Return marks grown one over the other, in the order of rows, and of columns in each."""
    height, width = picture.shape[:2]
    row, column = np.nonzero(picture[..., 3])
    marks, grown = picture[row, column], np.zeros_like(picture)
    side = np.arange(reach, -reach - 1, -1)
    down, right = np.meshgrid(side, side, indexing="ij")
    near = down**2 + right**2 <= (reach + 0.5) ** 2
    # Of marks that come to one pixel, those of upper rows are laid first: they move furthest down.
    for move_down, move_right in zip(down[near], right[near], strict=True):
        to_row, to_column = row + move_down, column + move_right
        here = (to_row >= 0) & (to_row < height) & (to_column >= 0) & (to_column < width)
        place = to_row[here], to_column[here]
        below, above = grown[place], marks[here]
        grown[place] = np.where(below.any(axis=1, keepdims=True), stack(below, above), above)
    return grown


def stack(below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return one picture over another, as datashader's `stack` and `set_background` have it.

    Parameters
    ----------
    below, above : arrays of uint8, shape (height, width, 4)
        The picture below may also be a single colour, of shape (4,).
    """
    low, high = below / 255, above / 255
    covers, covered, through = high[..., 3:], low[..., 3:], 1 - high[..., 3:]
    opacity = covers + covered * through
    whole = np.where(opacity > 0, opacity, 1.0)
    colours = (high[..., :3] * covers + low[..., :3] * covered * through) / whole
    return (np.concatenate([colours, opacity], axis=-1) * 255).astype(np.uint8)


def solid(colour: str) -> np.ndarray:
    """Return the bytes of a colour that matplotlib knows, shape (4,)."""
    from matplotlib.colors import to_rgba

    return np.rint(255 * np.array(to_rgba(colour))).astype(np.uint8)
