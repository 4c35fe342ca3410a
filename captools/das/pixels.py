"""Levels to pixels: means over boxes of time and channel, and their shades of grey.

A pixel is the mean of all levels whose box it is, by the share of each that lies in it; what is
missing or dead does not count, so a dead channel blanks no picture. Channels may come in parts: the
sums of all parts make the picture.
"""

import numpy as np

ROWS_AT_ONCE = 16  # of a picture


def boxes(values: int, pixels: int) -> np.ndarray:
    """Return the share of each value that lies in each pixel, both spread over one length.

    Parameters
    ----------
    values, pixels : int
        How many there are; either may be more.

    Returns
    -------
    array of float64, shape (pixels, values)
        Each row adds up to values / pixels, each column to one.

    Examples
    --------
    >>> boxes(3, 2)
    array([[1. , 0.5, 0. ],
           [0. , 0.5, 1. ]])
    """
    if values < 1 or pixels < 1:
        raise ValueError(f"{pixels} pixels of {values} values are no picture")
    # Counted in a pixel's part of a value, so that all edges are whole numbers.
    value, pixel = np.arange(values) * pixels, np.arange(pixels)[:, np.newaxis] * values
    common = np.minimum(value + pixels, pixel + values) - np.maximum(value, pixel)
    return np.maximum(common, 0) / pixels


def sums(
    levels: np.ndarray, times: np.ndarray, channels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each pixel has of levels, and how many that are.

    Parameters
    ----------
    levels : array of float32, shape (time, channel)
        Any channels of a window; what is not finite does not count.
    times : array of float64, shape (rows, time)
        Of `boxes`.
    channels : array of float64, shape (columns, channel)
        Those columns of `boxes` that are of these channels.

    Returns
    -------
    total, weight : arrays of float64, shape (rows, columns)
        To be added to those of the other channels; their ratio is the picture.
    """
    times = times.astype(np.float32)
    is_whole = np.isfinite(levels.sum(axis=0))  # of what is not finite, no sum is
    with np.errstate(invalid="ignore"):
        total = _product(times, levels)
    weight = np.outer(times.sum(axis=1), channels[:, is_whole].sum(axis=1))
    if not is_whole.all():
        some = levels[:, ~is_whole]
        is_there = np.isfinite(some)
        total[:, ~is_whole] = _product(times, np.where(is_there, some, np.float32(0)))
        weight += _product(times, is_there.astype(np.float32)) @ channels[:, ~is_whole].T
    return _product(channels, total.T.astype(float)).T, weight


def _product(boxes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return boxes @ values, of some rows at a time: each row has a few values that are near."""
    made = np.zeros((len(boxes), values.shape[1]), values.dtype)
    for row in range(0, len(boxes), ROWS_AT_ONCE):
        some = boxes[row : row + ROWS_AT_ONCE]
        touched = np.flatnonzero(some.any(axis=0))
        if touched.size:
            near = slice(touched[0], touched[-1] + 1)
            np.matmul(some[:, near], values[near], out=made[row : row + len(some)])
    return made


def means(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the picture of sums: float32, NaN where nothing is."""
    # Shares add up to a little more than nothing where something is: a billionth is rounding.
    is_there = weight > 1e-9
    picture = np.full(total.shape, np.nan, np.float32)
    np.divide(total, weight, out=picture, where=is_there, casting="same_kind")
    return picture


def limits(picture: np.ndarray, percent: float = 0.0) -> tuple[float, float]:
    """Return the least and most of a picture, but for a percentage at both ends.

    NaN if nothing is in it.
    """
    present = picture[np.isfinite(picture)]
    if not present.size:
        return np.nan, np.nan
    low, high = np.percentile(present, [percent, 100 - percent])
    return float(low), float(high)


def grey(picture: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return shades from 1 (at `low` and below) to 255 (at `high` and above), 0 where nothing is.

    Examples
    --------
    >>> grey(np.array([-1.0, 0.0, 2.0, 4.0, 9.0, np.nan]), 0, 4)
    array([  1,   1, 128, 255, 255,   0], dtype=uint8)
    """
    is_there = np.isfinite(picture)
    width = high - low
    levels = np.where(is_there, picture, low).astype(float)
    share = (levels - low) / width if width > 0 else (levels > low).astype(float)
    shades = 1 + np.rint(254 * np.clip(share, 0, 1)).astype(np.uint8)
    return np.where(is_there, shades, np.uint8(0))
