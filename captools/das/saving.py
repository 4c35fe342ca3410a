"""Patches of DASCore as bytes of files: the same bytes for the same patch."""

import io
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

from captools.errors import InputError, one_line
from captools.extras import require

ENDINGS = {"dasdae": ".h5", "zarr": ".zarr.zip", "mseed": ".mseed", "png": ".png"}
FORMATS = tuple(ENDINGS)
DATE = (1980, 1, 1, 0, 0, 0)  # of all that is in a ZIP file
INCHES, DOTS_PER_INCH = (10, 6), 120


def require_for(form: str) -> None:
    """Raise MissingExtra if a format needs what is not installed."""
    extra, modules = {
        "zarr": ("das", ["zarr", "xarray"]),
        "mseed": ("mseed", ["obspy"]),
        "png": ("das", ["matplotlib"]),
    }.get(form, ("das", ["tables"]))
    require(extra, *modules)


def encoded(patch: Any, form: str) -> bytes:
    """Return the file of a patch.

    Raises
    ------
    InputError
        If a format cannot hold it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _WRITERS[form](patch)
    except Exception as error:  # DASCore and its libraries raise what they like
        raise InputError(f"cannot be written as {form} ({one_line(error)})") from error


def _dasdae(patch: Any) -> bytes:
    """Return DASDAE, as DASCore writes it, but for the times of writing in it."""
    import dascore
    import tables

    images: list[bytes] = []

    class InMemory(tables.File):
        def create_array(self, *args: Any, **options: Any) -> Any:
            return super().create_array(*args, **options, track_times=False)

        def close(self) -> None:
            if self.isopen:
                images.append(self.get_file_image())
            super().close()

    file = InMemory("patch.h5", "w", driver="H5FD_CORE", driver_core_backing_store=0)
    try:
        dascore.write(patch, file, "DASDAE")
    finally:
        file.close()
    return images[0]


def _zarr(patch: Any) -> bytes:
    """Return a ZIP file of a zarr store, which xarray opens."""
    import zarr

    store: dict[str, Any] = {}
    array = patch.io.to_xarray().rename("samples")
    said = patch.attrs.model_dump(exclude={"coords", "dims"})
    array.attrs = {name: _plain(value) for name, value in said.items() if _is_said(value)}
    array.attrs |= {"units": str(said["data_units"])} if said.get("data_units") else {}
    array.to_dataset().to_zarr(zarr.storage.MemoryStore(store), consolidated=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for key in sorted(store):
            file.writestr(zipfile.ZipInfo(key, DATE), store[key].to_bytes())
    return buffer.getvalue()


def _is_said(value: Any) -> bool:
    """Return whether an attribute has a value."""
    return value is not None and value != "" and value == value  # NaN is none


def _plain(value: Any) -> Any:
    """Return an attribute as JSON has it."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _mseed(patch: Any) -> bytes:
    """Return miniSEED, as ObsPy writes it; the station of a trace is its number, from 0."""
    stream = patch.io.to_obspy()
    for number, trace in enumerate(stream):  # else nothing would tell one from the other
        trace.stats.station = f"{number:05d}"
    buffer = io.BytesIO()
    stream.write(buffer, format="MSEED")
    return buffer.getvalue()


def _png(patch: Any) -> bytes:
    """Return DASCore's picture of a patch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(INCHES, DOTS_PER_INCH, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="0.7")  # where samples are missing
    patch.viz.waterfall(ax=axes)
    buffer = io.BytesIO()
    canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "dasdae": _dasdae,
    "zarr": _zarr,
    "mseed": _mseed,
    "png": _png,
}
