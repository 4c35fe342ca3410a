"""Finding outliers: rows far from those around them in space and time."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from captools.flat.buckets import Buckets
from captools.flat.table import Table
from captools.geo import select, surfaces

BUCKET_ROWS = 1 << 18  # whose outliers are found together
CELL_KM = 3.0
WIDEST_CELLS = 10  # from the middle of a cell: beyond, each row would count for too many cells
DETRENDS = ("none", "plane", "median")


@dataclass(frozen=True)
class Outliers:
    """What an outlier is, and in which column."""

    column: str
    cell: float | None = None  # km; by default the radius, or `CELL_KM`
    radius: float | None = None  # km
    window: float = 0.5  # years
    nmad: float = 10.0
    max_abs: float | None = None  # in the units of the column
    detrend: str = "none"
    min_obs: int = 25
    sparse: str = "keep"  # or "drop"

    def __post_init__(self) -> None:
        """Settle the cell; ValueError if a value is none of those allowed."""
        object.__setattr__(self, "cell", self.cell or self.radius or CELL_KM)
        right = (
            *(self.cell >= 0.01, self.window >= 1e-3, self.nmad > 0, self.min_obs >= 1),
            *(self.max_abs is None or self.max_abs > 0, self.detrend in DETRENDS),
            self.sparse in ("keep", "drop"),
        )
        if not all(right):
            raise ValueError(f"outliers cannot be found with {self.options()}")
        if self.radius is not None and not (
            self.cell / np.sqrt(2) <= self.radius <= self.cell * WIDEST_CELLS
        ):
            raise ValueError(
                f"a radius of {self.radius:g} km does not go with cells of {self.cell:g} km: it "
                f"reaches their corners, and at most {WIDEST_CELLS} cells"
            )

    @classmethod
    def of(cls, column: str | None, **options: object) -> "Outliers | None":
        """Return what options ask for, None if nothing; those that are None have their default.

        Raises
        ------
        ValueError
            If an option is wrong, or there is no column to find outliers in.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if column is None and given:
            words = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"{words}: say with --outliers of which column")
        return cls(column, **given) if column is not None else None

    def options(self) -> dict[str, object]:
        """Return the options for the header of a flat file."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None and (name, value) != ("detrend", "none")
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it takes to find them."""
        return ("x", "y", "t_year", self.column)


class Cells:
    """The rows of a file by cells, on disk.

    The rows of a cell are needed together, and may be anywhere in the file: all of them go
    to one bucket, and there are as many buckets as keep each small. With a radius, a row
    goes to all cells around whose middle it lies.

    Parameters
    ----------
    folder : Path
        Where there is room.
    outliers : Outliers
        What is to be found.
    rows : int
        Of the file.
    """

    def __init__(self, folder: Path, outliers: Outliers, rows: int) -> None:
        self._outliers = outliers
        self._width = outliers.cell * 1e3
        self._radius = (outliers.radius or 0.0) * 1e3
        copies = max(1.0, np.pi * (self._radius / self._width) ** 2)
        # An odd number: else only the low bits of a cell, its time, could choose a bucket.
        self._count = int(rows * copies) // BUCKET_ROWS | 1
        self._buckets = Buckets(folder)

    def __enter__(self) -> "Cells":
        self._buckets.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._buckets.__exit__(*exception)

    def add(self, first: int, kept: np.ndarray, *values: np.ndarray) -> None:
        """Add the rows of a block that are kept so far, and have a place, a time and a value.

        Parameters
        ----------
        first : int
            The number of the first row in the file.
        kept : array of bool, shape (rows,)
            Which rows count.
        *values : arrays, shape (rows,)
            The columns of `Outliers.columns`; NaN where there is no value.
        """
        values = tuple(column.astype("f8") for column in values)
        known = np.flatnonzero(kept & np.isfinite(values).all(axis=0))
        x, y, t_year, value = (column[known] for column in values)
        if not self._radius:
            self._add(known + first, x, y, (x, y, t_year, value), True)
            return
        own = True
        for points, of_x, of_y in select.around(x, y, self._width, self._radius):
            there = tuple(column[points] for column in (x, y, t_year, value))
            self._add(known[points] + first, of_x, of_y, there, own)
            own = False

    def _add(
        self,
        row: np.ndarray,
        of_x: np.ndarray,
        of_y: np.ndarray,
        values: tuple[np.ndarray, ...],
        own: bool,
    ) -> None:
        """Add rows to the cells of some places; `own`: the rows lie in them."""
        x, y, t_year, value = values
        cell = select.cells(of_x, of_y, t_year, self._width, self._outliers.window)
        columns = {"row": row, "cell": cell, "value": value}
        if self._radius:
            columns["own"] = np.full(len(row), own)
        if self._outliers.detrend != "none":
            columns |= {"x": x, "y": y}
        self._buckets.add(cell % self._count, columns)

    def outlying(self) -> Iterator[tuple[np.ndarray, str]]:
        """Yield the numbers of rows that go, and why."""
        for key, rows_there in sorted(self._buckets.rows.items()):
            for table in self._buckets.blocks(key, rows_there):
                yield from self._judged(table)

    def _judged(self, table: Table) -> Iterator[tuple[np.ndarray, str]]:
        columns, outliers = table.columns, self._outliers
        most = np.inf if outliers.max_abs is None else outliers.max_abs
        far, observations = select.far_from_median(
            self._detrended(columns), columns["cell"], outliers.nmad, most
        )
        sparse = observations < outliers.min_obs
        own = columns.get("own", True)
        yield columns["row"][far & ~sparse & own], "outliers"
        if outliers.sparse == "drop":
            yield columns["row"][sparse & own], "sparse cells"

    def _detrended(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Return how far the values of cells lie above their surface."""
        value = columns["value"]
        if self._outliers.detrend == "none":
            return value
        place = columns["x"], columns["y"], value, columns["cell"]
        if self._outliers.detrend == "plane":
            return surfaces.above_plane(*place)
        return surfaces.above_medians(*place, self._width)
