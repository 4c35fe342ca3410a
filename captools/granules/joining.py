"""The beams of a granule one after another, as one table."""

import numpy as np

from captools.flat.table import Table
from captools.granules.granule import Granule
from captools.products import identity_column, identity_dtype


def joined(granule: Granule, parts: list[Table], rows_in: int) -> Table:
    """Return the rows of all beams, one after another; what differs becomes columns or a table.

    Columns that a beam lacks are left out: the missing ones were warned of.
    """
    if len({part.attrs["crs"] for part in parts}) > 1:
        raise granule.error("beams", "lie in both hemispheres: choose one projection (-p)")
    shared = [name for name in parts[0].columns if all(name in p.columns for p in parts)]
    whole = Table(
        {name: np.concatenate([part.columns[name] for part in parts]) for name in shared},
        {name: parts[0].column_attrs[name] for name in shared},
        {"crs": parts[0].attrs["crs"], "rows_in": rows_in},
    )
    known = granule.numbers
    for name in (*known, *granule.product.track_numbers):
        values = [known.get(name, part.attrs.get(name)) for part in parts]
        whole.columns[name] = np.repeat(
            np.array(values, identity_dtype(name)), [part.rows for part in parts]
        )
        whole.column_attrs[name] = identity_column(name).attributes
    for name in ("beam", "beam_type", *granule.product.track_numbers, "rows_in"):
        values = [part.attrs[name] for part in parts if name in part.attrs]
        if values and isinstance(values[0], str):
            whole.private[f"beams/{name}"] = np.array([value.encode() for value in values])
        elif values:
            whole.private[f"beams/{name}"] = np.array(values, dtype="i8")
    whole.private["beams/rows"] = np.array([part.rows for part in parts], dtype="i8")
    return whole
