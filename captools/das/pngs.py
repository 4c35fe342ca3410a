"""Pictures as PNG files, with what they show as texts in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from captools.errors import one_line
from captools.extras import require
from captools.io.atomic import appearing


def write(path: Path, shades: np.ndarray, texts: dict[str, str]) -> None:
    """Write shades of grey; 0 is transparent.

    Parameters
    ----------
    path : Path
        The file, which appears whole.
    shades : array of uint8, shape (rows, columns)
    texts : dict of str
        What is written into the file, by keyword.

    Raises
    ------
    MissingExtra
        If Pillow is not installed.
    FolderError
        If it cannot be written.
    """
    require("das", "PIL")
    from PIL import Image, PngImagePlugin

    about = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        about.add_text(keyword, text)
    more = {} if shades.all() else {"transparency": 0}
    with appearing(path) as file:
        Image.fromarray(shades).save(file, "PNG", pnginfo=about, **more)


def read(path: Path) -> np.ndarray:
    """Return the shades of a picture that `write` made.

    Raises
    ------
    OSError, ValueError
        If it is none.
    """
    with _opened(path) as picture:
        shades = np.asarray(picture)
    if shades.dtype != np.uint8 or shades.ndim != 2:
        raise ValueError(f"{path}: is no picture of shades of grey")
    return shades


def look(path: Path) -> tuple[tuple[int, int], dict[str, str]]:
    """Return the shape of a picture, (rows, columns), and its texts; its shades are not read.

    Raises
    ------
    OSError, ValueError
        If it is none.
    """
    with _opened(path) as picture:
        wide, high = picture.size
        texts = {str(name): text for name, text in picture.info.items() if isinstance(text, str)}
    return (high, wide), texts


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    require("das", "PIL")
    from PIL import Image

    try:
        with Image.open(path) as picture:
            yield picture
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: {one_line(error)}") from None
