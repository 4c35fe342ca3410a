"""Points laid out on disk so that any view of them is folded into pixels within a moment.

The columns lie in temporary files without a name, bare and in the order of the inputs, and are
mapped into memory. For each stretch of rows it is known where its points are, so that a view reads
only what is near; the fold is compiled and takes all cores. Every view is exact.
"""

import tempfile
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import numpy as np

from captools.errors import InputError, OutputError
from captools.maps.raster import AGGREGATES, Aggregate, Canvas
from captools.process import workers

STRETCH_ROWS = 1 << 12  # read or left alone together: some 80 km of a ground track
THREADS = 8  # at most: each has pixels of its own
MEAN, COUNT, MIN, MAX, STD = range(len(AGGREGATES))
CODES = "year and direction"
YEAR, PASS = "t_year", "pass"  # of single points; not read by views
EDGES = np.minimum, np.maximum
DIRECTIONS = ("both", "ascending", "descending")


@dataclass(frozen=True)
class Pixels:
    """What a view shows: arrays of shape (height, width), the first row in the north."""

    values: np.ndarray  # NaN where no point is
    count: np.ndarray


class _Columns:
    """Columns that grow in temporary files, which go with the process, however it ends.

    A context: when it is left, columns that were mapped stay, the others are gone.
    """

    def __init__(self) -> None:
        self._files: dict[str, BinaryIO] = {}
        self._dtypes: dict[str, np.dtype] = {}

    def __enter__(self) -> "_Columns":
        return self

    def __exit__(self, *exception: object) -> None:
        for file in self._files.values():
            file.close()

    def append(self, name: str, values: np.ndarray) -> None:
        if name not in self._files:
            self._files[name] = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
            self._dtypes[name] = values.dtype
        self._files[name].write(np.ascontiguousarray(values, self._dtypes[name]))

    def mapped(self) -> dict[str, np.ndarray]:
        for file in self._files.values():
            file.flush()
        return {
            name: np.asarray(np.memmap(file, self._dtypes[name], "r"))
            for name, file in self._files.items()
        }


class PointCache:
    """Points with columns, directions and years.

    Parameters
    ----------
    blocks : iterable of dict of str to array
        The points, piece by piece: x, y, the columns named, and, where these are known,
        ``is_asc`` (bool), ``t_year`` (decimal years) and ``pass`` (a number from 0). Points
        without a place are left out.
    names : collection of str
        The columns that can be shown; kept as floats, single ones where these hold the dtype.

    Raises
    ------
    InputError
        If there are no points, or a column has no value.
    OutputError
        If the temporary files cannot be written.

    Examples
    --------
    >>> x, h = np.array([0.5, 0.7, 1.5]), np.array([1.0, 3.0, 5.0])
    >>> cloud = PointCache([{"x": x, "y": np.zeros(3), "h": h}], ["h"])
    >>> cloud.view(Canvas(0.0, 2.0, 0.0, 1.0, 2, 1), "h", "mean").values
    array([[2., 5.]])
    """

    def __init__(self, blocks: Iterable[dict[str, np.ndarray]], names: Collection[str]) -> None:
        self.rows = 0
        self._names = list(names)
        self._known: dict[str, bool] = dict.fromkeys(names, False)  # whether there is a value
        self._codes: set[int] = set()
        self._starts, self._boxes, self._numbers = [], [], []
        try:
            with _Columns() as columns:
                for block in blocks:
                    self._add(block, columns)
                if not self.rows:
                    raise InputError("nothing to draw: no point lies there")
                self._columns = columns.mapped()
        except OSError as error:
            raise OutputError(
                f"{tempfile.gettempdir()}: {error.strerror} (TMPDIR names another folder for "
                "temporary files)"
            ) from None
        if empty := [name for name, known in self._known.items() if not known]:
            raise InputError(f"nothing to draw: no point has a value of {', '.join(empty)}")
        self._starts = np.concatenate(self._starts)
        self._stops = np.append(self._starts[1:], self.rows)
        self._boxes = np.concatenate(self._boxes, axis=1)
        self._numbers = np.concatenate(self._numbers, axis=1) if self.has(PASS) else None

    def _add(self, block: dict[str, np.ndarray], columns: _Columns) -> None:
        placed = np.isfinite(block["x"]) & np.isfinite(block["y"])
        if not placed.all():
            block = {name: values[placed] for name, values in block.items()}
        rows = len(block["x"])
        if not rows:
            return
        codes = _codes(block)
        columns.append(CODES, codes)
        for name in ("x", "y"):
            columns.append(name, block[name].astype(np.float64, copy=False))
        for name in self._names:
            values = block[name]
            columns.append(f"value of {name}", values.astype(np.result_type(values, np.float32)))
            self._known[name] = self._known[name] or bool(np.isfinite(values).any())
        if YEAR in block:
            columns.append(YEAR, block[YEAR].astype(np.float64, copy=False))
        self._codes.update(np.unique(codes).tolist())
        starts = np.arange(0, rows, STRETCH_ROWS)
        if PASS in block:
            columns.append(PASS, block[PASS])
            self._numbers.append([edge.reduceat(block[PASS], starts) for edge in EDGES])
        self._boxes.append(
            [edge.reduceat(block[name], starts) for name in ("x", "y") for edge in EDGES]
        )
        self._starts.append(starts + self.rows)
        self.rows += rows

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Where the points lie: xmin, xmax, ymin, ymax."""
        low, high = self._boxes.min(axis=1), self._boxes.max(axis=1)
        return float(low[0]), float(high[1]), float(low[2]), float(high[3])

    @property
    def years(self) -> list[int]:
        """The years in which there are points; those of unknown time have none."""
        return sorted({code >> 1 for code in self._codes} - {0})

    def has(self, name: str) -> bool:
        """Return whether all points have such a column."""
        return name in self._columns

    def column(self, name: str) -> np.ndarray:
        """Return a column of all points, mapped into memory: x, y, "value of NAME", and others."""
        return self._columns[name]

    def near(
        self, edges: tuple[float, float, float, float], number: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return where the stretches of rows start and stop that may hold certain points.

        Parameters
        ----------
        edges : (xmin, xmax, ymin, ymax)
            Where they are.
        number : int, optional
            The pass that they are of.
        """
        xmin, xmax, ymin, ymax = self._boxes
        near = (xmin <= edges[1]) & (xmax >= edges[0]) & (ymin <= edges[3]) & (ymax >= edges[2])
        if number is not None:
            low, high = self._numbers
            near &= (low <= number) & (high >= number)
        return self._starts[near], self._stops[near]

    def view(
        self,
        canvas: Canvas,
        name: str,
        kind: str,
        direction: str = "both",
        years: Collection[int] | None = None,
    ) -> Pixels:
        """Fold the points into the pixels of a canvas.

        Parameters
        ----------
        canvas : Canvas
            The pixels.
        name : str
            The column; points without a finite value of it do not count.
        kind : {"mean", "count", "min", "max", "std"}
            What is asked of the points of a pixel.
        direction : {"both", "ascending", "descending"}
            Which points.
        years : collection of int, optional
            The points of which years, by default of all and of unknown time.
        """
        starts, stops = self.near((canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax))
        columns = "x", "y", f"value of {name}", CODES
        points = tuple(self._columns[column] for column in columns)
        wanted, number = wanted_codes(direction, years), AGGREGATES.index(kind)
        edges = np.array([canvas.xmin, canvas.xmax, canvas.ymin, canvas.ymax])
        view = edges, canvas.width, canvas.height

        def fold(part: np.ndarray) -> Aggregate:
            total = Aggregate(canvas, kind)
            sums = total.count, total.first, total.second
            _compiled()(points, wanted, (starts[part], stops[part]), view, number, sums)
            return total

        parts = np.array_split(np.arange(len(starts)), min(THREADS, workers()))
        with ThreadPoolExecutor(len(parts)) as pool:
            total, *others = pool.map(fold, parts)
        for other in others:
            total.join(slice(None), other.count, other.first, other.second)
        return Pixels(total.values(), total.count.reshape(canvas.height, canvas.width))


