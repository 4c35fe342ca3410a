"""How TileDB works for us: with one thread, in a process that is no copy, on disks and servers."""

import gc
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from captools.errors import InputError, one_line
from captools.extras import require
from captools.gnss.names import as_text
from captools.io import remote
from captools.io.address import Url

if TYPE_CHECKING:
    import tiledb

_used_in: set[int] = set()  # numbers of processes: this one, and those of which it is a copy


def ready() -> None:
    """Import TileDB, which changes how NumPy prints numbers: it goes on as before.

    What is left of TileDB in a copy of this process must not be cleared away there, which would
    wait for threads that the copy does not have. Nor is it used there, of which TileDB warns.

    Raises
    ------
    MissingExtra
        If it is missing.
    """
    if "tiledb" not in sys.modules:
        os.register_at_fork(after_in_child=gc.freeze)
        warnings.filterwarnings("ignore", "TileDB is a multithreading library", UserWarning)
    with np.printoptions():
        require("gnss", "tiledb")


def uri_of(location: Path | Url) -> str:
    """Return what TileDB calls an array; InputError if that is not UTF-8."""
    uri = str(location) if isinstance(location, Url) else os.path.abspath(location)
    if as_text(uri) != uri:
        raise InputError(f"{location}: TileDB takes only names in UTF-8: rename it")
    return uri


def context_of(location: Path | Url) -> "tiledb.Ctx":
    """Return how TileDB gets at an array; with one thread, for it is the workers that are many.

    Raises
    ------
    MissingExtra
        If TileDB is missing.
    InputError
        If the object store cannot be reached.
    """
    ready()
    import tiledb

    _check_not_copied()
    config: dict[str, str | int] = {"sm.compute_concurrency_level": 1}
    config["sm.io_concurrency_level"] = 1
    # Its own handler of Ctrl-C takes the place of ours, and crashes where the signal is ignored.
    config["sm.enable_signal_handlers"] = "false"
    if isinstance(location, Url):
        config |= _store_config(location)
    return tiledb.Ctx(config)


def _check_not_copied() -> None:
    """Raise RuntimeError in a copy of a process that used TileDB, where it would hang."""
    if _used_in - {os.getpid()}:
        raise RuntimeError("TileDB was in use before this process was copied, and would hang")
    _used_in.add(os.getpid())


def _store_config(url: Url) -> dict[str, str]:
    """Return how TileDB reaches an object store: as we do, and as the same user."""
    if url.protocol != "s3":
        raise InputError(f"{url}: an array is on this machine or at s3://")
    remote.check_protocols([url])
    from botocore.exceptions import BotoCoreError
    from botocore.session import get_session

    config = {}
    if endpoint := remote.used().endpoint_url:
        scheme, _, host = endpoint.rstrip("/").rpartition("://")
        config = {
            "vfs.s3.endpoint_override": host,
            "vfs.s3.scheme": scheme or "https",
            "vfs.s3.use_virtual_addressing": "false",
        }
    try:
        session = get_session()
        keys, region = session.get_credentials(), session.get_config_variable("region")
    except BotoCoreError as error:
        raise InputError(f"{url}: no keys of the object store: {one_line(error)}") from None
    if region:
        config["vfs.s3.region"] = region
    if keys is None:  # some can be read by everybody
        return config | {"vfs.s3.no_sign_request": "true"}
    frozen = keys.get_frozen_credentials()
    config["vfs.s3.aws_access_key_id"] = frozen.access_key
    config["vfs.s3.aws_secret_access_key"] = frozen.secret_key
    return config | ({"vfs.s3.aws_session_token": frozen.token} if frozen.token else {})


def write_in_order(
    array: "tiledb.Array", context: "tiledb.Ctx", columns: dict[str, np.ndarray]
) -> bool:
    """Write cells that are in the order of the array, in a sixth of the time; False if not.

    Only the lower level of TileDB's Python package has this order, and says nothing of its future.

    Parameters
    ----------
    array : tiledb.Array
        Open for writing.
    context : tiledb.Ctx
        Its own.
    columns : dict of str to array of shape (n,)
        Of the dimensions, and of the attribute.
    """
    try:
        from tiledb.libtiledb import Array, LayoutType, Query, QueryType

        query = Query(context, Array(context, array), QueryType.WRITE)
        query.layout = LayoutType.GLOBAL_ORDER
        submit, finalize = query._submit, query.finalize
    except (ImportError, AttributeError, TypeError):
        return False
    kept = {name: np.ascontiguousarray(values) for name, values in columns.items()}  # to the end
    for name, values in kept.items():
        query.set_data_buffer(name, values, len(values))
    submit()
    finalize()
    return True
