"""Which of many points lie in polygons of the plane."""

from functools import cached_property

import numpy as np

DETAILED_VERTICES = 10_000  # vertices, from which on a grid pays
GRID_CELLS = 512  # of the grid, along each axis


class Polygons:
    """The union of polygons; its boundary counts as inside.

    What a ring holds is counted by crossings, so that polygons need neither be valid nor be joined.

    Parameters
    ----------
    polygons : array of shapely polygons, shape (n,)
        They may cross themselves and each other.
    """

    def __init__(self, polygons: np.ndarray) -> None:
        import shapely

        self._tree = shapely.STRtree(polygons)
        self._shapes = [_Shape(polygon) for polygon in polygons]
        self.bounds = shapely.total_bounds(polygons)

    def contain(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return which points lie in any of the polygons: arrays of shape (n,), NaN is nowhere."""
        import shapely

        inside = np.zeros(len(x), dtype=bool)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        point, polygon = self._tree.query(shapely.points(x[known], y[known]))
        order = np.argsort(polygon, kind="stable")
        of, starts = np.unique(polygon[order], return_index=True)
        for number, points in zip(of, np.split(known[point[order]], starts[1:]), strict=False):
            inside[points] |= self._shapes[number].contains(x[points], y[points])
        return inside


class _Shape:
    """A polygon, with a grid of its bounds if it has many vertices.

    In cells that no edge touches, all points are inside or all outside, and so they are in a run of
    such cells. Only the points of other cells are compared with edges.
    """

    def __init__(self, polygon) -> None:
        import shapely

        self._polygon = polygon
        self._is_detailed = shapely.get_num_coordinates(polygon) > DETAILED_VERTICES

    def contains(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return which points, all within the bounds, lie inside or on the boundary."""
        if not self._is_detailed:
            return self._compare(x, y)
        run, is_free, holds = self._runs
        cell = self._cell(y, 1), self._cell(x, 0)
        inside = holds[run[cell]]
        edged = np.flatnonzero(~is_free[cell])
        inside[edged] = self._compare(x[edged], y[edged])
        return inside

    def _compare(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        import shapely

        shapely.prepare(self._polygon)
        return shapely.intersects_xy(self._polygon, x, y)

    @cached_property
    def _frame(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower left corner of the grid, and the size of a cell."""
        west, south, east, north = self._polygon.bounds
        return np.array([west, south]), np.array([east - west, north - south]) / GRID_CELLS

    def _cell(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Return the columns (axis 0) or rows of coordinates; they never decrease with these."""
        corner, size = self._frame
        return np.clip(((values - corner[axis]) / size[axis]).astype(np.int64), 0, GRID_CELLS - 1)

    @cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The run of each cell, which cells are free of edges, and which runs are inside."""
        import shapely

        x, y = shapely.get_coordinates(self._polygon).T
        columns, rows = self._cell(x, 0), self._cell(y, 1)
        # The corners of the boxes round all edges; summed up, how many boxes hold each cell.
        left, right = np.minimum(columns[1:], columns[:-1]), np.maximum(columns[1:], columns[:-1])
        low, high = np.minimum(rows[1:], rows[:-1]), np.maximum(rows[1:], rows[:-1])
        boxes = np.zeros((GRID_CELLS + 1, GRID_CELLS + 1), np.int64)
        for row, column, sign in (
            *((low, left, 1), (low, right + 1, -1)),
            *((high + 1, left, -1), (high + 1, right + 1, 1)),
        ):
            np.add.at(boxes, (row, column), sign)
        is_free = boxes.cumsum(0).cumsum(1)[:-1, :-1] == 0
        begins = np.ones_like(is_free)
        begins[:, 1:] = is_free[:, 1:] != is_free[:, :-1]
        run = begins.ravel().cumsum().reshape(is_free.shape) - 1
        corner, size = self._frame
        row, column = np.nonzero(begins)
        centre_x, centre_y = corner[0] + (column + 0.5) * size[0], corner[1] + (row + 0.5) * size[1]
        holds = np.zeros(len(row), dtype=bool)
        free = is_free[row, column]
        holds[free] = self._compare(centre_x[free], centre_y[free])
        return run, is_free, holds
