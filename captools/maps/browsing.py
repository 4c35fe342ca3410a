"""What a page on this machine needs: a port, and a browser that is led to it."""

import os
import socket
import sys
import webbrowser
from pathlib import Path

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port that nobody listens to: it must be known before the server is made."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


def open_browser(address: str, private: Path) -> None:
    """Open a page, if there is a screen; `private` is a folder that nobody else can read."""
    if _has_screen():
        webbrowser.open(_leading_to(address, private))


def _leading_to(address: str, folder: Path) -> str:
    """Return the address of a file that leads there: all users see the words of a command."""
    file = folder / "view.html"
    file.write_text(f'<meta http-equiv="refresh" content="0; url={address}">')
    return file.as_uri()


def _has_screen() -> bool:
    """Return whether a browser can open: one for terminals would take ours, and never return."""
    return sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
