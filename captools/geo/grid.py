"""A grid of squares with overlap: which points lie in which squares."""

from dataclasses import dataclass

import numpy as np

from captools.geo import select

SMALLEST_KM = 1e-3  # of a square
FAR_METRES = 1e9  # no projection of the Earth reaches so far
_SPAN = 1 << 32  # how many columns or rows can be numbered


# --- what is asked for ------------------------------------------------------------


def check_size(size: float) -> None:
    """Raise ValueError if `size` (km) is no side of a square."""
    if not SMALLEST_KM <= size < np.inf:
        raise ValueError(f"size {size:g} km: it must be {SMALLEST_KM} or more")


def check_overlap(overlap: float) -> None:
    """Raise ValueError if `overlap` (km) is none."""
    if not 0 <= overlap < np.inf:
        raise ValueError(f"overlap {overlap:g} km: it must be 0 or more")


# --- points and squares -----------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """Squares of one size, numbered from that with its lower left corner at `x`, `y`.

    A square holds its lower and left edges, not its upper and right ones. All in metres.
    """

    size: float
    overlap: float = 0.0
    x: float = 0.0
    y: float = 0.0
    extent: tuple[float, float, float, float] | None = None

    @classmethod
    def of(
        cls, size: float, overlap: float, extent: tuple[float, float, float, float] | None
    ) -> "Grid":
        """Return the grid for a size and overlap in kilometres; ValueError if there is none."""
        check_size(size)
        check_overlap(overlap)
        if overlap > size:
            raise ValueError(f"overlap {overlap:g} km is more than the size {size:g} km")
        if extent is None:
            return cls(size * 1e3, overlap * 1e3)
        select.check_extent(extent)
        x_min, x_max, y_min, y_max = extent
        return cls(size * 1e3, overlap * 1e3, x_min, y_min, (x_min, x_max, y_min, y_max))

    @property
    def shape(self) -> tuple[int, int] | None:
        """How many columns and rows the extent has, None if there is none."""
        if self.extent is None:
            return None
        xmin, xmax, ymin, ymax = self.extent
        return max(1, int(np.ceil((xmax - xmin) / self.size))), max(
            1, int(np.ceil((ymax - ymin) / self.size))
        )

    def square(self, column: int, row: int) -> tuple[float, float, float, float]:
        """Return xmin, xmax, ymin, ymax of a square."""
        x, y, size = self.x, self.y, self.size
        return (
            *(x + column * size, x + (column + 1) * size),
            *(y + row * size, y + (row + 1) * size),
        )

    def name(self, column: int, row: int) -> str:
        """Return the name of the file of a square: its lower left corner and size in km.

        Examples
        --------
        >>> Grid(100e3).name(-15, 3), Grid(500.0).name(0, -1)
        ('tile_-1500_+0300_100km.h5', 'tile_+0000.0_-0000.5_0.5km.h5')
        """
        digits = _decimals(self.size / 1e3, self.x / 1e3, self.y / 1e3)
        width = 5 + bool(digits) + digits
        left, _, low, _ = self.square(column, row)
        # Adding 0 turns -0 into 0.
        corner = [round(value / 1e3, digits) + 0.0 for value in (left, low)]
        x, y = (f"{value:+0{width}.{digits}f}" for value in corner)
        size = np.format_float_positional(round(self.size / 1e3, 6), trim="-")
        return f"tile_{x}_{y}_{size}km.h5"


def _decimals(*values: float) -> int:
    """Return how many decimals the values need, at most 6."""
    return next(
        (count for count in range(6) if all(abs(round(v, count) - v) < 1e-9 for v in values)), 6
    )


def known(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which points have a place."""
    return (np.abs(x) < FAR_METRES) & (np.abs(y) < FAR_METRES)


