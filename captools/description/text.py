"""Descriptions as lines of text: those of a file fill a screen at most."""

import json
from collections.abc import Iterable, Iterator

from captools.description.description import Described, Description, Statistics

COLUMNS = 30  # that are shown of a file; JSON has all
SHOWN = (
    *("rgt", "cycle", "region", "release", "beam", "beam_type", "spot", "sc_orient"),
    *("reference_frame", "tide_system", "applied", "height", "source", "sources", "rows_in"),
    *("tile", "overlap", "width", "height", "pixel", "world_file", "captools_version"),
    *("station", "receiver", "antenna", "interval", "times", "epochs", "compression", "left_out"),
    *("numbering", "days", "inputs", "fragments"),
    *("segment", "frequencies", "channels"),
)
_WIDTH = 17  # of a label


def lines(described: Description) -> Iterator[str]:
    """Yield what is said of a file, line by line."""
    yield described.path
    kind = " ".join(filter(None, (described.product, described.kind)))
    yield _line("kind", kind + (f", {size(described.size)}" if described.size is not None else ""))
    if described.rows is not None:
        yield _line("rows", f"{described.rows:,}")
    for track in described.tracks:
        spot = f", spot {track.spot}" if track.spot else ""
        type_ = f", {track.type}" if track.type else ""
        yield _line("", f"{track.name}: {track.rows:,}{type_}{spot}")
    yield from where_and_when(described)
    for step, options in described.history:
        yield _line("history", f"{step} {json.dumps(_chosen(options), sort_keys=True)}")
    said = {name: described.header[name] for name in SHOWN if name in described.header}
    if said:
        yield _line("header", ", ".join(f"{name} {_value(one)}" for name, one in said.items()))
    yield from columns(described.columns)


def where_and_when(described: Description) -> Iterator[str]:
    """Yield the lines of CRS, bounds, time span and direction, as far as they are known."""
    if described.crs:
        yield _line("crs", described.crs)
    if described.bounds_lonlat:
        west, east, south, north = described.bounds_lonlat
        yield _line("lon", f"{west:.4f} to {east:.4f}{' (over 180)' if west > east else ''}")
        yield _line("lat", f"{south:.4f} to {north:.4f}")
    if described.bounds_xy:
        xmin, xmax, ymin, ymax = described.bounds_xy
        yield _line("x", f"{xmin:.1f} to {xmax:.1f}")
        yield _line("y", f"{ymin:.1f} to {ymax:.1f}")
    if described.time:
        yield _line("time", " to ".join(described.time))
    if described.direction:
        yield _line("direction", described.direction)


def columns(found: tuple[Described, ...]) -> Iterator[str]:
    """Yield a table of columns, with their statistics if they have some."""
    if not found:
        return
    measured = any(one.statistics for one in found)
    head = ("column", "dtype", "units", *(("missing", "min", "mean", "max") if measured else ()))
    rows = [head, *(_row(one, measured) for one in found[:COLUMNS])]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        aligned = (
            cell.ljust(width) if at < 3 else cell.rjust(width)
            for at, (cell, width) in enumerate(cells)
        )
        yield f"  {'  '.join(aligned).rstrip()}"
    if len(found) > COLUMNS:
        yield f"  and {len(found) - COLUMNS:,} more (--json has all)"


def _row(one: Described, measured: bool) -> tuple[str, ...]:
    shape = f" {one.shape}" if one.shape is not None else ""
    cells = (one.name, one.dtype + shape, one.units)
    return cells + (_numbers(one.statistics) if measured else ())


def _numbers(found: Statistics | None) -> tuple[str, ...]:
    if found is None:
        return ("",) * 4
    values = (found.low, found.mean, found.high)
    return (f"{found.missing:,}", *("" if one is None else f"{one:.10g}" for one in values))


def size(count: int) -> str:
    """Return a number of bytes in the unit that fits.

    Examples
    --------
    >>> size(1), size(2_500_000)
    ('1 byte', '2.5 MB')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} byte{'s' * (count != 1)}"


def _chosen(options: object) -> object:
    """Return the options of a step less those that are not given; JSON has all."""
    if not isinstance(options, dict):
        return options
    return {name: value for name, value in options.items() if value not in (None, False)}


def _value(value: object) -> str:
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def _line(label: str, words: str) -> str:
    return f"  {label:{_WIDTH}}{words}"


def table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield lines of a label and what there is to say."""
    yield from (_line(label, words) for label, words in rows)
