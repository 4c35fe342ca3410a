"""A table of `snr` as a figure: the course of signal strength."""

from pathlib import Path

from captools.gnss import table
from captools.gnss.series import make_series
from captools.io.atomic import Outputs
from captools.maps.drawing import RASTERS, save
from captools.maps.figure import plain
from captools.progress import counted


def draw_table(path: str, output: Path, title: str | None, dpi: int | None) -> Outputs:
    """Write the picture of a table, in the kind of file that the name of the output says.

    Parameters
    ----------
    path : str
        The table.
    output : Path
        The picture.
    title : str, optional
        Of the figure.
    dpi : int, optional
        Pixels per inch.

    Returns
    -------
    Outputs
        The path (a list), how many rows there are, and how many of them have a mean.

    Raises
    ------
    ValueError
        If a picture of a table cannot be of this kind.
    InputError
        If it is no table of `snr`, is damaged, or has no value.
    """
    if output.suffix.lower() in RASTERS:
        raise ValueError(f"output {output}: a table is drawn as a figure, such as a .png")
    found, per = table.read(Path(path))
    rows = len(found["n"])
    figure = make_series(found, per, f"{Path(path).name}: {counted(rows, 'row')}")
    if title is not None:
        figure.axes[0].set_title(plain(title))
    figure.set_dpi(dpi or figure.dpi)
    save(figure, output)
    written = Outputs([output])
    written.rows_in, written.rows_out = rows, sum(n > 0 for n in found["n"])
    return written