def _codes(block: dict[str, np.ndarray]) -> np.ndarray:
    """Return year and direction of points in one number: twice the year, 1 more if ascending."""
    year = np.zeros(len(block["x"]), np.uint16)
    if "t_year" in block:
        years = np.floor(block["t_year"])
        known = (years > 0) & (years < 1 << 15)
        year[known] = years[known]
    ascending = block.get("is_asc")
    return year * 2 if ascending is None else year * 2 + ascending.astype(np.uint16)


def wanted_codes(direction: str, years: Collection[int] | None) -> np.ndarray:
    """Return for every code whether its points are to be shown."""
    code = np.arange(1 << 16)
    wanted = np.ones(len(code), bool) if years is None else np.isin(code >> 1, list(years))
    if direction == "both":
        return wanted
    return wanted & ((code & 1) == (direction == "ascending"))


# --- the fold -------------------------------------------------------------------


def _fold(points, wanted, stretches, canvas, kind, sums):
    """Add the points of stretches of rows to the sums of an `Aggregate`.

    It is what `Aggregate.add` does, point by point, for the compiler, which knows arrays,
    tuples and numbers only.

    Parameters
    ----------
    points : (x, y, values, codes), arrays of shape (rows,)
        All points.
    wanted : array of bool, shape (65536,)
        For every code, whether its points count.
    stretches : (starts, stops), arrays of int
        Rows.
    canvas : (edges, width, height)
        The pixels of a `Canvas`; edges are an array of xmin, xmax, ymin, ymax.
    kind : int
        Place in `AGGREGATES`.
    sums : (count, first, second)
        The arrays of an `Aggregate`, which are added to.
    """
    x, y, values, codes = points
    starts, stops = stretches
    (xmin, xmax, ymin, ymax), width, height = canvas
    count, first, second = sums
    across, up = 1 / ((xmax - xmin) / width), 1 / ((ymax - ymin) / height)
    for stretch in range(len(starts)):
        for at in range(starts[stretch], stops[stretch]):
            value = values[at]
            if not (xmin <= x[at] <= xmax and ymin <= y[at] <= ymax and wanted[codes[at]]):
                continue
            if not np.isfinite(value):
                continue
            column = min(int((x[at] - xmin) * across), width - 1)
            row = min(int((y[at] - ymin) * up), height - 1)
            pixel = (height - 1 - row) * width + column
            count[pixel] += 1
            if kind == MEAN:
                first[pixel] += value
            elif kind == MIN:
                first[pixel] = min(first[pixel], value)
            elif kind == MAX:
                first[pixel] = max(first[pixel], value)
            elif kind == STD:
                apart = value - first[pixel]
                first[pixel] += apart / count[pixel]
                second[pixel] += apart * (value - first[pixel])


@lru_cache(maxsize=1)
def _compiled():
    """Return the fold in machine code, which lets go of the interpreter."""
    import numba

    return numba.njit(nogil=True)(_fold)
