"""Relief by light from the north-west: of a map's own pixels, or of a grid below it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.maps.grids import on_canvas, opened
from captools.maps.raster import Canvas

if TYPE_CHECKING:
    from rasterio import DatasetReader

OWN = "map"  # what the option says for the relief of the map itself
LIGHT = np.array([-0.5, 0.5, np.sqrt(0.5)])  # east, north, up: from the north-west, 45° high
FLAT = LIGHT[2]
STEEP = 95  # percentile of the slopes of a map that is drawn as 45°
DARKEST = 0.45


def illumination(heights: np.ndarray) -> np.ndarray:
    """Return how bright slopes are, from 0 to 1: 0.5 where it is flat, or no neighbour is known.

    Parameters
    ----------
    heights : array of float, shape (height, width)
        The first row in the north; NaN where nothing is known.

    Examples
    --------
    >>> bool(illumination(np.array([[0.0, 1.0, 2.0]] * 3))[1, 1] > 0.5)  # it looks to the west
    True
    >>> illumination(np.full((3, 3), 7.0))[1, 1].item()
    0.5
    """
    if min(heights.shape) < 2:
        return np.full(heights.shape, 0.5)
    south, east = np.gradient(heights)
    slopes = np.hypot(south, east)
    known = np.isfinite(slopes)
    if not known.any():
        return np.full(heights.shape, 0.5)
    scale = np.percentile(slopes[known], STEEP) or 1.0
    normal = np.stack([-east / scale, south / scale, np.ones_like(east)])
    bright = np.maximum(np.tensordot(LIGHT, normal, 1) / np.linalg.norm(normal, axis=0), 0.0)
    shaded = np.where(bright < FLAT, bright / FLAT, 1 + (bright - FLAT) / (1 - FLAT)) / 2
    return np.where(known, shaded, 0.5)


def lit(picture: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Return a picture (bytes, shape (height, width, 4)) with the light on its own heights."""
    from matplotlib.colors import LightSource

    colours = LightSource().blend_overlay(
        picture[..., :3] / 255, 0.2 + 0.6 * illumination(heights)[..., None]
    )
    return np.dstack([np.rint(255 * colours).astype(np.uint8), picture[..., 3]])


def below(path: str | Path, canvas: Canvas, crs: str) -> np.ndarray:
    """Return the grey relief of a grid, in any CRS, on the pixels of a map.

    Returns
    -------
    array of uint8, shape (height, width, 4)
        Transparent where the grid knows no height.

    Raises
    ------
    ValueError
        If the file cannot be read, or does not name its CRS.
    """
    with _opened(path) as file:
        heights = on_canvas(file, canvas, crs, "bilinear")
    grey = np.rint(255 * (DARKEST + (1 - DARKEST) * illumination(heights)))
    opacity = np.where(np.isfinite(heights), 255, 0)
    return np.dstack([grey, grey, grey, opacity]).astype(np.uint8)


def check(path: str) -> None:
    """Raise ValueError if there is no relief of this name."""
    if path != OWN:
        _opened(path).close()


def _opened(path: str | Path) -> "DatasetReader":
    """Return the grid of a file, which names its CRS."""
    name = f"hillshade {path}"
    if not Path(path).exists():
        raise ValueError(f"{name}: does not exist ({OWN!r} is the relief of the map itself)")
    file = opened(name, path)
    if file.crs is None:
        file.close()
        raise ValueError(f"{name}: does not name its CRS")
    return file
