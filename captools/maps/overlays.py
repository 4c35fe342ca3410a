"""Lines to lay over a map: coasts, grounding lines, basins."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from captools.extras import require
from captools.geo import coords
from captools.geo.vectors import check_local, file_and_part, named_crs, read_shapes

PIECE = 256  # vertices that are left out, or thinned, together
STEP_DEGREES = 0.5  # a long line between two vertices is bent in another projection
STEP_METRES = 50_000.0
FARTHEST_DEGREES = 540.0, 90.001  # longitude and latitude


class Lines(NamedTuple):
    """Lines as a file has them."""

    lines: np.ndarray  # shapely's
    crs: str


class Overlay:
    """Lines in the CRS of a map.

    Parameters
    ----------
    found : Lines
        The lines, in any CRS; see `read`.
    crs : str
        Of the map.
    """

    def __init__(self, found: Lines, crs: str) -> None:
        import shapely

        pieces = [
            shapely.linestrings(line[start : start + PIECE + 1])
            for line in _projected(found, crs)
            for start in range(0, len(line) - 1, PIECE)
        ]
        self._pieces = np.array(pieces, object)
        self._bounds = shapely.bounds(self._pieces).T if pieces else np.zeros((4, 0))
        self._turns = (0.0, 360.0, -360.0) if _is_in_degrees(crs) else (0.0,)

    def within(self, edges: tuple[float, float, float, float], pixel: float) -> list[np.ndarray]:
        """Return the lines (arrays of shape (n, 2)) of a map, thinned to half a pixel.

        In degrees they are also there beyond the antimeridian.

        Parameters
        ----------
        edges : (xmin, xmax, ymin, ymax)
            Of the map.
        pixel : float
            Its width.
        """
        import shapely

        xmin, ymin, xmax, ymax = self._bounds
        west, east, south, north = edges
        found = []
        for turn in self._turns:
            near = (xmin + turn <= east) & (xmax + turn >= west) & (ymin <= north) & (ymax >= south)
            thinned = shapely.simplify(self._pieces[near], pixel / 2, preserve_topology=False)
            found += [shapely.get_coordinates(line) + np.array([turn, 0.0]) for line in thinned]
        return found


def check(path: str | Path) -> None:
    """Raise ValueError if a file cannot be laid over a map."""
    read(path)


def read(path: str | Path) -> Lines:
    """Return the lines, and the outlines of the polygons, of a vector file.

    Parameters
    ----------
    path : str or Path
        The file, in any CRS; or a layer of it, ``FILE:LAYER``.

    Raises
    ------
    ValueError
        If the file cannot be read, holds no lines, or does not name its CRS.
    """
    require("geo", "pyogrio", "shapely")
    import shapely

    name = f"overlay {path}"
    file, layer = file_and_part(name, Path(path))
    check_local(name, file)
    shapes, crs = read_shapes(name, "file of lines or polygons", file, layer)
    parts = shapely.get_parts(shapes)
    dimension = shapely.get_dimensions(parts)
    lines = np.concatenate([shapely.get_rings(parts[dimension == 2]), parts[dimension == 1]])
    lines = lines[~shapely.is_empty(lines)]
    if not len(lines):
        raise ValueError(f"{name}: holds neither lines nor polygons")
    own = named_crs(name, crs)
    farthest = np.abs(shapely.bounds(lines)).reshape(-1, 2).max(axis=0)
    if coords.crs_unit(own) == "degree" and (farthest > FARTHEST_DEGREES).any():
        raise ValueError(f"{name}: has places beyond 90 degrees: does it name its CRS?")
    return Lines(lines, own)


def _projected(found: Lines, crs: str) -> list[np.ndarray]:
    """Return the vertices of each line in the CRS of a map, cut where they have no place in it."""
    import shapely

    lines, own = found
    if coords.crs_unit(own) == "degree":
        parts = [part for line in lines for part in _without_seams(shapely.get_coordinates(line))]
        lines = shapely.segmentize([shapely.linestrings(part) for part in parts], STEP_DEGREES)
    elif crs not in ("unknown", own):
        lines = shapely.segmentize(lines, STEP_METRES / coords.metres(own))
    in_degrees = _is_in_degrees(crs)
    projected = []
    for line in lines:
        x, y = shapely.get_coordinates(line).T
        if crs != "unknown":
            x, y = coords.transform(x, y, own, crs)
        known = np.isfinite(x) & np.isfinite(y)
        cut = np.diff(known)
        if in_degrees:  # not from one edge of the map to the other
            cut |= np.abs(np.diff(x)) > 180
        cuts = np.flatnonzero(cut) + 1
        vertices = np.column_stack([x, y])
        parts = zip(np.split(vertices, cuts), np.split(known, cuts), strict=True)
        projected += [part for part, seen in parts if seen[:1].all() and len(part) > 1]
    return projected


def _is_in_degrees(crs: str) -> bool:
    return crs != "unknown" and coords.crs_unit(crs) == "degree"


def _without_seams(line: np.ndarray) -> list[np.ndarray]:
    """Return a line in degrees such that it never jumps by 360, cut where an area has a seam.

    Areas around a pole, or across the antimeridian, have edges along it that are no coast.
    """
    line = _with_parallels(line)
    lon = line[:, 0]
    on_seam = np.abs(lon) == 180
    seam = on_seam[:-1] & on_seam[1:]
    unwrapped = np.column_stack([np.unwrap(lon, period=360), line[:, 1]])
    return [part for part in np.split(unwrapped, np.flatnonzero(seam) + 1) if len(part) > 1]


def _with_parallels(line: np.ndarray) -> np.ndarray:
    """Return a line with more vertices on its edges, if it is a box of all longitudes."""
    if not (np.abs(line[:, 0]) == 180).all():
        return line
    whole = np.flatnonzero((np.diff(line[:, 0]) != 0) & (np.abs(line[1:, 1]) < 90))
    thirds = [line[at] + (line[at + 1] - line[at]) * part / 3 for at in whole for part in (1, 2)]
    return np.insert(line, np.repeat(whole + 1, 2), np.reshape(thirds, (-1, 2)), axis=0)
