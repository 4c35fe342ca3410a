"""Points of several categories: what tells them apart, and how many of each a pixel has."""

import numpy as np

from captools.errors import InputError
from captools.flat.reader import FlatFile
from captools.geo.time import decimal_year
from captools.maps.raster import Canvas

YEAR = "year"
MOST = 24  # categories: more cannot be told apart
WORDS = {"is_asc": {False: "descending", True: "ascending"}}


def check_category(file: FlatFile, name: str) -> None:
    """Raise InputError if neither columns nor the header of a file say what its points are."""
    needed = "t_gps" if name == YEAR else name
    if needed not in file.columns and (name == YEAR or name not in file.header):
        file.check_columns([needed])


def read_category(file: FlatFile, name: str, rows: slice) -> np.ndarray:
    """Return the category of rows: a column, the year, or what the header says of the file.

    NaN if nothing says it.
    """
    if name in file.columns:
        return file.read_known(name, rows)
    if name == YEAR:
        return np.floor(decimal_year(file.read("t_gps", rows)))
    if name in file.identity_names:
        return file.take(name, rows)
    return np.full(rows.stop - rows.start, file.header.get(name, np.nan))


def category_name(name: str, value: object) -> str:
    """Return what a category is called, of those that `name` tells apart."""
    plain = f"{value:g}" if isinstance(value, float) else str(value)
    return WORDS.get(name, {}).get(value, plain)


class Categories:
    """Counts of each pixel and category, to which the points of one file after another add.

    Parameters
    ----------
    canvas : Canvas
        The pixels.
    name : str
        What tells the categories apart.

    Examples
    --------
    >>> parts = Categories(Canvas(0.0, 2.0, 0.0, 1.0, 2, 1), "cycle")
    >>> parts.add(np.array([0.5, 1.5, 1.6]), np.full(3, 0.5), np.array([4, 3, 3]))
    >>> parts.names, parts.counts().tolist()
    (['3', '4'], [[[0, 1], [2, 0]]])
    """

    def __init__(self, canvas: Canvas, name: str) -> None:
        self.canvas = canvas
        self.name = name
        self._counts: dict[object, np.ndarray] = {}

    def add(self, x: np.ndarray, y: np.ndarray, values: np.ndarray) -> None:
        """Add points; those without a category do not count.

        Raises
        ------
        InputError
            If there are too many categories.
        """
        pixel, inside = self.canvas.locate(x, y)
        found, which = np.unique(values[inside], return_inverse=True)
        self._check(len(found))  # before so many grids are made
        size = self.canvas.width * self.canvas.height
        for number, value in enumerate(found.tolist()):
            if value == value:  # NaN is none
                count = np.bincount(pixel[which == number], minlength=size)
                self._counts[value] = self._counts.get(value, 0) + count
        self._check()

    def packed(self) -> dict[object, tuple[np.ndarray, np.ndarray]]:
        """Return the pixels that have points of each category, and how many."""
        seen = {value: np.flatnonzero(count) for value, count in self._counts.items()}
        return {value: (pixel, self._counts[value][pixel]) for value, pixel in seen.items()}

    def join(self, packed: dict[object, tuple[np.ndarray, np.ndarray]]) -> None:
        """Add what others have packed; errors as `add`."""
        size = self.canvas.width * self.canvas.height
        for value, (pixel, count) in packed.items():
            self._counts.setdefault(value, np.zeros(size, np.int64))[pixel] += count
        self._check()

    def _check(self, count: int = 0) -> None:
        if max(count - 1, len(self._counts)) > MOST:  # one may be NaN
            raise InputError(f"--by {self.name}: has more than {MOST} values: draw it with --var")

    @property
    def names(self) -> list[str]:
        """What the categories are called, in order."""
        return [category_name(self.name, value) for value in sorted(self._counts)]

    def counts(self) -> np.ndarray:
        """Return the points of each pixel and category, shape (height, width, categories)."""
        ordered = [self._counts[value] for value in sorted(self._counts)]
        return np.stack(ordered, axis=-1).reshape(self.canvas.height, self.canvas.width, -1)
