"""Files of points, lines and polygons, in any CRS: read as shapely has them."""

import re
from pathlib import Path

import numpy as np

from captools.extras import without

_HEAD_BYTES = 1 << 20
# What lets a small text file fetch from servers, or run code: GDAL would do as it says.
_ELSEWHERE = re.compile(
    rb"/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)|<(GDAL_|OGR\w*DataSource)"
    rb"|<SourceFilename[^>]*>[^<]*://|<PixelFunctionLanguage>\s*Python"
)


def file_and_part(name: str, path: Path) -> tuple[Path, str]:
    """Return a file, and which part of it is meant: "" for all."""
    stem, _, part = path.name.rpartition(":")
    if path.exists() or not stem:
        file, part = path, ""
    else:
        file = path.with_name(stem)
    if not file.exists():
        raise ValueError(f"{name}: does not exist")
    return file, part


def check_local(name: str, file: Path) -> None:
    """Raise ValueError if a file that is not data itself leads to servers, or is a program."""
    if file.is_dir():  # such as a file geodatabase
        return
    try:
        with open(file, "rb") as content:
            head = content.read(_HEAD_BYTES)
    except OSError as error:
        raise ValueError(f"{name}: cannot be read ({error.strerror})") from None
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and _ELSEWHERE.search(head):
        raise ValueError(f"{name}: leads to a server, or runs code: give the data themselves")


def read_shapes(
    name: str, kind: str, path: Path, layer: str = "", where: str | None = None
) -> tuple[np.ndarray, str | None]:
    """Return the shapes of a file (shapely's, shape (n,)) and their CRS, if it names one.

    Parameters
    ----------
    name : str
        What messages call the file.
    kind : str
        What they say that it should be.
    path : Path
        The file.
    layer : str
        Which part of it, "" if there is but one.
    where : str, optional
        Which shapes, as SQL says it.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    import shapely

    with without("geopandas", "pandas", "pyarrow"):  # it reads into data frames, too
        import pyogrio
    errors = pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError
    try:
        layers = pyogrio.list_layers(path)[:, 0]
        _check_layer(name, path, layer, layers)
        layer = layer or layers[0]
        fields = pyogrio.read_info(path, layer=layer)["fields"]
    except errors as error:
        raise ValueError(f"{name}: is no {kind} ({error})") from None
    try:
        about, _, geometry, _ = pyogrio.raw.read(path, layer=layer, columns=[], where=where)
    except (*errors, ValueError) as error:
        if where is None:
            raise ValueError(f"{name}: is no {kind} ({error})") from None
        known = ", ".join(fields)
        raise ValueError(
            f"{name}: {where!r} is not understood: its fields are {known} ({error})"
        ) from None
    try:
        shapes = shapely.from_wkb(() if geometry is None else geometry)  # of a table without places
    except shapely.errors.GEOSException as error:  # such as a ring that is not closed
        raise ValueError(f"{name}: its shapes cannot be read ({error})") from None
    return shapes, about["crs"]


def named_crs(name: str, crs: str | None) -> str:
    """Return the CRS of a file; ValueError if it names none."""
    if not crs:
        raise ValueError(f"{name}: does not name its CRS (a .prj file is missing?)")
    return crs


def _check_layer(name: str, path: Path, layer: str, layers: np.ndarray) -> None:
    """Raise ValueError if it is not clear which layer of a file is meant."""
    if layer and layer not in layers:
        raise ValueError(f"{name}: has no layer {layer}: it has {', '.join(layers)}")
    if len(layers) > 1 and not layer:
        raise ValueError(
            f"{name}: holds several layers ({', '.join(layers)}): name one, {path.name}:{layers[0]}"
        )
