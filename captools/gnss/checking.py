"""Whether a RINEX file is whole: every signal strength of every system read."""

from pathlib import Path

from captools.gnss.reading import read_observations
from captools.io.address import Url
from captools.progress import counted


def check_rinex(path: str | Path | Url, folder: Path | None = None) -> str:
    """Read all of a RINEX file, and return what it is.

    Parameters
    ----------
    path : str, Path or Url
        The file.
    folder : Path, optional
        Not used: nothing of it is kept, as other checks keep copies.

    Raises
    ------
    InputError
        If it is no file of observations, or anything in it cannot be read.
    """
    found = read_observations(path, None, None, strict=True)
    counts = f"{counted(len(found.epochs), 'epoch')}, {counted(len(found.time), 'signal strength')}"
    return f"RINEX {found.header.version} file, {counts}"
