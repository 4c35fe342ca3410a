"""The columns of flat files: those that come from a product, and those that every file has."""

from dataclasses import dataclass

AXES = ("n", "nk", "k")


@dataclass(frozen=True)
class Column:
    """One column of a flat file and where it comes from."""

    name: str
    path: str  # below the product's group; "" for what is computed
    units: str = ""
    long_name: str = ""
    other_paths: tuple[str, ...] = ()  # where other releases have it
    axis: str = "n"  # one value for each point, for each point and column, or for each column
    pick: int | None = None  # of a dataset (n, k), the number of the column that is taken
    map: str = ""  # of a dataset (m,), the path of the index (n,): which value each point has
    fill: float | None = None  # as stored, what stands for no value if the dataset names nothing
    formula: str = ""  # what it is computed from: names of other columns

    def __hash__(self) -> int:
        return hash(self.name)  # columns are looked up often, and few share a name

    @property
    def attributes(self) -> dict[str, str]:
        """What a flat file says of the column."""
        return {"units": self.units, "long_name": self.long_name}


DERIVED = (
    Column("x", "", "m", "projected x"),
    Column("y", "", "m", "projected y"),
    Column("t_gps", "", "seconds since 1980-01-06", "GPS time, without leap seconds"),
    Column("t_year", "", "year", "decimal year, UTC"),
    Column("is_asc", "", "1", "true where the satellite moves north"),
)
DERIVED_NAMES = tuple(column.name for column in DERIVED)

# What distinguishes the rows of several beams or granules in one file.
IDENTITY = (
    Column("rgt", "", "1", "reference ground track"),
    Column("cycle", "", "1", "repeat cycle"),
    Column("spot", "", "1", "ATLAS spot, odd ones strong; 0 unknown"),
)
IDENTITY_DTYPES = {"rgt": "i2", "cycle": "i2", "spot": "i1"}
_IDENTITY = {column.name: column for column in IDENTITY}


def identity_column(name: str) -> Column:
    """Return the column of one of the numbers that distinguish tracks, of any product."""
    return _IDENTITY.get(name, Column(name, "", "1", name))


def identity_dtype(name: str) -> str:
    """Return the dtype of such a column."""
    return IDENTITY_DTYPES.get(name, "i4")
