"""Pictures as PNG files, with what they show as texts in them."""

from pathlib import Path
from typing import Any

import numpy as np

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


def read(path: Path) -> tuple[np.ndarray, dict[str, str]]:
    """Return the shades and the texts of a picture that `write` made.

    Raises
    ------
    OSError, ValueError
        If it is none.
    """
    require("das", "PIL")
    from PIL import Image

    with Image.open(path) as picture:
        shades = np.asarray(picture)
        said = _texts(picture)
    if shades.dtype != np.uint8 or shades.ndim != 2:
        raise ValueError(f"{path}: is no picture of shades of grey")
    return shades, said


def texts(path: Path) -> dict[str, str]:
    """Return the texts of a picture.

    Raises
    ------
    OSError, ValueError
        If it is none.
    """
    require("das", "PIL")
    from PIL import Image

    with Image.open(path) as picture:
        return _texts(picture)


def _texts(picture: Any) -> dict[str, str]:
    return {str(name): text for name, text in picture.info.items() if isinstance(text, str)}
