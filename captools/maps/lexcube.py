"""A cube of spectra in Lexcube, which is a widget of Jupyter: in processes of its own.

Lexcube is under the GPL and never a part of captools: a notebook of one cell calls it.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from captools import process
from captools.das.cubereading import Cube
from captools.errors import CaptoolsError, MissingExtra
from captools.io.address import Url
from captools.maps.browsing import HOST, free_port, open_browser

NEEDED = ("lexcube", "jupyterlab")
NOTEBOOK = "cube.ipynb"
TICK_SECONDS = 0.2  # until a signal is heeded
GRACE_SECONDS = 10.0  # for Jupyter to end its kernels
LEAST = 129  # Lexcube shows nothing of a cube that is smaller in all dimensions
CELL = """\
# Shift+Enter runs this.
import lexcube
import pandas
import xarray

levels = xarray.open_zarr({path!r}).psd
if max(levels.shape) < {least}:  # Lexcube shows nothing of so small ones: more times, all missing
    times = pandas.date_range(levels.time.values[0], periods={least}, freq={hop!r})
    levels = levels.reindex(time=times)
lexcube.Cube3DWidget(levels, cmap="viridis")
"""


def show(path: str, port: int, browser: bool) -> Iterator[str]:
    """Yield the address of a notebook that shows a cube, then serve it until a signal comes.

    To be used below `process.interruptible`.

    Parameters
    ----------
    path : str
        The cube, on this machine.
    port : int
        Where to serve; 0 is any that is free.
    browser : bool
        Open a browser, if there is a screen.

    Raises
    ------
    MissingExtra
        If Lexcube or JupyterLab is not installed.
    InputError
        If it is no cube.
    CaptoolsError
        If Jupyter ends by itself.
    """
    cube = Cube.open(path)
    if isinstance(cube.store.location, Url):
        raise ValueError(f"{path}: is not on this machine: captools preview draws it")
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise MissingExtra(
            f"needs {' and '.join(missing)} to show a cube: pip install {' '.join(NEEDED)}; "
            "captools preview draws it without"
        )
    with TemporaryDirectory(prefix="captools-") as folder:
        Path(folder, NOTEBOOK).write_text(json.dumps(notebook(cube)))
        port, token = port or free_port(), secrets.token_urlsafe()
        address = f"http://{HOST}:{port}/lab/tree/{NOTEBOOK}?token={token}"
        # All users see the words of a command, but not its environment. Ctrl-C would have Jupyter
        # ask whether to end: in a session of its own it is not heard.
        with (
            open(Path(folder, "said"), "wb") as said,
            subprocess.Popen(
                _command(folder, port),
                env=os.environ | {"JUPYTER_TOKEN": token},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            ) as jupyter,
        ):
            try:
                yield address
                if browser:
                    open_browser(address, Path(folder))
                _wait(jupyter)
                words = Path(said.name).read_text(errors="replace").strip() or "?"
                raise CaptoolsError(f"JupyterLab has ended by itself: {words.splitlines()[-1]}")
            finally:
                _end(jupyter)


def notebook(cube: Cube) -> dict:
    """Return a notebook of one cell, which shows a cube."""
    path = os.path.abspath(cube.store.location)
    hop = f"{cube.layout.hop_ns}ns"
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "cube",
        "metadata": {},
        "outputs": [],
        "source": CELL.format(path=path, least=LEAST, hop=hop),
    }
    kernel = {"name": "python3", "display_name": "Python 3"}
    return {
        "cells": [cell],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _command(folder: str, port: int) -> list[str]:
    words = [f"ip={HOST}", f"port={port}", "port_retries=0", f"root_dir={folder}"]
    words += ["open_browser=False", "allow_root=True"]
    return [sys.executable, "-m", "jupyterlab", *(f"--ServerApp.{word}" for word in words)]


def _wait(jupyter: subprocess.Popen) -> None:
    """Wait for a signal, or until it ends by itself."""
    while jupyter.poll() is None:
        process.check()
        time.sleep(TICK_SECONDS)


def _end(jupyter: subprocess.Popen) -> None:
    jupyter.terminate()
    with suppress(subprocess.TimeoutExpired):
        jupyter.wait(GRACE_SECONDS)
        return
    jupyter.kill()
