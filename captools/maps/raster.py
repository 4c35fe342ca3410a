"""Points to pixels: grids of sums and counts, to which the points of one file after another add.

Pure functions of arrays; nothing here knows files.
"""

from dataclasses import dataclass

import numpy as np

from captools.errors import InputError

AGGREGATES = ("mean", "count", "min", "max", "std")
FARTHEST = 1e30  # of x and y: beyond it, the number of a pixel is none


@dataclass(frozen=True)
class Canvas:
    """The pixels of a map: square ones, the first row in the north.

    Parameters
    ----------
    xmin, xmax, ymin, ymax : float
        Outer edges, in the units of the CRS.
    width, height : int
        Pixels.
    """

    xmin: float
    xmax: float
    ymin: float
    ymax: float
    width: int
    height: int

    @property
    def pixel(self) -> tuple[float, float]:
        """The width and the height of a pixel."""
        return (self.xmax - self.xmin) / self.width, (self.ymax - self.ymin) / self.height

    def locate(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixels that points fall in.

        Parameters
        ----------
        x, y : arrays of float, shape (n,)
            Places; NaN is nowhere.

        Returns
        -------
        pixel : array of int, shape (m,)
            ``row * width + column`` of the points inside. The edges in the east and
            the north belong to the last pixels.
        inside : array of bool, shape (n,)
            Which points these are.

        Examples
        --------
        >>> canvas = Canvas(0.0, 2.0, 0.0, 2.0, 2, 2)
        >>> pixel, inside = canvas.locate(np.array([0.5, 1.5, 9.0]), np.array([0.5, 2.0, 0.0]))
        >>> pixel.tolist(), inside.tolist()
        ([2, 1], [True, True, False])
        """
        inside = (x >= self.xmin) & (x <= self.xmax) & (y >= self.ymin) & (y <= self.ymax)
        if not inside.all():
            x, y = x[inside], y[inside]
        wide, high = self.pixel
        kind = np.int32 if self.width * self.height < 1 << 31 else np.int64  # quicker if short
        column = ((x - self.xmin) * (1 / wide)).astype(kind)
        row = ((y - self.ymin) * (1 / high)).astype(kind)
        np.minimum(column, self.width - 1, out=column)
        np.minimum(row, self.height - 1, out=row)
        np.subtract(self.height - 1, row, out=row)
        row *= self.width
        row += column
        return row, inside


def fit(
    bounds: tuple[float, float, float, float], size: tuple[int, int] | None, longest: int = 900
) -> Canvas:
    """Return a canvas of square pixels that shows all of some bounds.

    Parameters
    ----------
    bounds : (xmin, xmax, ymin, ymax)
        What must be seen. Bounds without width or height get some.
    size : (width, height), optional
        Pixels; by default the longer side has `longest`, and none less than a quarter of it.

    Raises
    ------
    InputError
        If the bounds are `FARTHEST` and more.

    Examples
    --------
    >>> canvas = fit((0.0, 200.0, 0.0, 100.0), (100, 100))
    >>> round(canvas.xmin), round(canvas.xmax), round(canvas.ymin), round(canvas.ymax)
    (0, 200, -50, 150)
    """
    xmin, xmax, ymin, ymax = bounds
    if not all(abs(edge) < FARTHEST for edge in bounds):
        raise InputError(f"no map is so large: x {xmin:g} to {xmax:g}, y {ymin:g} to {ymax:g}")
    wide, high = xmax - xmin, ymax - ymin
    least = max(wide * 1e-3, high * 1e-3, max(map(abs, bounds)) * 1e-6)
    least = least if least > 1e-9 else 1.0
    wide, high = max(wide, least), max(high, least)
    if size is None:
        scale = longest / max(wide, high)
        size = max(longest // 4, round(wide * scale)), max(longest // 4, round(high * scale))
    pixel = max(wide / size[0], high / size[1]) * (1 + 1e-9)  # rounding must not lose an edge
    x, y = (xmin + xmax) / 2, (ymin + ymax) / 2
    half_x, half_y = pixel * size[0] / 2, pixel * size[1] / 2
    return Canvas(x - half_x, x + half_x, y - half_y, y + half_y, *size)


class Aggregate:
    """What the points of each pixel add up to: their count, and two numbers more.

    Parameters
    ----------
    canvas : Canvas
        The pixels.
    kind : {"mean", "count", "min", "max", "std"}
        What is asked of them; ``std`` is that of the points themselves (division by n).

    Attributes
    ----------
    count : array of int, shape (height * width,)
        Points of each pixel.
    first : array of float, shape (height * width,)
        Their sum for ``mean``, their mean for ``std``, the smallest or largest value for
        ``min`` and ``max``; empty for ``count``.
    second : array of float, shape (height * width,)
        For ``std`` the sum of squared deviations from the mean; else empty.

    Examples
    --------
    >>> total = Aggregate(Canvas(0.0, 2.0, 0.0, 1.0, 2, 1), "mean")
    >>> total.add(np.array([0.5, 0.7]), np.array([0.5, 0.5]), np.array([1.0, 3.0]))
    >>> total.values()
    array([[ 2., nan]])
    """

    def __init__(self, canvas: Canvas, kind: str) -> None:
        self.canvas = canvas
        self.kind = kind
        size = canvas.width * canvas.height
        self.count = np.zeros(size, np.int64)
        self.first = np.zeros(0 if kind == "count" else size)
        if kind in ("min", "max"):
            self.first.fill(np.inf if kind == "min" else -np.inf)
        self.second = np.zeros(size if kind == "std" else 0)

    @property
    def points(self) -> int:
        """How many points there are in all pixels."""
        return int(self.count.sum())

    def add(self, x: np.ndarray, y: np.ndarray, values: np.ndarray | None = None) -> None:
        """Add points; those without a finite value do not count."""
        if values is not None:
            known = np.isfinite(values)
            if not known.all():
                x, y, values = x[known], y[known], values[known]
        pixel, inside = self.canvas.locate(x, y)
        if not len(pixel):
            return
        if values is not None and len(pixel) < len(values):
            values = values[inside]
        if self.kind == "mean":
            np.add.at(self.first, pixel, values.astype(np.float64, copy=False))
        elif self.kind == "std":
            values = values.astype(np.float64)
            count = np.bincount(pixel, minlength=self.count.size)
            mean = np.bincount(pixel, values, count.size) / np.maximum(count, 1)
            squares = np.bincount(pixel, (values - mean[pixel]) ** 2, count.size)
            self._join_deviations(slice(None), count, mean, squares)
        elif self.kind == "min":
            np.minimum.at(self.first, pixel, values)
        elif self.kind == "max":
            np.maximum.at(self.first, pixel, values)
        np.add.at(self.count, pixel, 1)

    def packed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the pixels that have points, and what these add up to: as `join` takes it."""
        seen = np.flatnonzero(self.count)
        first, second = (sums[seen] if sums.size else sums for sums in (self.first, self.second))
        return seen, self.count[seen], first, second

    def join(
        self,
        pixel: np.ndarray | slice,
        count: np.ndarray,
        first: np.ndarray,
        second: np.ndarray,
    ) -> None:
        """Add what other points of the same kind add up to in some pixels, each named once."""
        if self.kind == "mean":
            self.first[pixel] += first
        elif self.kind == "std":
            self._join_deviations(pixel, count, first, second)
        elif self.kind == "min":
            self.first[pixel] = np.minimum(self.first[pixel], first)
        elif self.kind == "max":
            self.first[pixel] = np.maximum(self.first[pixel], first)
        self.count[pixel] += count

    def _join_deviations(
        self, pixel: np.ndarray | slice, count: np.ndarray, mean: np.ndarray, squares: np.ndarray
    ) -> None:
        """Join mean and squared deviations of other points with those of the points so far.

        Source: Chan, Golub and LeVeque (1979), Updating formulae.
        """
        so_far = self.count[pixel]
        both = np.maximum(so_far + count, 1)
        apart = np.where(count > 0, mean - self.first[pixel], 0.0)
        self.second[pixel] += squares + apart**2 * so_far * count / both
        self.first[pixel] += apart * count / both

    def values(self) -> np.ndarray:
        """Return the map, shape (height, width), NaN where no point is."""
        seen = self.count > 0
        flat = np.full(self.count.size, np.nan)
        if self.kind == "count":
            flat[seen] = self.count[seen]
        elif self.kind == "mean":
            flat[seen] = self.first[seen] / self.count[seen]
        elif self.kind == "std":
            flat[seen] = np.sqrt(self.second[seen] / self.count[seen])
        else:
            flat[seen] = self.first[seen]
        return flat.reshape(self.canvas.height, self.canvas.width)
