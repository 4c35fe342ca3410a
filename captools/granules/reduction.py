"""Reducing a granule to flat files: the same for every along-track product."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from captools.bounds import Bounds
from captools.errors import CaptoolsWarning, InputError
from captools.flat.legacy import DIALECTS, choose_columns
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.geo import coords, domain
from captools.geo.time import decimal_year
from captools.granules.granule import Beam, Granule
from captools.granules.header import (
    beam_attributes,
    extent,
    granule_attributes,
    provenance,
    unidentified,
)
from captools.granules.joining import joined
from captools.granules.options import ReadOptions
from captools.granules.selection import crs_of, select_rows
from captools.io.address import Url, file_name
from captools.io.atomic import Outputs, check_outputs
from captools.io.hdf5 import REMEDY
from captools.products import DERIVED, Column, Product
from captools.progress import counted


def reduce_granule(
    path: str | Path | Url, outdir: str | Path, product: Product, step: str, request: ReadOptions
) -> Outputs:
    """Write one flat file for each beam of a granule, or one for all (``layout``).

    With ``split`` it is two: ascending and descending. They go to a subfolder by cycle (``by``).

    Returns
    -------
    Outputs
        The paths, none if no row is kept.

    Raises
    ------
    ValueError
        If the output would take the place of the granule.
    InputError
        If the granule cannot be used; then nothing is written.
    OutputError
        If the folder cannot be written to; then nothing is left there.
    """
    if request.layout == "granule":
        check_outputs([Path(outdir)], [path])
    check_request(product, request)
    columns = choose_columns(product, request.variables)
    subfolder = _subfolder(path, product) if request.by else ""
    batch = FlatWriter(outdir, request.compression, subfolder)
    with Granule(path, product) as granule, batch:
        common = granule_attributes(granule) | provenance(granule, step, request)
        missing: dict[str, list[str]] = {}
        misplaced, missed = 0, []
        together: dict[str, list[Table]] = {}
        for beam in granule.beams():
            batch.written.rows_in += beam.length
            table, bounds = read_beam(beam, columns, request, missing)
            if table is None:
                missed.append(bounds)
                continue
            misplaced += _misplaced(table, product, request)
            for leg, part in _legs(table) if request.split else [("", table)]:
                if request.layout == "granule":
                    together.setdefault(leg, []).append(part)
                else:
                    name = output_name(granule.path.name, beam.name, leg)
                    batch.write(name, _finished(part, common, product, request))
        for leg, parts in together.items():
            name = output_name(granule.path.name, "", leg)
            batch.write(
                name,
                _finished(joined(granule, parts, batch.written.rows_in), common, product, request),
            )
        if not batch.written and all(missed):
            for bounds in missed:
                batch.written.missed.include(bounds)
        granule.check_unchanged()
        _warn_of_missing(granule, missing)
        if unknown := unidentified(granule):
            _warn(
                f"{granule.path.name}: left out, being neither in the file nor in its name: "
                f"{', '.join(unknown)}"
            )
        if misplaced:
            _warn(f"{granule.path.name}: {domain.warning(misplaced, request.crs)}")
    return batch.written


def read_beam(
    beam: Beam, columns: Iterable[Column], request: ReadOptions, missing: dict[str, list[str]]
) -> tuple[Table | None, Bounds]:
    """Return the rows of a beam that are kept, with their header, and what `select_rows` does.

    The table is None if no row is kept.

    Parameters
    ----------
    beam : Beam
        The beam.
    columns : iterable of Column
        What to read of it.
    request : ReadOptions
        Which rows, and how.
    missing : dict
        Takes the columns that the beam lacks, with its name.

    Raises
    ------
    InputError
        If the beam cannot be used.
    """
    rows, bounds = select_rows(beam, request)
    if not len(rows):
        return None, bounds
    product = beam.granule.product
    if product.order:  # directions take all latitudes: else those of the rows would be read twice
        beam.whole(product.lat)
    table = _table(beam, rows, _present(beam, columns, request, missing))
    crs = crs_of(beam, request)
    _derive(table, beam, rows, crs)
    table.attrs = beam_attributes(beam, crs)
    return table, bounds


def check_request(product: Product, request: ReadOptions) -> None:
    """Raise ValueError if something is wanted that the product does not have."""
    choose_columns(product, request.variables)
    product.rule(request.quality)
    if request.split:
        product.check_direction()
    if request.segment_tolerance is not None:
        product.check_slopes()
    if request.by:
        product.check_cycle()


def _subfolder(path: str | Path | Url, product: Product) -> str:
    """Return where in the output folder the outputs of a granule go by cycle."""
    cycle = product.parse_name(file_name(os.fspath(path))).cycle
    if not cycle:
        raise InputError(f"{path}: the name does not say the cycle that --by cycle needs")
    return f"cycle_{cycle:02d}"


def output_name(granule: str, beam: str, leg: str) -> str:
    """Return the file name of an output, of one beam or (``""``) of all."""
    return f"{granule.removesuffix('.h5')}{beam and '_'}{beam}{leg}.h5"


def _finished(table: Table, common: dict, product: Product, request: ReadOptions) -> Table:
    """Return a table with the rest of its header, in the dialect asked for."""
    table.attrs |= common | extent(table.columns, product)
    if product.height in table.columns:
        names = DIALECTS[request.dialect]
        table.attrs["height"] = names.get(product.height, product.height)
    return table.renamed(DIALECTS[request.dialect])


def output_names(granule: str, product: Product, by: str | None) -> list[str]:
    """Return the names that the outputs of a granule can have, with whatever other options.

    With `by` those in the subfolder, too, and not else: it may be of another run.
    """
    tracks = dict.fromkeys(["", *product.tracks])
    names = [output_name(granule, track, leg) for track in tracks for leg in ("", "_A", "_D")]
    if by and product.parse_name(granule).cycle:
        names += [f"{_subfolder(granule, product)}/{name}" for name in names]
    return names


# --- columns ------------------------------------------------------------------


def _present(
    beam: Beam, columns: Iterable[Column], request: ReadOptions, missing: dict[str, list[str]]
) -> list[Column]:
    """Return the columns to read; those the beam lacks go to `missing`, or raise when strict."""
    present = []
    for column in columns:
        if request.strict or beam.has(column):
            present.append(column)
        else:
            missing.setdefault(column.name, []).append(beam.name)
    return present


def _table(beam: Beam, rows: np.ndarray, columns: list[Column]) -> Table:
    """Return the rows of the columns, as the granule has them."""
    table = Table({})
    beam.fetch_ahead(columns, rows)
    for column in columns:
        table.columns[column.name] = beam.take(column, rows)
        table.column_attrs[column.name] = beam.attributes(column)
    return table


def _derive(table: Table, beam: Beam, rows: np.ndarray, crs: str) -> None:
    """Add the columns that the granule does not have."""
    product = beam.granule.product
    time = product.column(product.time)
    t_gps = product.gps(beam.take(time, rows), beam.granule.identity.epoch)
    t_year = decimal_year(t_gps)
    _check_place_and_time(beam, table.columns, t_year)
    if product.order == product.time:
        _check_order(beam, t_gps)
    x, y = coords.project(table.columns[product.lon], table.columns[product.lat], crs)
    derived = {
        "x": x,
        "y": y,
        "t_gps": t_gps,
        "t_year": t_year,
    }
    if product.order:
        derived["is_asc"] = _ascending(beam)[rows]
    if outside := np.count_nonzero(np.isnan(x)):
        where = f"{beam.granule.path.name}: {beam.name}"
        _warn(f"{where}: {counted(outside, 'point')} outside the domain of {crs}")
    table.columns |= derived
    for column in DERIVED:
        if column.name in derived:
            table.column_attrs[column.name] = column.attributes
    for name in ("x", "y"):
        table.column_attrs[name]["units"] = coords.crs_unit(crs)


def _misplaced(table: Table, product: Product, request: ReadOptions) -> int:
    """Return how many points lie far outside the area of use of a CRS that was asked for."""
    if request.crs == "auto":  # that of their hemisphere, as the help says
        return 0
    return domain.outside(table.columns[product.lon], table.columns[product.lat], request.crs)


def _check_place_and_time(beam: Beam, columns: dict[str, np.ndarray], t_year: np.ndarray) -> None:
    """Refuse what can only be damage: HDF5 guards values with checksums, but not their types."""
    product = beam.granule.product
    lat, lon = columns[product.lat], columns[product.lon]
    for name, possible in (
        (product.lat, np.abs(lat) <= 90),
        (product.lon, np.abs(lon) <= 360),
        (product.time, np.isfinite(t_year)),
    ):
        if not possible.all():
            raise beam.error(product.column(name), f"has impossible values; {REMEDY}")


def _check_order(beam: Beam, order: np.ndarray) -> None:
    product = beam.granule.product
    if np.any(np.diff(order) < 0):
        raise beam.error(product.column(product.order), "does not increase; the order is lost")


def _ascending(beam: Beam) -> np.ndarray:
    """Return for all segments of a beam whether they ascend, before anything is left out.

    Times are read only of a beam that turns; without a turn latitudes are enough.
    """
    one = slice(None, None, beam.repeat or 1)  # of the rows of a point
    ascending = _ascending_points(beam, beam.whole(beam.granule.product.lat)[one], one)
    return np.repeat(ascending, beam.repeat)


def _ascending_points(beam: Beam, lat: np.ndarray, one: slice) -> np.ndarray:
    product, region = beam.granule.product, beam.granule.identity.region
    known = np.abs(lat) <= 90
    placed = lat if known.all() else lat[known]
    if len(placed) > 1 and coords.turning_point(placed) is None:
        return known & (placed[-1] > placed[0])
    order = beam.whole(product.order)[one]
    known &= np.isfinite(order)
    _check_order(beam, order[known])
    if np.count_nonzero(known) > 1:
        ascending = np.zeros(len(lat), dtype=bool)
        ascending[known] = coords.is_ascending(lat[known], order[known])
        return ascending
    if region in (0, *product.turning_regions):
        _warn(
            f"{beam.granule.path.name}: {beam.name}: a single segment in region {region:02d} "
            "has no direction: taken as descending"
        )
    return np.full(len(lat), region in product.ascending_regions)


def _legs(table: Table) -> Iterable[tuple[str, Table]]:
    """Yield the ascending and the descending part of a beam, if there are any."""
    ascending = table.columns["is_asc"]
    for suffix, keep in (("_A", ascending), ("_D", ~ascending)):
        if keep.any():
            yield suffix, table.where(keep)


def _warn_of_missing(granule: Granule, missing: dict[str, list[str]]) -> None:
    """Warn once for a granule, however many columns and beams it concerns."""
    if missing:
        by_beams: dict[str, list[str]] = {}
        for name, beams in missing.items():
            by_beams.setdefault(" ".join(beams), []).append(name)
        which = "; ".join(
            f"{', '.join(names)} in {beams}" if beams else ", ".join(names)
            for beams, names in by_beams.items()
        )
        _warn(f"{granule.path.name}: columns missing and left out: {which}")


def _warn(message: str) -> None:
    warnings.warn(message, CaptoolsWarning, stacklevel=3)