def assign(
    x: np.ndarray, y: np.ndarray, grid: Grid
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return in which tiles points lie.

    A tile is a square, grown by the overlap on all sides (lower and left edges count, the
    others do not). With an extent there are no other tiles than its own, points outside are
    not core, and those on its upper and right edges belong to the last tiles.

    Parameters
    ----------
    x, y : arrays of float, shape (n,)
        Metres. Points that are NaN, or farther than `FAR_METRES`, lie in no tile.
    grid : Grid
        The squares.

    Returns
    -------
    point : array of int, shape (m,)
        Indices of points, in increasing order: each as often as there are tiles that hold it.
    column, row : arrays of int, shape (m,)
        The tile.
    core : array of bool, shape (m,)
        Whether the point belongs to the square itself; true once for each point at most.

    Examples
    --------
    >>> x, y = np.array([50.0, 95.0, np.nan]), np.array([50.0, 50.0, 0.0])
    >>> point, column, row, core = assign(x, y, Grid(100.0, overlap=10.0))
    >>> point, column, row
    (array([0, 1, 1]), array([0, 0, 1]), array([0, 0, 0]))
    >>> core
    array([ True,  True, False])
    """
    point = np.flatnonzero(known(x, y))
    x, y = np.asarray(x[point], "f8"), np.asarray(y[point], "f8")
    own = _inside(x, y, grid.extent)
    column, row = _cell(x, grid.x, grid.size), _cell(y, grid.y, grid.size)
    if grid.shape is not None:
        last_column, last_row = np.array(grid.shape) - 1
        column = np.where(own, np.minimum(column, last_column), column)
        row = np.where(own, np.minimum(row, last_row), row)
    steps = (-1, 0, 1) if grid.overlap else (0,)
    beside = {step: _reaches(x, column, step, grid.x, grid) for step in steps}
    above = {step: _reaches(y, row, step, grid.y, grid) for step in steps}
    found = []
    for right in steps:
        for up in steps:
            at = np.flatnonzero(beside[right] & above[up])
            core = own[at] if (right, up) == (0, 0) else np.zeros(len(at), bool)
            found.append((at, column[at] + right, row[at] + up, core))
    at, column, row, core = map(np.concatenate, zip(*found, strict=True))
    kept = _in_shape(column, row, grid.shape)
    # Stable, so that the tiles of a point always come in the same order.
    order = np.flatnonzero(kept)[np.argsort(at[kept], kind="stable")]
    return point[at[order]], column[order], row[order], core[order]


def _inside(x: np.ndarray, y: np.ndarray, extent: tuple | None) -> np.ndarray:
    if extent is None:
        return np.ones(len(x), bool)
    return select.in_extent(x, y, extent)


def _cell(values: np.ndarray, origin: float, size: float) -> np.ndarray:
    """Return the numbers of the cells that hold values, true to the edges as they are computed."""
    cell = np.floor((values - origin) / size)
    cell -= values < origin + cell * size
    cell += values >= origin + (cell + 1) * size
    return cell.astype(np.int64)


def _reaches(
    values: np.ndarray, cell: np.ndarray, step: int, origin: float, grid: Grid
) -> np.ndarray:
    """Return which values the neighbour of their cell, grown by the overlap, holds too."""
    if step < 0:
        return values < origin + cell * grid.size + grid.overlap
    if step > 0:
        return values >= origin + (cell + 1) * grid.size - grid.overlap
    return np.ones(len(values), bool)


def _in_shape(column: np.ndarray, row: np.ndarray, shape: tuple[int, int] | None) -> np.ndarray:
    if shape is None:
        return np.ones(len(column), bool)
    return (column >= 0) & (column < shape[0]) & (row >= 0) & (row < shape[1])


def _key(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Return one number for each square; they increase by column, then by row."""
    return column * _SPAN + row


def _place(key: int) -> tuple[int, int]:
    """Return column and row of a square, the inverse of `_key`."""
    column, row = divmod(key + _SPAN // 2, _SPAN)
    return column, row - _SPAN // 2
